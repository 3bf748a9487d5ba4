package phone

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"
)

// wire is a peer that says exactly what a test writes.
type wire struct {
	t    *testing.T
	conn *net.UDPConn
}

func openWire(t *testing.T) *wire {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.32.9:0")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &wire{t, conn}
}

func (w *wire) addr() netip.AddrPort { return w.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// expect reads until a message that ok accepts; others are dropped.
func (w *wire) expect(what string, ok func(*Message) bool) *Message {
	w.t.Helper()
	if err := w.conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		w.t.Fatal(err)
	}
	buf := make([]byte, 65535)
	for {
		n, err := w.conn.Read(buf)
		if err != nil {
			w.t.Fatalf("%s never came: %v", what, err)
		}
		if m, err := parse(newParser(), buf[:n]); err == nil && ok(m) {
			return m
		}
	}
}

func (w *wire) request(method string) *Message {
	w.t.Helper()
	return w.expect(method, func(m *Message) bool { return m.Status == 0 && m.Method == method })
}

func (w *wire) send(m *Message, to netip.AddrPort) {
	w.t.Helper()
	if _, err := w.conn.WriteToUDPAddrPort(m.bytes(), to); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wire) reply(req *Message, status int, tag string, extra ...Field) *Message {
	m := response(req, status, tag)
	m.Add("Contact", fmt.Sprintf("<sip:%s>", w.addr()))
	m.Fields = append(m.Fields, extra...)
	return m
}

