package proxy

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"releve/proxy/digest"
	"releve/proxy/transport"
	"releve/router"
)

// The server's user at the IPBX, and its password as Relève holds it.
func holding(c *Config) {
	c.Servers[router.Primary].Credentials = Credentials{"5001", "secret"}
	c.Servers[router.Secondary].Credentials = Credentials{"5002", "other"}
}

// challenge401 and challenge407 are lines of a challenge.
func challenge401(nonce string, more ...string) string {
	return strings.Join(append([]string{`WWW-Authenticate: Digest realm="ipbx", nonce="` + nonce + `", qop="auth"`}, more...), ", ")
}

func challenge407(nonce string, more ...string) string {
	return strings.Replace(challenge401(nonce, more...), "WWW-Authenticate", "Proxy-Authenticate", 1)
}

// placing is a server's INVITE number 101.
func placing(id string, more ...string) string {
	raw := with(outgoing(id, "10.0.1.1"), "CSeq: 1 INVITE", "CSeq: 101 INVITE")
	if len(more) > 0 {
		raw = adding(raw, more...)
	}
	return raw
}

// proven checks the credentials of a request and returns them.
func proven(b *bed, raw string, proxy bool) digest.Answer {
	b.Helper()
	name := "Authorization"
	if proxy {
		name = "Proxy-Authorization"
	}
	values := headers(raw, name)
	if len(values) != 1 {
		b.Fatalf("%d %s in\n%s", len(values), name, raw)
	}
	method, _, _ := strings.Cut(raw, " ")
	a, o := digest.Verify([]byte(values[0]), method, []byte(body(raw)), func(alg digest.Algorithm, user, realm string) (string, bool) {
		return digest.HA1(alg, user, realm, map[string]string{"5001": "secret", "5002": "other"}[user]), true
	})
	uri := strings.Fields(startLine(raw))[1]
	if o != digest.Accepted || a.URI != uri {
		b.Fatalf("credentials %s for %s in\n%s", o, a.URI, raw)
	}
	return a
}

// counted checks the CSeq number of a message.
func counted(b *bed, raw string, cseq int) string {
	b.Helper()
	want(b, "number of "+startLine(raw), number(raw), strconv.Itoa(cseq))
	return raw
}

// asked lets x challenge what it got, and returns what comes instead; the ACK of
// an INVITE is taken.
func asked(b *bed, x *peer, down string, line string) string {
	b.Helper()
	status := 401
	if strings.HasPrefix(line, "Proxy") {
		status = 407
	}
	x.send(answer(down, status, "c-"+number(down), line))
	method, _, _ := strings.Cut(down, " ")
	if method == "INVITE" {
		ack := x.take("ACK")
		want(b, "the ACK's number", number(ack), number(down))
		want(b, "the ACK's branch", branchOf(ack), branchOf(down))
	}
	again := x.take(method)
	if branchOf(again) == branchOf(down) {
		b.Fatal("the same branch again")
	}
	return again
}

