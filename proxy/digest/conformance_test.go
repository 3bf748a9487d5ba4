package digest

import "testing"

// TestConformanceDigest: rules H of docs/conformance.md that the arithmetic shows.
func TestConformanceDigest(t *testing.T) {
	t.Run("H01 RFC 7616 §3.4.1 §3.9", TestVectors)
	t.Run("H01 RFC 7616 §3.4.3 auth-int", TestIntegrityVectors)
	t.Run("H01 RFC 7616 §3.4 nonce count", TestSession)
	t.Run("H02 RFC 8760 §2.4", TestChoose)
	t.Run("H08 RFC 7616 §3.5", testNextNonce)
}

func testNextNonce(t *testing.T) {
	for in, want := range map[string]string{
		`nextnonce="a,b=c"`: "a,b=c",
		`qop=auth , rspauth="0", NextNonce = "x", nc=0001`: "x",
		`nextnonce=token`:              "token",
		`nextnonce="open`:              "",
		`nextnonce`:                    "",
		`qop=auth`:                     "",
		`nextnonce="a", nextnonce="b"`: "",
		``:                             "",
	} {
		if got := NextNonce([]byte(in)); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