func listen(t *testing.T, cfg Config) *Phone {
	t.Helper()
	cfg.Addr, cfg.Name, cfg.T1 = "127.0.32.1:0", "phone", 25*time.Millisecond
	p, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func place(t *testing.T, p *Phone, w *wire) *Call {
	t.Helper()
	var c *Call
	var err error
	p.Do(func() {
		c, err = p.Place(Outgoing{To: w.addr(), URI: fmt.Sprintf("sip:5000@%s", w.addr()), Reliable: true})
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func await(t *testing.T, c *Call, ok func(*Call) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := c.Wait(ctx, ok); err != nil {
		t.Fatal(err)
	}
}

// TestSecondAnswerIsReleased: two forks answer; the second is acknowledged and
// ended, its repeats are only acknowledged (RFC 3261 §13.2.2.4).
func TestSecondAnswerIsReleased(t *testing.T) {
	t.Parallel()
	p, w := listen(t, Config{}), openWire(t)
	c := place(t, p, w)
	invite := w.request("INVITE")
	w.send(w.reply(invite, 200, "a"), p.Addr())
	if ack := w.request("ACK"); ack.ToTag() != "a" {
		t.Errorf("ACK to tag %q", ack.ToTag())
	}
	second := w.reply(invite, 200, "b")
	w.send(second, p.Addr())
	if ack := w.request("ACK"); ack.ToTag() != "b" {
		t.Errorf("ACK to tag %q", ack.ToTag())
	}
	bye := w.request("BYE")
	if bye.ToTag() != "b" {
		t.Errorf("BYE to tag %q", bye.ToTag())
	}
	w.send(response(bye, 200, ""), p.Addr())
	w.send(second, p.Addr())
	w.request("ACK")
	w.send(w.reply(invite, 200, "a"), p.Addr())
	w.request("ACK")
	p.Do(func() {
		if c.State() != Confirmed || c.ExtraAnswers() != 1 {
			t.Errorf("state %s, %d extra answers", c.State(), c.ExtraAnswers())
		}
	})
}

// TestRouteSet: Record-Route of the 2xx in reverse, first Route as next hop
// (RFC 3261 §12.1.2, §12.2.1.1).
func TestRouteSet(t *testing.T) {
	t.Parallel()
	p, w := listen(t, Config{}), openWire(t)
	c := place(t, p, w)
	invite := w.request("INVITE")
	invite.Add("Record-Route", fmt.Sprintf("<sip:127.0.32.77:9;lr>, <sip:tok@%s;lr>", w.addr()))
	w.send(w.reply(invite, 200, "a", Field{"Contact", "<sip:far@127.0.32.78:9>"}), p.Addr())
	ack := w.request("ACK")
	want := []string{fmt.Sprintf("<sip:tok@%s;lr>", w.addr()), "<sip:127.0.32.77:9;lr>"}
	if got := ack.Values("Route"); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Route %q", got)
	}
	if cseq, _ := ack.CSeq(); cseq != 1 {
		t.Errorf("ACK has CSeq %d", cseq)
	}
	p.Do(c.Hangup)
	if bye := w.request("BYE"); bye.Get("CSeq") != "2 BYE" {
		t.Errorf("BYE has CSeq %q", bye.Get("CSeq"))
	}
}

func TestRecordRouteIgnored(t *testing.T) {
	t.Parallel()
	p, w := listen(t, Config{IgnoreRecordRoute: true}), openWire(t)
	place(t, p, w)
	invite := w.request("INVITE")
	invite.Add("Record-Route", "<sip:127.0.32.77:9;lr>")
	w.send(w.reply(invite, 200, "a"), p.Addr())
	if ack := w.request("ACK"); len(ack.Values("Route")) != 0 {
		t.Errorf("ACK %s", ack.bytes())
	}
}

// TestEachRefusalIsAcknowledged at once (RFC 3261 §17.1.1.2).
func TestEachRefusalIsAcknowledged(t *testing.T) {
	t.Parallel()
	p, w := listen(t, Config{}), openWire(t)
	c := place(t, p, w)
	invite := w.request("INVITE")
	for range 3 {
		w.send(w.reply(invite, 486, "a"), p.Addr())
		if ack := w.request("ACK"); ack.branch() != invite.branch() || ack.ToTag() != "a" {
			t.Errorf("ACK %s", ack.bytes())
		}
	}
	await(t, c, func(c *Call) bool { return c.State() == Ended && c.Status() == 486 })
}

// TestCancelWaitsForAProvisional (RFC 3261 §9.1), and a 200 that crosses it is
// acknowledged and ended.
func TestCancelWaitsForAProvisional(t *testing.T) {
	t.Parallel()
	p, w := listen(t, Config{}), openWire(t)
	c := place(t, p, w)
	invite := w.request("INVITE")
	p.Do(c.Cancel)
	// The INVITE repeated, and no CANCEL before it.
	next := w.expect("a request", func(m *Message) bool { return m.Status == 0 })
	if next.Method != "INVITE" {
		t.Fatalf("%s came before a provisional", next.Method)
	}
	w.send(w.reply(invite, 180, "a"), p.Addr())
	cancel := w.request("CANCEL")
	if cancel.branch() != invite.branch() || cancel.URI != invite.URI || cancel.Get("CSeq") != "1 CANCEL" {
		t.Errorf("CANCEL %s", cancel.bytes())
	}
	w.send(w.reply(invite, 200, "a"), p.Addr())
	w.request("ACK")
	w.request("BYE")
	await(t, c, func(c *Call) bool { return c.State() == Ended })
}

// TestTwoEarlyDialogs: each reliable provisional gets a PRACK in its own dialog
// (RFC 3262 §4).
func TestTwoEarlyDialogs(t *testing.T) {
	t.Parallel()
	p, w := listen(t, Config{}), openWire(t)
	place(t, p, w)
	invite := w.request("INVITE")
	for _, tag := range []string{"a", "b"} {
		w.send(w.reply(invite, 180, tag, Field{"Require", "100rel"}, Field{"RSeq", "5"}), p.Addr())
		prack := w.expect("PRACK to "+tag, func(m *Message) bool { // repeats of the one before may come
			return m.Method == "PRACK" && m.ToTag() == tag
		})
		if prack.Get("RAck") != "5 1 INVITE" || prack.Get("CSeq") != "2 PRACK" {
			t.Errorf("PRACK %s", prack.bytes())
		}
		w.send(response(prack, 200, ""), p.Addr())
	}
}

// TestAnswerIsRepeatedUntilACK, a repeated INVITE gets the same 200, and the
// call without an ACK is a ghost that ends after 64 × T1.
func TestAnswerIsRepeatedUntilACK(t *testing.T) {
	t.Parallel()
	calls := make(chan *Call, 4)
	p := listen(t, Config{OnInvite: func(c *Call) { c.Answer(); calls <- c }})
	w := openWire(t)
	invite := func(id string) *Message {
		m := &Message{Method: "INVITE", URI: fmt.Sprintf("sip:5000@%s", p.Addr())}
		m.Add("Via", fmt.Sprintf("SIP/2.0/UDP %s;branch=z9hG4bK%s", w.addr(), id))
		m.Add("From", "<sip:1@127.0.32.9>;tag=f")
		m.Add("To", "<sip:5000@127.0.32.1>")
		m.Add("Call-ID", id)
		m.Add("CSeq", "1 INVITE")
		m.Add("Contact", fmt.Sprintf("<sip:%s>", w.addr()))
		return m
	}
	first := invite("one")
	w.send(first, p.Addr())
	is200 := func(m *Message) bool { return m.Status == 200 }
	tag := w.expect("200", is200).ToTag()
	for range 2 {
		if got := w.expect("200 again", is200).ToTag(); got != tag {
			t.Errorf("200 repeated with tag %q, was %q", got, tag)
		}
	}
	w.send(first, p.Addr())
	w.expect("200 to the repeated INVITE", is200)
	if len(calls) != 1 {
		t.Errorf("a repeated INVITE made %d calls", len(calls))
	}
	ghost := <-calls
	await(t, ghost, func(c *Call) bool { return c.State() == Ended })
	if ghost.Cause() != "ack-lost" || ghost.ACKs() != 0 {
		t.Errorf("ended by %q with %d ACKs", ghost.Cause(), ghost.ACKs())
	}
	w.expect("BYE to the ghost", func(m *Message) bool { return m.Status == 0 && m.Method == "BYE" })

	unreachable := invite("two")
	unreachable.Set("Contact", "nobody")
	w.send(unreachable, p.Addr())
	w.expect("400 to a caller whom no BYE would reach", func(m *Message) bool { return m.Status == 400 })
}

// TestRequestsOutOfPlace: 481 without a dialog, 500 for an old CSeq, 420 for an
// unknown extension, 481 for a Replaces that names nothing.
func TestRequestsOutOfPlace(t *testing.T) {
	t.Parallel()
	p := listen(t, Config{OnInvite: func(c *Call) { c.Answer() }})
	w := openWire(t)
	serial := 0
	ask := func(method, toTag string, cseq int, extra ...Field) *Message {
		serial++
		m := &Message{Method: method, URI: fmt.Sprintf("sip:5000@%s", p.Addr())}
		m.Add("Via", fmt.Sprintf("SIP/2.0/UDP %s;branch=z9hG4bKx%d", w.addr(), serial))
		m.Add("From", "<sip:1@127.0.32.9>;tag=f")
		to := "<sip:5000@127.0.32.1>"
		if toTag != "" {
			to += ";tag=" + toTag
		}
		m.Add("To", to)
		m.Add("Call-ID", "place")
		m.Add("CSeq", fmt.Sprintf("%d %s", cseq, method))
		m.Add("Contact", fmt.Sprintf("<sip:%s>", w.addr()))
		m.Fields = append(m.Fields, extra...)
		w.send(m, p.Addr())
		if method == "ACK" {
			return nil
		}
		return w.expect("final to "+method, func(r *Message) bool {
			return r.Status >= 200 && r.Get("Via") == m.Get("Via")
		})
	}
	if got := ask("BYE", "unknown", 2).Status; got != 481 {
		t.Errorf("BYE without a dialog: %d", got)
	}
	if got := ask("INVITE", "", 1, Field{"Require", "teleport"}); got.Status != 420 || got.Get("Unsupported") != "teleport" {
		t.Errorf("unknown extension: %s", got.bytes())
	}
	if got := ask("INVITE", "", 1, Field{"Replaces", "a;to-tag=b;from-tag=c"}).Status; got != 481 {
		t.Errorf("Replaces of nothing: %d", got)
	}
	tag := ask("INVITE", "", 5).ToTag()
	ask("ACK", tag, 5)
	if got := ask("INFO", tag, 7).Status; got != 200 {
		t.Errorf("INFO: %d", got)
	}
	if got := ask("INFO", tag, 6).Status; got != 500 {
		t.Errorf("old CSeq: %d", got)
	}
	if got := ask("BYE", tag, 8).Status; got != 200 {
		t.Errorf("BYE: %d", got)
	}
}