// TestChallengedCall is the whole life of a call that is challenged wherever it can
// be, with a restart at each of its quiet moments.
func TestChallengedCall(t *testing.T) {
	for restartAt := range 6 {
		t.Run(fmt.Sprint("restart ", restartAt), func(t *testing.T) {
			run(t, func(b *bed) {
				moment := func(n int) {
					if n == restartAt {
						b.restart()
					}
				}
				b.primary.send(placing("a", "Supported: 100rel"))
				b.primary.take("100")
				down := counted(b, b.ibx.take("INVITE"), 101)
				want(b, "unasked", len(headers(down, "Proxy-Authorization")), 0)
				down = counted(b, asked(b, b.ibx, down, challenge407("n1")), 102)
				want(b, "count", proven(b, down, true).NonceCount, 1)
				b.primary.silent()

				ringing := answer(down, 180, "x", "Contact: <sip:desk@10.0.0.1:5060>", "RSeq: 7001", "Require: 100rel")
				if restartAt == 1 {
					b.restart() // while it rings: the branch is signed
				}
				b.ibx.send(ringing)
				up := counted(b, b.primary.take("180"), 101)
				want(b, "RSeq", header(up, "RSeq"), "7001")
				b.primary.send(adding(uac(up, "PRACK", "p", 102, "10.0.1.1"), "RAck: 7001 101 INVITE"))
				prack := counted(b, b.ibx.take("PRACK"), 106)
				want(b, "RAck", header(prack, "RAck"), "7001 102 INVITE")
				prack = counted(b, asked(b, b.ibx, prack, challenge401("n2")), 107)
				proven(b, prack, false)
				want(b, "RAck again", header(prack, "RAck"), "7001 102 INVITE")
				b.ibx.send(answer(prack, 200, "x"))
				counted(b, b.primary.take("200"), 102)

				b.ibx.send(accept(down, "x", "10.0.0.1"))
				ok := counted(b, b.primary.take("200"), 101)
				if restartAt != 1 {
					b.ibx.send(accept(down, "x", "10.0.0.1")) // its ACK is late
					counted(b, b.primary.take("200"), 101)
				}
				moment(2)
				b.primary.send(uac(ok, "ACK", "ack", 101, "10.0.1.1"))
				ack := counted(b, b.ibx.take("ACK"), 102)
				if restartAt != 1 && restartAt != 2 { // RFC 3261 §22.1; nobody may challenge an ACK that lacks them
					want(b, "its credentials", header(ack, "Proxy-Authorization"), header(down, "Proxy-Authorization"))
				}

				moment(3)
				// The IPBX numbers its own requests.
				b.ibx.send(uas(down, "INFO", "i", "x", 1, "10.0.0.1"))
				info := counted(b, b.primary.take("INFO"), 1)
				b.primary.send(answer(info, 200, "y"))
				counted(b, b.ibx.take("200"), 1)

				// A re-INVITE, its nonce stale once.
				b.primary.send(uac(ok, "INVITE", "re", 103, "10.0.1.1"))
				b.primary.take("100")
				re := counted(b, b.ibx.take("INVITE"), 110)
				re = counted(b, asked(b, b.ibx, re, challenge407("n3")), 111)
				re = counted(b, asked(b, b.ibx, re, challenge407("n4", "stale=true")), 112)
				proven(b, re, true)
				b.ibx.send(accept(re, "x", "10.0.0.1"))
				counted(b, b.primary.take("200"), 103)
				b.primary.send(uac(ok, "ACK", "ack2", 103, "10.0.1.1"))
				ack = counted(b, b.ibx.take("ACK"), 112)
				want(b, "its credentials", header(ack, "Proxy-Authorization"), header(re, "Proxy-Authorization"))

				moment(4)
				// Unchallenged ones in between, then the BYE.
				b.primary.send(uac(ok, "UPDATE", "u", 104, "10.0.1.1"))
				b.ibx.send(answer(counted(b, b.ibx.take("UPDATE"), 114), 200, "x"))
				counted(b, b.primary.take("200"), 104)
				moment(5)
				b.primary.send(uac(ok, "BYE", "bye", 105, "10.0.1.1"))
				bye := counted(b, b.ibx.take("BYE"), 118)
				bye = counted(b, asked(b, b.ibx, bye, challenge401("n5")), 119)
				proven(b, bye, false)
				b.ibx.send(answer(bye, 200, "x"))
				counted(b, b.primary.take("200"), 105)
				b.record()
			}, holding)
		})
	}
}

// TestChallengedOnlyWithinTheDialog: the INVITE was not challenged, so the token
// says nothing; the growth is remembered, and a restarted node jumps over it.
func TestChallengedOnlyWithinTheDialog(t *testing.T) {
	for _, restarted := range []bool{false, true} {
		run(t, func(b *bed) {
			leg, ok := b.establish("a")
			info := func(branch string, cseq int) string {
				return uas(leg, "INFO", branch, "p-a", cseq, "10.0.1.1")
			}
			b.primary.send(info("i1", 7))
			down := counted(b, b.ibx.take("INFO"), 7)
			down = counted(b, asked(b, b.ibx, down, challenge401("n1")), 8)
			b.ibx.send(answer(down, 200, ""))
			counted(b, b.primary.take("200"), 7)
			next, answered := 9, 10
			if restarted {
				b.restart()
				next, answered = 8, 8+1+restartGap
			}
			b.primary.send(info("i2", 8))
			down = counted(b, b.ibx.take("INFO"), next)
			down = counted(b, asked(b, b.ibx, down, challenge401("n2")), answered)
			b.ibx.send(answer(down, 200, ""))
			counted(b, b.primary.take("200"), 8)
			b.primary.send(info("i3", 9))
			b.ibx.send(answer(counted(b, b.ibx.take("INFO"), answered+1), 200, ""))
			counted(b, b.primary.take("200"), 9)
			b.hangUp(ok)
			b.record()
		}, holding)
	}
}

