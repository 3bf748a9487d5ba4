package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"
)

// direct names the measurement without a hop.
const direct = "direct"

const (
	delayRate    = 500 // calls per second
	delaySeconds = 6
)

// delays measures INVITE to 180 with a caller and a server of our own, without
// a hop and through each candidate, in turn and back. What counts is the
// difference: both ends and the machine's noise are the same.
func (b *bench) delays(ctx context.Context, names []string) error {
	server, err := newAnswerer()
	if err != nil {
		return err
	}
	defer server.close()
	order := append([]string{direct}, names...)
	samples := map[string][]time.Duration{}
	for pass := range 2 {
		for _, n := range order {
			s, err := b.delayOf(ctx, n)
			if err != nil {
				return fmt.Errorf("post-dial delay of %s: %w", n, err)
			}
			samples[n] = append(samples[n], s...)
		}
		if pass == 0 {
			slices.Reverse(order)
		}
	}
	for n, s := range samples {
		slices.Sort(s)
		b.result.Delay[n] = delay{P50: milliseconds(s[len(s)/2]), P99: milliseconds(s[len(s)*99/100])}
	}
	return nil
}

func milliseconds(d time.Duration) float64 { return round3(float64(d.Microseconds()) / 1000) }

func (b *bench) delayOf(ctx context.Context, name string) ([]time.Duration, error) {
	to := fastHost + sipPort
	if name != direct {
		c, err := b.startOne(ctx, name, fastHost)
		if err != nil {
			return nil, err
		}
		defer c.end()
		to = c.addr
	}
	seconds := delaySeconds / 2
	if b.short {
		seconds = 1
	}
	return place(ctx, netip.MustParseAddrPort(to), delayRate*seconds)
}

// answerer is a voice server that rings and answers at once.
type answerer struct {
	conn *net.UDPConn
	done sync.WaitGroup
}

func newAnswerer() (*answerer, error) {
	c, err := listen(netip.MustParseAddrPort(fastHost + sipPort))
	if err != nil {
		return nil, err
	}
	a := &answerer{conn: c}
	a.done.Go(a.run)
	return a, nil
}

func (a *answerer) close() {
	_ = a.conn.Close()
	a.done.Wait()
}

func (a *answerer) run() {
	room, out := make([]byte, 65_535), []byte(nil)
	for {
		n, from, err := a.conn.ReadFromUDPAddrPort(room)
		if err != nil {
			return
		}
		raw := room[:n]
		switch {
		case bytes.HasPrefix(raw, []byte("INVITE ")):
			out = appendAnswer(out[:0], raw, "180 Ringing")
			_, _ = a.conn.WriteToUDPAddrPort(out, from)
			out = appendAnswer(out[:0], raw, "200 OK")
			_, _ = a.conn.WriteToUDPAddrPort(out, from)
		case bytes.HasPrefix(raw, []byte("BYE ")), bytes.HasPrefix(raw, []byte("OPTIONS ")):
			out = appendAnswer(out[:0], raw, "200 OK")
			_, _ = a.conn.WriteToUDPAddrPort(out, from)
		}
	}
}

// appendAnswer answers raw: the header fields a response repeats, and our tag.
func appendAnswer(dst, raw []byte, status string) []byte {
	dst = append(append(append(dst, "SIP/2.0 "...), status...), "\r\n"...)
	for line := range bytes.Lines(raw) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, _, _ := bytes.Cut(line, []byte(":"))
		switch string(name) {
		case "Via", "Record-Route", "From", "Call-ID", "CSeq":
			dst = append(append(dst, line...), "\r\n"...)
		case "To":
			dst = append(dst, line...)
			if !bytes.Contains(line, []byte(";tag=")) {
				dst = append(dst, ";tag=fast"...)
			}
			dst = append(dst, "\r\n"...)
		}
	}
	return append(dst, "Contact: <sip:"+fastHost+":5060>\r\nContent-Length: 0\r\n\r\n"...)
}

// place runs calls at delayRate and returns the delays to their 180. A call
// that did not ring and end within 3 s of the last is an error, not a sample.
func place(ctx context.Context, to netip.AddrPort, calls int) ([]time.Duration, error) {
	conn, err := listen(netip.MustParseAddrPort(callerHost + sipPort))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	c := &caller{conn: conn, to: to, sent: make([]time.Time, calls), delays: make([]time.Duration, calls)}
	var reading sync.WaitGroup
	reading.Go(c.read)
	defer reading.Wait()
	defer conn.Close()
	tick := time.NewTicker(time.Second / delayRate)
	defer tick.Stop()
	for i := range calls {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		c.invite(i)
	}
	return c.collect(ctx, 3*time.Second)
}

// caller is the calling side of place.
type caller struct {
	conn *net.UDPConn
	to   netip.AddrPort

	mu     sync.Mutex
	sent   []time.Time     // guarded by mu
	delays []time.Duration // guarded by mu; 0: did not ring yet
	ended  int             // guarded by mu; calls whose BYE was answered
}

