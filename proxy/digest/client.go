package digest

import (
	"errors"
	"fmt"
	"strings"
)

// Challenge is one Digest challenge of a 401 or 407.
type Challenge struct {
	Realm, Nonce, Opaque string
	Domain               string // URIs the credentials are for, as written; empty: this server
	Algorithm            Algorithm
	Sess                 bool   // its session variant, MD5-sess
	AlgorithmName        string // as written, empty when absent
	Qop                  string // options as written, "auth,auth-int"; empty: none (RFC 2069)
	Auth, AuthInt        bool   // options we know
	Stale                bool   // the credentials were right, the nonce too old: use the new one, the password is good
	UserHash             bool   // the user name is to be sent hashed (RFC 7616 §3.4.4)
}

// ParseChallenges reads the value of one WWW-Authenticate or Proxy-Authenticate
// header, which may hold several challenges. For several header lines call it
// for each, in order, and append. Challenges of other schemes are passed over;
// a Digest challenge without realm or nonce is an error.
func ParseChallenges(value []byte) ([]Challenge, error) {
	schemes, err := parse(value)
	if err != nil {
		return nil, err
	}
	if len(schemes) == 0 {
		return nil, errors.New("parse challenge: empty")
	}
	var out []Challenge
	for _, s := range schemes {
		if !strings.EqualFold(s.name, "Digest") {
			continue
		}
		c, err := challenge(s.params)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func challenge(p map[string]string) (Challenge, error) {
	c := Challenge{
		Realm: p["realm"], Nonce: p["nonce"], Opaque: p["opaque"], Domain: p["domain"],
		AlgorithmName: p["algorithm"], Qop: p["qop"],
		Stale: strings.EqualFold(p["stale"], "true"), UserHash: strings.EqualFold(p["userhash"], "true"),
	}
	c.Algorithm, c.Sess = algorithmOf(p["algorithm"])
	if _, ok := p["realm"]; !ok {
		return c, errors.New("parse challenge: no realm")
	}
	if c.Nonce == "" {
		return c, errors.New("parse challenge: no nonce")
	}
	for o := range strings.SplitSeq(c.Qop, ",") {
		switch strings.ToLower(strings.TrimSpace(o)) {
		case qopAuth:
			c.Auth = true
		case qopAuthInt:
			c.AuthInt = true
		}
	}
	return c, nil
}

// NextNonce is the nonce that the value of an Authentication-Info header asks to
// use from now on (RFC 7616 §3.5); "" when it names none.
func NextNonce(value []byte) string {
	schemes, err := parse(append([]byte("Digest "), value...))
	if err != nil || len(schemes) != 1 {
		return ""
	}
	return schemes[0].params["nextnonce"]
}

// Realm is the realm of the credentials in one Authorization or
// Proxy-Authorization value; false: they are no Digest ones, or cannot be read.
func Realm(value []byte) (string, bool) {
	schemes, err := parse(value)
	if err != nil || len(schemes) != 1 || !strings.EqualFold(schemes[0].name, "Digest") {
		return "", false
	}
	realm, ok := schemes[0].params["realm"]
	return realm, ok
}

// usable reports whether we can answer c.
func (c Challenge) usable() bool {
	old := strings.TrimSpace(c.Qop) == "" && !c.Sess // a session needs the cnonce that comes with qop
	return c.Algorithm != Unknown && (c.Auth || c.AuthInt || old)
}

// qop is the option we take: auth when offered, for a hop may change a body.
func (c Challenge) qop() string {
	switch {
	case c.Auth:
		return qopAuth
	case c.AuthInt:
		return qopAuthInt
	}
	return ""
}

// Choose takes the topmost challenge that we can answer (RFC 8760 §2.4: the
// server lists them in its order of preference), one of a session variant only
// where there is no other: our choice, few servers compute it as the RFC has it. For
// a request challenged by
// several realms, call it once with the challenges of each realm.
func Choose(cs []Challenge) (Challenge, bool) {
	for _, sess := range [...]bool{false, true} {
		for _, c := range cs {
			if c.usable() && c.Sess == sess {
				return c, true
			}
		}
	}
	return Challenge{}, false
}

// Credentials of the licensed user. HA1, when set, stands for the password: it
// holds for the one algorithm and realm it was made with.
type Credentials struct{ Username, Password, HA1 string }

// remembered is how many nonces a Session counts. Our choice: several calls at
// a time are challenged with nonces of their own, and a server that shows one
// again does so soon.
const remembered = 16

// Session counts the uses of each nonce of one server. The zero value is ready.
// Not safe for concurrent use.
type Session struct {
	uses [remembered]uses
	next int // the place that is taken over next
}

type uses struct {
	nonce string
	count uint32
}

// Next returns the nonce count of the next request with this nonce: 1 with a
// nonce not used before (RFC 7616 §3.4; a repeated count is taken for a replay).
// The latest nonces are remembered: a server does not take an old one again.
func (s *Session) Next(nonce string) uint32 {
	for i := range s.uses {
		if u := &s.uses[i]; u.count > 0 && u.nonce == nonce {
			u.count++
			return u.count
		}
	}
	s.uses[s.next] = uses{nonce, 1}
	s.next = (s.next + 1) % remembered
	return 1
}

// Authorization returns the value of the Authorization (401) or
// Proxy-Authorization (407) header that answers c (RFC 7616 §3.4). uri is the
// Request-URI as sent; body matters with auth-int only; nc comes from
// Session.Next; cnonce is fresh and random, from the caller. It returns "" when
// c is not one that Choose would take.
func Authorization(c Challenge, cred Credentials, method, uri string, body []byte, nc uint32, cnonce string) string {
	if !c.usable() {
		return ""
	}
	ha1 := cred.HA1
	if ha1 == "" {
		ha1 = HA1(c.Algorithm, cred.Username, c.Realm, cred.Password)
	}
	if c.Sess {
		ha1 = session(c.Algorithm, ha1, c.Nonce, cnonce)
	}
	username := cred.Username
	if c.UserHash {
		username = c.Algorithm.hash(cred.Username + ":" + c.Realm)
	}
	count, qop := fmt.Sprintf("%08x", nc), c.qop()
	b := []string{
		"Digest username=" + quote(username),
		"realm=" + quote(c.Realm),
		"nonce=" + quote(c.Nonce),
		"uri=" + quote(uri),
		"response=" + quote(response(c.Algorithm, ha1, method, uri, c.Nonce, qop, count, cnonce, body)),
	}
	if c.AlgorithmName != "" {
		b = append(b, "algorithm="+nameOf(c.Algorithm, c.Sess))
	}
	if qop != "" {
		b = append(b, "cnonce="+quote(cnonce), "qop="+qop, "nc="+count)
	}
	if c.Opaque != "" {
		b = append(b, "opaque="+quote(c.Opaque))
	}
	if c.UserHash {
		b = append(b, "userhash=true")
	}
	return strings.Join(b, ", ")
}
