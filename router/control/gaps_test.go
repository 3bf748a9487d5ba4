package control

import (
	"slices"
	"testing"
	"time"

	"releve/router"
	"releve/router/licence"
	"releve/router/role"
)

// told is the sequence of edges of one alarm.
func (n *node) told(number uint16, x router.Server) (edges []bool) {
	for _, f := range n.calls {
		if f.Kind == Alarm && f.Alarm == number && f.Server == x {
			edges = append(edges, f.On)
		}
	}
	return edges
}

func wantTold(t *testing.T, n *node, number uint16, x router.Server, want ...bool) {
	t.Helper()
	if got := n.told(number, x); !slices.Equal(got, want) {
		t.Errorf("alarm %d about %v: %v, want %v", number, x, got, want)
	}
}

func TestAlarmServerSilent(t *testing.T) {
	n := start(t, licence.Pair)
	n.run(30 * time.Second)
	n.alive[router.Secondary] = false
	n.run(6 * time.Second) // one probe may be lost
	wantTold(t, n, AlarmSilent, router.Secondary, false)
	n.run(14 * time.Second)
	wantTold(t, n, AlarmSilent, router.Secondary, false, true)
	n.alive[router.Secondary] = true
	n.run(10 * time.Second)
	wantTold(t, n, AlarmSilent, router.Secondary, false, true, false)
	wantTold(t, n, AlarmSilent, router.Primary, false)
	if v := n.s.View(); v.Verification != 0 || v.Epoch != 1 {
		t.Errorf("the passive server's silence began a verification: %+v", v)
	}
}

func TestNobodyToSwitchOverTo(t *testing.T) {
	p := policy(licence.Pair)
	p.Secondary = false
	n := &node{t: t, s: New(p, 7), ipbx: true, refuses: true}
	n.alive[router.Primary] = true
	n.feed(Event{Kind: Boot, On: true})
	n.run(30 * time.Second)
	n.feed(Event{Kind: Operate, Command: role.Switchover, Force: true})
	last := n.calls[len(n.calls)-1]
	if last.Kind != Refuse || last.Reason != router.ReasonOneServer || n.s.View().Phase != router.Normal {
		t.Fatalf("%+v, phase %v", last, n.s.View().Phase)
	}
}

// At level backup the secondary may be off the network; it is found when an
// operator starts it, and that both are there is told.
func TestAbsentSecondaryIsFoundWhenItIsStarted(t *testing.T) {
	p := policy(licence.Pair)
	p.Absent, p.Role.Automatic = true, false
	n := &node{t: t, s: New(p, 7), ipbx: true}
	n.alive[router.Primary] = true
	n.feed(Event{Kind: Boot, On: true})
	n.run(time.Minute)
	wantTold(t, n, AlarmSilent, router.Secondary, false)
	wantTold(t, n, AlarmNotReady, router.Secondary, false)
	wantTold(t, n, AlarmBoth, router.Secondary, false)
	n.alive[router.Secondary] = true
	n.run(20 * time.Second)
	if !n.s.Ready() {
		t.Error("not ready, though it answers")
	}
	wantTold(t, n, AlarmBoth, router.Secondary, false, true)
	n.alive[router.Primary] = false
	n.feed(Event{Kind: Operate, Command: role.Switchover})
	n.run(20 * time.Second)
	if v := n.s.View(); v.Active != router.Secondary || v.Phase != router.OnSecondary {
		t.Errorf("%+v", v)
	}
	wantTold(t, n, AlarmBoth, router.Secondary, false, true, false)
}

// The secondary was started because the primary is dead: nobody is told to switch
// it off.
func TestBothAreNotThereWhileThePrimaryIsDead(t *testing.T) {
	p := policy(licence.Pair)
	p.Absent, p.Role.Automatic = true, false
	n := &node{t: t, s: New(p, 7), ipbx: true}
	n.alive[router.Primary] = true
	n.feed(Event{Kind: Boot, On: true})
	n.run(time.Minute)
	n.alive[router.Primary] = false
	n.run(5 * time.Second)
	n.alive[router.Secondary] = true
	n.run(time.Minute)
	wantTold(t, n, AlarmBoth, router.Secondary, false)
	n.alive[router.Primary] = true
	n.run(time.Minute)
	wantTold(t, n, AlarmBoth, router.Secondary, false, true)
	n.alive[router.Primary] = false
	n.run(time.Minute)
	wantTold(t, n, AlarmBoth, router.Secondary, false, true, false)
}

