package health

import (
	"time"

	"releve/router"
)

// MaxIPBX bounds the IPBXs a Board follows, gateways included: two that users
// register at (licence.MaxIPBX) and two gateways. Our choice.
const MaxIPBX = 4

var _ map[Board]struct{} // comparable: the explorer and the simulator keep boards in sets

// goodMax is where the count of good rounds stops.
const goodMax = 250

// goneEnough rounds in a row without an answer, or one closed port, are a server
// that was away; one alone may be a lost message. Our choice.
const goneEnough = 2

// Board holds the evidence about both servers. The zero value knows nothing.
// Instants are Mono. Flat and comparable; not safe for concurrent use.
type Board struct {
	// Known: this server was good at least once since it was configured. The
	// owner stores it and sets it after a start; until it is set, nothing is
	// held against the server.
	Known [router.Servers]bool
	// Heard: likewise, its call probe was good at least once. Until then what the
	// probe met proves nothing: its number may never have been one.
	Heard [router.Servers]bool
	// HostKnown: likewise, a check of its host has held at least once; until
	// then a failing one is a setting that never fitted.
	HostKnown [router.Servers]bool

	server [router.Servers]evidence
	ipbx   [MaxIPBX]sight
	sick   bool
}

// evidence is what is held about one server.
type evidence struct {
	sip      mark // rounds
	sipFault mark // a run of Err rounds: at is its beginning
	began    router.Instant
	good     uint8 // consecutive OK rounds, up to goodMax
	gone     uint8 // consecutive rounds that nothing answered, up to goneEnough
	rtt      latency
	calls    calls
	answered router.Instant // of the newest answered call, with wasAnswered
	wasLive  bool
	host     presence
	peer     presence
	probe    presence // the call probe
	mute     quiet
	lines    router.Occupancy
	own      bool           // the newest probe met a fault of our own side
	quiet    router.Instant // when the first of the present run of silent rounds began; while sip is Silent
}

// mark is an Evidence and when it came.
type mark struct {
	e  router.Evidence
	at router.Instant
}

type presence struct {
	p  Presence
	at router.Instant
}

// sight of one IPBX.
type sight struct {
	answers bool // has answered a probe: from then on its silence means something
	silent  bool
	at      router.Instant // newest sight
	ever    bool
}

// Probe enters the result of one round or idle OPTIONS. rtt is the time from
// its first transmission to this result, of a silent one too: it tells when the
// round began. Evidence that OPTIONS cannot give (Stuck, ConfigFault) is none.
// Two probes may overlap: the silence of one during which the other was
// answered is a lost message, and is not entered.
func (b *Board) Probe(now router.Instant, s router.Server, e router.Evidence, rtt time.Duration) {
	v := &b.server[s]
	if e == router.Silent && v.spoke() && v.sip.at > now.Add(-rtt) {
		return
	}
	v.run(now, e)
	v.returned(e)
	if e == router.Silent && v.sip.e != router.Silent {
		v.quiet = now.Add(-rtt)
	}
	v.sip, v.began = mark{e, now}, now.Add(-rtt)
	if e != router.OK {
		v.good = 0
	}
	if e == router.OK {
		v.good = min(v.good+1, goodMax)
		v.rtt.add(rtt)
	}
	if e == router.OK || e == router.Busy {
		b.Known[s] = true
	}
}

// Forget drops what is known of a server: another one stands in its place. What
// is reserved on it stays.
func (b *Board) Forget(s router.Server) {
	b.Known[s], b.Heard[s], b.HostKnown[s] = false, false, false
	b.server[s] = evidence{lines: b.server[s].lines}
}

// ForgetIPBX does so of an IPBX.
func (b *Board) ForgetIPBX(i uint8) { b.ipbx[i] = sight{} }

// returned forgets what calls met while the server was away: it tells nothing of
// the one that is back, and would show it as GRAY for a minute.
func (v *evidence) returned(e router.Evidence) {
	switch e {
	case router.Silent, router.Refused:
		v.gone = min(v.gone+1, goneEnough)
	case router.OK:
		if v.gone >= goneEnough || v.sip.e == router.Refused {
			v.calls, v.mute = calls{}, quiet{}
		}
		v.gone = 0
	case router.Busy, router.Err:
		v.gone = 0
	}
}

