package ipbx

import (
	"crypto/rand"
	"crypto/subtle"
	"strings"
	"time"

	"github.com/icholy/digest"

	"releve/testbed/phone"
)

// maxNonces bounds the nonces remembered; an older one is stale.
const maxNonces = 10_000

type nonce struct {
	born  time.Time
	count int // highest nonce count seen
}

type nonces struct {
	known map[string]*nonce
	order []string
}

func (n *nonces) make() string {
	v := rand.Text()
	n.known[v] = &nonce{born: time.Now()}
	n.order = append(n.order, v)
	if len(n.order) > maxNonces {
		delete(n.known, n.order[0])
		n.order = n.order[1:]
	}
	return v
}

// fresh reports whether the nonce is ours, young enough, and its count rose
// (RFC 7616 §3.4); it notes the count.
func (n *nonces) fresh(value string, count int, life time.Duration) bool {
	known := n.known[value]
	if known == nil || (life > 0 && time.Since(known.born) > life) || count <= known.count {
		return false
	}
	known.count = count
	return true
}

// authorise checks the credentials of a request in the given header; 0 is
// good, else the status to answer with its headers.
func (g *registrar) authorise(m *phone.Message, header, challenge string, status int) (int, []phone.Field) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.check(m, header, challenge, status)
}

func (g *registrar) check(m *phone.Message, header, challenge string, status int) (int, []phone.Field) {
	cred, err := digest.ParseCredentials(m.Get(header))
	if m.Get(header) == "" || err != nil {
		return status, g.challenges(challenge, false)
	}
	if !g.valid(m, cred) {
		return status, g.challenges(challenge, false)
	}
	if !g.nonces.fresh(cred.Nonce, cred.Nc, g.set.NonceLife) {
		return status, g.challenges(challenge, true) // right password, old nonce
	}
	if m.Method == "REGISTER" && cred.Username != phone.UserOf(m.Get("To")) {
		return 403, nil // RFC 3261 §10.3(4)
	}
	return 0, nil
}

// valid computes the digest anew (RFC 7616 §3.4.1); qop=auth is required, for
// without it there is no nonce count.
func (g *registrar) valid(m *phone.Message, cred *digest.Credentials) bool {
	password, ok := g.set.Users[cred.Username]
	if !ok || cred.QOP != "auth" || cred.Realm != g.realm() || !g.offers(cred.Algorithm) {
		return false
	}
	if g.set.StrictURI && cred.URI != m.URI {
		return false
	}
	want, err := digest.Digest(&digest.Challenge{
		Realm: g.realm(), Nonce: cred.Nonce, Algorithm: cred.Algorithm, Opaque: cred.Opaque, QOP: []string{"auth"},
	}, digest.Options{
		Method: m.Method, URI: cred.URI, Count: cred.Nc, Cnonce: cred.Cnonce,
		Username: cred.Username, Password: password,
	})
	return err == nil && subtle.ConstantTimeCompare([]byte(want.Response), []byte(cred.Response)) == 1
}

func (g *registrar) realm() string {
	if g.set.Realm == "" {
		return "ipbx"
	}
	return g.set.Realm
}

func (g *registrar) algorithms() []string {
	if len(g.set.Algorithms) == 0 {
		return []string{"MD5"}
	}
	return g.set.Algorithms
}

func (g *registrar) offers(algorithm string) bool {
	if algorithm == "" {
		algorithm = "MD5"
	}
	for _, a := range g.algorithms() {
		if strings.EqualFold(a, algorithm) {
			return true
		}
	}
	return false
}

// challenges offers each algorithm in a header of its own (RFC 8760 §2.3).
func (g *registrar) challenges(header string, stale bool) []phone.Field {
	var out []phone.Field
	for _, a := range g.algorithms() {
		c := digest.Challenge{Realm: g.realm(), Nonce: g.nonces.make(), Algorithm: a, QOP: []string{"auth"}, Stale: stale}
		out = append(out, phone.Field{Name: header, Value: c.String()})
	}
	return out
}
