package licence

import (
	"time"

	"releve/router"
)

// answer takes a final response. One that belongs to no open request teaches
// at most a longer grant.
func (s *State) answer(now router.Clock, e Event, out []Effect) []Effect {
	if !s.acts || e.User < router.Primary || e.User > router.Secondary || e.IPBX >= MaxIPBX || e.Status < 200 {
		return out
	}
	x, i := e.User, int(e.IPBX)
	l := &s.line[x][i]
	if l.state != sent || l.cseq != e.CSeq {
		if e.Status < 300 && e.Ours {
			out = s.learn(now, x, i, e.Granted, out)
		}
		return out
	}
	l.state = free
	if !definite(e.Status) && l.req == Register {
		l.dead, l.clean = max(l.dead, l.by), false
	}
	passed := s.passes(x) && l.req == Register
	switch {
	case e.Status < 300:
		l.auth = false
		s.member(now, i, e.Member)
		out = s.accepted(now, e, out)
	case e.Status == 401 || e.Status == 407:
		out = s.challenged(now, e, out)
	case e.Status == 423 && l.req == Register && s.mayAsk(i, e.MinExpires):
		l.auth, l.next = false, now.Mono
		return s.tooBrief(x, i, e.MinExpires, out) // a server's REGISTER waits on
	default:
		l.auth = false
		out = s.refused(now, e, out)
	}
	if passed {
		return s.replies(now, x, i, e, out)
	}
	return out
}

// member notes which machine of a redundant IPBX answers. What the one before
// had bound, another one's list says nothing of, unless they are twins.
func (s *State) member(now router.Clock, i int, m uint8) {
	if m == s.r.Member[i] {
		return
	}
	s.r.Member[i] = m
	if s.p.Twins[i] {
		return
	}
	for x := range s.r.Possible {
		if s.r.Possible[x][i] {
			s.r.Elsewhere[x][i] = true
			s.line[x][i].elsewhere = max(s.line[x][i].elsewhere, s.line[x][i].bound, now.Mono)
		}
		s.r.Shown[x][i] = false
	}
}

// definite says that the registrar itself processed the request, which is gone
// from the network; 408 and 5xx may be a proxy's on the way, while the request
// travels on (our choice).
func definite(status uint16) bool { return status < 500 && status != 408 }

func (s *State) accepted(now router.Clock, e Event, out []Effect) []Effect {
	x, i := e.User, int(e.IPBX)
	l := &s.line[x][i]
	req := l.req
	out = alarm(out, &l.refused, AlarmRefused, x, i, false)
	if e.HasList {
		l.foreign = e.Foreign
		passive := req == Fetch && e.Ours && x != s.subject()
		out = s.sentinel(now, x, i, e.Foreign > 0 || passive, out)
	}
	switch req {
	case Register:
		return s.registered(now, e, out)
	case Unregister:
		s.unregistered(now, e)
	case Fetch:
		s.fetched(now, e)
	}
	return out
}

// sentinel raises or clears the alarm about a binding that nobody should have.
func (s *State) sentinel(now router.Clock, x router.Server, i int, on bool, out []Effect) []Effect {
	l := &s.line[x][i]
	was := l.overlap
	if on && was != raised {
		l.since = now.Mono
	}
	n := len(out)
	out = alarm(out, &l.overlap, AlarmOverlap, x, i, on)
	if len(out) > n {
		out[n].Foreign = l.foreign
		if was == raised {
			out[n].Lasted = now.Mono.Sub(l.since)
		}
	}
	return out
}

// registered takes the 2xx of a REGISTER: bound, whatever the list says; but
// only a list with us in it makes later lists a proof.
func (s *State) registered(now router.Clock, e Event, out []Effect) []Effect {
	x, i := e.User, int(e.IPBX)
	l := &s.line[x][i]
	listed := e.HasList && e.Ours
	s.r.Shown[x][i] = listed
	granted := s.expires(i) // a guess, for the refresh only
	if listed && e.Granted > 0 {
		granted = e.Granted
		out = s.learn(now, x, i, granted, out)
		if l.dead <= now.Mono || mutant == 7 {
			l.bound = now.Mono.Add(granted + s.p.Slack)
		}
	}
	l.up, l.clean, l.granted = true, false, granted
	l.fails, l.wrongs, l.tries = 0, 0, 0
	l.upUntil = now.Mono.Add(granted)
	l.lapse = now.Mono.Add(granted/2 + granted/4)
	l.next = now.Mono.Add(max(granted/2, time.Second))
	l.look = router.Never
	if granted/2 > lookBeyond {
		l.look = now.Mono.Add(fetchEvery)
	}
	if x != s.subject() || leaving(s.r.Phase) {
		l.next = now.Mono
	}
	return alarm(out, &l.lapsing, AlarmLapsing, x, i, false)
}

