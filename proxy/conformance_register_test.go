package proxy

import (
	"fmt"
	"strings"
	"testing"

	"releve/router"
)

// TestConformanceRegistrar: rules G20–G24, the REGISTERs of the servers, and H, the
// challenges of others. Our own REGISTERs are proxy/register's.
func TestConformanceRegistrar(t *testing.T) {
	t.Run("G20 RFC 3261 §10.3 our choice: nothing is stored", TestRegister)
	t.Run("G21 RFC 3261 §10.3(7) our choice: no binding to protect", testOldRegister)
	t.Run("G22 RFC 3261 §10.3(6)", TestWildcardWithAnExpiryWasTaken)
	t.Run("G23 RFC 3261 §10.3(7) our choice: any expiry up to ours", TestRegister)
	t.Run("G24 answered here", testRegisterOfThePassiveServer)
	t.Run("G20 RFC 3261 §10.3 mode gate: domain, user, Contacts", TestWhoMayRegisterWhat)
	t.Run("G20 RFC 3261 §10.3 mode gate: the licence answers", TestServersRegisterWaitsForTheLicence)
	t.Run("G23 RFC 3261 §10.3(7) mode gate: any expiry up to the licence's", TestWhatARegisterAsksFor)
	t.Run("H03 RFC 3261 §22.3 mode gate: the registrar's challenge reaches the server", TestRelayedChallengeIsTheIPBXs)
	t.Run("G28 RFC 6140 §5.1 our choice: a server's gin is unsupported", testGIN)
	t.Run("H03 RFC 3261 §16.7(7) RFC 8760 §2.3", TestSection16_7_7_Challenges)
	t.Run("H03 RFC 3261 §16.7(7) in a dialog and to a request of the IPBX", testChallengesPass)
	t.Run("H04 RFC 3261 §22.4 our choice: nobody is challenged", testNobodyIsChallenged)
	t.Run("H06 RFC 3261 §22.1", testCredentials)
	t.Run("H06 RFC 3261 §22.1 CANCEL and ACK", testNobodyIsChallenged)
	t.Run("H01 RFC 7616 §3.4 RFC 3261 §22.2 challenges answered for a server", TestChallengeChoices)
	t.Run("H02 RFC 8760 §2.4 challenges answered for a server", TestChallengeChoices)
	t.Run("H03 RFC 3261 §22.3 challenges that are the server's", TestChallengeIsTheServers)
	t.Run("H05 RFC 3261 §22.4 the digest names the Request-URI sent", TestChallengedCall)
	t.Run("H06 RFC 3261 §22.1 ACK and CANCEL of a call answered for", TestChallengedCall)
	t.Run("H06 RFC 3261 §22.1 CANCEL of a call answered for", TestCancelledAfterChallenge)
	t.Run("H07 RFC 7616 §5 our choice: nobody is challenged", testNobodyIsChallenged)
	t.Run("flow 34 the server registers while the other holds the licence", testRegisterOfThePassiveServer)
}

// testGIN: a REGISTER that asks for what is not done here is told so, and binds
// nothing; a Supported tag asks for nothing. A server was once told 200.
func testGIN(t *testing.T) {
	run(t, func(b *bed) {
		const bnc = "Contact: <sip:10.0.1.1:5060;bnc>"
		for i, line := range []string{"Require: gin", "Proxy-Require: gin", "Require: path, gin"} {
			b.primary.send(registerOf("10.0.1.1", fmt.Sprint("g", i), i+1, line, bnc))
			resp := b.primary.take("420")
			_, tags, _ := strings.Cut(line, ": ")
			want(b, "Unsupported", header(resp, "Unsupported"), tags)
			want(b, "Contact", header(resp, "Contact"), "")
		}
		b.primary.send(registerOf("10.0.1.1", "s", 9, "Supported: gin, path", "Contact: <sip:5001@10.0.1.1:5060>"))
		b.primary.take("200")
		b.ibx.silent()
	})
}

// registerOf is the REGISTER of a server at host.
func registerOf(host, branch string, cseq int, lines ...string) string {
	r := with(plainRequest("REGISTER", branch), "Contact: <sip:0612345678@10.0.0.1:5060>\r\n", "", "10.0.0.1:5060;branch", host+":5060;branch",
		"Call-ID: "+branch, "Call-ID: same", "CSeq: 1", fmt.Sprint("CSeq: ", cseq))
	return adding(r, lines...)
}

// testOldRegister: nothing is bound here, so an old CSeq can overwrite nothing:
// each is answered by itself.
func testOldRegister(t *testing.T) {
	run(t, func(b *bed) {
		for i, cseq := range []int{5, 5, 4, 6} {
			b.primary.send(registerOf("10.0.1.1", fmt.Sprint("o", i), cseq, "Contact: <sip:5001@10.0.1.1:5060>"))
			resp := b.primary.take("200")
			want(b, "Contact", header(resp, "Contact"), "<sip:5001@10.0.1.1:5060>;expires=60")
		}
		b.ibx.silent()
	})
}

