package proxy

import (
	"strings"
	"testing"
)

// FuzzChallenge: whatever an IPBX writes into its challenge, what follows is the
// request again with credentials that scan, or the challenge relayed.
func FuzzChallenge(f *testing.F) {
	for _, seed := range []string{
		`Digest realm="ipbx", nonce="n", qop="auth"`, `Digest realm="a\"b", nonce="\\", opaque="x y", algorithm=SHA-512-256-sess, qop="auth-int,auth"`,
		`Digest realm="é", nonce="n", userhash=true, charset=UTF-8, stale=TRUE`, `Digest nonce=n,realm=r,,,`, `Basic realm="x"`, `Digest realm="`,
		`Digest realm="a", nonce="1", Digest realm="b", nonce="2", Digest realm="c", nonce="3"`, "Digest realm=\"a\",\r\n nonce=\"1\"", "",
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, value string, proxy bool) {
		tape := newTape(t)
		cfg := tape.p.cfg().Config
		holding(&cfg)
		tape.p.Reload(cfg)
		down := to(tape.from(1, placing("a")), addrIBX, "INVITE")[0]
		name, status := "WWW-Authenticate", 401
		if proxy {
			name, status = "Proxy-Authenticate", 407
		}
		tape.check(0, answer(down, status, "c", name+": "+value))
		if again := to(tape.out, addrIBX, "INVITE"); len(again) > 0 {
			lines := len(headers(again[0], strings.NewReplacer("WWW-", "", "enticate", "orization").Replace(name)))
			if number(again[0]) != "102" || lines < 1 || lines > maxRealms {
				t.Fatalf("%q", again[0])
			}
			tape.check(0, answer(again[0], status, "d", name+": "+value))
		}
	})
}