func TestChallengeIsTheServers(t *testing.T) {
	relayed := func(name, request, line string, status int, settings ...setting) {
		t.Run(name, func(t *testing.T) {
			run(t, func(b *bed) {
				b.primary.send(request)
				b.primary.take("100")
				down := b.ibx.take("INVITE")
				want(b, "its own credentials", strings.Join(headers(down, "Proxy-Authorization"), "|"), strings.Join(headers(request, "Proxy-Authorization"), "|"))
				b.ibx.send(answer(down, status, "x", line))
				b.ibx.take("ACK")
				up := b.primary.take(strconv.Itoa(status))
				n, v, _ := strings.Cut(line, ": ")
				want(b, "challenge", header(up, n), v)
				b.primary.send(ackNon2xx(request, up))
				b.ibx.silent()
				b.record()
			}, settings...)
		})
	}
	own := `Proxy-Authorization: Digest username="5001", realm="ipbx", nonce="old", uri="sip:x", response="0"`
	relayed("no password is held", placing("a"), challenge407("n"), 407)
	relayed("it sent its own for this realm", placing("b", own), challenge407("n"), 407, holding)
	relayed("no algorithm that is known", placing("c"), challenge407("n", "algorithm=SHA-3"), 407, holding)
	relayed("not Digest", placing("d"), `Proxy-Authenticate: Bearer realm="ipbx"`, 407, holding)
	relayed("not readable", placing("e"), `WWW-Authenticate: Digest realm="ipbx`, 401, holding)
	relayed("numbers run out", with(placing("f"), "CSeq: 101", "CSeq: 2147483647"), challenge407("n"), 407, holding)
}

// TestForeignRealmPasses: the server's credentials for another realm go along
// untouched (RFC 3261 §22.3), ours are added.
func TestForeignRealmPasses(t *testing.T) {
	run(t, func(b *bed) {
		own := `Digest username="x", realm="elsewhere", nonce="o" ,  uri="sip:x", response="0"`
		b.primary.send(placing("a", "Proxy-Authorization: "+own))
		b.primary.take("100")
		down := asked(b, b.ibx, b.ibx.take("INVITE"), challenge407("n"))
		all := headers(down, "Proxy-Authorization")
		if len(all) != 2 || all[1] != own || !strings.Contains(all[0], `realm="ipbx"`) {
			b.Fatalf("%q", all)
		}
		b.ibx.send(answer(down, 486, "x"))
		b.ibx.take("ACK")
		up := counted(b, b.primary.take("486"), 101)
		b.primary.send(ackNon2xx(placing("a"), up))
		b.record()
	}, holding)
}

func TestChallengeChoices(t *testing.T) {
	run(t, func(b *bed) {
		// Two realms, one after the other; the topmost algorithm of each; a body
		// under auth-int. The nonce counts go on where a nonce is shown again.
		request := carrying(placing("a"), "v=0\r\n")
		b.primary.send(request)
		b.primary.take("100")
		down := b.ibx.take("INVITE")
		first := `WWW-Authenticate: Digest realm="a", nonce="n1", algorithm=SHA-256, qop="auth-int"` + "\r\n" +
			`WWW-Authenticate: Digest realm="a", nonce="n2", algorithm=MD5, qop="auth"`
		down = asked(b, b.ibx, down, first)
		got := proven(b, down, false)
		want(b, "algorithm", got.Algorithm, digest.SHA256)
		want(b, "qop", got.Qop, "auth-int")
		want(b, "body", body(down), "v=0\r\n")
		want(b, "length", header(down, "Content-Length"), "5")
		down = counted(b, asked(b, b.ibx, down, `Proxy-Authenticate: Digest realm="b", nonce="n3"`), 103)
		want(b, "count of the first realm", proven(b, down, false).NonceCount, 2)
		want(b, "no qop", proven(b, down, true).Qop, "")
		b.ibx.send(answer(down, 480, "x"))
		b.ibx.take("ACK")
		b.primary.send(ackNon2xx(request, b.primary.take("480")))
		b.record()
	}, holding)
}

// refusals watches the hook.
func refusals(b *bed) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.credentials, " ")
}