// learn raises the fence for a grant longer than reckoned with.
func (s *State) learn(now router.Clock, x router.Server, i int, granted time.Duration, out []Effect) []Effect {
	l := &s.line[x][i]
	l.bound = max(l.bound, now.Mono.Add(granted+s.p.Slack))
	longer := granted > max(s.p.MaxGrant, s.r.Learnt[i])
	if s.p.Learn || longer {
		s.r.Learnt[i] = max(s.r.Learnt[i], granted)
	}
	if !longer {
		return out
	}
	return append(out, Effect{Kind: Alarm, Alarm: AlarmGrant, User: x, IPBX: uint8(i), On: true})
}

// unregistered takes the 2xx of an un-REGISTER: PROVE, when its list can.
func (s *State) unregistered(now router.Clock, e Event) {
	x, i := e.User, int(e.IPBX)
	l := &s.line[x][i]
	l.wrongs = 0
	gone := e.HasList && !e.Ours
	if gone {
		if l.stray && s.r.Phase == Claim {
			s.line[x.Other()][i].next = now.Mono // the claim that was refused
		}
		l.stray = false
	}
	if gone && s.r.Shown[x][i] && (l.provable || mutant == 2) {
		s.r.Possible[x][i] = false // RFC 3261 §10.3(8): the 2xx lists all bindings
		if mutant == 12 {
			s.r.Possible[x] = [MaxIPBX]bool{}
		}
		l.next = now.Mono
		return
	}
	l.next = s.unregNext(now, l)
	switch {
	case gone && l.dead > now.Mono:
		l.next = l.dead // a proof may be had then
	case gone && !s.r.Shown[x][i]:
		l.next = max(l.next, now.Mono.Add(fetchEvery)) // removed, if it tells the truth; it will not tell more
	}
	s.claimAtOnce(now, x, i)
}

// claimAtOnce lifts the wait of a line that a Move made the subject again.
func (s *State) claimAtOnce(now router.Clock, x router.Server, i int) {
	if x == s.subject() {
		s.line[x][i].next = now.Mono
	}
}

// fetched takes what a user has bound. A binding of the passive user with our
// Contact is removed; of the active one a binding that is gone is made again.
func (s *State) fetched(now router.Clock, e Event) {
	x, i := e.User, int(e.IPBX)
	l := &s.line[x][i]
	l.fails, l.wrongs = 0, 0
	if x == s.subject() && l.up {
		l.look = now.Mono.Add(fetchEvery)
		if e.HasList && !e.Ours && s.r.Shown[x][i] {
			l.up, l.next = false, now.Mono
		}
		return
	}
	l.next = now.Mono.Add(fetchEvery)
	l.stray = e.HasList && e.Ours
	l.checked = !l.stray
	if l.stray {
		l.next = now.Mono
	}
	s.claimAtOnce(now, x, i)
}

// challenged answers a challenge at most twice, then backs off: a wrong
// password neither gives up nor hammers (RFC 3261 §22.1: no retry with
// credentials just rejected).
func (s *State) challenged(now router.Clock, e Event, out []Effect) []Effect {
	x, i := e.User, int(e.IPBX)
	l := &s.line[x][i]
	if s.passes(x) {
		return s.passedChallenge(now, e, out)
	}
	if e.Usable && l.auths < maxAuths && (l.auths == 0 || e.Stale) {
		l.auths++
		if l.auth = true; l.req == Fetch && x == s.subject() && l.up {
			l.look = now.Mono
		} else {
			l.next = now.Mono
		}
		return out
	}
	l.auth = false
	if l.req == Register {
		s.unclaim(x, i)
	}
	l.checked = l.checked || l.req == Fetch
	if l.req == Fetch && x == s.subject() && l.up {
		l.look = now.Mono.Add(lookWrong) // the refresh has its own say, and its own count
		return alarm(out, &l.refused, AlarmRefused, x, i, true)
	}
	l.next = now.Mono.Add(wrong(x, i, l.wrongs))
	l.wrongs = min(l.wrongs+1, maxFails)
	return alarm(out, &l.refused, AlarmRefused, x, i, true)
}

