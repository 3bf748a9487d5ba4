package transport

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// streamTo opens a plain TCP connection to a listener.
func streamTo(t *testing.T, to netip.AddrPort) *net.TCPConn {
	t.Helper()
	c, err := net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

// far opens a listener of another party.
func far(t *testing.T, a string) (*net.TCPListener, netip.AddrPort) {
	t.Helper()
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(addr(a)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	_ = l.SetDeadline(time.Now().Add(10 * time.Second))
	return l, l.Addr().(*net.TCPAddr).AddrPort()
}

func say(t *testing.T, c net.Conn, s string) {
	t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		t.Fatal(err)
	}
}

func hear(t *testing.T, c net.Conn, want string) {
	t.Helper()
	b := make([]byte, len(want))
	if _, err := io.ReadFull(c, b); err != nil || string(b) != want {
		t.Fatalf("read %q, %v; want %q", b, err, want)
	}
}

// closed waits for the end of the stream.
func closed(t *testing.T, c net.Conn) {
	t.Helper()
	if n, err := io.Copy(io.Discard, c); timedOut(err) || n > 0 {
		t.Fatalf("not closed: %d bytes, %v", n, err)
	}
}

func TestStreamBothWays(t *testing.T) {
	for _, ip := range []string{"127.0.34.1:0", "[::1]:0"} {
		r := newRecorder()
		tr := start(t, onTCP(ip), r)
		c := streamTo(t, tr.Addr(0))
		say(t, c, invite+bye+"\r\n\r\n"+broken+folded[:40])
		hear(t, c, "\r\n")
		all := r.count(t, 3)
		say(t, c, folded[40:]+bare)
		all = r.count(t, len(all)+2)
		for i, want := range []string{invite, bye, broken, folded, bare} {
			if all[i].raw != want || all[i].failed || all[i].flow != all[0].flow {
				t.Fatalf("message %d is %+v, want %q", i, all[i], want)
			}
		}
		f := all[0].flow
		if f.Network != TCP || f.Conn == 0 || f.Remote != c.LocalAddr().(*net.TCPAddr).AddrPort() {
			t.Fatalf("flow %+v", f)
		}
		for _, by := range []Flow{f, {Network: TCP, Remote: f.Remote}} { // by number, by address
			if err := tr.Send(by, []byte(bye)); err != nil {
				t.Fatal(err)
			}
			hear(t, c, bye)
		}
		if k := tr.Counters(); k.Connections != 1 || k.Accepted != 1 || k.Dialed != 0 || k.Received != 5 || k.KeepAlives != 1 {
			t.Errorf("counters %+v", k)
		}
		_ = c.Close()
		last := r.count(t, 6)[5]
		if !last.failed || last.cause != ConnectionLost || last.flow != f {
			t.Errorf("the end is %+v", last)
		}
		until(t, "no connection", func() bool { return len(tr.Connections()) == 0 })
	}
}

func TestLargestMessage(t *testing.T) {
	r := newRecorder()
	tr := start(t, onTCP("127.0.34.2:0"), r)
	c := streamTo(t, tr.Addr(0))
	head := "MESSAGE sip:x SIP/2.0\r\nContent-Length: 65000\r\n\r\n"
	large := head + strings.Repeat("m", 65000)
	say(t, c, large+bye+large)
	all := r.count(t, 3)
	if all[0].raw != large || all[1].raw != bye || all[2].raw != large {
		t.Fatal("not the messages that were sent")
	}
	if err := tr.Send(all[0].flow, []byte(large)); err != nil {
		t.Fatal(err)
	}
	hear(t, c, large)
}

func TestDialedOnceAndReused(t *testing.T) {
	for _, ip := range [][2]string{{"127.0.34.3:0", "127.0.34.4:0"}, {"[::1]:0", "[::1]:0"}} {
		l, at := far(t, ip[1])
		r := newRecorder()
		tr := start(t, onTCP(ip[0]), r)
		to := Flow{Network: TCP, Remote: at}
		want := ""
		for i := range 20 {
			m := fmt.Sprintf("message %d\r\n", i)
			want += m
			if err := tr.Send(to, []byte(m)); err != nil {
				t.Fatal(err)
			}
		}
		c, err := l.AcceptTCP()
		if err != nil {
			t.Fatal(err)
		}
		hear(t, c, want)
		if from := c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr(); from != tr.Addr(0).Addr() {
			t.Errorf("dialed from %s, want the listener's address %s", from, tr.Addr(0))
		}
		say(t, c, bye)
		back := r.count(t, 1)[0].flow
		if err := tr.Send(back, []byte(bye)); err != nil {
			t.Fatal(err)
		}
		hear(t, c, bye)
		if k := tr.Counters(); k.Dialed != 1 || k.Connections != 1 {
			t.Errorf("counters %+v", k)
		}
		until(t, "21 sent", func() bool { return tr.Counters().Sent == 21 })
		// The connection ends; the next message for it goes out on a new one.
		_ = c.Close()
		r.wait(t, "loss", func(all []heard) bool { return all[len(all)-1].failed })
		if err := tr.Send(back, []byte(bye)); err != nil {
			t.Fatal(err)
		}
		if c, err = l.AcceptTCP(); err != nil {
			t.Fatal(err)
		}
		hear(t, c, bye)
		_ = c.Close()
	}
}

func TestDialRefused(t *testing.T) {
	l, at := far(t, "127.0.34.5:0")
	_ = l.Close()
	r := newRecorder()
	tr := start(t, onTCP("127.0.34.6:0"), r)
	if err := tr.Send(Flow{Network: TCP, Remote: at}, []byte(bye)); err != nil {
		t.Fatal(err)
	}
	want := heard{flow: Flow{Network: TCP, Remote: at}, failed: true, cause: PortUnreachable}
	if got := r.count(t, 1)[0]; got != want {
		t.Fatalf("heard %+v, want %+v", got, want)
	}
	if k := tr.Counters(); k.DroppedUnreachable != 1 || k.DialsFailed != 1 || k.Connections != 0 {
		t.Errorf("counters %+v", k)
	}
}

// A reset is a refusal: the process was killed.
func TestReset(t *testing.T) {
	r := newRecorder()
	tr := start(t, onTCP("127.0.34.7:0"), r)
	c := streamTo(t, tr.Addr(0))
	say(t, c, bye)
	f := r.count(t, 1)[0].flow
	_ = c.SetLinger(0)
	_ = c.Close()
	if got := r.count(t, 2)[1]; !got.failed || got.cause != PortUnreachable || got.flow != f {
		t.Fatalf("heard %+v", got)
	}
}

func TestStreamsThatEnd(t *testing.T) {
	l := defaultLimits()
	l.grace = 50 * time.Millisecond
	hasty := l
	hasty.message = 50 * time.Millisecond
	head := "OPTIONS sip:x SIP/2.0\r\n"
	for _, c := range []struct {
		name, stream string
		handed       int
		limits       limits
		counted      func(Counters) uint64
	}{
		{"no Content-Length", head + "\r\n", 1, l, func(k Counters) uint64 { return k.WithoutLength }},
		{"unreadable Content-Length", bye + head + "l: x\r\n\r\n", 2, l, func(k Counters) uint64 { return k.BadLength }},
		{"too long", bye + bye + head + "l: 70000\r\n\r\n", 2, l, func(k Counters) uint64 { return k.Oversized }},
		{"head over 64 KB", head + strings.Repeat("x", 65<<10), 0, l, func(k Counters) uint64 { return k.Oversized }},
		{"never completed", bye + head, 1, hasty, func(k Counters) uint64 { return k.SlowMessages }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRecorder()
			tr := startWith(t, onTCP("127.0.34.8:0"), r, c.limits)
			other := streamTo(t, tr.Addr(0))
			conn := streamTo(t, tr.Addr(0))
			_, _ = io.WriteString(conn, c.stream) // may be reset midway
			all := r.wait(t, "the end", func(all []heard) bool { return len(all) > 0 && all[len(all)-1].failed })
			if len(all) != c.handed+1 || all[c.handed].cause != ConnectionLost {
				t.Fatalf("heard %+v, want %d messages and the loss", all, c.handed)
			}
			closed(t, conn)
			if k := tr.Counters(); c.counted(k) != 1 || k.Received != uint64(c.handed) {
				t.Errorf("counters %+v", k)
			}
			say(t, other, bye) // others do not notice
			r.count(t, c.handed+2)
		})
	}
}

