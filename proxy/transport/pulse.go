package transport

import (
	"math/rand/v2"
	"time"
)

// answersBefore is how many pings in a row a peer has answered when a missing
// answer ends the connection. Our choice: many stacks never answer, and some send
// a CRLF by themselves, which one might be taken for.
const answersBefore = 2

// pulse is how a connection that we dialed is known to be alive while nothing
// passes (RFC 5626 §4.4.1): a firewall that forgot it, or a peer that lost it
// behind something that still acknowledges, is found before the next call.
// Owned by the reading goroutine.
type pulse struct {
	heard   time.Time // when something other than a pong last came
	waiting bool      // for a pong
	answers int       // pings in a row that were answered
	lost    bool      // the pong of a peer that answers did not come
}

// patience is how long the stream may stay silent until something is to be done.
func (r *stream) patience() time.Duration {
	l := &r.c.t.limits
	switch {
	case r.c.inbound:
		return l.idle
	case r.pulse.waiting:
		return l.pong
	}
	return min(l.idle, l.ping-rand.N(l.ping/5+1))
}

// listen notes that bytes came, after they were cut. A pong is one CRLF between
// messages; two are the peer's own ping.
func (r *stream) listen() {
	p := &r.pulse
	if r.c.inbound {
		return
	}
	if p.waiting {
		p.waiting, r.armed = false, time.Time{}
		if r.framer.pong() {
			p.answers++
			return
		}
	}
	p.heard = time.Now()
}

// beat is called when the patience has ended: it reports whether the connection
// has, be it idle or dead, and else pings when it is time.
func (r *stream) beat() bool {
	p, l, now := &r.pulse, &r.c.t.limits, time.Now()
	if p.waiting {
		p.waiting, p.lost = false, p.answers >= answersBefore
		p.answers = 0
		return p.lost
	}
	last := r.c.lastSent()
	if p.heard.After(last) {
		last = p.heard
	}
	switch quiet := now.Sub(last); {
	case quiet >= l.idle:
		return true
	case quiet >= l.ping/2 && !r.framer.begun() && r.c.ping():
		r.framer.ping = 0 // what came before is no part of the pong
		p.waiting = true
	}
	return false
}

// lastSent is when a message last left, or the connection was made.
func (c *conn) lastSent() time.Time { return c.made.Add(time.Duration(c.last.Load())) }

// ping sends CRLFCRLF; false when bytes are under way already, which tell more.
func (c *conn) ping() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != nil || c.broken || c.writing {
		return false
	}
	c.t.count.pingsSent.Add(1)
	raw := []byte("\r\n\r\n")
	if c.sec != nil {
		return c.seal(raw, 0) == nil
	}
	return c.put(raw, 0) == nil
}

// pong reports that what was read last ended in one CRLF between messages.
func (f *framer) pong() bool { return !f.begun() && f.ping == len("\r\n") }
