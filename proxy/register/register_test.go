package register

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"releve/proxy/agent"
	"releve/proxy/digest"
	"releve/proxy/message"
	"releve/proxy/transport"
	"releve/router"
	"releve/router/licence"
	"releve/testbed/wire"
)

// The harness: the real Registrar and the real agent on an in-memory network,
// in a synctest bubble, against a registrar scripted in message bytes.

var (
	us      = netip.MustParseAddrPort("10.0.0.5:5060")
	far     = netip.MustParseAddrPort("10.0.0.1:5060")
	ourURI  = "sip:5001@10.0.0.5:5060"
	ourList = "Contact: <" + ourURI + ">;expires=60"
)

const secret = "s3cret"

// ourInstance is the UUID of Call-ID one-for-life.
const ourInstance = `+sip.instance="<urn:uuid:a63e76ed-61ce-8a89-8f5d-5ffac112296f>"`

type bed struct {
	*testing.T
	agent *agent.Agent
	reg   *Registrar
	end   *wire.Endpoint
	cseq  uint32
	last  licence.Event
	ended int
}

func in(t *testing.T, f func(b *bed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bed{T: t}
		net := wire.New(wire.Config{})
		defer net.Close()
		party, err := net.Attach(transport.Config{
			Listen: []transport.Listener{{Addr: us}}, Peers: []transport.Peer{{Addr: far}},
		}, b)
		b.must(err)
		defer party.Close()
		b.end, err = net.Endpoint(transport.UDP, far)
		b.must(err)
		b.agent = agent.New(party, func(uint8) string { return us.String() })
		defer b.agent.Close()
		users := [router.Servers]User{
			router.Primary:   {AOR: "sip:5001@10.0.0.1", Username: "5001", Password: secret, Contact: ourURI, CallID: "one-for-life"},
			router.Secondary: {AOR: "sip:5002@10.0.0.1", Username: "5002", Password: secret, Contact: "sip:5002@10.0.0.5:5060", CallID: "second"},
		}
		b.reg = New(b.agent, users, []Target{{URI: "sip:10.0.0.1", Flows: func() []transport.Flow { return []transport.Flow{{Remote: far}} }}})
		f(b)
	})
}

func (b *bed) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bed) Receive(_ transport.Flow, raw []byte) {
	var h message.Head
	if raw, r, _ := message.Scan(raw, &h); r == message.OK && !h.Request {
		b.agent.Response(raw, &h)
	}
}

func (b *bed) Failed(f transport.Flow, c transport.Cause) { b.agent.Failed(f, c) }

func always() bool { return true }

// send performs one effect, with the next CSeq, and returns the request.
func (b *bed) send(e licence.Effect) string {
	b.Helper()
	b.begin(e, always)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, raw, err := b.end.Recv(ctx)
	b.must(err)
	return string(raw)
}

func (b *bed) begin(e licence.Effect, allowed func() bool) {
	b.cseq++
	if e.User == router.NoServer {
		e.User = router.Primary
	}
	e.CSeq, e.Expires = b.cseq, 60*time.Second
	b.reg.Send(e, 4*time.Second, allowed, func(ev licence.Event) { b.last, b.ended = ev, b.ended+1 })
	synctest.Wait()
}

// answer is the registrar's response; the event it was reduced to is returned.
func (b *bed) answer(request string, status int, extra ...string) licence.Event {
	b.Helper()
	out := fmt.Sprintf("SIP/2.0 %d Whatever\r\n", status)
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		out += name + ": " + header(request, name) + "\r\n"
	}
	for _, l := range extra {
		out += l + "\r\n"
	}
	before := b.ended
	b.must(b.end.Send(us, []byte(out+"Content-Length: 0\r\n\r\n")))
	synctest.Wait()
	if b.ended != before+1 {
		b.Fatalf("%d events for one answer", b.ended-before)
	}
	return b.last
}

func header(raw, name string) string {
	for _, l := range strings.Split(raw, "\r\n")[1:] {
		if n, v, ok := strings.Cut(l, ": "); ok && n == name {
			return v
		}
	}
	return ""
}

