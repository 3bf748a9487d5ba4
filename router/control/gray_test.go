package control

import (
	"testing"
	"time"

	"releve/health"
	"releve/router"
	"releve/router/role"
)

// gray is a world in which the primary answers OPTIONS, after rtt, and each second
// one thing happens to it.
type gray struct {
	name    string
	verdict router.Verdict
	rtt     time.Duration
	sip     router.Evidence
	second  func(i int) []Event // what happens in second i
	gray    bool                // switches when switch_on names gray
	degr    bool                // likewise degraded
}

func proves(e router.Evidence) Event {
	return Event{Kind: Evidence, Server: router.Primary, Evidence: e}
}

func each(e ...Event) func(int) []Event { return func(int) []Event { return e } }

// some gives a to every n-th second, b to the others.
func some(n int, a, b Event) func(int) []Event {
	return func(i int) []Event {
		if i%n == 0 {
			return []Event{a}
		}
		return []Event{b}
	}
}

var grays = []gray{
	{name: "answers OPTIONS, not calls", verdict: router.VerdictGray, second: each(proves(router.Silent)), gray: true},
	{name: "rings and never answers", verdict: router.VerdictGray, second: each(proves(router.Stuck)), gray: true},
	{name: "busy while we count next to nothing", verdict: router.VerdictGray, second: each(proves(router.Stuck)), gray: true},
	{name: "5xx on each call", verdict: router.VerdictDegraded, second: each(proves(router.Err)), degr: true},
	{name: "5xx on two of three calls", verdict: router.VerdictDegraded, second: some(3, proves(router.OK), proves(router.Err)), degr: true},
	{name: "5xx on one of four", verdict: router.VerdictHealthy, second: some(4, proves(router.Err), proves(router.OK))},
	{name: "OPTIONS are answered by 500", verdict: router.VerdictDegraded, sip: router.Err, second: each(), degr: true},
	{name: "slow against its own past", verdict: router.VerdictSlow, rtt: 400 * time.Millisecond, second: each()},
	{name: "busy, all of it", verdict: router.VerdictBusy, second: each(proves(router.Busy))},
	{name: "restarted, and loses calls again and again", verdict: router.VerdictDegraded, second: each(Event{Kind: Restarted, Server: router.Primary})},
	{name: "restarted, and serves", verdict: router.VerdictHealthy, second: func(i int) []Event {
		if i == 1 {
			return []Event{{Kind: Restarted, Server: router.Primary}}
		}
		return []Event{proves(router.OK)}
	}},
}

// live runs g for d under switch_on and returns the verdict after 20 s and when a
// switchover began; 0: none did.
func (g gray) live(t *testing.T, d time.Duration, onGray, onDegraded bool) (after router.Verdict, switched time.Duration) {
	t.Helper()
	p := Policy{
		Role: role.Policy{
			Count: 3, AloneExtra: 2, Spacing: 2 * time.Second, Dead: true, Gray: onGray, Degraded: onDegraded,
			Act: true, Automatic: true, Stable: 5,
		},
		Health: health.Policy{Interval: 5 * time.Second, Lasting: time.Minute}, Secondary: true, IPBXs: 1,
	}
	s := New(p, 1)
	at := time.Duration(0)
	sick := false
	var feed func(e Event)
	feed = func(e Event) {
		for _, f := range feedAt(&s, at, e) {
			switch {
			case f.Kind == Save:
				feed(Event{Kind: Saved, Version: f.Version})
			case f.Kind == Publish && f.View.Phase == router.Switching && switched == 0:
				switched = at
			case f.Kind == ProbeIPBX:
				feed(Event{Kind: IPBXProbe, IPBX: f.IPBX, Round: f.Round, Evidence: router.OK, RTT: time.Millisecond})
			case f.Kind == Probe:
				answer := Event{Kind: ProbeDone, Server: f.Server, Round: f.Round, Evidence: router.OK, RTT: 2 * time.Millisecond}
				if sick && f.Server == router.Primary {
					if g.sip != router.NoEvidence {
						answer.Evidence = g.sip
					}
					answer.RTT = max(answer.RTT, g.rtt)
				}
				feed(answer)
			}
		}
	}
	feed(Event{Kind: Boot, On: true})
	const well = 2 * time.Minute
	for at = 0; at < well; at += time.Second {
		feed(Event{Kind: Tick})
	}
	sick = true
	for i := 1; at < well+d && switched == 0; i++ {
		for _, e := range g.second(i) {
			feed(e)
			if e.Kind == Evidence && e.Evidence != router.OK && e.Evidence != router.Busy {
				feed(Event{Kind: Overflow, Server: router.Primary}) // the call is held
			}
		}
		feed(Event{Kind: Tick})
		if at += time.Second; i == 20 {
			after, _ = s.Judged(router.Clock{Mono: router.Instant(at), High: router.Instant(at)}, router.Primary)
		}
	}
	if switched != 0 {
		switched -= well
	}
	return after, switched
}

// Each gray failure reaches its verdict, and switches only as switch_on names it,
// and never before it has lasted.
func TestGrayFailures(t *testing.T) {
	for _, g := range grays {
		for _, on := range []struct{ gray, degraded bool }{{}, {gray: true}, {degraded: true}, {true, true}} {
			verdict, switched := g.live(t, 3*time.Minute, on.gray, on.degraded)
			if verdict != g.verdict {
				t.Errorf("%s: %v, want %v", g.name, verdict, g.verdict)
			}
			want := g.gray && on.gray || g.degr && on.degraded
			if want != (switched != 0) {
				t.Errorf("%s, switch_on %+v: switched after %v", g.name, on, switched)
			}
			if switched != 0 && switched < time.Minute {
				t.Errorf("%s: switched after %v, before it lasted", g.name, switched)
			}
		}
	}
}
