package licence

import (
	"time"

	"releve/router"
)

// cover is the longest grant reckoned with at IPBX i: the configured one, or
// what the IPBX was seen to grant, whichever is longer; where nobody has said
// what it grants, what it was seen to grant, once it was, and never less than
// what is asked for.
func (s *State) cover(i int) time.Duration {
	if s.learns(i) && s.r.Learnt[i] > 0 {
		return max(s.r.Learnt[i], s.expires(i))
	}
	return max(s.stated(i), s.r.Learnt[i])
}

// stated is the longest grant of IPBX i by the configuration.
func (s *State) stated(i int) time.Duration {
	if g := s.p.Grants[i]; g > 0 {
		return g
	}
	return s.p.MaxGrant
}

// learns says that nobody has said what IPBX i grants.
func (s *State) learns(i int) bool { return s.p.Learn && s.p.Grants[i] == 0 }

// full is the fence of a REGISTER that is about to be sent, or that a former
// life may have sent just before it died (W1).
func (s *State) full(i int) time.Duration {
	if mutant == 4 {
		return s.p.Txn + t4 + s.p.Expires + s.p.Slack
	}
	return s.p.Txn + t4 + s.cover(i) + s.p.Slack
}

// expires is what a REGISTER at IPBX i asks for.
func (s *State) expires(i int) time.Duration { return max(s.p.Expires, s.asks[i]) }

// wanted is the request that (x, i) owes, whenever its time comes.
func (s *State) wanted(x router.Server, i int) (Request, bool) {
	if i >= int(s.p.IPBXs) {
		return 0, false
	}
	l := &s.line[x][i]
	switch {
	case s.leave[i]:
		return Unregister, s.r.Possible[x][i] && s.r.Phase != Drain && !s.keep
	case x == s.subject():
		return Register, s.mayRegister(x) && (!s.passes(x) || l.pass.open)
	case mutant == 11 && l.pass.open:
		return Register, true
	case s.r.Phase == Drain || s.keep:
		return 0, false
	case s.r.Possible[x][i] || l.stray:
		return Unregister, true
	}
	watch := s.exclusive() && s.fetches(x) && (s.r.Phase == Confirm || s.r.Phase == Bound)
	return Fetch, watch
}

// mayRegister says that nothing stands in the way of registering subject x.
func (s *State) mayRegister(x router.Server) bool {
	if s.keep && s.r.Phase != Bound && s.r.Phase != Confirm {
		return false
	}
	return !leaving(s.r.Phase) && s.absent(x.Other()) && !s.former(x)
}

// fetches says that the bindings of user x are looked at.
func (s *State) fetches(x router.Server) bool { return !s.p.NoFetch && !s.passes(x) }

// looks says that the sentinel's fetch of the active user may go out in place of
// its refresh, which is not due yet.
func (s *State) looks(x router.Server, i int) bool {
	return x == s.subject() && i < int(s.p.IPBXs) && s.line[x][i].up && s.line[x][i].wrongs == 0 && s.fetches(x) && !s.keep && !s.leave[i]
}

// plan turns what is due into intents; save makes them durable, send performs
// them.
func (s *State) plan(now router.Clock) {
	for x := router.Primary; x <= router.Secondary; x++ {
		for i := range s.line[x] {
			l := &s.line[x][i]
			if l.state != free {
				continue
			}
			req, ok := s.wanted(x, i)
			switch {
			case ok && l.next <= now.Mono:
				s.intend(now, x, i, req)
			case s.looks(x, i) && l.look <= now.Mono:
				s.intend(now, x, i, Fetch)
			}
		}
	}
}

func (s *State) intend(now router.Clock, x router.Server, i int, req Request) {
	l := &s.line[x][i]
	s.used[x]++
	s.r.CSeq[x] = s.used[x] + s.p.Reserve
	l.state, l.req, l.cseq = planned, req, s.used[x]
	if !l.auth {
		l.auths = 0
	}
	if req != Register {
		return
	}
	if !s.r.Possible[x][i] {
		s.r.Possible[x][i], l.clean = true, true
		l.bound = now.Mono
	}
	l.bound = max(l.bound, now.Mono.Add(s.full(i)))
	s.r.Reckoned[i] = max(s.r.Reckoned[i], s.cover(i))
}

// save asks for the row when it differs from what is certainly stored; one at a
// time.
func (s *State) save(now router.Clock, out []Effect) []Effect {
	if s.open && s.saveBy <= now.Mono {
		s.lost(now)
	}
	if s.open || (s.r == s.sure && !s.doubt) || s.unsaved > 0 && s.saveBy > now.Mono {
		return out
	}
	s.open, s.asked = true, s.r
	s.saveBy = now.Mono.Add(saveLimit)
	s.sure = meet(s.sure, s.asked)
	return append(out, Effect{Kind: Save, Row: s.asked, Epoch: s.asked.Epoch})
}

