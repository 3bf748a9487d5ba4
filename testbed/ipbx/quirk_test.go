package ipbx

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"releve/testbed/phone"
)

// clean is an IPBX without quirks, as a study expects one.
var clean = phone.Manners{Codecs: []string{phone.ALaw, phone.MuLaw, phone.TelephoneEvent}, Date: true}

// far is who looks at the IPBX: it is Relève to it, and a caller.
type far struct {
	t       *testing.T
	x       *IPBX
	p       *phone.Phone
	invites chan *phone.Message
	answer  func(*phone.Call) // nil: 200
}

func startFar(t *testing.T, cfg Config) *far {
	f := &far{t: t, invites: make(chan *phone.Message, 100)}
	f.p = listen(t, phone.Config{OnInvite: func(c *phone.Call) {
		f.invites <- c.Invite
		if f.answer != nil {
			f.answer(c)
			return
		}
		c.Answer()
	}})
	f.p.Do(func() { _ = f.p.SetManners(phone.Manners{Codecs: clean.Codecs}) })
	cfg.Releve, cfg.Manners, cfg.RTP = f.p.Addr(), clean, true
	f.x = start(t, cfg)
	return f
}

// answers says what becomes of the calls that come from now on.
func (f *far) answers(with func(*phone.Call)) {
	f.p.Do(func() { f.answer = with })
}

// ask sends a request outside dialogs and tells its final; nil: none came.
func (f *far) ask(method string, extra ...phone.Field) *phone.Message {
	got := make(chan *phone.Message, 1)
	f.p.Do(func() {
		uri := "sip:2001@" + f.x.Addr().String()
		m := f.p.NewRequest(method, uri, "sip:7@x", "sip:5001@x", "", 1)
		m.Fields = append(m.Fields, extra...)
		f.p.Request(m, f.x.Addr(), func(a *phone.Message) { got <- a })
	})
	return <-got
}

func status(m *phone.Message) string {
	if m == nil {
		return "none"
	}
	return fmt.Sprint(m.Status)
}

// call places a call to an extension and returns it with its final.
func (f *far) call(o phone.Outgoing) (*phone.Call, *phone.Message) {
	f.t.Helper()
	final := make(chan *phone.Message, 1)
	var c *phone.Call
	f.p.Do(func() {
		o.To, o.URI, o.From = f.x.Addr(), "sip:2001@"+f.x.Addr().String(), "<sip:7@x>"
		var err error
		if c, err = f.p.Place(o); err != nil {
			f.t.Error(err)
			final <- nil
			return
		}
		c.OnAnswer = func(m *phone.Message) { final <- m }
		c.OnFail = func(_ int, m *phone.Message) { final <- m }
	})
	m := <-final
	f.t.Cleanup(func() { f.p.Do(c.Hangup) })
	return c, m
}

// comes lets the IPBX call, and returns what reached us and the result.
func (f *far) comes() (*phone.Message, Result) {
	r := ended(f.t, f.x, CallSpec{From: "1", To: "5000", Duration: 30 * time.Millisecond})
	return <-f.invites, r
}

func (f *far) inCall(do func(c *phone.Call, done func(int))) string {
	f.t.Helper()
	c, m := f.call(phone.Outgoing{})
	if m == nil || m.Status != 200 {
		return "no call: " + status(m)
	}
	got := make(chan int, 1)
	f.p.Do(func() { do(c, func(status int) { got <- status }) })
	return fmt.Sprint(<-got)
}

func codecs(body []byte) string {
	for line := range strings.Lines(string(body)) {
		if rest, ok := strings.CutPrefix(line, "m=audio "); ok {
			_, list, _ := strings.Cut(strings.TrimSpace(rest), "RTP/AVP ")
			return list
		}
	}
	return "none"
}

// offered is the codec list of the IPBX's own offer.
func (f *far) offered() string {
	m, _ := f.comes()
	return codecs(m.Body)
}