// An answer to a message without a usable Content-Length still leaves (RFC 4475
// §3.1.2.3, §3.3.9: 400, then the end).
func TestAnswerBeforeTheEnd(t *testing.T) {
	for name, length := range map[string]string{"none": "", "negative": "Content-Length: -999\r\n", "two": "l: 13\r\nContent-Length: 5\r\n"} {
		t.Run(name, func(t *testing.T) { answerBeforeTheEnd(t, length) })
	}
}

func answerBeforeTheEnd(t *testing.T, length string) {
	l := defaultLimits()
	l.grace = 50 * time.Millisecond
	r := newRecorder()
	tr, err := open(onTCP("127.0.34.9:0"), r, l)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	r.receive = func(f Flow, _ []byte) { _ = tr.Send(f, []byte("SIP/2.0 400 Bad\r\n\r\n")) }
	tr.Start()
	c := streamTo(t, tr.Addr(0))
	say(t, c, "OPTIONS sip:x SIP/2.0\r\n"+length+"\r\nand more that cannot be framed")
	hear(t, c, "SIP/2.0 400 Bad\r\n\r\n")
	closed(t, c)
}

func TestIdleConnectionCloses(t *testing.T) {
	l := defaultLimits()
	l.idle = 50 * time.Millisecond
	r := newRecorder()
	tr := startWith(t, onTCP("127.0.34.10:0"), r, l)
	c := streamTo(t, tr.Addr(0))
	closed(t, c)
	until(t, "no connection", func() bool { return len(tr.Connections()) == 0 })
	if k := tr.Counters(); k.IdleClosed != 1 || len(r.list()) != 0 {
		t.Errorf("counters %+v, heard %+v", k, r.list())
	}
}

