package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"releve/router"
)

// gated is mode gate: 5001 and 5002 at the domain of ibx, or at ibx2.
func gated(c *Config) {
	c.Gate = &Gate{
		Users:   [router.Servers]string{router.Primary: "5001", router.Secondary: "5002"},
		Domains: []Domain{{Host: "10.0.0.1"}, {Host: "10.0.0.2", IPBX: 1}, {Host: "chu.example"}},
	}
}

// gateRun runs f with what the Register hook was given.
func gateRun(t *testing.T, f func(b *bed, asked func() Registration)) {
	t.Helper()
	run(t, func(b *bed) {
		f(b, func() Registration {
			b.Helper()
			b.mu.Lock()
			defer b.mu.Unlock()
			if len(b.registering) != 1 {
				b.Fatalf("%d REGISTERs wait, want one", len(b.registering))
			}
			r := b.registering[0]
			b.registering = nil
			return r
		})
	}, gated)
}

// ownRegister is the REGISTER of a server's own user at uri.
func ownRegister(host, user, uri, branch string, lines ...string) string {
	out := "REGISTER " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP " + host + ":5060;branch=z9hG4bK" + branch + "\r\nMax-Forwards: 70\r\n" +
		"From: <sip:" + user + "@10.0.0.1>;tag=f\r\nTo: <sip:" + user + "@10.0.0.1>\r\nCall-ID: " + branch + "\r\nCSeq: 7 REGISTER\r\n"
	for _, l := range lines {
		out += l + "\r\n"
	}
	return out + "Content-Length: 0\r\n\r\n"
}

const ownContact = "Contact: <sip:5001@10.0.1.1:5060>"

func TestServersRegisterWaitsForTheLicence(t *testing.T) {
	gateRun(t, func(b *bed, asked func() Registration) {
		const auth = `Digest username="5001", realm="oxe", nonce="n,1" ,uri="sip:10.0.0.1",response="00ff", nc=00000002`
		raw := ownRegister("10.0.1.1", "5001", "sip:10.0.0.1", "a", ownContact, "Expires: 3600",
			"authorization:  "+auth, "Proxy-Authorization: Digest a=\"b\",\r\n  c=\"d\"")
		b.primary.send(raw)
		b.primary.silent()
		r := asked()
		want(b, "server", r.Server, router.Primary)
		want(b, "expires", r.Expires, time.Hour)
		want(b, "URI", r.URI, "sip:10.0.0.1")
		want(b, "credentials", string(r.Credentials[0])+string(r.Credentials[1]),
			"Authorization: "+auth+"\r\nProxy-Authorization: Digest a=\"b\", c=\"d\"\r\n")
		b.pass(600 * ms)
		b.primary.send(raw) // a repeat
		b.primary.silent()  // RFC 4320 §4.1: no 100 before 3.5 s
		b.pass(3 * time.Second)
		b.primary.take("100")
		b.primary.send(raw)
		b.primary.take("100")
		b.p.AnswerRegister(RegisterReply{Ticket: r.Ticket, Status: 200, Expires: time.Minute})
		ok := b.primary.take("200")
		want(b, "Contact", header(ok, "Contact"), "<sip:5001@10.0.1.1:5060>;expires=60")
		b.primary.send(raw)
		want(b, "the repeat's answer", b.primary.take("200"), ok)
		b.p.AnswerRegister(RegisterReply{Ticket: r.Ticket, Status: 403}) // too late
		b.primary.silent()
		want(b, "told", fmt.Sprint(b.granted, len(b.registering)), "[60] 0")
		b.ibx.silent()
	})
}

