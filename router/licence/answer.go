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
	if l.req == Register {
		s.doubts(now, l, e)
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
func (s *State) member(now router.Clock, i int, m uint32) {
	was := s.r.Member[i]
	if m == was || m == 0 {
		return
	}
	s.r.Member[i] = m
	if s.p.Twins[i] || was == 0 { // the first that is known: all there is was asked of it
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

// doubts keeps in mind what a final to a REGISTER leaves open: the request may
// travel on; and of one that was repeated, another copy may have been granted,
// whatever this final says, or may be yet, for at most T4. A registrar that keeps
// no transactions (RFC 3261 §17.2.2 asks for them, Kamailio does without) takes
// each copy for a request of its own.
func (s *State) doubts(now router.Clock, l *line, e Event) {
	switch {
	case !definite(e.Status):
		l.dead, l.clean = max(l.dead, l.by), false
	case e.Repeated:
		l.dead, l.clean = max(l.dead, min(l.by, now.Mono.Add(t4))), false
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
	passive := req == Fetch && e.Ours && x != s.subject()
	if on := e.Foreign > 0 || passive; on || e.HasList { // half a list shows an intruder, and no absence
		l.foreign = e.Foreign
		out = s.sentinel(now, x, i, on, out)
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

// registered takes the 2xx of a REGISTER: bound, unless its list says otherwise
// (RFC 3261 §10.3(8)); but only a list with us in it makes later lists a proof.
// Our choice: a list of strangers alone says so only where this registrar has
// listed us before. One that never did may write our Contact beyond recognition,
// and would keep a move from ever ending.
func (s *State) registered(now router.Clock, e Event, out []Effect) []Effect {
	x, i := e.User, int(e.IPBX)
	l := &s.line[x][i]
	listed := e.HasList && e.Ours
	knows := s.knows(router.Primary, i) || s.knows(router.Secondary, i)
	s.r.Shown[x][i] = listed
	if e.HasList && !e.Ours && (e.Removed || e.Foreign > 0 && knows) {
		return s.unkept(now, x, i, out)
	}
	granted := min(s.expires(i), s.cover(i)) // a guess, for the refresh only
	if listed && e.Granted > 0 {
		granted = e.Granted
		s.relearn(now, x, i)
		out = s.learn(now, x, i, granted, out)
		if l.dead <= now.Mono || mutant == 7 {
			l.bound = now.Mono.Add(granted + s.p.Slack)
		}
	}
	l.up, l.clean, l.granted, l.unkept = true, false, granted, false
	l.fails, l.refusals, l.busies, l.wrongs, l.tries = 0, 0, 0, 0, 0
	l.upUntil = now.Mono.Add(granted)
	l.lapse = now.Mono.Add(granted/2 + granted/4)
	l.next = now.Mono.Add(max(s.early(granted/2, 10, x, i, 0), time.Second))
	l.look = router.Never
	if granted/2 > lookBeyond {
		l.look = now.Mono.Add(fetchEvery)
	}
	if x != s.subject() || leaving(s.r.Phase) || s.leave[i] {
		l.next = now.Mono
	}
	out = alarm(out, &l.lost, AlarmUnkept, x, i, false)
	return alarm(out, &l.lapsing, AlarmLapsing, x, i, false)
}

// knows says that registrar i has listed user x before.
func (s *State) knows(x router.Server, i int) bool { return s.r.Shown[x][i] || s.line[x][i].unkept }

// unkept: the registrar said 200 and does not have us: not registered, and
// tried again as after a refusal. A binding may exist all the same.
func (s *State) unkept(now router.Clock, x router.Server, i int, out []Effect) []Effect {
	l := &s.line[x][i]
	l.up, l.clean, l.granted, l.unkept = false, false, 0, true
	l.wrongs, l.look = 0, router.Never
	s.backOff(now, x, i, lastRefusal)
	if x != s.subject() || leaving(s.r.Phase) {
		l.next = now.Mono
	}
	return alarm(out, &l.lost, AlarmUnkept, x, i, true)
}

// learn raises the fence for a grant longer than reckoned with.
func (s *State) learn(now router.Clock, x router.Server, i int, granted time.Duration, out []Effect) []Effect {
	l := &s.line[x][i]
	l.bound = max(l.bound, now.Mono.Add(granted+s.p.Slack))
	return s.reckon(x, i, granted, out)
}

// reckon takes a grant into account: longer than what was reckoned with, it is
// an alarm, which stands while it is longer than the configuration says.
func (s *State) reckon(x router.Server, i int, granted time.Duration, out []Effect) []Effect {
	longer := granted > s.cover(i)
	if s.learns(i) || longer {
		s.r.Learnt[i] = max(s.r.Learnt[i], granted)
	}
	return alarm(out, &s.line[x][i].longer, AlarmGrant, x, i, longer || s.r.Learnt[i] > s.stated(i))
}

// relearn forgets what was learnt before the configuration said something else,
// when no binding can be left that was granted before this 2xx: until then the
// fence of a restart is made of it.
func (s *State) relearn(now router.Clock, x router.Server, i int) {
	y := x.Other()
	elsewhere := s.r.Elsewhere[x][i] || s.r.Elsewhere[y][i]
	if s.r.Grant[i] == s.p.Grants[i] && s.r.Reckoned[i] <= s.cover(i) || s.line[x][i].dead > now.Mono || s.r.Possible[y][i] || elsewhere {
		return
	}
	if s.r.Grant[i] != s.p.Grants[i] {
		s.r.Grant[i], s.r.Learnt[i] = s.p.Grants[i], 0
	}
	s.r.Reckoned[i] = s.cover(i)
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
		l.stray, l.checked = false, true
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
	if x == s.subject() && !s.leave[i] {
		s.line[x][i].next = now.Mono
	}
}

// fetched takes what a user has bound. A binding of the passive user with our
// Contact is removed; of the active one a binding that is gone is made again.
func (s *State) fetched(now router.Clock, e Event) {
	x, i := e.User, int(e.IPBX)
	l := &s.line[x][i]
	l.fails, l.refusals, l.busies, l.wrongs = 0, 0, 0, 0
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
// credentials just rejected). A repeat may be rejected for the nonce count that
// its first copy has used up: that says nothing of the password.
func (s *State) challenged(now router.Clock, e Event, out []Effect) []Effect {
	x, i := e.User, int(e.IPBX)
	l := &s.line[x][i]
	if s.passes(x) {
		return s.passedChallenge(now, e, out)
	}
	if e.Usable && l.auths < maxAuths && (l.auths == 0 || e.Stale || e.Repeated) {
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
	l.next = now.Mono.Add(s.wrong(x, i, l.wrongs))
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
	if !l.pass.signed || e.Stale || e.Repeated {
		return out
	}
	l.next = now.Mono.Add(s.wrong(x, i, l.wrongs))
	l.wrongs = min(l.wrongs+1, maxFails)
	return alarm(out, &l.refused, AlarmRefused, x, i, true)
}

// mayAsk says that Min-Expires is one to follow: beyond twice max_grant it is
// refused, a fence that long is the configuration's to choose (our choice).
func (s *State) mayAsk(i int, floor time.Duration) bool {
	return floor > s.expires(i) && floor <= 2*s.stated(i)
}

// tooBrief raises what is asked for to Min-Expires (RFC 3261 §10.2.8). The
// fence is raised first: the next intent is saved with it (W1).
func (s *State) tooBrief(x router.Server, i int, floor time.Duration, out []Effect) []Effect {
	s.asks[i] = floor
	return s.reckon(x, i, floor, out)
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