func TestWrongPassword(t *testing.T) {
	run(t, func(b *bed) {
		try := func(id string, tries int, last string) {
			b.Helper()
			b.primary.send(placing(id))
			b.primary.take("100")
			down := b.ibx.take("INVITE")
			for range tries {
				down = asked(b, b.ibx, down, challenge407("n-"+id))
			}
			if last == "407" {
				b.ibx.send(answer(down, 407, "x", challenge407("m-"+id)))
				b.ibx.take("ACK")
				up := b.primary.take("403")
				want(b, "nothing is asked of the server", len(headers(up, "Proxy-Authenticate")), 0)
				b.primary.send(ackNon2xx(placing(id), up))
			} else {
				b.ibx.send(answer(down, 486, "x"))
				b.ibx.take("ACK")
				b.primary.send(ackNon2xx(placing(id), b.primary.take("486")))
			}
			b.record()
		}
		try("a", 1, "407")
		want(b, "told", refusals(b), "primary@0 refused")
		try("b", 0, "407") // not tried at all
		b.pass(31 * time.Second)
		try("c", 1, "407")
		b.pass(31 * time.Second)
		try("d", 0, "407") // 60 s this time
		b.pass(30 * time.Second)
		try("e", 1, "486")
		want(b, "told", refusals(b), "primary@0 refused primary@0 refused primary@0 taken")
		try("f", 1, "486")
	}, holding)
}

// TestStaleForEver: a nonce is renewed once.
func TestStaleForEver(t *testing.T) {
	run(t, func(b *bed) {
		b.primary.send(placing("a"))
		b.primary.take("100")
		down := asked(b, b.ibx, b.ibx.take("INVITE"), challenge407("n1"))
		down = asked(b, b.ibx, down, challenge407("n2", "stale=true"))
		b.ibx.send(answer(down, 407, "x", challenge407("n3", "stale=true")))
		b.ibx.take("ACK")
		b.primary.send(ackNon2xx(placing("a"), b.primary.take("403")))
		b.ibx.silent()
		b.record()
	}, holding)
}

// TestChallengedBySecondIPBX: the first one fails after its challenge, the second
// challenges anew, with numbers of its own.
func TestChallengedBySecondIPBX(t *testing.T) {
	run(t, func(b *bed) {
		b.primary.send(placing("a"))
		b.primary.take("100")
		down := asked(b, b.ibx, b.ibx.take("INVITE"), challenge407("n1"))
		b.ibx.send(answer(down, 503, "x"))
		b.ibx.take("ACK")
		down = counted(b, b.ibx2.take("INVITE"), 101)
		want(b, "unasked", len(headers(down, "Proxy-Authorization")), 0)
		down = counted(b, asked(b, b.ibx2, down, challenge407("n2")), 102)
		// Two of its phones answer.
		b.ibx2.send(accept(down, "one", "10.0.0.2"))
		ok := counted(b, b.primary.take("200"), 101)
		b.ibx2.send(accept(down, "two", "10.0.0.2"))
		second := counted(b, b.primary.take("200"), 101)
		b.primary.send(uac(ok, "ACK", "ack1", 101, "10.0.1.1"))
		counted(b, b.ibx2.take("ACK"), 102)
		b.primary.send(uac(second, "ACK", "ack2", 101, "10.0.1.1"))
		counted(b, b.ibx2.take("ACK"), 102)
		b.primary.send(uac(second, "BYE", "bye2", 102, "10.0.1.1"))
		b.ibx2.send(answer(counted(b, b.ibx2.take("BYE"), 106), 200, ""))
		b.primary.take("200")
		b.primary.send(uac(ok, "BYE", "bye1", 102, "10.0.1.1"))
		b.ibx2.send(answer(counted(b, b.ibx2.take("BYE"), 106), 200, ""))
		b.primary.take("200")
		b.record()
	}, holding)
}

// TestCancelledAfterChallenge: the CANCEL has the number of the attempt that
// rings; a 407 that crosses it is not answered.
func TestCancelledAfterChallenge(t *testing.T) {
	run(t, func(b *bed) {
		b.primary.send(placing("a"))
		b.primary.take("100")
		down := asked(b, b.ibx, b.ibx.take("INVITE"), challenge407("n1"))
		b.primary.send(cancelOf(placing("a")))
		b.primary.take("200")
		b.ibx.send(answer(down, 180, "x"))
		cancel := counted(b, b.ibx.take("CANCEL"), 102)
		want(b, "branch", branchOf(cancel), branchOf(down))
		want(b, "credentials", len(headers(cancel, "Proxy-Authorization")), 0)
		b.ibx.send(answer(cancel, 200, "x"))
		b.ibx.send(answer(down, 487, "x"))
		b.ibx.take("ACK")
		b.primary.send(ackNon2xx(placing("a"), counted(b, b.primary.take("487"), 101)))
		b.record()
	}, holding)
	run(t, func(b *bed) {
		b.primary.send(placing("b"))
		b.primary.take("100")
		down := b.ibx.take("INVITE")
		b.primary.send(cancelOf(placing("b")))
		b.primary.take("200")
		b.ibx.send(answer(down, 407, "x", challenge407("n")))
		b.ibx.take("ACK")
		b.primary.send(ackNon2xx(placing("b"), b.primary.take("4")))
		b.ibx.silent()
		b.record()
	}, holding)
}