// presented counts how often one call came.
func (f *far) presented(status int, extra ...phone.Field) string {
	f.answers(func(c *phone.Call) { c.Reject(status, extra...) })
	r := ended(f.t, f.x, CallSpec{From: "1", To: "5000"})
	return fmt.Sprint(r.Presentations)
}

func (f *far) registrant(user string) *registrant {
	r := &registrant{t: f.t, p: f.p, x: f.x, user: user}
	r.want(401, "secret", "")
	return r
}

func (f *far) contact(host string) string { return "<sip:5001@" + host + ">" }

// registers binds two contacts of 5001 and tells what the second 200 says.
func (f *far) registers(n int) *phone.Message {
	r := f.registrant("5001")
	r.want(200, "secret", f.contact("127.0.33.7:5060"), expires(n))
	return r.want(200, "secret", f.contact("127.0.33.8:5060"), expires(n))
}

func listed(m *phone.Message) string { return fmt.Sprint(len(m.Values("Contact"))) }

// through calls the group 5000 while only the second user is bound, to us.
func (f *far) through() string {
	r := f.registrant("5002")
	r.want(200, "secret", "<sip:5002@"+f.p.Addr().String()+">", expires(60))
	c := make(chan *phone.Message, 1)
	f.p.Do(func() {
		leg, err := f.p.Place(phone.Outgoing{To: f.x.Addr(), URI: "sip:5000@x", From: "<sip:7@x>"})
		if err != nil {
			f.t.Error(err)
			c <- nil
			return
		}
		leg.OnAnswer = func(m *phone.Message) { c <- m; leg.Hangup() }
		leg.OnFail = func(_ int, m *phone.Message) { c <- m }
	})
	return status(<-c)
}