func TestAlarmSecondaryNotReady(t *testing.T) {
	n := start(t, licence.Pair)
	n.run(30 * time.Second)
	n.alive[router.Secondary] = false
	n.run(14 * time.Second)
	wantTold(t, n, AlarmNotReady, router.Secondary, false)
	n.run(10 * time.Second)
	wantTold(t, n, AlarmNotReady, router.Secondary, false, true)
	n.alive[router.Secondary] = true
	n.run(15 * time.Second)
	wantTold(t, n, AlarmNotReady, router.Secondary, false, true, false)
}

// The alarm of a former life is cleared when its cause is gone, and not raised
// anew when its cause is there.
func TestAlarmsOfAFormerLife(t *testing.T) {
	n := start(t, licence.Pair)
	n.run(30 * time.Second)
	n.calls = nil
	n.s = New(policy(licence.Pair), 8)
	n.feed(Event{Kind: Boot, On: true, Row: n.store, Version: n.version})
	n.run(30 * time.Second)
	for _, x := range []router.Server{router.Primary, router.Secondary} {
		wantTold(t, n, AlarmSilent, x, false)
		wantTold(t, n, AlarmMute, x, false)
		wantTold(t, n, AlarmSlow, x, false)
	}
	wantTold(t, n, AlarmNotReady, router.Secondary, false)
	wantTold(t, n, AlarmSelf, router.NoServer, false)
	wantTold(t, n, AlarmIPBXSilent, router.NoServer, false)
}

func TestAlarmServerMute(t *testing.T) {
	n := start(t, licence.Pair)
	n.run(30 * time.Second)
	for range 55 {
		n.feed(Event{Kind: Evidence, Server: router.Primary, Evidence: router.Stuck})
		n.run(time.Second)
	}
	wantTold(t, n, AlarmMute, router.Primary, false)
	n.feed(Event{Kind: Evidence, Server: router.Primary, Evidence: router.Stuck})
	n.run(12 * time.Second)
	wantTold(t, n, AlarmMute, router.Primary, false, true)
	n.run(2 * time.Minute) // no calls: what they said is stale
	wantTold(t, n, AlarmMute, router.Primary, false, true, false)
}

// A 404 to the service number is relayed: no call overflows, and a primary that
// refused every caller for ever never began a verification.
func TestRefusedServiceNumberSwitchesWhenItLasts(t *testing.T) {
	for _, on := range []bool{true, false} {
		n := start(t, licence.Pair)
		n.s.policy.Role.Degraded = on
		n.run(30 * time.Second)
		for range 55 {
			n.feed(Event{Kind: Evidence, Server: router.Primary, Evidence: router.Err})
			n.run(time.Second)
		}
		if v := n.s.View(); v.Active != router.Primary || v.Verification != 0 {
			t.Fatalf("before it lasted: %+v", v)
		}
		for range 20 {
			n.feed(Event{Kind: Evidence, Server: router.Primary, Evidence: router.Err})
			n.run(time.Second)
		}
		if got := n.s.View().Active == router.Secondary; got != on {
			t.Errorf("switch_on lists degraded: %t; switched over: %t", on, got)
		}
	}
}

func TestAlarmSelf(t *testing.T) {
	n := start(t, licence.Pair)
	n.run(30 * time.Second)
	n.feed(Event{Kind: Self, On: true})
	n.feed(Event{Kind: Self})
	wantTold(t, n, AlarmSelf, router.NoServer, false, true, false)
	n.ipbx, n.refuses = false, false
	n.alive[router.Primary], n.alive[router.Secondary] = false, false
	n.feed(Event{Kind: Overflow, Server: router.Primary})
	n.run(20 * time.Second)
	wantTold(t, n, AlarmSelf, router.NoServer, false, true, false, true)
	wantTold(t, n, AlarmSilent, router.Primary, false)
}

func TestAlarmIPBXSilent(t *testing.T) {
	n := start(t, licence.Pair)
	n.run(30 * time.Second)
	n.ipbx = false
	n.run(20 * time.Second)
	wantTold(t, n, AlarmIPBXSilent, router.NoServer, false, true)
	n.bound[router.Primary] = false // it was restarted
	n.ipbx = true
	n.run(6 * time.Second)
	wantTold(t, n, AlarmIPBXSilent, router.NoServer, false, true, false)
	if !n.bound[router.Primary] {
		t.Error("back, and the binding it may have lost was not refreshed at once")
	}
}