func (c *caller) invite(i int) {
	id := strconv.Itoa(i)
	raw := []byte("INVITE sip:5000@" + c.to.String() + " SIP/2.0\r\nVia: SIP/2.0/UDP " + callerHost + ":5060;branch=z9hG4bKd" + id +
		"\r\nMax-Forwards: 70\r\nFrom: <sip:10" + id + "@" + callerHost + ">;tag=c" + id + "\r\nTo: <sip:5000@" + c.to.String() +
		">\r\nCall-ID: delay-" + id + "\r\nCSeq: 1 INVITE\r\nContact: <sip:" + callerHost + ":5060>\r\nContent-Length: 0\r\n\r\n")
	c.mu.Lock()
	c.sent[i] = time.Now()
	c.mu.Unlock()
	_, _ = c.conn.WriteToUDPAddrPort(raw, c.to) // what is lost shows in collect
}

func (c *caller) read() {
	room := make([]byte, 65_535)
	for {
		n, _, err := c.conn.ReadFromUDPAddrPort(room)
		if err != nil {
			return
		}
		now := time.Now()
		raw := room[:n]
		i, err := strconv.Atoi(string(bytes.TrimPrefix(field(raw, "Call-ID"), []byte("delay-"))))
		if err != nil || i < 0 || i >= len(c.sent) {
			continue // not of this run: an OPTIONS towards the IPBX
		}
		invited := bytes.HasSuffix(field(raw, "CSeq"), []byte("INVITE"))
		switch {
		case bytes.HasPrefix(raw, []byte("SIP/2.0 180")):
			c.rang(i, now)
		case bytes.HasPrefix(raw, []byte("SIP/2.0 200")) && invited:
			c.rang(i, now)
			_, _ = c.conn.WriteToUDPAddrPort(c.follow("ACK", "1", i, raw), c.to)
			_, _ = c.conn.WriteToUDPAddrPort(c.follow("BYE", "2", i, raw), c.to)
		case bytes.HasPrefix(raw, []byte("SIP/2.0 200")):
			c.mu.Lock()
			c.ended++
			c.mu.Unlock()
		}
	}
}

// rang notes the first sign of the far end: the 180, or the 200 when a hop let
// that one pass and dropped the 180.
func (c *caller) rang(i int, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.delays[i] == 0 {
		c.delays[i] = now.Sub(c.sent[i])
	}
}

// follow is a request in the dialog of a 2xx, by its route set.
func (c *caller) follow(method, seq string, i int, ok []byte) []byte {
	id := strconv.Itoa(i)
	out := []byte(method + " sip:" + fastHost + ":5060 SIP/2.0\r\nVia: SIP/2.0/UDP " + callerHost + ":5060;branch=z9hG4bK" + method + id + "\r\n")
	if route := field(ok, "Record-Route"); route != nil {
		out = append(append(append(out, "Route: "...), route...), "\r\n"...)
	}
	out = append(append(append(out, "Max-Forwards: 70\r\nFrom: "...), field(ok, "From")...), "\r\nTo: "...)
	out = append(append(out, field(ok, "To")...), "\r\nCall-ID: delay-"+id+"\r\nCSeq: "+seq+" "+method+"\r\nContent-Length: 0\r\n\r\n"...)
	return out
}

// field is the first value of a header field in its long form, or nil.
func field(raw []byte, name string) []byte {
	for line := range bytes.Lines(raw) {
		if v, ok := bytes.CutPrefix(line, []byte(name+":")); ok {
			return bytes.TrimSpace(v)
		}
	}
	return nil
}

// collect waits until every call rang and ended.
func (c *caller) collect(ctx context.Context, limit time.Duration) ([]time.Duration, error) {
	for deadline := time.Now().Add(limit); ; {
		c.mu.Lock()
		ended, rang := c.ended, !slices.Contains(c.delays, 0)
		c.mu.Unlock()
		if rang && ended >= len(c.delays) {
			return c.delays, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%d of %d calls ended, all rang: %t", ended, len(c.delays), rang)
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// answersOptions asks until an OPTIONS is answered and returns how long that took.
func answersOptions(ctx context.Context, from, to string, p *process, limit time.Duration) (time.Duration, error) {
	began := time.Now()
	conn, err := listen(netip.MustParseAddrPort(from))
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	self, target := conn.LocalAddr().String(), netip.MustParseAddrPort(to)
	room := make([]byte, 4096)
	for i := 0; time.Since(began) < limit; i++ {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-p.done:
			return 0, fmt.Errorf("the process ended: %v", p.err)
		default:
		}
		id := strconv.Itoa(i)
		_, _ = conn.WriteToUDPAddrPort([]byte("OPTIONS sip:"+to+" SIP/2.0\r\nVia: SIP/2.0/UDP "+self+";branch=z9hG4bKo"+id+
			"\r\nMax-Forwards: 70\r\nFrom: <sip:bench@"+self+">;tag=o\r\nTo: <sip:"+to+">\r\nCall-ID: options-"+id+"-"+self+
			"\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"), target) // refused until it serves
		_ = conn.SetReadDeadline(time.Now().Add(2 * time.Millisecond))
		n, _, err := conn.ReadFromUDPAddrPort(room)
		if err == nil && bytes.HasPrefix(room[:n], []byte("SIP/2.0 200")) {
			return time.Since(began), nil
		}
	}
	return 0, fmt.Errorf("no answer to OPTIONS within %s", limit)
}
