package proxy

import (
	"sync/atomic"

	"releve/router"
)

// Stats are counters that the call path bumps and control samples; all are
// safe for concurrent use and only grow.
type Stats struct {
	Offered      atomic.Uint64 // initial INVITEs
	Outcomes     [8]atomic.Uint64
	Held         atomic.Uint64
	Malformed    atomic.Uint64
	Stray        atomic.Uint64         // responses and ACKs without a context
	Refused      [Bounds]atomic.Uint64 // by a limit
	Strangers    atomic.Uint64         // messages of unknown sources
	Panics       atomic.Uint64
	Unsent       atomic.Uint64                    // the wire did not take it
	LateDrops    atomic.Uint64                    // 18x of a branch that was given up
	Retargeted   atomic.Uint64                    // attempts at a further address of the same far end
	Parked       atomic.Uint64                    // requests that waited for a name
	NotParked    atomic.Uint64                    // requests that could not: too many did
	Unremembered atomic.Uint64                    // callers turned away whose repeats will not be known
	Runaway      atomic.Uint64                    // events that led to more than maxSteps others: a fault of ours
	Asked        atomic.Uint64                    // answers to questions after calls in progress
	Forgotten    [router.Servers]atomic.Uint64    // calls that one end had lost, by their server
	Denied       [router.Servers]atomic.Uint64    // those among them that the server itself had lost
	Dismissed    atomic.Uint64                    // late 2xx that we ACKed and BYEd
	Evidence     [router.Servers][8]atomic.Uint64 // by router.Evidence
	AnsweredAt   [router.Servers]atomic.Int64     // instant of the last response of this server to anything
	ServedAt     [router.Servers]atomic.Int64     // instant of its last 2xx to an INVITE, or final that says plausibly that it is busy
	IPBXAt       [8]atomic.Int64                  // instant of the last message of IPBX i
	OnStandby    [8]atomic.Bool                   // IPBX i answered, or called, from its second address last
}

// Shed is what all limits refused together.
func (st *Stats) Shed() (n uint64) {
	for b := range st.Refused {
		n += st.Refused[b].Load()
	}
	return n
}

// seen notes that a far end lives.
func (st *Stats) seen(side side, now router.Instant) {
	at := max(int64(now), 1)
	switch side.kind {
	case fromIPBX:
		if int(side.index) < len(st.IPBXAt) {
			st.IPBXAt[side.index].Store(at)
		}
	case fromServer:
		st.AnsweredAt[side.server()].Store(at)
	}
}

// SettingUp is the number of calls that were offered and have no outcome yet.
func (st *Stats) SettingUp() uint64 {
	var over uint64
	for i := range st.Outcomes {
		over += st.Outcomes[i].Load() // before the offered ones: never below zero
	}
	return st.Offered.Load() - over
}

func (p *Proxy) answeredLately(s router.Server, now router.Instant) bool {
	at := p.Stats.AnsweredAt[s].Load()
	return at != 0 && now-router.Instant(at) <= router.Instant(1e9)
}