// TestAnIPBXThatRefusesIsTold: its process is gone, its host is there. That is no
// isolation of ours, and no call comes from it all the same.
func TestAnIPBXThatRefusesIsTold(t *testing.T) {
	n := start(t, licence.Pair)
	n.run(30 * time.Second)
	n.ipbx, n.ipbxRefuses = false, true
	n.run(20 * time.Second)
	wantTold(t, n, AlarmIPBXSilent, router.NoServer, false, true)
	wantTold(t, n, AlarmSelf, router.NoServer, false)
	n.bound[router.Primary] = false
	n.ipbx = true
	n.run(6 * time.Second)
	wantTold(t, n, AlarmIPBXSilent, router.NoServer, false, true, false)
	if !n.bound[router.Primary] {
		t.Error("back, and the binding it may have lost was not refreshed at once")
	}
}

func TestAlarmServerSlow(t *testing.T) {
	n := start(t, licence.Pair)
	n.run(60 * time.Second)
	slow := func() {
		n.feed(Event{Kind: ProbeDone, Server: router.Primary, Evidence: router.OK, RTT: 900 * time.Millisecond})
	}
	slow()
	slow()
	wantTold(t, n, AlarmSlow, router.Primary, false)
	slow()
	wantTold(t, n, AlarmSlow, router.Primary, false, true)
	n.run(10 * time.Second)
	wantTold(t, n, AlarmSlow, router.Primary, false, true, false)
}

// A round whose probes never report ends all the same, and proves nothing.
func TestRoundWithoutResultsEnds(t *testing.T) {
	n := start(t, licence.Pair)
	n.run(30 * time.Second)
	n.mute = true
	n.feed(Event{Kind: Overflow, Server: router.Primary})
	if v := n.s.View(); !v.Verifying {
		t.Fatalf("%+v", v)
	}
	n.run(2500 * time.Millisecond)
	if v := n.s.View(); !v.Verifying {
		t.Fatalf("ended before its results could have come: %+v", v)
	}
	n.run(time.Second)
	if v := n.s.View(); v.Verifying || v.Ruling != router.RuleDissuade || v.Verdict != router.VerdictUnknown || v.Active != router.Primary {
		t.Fatalf("%+v", v)
	}
}

// The late result of a round that was given up begins nothing.
func TestLateResultOfARoundBeginsNothing(t *testing.T) {
	n := start(t, licence.Pair)
	n.run(30 * time.Second)
	n.mute = true
	n.feed(Event{Kind: Overflow, Server: router.Primary})
	n.run(4 * time.Second)
	was := n.s.View().Verification
	n.feed(Event{Kind: ProbeDone, Server: router.Primary, Round: 1, Evidence: router.Silent, RTT: time.Second})
	if v := n.s.View(); v.Verification != was {
		t.Fatalf("%+v", v)
	}
}

// Nothing is known of a server that was never good: overflows are dissuaded.
func TestOverflowWhileNothingIsKnown(t *testing.T) {
	n := &node{t: t, s: New(policy(licence.Pair), 7), ipbx: true}
	n.feed(Event{Kind: Boot, On: true})
	n.run(time.Minute) // neither server ever answered
	if v := n.s.View(); v.Verification != 0 {
		t.Fatalf("idle probing held a silence against an unknown server: %+v", v)
	}
	n.feed(Event{Kind: Overflow, Server: router.Primary})
	n.run(10 * time.Second)
	if v := n.s.View(); v.Verifying || v.Ruling != router.RuleDissuade || v.Epoch != 1 {
		t.Fatalf("%+v", v)
	}
}

func TestOverflowOfAServerThatIsNotActive(t *testing.T) {
	n := start(t, licence.Pair)
	n.run(30 * time.Second)
	n.feed(Event{Kind: Overflow, Server: router.Secondary})
	if v := n.s.View(); v.Verification != 0 {
		t.Fatalf("%+v", v)
	}
}

// A well server is ruled on when it answers; silent witnesses are not waited for.
func TestGoodAnswerEndsTheRoundAtOnce(t *testing.T) {
	n := start(t, licence.Pair)
	n.run(30 * time.Second)
	effects := n.s.Step(n.clock(), Event{Kind: Overflow, Server: router.Primary}, nil)
	for _, f := range effects {
		if f.Kind == Probe && f.Server == router.Primary {
			n.s.Step(n.clock(), Event{Kind: ProbeDone, Server: f.Server, Round: f.Round, Evidence: router.OK, RTT: time.Millisecond}, nil)
		}
	}
	if v := n.s.View(); v.Verifying || v.Ruling != router.RuleDissuade || v.Verdict != router.VerdictHealthy {
		t.Fatalf("%+v", v)
	}
}