func TestQuirks(t *testing.T) {
	t.Parallel()
	cases := map[Quirk]struct {
		look          func(*far) string
		with, without string
	}{
		"options-silent":       {func(f *far) string { return status(f.ask("OPTIONS")) }, "none", "200"},
		"options-405":          {func(f *far) string { return status(f.ask("OPTIONS")) }, "405", "200"},
		"options-403":          {func(f *far) string { return status(f.ask("OPTIONS")) }, "403", "200"},
		"record-route-ignored": {func(f *far) string { return fmt.Sprint(f.x.habit().IgnoreRecordRoute) }, "true", "false"},
		"contact-rewritten": {func(f *far) string {
			m := f.registers(60)
			return fmt.Sprint(strings.Contains(m.Get("Contact"), "127.0.33.1:"))
		}, "true", "false"},
		"100rel-required": {func(f *far) string {
			_, m := f.call(phone.Outgoing{})
			in, _ := f.comes()
			return status(m) + " " + in.Get("Require")
		}, "421 100rel", "200 "},
		"update-refused": {func(f *far) string {
			return f.inCall(func(c *phone.Call, done func(int)) { c.Update(phone.SendRecv, done) })
		}, "405", "200"},
		"session-timer-small": {func(f *far) string {
			_, m := f.call(phone.Outgoing{Extra: []phone.Field{{Name: "Session-Expires", Value: "1800"}}})
			return status(m) + " " + m.Get("Min-SE")
		}, "422 7200", "200 "},
		"session-refresher": {func(f *far) string {
			_, m := f.call(phone.Outgoing{Extra: []phone.Field{{Name: "Supported", Value: "timer"}}})
			return m.Get("Session-Expires")
		}, "90;refresher=uac", ""},
		"reinvite-refused": {func(f *far) string {
			return f.inCall(func(c *phone.Call, done func(int)) { c.Reinvite(phone.SendOnly, done) })
		}, "488", "200"},
		"large-udp-lost": {func(f *far) string {
			return status(f.ask("OPTIONS", phone.Field{Name: "Subject", Value: strings.Repeat("x", 1300)}))
		}, "none", "200"},
		"codec-alaw-only": {(*far).offered, "8 101", "8 0 101"},
		"codec-ulaw-only": {(*far).offered, "0 101", "8 0 101"},
		"codec-g729-only": {func(f *far) string {
			_, m := f.call(phone.Outgoing{}) // we do not speak it
			return status(m)
		}, "488", "200"},
		"dtmf-missing": {(*far).offered, "8 0", "8 0 101"},
		"refer-refused": {func(f *far) string {
			return f.inCall(func(c *phone.Call, done func(int)) {
				c.Refer("sip:2002@"+f.x.Addr().String(), done)
			})
		}, "405", "202"},
		"represents-486":     {func(f *far) string { return f.presented(486) }, "2", "1"},
		"represents-480":     {func(f *far) string { return f.presented(480) }, "2", "1"},
		"represents-503":     {func(f *far) string { return f.presented(503) }, "2", "1"},
		"represents-twice":   {func(f *far) string { return f.presented(486) }, "3", "1"},
		"represents-forever": {func(f *far) string { return f.presented(486) }, "51", "1"},
		"retry-after-obeyed": {func(f *far) string {
			f.presented(503, phone.Field{Name: "Retry-After", Value: "60"})
			_, err := f.x.Call(t.Context(), CallSpec{From: "1", To: "5000"})
			return fmt.Sprint(err != nil)
		}, "true", "false"},
		"registrar-latest":     {func(f *far) string { return listed(f.registers(60)) }, "1", "2"},
		"registrar-lists-none": {func(f *far) string { return listed(f.registers(60)) }, "0", "2"},
		"single-contact":       {func(f *far) string { return listed(f.registers(60)) }, "1", "2"},
		"grant-longer":         {func(f *far) string { return phone.Param(f.registers(60).Get("Contact"), "expires") }, "7200", "60"},
		"grant-shorter":        {func(f *far) string { return phone.Param(f.registers(60).Get("Contact"), "expires") }, "20", "60"},
		"grant-unsaid":         {func(f *far) string { return phone.Param(f.registers(60).Get("Contact"), "expires") }, "", "60"},
		"expiry-not-enforced": {func(f *far) string {
			f.registers(1)
			time.Sleep(1100 * time.Millisecond) // the expiry itself
			return fmt.Sprint(len(f.x.Bindings()))
		}, "2", "0"},
		"unregister-ignored": {func(f *far) string {
			f.registers(60)
			m := f.registrant("5001")
			m.cseq = 100
			return listed(m.want(200, "secret", f.contact("127.0.33.8:5060"), expires(0)))
		}, "2", "1"},
		"digest-sha256": {func(f *far) string {
			m := f.ask("REGISTER", phone.Field{Name: "Contact", Value: f.contact("127.0.33.8:5060")})
			return m.Get("WWW-Authenticate")
		}, "SHA-256", "MD5"},
		"secondary-not-reached": {(*far).through, "480", "200"},
		"clock-wrong": {func(f *far) string {
			at, err := time.Parse(phone.DateFormat, f.ask("OPTIONS").Get("Date"))
			if err != nil {
				return err.Error()
			}
			return fmt.Sprint(time.Since(at).Round(time.Minute))
		}, "37m0s", "0s"},
		"no-answer-short": {func(f *far) string { return f.x.habit().noAnswer.String() }, "8s", "0s"},
		"rtp-loss":        {func(f *far) string { return fmt.Sprint(f.x.habit().LoseEvery) }, "10", "0"},
	}
	for _, q := range Quirks() {
		if _, ok := cases[q]; !ok {
			t.Errorf("nobody looks at quirk %s", q)
		}
	}
	for q, c := range cases {
		t.Run(string(q), func(t *testing.T) {
			t.Parallel()
			users := Registrar{Users: map[string]string{"5001": "secret", "5002": "secret"}}
			cfg := Config{Registrar: users, Groups: map[string][]string{"5000": {"5001", "5002"}}}
			if got := c.look(startFar(t, cfg)); !strings.Contains(got, c.without) || c.without == "" && got != "" {
				t.Errorf("without it: %q, want %q", got, c.without)
			}
			cfg.Quirks = []Quirk{q}
			if got := c.look(startFar(t, cfg)); !strings.Contains(got, c.with) || c.with == "" && got != "" {
				t.Errorf("with it: %q, want %q", got, c.with)
			}
		})
	}
}

