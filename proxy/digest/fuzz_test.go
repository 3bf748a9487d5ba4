package digest

import (
	"strings"
	"testing"
)

// FuzzHeaders: no challenge and no credentials make the parser panic or its
// work grow; what answers a challenge is one line that says what was asked.
func FuzzHeaders(f *testing.F) {
	f.Add(`Digest realm="a", nonce="1", algorithm=SHA-512-256, qop="auth", Digest realm="b", nonce="2"`)
	f.Add("Basic realm=\"x\",\r\n Negotiate abcd==, Digest nonce=\"1\" , realm = \"y, \\\"z\\\"\"")
	f.Add(`Digest username="u", realm="a\", x", nonce="1", uri="sip:a", response="0", qop=auth, nc=00000001, cnonce="c"`)
	f.Add(`Digest realm="` + strings.Repeat("\\", 99) + `, nonce=`)
	f.Fuzz(func(t *testing.T, in string) {
		NextNonce([]byte(in))
		Verify([]byte(in), "REGISTER", nil, func(Algorithm, string, string) (string, bool) { return "", true })
		cs, err := ParseChallenges([]byte(in))
		if err != nil {
			return
		}
		c, ok := Choose(cs)
		if !ok {
			return
		}
		auth := Authorization(c, Credentials{Username: "5001", Password: "secret"}, "REGISTER", "sip:10.0.0.1", nil, 1, "cn")
		if strings.ContainsAny(auth, "\r\n\x00") {
			t.Fatalf("more than one line: %q", auth)
		}
		a, o := Verify([]byte(auth), "REGISTER", nil, func(a Algorithm, user, realm string) (string, bool) {
			return HA1(a, "5001", realm, "secret"), true
		})
		if fits(c) && (o != Accepted || a.Nonce != c.Nonce || a.Realm != c.Realm || a.Opaque != c.Opaque) {
			t.Fatalf("%q answered by %q: %s %+v", in, auth, o, a)
		}
	})
}

// fits: the challenge holds nothing that a header line cannot, a hashed user
// name and session keys aside.
func fits(c Challenge) bool {
	return !strings.ContainsAny(c.Realm+c.Nonce+c.Opaque, "\r\n\x00") && c.Nonce != "" && !c.UserHash
}