func TestMoveBy(t *testing.T) {
	n := start(t, licence.Pair)
	n.run(30 * time.Second)
	n.deaf = true
	n.alive[router.Primary] = false
	n.feed(Event{Kind: Overflow, Server: router.Primary})
	n.run(3 * time.Second)
	if v := n.s.View(); v.Phase != router.Switching || v.MoveBy != 0 {
		t.Fatalf("proof may come at any moment: %+v", v)
	}
	n.run(6 * time.Second)
	v := n.s.View()
	if left := v.MoveBy.Sub(n.now); v.Phase != router.Switching || left < 20*time.Second || left > time.Minute+2*time.Second {
		t.Fatalf("%+v at %v", v, n.now)
	}
	n.deaf = false
	n.run(v.MoveBy.Sub(n.now) + 5*time.Second)
	if v := n.s.View(); v.Phase != router.OnSecondary || v.MoveBy != 0 {
		t.Fatalf("%+v", v)
	}
}

// A node that wins the lease goes on from what the other one stored.
func TestLeaseWonWithTheRowOfAnotherNode(t *testing.T) {
	n := start(t, licence.Pair)
	n.run(30 * time.Second)
	n.feed(Event{Kind: Lease})
	row := n.store
	row.Role = role.Row{Phase: router.OnSecondary, Active: router.Secondary, Epoch: 9, Reason: router.ReasonOperator}
	row.Licence.Phase, row.Licence.Holder, row.Licence.Epoch = licence.Bound, router.Secondary, 9
	row.Licence.Possible[router.Primary][0], row.Licence.Possible[router.Secondary][0] = false, true
	n.bound = [router.Servers]bool{router.Secondary: true}
	n.store, n.version = row, n.version+5
	n.run(time.Minute)
	if n.store != row {
		t.Fatal("a node without the lease wrote")
	}
	n.feed(Event{Kind: Lease, On: true, Row: row, Version: n.version})
	n.run(time.Minute)
	if v := n.s.View(); v.Active != router.Secondary || v.Phase != router.OnSecondary || v.Epoch != 9 {
		t.Fatalf("%+v", v)
	}
	if !n.bound[router.Secondary] || n.bound[router.Primary] {
		t.Fatalf("bound %v", n.bound)
	}
}

// A save that fails for a while is repeated under its version, and whoever
// waits for it is told once it lands.
func TestSaveFailsForAWhileDuringAMove(t *testing.T) {
	for _, down := range []time.Duration{time.Second, 5 * time.Second, 25 * time.Second} {
		n := start(t, licence.Pair)
		n.run(30 * time.Second)
		n.alive[router.Primary] = false
		n.feed(Event{Kind: Overflow, Server: router.Primary})
		n.run(1900 * time.Millisecond)
		n.noSave = true
		n.run(down)
		n.noSave = false
		n.run(30 * time.Second)
		if v := n.s.View(); v.Active != router.Secondary || !n.bound[router.Secondary] || n.maxBound > 1 {
			t.Errorf("store down for %v: %+v, bound %v", down, v, n.bound)
		}
	}
}

// Two minds with the same past at other instants have one Canon.
func TestCanon(t *testing.T) {
	canon := func(begin time.Duration, silent bool) State {
		n := &node{t: t, s: New(policy(licence.Pair), 7), ipbx: true, now: router.Instant(begin)}
		n.alive[router.Primary], n.alive[router.Secondary] = true, true
		n.feed(Event{Kind: Boot, On: true})
		n.run(100 * time.Second)
		n.alive[router.Primary] = !silent
		n.feed(Event{Kind: Evidence, Server: router.Primary, Evidence: router.Busy})
		n.feed(Event{Kind: Overflow, Server: router.Primary})
		n.run(200 * time.Millisecond)
		return n.s.Canon(n.clock())
	}
	first := canon(0, false)
	if second := canon(400*time.Second, false); first != second {
		t.Errorf("one past, two canons\n%+v\n%+v", first, second)
	}
	if other := canon(0, true); first == other {
		t.Error("two pasts, one canon")
	}
}
