package transport

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// A plain TCP server where TLS was expected, and one that hangs.
func TestTLSHandshakeThatNeverEnds(t *testing.T) {
	s := newSite(t)
	limits := defaultLimits()
	limits.handshake = 500 * time.Millisecond
	l, at := far(t, "127.0.35.9:0")
	r := newRecorder()
	tr := startWith(t, s.on("127.0.35.10:0"), r, limits)
	for _, c := range []struct {
		answer string
		cause  Cause
	}{{"", HostUnreachable}, {"SIP/2.0 400 Bad\r\n\r\n", TLSFault}} {
		before := len(r.list())
		if err := tr.Send(Flow{Network: TLS, Remote: at}, []byte(bye)); err != nil {
			t.Fatal(err)
		}
		conn, err := l.AcceptTCP()
		if err != nil {
			t.Fatal(err)
		}
		say(t, conn, c.answer)
		if got := r.count(t, before+1)[before]; !got.failed || got.cause != c.cause || got.flow.Conn != 0 {
			t.Errorf("answer %q: heard %+v, want %s", c.answer, got, c.cause)
		}
		_ = conn.Close()
	}
	if k := tr.Counters(); k.HandshakesSlow != 1 || k.HandshakesFailed != 1 || k.HandshakesOpen != 0 {
		t.Errorf("counters %+v", k)
	}
}

// Handshakes begun and not ended cost a bounded number of connections for a
// bounded time, and those already open do not notice.
func TestHalfOpenHandshakes(t *testing.T) {
	s := newSite(t)
	limits := defaultLimits()
	limits.handshake = time.Second
	c := s.on("127.0.35.14:0")
	c.MaxConnections, c.MaxPerSource = 6, 4
	r := newRecorder()
	tr := startWith(t, c, r, limits)
	good := dialTLS(t, tr.Addr(0), s.client(t))
	slow := []net.Conn{}
	for range 3 {
		slow = append(slow, streamTo(t, tr.Addr(0)))
	}
	_, _ = slow[0].Write([]byte{22, 3, 1, 0, 200, 1}) // the first bytes of a ClientHello
	until(t, "3 handshakes open", func() bool { return tr.Counters().HandshakesOpen == 3 })
	turnedAway(t, nil, tr.Addr(0)) // the fifth of one source
	say(t, good, bye)
	r.count(t, 1)
	for _, conn := range slow {
		closed(t, conn)
	}
	until(t, "the end of the slow", func() bool { return tr.Counters().Connections == 1 })
	if k := tr.Counters(); k.HandshakesSlow != 3 || k.HandshakesOpen != 0 || k.OverSource != 1 {
		t.Errorf("counters %+v", k)
	}
	say(t, dialTLS(t, tr.Addr(0), s.client(t)), bye) // there is room again
	r.count(t, 2)
}

func TestTLSPeerThatNeverReads(t *testing.T) {
	s := newSite(t)
	limits := defaultLimits()
	limits.write = 200 * time.Millisecond
	r := newRecorder()
	tr := startWith(t, s.on("127.0.35.15:0"), r, limits)
	raw := streamTo(t, tr.Addr(0))
	_ = raw.SetReadBuffer(4096)
	c := tls.Client(raw, s.client(t))
	say(t, c, bye)
	f := r.count(t, 1)[0].flow
	large := []byte(strings.Repeat("x", 60000))
	for i := 0; !errors.Is(tr.Send(f, large), ErrQueueFull); i++ {
		if i > 10_000 {
			t.Fatal("600 MB were taken for a peer that does not read")
		}
	}
	for _, c := range tr.Connections() {
		if c.Queued > limits.queue+maxDatagram {
			t.Errorf("%d bytes queued, the bound is %d", c.Queued, limits.queue)
		}
	}
	r.wait(t, "the end", func(all []heard) bool { return all[len(all)-1].failed })
	if k := tr.Counters(); k.StuckWriters != 1 || k.DroppedQueue == 0 || k.Connections != 0 {
		t.Errorf("counters %+v", k)
	}
}

// Messages that wait behind a slow reader are whole and in order: a sealed
// record that was dropped would end the connection.
func TestTLSSlowReader(t *testing.T) {
	s := newSite(t)
	r := newRecorder()
	tr := start(t, s.on("127.0.35.16:0"), r)
	c := dialTLS(t, tr.Addr(0), s.client(t))
	say(t, c, bye)
	f := r.count(t, 1)[0].flow
	body := strings.Repeat("y", 9000)
	readLines(t, c, body, sendLines(tr, f, body))
}

// The far end is told the end in TLS's own words.
func TestTLSIdleCloses(t *testing.T) {
	s := newSite(t)
	limits := defaultLimits()
	limits.idle = 50 * time.Millisecond
	r := newRecorder()
	tr := startWith(t, s.on("127.0.35.17:0"), r, limits)
	c := dialTLS(t, tr.Addr(0), s.client(t))
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the end is %v, want close_notify", err)
	}
	until(t, "no connection", func() bool { return len(tr.Connections()) == 0 })
	if k := tr.Counters(); k.IdleClosed != 1 || len(r.list()) != 0 {
		t.Errorf("counters %+v, heard %+v", k, r.list())
	}
}

func TestTLSClosedMidway(t *testing.T) {
	s := newSite(t)
	l, at := far(t, "127.0.35.18:0")
	tr, err := New(s.on("127.0.35.19:0"), newRecorder())
	if err != nil {
		t.Fatal(err)
	}
	tr.Start()
	_ = streamTo(t, tr.Addr(0)) // a handshake that we wait for
	if err := tr.Send(Flow{Network: TLS, Remote: at}, []byte(bye)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.AcceptTCP(); err != nil { // and one that we began
		t.Fatal(err)
	}
	until(t, "two handshakes", func() bool { return tr.Counters().HandshakesOpen == 2 })
	began := time.Now()
	tr.Close()
	if d := time.Since(began); d > 3*time.Second {
		t.Errorf("Close waited %s for handshakes", d)
	}
	if err := tr.Send(Flow{Network: TLS, Remote: at}, []byte(bye)); !errors.Is(err, ErrClosed) {
		t.Errorf("Send after Close: %v", err)
	}
}
