package licence

import (
	"time"

	"releve/router"
)

// wrong is the nth back-off of a wrong password: 30 s doubling to 30 min, less
// a tenth at most.
func (s *State) wrong(x router.Server, i int, n uint8) time.Duration {
	return s.early(min(firstWrong<<n, lastWrong), 10, x, i, n)
}

// early is d less at most its share-th part: one of a thousand steps by the
// site, the user, the IPBX and n, so that none of them keep step (RFC 5626
// §4.5). Nothing of it is drawn: the room is pure.
func (s *State) early(d, share time.Duration, x router.Server, i int, n uint8) time.Duration {
	if s.p.Seed == 0 {
		return d
	}
	h := s.p.Seed ^ uint64(x)<<16 ^ uint64(i)<<8 ^ uint64(n)
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return d - d/share/1000*time.Duration((h^h>>33)%1001)
}

// backOff sets when a refused REGISTER or fetch is repeated: within a move after
// 1, 2 and 4 s, for the IPBX may still count the other's binding; then after
// 30 s, doubling up to most, times 0.5 to 1 (RFC 5626 §4.5).
func (s *State) backOff(now router.Clock, x router.Server, i int, most time.Duration) {
	l := &s.line[x][i]
	count := &l.refusals // what passes, and time-outs, say nothing of how long it will refuse
	if most < lastRefusal {
		count = &l.busies
	}
	n := *count
	*count = min(n+1, maxFails)
	if most < lastRefusal && l.req == Register || s.r.Phase != Bound && s.r.Phase != Confirm {
		if n < quick {
			l.next = now.Mono.Add(time.Second << n)
			return
		}
		n -= quick
	}
	l.next = now.Mono.Add(s.early(min(firstWrong<<n, most), 2, x, i, n))
}

// refused takes any other final.
func (s *State) refused(now router.Clock, e Event, out []Effect) []Effect {
	x, i := e.User, int(e.IPBX)
	l := &s.line[x][i]
	s.later(now, x, i, e.Status)
	l.next = max(l.next, now.Mono.Add(min(e.RetryAfter, maxRetry)))
	if l.req == Register && e.Status == 403 && l.auths > 0 { // many an IPBX says so to a wrong password
		l.next = max(l.next, now.Mono.Add(min(s.wrong(x, i, l.wrongs), last403)))
		l.wrongs = min(l.wrongs+1, maxFails)
	}
	if l.req == Register && (e.Status == 403 || e.Status == 503) {
		s.askAgain(now, x.Other(), i)
	}
	if s.passes(x) && l.req != Register || !definite(e.Status) && (l.req != Register || l.busies <= quick) {
		return out // what passes is told when it does not
	}
	if l.req == Register && definite(e.Status) {
		s.unclaim(x, i)
	}
	return alarm(out, &l.refused, AlarmRefused, x, i, true)
}

// later puts off what was refused. A temporary refusal (408, 5xx) of a REGISTER
// is tried quickly at first, always, and never put off for long.
func (s *State) later(now router.Clock, x router.Server, i int, status uint16) {
	l := &s.line[x][i]
	switch {
	case l.req == Register && definite(status):
		s.backOff(now, x, i, lastRefusal)
	case l.req == Register:
		s.backOff(now, x, i, lastBusy)
	default:
		s.again(now, x, i)
		s.askedInVain(now, x, i, status)
	}
	s.overtaken(now, x, i)
}

// askedInVain: an un-REGISTER or a fetch that is refused for good is repeated
// all the same, less often.
func (s *State) askedInVain(now router.Clock, x router.Server, i int, status uint16) {
	l := &s.line[x][i]
	switch {
	case !definite(status):
	case l.req == Unregister && l.tries >= unregFast:
		l.next = max(l.next, now.Mono.Add(s.early(firstWrong, 2, x, i, 0)))
	case l.req == Fetch && x == s.subject() && l.up:
		l.look = now.Mono.Add(lookWrong)
	case l.req == Fetch:
		s.backOff(now, x, i, lastBusy)
	}
}

// overtaken: a Move changed what is owed, which does not wait.
func (s *State) overtaken(now router.Clock, x router.Server, i int) {
	l := &s.line[x][i]
	if look := l.req == Fetch && x == s.subject() && l.up; look {
		return
	}
	if req, ok := s.wanted(x, i); ok && req != l.req {
		l.next = now.Mono
	}
}

// askAgain: an IPBX that refuses a claim may count the user that has left as
// bound: it is told once more that it has.
func (s *State) askAgain(now router.Clock, y router.Server, i int) {
	l := &s.line[y][i]
	if s.r.Phase != Claim || !s.exclusive() || s.passes(y) || l.stray || !s.r.Shown[y][i] {
		return
	}
	l.stray, l.tries = true, 0
	if l.state == free {
		l.next = now.Mono
	}
}

// again sets when the request is repeated: 1, 2, 4 … s up to a quarter of the
// expiry asked for; an un-REGISTER three times within one Txn, then every 5 s.
func (s *State) again(now router.Clock, x router.Server, i int) {
	l := &s.line[x][i]
	switch l.req {
	case Register:
		l.next = now.Mono.Add(max(time.Second, min(time.Second<<l.fails, s.expires(i)/4)))
		l.fails = min(l.fails+1, maxFails)
	case Unregister:
		l.next = s.unregNext(now, l)
	case Fetch:
		if x == s.subject() && l.up {
			l.look = now.Mono.Add(fetchAgain)
			break
		}
		l.checked = true
		l.next = now.Mono.Add(fetchAgain)
	}
	s.overtaken(now, x, i)
}

// unregNext is when the un-REGISTER just ended is repeated: at the end of its
// share of Txn, later 5 s after it was sent.
func (s *State) unregNext(now router.Clock, l *line) router.Instant {
	end := l.by.Add(-t4) // of its transmissions
	if l.tries >= unregFast {
		end = end.Add(max(unregEvery-s.p.Txn, 0))
	}
	return max(now.Mono, end)
}