// A peer that never reads costs a bounded queue and its own connection.
func TestPeerThatNeverReads(t *testing.T) {
	l := defaultLimits()
	l.write = 200 * time.Millisecond
	r := newRecorder()
	tr := startWith(t, onTCP("127.0.34.11:0"), r, l)
	c := streamTo(t, tr.Addr(0))
	_ = c.SetReadBuffer(4096)
	say(t, c, bye)
	f := r.count(t, 1)[0].flow
	large := []byte(strings.Repeat("x", 60000))
	for i := 0; tr.Send(f, large) != ErrQueueFull; i++ {
		if i > 10_000 {
			t.Fatal("600 MB were taken for a peer that does not read")
		}
	}
	for _, c := range tr.Connections() {
		if c.Queued > l.queue {
			t.Errorf("%d bytes queued, the bound is %d", c.Queued, l.queue)
		}
	}
	r.wait(t, "the end", func(all []heard) bool { return all[len(all)-1].failed })
	if k := tr.Counters(); k.StuckWriters != 1 || k.DroppedQueue == 0 || k.DroppedLost == 0 || k.Connections != 0 {
		t.Errorf("counters %+v", k)
	}
}

// lastLine is the number of the line after which nothing comes.
const lastLine = 999_999

// sendLines sends 2000 numbered lines, drops what finds no room, and then sends the
// last one, for which it waits; it returns how many were taken before that.
func sendLines(tr *Transport, f Flow, body string) <-chan int {
	taken := make(chan int, 1)
	go func() {
		n := 0
		for i := range 2000 {
			if tr.Send(f, fmt.Appendf(nil, "%06d%s\n", i, body)) == nil {
				n++
			}
		}
		taken <- n
		for errors.Is(tr.Send(f, fmt.Appendf(nil, "%06d%s\n", lastLine, body)), ErrQueueFull) {
			time.Sleep(time.Millisecond) // the reader makes room
		}
	}()
	return taken
}

// readLines reads until the last line: each is whole, in order, and none of those
// that were taken is missing.
func readLines(t *testing.T, in io.Reader, body string, taken <-chan int) {
	t.Helper()
	line := make([]byte, 6+len(body)+1)
	lines := 0
	for last := -1; last != lastLine; lines++ {
		if _, err := io.ReadFull(in, line); err != nil {
			t.Fatal(err)
		}
		var i int
		if _, err := fmt.Sscanf(string(line[:6]), "%d", &i); err != nil || i <= last || string(line[6:]) != body+"\n" {
			t.Fatalf("line %d after %d is not whole: %v", i, last, err)
		}
		last = i
	}
	if n := <-taken; lines != n+1 {
		t.Errorf("%d lines came of %d that were taken", lines-1, n)
	}
}

// Messages queued behind a slow reader arrive whole and in order.
func TestSlowReaderLosesNothing(t *testing.T) {
	r := newRecorder()
	tr := start(t, onTCP("127.0.34.12:0"), r)
	c := streamTo(t, tr.Addr(0))
	say(t, c, bye)
	f := r.count(t, 1)[0].flow
	body := strings.Repeat("y", 9000)
	readLines(t, c, body, sendLines(tr, f, body))
}

// turnedAway connects and finds the connection reset, perhaps before it knows
// that it was established.
func turnedAway(t *testing.T, from *net.TCPAddr, to netip.AddrPort) {
	t.Helper()
	c, err := net.DialTCP("tcp", from, net.TCPAddrFromAddrPort(to))
	if errors.Is(err, unix.ECONNRESET) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	closed(t, c)
}

func TestConnectionLimits(t *testing.T) {
	_, at := far(t, "127.0.34.13:0")
	c := onTCP("127.0.34.14:0")
	c.MaxConnections, c.MaxPerSource = 3, 2
	c.Allow = func(a netip.Addr) bool { return a != netip.MustParseAddr("127.0.34.99") }
	tr := start(t, c, newRecorder())
	for range 2 {
		streamTo(t, tr.Addr(0))
	}
	turnedAway(t, nil, tr.Addr(0)) // the third of one source
	turnedAway(t, net.TCPAddrFromAddrPort(addr("127.0.34.99:0")), tr.Addr(0))
	if err := tr.Send(Flow{Network: TCP, Remote: at}, []byte(bye)); err != nil {
		t.Fatal(err) // the third of all
	}
	if err := tr.Send(Flow{Network: TCP, Remote: addr("127.0.34.15:9")}, []byte(bye)); err != ErrLimit {
		t.Fatalf("the fourth of all: %v, want ErrLimit", err)
	}
	until(t, "refusal", func() bool { return tr.Counters().ConnectionsRefused == 1 })
	if k := tr.Counters(); k.OverSource != 1 || k.OverLimit != 1 || k.ConnectionsRefused != 1 || k.DroppedLimit != 1 || k.Connections != 3 {
		t.Errorf("counters %+v", k)
	}
}