func (b *bed) want(got, want licence.Event) {
	b.Helper()
	if want.Kind == licence.Answer && want.Member == 0 {
		want.Member = member(far)
	}
	want.User, want.CSeq = router.Primary, b.cseq
	if got != want {
		b.Errorf("event\n%+v, want\n%+v", got, want)
	}
}

var (
	register   = licence.Effect{Kind: licence.Send, Request: licence.Register}
	authorised = licence.Effect{Kind: licence.Send, Request: licence.Register, Authorise: true}
	unregister = licence.Effect{Kind: licence.Send, Request: licence.Unregister}
	fetch      = licence.Effect{Kind: licence.Send, Request: licence.Fetch}
)

func challenge(nonce string, change func(*digest.Challenge)) string {
	c := digest.Challenge{Realm: "ipbx", Nonce: nonce, Algorithm: digest.MD5, Auth: true}
	if change != nil {
		change(&c)
	}
	return "WWW-Authenticate: " + digest.FormatChallenge(c)
}

// verified checks the credentials of a REGISTER against a password.
func (b *bed) verified(raw, name, password string) digest.Answer {
	b.Helper()
	a, outcome := digest.Verify([]byte(header(raw, name)), "REGISTER", nil, func(al digest.Algorithm, user, realm string) (string, bool) {
		return digest.HA1(al, user, realm, password), user == "5001"
	})
	if outcome != digest.Accepted || a.URI != "sip:10.0.0.1" {
		b.Fatalf("credentials %v for %q in\n%s", outcome, a.URI, raw)
	}
	return a
}

func TestRequestsAsWritten(t *testing.T) {
	in(t, func(b *bed) {
		for _, c := range []struct {
			effect licence.Effect
			tail   string
		}{
			{register, "Contact: <" + ourURI + ">;" + ourInstance + ";expires=60\r\nExpires: 60\r\n"},
			{unregister, "Contact: <" + ourURI + ">;" + ourInstance + ";expires=0\r\nExpires: 0\r\n"},
			{fetch, ""},
		} {
			raw := b.send(c.effect)
			want := "REGISTER sip:10.0.0.1 SIP/2.0\r\nVia: " + header(raw, "Via") + "\r\nMax-Forwards: 70\r\nFrom: " + header(raw, "From") +
				"\r\nTo: <sip:5001@10.0.0.1>\r\nCall-ID: one-for-life\r\nCSeq: " + fmt.Sprint(b.cseq) + " REGISTER\r\n" + c.tail + "Content-Length: 0\r\n\r\n"
			if raw != want || !strings.HasPrefix(header(raw, "From"), "<sip:5001@10.0.0.1>;tag=") {
				b.Errorf("got\n%swant\n%s", raw, want)
			}
			b.answer(raw, 200)
		}
	})
}

func TestChallengeAnsweredByAlgorithm(t *testing.T) {
	for name, c := range map[string]struct {
		lines []string
		want  digest.Algorithm
	}{
		"md5":             {[]string{challenge("n1", nil)}, digest.MD5},
		"rfc2069":         {[]string{challenge("n1", func(c *digest.Challenge) { c.Auth = false })}, digest.MD5},
		"sha256":          {[]string{challenge("n1", func(c *digest.Challenge) { c.Algorithm = digest.SHA256 })}, digest.SHA256},
		"sha512-256":      {[]string{challenge("n1", func(c *digest.Challenge) { c.Algorithm = digest.SHA512T256 })}, digest.SHA512T256},
		"all three":       {[]string{challenge("n1", func(c *digest.Challenge) { c.Algorithm = digest.SHA512T256 }), challenge("n2", func(c *digest.Challenge) { c.Algorithm = digest.SHA256 }), challenge("n3", nil)}, digest.SHA512T256},
		"auth-int alone":  {[]string{`WWW-Authenticate: Digest realm="ipbx", nonce="x", algorithm=SHA-256, qop="auth-int"`}, digest.SHA256},
		"sha256 then md5": {[]string{challenge("n1", func(c *digest.Challenge) { c.Algorithm = digest.SHA256 }), challenge("n2", nil)}, digest.SHA256},
		"unknown, md5":    {[]string{`WWW-Authenticate: Digest realm="ipbx", nonce="x", algorithm=MD5-sess, qop="auth"`, challenge("n2", nil)}, digest.MD5},
		"basic, md5":      {[]string{`WWW-Authenticate: Basic realm="x"`, challenge("n2", nil)}, digest.MD5},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(b *bed) {
				raw := b.send(register)
				if header(raw, "Authorization") != "" {
					b.Error("credentials before any challenge")
				}
				b.want(b.answer(raw, 401, c.lines...), licence.Event{Kind: licence.Answer, Status: 401, Usable: true, Stale: true})
				raw = b.send(authorised)
				if a := b.verified(raw, "Authorization", secret); a.Algorithm != c.want {
					b.Errorf("answered with %v", a.Algorithm)
				}
				b.want(b.answer(raw, 200, ourList), licence.Event{
					Kind: licence.Answer, Status: 200, HasList: true, Ours: true, Granted: time.Minute,
				})
			})
		})
	}
}

