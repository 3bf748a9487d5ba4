package abuse

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Which of the hostile addresses an attack comes from: each has its own share of
// connections.
const (
	fromSlow   = 1
	fromIdle   = 2 // and the next
	fromChurn  = 4
	fromDeaf   = 5
	fromMutant = 6
	fromScan   = 7
	fromLimits = 8
)

// gone reports whether Relève ended a connection within a time.
func gone(c net.Conn, within time.Duration) bool {
	_ = c.SetReadDeadline(time.Now().Add(within))
	_, err := io.Copy(io.Discard, c)
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

// stall is how a connection never gets to its point.
type stall struct {
	name      string
	tls       bool
	handshake bool // it is the handshake that does not end
	first     func(s *site, c net.Conn) error
	each      []byte // one byte of it a second
}

// slowMessage is longer than any attack lasts, at a byte a second.
func slowMessage(s *site, from netip.AddrPort, body string) []byte {
	r := newRequest("OPTIONS", "TCP", from, s.releve, "")
	r.body = body
	r.extra = []string{"X-Padding: " + strings.Repeat("x", 200)}
	return r.bytes()
}

func write(c net.Conn, raw []byte) error {
	_ = c.SetWriteDeadline(time.Now().Add(5 * time.Second))
	_, err := c.Write(raw)
	return err
}

// stalls are the ways of slow and half-open connections.
func stalls(s *site) []stall {
	from := netip.AddrPortFrom(s.hostile(fromSlow), 5060)
	msg := slowMessage(s, from, "")
	body := slowMessage(s, from, strings.Repeat("y", 500))
	all := []stall{
		{name: "a byte a second", each: msg},
		{name: "stopped in a head", first: func(_ *site, c net.Conn) error { return write(c, msg[:120]) }},
		{name: "stopped in a body", first: func(_ *site, c net.Conn) error { return write(c, body[:len(body)-300]) }},
	}
	if !s.streams {
		return all
	}
	return append(all,
		stall{name: "TLS without a word", tls: true, handshake: true, first: func(*site, net.Conn) error { return nil }},
		stall{name: "TLS stopped in a hello", tls: true, handshake: true, first: func(_ *site, c net.Conn) error {
			// A handshake record of 512 bytes that never comes whole (RFC 8446 §5.1).
			return write(c, []byte{22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3})
		}},
		stall{name: "TLS stopped in a head", tls: true, first: func(s *site, c net.Conn) error {
			t := tls.Client(c, &tls.Config{RootCAs: s.pool, ServerName: s.secured.Addr().String()})
			if err := t.Handshake(); err != nil {
				return err
			}
			return write(t, msg[:120])
		}},
	)
}

// How long Relève waits for a message to be whole, and for a handshake
// (proxy/transport), and then some.
const (
	messageLimit   = 33 * time.Second
	handshakeLimit = 6 * time.Second
)

// slow opens slow, half-open and idle connections, more than may be, keeps them
// for a time (messageLimit: until Relève has ended all of them), and asks that a good peer can still connect.
func slow(each, idle int, lasts time.Duration) func(context.Context, *site) (int, error) {
	return func(ctx context.Context, s *site) (sent int, err error) {
		begun := time.Now()
		var conns, due []net.Conn
		defer func() {
			for _, c := range conns {
				_ = c.Close()
			}
		}()
		var drips sync.WaitGroup
		defer drips.Wait()
		for _, way := range stalls(s) {
			to := s.releve
			if way.tls {
				to = s.secured
			}
			for range each {
				c, err := dial(ctx, s.hostile(fromSlow), to)
				if err != nil {
					return sent, fmt.Errorf("%s: %w", way.name, err)
				}
				conns = append(conns, c)
				if lasts >= messageLimit || way.handshake {
					due = append(due, c)
				}
				sent++
				if way.first != nil {
					if err := way.first(s, c); err != nil {
						return sent, fmt.Errorf("%s: %w", way.name, err)
					}
				}
				if way.each != nil {
					drips.Go(func() { drip(ctx, c, way.each, begun.Add(lasts)) })
				}
			}
		}
		opened, err := s.idle(ctx, idle)
		conns = append(conns, opened...)
		sent += idle
		if err != nil {
			return sent, err
		}
		if err := s.another(ctx); err != nil {
			return sent, fmt.Errorf("a good peer cannot connect while others fill the limits: %w", err)
		}
		if err := pause(ctx, time.Until(begun.Add(lasts))); err != nil {
			return sent, err
		}
		for _, c := range due {
			if !gone(c, time.Second) {
				return sent, fmt.Errorf("a slow connection is kept after %v", time.Since(begun))
			}
		}
		return sent, nil
	}
}

// drip writes a byte a second until the connection is ended.
func drip(ctx context.Context, c net.Conn, raw []byte, until time.Time) {
	for _, b := range raw {
		if time.Now().After(until) || write(c, []byte{b}) != nil || pause(ctx, time.Second) != nil {
			return
		}
	}
}

// idle attempts connections that say nothing: from two addresses that are known
// and from strangers, who are ended at once.
func (s *site) idle(ctx context.Context, n int) (open []net.Conn, err error) {
	for i := range n {
		from := s.hostile(fromIdle + i%2)
		if i%10 == 9 {
			from = s.stranger(i)
		}
		c, err := dial(ctx, from, s.releve)
		if errors.Is(err, syscall.ECONNRESET) {
			continue // refused before we knew it was open
		}
		if err != nil {
			return open, err
		}
		open = append(open, c)
	}
	if err := pause(ctx, time.Second); err != nil {
		return open, err
	}
	r, err := s.read(ctx)
	if err != nil {
		return open, err
	}
	if k := r.series["releve_connections"]; k > connections {
		return open, fmt.Errorf("%v connections are open, the limit is %d", k, connections)
	}
	return open, nil
}

// another opens one more connection of the good TCP peer and places a call on it.
func (s *site) another(ctx context.Context) error {
	t, err := dialTrunk(ctx, s.host(hostTCP), s.releve, nil)
	if err != nil {
		return err
	}
	defer t.close()
	v := t.call(ctx, talk{from: "0145099999", each: 100 * time.Millisecond})
	if v.status != 200 || v.why != "" {
		return fmt.Errorf("status %d %s", v.status, v.why)
	}
	return nil
}

// churn opens connections and drops them, by FIN and by reset, with nothing, with
// half a message, in the middle of a handshake and after it.
func churn(tcp, secured int) func(context.Context, *site) (int, error) {
	return func(ctx context.Context, s *site) (sent int, err error) {
		for i := range tcp + secured {
			to := s.releve
			if i >= tcp {
				to = s.secured
			}
			c, err := dial(ctx, s.hostile(fromChurn), to)
			if errors.Is(err, syscall.ECONNRESET) {
				sent++
				continue // more at once than one source may have
			}
			if err != nil {
				return sent, err
			}
			sent++
			s.utter(c, i, i >= tcp)
			if i%2 == 0 {
				_ = c.SetLinger(0)
			}
			_ = c.Close()
		}
		return sent, nil
	}
}

// utter is what connection i of a churn says before it is dropped.
func (s *site) utter(c *net.TCPConn, i int, secured bool) {
	switch {
	case i%3 == 0:
	case !secured:
		_ = write(c, []byte("OPTIONS sip:releve SIP/2.0\r\nVia: SIP/2.0/TCP half")) // it may be ended already
	case i%3 == 1:
		_ = write(c, []byte{22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3})
	default:
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		_ = tls.Client(c, &tls.Config{RootCAs: s.pool, ServerName: s.secured.Addr().String()}).Handshake()
	}
}

// unread sends requests over TCP that must be answered at length, and reads
// none of the answers, until Relève ends the connection.
func unread(most int) func(context.Context, *site) (int, error) {
	return func(ctx context.Context, s *site) (sent int, err error) {
		d := net.Dialer{
			LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(s.hostile(fromDeaf), 0)), Timeout: 5 * time.Second,
			Control: shrink,
		}
		c, err := d.DialContext(ctx, "tcp4", s.releve.String())
		if err != nil {
			return 0, err
		}
		defer c.Close()
		from := c.LocalAddr().(*net.TCPAddr).AddrPort()
		for range most {
			r := newRequest("SUBSCRIBE", "TCP", from, s.releve, "0123456789")
			r.fromTag = strings.Repeat("t", 8000) // comes back in the answer
			if err := write(c, r.bytes()); err != nil {
				break // ended, or we are not read either: both are the bound
			}
			sent++
			if sent%100 == 0 {
				if err := pause(ctx, 100*time.Millisecond); err != nil { // under limits.source_rate
					return sent, err
				}
			}
		}
		limit := time.Now().Add(10 * time.Second)
		for time.Now().Before(limit) { // to write, not to read: reading would help it
			if write(c, []byte("\r\n\r\n")) != nil {
				return sent, nil
			}
			if err := pause(ctx, 200*time.Millisecond); err != nil {
				return sent, err
			}
		}
		return sent, fmt.Errorf("after %d requests and 10 s Relève keeps a connection that is not read", sent)
	}
}