// Away reports whether nothing answered the last rounds of a server: one lost
// message is not enough.
func (b *Board) Away(s router.Server) bool { return b.server[s].gone >= goneEnough }

// spoke reports whether the newest round was answered.
func (v *evidence) spoke() bool {
	return v.sip.e == router.OK || v.sip.e == router.Busy || v.sip.e == router.Err
}

// run follows a run of Err rounds; a pause of more than the window breaks it.
func (v *evidence) run(now router.Instant, e router.Evidence) {
	switch {
	case e != router.Err:
		v.sipFault = mark{}
	case v.sipFault.e != router.Err || now.Sub(v.sip.at) > window:
		v.sipFault = mark{router.Err, now}
	}
}

// Host enters what the tcp, http, sql and exec checks prove of a server's host.
func (b *Board) Host(now router.Instant, s router.Server, p Presence) {
	b.server[s].host = presence{p, now}
	b.HostKnown[s] = b.HostKnown[s] || p == Up
}

// Call enters what one decided call proves, as router.Classify said. Silent and
// Refused count as Stuck: on a call they do not tell whether the host is there.
func (b *Board) Call(now router.Instant, s router.Server, e router.Evidence) {
	b.server[s].calls.add(now, e)
}

// Restarted enters that the server has lost the calls that it had answered: what
// those proved is of its former life, and that they are lost is an error of the
// present one, until a call is decided again.
func (b *Board) Restarted(now router.Instant, s router.Server) {
	b.server[s].calls = calls{}
	b.server[s].calls.add(now, router.Err)
}

// Answered enters that the server answered a real call at now, which may lie
// back: proof of life.
func (b *Board) Answered(now router.Instant, s router.Server) {
	v := &b.server[s]
	v.answered, v.wasLive = max(v.answered, now), true
	b.Known[s] = true
}

// SightIPBX enters traffic of an IPBX. answered: it was the answer to a probe
// of ours. An IPBX that never answered one is never unseen: its silence would
// mean nothing. An index beyond MaxIPBX is ignored.
func (b *Board) SightIPBX(now router.Instant, ipbx uint8, answered bool) {
	if ipbx >= MaxIPBX {
		return
	}
	v := &b.ipbx[ipbx]
	v.ever, v.at, v.silent = true, now, false
	v.answers = v.answers || answered
}

// IPBXSilent enters that a probe of an IPBX went unanswered for waited. Any
// traffic that came meanwhile is sight, and wins.
func (b *Board) IPBXSilent(now router.Instant, ipbx uint8, waited time.Duration) {
	if ipbx >= MaxIPBX {
		return
	}
	v := &b.ipbx[ipbx]
	v.silent = !v.ever || v.at < now.Add(-waited)
}

// Lines enters how full the server is by our own count.
func (b *Board) Lines(s router.Server, o router.Occupancy) { b.server[s].lines = o }

// Peer enters how the other node sees a server. A node that never saw the
// server good reports Unknown.
func (b *Board) Peer(now router.Instant, s router.Server, p Presence) {
	b.server[s].peer = presence{p, now}
}

// Self enters whether this node is sick: its timers are late, or every target
// fell silent at once.
func (b *Board) Self(sick bool) { b.sick = sick }

// Sick is what Self was told last.
func (b *Board) Sick() bool { return b.sick }

// Own enters whether the newest probe of a server failed on our own side: no
// link, no route, a firewall of ours.
func (b *Board) Own(s router.Server, fault bool) { b.server[s].own = fault }

