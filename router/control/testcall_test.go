package control

import (
	"slices"
	"testing"
	"time"

	"releve/health"
	"releve/router"
	"releve/router/licence"
)

// caller is a node whose servers are called: results come at once, unless they are
// withheld.
type caller struct {
	*node
	result   [router.Servers]health.CallResult
	withheld bool
	placed   [router.Servers][]router.Instant
}

func startCaller(t *testing.T, change func(p *Policy)) *caller {
	p := policy(licence.Trunk)
	p.Health.CallProbe = true
	p.Calls = CallPolicy{Every: 5 * time.Minute, Suspect: 20 * time.Second}
	if change != nil {
		change(&p)
	}
	n := &caller{node: &node{t: t, s: New(p, 7), ipbx: true, refuses: true}}
	n.alive[router.Primary], n.alive[router.Secondary] = true, true
	n.result[router.Primary], n.result[router.Secondary] = health.CallGood, health.CallGood
	n.placing = func(f Effect) []Event {
		n.placed[f.Server] = append(n.placed[f.Server], n.now)
		if n.withheld {
			return nil
		}
		return []Event{{Kind: CallDone, Server: f.Server, Call: n.result[f.Server], RTT: 2 * time.Second}}
	}
	n.feed(Event{Kind: Boot, On: true})
	return n
}

// count is how many calls were placed since at.
func (n *caller) count(x router.Server, since router.Instant) int {
	return len(n.placed[x]) - slices.IndexFunc(append(n.placed[x], router.Never), func(at router.Instant) bool { return at >= since })
}

func TestTestCallsAreRareWhileAllIsWell(t *testing.T) {
	n := startCaller(t, nil)
	n.run(time.Hour)
	if c := n.count(router.Primary, 0); c < 10 || c > 16 { // every 5 min ± 20 %
		t.Errorf("%d calls in an hour", c)
	}
	if c := n.count(router.Secondary, 0); c != 0 {
		t.Errorf("%d calls to the passive server", c)
	}
	with := startCaller(t, func(p *Policy) { p.Calls.Passive = true })
	with.run(time.Hour)
	if c := with.count(router.Secondary, 0); c < 10 || c > 16 {
		t.Errorf("%d calls to the passive server, which answers them", c)
	}
}

// Answers OPTIONS, answers calls, and nothing is heard: GRAY from the first mute
// call on, a switchover when that has lasted, though real calls are answered.
func TestMuteServerSwitchesWhenItLasts(t *testing.T) {
	for _, on := range []bool{true, false} {
		n := startCaller(t, func(p *Policy) { p.Role.Gray = on })
		n.run(6 * time.Minute)
		n.result[router.Primary] = health.CallMute
		began := n.now
		gray, moved := router.Never, router.Never
		for range 10 * 60 {
			n.run(time.Second)
			n.feed(Event{Kind: Evidence, Server: router.Primary, Evidence: router.OK})
			n.feed(Event{Kind: Answered, Server: router.Primary})
			if v, _ := n.s.Judged(n.clock(), router.Primary); v == router.VerdictGray {
				gray = min(gray, n.now)
			}
			if n.s.View().Active == router.Secondary {
				moved = min(moved, n.now)
			}
		}
		if gray == router.Never || gray.Sub(began) > 7*time.Minute {
			t.Fatalf("never GRAY")
		}
		if on && (moved.Sub(gray) < time.Minute || moved.Sub(gray) > 95*time.Second) {
			t.Errorf("the roles changed %v after the first mute call", moved.Sub(gray))
		}
		if !on && moved != router.Never {
			t.Error("the roles changed, and switch_on does not list gray")
		}
		if c := n.count(router.Primary, gray); !on && c < int(n.now.Sub(gray)/(20*time.Second))-1 {
			t.Errorf("%d calls in %v while suspect: every 20 s is more", c, n.now.Sub(gray))
		}
	}
}

func TestTestCallsEndAVerification(t *testing.T) {
	n := startCaller(t, nil)
	n.run(6 * time.Minute)
	n.feed(Event{Kind: Evidence, Server: router.Primary, Evidence: router.Stuck})
	n.feed(Event{Kind: Overflow, Server: router.Primary})
	n.run(20 * time.Second)
	if v := n.s.View(); v.Verifying || v.Active != router.Primary {
		t.Errorf("%+v", v)
	}
	if c := n.count(router.Primary, router.Instant(6*time.Minute)); c < 1 {
		t.Error("a suspect server is called at once")
	}
}

// Busy is not broken, and a node that doubts itself proves nothing.
func TestTestCallsThatProveNothing(t *testing.T) {
	for name, x := range map[string]func(n *caller){
		"busy":    func(n *caller) { n.result[router.Primary] = health.CallBusy },
		"unknown": func(n *caller) { n.result[router.Primary] = health.CallUnknown },
		"our timers are late": func(n *caller) {
			n.result[router.Primary] = health.CallStuck
			n.feed(Event{Kind: Self, On: true})
			n.feed(Event{Kind: Self})
		},
	} {
		n := startCaller(t, func(p *Policy) { p.Calls.Every = 10 * time.Second })
		n.run(time.Minute)
		x(n)
		if name == "our timers are late" {
			n.feed(Event{Kind: CallDone, Server: router.Primary, Call: health.CallStuck, RTT: 2 * time.Second})
			n.result[router.Primary] = health.CallGood
		}
		n.run(3 * time.Minute)
		verdict, _ := n.s.Judged(n.clock(), router.Primary)
		if verdict != router.VerdictHealthy && verdict != router.VerdictBusy || n.s.View().Active != router.Primary {
			t.Errorf("%s: %v %+v", name, verdict, n.s.View())
		}
	}
}

// A test number that never answered tells nothing of the server.
func TestTestNumberThatNeverWorked(t *testing.T) {
	n := startCaller(t, nil)
	n.result[router.Primary] = health.CallStuck
	n.placed = [router.Servers][]router.Instant{}
	n.s = New(n.s.policy, 8)
	n.feed(Event{Kind: Boot, On: true})
	n.run(10 * time.Minute)
	if verdict, _ := n.s.Judged(n.clock(), router.Primary); verdict != router.VerdictHealthy {
		t.Errorf("%v", verdict)
	}
	if n.s.Row().Heard[router.Primary] {
		t.Error("said to have been heard")
	}
}

// One that nobody ends does not end the test calls.
func TestTestCallWithoutAnEnd(t *testing.T) {
	n := startCaller(t, nil)
	n.run(time.Minute)
	n.withheld = true
	n.run(10 * time.Minute)
	n.withheld = false
	from := n.now
	n.run(10 * time.Minute)
	if c := n.count(router.Primary, from); c < 1 {
		t.Error("no call is placed any more")
	}
}

func TestHeardIsStored(t *testing.T) {
	n := startCaller(t, nil)
	n.run(time.Minute)
	if !n.store.Heard[router.Primary] {
		t.Fatalf("%+v", n.store)
	}
	n.s = New(n.s.policy, 8)
	n.result[router.Primary] = health.CallMute
	n.feed(Event{Kind: Boot, On: true, Row: n.store, Version: n.version})
	n.run(10 * time.Second)
	if verdict, _ := n.s.Judged(n.clock(), router.Primary); verdict != router.VerdictGray {
		t.Errorf("after a restart: %v", verdict)
	}
}
