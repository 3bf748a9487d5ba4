package sim

import (
	"time"

	"releve/router"
	"releve/router/control"
	"releve/router/lease"
)

// store is the database as packages db and lease promise it: one row, compare
// and set, and the row of the lease; linearizable, on a clock of its own. A call
// repeated with the row that is stored succeeds.
type store struct {
	row     *control.Row // replaced, never changed
	version uint64
	trouble storeTrouble

	epoch  uint64 // of the lease: the fencing token
	holder int    // index of the node + 1; 0: nobody
	until  router.Instant
	jumped bool // the database's clock went ahead: of two nodes both may be permitted for a while
}

type storeTrouble uint8

const (
	storeWell storeTrouble = iota
	storeFails
	storeUnknown // carried out, and the answer is lost
	storeSlow
	storeHangs // until the writer's own limit
	storeLate  // the writer's limit passes, and the statement is carried out all the same
	storeTroubles
)

// writerLimit is how long a statement is waited for.
const writerLimit = 5 * time.Second

// statement is one under way: where it fails, and when.
type statement struct {
	trouble storeTrouble
	there   time.Duration // until it is carried out
	back    time.Duration // until its answer is there
}

// statement draws what becomes of one of node n.
func (s *store) statement(n *node) statement {
	w := n.w
	t := statement{trouble: s.trouble, back: 100 * time.Microsecond}
	if t.trouble != storeWell && chance(w.net, 0.3) {
		t.trouble = storeWell // it comes and goes
	}
	if n.cut > 0 {
		t.trouble = storeHangs
	}
	t.there = between(w.net, 300*time.Microsecond, 8*time.Millisecond)
	switch t.trouble {
	case storeSlow:
		t.there = between(w.net, 100*time.Millisecond, 3*time.Second)
		t.back = between(w.net, 0, time.Second)
	case storeHangs:
		t.there = writerLimit
	case storeLate:
		t.there = writerLimit + between(w.net, 0, 3*time.Second)
	}
	return t
}

// carriedOut: the statement takes effect in the store.
func (t statement) carriedOut() bool { return t.trouble != storeFails && t.trouble != storeHangs }

// told: its node learns how it ended.
func (t statement) told() bool { return t.trouble == storeWell || t.trouble == storeSlow }

// save performs a Save of a node. Exactly one answer follows.
func (s *store) save(n *node, f *control.Effect) {
	w := n.w
	e := *f
	n.pending = &e
	t, life := s.statement(n), n.life
	applied := false
	w.after(t.there, func() {
		// It left before its node died; a single node's store dies with it.
		alive := n.pending == &e || t.trouble == storeLate && (n.shared() || n.life == life && n.up)
		if !alive || !t.carriedOut() {
			return
		}
		applied = s.apply(n, &e)
		w.note('s', e.Version, uint64(t.trouble))
		if w.tracing() {
			n.logf("store: version %d %s (applied %v, %v)", e.Version, rowText(&e.Row), applied, t.trouble)
		}
	})
	w.after(min(t.there, writerLimit)+t.back, func() {
		if n.pending != &e {
			return
		}
		n.pending = nil
		good := applied && t.told()
		if !good && n.view.Phase == router.Switching {
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

// apply carries a Save out: its version follows the stored one, and nobody else
// has taken the lease.
func (s *store) apply(n *node, e *control.Effect) bool {
	if n.shared() && e.Epoch != s.epoch {
		n.w.goals.reach(goalFenced)
		return false
	}
	switch {
	case e.Version == s.version+1:
		n.w.check.stored(n, s.row, &e.Row)
		s.row, s.version = &e.Row, e.Version
		return true
	case e.Version == s.version && e.Row == *s.row:
		return true
	}
	return false
}

// abandoned: the process died with a save under way, which landed or not.
func (s *store) abandoned(n *node) {
	if n.pending != nil && n.cut == 0 && chance(n.w.net, 0.5) {
		s.apply(n, n.pending)
	}
	n.pending = nil
}

// lease performs a statement about the lease. Without an answer its node counts
// it as unknown by its own clock.
func (s *store) lease(n *node, f lease.Effect) {
	w, life := n.w, n.life
	t := s.statement(n)
	if !t.carriedOut() {
		return
	}
	w.after(t.there, func() {
		a := s.carryOut(n, f)
		if !t.told() || n.cut > 0 {
			return
		}
		w.after(t.back, func() { n.do(life, func() { n.feed(a.event()) }) })
	})
}

// leaseAnswer is what comes back of a statement about the lease.
type leaseAnswer struct {
	done    lease.Event
	row     *control.Row // of a Take or a Look; it is never changed
	version uint64
}

func (a leaseAnswer) event() control.Event {
	e := control.Event{Kind: control.LeaseDone, Lease: a.done, Version: a.version}
	if a.row != nil {
		e.Row = *a.row
	}
	return e
}

// carryOut is the store's side of the statements of package lease.
func (s *store) carryOut(n *node, f lease.Effect) leaseAnswer {
	w, me := n.w, n.index+1
	a := leaseAnswer{done: lease.Event{Kind: lease.Done, Ask: f.Ask, Outcome: lease.Refused}}
	ttl := w.set.control.Lease.TTL
	good := false
	switch f.Verb {
	case lease.Take:
		if good = s.until <= w.now || s.holder == me; good {
			if s.holder != 0 && s.holder != me {
				w.goals.reach(goalTakenOver)
			}
			s.epoch++
			s.holder, s.until = me, w.now.Add(ttl)
		}
	case lease.Renew:
		if good = s.epoch == f.Epoch && s.holder == me; good {
			s.until = w.now.Add(ttl)
		}
	case lease.Release:
		if s.epoch == f.Epoch && s.holder == me {
			s.until = w.now
		}
	}
	if good {
		a.done.Outcome, a.done.Epoch = lease.Granted, s.epoch
	}
	if f.Verb == lease.Take || f.Verb == lease.Look {
		a.row, a.version = s.row, s.version
	}
	w.note('l', uint64(f.Verb)<<8|uint64(me), s.epoch<<1|uint64(boolOf(good)))
	if w.tracing() && (f.Verb == lease.Take && good || f.Verb == lease.Release) {
		n.logf("lease: verb %d, epoch %d, granted %v", f.Verb, s.epoch, good)
	}
	return a
}

func boolOf(on bool) int {
	if on {
		return 1
	}
	return 0
}