func TestProxyChallenge(t *testing.T) {
	in(t, func(b *bed) {
		line := strings.Replace(challenge("p1", nil), "WWW-Authenticate", "Proxy-Authenticate", 1)
		b.want(b.answer(b.send(register), 407, line), licence.Event{Kind: licence.Answer, Status: 407, Usable: true, Stale: true})
		raw := b.send(authorised)
		b.verified(raw, "Proxy-Authorization", secret)
		if header(raw, "Authorization") != "" {
			b.Error("answered in Authorization, too")
		}
	})
}

func TestUnusableChallenge(t *testing.T) {
	in(t, func(b *bed) {
		for _, line := range []string{"X: y", "WWW-Authenticate: Digest realm=\"no nonce\"", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=ROT13", "WWW-Authenticate: ,,\""} {
			b.want(b.answer(b.send(register), 401, line), licence.Event{Kind: licence.Answer, Status: 401})
		}
		if raw := b.send(authorised); header(raw, "Authorization") != "" {
			b.Error("answered a challenge that was never met")
		}
	})
}

// bind makes the credentials accepted under nonce.
func (b *bed) bind(nonce string) {
	b.Helper()
	b.answer(b.send(register), 401, challenge(nonce, nil))
	raw := b.send(authorised)
	if a := b.verified(raw, "Authorization", secret); a.NonceCount != 1 {
		b.Errorf("first use of the nonce has count %d", a.NonceCount)
	}
	b.answer(raw, 200, ourList)
}

// RFC 7616 §3.4: the count rises with each use of a nonce; a registrar takes a
// repeated one for a replay.
func TestNonceCounts(t *testing.T) {
	in(t, func(b *bed) {
		b.bind("n1")
		for _, e := range []licence.Effect{register, fetch, unregister} {
			raw := b.send(e)
			if a := b.verified(raw, "Authorization", secret); a.Nonce != "n1" || a.NonceCount != b.cseq-1 {
				b.Errorf("CSeq %d: nonce %s count %d", b.cseq, a.Nonce, a.NonceCount)
			}
			b.answer(raw, 200, ourList)
		}
	})
}

// The count once began again at 1 when a registrar challenged with the nonce
// that it had given before.
func TestSameNonceShownAgainGoesOnCounting(t *testing.T) {
	in(t, func(b *bed) {
		b.bind("n1")
		b.answer(b.send(register), 401, challenge("n1", nil))
		if a := b.verified(b.send(authorised), "Authorization", secret); a.NonceCount != 3 {
			b.Errorf("third use has count %d", a.NonceCount)
		}
	})
}

func TestStaleNonceIsNoWrongPassword(t *testing.T) {
	in(t, func(b *bed) {
		b.bind("n1")
		stale := challenge("n2", func(c *digest.Challenge) { c.Stale = true })
		b.want(b.answer(b.send(register), 401, stale), licence.Event{Kind: licence.Answer, Status: 401, Usable: true, Stale: true})
		if a := b.verified(b.send(authorised), "Authorization", secret); a.Nonce != "n2" || a.NonceCount != 1 {
			b.Errorf("nonce %s count %d", a.Nonce, a.NonceCount)
		}
	})
}

