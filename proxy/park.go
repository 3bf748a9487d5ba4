package proxy

import (
	"time"

	"releve/proxy/message"
	"releve/proxy/resolve"
	"releve/proxy/transport"
	"releve/router"
)

// parked is an in-dialog request that waits until the name it goes to is
// known. Nothing was made of it yet: it is treated anew then.
type parked struct {
	flow  transport.Flow
	raw   []byte
	timer *time.Timer
}

const (
	// maxParked bounds the requests of one shard that wait for names; one more goes
	// to the configured far end at once.
	maxParked = 256
	// lookupLimit is how long one waits: our choice, a fraction of Timer F.
	lookupLimit = 2 * time.Second
)

// dialogWay is the way of an in-dialog request; wait: it is parked.
func (s *shard) dialogWay(key uint64, f transport.Flow, raw []byte, h *message.Head) (w way, ok, wait bool) {
	w, ok = s.wayOfDialog(f, raw, h, s.resuming)
	if !ok || w.ask.Host == "" {
		return w, ok, false
	}
	if s.park(key, f, raw, h, w.ask) {
		return w, false, true
	}
	w, ok = s.wayOfDialog(f, raw, h, true)
	return w, ok, false
}

// park keeps a request and has its name looked up; false when too many wait.
func (s *shard) park(key uint64, f transport.Flow, raw []byte, h *message.Head, n resolve.Name) bool {
	if s.p.cfg().Names == nil {
		return false
	}
	if len(s.parked) >= maxParked {
		s.p.Stats.NotParked.Add(1)
		return false
	}
	s.p.Stats.Parked.Add(1)
	again := func() { s.post(posted{kind: postResolved, context: key}) }
	s.parked[key] = &parked{flow: f, raw: s.keep(raw), timer: time.AfterFunc(lookupLimit, again)}
	if h.Method == message.INVITE {
		s.p.answerTagged(f, raw, h, 100, phrase(100), "") // RFC 3261 §17.2.1: within 200 ms
	}
	s.p.cfg().Names.Resolve(n, again)
	return true
}

// resume treats a parked request with what is known now.
func (s *shard) resume(now router.Instant, key uint64) {
	w := s.parked[key]
	if w == nil {
		return // the time and the answer met
	}
	delete(s.parked, key)
	w.timer.Stop()
	var h message.Head
	raw, r, _ := message.Scan(w.raw, &h)
	if r == message.OK {
		s.resuming = true
		defer func() { s.resuming = false }()
		s.request(now, w.flow, s.p.side(w.flow), raw, &h)
	}
	s.release(&w.raw)
}
