package health

import "releve/router"

// Canon returns the board with now moved to zero, what is too old to count cut
// off and counters ranked: boards that judge alike from now on become equal. It
// is for keeping boards in sets; it is not to be stepped on. The buckets of
// calls keep their distance to the present one, not to its beginning.
func (b Board) Canon(now router.Instant, p Policy) Board {
	past := func(at router.Instant, reach router.Instant) router.Instant { return max(at-now, -reach-1) }
	fresh := router.Instant(p.fresh())
	for i := range b.server {
		v := &b.server[i]
		if v.sip.e == router.NoEvidence && v.sip.at == 0 {
			v.sip.at = now // never probed: as old as can be, whenever that was
		}
		v.sip.at, v.began = past(v.sip.at, fresh), past(v.began, fresh)
		if v.sipFault != (mark{}) {
			v.sipFault.at = past(v.sipFault.at, router.Instant(p.Lasting))
		}
		if v.sip.e != router.Silent {
			v.quiet = 0
		} else {
			v.quiet = past(v.quiet, 4*fresh)
		}
		if v.wasLive {
			v.answered = past(v.answered, 2*fresh)
		}
		v.good = min(v.good, rankedGood)
		for _, x := range []*presence{&v.host, &v.peer} {
			if x.at = past(x.at, fresh); x.at < -fresh || x.p == Unknown {
				*x = presence{}
			}
		}
		if v.probe.at = past(v.probe.at, router.Instant(window)); v.probe.p == Unknown {
			v.probe = presence{}
		}
		if v.mute.on {
			v.mute.at, v.mute.since = past(v.mute.at, router.Instant(window)), past(v.mute.since, router.Instant(p.Lasting))
		}
		v.calls = v.calls.canon(now, p)
	}
	for i := range b.ipbx {
		if v := &b.ipbx[i]; v.ever {
			v.at = past(v.at, fresh)
		}
	}
	return b
}

// Ranked is b with good rounds beyond limit taken together and round-trip times
// forgotten: for an explorer in whose world they never vary.
func (b Board) Ranked(limit uint8) Board {
	for i := range b.server {
		b.server[i].good = min(b.server[i].good, limit)
		b.server[i].rtt = latency{}
		if !b.server[i].wasLive {
			b.server[i].began = 0 // a call that is answered is answered after that
		}
	}
	return b
}

// rankedGood: no rule asks for more good rounds than this.
const rankedGood = 10

// canon moves the present bucket to the end and drops those that no longer
// count.
func (c calls) canon(now router.Instant, p Policy) calls {
	out := calls{faulty: c.faulty}
	if c.class(now) == router.NoEvidence {
		return calls{}
	}
	present := slotOf(now)
	for slot := max(0, present-buckets+1); slot <= c.slot; slot++ {
		out.counts[slot-present+buckets-1] = c.counts[slot%buckets]
	}
	out.slot, out.newest, out.at = c.slot-present, c.newest, c.at-now
	if c.faulty {
		out.since = max(c.since-now, -router.Instant(p.Lasting)-1)
	}
	return out
}
