package register

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"releve/router"
	"releve/router/licence"
)

const theirURI = "sip:ipbx.example:5070"

// shows is a server's REGISTER with these credential lines, carried on.
func (b *bed) shows(ticket uint32, lines ...string) string {
	b.Helper()
	o := Offer{Ticket: ticket, URI: theirURI}
	for _, l := range lines {
		o.Credentials = append(o.Credentials, []byte(l+"\r\n"))
	}
	b.reg.Take(o)
	return b.send(licence.Effect{Kind: licence.Send, Request: licence.Register, Pass: true, Ticket: ticket})
}

func answering(nonce string) string {
	return fmt.Sprintf(`Authorization: Digest username="5001",realm="ipbx" , nonce="%s", uri="%s", response="00"`, nonce, theirURI)
}

// RFC 7616 §3.4.6, §22.4 of RFC 3261: the registrar compares the digest's uri with
// the Request-URI, which is therefore the server's own.
func TestCredentialsOfTheServerPassUnchanged(t *testing.T) {
	in(t, func(b *bed) {
		raw := b.shows(1)
		if !strings.HasPrefix(raw, "REGISTER sip:10.0.0.1 SIP/2.0\r\n") || header(raw, "Authorization") != "" {
			b.Errorf("without credentials\n%s", raw)
		}
		lines := []string{
			challenge("n1", nil), `WWW-Authenticate: Digest realm="ipbx",nonce="n2", algorithm=SHA-256`, "Proxy-Authenticate: Digest realm=\"p\",\r\n nonce=\"n3\"",
		}
		b.want(b.answer(raw, 401, append(lines, "X-Secret: y")...), licence.Event{Kind: licence.Answer, Status: 401, Stale: true})
		f := b.reg.Answered(1)
		var got string
		for _, l := range f.Lines {
			got += string(l)
		}
		if want := lines[0] + "\r\n" + lines[1] + "\r\nProxy-Authenticate: Digest realm=\"p\", nonce=\"n3\"\r\n"; f.Status != 401 || f.Reason != "Whatever" || got != want {
			b.Errorf("the server gets %d %s\n%s, want\n%s", f.Status, f.Reason, got, want)
		}
		raw = b.shows(2, answering("n1"), "Proxy-Authorization: Digest x=y")
		if !strings.HasPrefix(raw, "REGISTER "+theirURI+" SIP/2.0\r\n") || !strings.Contains(raw, "\r\n"+answering("n1")+"\r\nProxy-Authorization: Digest x=y\r\n") {
			b.Errorf("got\n%s", raw)
		}
		for name, want := range map[string]string{"Call-ID": "one-for-life", "To": "<sip:5001@10.0.0.1>", "Contact": header(b.send(register), "Contact")} {
			if got := header(raw, name); got != want {
				b.Errorf("%s: %s, want ours, %s", name, got, want)
			}
		}
	})
}

func TestAcceptedRegisterOfTheServer(t *testing.T) {
	in(t, func(b *bed) {
		raw := b.shows(1, answering("n1"))
		b.want(b.answer(raw, 200, ourList, `Authentication-Info: nextnonce="n2"`), licence.Event{
			Kind: licence.Answer, Status: 200, HasList: true, Ours: true, Granted: time.Minute,
		})
		if f := b.reg.Answered(1); f.Status != 200 || len(f.Lines) != 1 || string(f.Lines[0]) != "Authentication-Info: nextnonce=\"n2\"\r\n" {
			b.Errorf("%+v", f)
		}
		if f := b.reg.Answered(1); f.Status != 0 {
			b.Errorf("an answer is given twice: %+v", f)
		}
	})
}

// Many servers show the nonce that served before, and registrars that take each
// one once do not call it stale: that was taken for a wrong password, and the
// server kept out for half a minute.
func TestOldNonceIsNoWrongPassword(t *testing.T) {
	in(t, func(b *bed) {
		refused := func(raw, nonce string, stale bool) {
			b.Helper()
			b.want(b.answer(raw, 401, challenge(nonce, nil)), licence.Event{Kind: licence.Answer, Status: 401, Stale: stale})
		}
		refused(b.shows(1, answering("n0")), "n1", true) // of a former life
		b.answer(b.shows(2, answering("n1")), 200, ourList)
		refused(b.shows(3, answering("n1")), "n2", true)
		refused(b.shows(4, answering("n2")), "n3", false) // a wrong password
		refused(b.shows(5, answering("n3")), "n4", false)
		refused(b.shows(6, answering("n3")), "n5", true)
	})
}

// An un-REGISTER that we cannot sign is not signed with an empty password.
func TestNoPasswordNoCredentials(t *testing.T) {
	in(t, func(b *bed) {
		b.reg.users[router.Primary].Password = ""
		b.answer(b.send(unregister), 401, challenge("n1", nil))
		e := unregister
		e.Authorise = true
		if raw := b.send(e); header(raw, "Authorization") != "" {
			b.Errorf("signed with nothing\n%s", raw)
		}
	})
}

func TestOffersAreBounded(t *testing.T) {
	in(t, func(b *bed) {
		for i := range maxOffers + 3 {
			b.reg.Take(Offer{Ticket: uint32(i + 1), URI: theirURI})
		}
		if n, most, dropped := b.reg.Offers(); n != most || dropped != 3 {
			b.Errorf("%d of %d kept, %d dropped", n, most, dropped)
		}
	})
}

// An Offer that was forgotten is sent without credentials, and challenged.
func TestForgottenOfferIsSentBare(t *testing.T) {
	in(t, func(b *bed) {
		raw := b.send(licence.Effect{Kind: licence.Send, Request: licence.Register, Pass: true, Ticket: 9})
		if header(raw, "Authorization") != "" || !strings.HasPrefix(raw, "REGISTER sip:10.0.0.1 SIP/2.0\r\n") {
			b.Errorf("got\n%s", raw)
		}
	})
}
