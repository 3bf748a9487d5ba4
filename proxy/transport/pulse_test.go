package transport

import (
	"io"
	"net"
	"testing"
	"time"
)

// The limits of these tests: pings at once, and a pong's time long enough for any
// machine where one is expected.
func fastPulse(pong time.Duration) limits {
	l := defaultLimits()
	l.ping, l.pong = 40*time.Millisecond, pong
	return l
}

// dialed is one connection that we opened, and its far end; the message that had
// it opened was read.
func dialed(t *testing.T, network Network, l limits) (tr *Transport, r *recorder, c net.Conn) {
	t.Helper()
	r = newRecorder()
	if network == TLS {
		s := newSite(t, "sip:far.example")
		ln, at := s.farTLS(t, "127.0.59.2:0", nil)
		config := s.on("127.0.59.1:0")
		config.Peers = []Peer{{Addr: at, Domain: "far.example"}}
		tr = startWith(t, config, r, l)
		must(t, tr.Send(Flow{Network: TLS, Remote: at}, []byte(bye)))
		c = acceptTLS(t, ln)
	} else {
		ln, at := far(t, "127.0.59.4:0")
		tr = startWith(t, onTCP("127.0.59.3:0"), r, l)
		must(t, tr.Send(Flow{Network: TCP, Remote: at}, []byte(bye)))
		socket, err := ln.AcceptTCP()
		must(t, err)
		t.Cleanup(func() { _ = socket.Close() })
		_ = socket.SetDeadline(time.Now().Add(10 * time.Second))
		c = socket
	}
	hear(t, c, bye)
	return tr, r, c
}

// halfOpenIsFoundByPing: a peer that answered and then is silent is gone;
// whoever owns its calls is told, and the next message opens a new connection.
func halfOpenIsFoundByPing(t *testing.T) {
	for _, network := range []Network{TCP, TLS} {
		tr, r, c := dialed(t, network, fastPulse(time.Second))
		for range answersBefore + 2 {
			hear(t, c, "\r\n\r\n")
			say(t, c, "\r\n")
		}
		hear(t, c, "\r\n\r\n")
		lost := r.count(t, 1)[0]
		if !lost.failed || lost.cause != ConnectionLost || lost.flow.Remote.String() != c.LocalAddr().String() {
			t.Errorf("%v: told %+v", network, lost)
		}
		until(t, "no connection", func() bool { return len(tr.Connections()) == 0 })
		if k := tr.Counters(); k.Unanswered != 1 || k.PingsSent != answersBefore+3 || k.Sent != 1 || k.IdleClosed != 0 {
			t.Errorf("%v: counters %+v", network, k)
		}
	}
}

// neverAnswersPings: such a peer keeps its connection, and so does one that sends
// pings of its own, or messages, where a pong would stand.
func neverAnswersPings(t *testing.T) {
	for what, says := range map[string]struct{ instead, answer string }{
		"nothing": {}, "its own ping": {"\r\n\r\n", "\r\n"}, "a message": {"\r\n" + bye, ""}, "half a ping, once": {"\r", ""},
	} {
		tr, r, c := dialed(t, TCP, fastPulse(20*time.Millisecond))
		for i := range 3 * answersBefore {
			hear(t, c, "\r\n\r\n")
			if i < answersBefore {
				say(t, c, says.instead)
				hear(t, c, says.answer)
			}
		}
		must(t, tr.Send(Flow{Network: TCP, Remote: c.LocalAddr().(*net.TCPAddr).AddrPort()}, []byte(invite)))
		for b := make([]byte, 1); b[0] != invite[0]; { // pings may stand before it
			if _, err := c.Read(b); err != nil {
				t.Fatal(err)
			}
		}
		hear(t, c, invite[1:])
		for _, h := range r.list() {
			if h.failed {
				t.Errorf("%s: told %+v", what, h)
			}
		}
		if k := tr.Counters(); k.Unanswered != 0 || k.Dialed != 1 {
			t.Errorf("%s: counters %+v", what, k)
		}
	}
}

// TestPingsKeepNothingOpen: pongs are no messages: what nobody needs is closed.
func TestPingsKeepNothingOpen(t *testing.T) {
	l := fastPulse(5 * time.Second)
	l.idle = 400 * time.Millisecond
	tr, r, c := dialed(t, TCP, l)
	for b := make([]byte, 4); ; {
		if _, err := io.ReadFull(c, b); err != nil {
			break
		}
		_, _ = io.WriteString(c, "\r\n")
	}
	until(t, "no connection", func() bool { return len(tr.Connections()) == 0 })
	if k := tr.Counters(); k.IdleClosed != 1 || k.PingsSent == 0 || len(r.list()) != 0 {
		t.Errorf("counters %+v, heard %+v", k, r.list())
	}
}

// TestAcceptedConnectionsAreNotPinged: who opened it keeps it alive (RFC 5626 §4.4).
func TestAcceptedConnectionsAreNotPinged(t *testing.T) {
	l := fastPulse(5 * time.Second)
	l.idle = 300 * time.Millisecond
	tr := startWith(t, onTCP("127.0.59.5:0"), newRecorder(), l)
	closed(t, streamTo(t, tr.Addr(0)))
	if k := tr.Counters(); k.PingsSent != 0 || k.IdleClosed != 1 {
		t.Errorf("counters %+v", k)
	}
}
