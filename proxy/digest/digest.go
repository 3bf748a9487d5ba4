// Package digest answers and checks Digest challenges: RFC 7616 as SIP uses it
// (RFC 3261 §22, RFC 8760), with the older form without qop (RFC 2069) that
// some IPBXs still send.
//
//	401/407 ─ ParseChallenges ─ Choose ─ Session.Next ─ Authorization ─ request again
//	REGISTER with Authorization ─ Verify ─ Accepted | Refused | Unreadable
//
// Algorithms: SHA-256, SHA-512-256, MD5. The -sess variants only where
// a server offers nothing else. Pure: no randomness, no clock; the caller brings the cnonce and
// owns the nonces. Functions are safe for concurrent use; a Session belongs to
// whoever owns the registration or dialog.
package digest

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"strings"
)

// Algorithm is a hash of RFC 7616 §6.1.
type Algorithm uint8

// Unknown stands for everything else. A challenge without algorithm is MD5 (RFC
// 7616 §3.3).
const (
	Unknown Algorithm = iota
	MD5
	SHA256
	SHA512T256
)

func (a Algorithm) String() string {
	return [...]string{"unknown", "MD5", "SHA-256", "SHA-512-256"}[a]
}

// algorithmOf reads the name of an algorithm; sess: of its session variant.
func algorithmOf(s string) (a Algorithm, sess bool) {
	name, sess := strings.CutSuffix(strings.ToUpper(s), sessSuffix)
	switch {
	case name == "MD5", name == "" && !sess:
		return MD5, sess
	case name == "SHA-256":
		return SHA256, sess
	case name == "SHA-512-256":
		return SHA512T256, sess
	}
	return Unknown, false
}

const sessSuffix = "-SESS"

// session is H(A1) of a session variant: made anew for each request with its own
// nonce and cnonce, as SIP servers that know it do (RFC 7616 §3.4.2).
func session(a Algorithm, ha1, nonce, cnonce string) string {
	return a.hash(ha1 + ":" + nonce + ":" + cnonce)
}

// nameOf is an algorithm as it is written.
func nameOf(a Algorithm, sess bool) string {
	if sess {
		return a.String() + "-sess"
	}
	return a.String()
}

// hash is H(data) in lower-case hex.
func (a Algorithm) hash(data string) string {
	switch a {
	case SHA256:
		s := sha256.Sum256([]byte(data))
		return hex.EncodeToString(s[:])
	case SHA512T256:
		s := sha512.Sum512_256([]byte(data))
		return hex.EncodeToString(s[:])
	}
	s := md5.Sum([]byte(data))
	return hex.EncodeToString(s[:])
}

// HA1 is H(username:realm:password), what may be stored instead of a password
// (RFC 7616 §3.4.2). Not for Unknown.
func HA1(a Algorithm, username, realm, password string) string {
	return a.hash(username + ":" + realm + ":" + password)
}

// Quality of protection.
const (
	qopAuth    = "auth"
	qopAuthInt = "auth-int"
)

// response computes request-digest (RFC 7616 §3.4.1–3.4.3). qop "" is the form
// of RFC 2069.
func response(a Algorithm, ha1, method, uri, nonce, qop, nc, cnonce string, body []byte) string {
	a2 := method + ":" + uri
	if qop == qopAuthInt {
		a2 += ":" + a.hash(string(body))
	}
	ha2 := a.hash(a2)
	if qop == "" {
		return a.hash(ha1 + ":" + nonce + ":" + ha2)
	}
	return a.hash(strings.Join([]string{ha1, nonce, nc, cnonce, qop, ha2}, ":"))
}