// TestWildcardWithAnExpiryWasTaken: "Contact: *" means removal alone: with an expiry
// or beside another Contact it is 400; it was granted.
func TestWildcardWithAnExpiryWasTaken(t *testing.T) {
	run(t, func(b *bed) {
		for i, r := range []struct {
			status string
			lines  []string
		}{
			{"200", []string{"Contact: *", "Expires: 0"}},
			{"400", []string{"Contact: *", "Expires: 60"}},
			{"400", []string{"Contact: *"}},
			{"400", []string{"Contact: *", "Contact: <sip:5001@10.0.1.1>", "Expires: 0"}},
			{"400", []string{"Contact: <sip:5001@10.0.1.1>, *", "Expires: 0"}},
		} {
			before := len(b.granted)
			b.primary.send(registerOf("10.0.1.1", fmt.Sprint("w", i), i+1, r.lines...))
			resp := b.primary.take(r.status)
			want(b, "Contact", header(resp, "Contact"), "")
			want(b, "taken note of", len(b.granted) > before, r.status == "200")
		}
		b.ibx.silent()
	})
}

// testRegisterOfThePassiveServer: whoever holds the licence, the REGISTER of a server
// ends here.
func testRegisterOfThePassiveServer(t *testing.T) {
	run(t, func(b *bed) {
		for i, active := range []router.Server{router.Primary, router.Secondary} {
			b.view(func(v *router.View) { v.Active = active })
			b.primary.send(registerOf("10.0.1.1", fmt.Sprint("p", i), 1+i, "Contact: <sip:5001@10.0.1.1>", "Expires: 3600"))
			want(b, "granted", header(b.primary.take("200"), "Contact"), "<sip:5001@10.0.1.1>;expires=60")
			b.secondary.send(registerOf("10.0.1.2", fmt.Sprint("s", i), 1+i, "Contact: <sip:5002@10.0.1.2>", "Expires: 30"))
			want(b, "granted", header(b.secondary.take("200"), "Contact"), "<sip:5002@10.0.1.2>;expires=30")
		}
		b.pass(70e9)
		b.ibx.silent()
		b.ibx2.silent()
	})
}

// testChallengesPass: neither stripped, nor merged, nor put in another order.
func testChallengesPass(t *testing.T) {
	lines := []string{
		`WWW-Authenticate: Digest realm="a", nonce="1", algorithm=SHA-512-256`, `WWW-Authenticate: Digest realm="a",nonce="2" , algorithm=SHA-256`,
		`Proxy-Authenticate: Digest realm="b", nonce="3"`, `WWW-Authenticate: Digest realm="a", nonce="4", algorithm=MD5`,
	}
	run(t, func(b *bed) {
		_, ok := b.establish("c")
		for i, status := range []int{401, 407} {
			b.ibx.send(uac(ok, "INFO", fmt.Sprint("i", i), 2+i, "10.0.0.1"))
			b.through(b.primary, b.ibx, answer(b.primary.take("INFO"), status, "x", lines...))
		}
		b.hangUp(ok)
		for i, status := range []int{401, 407} {
			up := b.refusedBy(fmt.Sprint("n", i), status, lines...)
			resp := b.ibx.take(fmt.Sprint(status))
			for _, name := range []string{"WWW-Authenticate", "Proxy-Authenticate"} {
				want(b, name, fmt.Sprint(headers(resp, name)), fmt.Sprint(headers("\r\n"+text(lines...), name)))
			}
			b.ibx.send(ackNon2xx(up, resp))
		}
	})
}

// testNobodyIsChallenged: known parties are served without credentials, so there is
// no nonce of ours, no digest-uri to compare, and no name that an answer betrays.
func testNobodyIsChallenged(t *testing.T) {
	run(t, func(b *bed) {
		_, ok := b.establish("n")
		b.ibx.send(plainRequest("OPTIONS", "o"))
		b.ibx.take("200")
		for i, user := range []string{"5000", "nobody"} {
			b.ibx.send(with(plainRequest("MESSAGE", fmt.Sprint("m", i)), "MESSAGE sip:5000@", "MESSAGE sip:"+user+"@"))
			b.primary.send(answer(b.primary.take("MESSAGE"), 200, "x"))
			b.ibx.take("200")
			b.primary.send(registerOf("10.0.1.1", fmt.Sprint("r", i), i+1, "Contact: <sip:"+user+"@10.0.1.1>"))
			b.primary.take("200")
		}
		up, down := b.ring("c")
		b.ibx.send(cancelOf(up))
		b.ibx.take("200")
		b.primary.send(answer(b.primary.take("CANCEL"), 200, "p"))
		refuse(b, up, down, 487, b.primary, b.ibx)
		b.hangUp(ok)
	})
}