// passedChallenge: the challenge goes back to the server; what it sends next
// carries the answer. One that rejects what the server has shown already, and
// does not call it stale, is a wrong password: its next REGISTERs wait. An
// un-REGISTER that needs a password cannot be had: the fence is waited for.
func (s *State) passedChallenge(now router.Clock, e Event, out []Effect) []Effect {
	x, i := e.User, int(e.IPBX)
	l := &s.line[x][i]
	if l.req != Register {
		l.next = max(l.bound, now.Mono.Add(unregEvery))
		l.tries = maxFails
		return out
	}
	s.unclaim(x, i)
	l.next = now.Mono
	if !l.pass.signed || e.Stale {
		return out
	}
	l.next = now.Mono.Add(wrong(x, i, l.wrongs))
	l.wrongs = min(l.wrongs+1, maxFails)
	return alarm(out, &l.refused, AlarmRefused, x, i, true)
}

// wrong is the nth back-off of a wrong password: 30 s doubling to 30 min, less
// a tenth at most, so that users and IPBXs do not keep step.
func wrong(x router.Server, i int, n uint8) time.Duration {
	d := min(firstWrong<<n, lastWrong)
	seed := uint32(x)*7919 + uint32(i)*104729 + uint32(n)*1299709
	return d - d/1000*time.Duration(seed%100)
}

// mayAsk says that Min-Expires is one to follow: beyond twice max_grant it is
// refused, a fence that long is the configuration's to choose (our choice).
func (s *State) mayAsk(i int, floor time.Duration) bool {
	return floor > s.expires(i) && floor <= 2*s.p.MaxGrant
}

// tooBrief raises what is asked for to Min-Expires (RFC 3261 §10.2.8). The
// fence is raised first: the next intent is saved with it (W1).
func (s *State) tooBrief(x router.Server, i int, floor time.Duration, out []Effect) []Effect {
	longer := floor > max(s.p.MaxGrant, s.r.Learnt[i])
	s.asks[i] = floor
	if s.p.Learn || longer {
		s.r.Learnt[i] = max(s.r.Learnt[i], floor)
	}
	if !longer {
		return out
	}
	return append(out, Effect{Kind: Alarm, Alarm: AlarmGrant, User: x, IPBX: uint8(i), On: true})
}

// refused takes any other final.
func (s *State) refused(now router.Clock, e Event, out []Effect) []Effect {
	x, i := e.User, int(e.IPBX)
	l := &s.line[x][i]
	s.again(now, x, i)
	l.next = max(l.next, now.Mono.Add(min(e.RetryAfter, maxRetry)))
	if l.req == Register && e.Status == 403 && l.auths > 0 { // many an IPBX says so to a wrong password
		l.next = max(l.next, now.Mono.Add(min(wrong(x, i, l.wrongs), last403)))
		l.wrongs = min(l.wrongs+1, maxFails)
	}
	if l.req == Register && (e.Status == 403 || e.Status == 503) {
		s.askAgain(now, x.Other(), i)
	}
	if !definite(e.Status) || s.passes(x) && l.req != Register {
		return out
	}
	if l.req == Register {
		s.unclaim(x, i)
	}
	return alarm(out, &l.refused, AlarmRefused, x, i, true)
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

// timedOut takes the end of a transaction without a final.
func (s *State) timedOut(now router.Clock, e Event, out []Effect) []Effect {
	if !s.acts || e.User < router.Primary || e.User > router.Secondary || e.IPBX >= MaxIPBX {
		return out
	}
	l := &s.line[e.User][e.IPBX]
	if l.state == sent && l.cseq == e.CSeq {
		return s.unanswered(now, e.User, int(e.IPBX), out)
	}
	return out
}

// unanswered frees the line; the request itself may live until l.by.
func (s *State) unanswered(now router.Clock, x router.Server, i int, out []Effect) []Effect {
	l := &s.line[x][i]
	l.state, l.auth = free, false
	if l.req == Register {
		l.dead, l.clean = max(l.dead, l.by), false
		if l.pass.open { // RFC 3261 §21.5.5
			out = append(out, l.pass.reply(x, i, 504, 0))
			l.pass = pass{}
		}
	}
	s.again(now, x, i)
	return out
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
			return
		}
		l.checked = true
		l.next = now.Mono.Add(fetchAgain)
	}
	if req, ok := s.wanted(x, i); ok && req != l.req {
		l.next = now.Mono // a Move changed what is owed
	}
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
