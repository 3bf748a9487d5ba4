package notify

import "errors"

// suspicion finds out whether a receiver refuses us, or one notice: a mail that a
// relay takes for spam, a JSON that a desk cannot read. Without it, such a notice
// would keep all that follow from ever being told.
//
//	refused for good three times, and more waits ──► the newest one is sent alone
//	   refused as well ──► the receiver refuses us: all is kept, tried seldom
//	   taken ──► the others one by one, until none is left: what is refused for
//	             good just after another one was taken is given up, and counted
//
// Our choice: nothing is ever given up but by a receiver that takes other notices
// at that very time. Owned by the worker.
type suspicion struct {
	permanent bool // the newest failure was a refusal for good
	single    bool // one by one
	proven    bool // the Send before was taken
}

// ask: the newest notice is to be sent alone.
func (s *suspicion) ask(failures, waiting int) bool {
	return s.permanent && !s.proven && waiting > 1 && (s.single || failures >= downAfter)
}

// most is how many notices go in one Send.
func (s *suspicion) most(most int) int {
	if s.single {
		return 1
	}
	return most
}

// concluded notes how a Send ended and what waits then; true: what was sent is to
// be given up.
func (s *suspicion) concluded(err error, waiting int) (giveUp bool) {
	s.permanent = errors.Is(err, ErrPermanent)
	giveUp = s.single && s.proven && s.permanent
	s.proven = s.single && err == nil
	if waiting == 0 || giveUp && waiting == 1 {
		s.single, s.proven = false, false
	}
	return giveUp
}

// askNewest sends the newest notice alone.
func (w *worker) askNewest() error {
	n, ok := w.q.last()
	if !ok {
		return nil
	}
	err := w.send(w.life, []Notice{n})
	if err == nil {
		w.q.remove(n.ID, &w.q.count.Sent)
		w.suspect.single, w.suspect.proven = true, true
		w.d.mark()
	} else {
		w.q.failed()
		w.suspect.permanent = errors.Is(err, ErrPermanent)
	}
	return err
}

// giveUp takes the oldest notice out of the queue.
func (w *worker) giveUp(err error) {
	n := w.q.front(1)
	w.q.settle(false)
	if len(n) == 0 {
		return
	}
	w.q.remove(n[0].ID, &w.q.count.Dropped)
	w.d.log.Error("a receiver takes other notices and refuses this one for good: it is given up",
		"receiver", w.Name, "alarm", n[0].Number, "kind", n[0].Kind, "object", n[0].Object, "id", n[0].ID, "error", err)
}