// Its first copy may have been granted, and have used the nonce count up: the
// licence is told, for the list and the refusal both say less then.
func TestARepeatIsTold(t *testing.T) {
	in(t, func(b *bed) {
		b.bind("n1")
		raw := b.send(register)
		time.Sleep(600 * time.Millisecond) // virtual: one retransmission
		b.want(b.answer(raw, 401, challenge("n2", nil)), licence.Event{Kind: licence.Answer, Status: 401, Usable: true, Repeated: true})
	})
}

// RFC 3261 §22.1. Each attempt once showed a wrong password twice, and locked
// the account of an IPBX that counts them in half the time.
func TestWrongPasswordIsShownOncePerAttempt(t *testing.T) {
	in(t, func(b *bed) {
		shown := 0
		for attempt := range 3 {
			b.want(b.answer(b.count(&shown, register), 401, challenge(fmt.Sprint("a", attempt), nil)),
				licence.Event{Kind: licence.Answer, Status: 401, Usable: true, Stale: true})
			b.want(b.answer(b.count(&shown, authorised), 401, challenge(fmt.Sprint("b", attempt), nil)),
				licence.Event{Kind: licence.Answer, Status: 401, Usable: true}) // not stale: licence backs off
		}
		if shown != 3 {
			b.Errorf("shown %d times in three attempts", shown)
		}
	})
}

// count sends e and counts whether it carries credentials.
func (b *bed) count(shown *int, e licence.Effect) string {
	b.Helper()
	raw := b.send(e)
	if header(raw, "Authorization") != "" {
		*shown++
	}
	return raw
}

func TestPasswordChangedAtTheIPBX(t *testing.T) {
	in(t, func(b *bed) {
		b.bind("n1")
		b.want(b.answer(b.send(register), 401, challenge("n2", nil)), licence.Event{Kind: licence.Answer, Status: 401, Usable: true})
		b.answer(b.send(authorised), 401, challenge("n3", nil))
		if raw := b.send(register); header(raw, "Authorization") != "" {
			b.Error("the refused password goes along unasked")
		}
	})
}

func TestUsersHaveChallengesOfTheirOwn(t *testing.T) {
	in(t, func(b *bed) {
		b.bind("n1")
		other := register
		other.User = router.Secondary
		if raw := b.send(other); header(raw, "Authorization") != "" || header(raw, "Call-ID") != "second" {
			b.Errorf("got\n%s", raw)
		}
	})
}

