package preflight

import (
	"bytes"
	"context"
	"sync"
	"time"

	"releve/proxy/message"
)

// inbound is a call that came to us: the study plays the voice server.
type inbound struct {
	s      *station
	invite *heard
	d      *dialog
	tag    string

	mu        sync.Mutex // guards what follows
	final     int
	cancelled time.Time // zero: not
	changed   chan struct{}

	settled chan struct{} // a refusal is acknowledged, or was repeated long enough
}

// invited hands a new call to the script, on a goroutine of its own.
func (s *station) invited(m *heard) {
	in := &inbound{s: s, invite: m, tag: newTag(), changed: make(chan struct{}), settled: make(chan struct{})}
	d := newDialog(s, string(m.head.CallID.Of(m.raw)), m.flow)
	d.ends = ends{
		local: m.rawValue("To") + ";tag=" + in.tag, remote: m.rawValue("From"), target: string(m.head.ContactURI.Of(m.raw)),
	}
	for v := range message.Values(m.raw, &m.head, "Record-Route") {
		d.ends.routes = append(d.ends.routes, string(v))
	}
	in.d = d
	s.mu.Lock()
	script := s.script
	if script != nil {
		s.dialogs[d.callID+" "+in.tag] = d
		s.ringing[serverKey(m, []byte("INVITE"))] = in
		s.open = append(s.open, in)
	}
	s.mu.Unlock()
	if script == nil {
		s.answer(m, 480, in.tag, nil) // nobody is rung by an idle study
		return
	}
	go script(in)
}

// cancelled treats a CANCEL (RFC 3261 §9.2).
func (s *station) cancelled(m *heard) {
	s.mu.Lock()
	in := s.ringing[serverKey(m, []byte("INVITE"))]
	s.mu.Unlock()
	if in == nil {
		s.answer(m, 481, newTag(), nil)
		return
	}
	s.answer(m, 200, in.tag, nil)
	in.mu.Lock()
	in.cancelled = m.at
	in.wake()
	in.mu.Unlock()
	in.refuse(487)
}

// wake tells who waits; mu is held.
func (in *inbound) wake() {
	close(in.changed)
	in.changed = make(chan struct{})
}

// trying sends 100.
func (in *inbound) trying() { in.s.answer(in.invite, 100, "", nil) }

// provisional sends an 18x with a To tag, ours when empty.
func (in *inbound) provisional(status int, tag string, extra ...[]byte) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.final != 0 {
		return
	}
	if tag == "" {
		tag = in.tag
	} else {
		in.s.know(in.d, tag)
	}
	in.s.answer(in.invite, status, tag, nil, extra...)
}

// answer sends 200 with sdp; route puts our own hop into the Route set. The 200 is
// repeated until its ACK comes or the limit is over (RFC 3261 §13.3.1.4).
func (in *inbound) answer(ctx context.Context, tag string, sdp []byte, route bool, extra ...[]byte) (ack *heard) {
	if tag == "" {
		tag = in.tag
	}
	in.mu.Lock()
	if in.final != 0 {
		in.mu.Unlock()
		return nil
	}
	in.d.mu.Lock()
	in.d.ends.local, in.d.sdp = in.invite.rawValue("To")+";tag="+tag, sdp
	in.d.mu.Unlock()
	in.final = 200 // who sees it may hang up at once: the dialog is known by then
	in.mu.Unlock()
	in.s.know(in.d, tag)
	raw := in.s.respond(in.invite, 200, tag, sdp, extra...)
	if route {
		raw = withHop(raw, in.s.hopRoute(in.invite.flow.Network, called))
	}
	return in.repeat(ctx, raw)
}

// withHop puts a Record-Route above those of a response: a hop next to us.
func withHop(raw []byte, hop string) []byte {
	at := bytes.Index(raw, []byte("\r\nRecord-Route:"))
	if at < 0 {
		at = bytes.Index(raw, []byte("\r\nFrom:"))
	}
	if at < 0 {
		return raw
	}
	out := append([]byte{}, raw[:at+2]...)
	out = append(out, "Record-Route: "+hop+"\r\n"...)
	return append(out, raw[at+2:]...)
}

// ackLimit is how long a final of ours is repeated; shorter than Timer H, our choice.
const ackLimit = 4 * time.Second

// repeat sends a final until it is acknowledged.
func (in *inbound) repeat(ctx context.Context, raw []byte) *heard {
	ctx, cancel := within(ctx, ackLimit)
	defer cancel()
	in.s.put(in.invite, raw)
	for wait := t1; ; wait *= 2 {
		turn, done := within(ctx, wait)
		ack := in.d.wait(turn, isMethod(message.ACK))
		done()
		if ack != nil || ctx.Err() != nil {
			return ack
		}
		in.s.put(in.invite, raw)
	}
}

// refuse sends a final of no success, once; it is repeated until its ACK comes.
func (in *inbound) refuse(status int, extra ...[]byte) {
	in.mu.Lock()
	if in.final != 0 {
		in.mu.Unlock()
		return
	}
	in.final = status
	in.wake()
	in.mu.Unlock()
	raw := in.s.respond(in.invite, status, in.tag, nil, extra...)
	go func() {
		defer close(in.settled)
		in.repeat(context.Background(), raw)
	}()
}

// gone waits until the far end gave the call up: when, or false.
func (in *inbound) gone(ctx context.Context) (time.Duration, bool) {
	for {
		in.mu.Lock()
		at, changed := in.cancelled, in.changed
		in.mu.Unlock()
		if !at.IsZero() {
			return at.Sub(in.invite.at), true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, false
		}
	}
}

// end hangs up, with a refusal or BYE, and waits until the far end knows: the sockets
// may be closed next.
func (in *inbound) end() {
	in.refuse(480) // unless there is a final
	in.mu.Lock()
	final := in.final
	in.mu.Unlock()
	if final < 300 {
		in.d.end()
		return
	}
	<-in.settled
}
