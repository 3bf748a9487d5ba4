package digest

import (
	"crypto/subtle"
	"strconv"
	"strings"
)

// FormatChallenge returns the value of a WWW-Authenticate or Proxy-Authenticate
// header. A zero Qop is filled from Auth and AuthInt; Algorithm Unknown leaves
// the parameter out, which means MD5 (RFC 7616 §3.3).
func FormatChallenge(c Challenge) string {
	b := []string{"Digest realm=" + quote(c.Realm), "nonce=" + quote(c.Nonce)}
	if c.Domain != "" {
		b = append(b, "domain="+quote(c.Domain))
	}
	if c.Opaque != "" {
		b = append(b, "opaque="+quote(c.Opaque))
	}
	if c.Stale {
		b = append(b, "stale=true")
	}
	if c.Algorithm != Unknown {
		b = append(b, "algorithm="+nameOf(c.Algorithm, c.Sess))
	}
	if qop := offered(c); qop != "" {
		b = append(b, "qop="+quote(qop))
	}
	if c.UserHash {
		b = append(b, "userhash=true")
	}
	return strings.Join(b, ", ")
}

func offered(c Challenge) string {
	switch {
	case c.Qop != "":
		return c.Qop
	case c.Auth && c.AuthInt:
		return qopAuth + "," + qopAuthInt
	}
	return c.qop()
}

// Answer is what the credentials of a request say of themselves.
type Answer struct {
	Username, Realm, Nonce, URI, Opaque string
	Algorithm                           Algorithm
	Sess                                bool   // its session variant
	Qop                                 string // "", auth or auth-int
	NonceCount                          uint32 // 0 without qop
	CNonce                              string
}

// Outcome of Verify.
type Outcome uint8

// Accepted: the response proves the password. Refused: it does not, or the user
// is unknown; the two look alike on purpose (RFC 7616 §5). Unreadable: no
// Digest credentials, or malformed ones: answer 400 or challenge.
const (
	Unreadable Outcome = iota
	Refused
	Accepted
)

func (o Outcome) String() string { return [...]string{"unreadable", "refused", "accepted"}[o] }

// Lookup returns HA1 (function HA1) of a user for an algorithm; false when
// there is no such user in the realm.
type Lookup func(a Algorithm, username, realm string) (ha1 string, ok bool)

// Verify checks the value of one Authorization or Proxy-Authorization header
// against the method and body of its request. Whether the nonce is ours and
// fresh, the nonce count new and the URI the requested one is the caller's to
// judge from Answer: this package keeps no nonces (an old nonce with Accepted
// is answered by a challenge with Stale).
func Verify(header []byte, method string, body []byte, lookup Lookup) (Answer, Outcome) {
	schemes, err := parse(header)
	if err != nil || len(schemes) != 1 || !strings.EqualFold(schemes[0].name, "Digest") {
		return Answer{}, Unreadable
	}
	p := schemes[0].params
	a := Answer{
		Username: p["username"], Realm: p["realm"], Nonce: p["nonce"], URI: p["uri"], Opaque: p["opaque"],
		Qop: strings.ToLower(p["qop"]), CNonce: p["cnonce"],
	}
	a.Algorithm, a.Sess = algorithmOf(p["algorithm"])
	if !a.complete(p) {
		return a, Unreadable
	}
	ha1, known := lookup(a.Algorithm, a.Username, a.Realm)
	if a.Sess {
		ha1 = session(a.Algorithm, ha1, a.Nonce, a.CNonce)
	}
	want := response(a.Algorithm, ha1, method, a.URI, a.Nonce, a.Qop, p["nc"], a.CNonce, body)
	same := subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(p["response"]))) == 1
	if !known || !same {
		return a, Refused
	}
	return a, Accepted
}

// complete checks what the answer must have (RFC 7616 §3.4) and reads nc.
func (a *Answer) complete(p map[string]string) bool {
	if a.Username == "" || a.Nonce == "" || a.URI == "" || p["response"] == "" || a.Algorithm == Unknown {
		return false
	}
	if a.Qop == "" {
		return !a.Sess
	}
	nc, err := strconv.ParseUint(p["nc"], 16, 32)
	a.NonceCount = uint32(nc)
	return err == nil && len(p["nc"]) == 8 && a.CNonce != "" && (a.Qop == qopAuth || a.Qop == qopAuthInt)
}

// NonceOf is the nonce that the credentials of an Authorization or
// Proxy-Authorization value answer; empty: there is none.
func NonceOf(header []byte) string {
	schemes, err := parse(header)
	if err != nil || len(schemes) != 1 {
		return ""
	}
	return schemes[0].params["nonce"]
}