func TestLists(t *testing.T) {
	const foreign = "Contact: <sip:5001@10.9.9.9>;expires=30"
	for name, c := range map[string]struct {
		lines []string
		want  licence.Event
	}{
		"ours":                   {[]string{ourList}, licence.Event{HasList: true, Ours: true, Granted: time.Minute}},
		"longer than asked":      {[]string{"Contact: <" + ourURI + ">;expires=3600"}, licence.Event{HasList: true, Ours: true, Granted: time.Hour}},
		"expiry in the header":   {[]string{"Contact: <" + ourURI + ">", "Expires: 120"}, licence.Event{HasList: true, Ours: true, Granted: 2 * time.Minute}},
		"parameter beats header": {[]string{ourList, "Expires: 120"}, licence.Event{HasList: true, Ours: true, Granted: time.Minute}},
		"none at all":            {nil, licence.Event{HasList: true}},
		"ours removed":           {[]string{"Contact: <" + ourURI + ">;expires=0"}, licence.Event{HasList: true, Removed: true}},
		"a foreign one":          {[]string{foreign}, licence.Event{HasList: true, Foreign: 1}},
		"foreign, no expiry":     {[]string{"Contact: <sip:5001@10.9.9.9>"}, licence.Event{HasList: true, Foreign: 1}},
		"ours and two foreign": {
			[]string{"m: <sip:x@10.9.9.8>;q=0.5;expires=9, <" + ourURI + ">;expires=50", foreign},
			licence.Event{HasList: true, Ours: true, Granted: 50 * time.Second, Foreign: 2},
		},
		"ours twice: the longer": {[]string{ourList, "Contact: <" + ourURI + ">;expires=90"}, licence.Event{HasList: true, Ours: true, Granted: 90 * time.Second}},
		"rewritten: parameters": {
			[]string{"Contact: <sip:5001@10.0.0.5:5060;ob;x=1>;+sip.instance=\"<urn:x>\";q=1;expires=60"},
			licence.Event{HasList: true, Ours: true, Granted: time.Minute},
		},
		"rewritten: display name":  {[]string{"Contact: \"Relève, 1\" <SIP:%35001@10.0.0.5:5060>;Expires=60"}, licence.Event{HasList: true, Ours: true, Granted: time.Minute}},
		"rewritten: port left out": {[]string{"Contact: <sip:5001@10.0.0.5>;expires=60"}, licence.Event{HasList: true, Ours: true, Granted: time.Minute}},
		"rewritten: another port":  {[]string{"Contact: <sip:5001@10.0.0.5:1024;transport=tcp>;expires=60"}, licence.Event{HasList: true, Ours: true, Granted: time.Minute}},
		"rewritten: by a NAT, instance kept": {
			[]string{"Contact: <sip:5001@203.0.113.9:40123;ob>;expires=60;" + ourInstance},
			licence.Event{HasList: true, Ours: true, Granted: time.Minute},
		},
		"rewritten: user unknown to us, instance kept": {[]string{"Contact: <sip:line7@10.0.0.1>;" + ourInstance + ";expires=60"}, licence.Event{HasList: true, Ours: true, Granted: time.Minute}},
		"rewritten beyond knowing":                     {[]string{"Contact: <sip:5001@203.0.113.9:40123>;expires=60"}, licence.Event{HasList: true, Foreign: 1}},
		"a neighbour: our host, another user":          {[]string{"Contact: <sip:5002@10.0.0.5:5060>;expires=60"}, licence.Event{HasList: true, Foreign: 1}},
		"a neighbour: our user, another instance":      {[]string{`Contact: <sip:5001@10.0.0.6>;+sip.instance="<urn:uuid:1>";expires=60`}, licence.Event{HasList: true, Foreign: 1}},
		"no SIP URI":                  {[]string{"Contact: <tel:5001>;expires=60, <mailto:5001@10.0.0.5>;expires=60"}, licence.Event{HasList: true, Foreign: 2}},
		"ours removed, another there": {[]string{"Contact: <" + ourURI + ">;expires=0", foreign}, licence.Event{HasList: true, Removed: true, Foreign: 1}},
		"unreadable expiry: header":   {[]string{"Contact: <" + ourURI + ">;expires=soon", "Expires: 60"}, licence.Event{HasList: true, Ours: true, Granted: time.Minute}},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(b *bed) {
				c.want.Kind, c.want.Status = licence.Answer, 200
				b.want(b.answer(b.send(register), 200, c.lines...), c.want)
			})
		})
	}
}

// A registrar that lists us without any expiry was once read as one that
// removed us: a false proof of absence, and two users bound.
func TestListedWithoutExpiryIsBound(t *testing.T) {
	in(t, func(b *bed) {
		b.want(b.answer(b.send(unregister), 200, "Contact: <"+ourURI+">"), licence.Event{
			Kind: licence.Answer, Status: 200, HasList: true, Ours: true,
		})
		if got := b.reg.Bindings(); len(got) != 1 || got[0].Expires != -1 || !got[0].Ours {
			b.Errorf("%+v", got)
		}
	})
}

// A list of which one Contact cannot be read was once taken for whole: that one
// may be ours.
func TestUnreadableContactMakesNoProof(t *testing.T) {
	in(t, func(b *bed) {
		b.want(b.answer(b.send(unregister), 200, "Contact: \"open <"+ourURI+">;expires=60"), licence.Event{Kind: licence.Answer, Status: 200})
		b.want(b.answer(b.send(unregister), 200, "Contact: <"+ourURI), licence.Event{Kind: licence.Answer, Status: 200})
	})
}