func TestRelayedChallengeIsTheIPBXs(t *testing.T) {
	gateRun(t, func(b *bed, asked func() Registration) {
		b.primary.send(ownRegister("10.0.1.1", "5001", "sip:10.0.0.1", "a", ownContact))
		lines := []string{`WWW-Authenticate: Digest realm="a", nonce="1", algorithm=SHA-256`, `WWW-Authenticate: Digest realm="a",nonce="2" , qop="auth"`}
		reply := RegisterReply{Ticket: asked().Ticket, Status: 401, Reason: "Who Are You"}
		for _, l := range lines {
			reply.Lines = append(reply.Lines, []byte(l+"\r\n"))
		}
		b.p.AnswerRegister(reply)
		resp := b.primary.take("401 Who Are You")
		want(b, "challenges", fmt.Sprint(headers(resp, "WWW-Authenticate")), fmt.Sprint(headers("\r\n"+text(lines...), "WWW-Authenticate")))
		want(b, "Contact", header(resp, "Contact"), "")
		want(b, "To tag", strings.Contains(header(resp, "To"), ";tag="), true)
		want(b, "told", len(b.granted), 0)
	})
}

// A 408 is never made (RFC 4320 §4.2): the licence's silence ends as 504.
func TestRegisterThatNobodyAnswersEnds(t *testing.T) {
	gateRun(t, func(b *bed, asked func() Registration) {
		b.primary.send(ownRegister("10.0.1.1", "5001", "sip:10.0.0.1", "a", ownContact))
		r := asked()
		b.pass(answerWithin)
		b.primary.take("100")
		b.primary.take("504")
		b.p.AnswerRegister(RegisterReply{Ticket: r.Ticket, Status: 200, Expires: time.Minute})
		b.primary.silent()
	})
}

func TestRefusedRegisterAnswersUnavailable(t *testing.T) {
	gateRun(t, func(b *bed, asked func() Registration) {
		b.primary.send(ownRegister("10.0.1.1", "5001", "sip:10.0.0.1", "a", ownContact))
		b.p.AnswerRegister(RegisterReply{Ticket: asked().Ticket, Status: 503, Retry: 4100 * ms})
		want(b, "Retry-After", header(b.primary.take("503"), "Retry-After"), "5")
	})
}

// A mind that cannot decide answers from the hook, under the shard's lock.
func TestAnswerFromTheHook(t *testing.T) {
	gateRun(t, func(b *bed, asked func() Registration) {
		b.atOnce = RegisterReply{Status: 503, Retry: 5 * time.Second}
		b.primary.send(ownRegister("10.0.1.1", "5001", "sip:10.0.0.1", "a", ownContact))
		b.primary.take("503")
		asked()
	})
}

// RFC 3261 §10.3, steps 1, 4, 5 and 6.
func TestWhoMayRegisterWhat(t *testing.T) {
	gateRun(t, func(b *bed, asked func() Registration) {
		for i, c := range []struct {
			uri, user, to string
			status        string // "": it goes to the licence …
			ipbx          uint8  // … for this IPBX
		}{
			{uri: "sip:10.0.0.1", user: "5001"},
			{uri: "sip:10.0.0.2:5060", user: "5001", ipbx: 1},
			{uri: "sip:10.0.0.5:5060", user: "5001"},                   // Relève is its registrar
			{uri: "sip:10.0.0.5:5060", user: "5001@10.0.0.2", ipbx: 1}, // and To names the IPBX
			{uri: "sip:10.0.0.5", user: "5001@10.0.0.5"},
			{uri: "sip:CHU.example", user: "5001@chu.EXAMPLE"},
			{uri: "sip:10.0.0.1", user: "%35001"},
			{uri: "sip:10.0.0.9", user: "5001", status: "404"},
			{uri: "sip:10.0.0.1", user: "5001@10.0.0.9", status: "404"},
			{uri: "sip:10.0.0.1", user: "5003", status: "404"},
			{uri: "sip:10.0.0.1", user: "5002", status: "403"}, // the other server's
		} {
			raw := ownRegister("10.0.1.1", "0000", c.uri, fmt.Sprint("u", i), ownContact)
			to := c.user
			if !strings.Contains(to, "@") {
				to += "@10.0.0.1"
			}
			b.primary.send(strings.Replace(raw, "To: <sip:0000@10.0.0.1>", "To: \"a<b\" <sip:"+to+">", 1))
			if c.status != "" {
				b.primary.take(c.status)
				continue
			}
			r := asked()
			want(b, c.uri+" is at IPBX", r.IPBX, c.ipbx)
			b.p.AnswerRegister(RegisterReply{Ticket: r.Ticket, Status: 200, Expires: time.Minute})
			b.primary.take("200")
		}
		// Relève is the server's outbound proxy (RFC 3261 §8.1.2).
		b.primary.send(ownRegister("10.0.1.1", "5001", "sip:chu.example;transport=udp", "route", "Route: <sip:10.0.0.5:5060;lr>", ownContact))
		r := asked()
		want(b, "URI", r.URI, "sip:chu.example;transport=udp")
		b.p.AnswerRegister(RegisterReply{Ticket: r.Ticket, Status: 200, Expires: time.Minute})
		b.primary.take("200")
		b.primary.send(ownRegister("10.0.1.1", "5001", "sip:10.0.0.1", "star", "Contact: *", "Expires: 60"))
		b.primary.take("400")
		b.ibx.send(ownRegister("10.0.0.1", "5001", "sip:10.0.0.5", "ibx", ownContact))
		b.ibx.take("403")
	})
}

