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
	switch {
	case e.Status < 300:
		l.auth = false
		return s.accepted(now, e, out)
	case e.Status == 401 || e.Status == 407:
		return s.challenged(now, e, out)
	case e.Status == 423 && l.req == Register && s.tooBrief(i, e.MinExpires):
		l.auth, l.next = false, now.Mono
		return out
	}
	l.auth = false
	return s.refused(now, e, out)
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
		out = alarm(out, &l.overlap, AlarmOverlap, x, i, e.Foreign > 0 || passive)
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

// registered takes the 2xx of a REGISTER: bound, whatever the list says; but
// only a list with us in it makes later lists a proof.
func (s *State) registered(now router.Clock, e Event, out []Effect) []Effect {
	x, i := e.User, int(e.IPBX)
	l := &s.line[x][i]
	listed := e.HasList && e.Ours
	s.r.Listed[i] = listed
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
	if x != s.subject() || leaving(s.r.Phase) {
		l.next = now.Mono
	}
	return alarm(out, &l.lapsing, AlarmLapsing, x, i, false)
}

// learn raises the fence for a grant longer than reckoned with.
func (s *State) learn(now router.Clock, x router.Server, i int, granted time.Duration, out []Effect) []Effect {
	l := &s.line[x][i]
	l.bound = max(l.bound, now.Mono.Add(granted+s.p.Slack))
	if granted <= s.cover(i) {
		return out
	}
	s.r.Learnt[i] = granted
	return append(out, Effect{Kind: Alarm, Alarm: AlarmGrant, User: x, IPBX: uint8(i), On: true})
}

// unregistered takes the 2xx of an un-REGISTER: PROVE, when its list can.
func (s *State) unregistered(now router.Clock, e Event) {
	x, i := e.User, int(e.IPBX)
	l := &s.line[x][i]
	l.wrongs = 0
	gone := e.HasList && !e.Ours
	if gone {
		l.stray = false
	}
	if gone && s.r.Listed[i] && (l.provable || mutant == 2) {
		s.r.Possible[x][i] = false // RFC 3261 §10.3(8): the 2xx lists all bindings
		l.next = now.Mono
		return
	}
	l.next = s.unregNext(now, l)
	if gone && l.dead > now.Mono {
		l.next = l.dead // a proof may be had then
	}
	s.claimAtOnce(now, x, i)
}

// claimAtOnce lifts the wait of a line that a Move made the subject again.
func (s *State) claimAtOnce(now router.Clock, x router.Server, i int) {
	if x == s.subject() {
		s.line[x][i].next = now.Mono
	}
}

// fetched takes the passive user's bindings. One of ours there is removed.
func (s *State) fetched(now router.Clock, e Event) {
	x, i := e.User, int(e.IPBX)
	l := &s.line[x][i]
	l.fails, l.wrongs = 0, 0
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
	if e.Usable && l.auths < maxAuths && (l.auths == 0 || e.Stale) {
		l.auths++
		l.auth, l.next = true, now.Mono
		return out
	}
	l.auth = false
	if l.req == Register {
		s.unclaim(x, i)
	}
	l.checked = l.checked || l.req == Fetch
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

// tooBrief raises what is asked for to Min-Expires (RFC 3261 §10.2.8). The
// fence is raised first: the next intent is saved with it (W1). Beyond twice
// max_grant it is refused: a fence that long is the configuration's to choose
// (our choice).
func (s *State) tooBrief(i int, floor time.Duration) bool {
	if floor <= s.expires(i) || floor > 2*s.p.MaxGrant {
		return false
	}
	s.asks[i] = floor
	if floor > s.cover(i) {
		s.r.Learnt[i] = floor
	}
	return true
}

// refused takes any other final.
func (s *State) refused(now router.Clock, e Event, out []Effect) []Effect {
	x, i := e.User, int(e.IPBX)
	l := &s.line[x][i]
	s.again(now, x, i)
	l.next = max(l.next, now.Mono.Add(min(e.RetryAfter, maxRetry)))
	if l.req != Register {
		return out
	}
	if definite(e.Status) {
		s.unclaim(x, i)
		out = alarm(out, &l.refused, AlarmRefused, x, i, true)
	}
	return out
}

// timedOut takes the end of a transaction without a final.
func (s *State) timedOut(now router.Clock, e Event) {
	if !s.acts || e.User < router.Primary || e.User > router.Secondary || e.IPBX >= MaxIPBX {
		return
	}
	l := &s.line[e.User][e.IPBX]
	if l.state == sent && l.cseq == e.CSeq {
		s.unanswered(now, e.User, int(e.IPBX))
	}
}

// unanswered frees the line; the request itself may live until l.by.
func (s *State) unanswered(now router.Clock, x router.Server, i int) {
	l := &s.line[x][i]
	l.state, l.auth = free, false
	if l.req == Register {
		l.dead, l.clean = max(l.dead, l.by), false
	}
	s.again(now, x, i)
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
		l.checked = true
		l.next = now.Mono.Add(fetchEvery)
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