func TestManyContactsAreCountedAndFewKept(t *testing.T) {
	in(t, func(b *bed) {
		var all []string
		for i := range 300 {
			all = append(all, fmt.Sprintf("<sip:x@10.1.0.%d:%d>;expires=9", i%250, 5060+i))
		}
		ev := b.answer(b.send(fetch), 200, "Contact: "+strings.Join(all, ", "))
		if ev.Foreign != 255 || len(b.reg.Bindings()) != maxBindings {
			b.Errorf("%d foreign, %d kept", ev.Foreign, len(b.reg.Bindings()))
		}
	})
}

func TestOtherFinals(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		lines  []string
		want   licence.Event
	}{
		"too brief":               {423, []string{"Min-Expires: 1800"}, licence.Event{MinExpires: 30 * time.Minute}},
		"too brief, says nothing": {423, nil, licence.Event{}},
		"too brief, nonsense":     {423, []string{"Min-Expires: -5"}, licence.Event{}},
		"forbidden":               {403, nil, licence.Event{}},
		"unavailable":             {503, []string{"Retry-After: 18 (maintenance);duration=5"}, licence.Event{RetryAfter: 18 * time.Second}},
		"moved":                   {302, []string{ourList}, licence.Event{}},
		"server error":            {500, []string{"Retry-After: 7"}, licence.Event{RetryAfter: 7 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(b *bed) {
				c.want.Kind, c.want.Status = licence.Answer, uint16(c.status)
				b.want(b.answer(b.send(register), c.status, c.lines...), c.want)
			})
		})
	}
}

func TestSilenceRefusalAndForbiddenAreTimeOuts(t *testing.T) {
	in(t, func(b *bed) {
		b.begin(register, always)
		time.Sleep(4 * time.Second)
		synctest.Wait()
		b.want(b.last, licence.Event{Kind: licence.TimedOut})
		b.end.Close()
		b.begin(register, always)
		b.want(b.last, licence.Event{Kind: licence.TimedOut})
		b.begin(register, func() bool { return false })
		b.want(b.last, licence.Event{Kind: licence.TimedOut})
		unknown := register
		unknown.IPBX = 1
		b.begin(unknown, always)
		if b.last.Kind != licence.TimedOut || b.ended != 4 {
			b.Errorf("%d events, last %+v", b.ended, b.last)
		}
	})
}

// A 2xx that comes after our own limit is late: licence reckoned with it, and
// gets one event per request.
func TestLate2xxIsNoSecondEvent(t *testing.T) {
	in(t, func(b *bed) {
		raw := b.send(register)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		b.must(b.end.Send(us, []byte("SIP/2.0 200 OK\r\nVia: "+header(raw, "Via")+"\r\nFrom: "+header(raw, "From")+"\r\nTo: "+header(raw, "To")+
			"\r\nCall-ID: one-for-life\r\nCSeq: 1 REGISTER\r\n"+ourList+"\r\nContent-Length: 0\r\n\r\n")))
		synctest.Wait()
		if b.ended != 1 || b.last.Kind != licence.TimedOut {
			b.Errorf("%d events, last %+v", b.ended, b.last)
		}
	})
}

func TestBindingsAreThoseLastStated(t *testing.T) {
	in(t, func(b *bed) {
		b.answer(b.send(register), 200, ourList, "Contact: <sip:x@10.9.9.9>;expires=5")
		second := fetch
		second.User = router.Secondary
		b.answer(b.send(second), 200, "Contact: <sip:5002@10.0.0.5:5060>;expires=7")
		var got []string
		for _, x := range b.reg.Bindings() {
			got = append(got, fmt.Sprint(x.User, x.IPBX, x.URI, x.Expires, x.Ours))
		}
		want := []string{
			fmt.Sprint(router.Primary, 0, ourURI, 60, true), fmt.Sprint(router.Primary, 0, "sip:x@10.9.9.9", 5, false),
			fmt.Sprint(router.Secondary, 0, "sip:5002@10.0.0.5:5060", 7, true),
		}
		if !slices.Equal(got, want) {
			b.Errorf("%q, want %q", got, want)
		}
		b.answer(b.send(unregister), 200)
		if n := len(b.reg.Bindings()); n != 1 {
			b.Errorf("%d bindings after the un-REGISTER", n)
		}
	})
}