// TestRepeats: the server's repeat is absorbed, the IPBX's repeated 407 gets its ACK
// and nothing more.
func TestChallengeRepeated(t *testing.T) {
	run(t, func(b *bed) {
		b.primary.send(placing("a"))
		b.primary.take("100")
		first := b.ibx.take("INVITE")
		down := asked(b, b.ibx, first, challenge407("n1"))
		b.primary.send(placing("a"))
		b.ibx.send(answer(first, 407, "c-101", challenge407("n1")))
		counted(b, b.ibx.take("ACK"), 101)
		b.ibx.silent()
		b.ibx.send(answer(down, 486, "x"))
		ack := counted(b, b.ibx.take("ACK"), 102)
		want(b, "credentials of its INVITE", header(ack, "Proxy-Authorization"), header(down, "Proxy-Authorization"))
		b.primary.all()
		b.primary.send(ackNon2xx(placing("a"), counted(b, answer(placing("a"), 486, "x"), 101)))
		b.record()
	}, holding)
}

// TestOthersAreNotAnswered: whoever a Route set leads to learns no digest.
func TestOthersAreNotAnswered(t *testing.T) {
	run(t, func(b *bed) {
		down, ok := b.establish("a")
		b.primary.send(with(uas(down, "INFO", "i", "p-a", 1, "10.0.1.1"), uriIn(header(down, "Contact")), "sip:x@192.0.2.66:5060"))
		info := b.stranger.take("INFO")
		b.stranger.sendTo(addrUs, answer(info, 401, "", challenge401("n")))
		b.primary.take("401")
		b.stranger.silent()
		b.hangUp(ok)
		b.record()
	}, holding)
}

// TestPassiveUserIsNotUsed: outside calls only the active server's user answers.
func TestPassiveUserIsNotUsed(t *testing.T) {
	run(t, func(b *bed) {
		for _, c := range []struct {
			from   *peer
			host   string
			answer bool
		}{{b.primary, "10.0.1.1", true}, {b.secondary, "10.0.1.2", false}} {
			c.from.send(with(outgoing("m"+c.host, c.host), "INVITE sip", "MESSAGE sip", "1 INVITE", "1 MESSAGE"))
			down := b.ibx.take("MESSAGE")
			if c.answer {
				down = asked(b, b.ibx, down, challenge401("n"))
				b.ibx.send(answer(down, 200, "x"))
				counted(b, c.from.take("200"), 1)
				continue
			}
			b.ibx.send(answer(down, 401, "x", challenge401("n")))
			c.from.take("401")
			b.ibx.silent()
		}
	}, holding)
}

// TestChallengedOverTCP: on a connection, where nothing repeats.
func TestChallengedOverTCP(t *testing.T) {
	tcp := func(c *Config) {
		for i := range c.IPBXs {
			c.IPBXs[i].Network, c.IPBXs[i].Listener = transport.TCP, 1
		}
	}
	run(t, func(b *bed) {
		x := b.peer("ibx over tcp", transport.TCP, addrIBX)
		b.primary.send(placing("a"))
		b.primary.take("100")
		m := b.takeStream(x)
		down := counted(b, string(m.Raw), 101)
		b.reply(x, m, answer(down, 407, "c", challenge407("n1")))
		counted(b, string(b.takeStream(x).Raw), 101) // ACK
		m = b.takeStream(x)
		down = counted(b, string(m.Raw), 102)
		proven(b, down, true)
		want(b, "length", header(down, "Content-Length"), "0")
		b.reply(x, m, answer(down, 486, "x"))
		counted(b, string(b.takeStream(x).Raw), 102)
		b.primary.send(ackNon2xx(placing("a"), counted(b, b.primary.take("486"), 101)))
		b.record()
	}, holding, tcp)
}