// allSilent: both servers fell silent at once, nothing else is heard, and nobody
// else says that they are gone: it is more likely us. Where an IPBX answers
// probes R1 and R2 know more; a peer knows more, too. At once: within the time in
// which each is probed. Our choices.
func (b *Board) allSilent(now router.Instant, s router.Server, p Policy) bool {
	v, other := &b.server[s], &b.server[s.Other()]
	if !b.unseen(now, s, p) || !b.unseen(now, s.Other(), p) || v.quiet.Sub(other.quiet).Abs() > p.Interval*3/2 {
		return false
	}
	for _, x := range []*evidence{v, other} {
		if x.host.now(now, p) == Up || x.peer.now(now, p) != Unknown {
			return false
		}
	}
	for _, x := range b.ipbx {
		if x.answers || x.ever && now.Sub(x.at) <= p.fresh() {
			return false
		}
	}
	return true
}

// Good returns the number of OK rounds in a row, at most 250; 0 when the newest
// is stale. Two make a secondary ready, five allow a return.
func (b *Board) Good(now router.Instant, s router.Server, p Policy) uint8 {
	if now.Sub(b.server[s].sip.at) > p.fresh() {
		return 0
	}
	return b.server[s].good
}

// Facts is what Judge looks at, of server s, now. Stale evidence, and any
// against a server that was never good, is none.
func (b *Board) Facts(now router.Instant, s router.Server, p Policy) Facts {
	v := &b.server[s]
	f := Facts{
		SIP:           b.sip(now, s, p),
		Host:          v.host.now(now, p),
		Peer:          v.peer.now(now, p),
		IPBXUnseen:    b.IPBXUnseen(now, p),
		StandbyUnseen: b.unseen(now, s.Other(), p),
		SelfSick:      b.sick || v.own || b.allSilent(now, s, p),
		LinesFull:     v.lines == router.Full,
		ProbeFailed:   !p.CallProbe || v.probe.p == Down && now.Sub(v.probe.at) <= window,
	}
	if b.Known[s] {
		f.App = v.calls.class(now)
	}
	if f.Host == Down && !b.HostKnown[s] {
		f.Host = Unknown
	}
	mute := b.Known[s] && v.isMute(now)
	if mute {
		f.App = router.Stuck
	}
	f.AnsweredSince = f.SIP == router.Silent && v.wasLive && v.answered >= v.began
	f.LatencyOdd = f.SIP == router.OK && v.rtt.odd
	f.Lasting = f.App != router.NoEvidence && v.calls.lasted(now, p.Lasting) ||
		f.SIP == router.Err && now.Sub(v.sipFault.at) >= p.Lasting ||
		mute && now.Sub(v.mute.since) >= p.Lasting
	return f
}

func (b *Board) sip(now router.Instant, s router.Server, p Policy) router.Evidence {
	v := &b.server[s]
	if !b.Known[s] || now.Sub(v.sip.at) > p.fresh() {
		return router.NoEvidence
	}
	switch v.sip.e {
	case router.OK, router.Busy, router.Err, router.Refused, router.Silent:
		return v.sip.e
	}
	return router.NoEvidence
}

// unseen: silent after having answered, and no call answered since.
func (b *Board) unseen(now router.Instant, s router.Server, p Policy) bool {
	v := &b.server[s]
	return b.sip(now, s, p) == router.Silent && !(v.wasLive && v.answered >= v.began)
}

// Unseen reports whether one IPBX has fallen silent after having answered a
// probe. An index beyond MaxIPBX is never unseen.
func (b *Board) Unseen(ipbx uint8) bool {
	return ipbx < MaxIPBX && b.ipbx[ipbx].answers && b.ipbx[ipbx].silent
}

// IPBXUnseen: every IPBX that is known to answer has fallen silent, and none of
// the others has been heard lately.
func (b *Board) IPBXUnseen(now router.Instant, p Policy) bool {
	unseen := false
	for _, v := range b.ipbx {
		switch {
		case v.answers && !v.silent:
			return false
		case v.answers:
			unseen = true
		case v.ever && now.Sub(v.at) <= p.fresh():
			return false
		}
	}
	return unseen
}

func (v presence) now(now router.Instant, p Policy) Presence {
	if now.Sub(v.at) > p.fresh() {
		return Unknown
	}
	return v.p
}