// meet is what holds whichever of two rows is the stored one.
func meet(a, b Row) Row {
	m := b
	if a.Holder != b.Holder || leaving(a.Phase) != leaving(b.Phase) {
		m.Holder = router.NoServer
	}
	m.Epoch = min(a.Epoch, b.Epoch)
	for x := range m.CSeq {
		m.CSeq[x] = min(a.CSeq[x], b.CSeq[x])
		for i := range m.Possible[x] {
			m.Possible[x][i] = a.Possible[x][i] && b.Possible[x][i]
			m.Shown[x][i] = a.Shown[x][i] && b.Shown[x][i]
		}
	}
	return m
}

// saved takes what the store holds now. It may be an older row whose outcome
// was unknown until now: then the open Save, if any, is still to come.
func (s *State) saved(now router.Clock, r Row, out []Effect) []Effect {
	if s.open && r != s.asked {
		s.sure = meet(r, s.asked)
		return out
	}
	s.sure, s.asked = r, Row{}
	s.open, s.doubt, s.unsaved = false, false, 0
	return s.send(now, out)
}

func (s *State) saveUnknown(now router.Clock, out []Effect) []Effect {
	if !s.open {
		return out
	}
	s.lost(now)
	return s.send(now, out)
}

// lost counts the open Save as unknown and repeats it soon.
func (s *State) lost(now router.Clock) {
	s.open, s.doubt, s.asked = false, true, Row{}
	s.saveBy = now.Mono.Add(min(saveAgain, time.Second<<s.unsaved))
	s.unsaved = min(s.unsaved+1, maxFails)
}

// covered says that whatever row is stored allows the planned request: with
// the store down a refresh still goes out, a change of user does not.
func (s *State) covered(x router.Server, i int) bool {
	l := s.line[x][i]
	if mutant == 1 {
		return true
	}
	if mutant == 11 && l.pass.open {
		return true
	}
	same := s.sure.Holder == s.r.Holder && leaving(s.sure.Phase) == leaving(s.r.Phase)
	return same && l.cseq <= s.sure.CSeq[x] && (l.req != Register || s.sure.Possible[x][i])
}

// send performs the intents that are covered.
func (s *State) send(now router.Clock, out []Effect) []Effect {
	if !s.acts {
		return out
	}
	for x := router.Primary; x <= router.Secondary; x++ {
		for i := range s.line[x] {
			req, ok := s.wanted(x, i)
			if look := s.line[x][i].req == Fetch && s.looks(x, i); !look && (!ok || req != s.line[x][i].req) {
				s.drop(x, i) // overtaken by an answer or a fence
			}
			if s.line[x][i].state == planned && s.covered(x, i) {
				out = append(out, s.sendOne(now, x, i))
			}
		}
	}
	return out
}

func (s *State) sendOne(now router.Clock, x router.Server, i int) Effect {
	l := &s.line[x][i]
	limit := s.limit(l)
	s.lowest(x, l)
	f := Effect{
		Kind: Send, User: x, IPBX: uint8(i), Request: l.req, CSeq: l.cseq, Epoch: s.r.Epoch,
		NotAfter: now.High.Add(limit), Authorise: l.auth,
	}
	if s.passes(x) && l.req == Register {
		f.Pass, f.Ticket = true, l.pass.ticket
	}
	l.state, l.by = sent, now.Mono.Add(limit+t4)
	l.provable = l.dead <= now.Mono
	switch l.req {
	case Register:
		f.Expires = s.expires(i)
		if s.passes(x) {
			f.Expires = max(min(s.p.Expires, l.pass.expires), s.asks[i])
		}
		l.bound = max(l.bound, now.Mono.Add(s.full(i)))
		if mutant == 3 {
			f.NotAfter = router.Never
		}
	case Unregister:
		l.up, l.granted = false, 0
		if !l.auth {
			l.tries = min(l.tries+1, maxFails)
		}
		if mutant == 8 && l.tries == 1 {
			l.bound = now.Mono.Add(s.p.Expires + s.p.Slack)
		}
	case Fetch:
	}
	return f
}

// lowest gives l the lowest CSeq planned for its user: plans for two IPBXs may
// leave in another order than they were made, CSeq only rises all the same.
func (s *State) lowest(x router.Server, l *line) {
	for i := range s.line[x] {
		if o := &s.line[x][i]; o.state == planned && o.cseq < l.cseq {
			o.cseq, l.cseq = l.cseq, o.cseq
		}
	}
}

// limit is how long a request is transmitted: Txn, but the first un-REGISTERs
// share one Txn.
func (s *State) limit(l *line) time.Duration {
	if l.req == Unregister && l.tries < unregFast {
		return s.p.Txn / unregFast
	}
	return s.p.Txn
}
