package mirror

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// rogue is a server that answers each connection as it likes.
func rogue(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var wait sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	wait.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			wait.Go(func() { defer c.Close(); serve(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		wait.Wait()
	})
	return l.Addr().String()
}

// message is one of PostgreSQL's protocol.
func message(kind byte, body string) []byte {
	out := append([]byte{kind}, binary.BigEndian.AppendUint32(nil, uint32(len(body)+4))...)
	return append(out, body...)
}

// welcome lets a PostgreSQL client in.
func welcome(c net.Conn) {
	_, _ = c.Read(make([]byte, 4096))
	_, _ = c.Write(append(message('R', "\x00\x00\x00\x00"), message('Z', "I")...))
}

func endlessly(c net.Conn, what []byte) {
	for {
		if _, err := c.Write(what); err != nil {
			return
		}
	}
}

// Whatever answers at the address, it is told as down, within the time that is
// given to it, with bounded memory, and the watch ends at once when it is told to.
func TestRogueServers(t *testing.T) {
	t.Parallel()
	closed := rogue(t, func(net.Conn) {})
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	refusing := dead.Addr().String()
	dead.Close()
	row := message('D', "\x00\x01\x00\x00\x00\x03abc")
	for name, c := range map[string]struct{ scheme, at, cause string }{
		"refuses":               {"postgres", refusing, "refused"},
		"accepts and closes":    {"postgres", closed, ""},
		"says nothing":          {"postgres", rogue(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }), "no answer within"},
		"speaks HTTP":           {"postgres", rogue(t, func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }), ""},
		"a length of gigabytes": {"postgres", rogue(t, func(c net.Conn) { _, _ = c.Write([]byte("R\x7f\xff\xff\xff")); _, _ = io.Copy(io.Discard, c) }), ""},
		"greets and falls mute": {"postgres", rogue(t, func(c net.Conn) { welcome(c); _, _ = io.Copy(io.Discard, c) }), "no answer within"},
		"rows without end":      {"postgres", rogue(t, func(c net.Conn) { welcome(c); endlessly(c, row) }), ""},
		"an empty answer": {"postgres", rogue(t, func(c net.Conn) {
			welcome(c)
			_, _ = c.Read(make([]byte, 4096))
			_, _ = c.Write(append(message('C', "SELECT 0\x00"), message('Z', "I")...))
			_, _ = io.Copy(io.Discard, c)
		}), "not answer as PostgreSQL"},
		"a row that says little": {"postgres", rogue(t, func(c net.Conn) {
			welcome(c)
			_, _ = c.Read(make([]byte, 4096))
			_, _ = c.Write(append(append(message('T', "\x00\x01a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x19\xff\xff\x00\x00\x00\x00\x00\x00"), row...), append(message('C', "SELECT 1\x00"), message('Z', "I")...)...))
			_, _ = io.Copy(io.Discard, c)
		}), "not answer as PostgreSQL"},
		"one byte at a time": {"postgres", rogue(t, drip), "no answer within"},
		"starts up": {"postgres", rogue(t, func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = c.Write(message('E', "SFATAL\x00C57P03\x00Mthe database system is starting up\x00\x00"))
		}), "starting up"},
		"MySQL refuses":      {"mysql", refusing, "refused"},
		"MySQL says nothing": {"mysql", rogue(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }), "no answer within"},
		"MySQL speaks HTTP":  {"mysql", rogue(t, func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }), ""},
		"MySQL without end":  {"mysql", rogue(t, func(c net.Conn) { endlessly(c, []byte("\xff\xff\xff\x00"+strings.Repeat("\x0a", 1<<16))) }), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := fmt.Sprintf("%s://u:secret@%s/db?", c.scheme, c.at)
			if c.scheme == "postgres" {
				url += "sslmode=disable"
			}
			w := New(Config{
				Main: Database{URL: url}, Mirror: Database{URL: url}, MaxLag: time.Second, Interval: 50 * time.Millisecond,
				Timeout: 300 * time.Millisecond, Heartbeat: "beats", Node: "test",
			})
			w.Start()
			x := &watched{t: t, Watcher: w}
			s := x.await(name, func(s State) bool { return s.MainDown && s.MirrorDown })
			if s.Behind != Unknown || s.Broken != OK || !s.LagAt.IsZero() {
				t.Errorf("%+v", s)
			}
			if got := s.Look.Main.Cause; got == "" || !strings.Contains(got, c.cause) || len(got) > maxCause || strings.Contains(got, "secret") {
				t.Errorf("cause %q, want %q", got, c.cause)
			}
			w.Close()
			if looks, failed := w.Counts(); looks < 2 || failed < 4 {
				t.Errorf("%d looks, %d failed", looks, failed)
			}
		})
	}
	t.Cleanup(func() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if m.HeapSys > 512<<20 {
			t.Errorf("%d MB of heap", m.HeapSys>>20)
		}
	})
}

// drip is in no hurry.
func drip(c net.Conn) {
	for _, b := range message('R', strings.Repeat("\x00", 200)) {
		if _, err := c.Write([]byte{b}); err != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// A URL that nobody can read is told, and is nobody's fault but ours.
func TestUnreadableURL(t *testing.T) {
	for _, url := range []string{"", "postgres://", "oracle://x/y", "postgres://h/db?sslmode=perhaps", "mysql://h/db?charset=x", "mysql://h:99999999/%zz"} {
		c := Config{Timeout: time.Second, Main: Database{URL: url}}
		s := newSource(&c, &c.Main, true, new(mirrorAt))
		if a := s.ask(t.Context(), 1); a.Reach != Ours || a.Cause == "" {
			t.Errorf("%q: %+v", url, a)
		}
		if s.measure(t.Context()) != 0 {
			t.Errorf("%q has a size", url)
		}
		s.close()
	}
}

// A panic of ours ends one question, and is told.
func TestPanicEndsOneQuestion(t *testing.T) {
	caught := make(chan any, 10)
	w := New(Config{Interval: time.Millisecond, Timeout: time.Second, Caught: func(r any) {
		select {
		case caught <- r:
		default:
		}
	}})
	w.main = panicking{}
	w.Start()
	<-caught
	<-caught
	w.Close()
}

type panicking struct{ unreadable }

func (panicking) ask(context.Context, uint64) Answer { panic("as planned") }