// TestRecordRouteQuirk sees where the BYE goes: to the Route, or straight to
// the Contact.
func TestRecordRouteQuirk(t *testing.T) {
	t.Parallel()
	for _, ignored := range []bool{false, true} {
		route := listen(t, phone.Config{Addr: "127.0.33.6:0"})
		f := startFar(t, Config{})
		if ignored {
			if err := f.x.SetQuirks("record-route-ignored"); err != nil {
				t.Fatal(err)
			}
		}
		f.p.Do(func() {
			_ = f.p.SetManners(phone.Manners{RecordRoute: "<sip:" + route.Addr().String() + ";lr>"})
		})
		over := make(chan struct{})
		f.answers(func(c *phone.Call) {
			c.OnEnd = func(string) { close(over) }
			c.Answer()
		})
		f.comes()
		if ignored {
			<-over // the BYE came, after the ACK
		} else {
			eventually(t, "the route sees something", func() bool { return route.Stats().Received > 0 })
		}
		if got := route.Stats().Received > 0; got == ignored {
			t.Errorf("ignored %v: the route saw something: %v", ignored, got)
		}
	}
}

func TestRTPLoss(t *testing.T) {
	t.Parallel()
	f := startFar(t, Config{Quirks: []Quirk{"rtp-loss", "codec-ulaw-only"}})
	c, m := f.call(phone.Outgoing{Media: true})
	if codecs(m.Body) != "0 101" {
		t.Errorf("answer %s", m.Body)
	}
	var heard phone.Heard
	eventually(t, "µ-law is heard", func() bool {
		f.p.Do(func() { heard = c.Heard() })
		return heard.Audible > 10
	})
}

func TestNoAnswerShort(t *testing.T) {
	t.Parallel()
	f := startFar(t, Config{})
	f.x.mu.Lock()
	f.x.habits.noAnswer = 50 * time.Millisecond // the quirk, in the time of a test
	f.x.mu.Unlock()
	f.answers(func(c *phone.Call) { c.Ring(180, false) })
	if r := ended(t, f.x, CallSpec{From: "1", To: "5000"}); r.Outcome != "cancelled" || r.Status != 487 {
		t.Errorf("%+v", r)
	}
}

func TestUnknownQuirk(t *testing.T) {
	t.Parallel()
	x := start(t, Config{})
	if x.SetQuirks("wishful") == nil {
		t.Error("an unknown quirk was planted")
	}
	if !slices.Contains(Quirks(), "options-silent") {
		t.Error("Quirks does not list them")
	}
}

// TestThroughRefusesAsTheOther: the caller of a call put through hears the
// refusal of who was called, and a hang-up reaches the other leg.
func TestThroughRefusesAsTheOther(t *testing.T) {
	t.Parallel()
	f := startFar(t, Config{Service: []string{"2001"}})
	f.answers(func(c *phone.Call) { c.Reject(486) })
	if _, m := f.call(phone.Outgoing{}); status(m) != "486" {
		t.Errorf("refused as %s", status(m))
	}
	var ends netip.AddrPort
	over := make(chan string, 1)
	f.answers(func(c *phone.Call) {
		ends = c.Peer
		c.OnEnd = func(cause string) { over <- cause }
		c.Answer()
	})
	c, m := f.call(phone.Outgoing{})
	if status(m) != "200" {
		t.Fatalf("put through: %s", status(m))
	}
	f.p.Do(c.Hangup)
	if cause := <-over; cause != "bye-received" || ends != f.x.Addr() {
		t.Errorf("the other leg ended by %s", cause)
	}
}
