package sim

import (
	"time"

	"releve/router/control"
)

// store is the one row, as package db promises it: compare and set; a call
// repeated with the row that is stored succeeds.
type store struct {
	row     control.Row
	version uint64
	trouble storeTrouble
	pending *control.Effect // handed over, neither durable nor refused
	life    int
}

type storeTrouble uint8

const (
	storeWell storeTrouble = iota
	storeFails
	storeUnknown // made durable, and the answer is lost
	storeSlow
	storeHangs // until the writer's own limit
)

// save performs a Save of the node.
func (s *store) save(n *node, f *control.Effect) {
	w := n.w
	e := *f
	s.pending, s.life = &e, n.life
	trouble := s.trouble
	if trouble != storeWell && chance(w.net, 0.3) {
		trouble = storeWell // it comes and goes
	}
	wait := between(w.net, 300*time.Microsecond, 8*time.Millisecond)
	switch trouble {
	case storeSlow:
		wait = between(w.net, 500*time.Millisecond, 4*time.Second)
	case storeHangs:
		wait = 5 * time.Second
	}
	life := n.life
	w.after(wait, func() {
		if n.life != life || s.pending != &e {
			return
		}
		s.pending = nil
		applied := false
		if trouble != storeFails && trouble != storeHangs {
			applied = s.apply(n, &e)
		}
		good := applied && trouble != storeUnknown
		w.note('s', e.Version, uint64(trouble))
		if w.tracing() {
			w.logf("store: version %d %s (applied %v, told %v)", e.Version, rowText(e.Row), applied, good)
		}
		if !good && n.state.View().Phase.String() == "switching" {
			w.goals.reach(goalSaveUnknownSwitching)
		}
		n.do(life, func() {
			kind := control.Saved
			if !good {
				kind = control.SaveFailed
			}
			n.feed(control.Event{Kind: kind, Version: e.Version})
		})
	})
}

func (s *store) apply(n *node, e *control.Effect) bool {
	switch {
	case e.Version == s.version+1:
		n.w.check.stored(n, s.row, e.Row)
		s.row, s.version = e.Row, e.Version
		return true
	case e.Version == s.version && e.Row == s.row:
		return true
	}
	return false
}

// abandoned: the process died with a save under way, which landed or not.
func (s *store) abandoned(n *node) {
	if s.pending != nil && chance(n.w.net, 0.5) {
		s.apply(n, s.pending)
	}
	s.pending = nil
}