func TestWhatARegisterAsksFor(t *testing.T) {
	gateRun(t, func(b *bed, asked func() Registration) {
		for i, c := range []struct {
			lines   []string
			expires time.Duration
			fetches bool
			listed  string // for a grant of 30 s
		}{
			{lines: []string{ownContact}, expires: time.Hour, listed: "[<sip:5001@10.0.1.1:5060>;expires=30]"},
			{lines: []string{ownContact + ";expires=20", "Expires: 90"}, expires: 20 * time.Second, listed: "[<sip:5001@10.0.1.1:5060>;expires=20]"},
			{lines: []string{ownContact, "Expires: 0"}, listed: "[]"},
			{lines: []string{"Contact: *", "Expires: 0"}, listed: "[]"},
			{lines: []string{"Expires: 90"}, fetches: true, listed: "[]"},
			{
				lines: []string{"m: <sip:a@10.0.1.1>;expires=0, <sip:b@10.0.1.1>;expires=90"}, expires: 90 * time.Second,
				listed: "[<sip:b@10.0.1.1>;expires=30]",
			},
		} {
			b.primary.send(ownRegister("10.0.1.1", "5001", "sip:10.0.0.1", fmt.Sprint("e", i), c.lines...))
			r := asked()
			want(b, "expires", r.Expires, c.expires)
			want(b, "fetches", r.Fetches, c.fetches)
			b.p.AnswerRegister(RegisterReply{Ticket: r.Ticket, Status: 200, Expires: min(30*time.Second, r.Expires)})
			want(b, "listed", fmt.Sprint(headers(b.primary.take("200"), "Contact")), c.listed)
		}
		want(b, "told", fmt.Sprint(b.granted), "[30 20 0 0 30]") // who only asks leaves nothing
	})
}

// A server whose REGISTERs are never answered holds a bounded number of them.
func TestWaitingRegistersAreBounded(t *testing.T) {
	run(t, func(b *bed) {
		const sent = 2*maxRegistrations + 10
		for i := range sent {
			b.primary.send(ownRegister("10.0.1.1", "5001", "sip:10.0.0.1", fmt.Sprint("x", i), ownContact))
		}
		refused := len(b.primary.instants("503"))
		if refused < 10 || uint64(refused) != b.p.Stats.Refused[BoundRegistrations].Load() {
			b.Errorf("%d of %d refused, %d counted", refused, sent, b.p.Stats.Refused[BoundRegistrations].Load())
		}
		b.pass(answerWithin)
		want(b, "ended", len(b.primary.instants("504")), sent-refused)
	}, gated, func(c *Config) { c.Shards = 2 })
}
