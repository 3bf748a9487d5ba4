package app

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/text"
	"releve/health/alarm"
	"releve/proxy"
	"releve/router"
	"releve/router/control"
	"releve/router/licence"
)

// A dead server that nothing will leave once still "answered" on the screen.
func TestDeadServerThatNothingLeavesIsNobody(t *testing.T) {
	dead := func(v router.View) snapshot {
		s := snapshot{view: v}
		s.row.Known[router.Primary], s.row.Known[router.Secondary] = true, true
		s.verdicts[v.Active] = router.VerdictDeadAlone
		return s
	}
	p := router.View{Active: router.Primary, Act: true}
	for _, c := range []struct {
		name  string
		level router.Level
		view  func(*router.View)
		want  text.Headline
	}{
		{"a switchover will come", router.HighAvailability, func(*router.View) {}, text.Answering},
		{"a verification runs", router.HighAvailability, func(v *router.View) { v.Phase, v.Verifying = router.Verifying, true }, text.Checking},
		{"base", router.Base, func(*router.View) {}, text.Nobody},
		{"backup", router.Backup, func(*router.View) {}, text.Nobody},
		{"observation", router.HighAvailability, func(v *router.View) { v.Act = false }, text.Nobody},
		{"maintenance", router.HighAvailability, func(v *router.View) { v.Phase = router.Maintenance }, text.Nobody},
		{"an operator switches", router.Backup, func(v *router.View) { v.Phase = router.Switching }, text.Unproven},
		{"both down", router.HighAvailability, func(v *router.View) { v.Phase = router.BothDown }, text.Nobody},
		{"on the secondary", router.Backup, func(v *router.View) { v.Phase, v.Active = router.OnSecondary, router.Secondary }, text.Nobody},
	} {
		s := still(t)
		s.node.cfg().Level = c.level
		v := p
		c.view(&v)
		shown := dead(v)
		if got := s.node.headline(shown); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		m := s.node.mind
		m.watch(shown)
		if s.alarmed(alarm.NobodyServes) != (v.Phase == router.BothDown) {
			t.Errorf("%s: one lost probe decides on the alarm", c.name)
		}
		m.alarmed(&control.Effect{Kind: control.Alarm, Alarm: control.AlarmSilent, Server: v.Active, On: true})
		m.watch(shown)
		if s.alarmed(alarm.NobodyServes) != (c.want == text.Nobody) {
			t.Errorf("%s: alarm 1002 wrong", c.name)
		}
		shown.view.Phase, shown.verdicts[v.Active] = router.Normal, router.VerdictUnknown
		m.watch(shown) // nothing is known: what was told stands
		if s.alarmed(alarm.NobodyServes) != (c.want == text.Nobody) {
			t.Errorf("%s: cleared by ignorance", c.name)
		}
		shown.verdicts[v.Active] = router.VerdictHealthy
		m.watch(shown)
		if s.alarmed(alarm.NobodyServes) || s.node.headline(shown) == text.Nobody {
			t.Errorf("%s: it answers again", c.name)
		}
	}
}

// A move that waited an hour for a fence was once told to nobody.
func TestMoveThatWaitsForAFenceIsTold(t *testing.T) {
	s := still(t)
	m := s.node.mind
	shown := snapshot{view: router.View{Active: router.Primary, Phase: router.Switching}}
	shown.licence = licence.Status{
		Mode: licence.Pair, Phase: licence.Unreg, Holder: router.Secondary, Leaving: router.Primary, Fence: 52 * time.Minute,
	}
	m.moved(shown.licence)
	m.watch(shown)
	if s.alarmed(alarm.MoveStuck) {
		t.Error("at once, while proof may come")
	}
	shown.view.MoveBy = 1
	m.watch(shown)
	if !s.alarmed(alarm.MoveStuck) {
		t.Error("it waits for the fence, and nobody is told")
	}
	r := registration(shown.licence)
	if left := time.Until(r.Fence); r.Leaving != "primary" || left < 51*time.Minute || left > 52*time.Minute {
		t.Errorf("%+v", r)
	}
	shown.view.MoveBy = 0
	shown.licence.Phase, shown.licence.Leaving = licence.Claim, router.NoServer
	m.bound.left, m.bound.holder = time.Now().Add(-moveLong-time.Second), router.Primary
	m.watch(shown)
	if !s.alarmed(alarm.MoveStuck) {
		t.Error("the claim takes long")
	}
	shown.licence.Phase = licence.Bound
	m.moved(shown.licence)
	m.watch(shown)
	if s.alarmed(alarm.MoveStuck) || !registration(shown.licence).Until.IsZero() {
		t.Error("still there although it is done")
	}
}

func TestDamper(t *testing.T) {
	at := time.Now()
	var d damper
	for i, c := range []struct {
		after time.Duration
		count uint64
		on    bool
	}{
		{0, 2, false},
		{time.Second, 3, true},
		{time.Minute, 3, true},
		{time.Minute, 5, true}, // two more within a window: not enough to go on
		{3 * time.Minute, 5, false},
		{time.Second, 7, false},
		{time.Second, 8, true},
		{2 * time.Minute, 8, true},
		{time.Second, 11, true}, // renewed
		{countQuiet - time.Second, 11, true},
		{time.Second, 11, false},
		{time.Second, 9, false}, // it fell
		{time.Second, 12, true},
	} {
		at = at.Add(c.after)
		was := d.on
		if changed := d.see(at, c.count, 3); d.on != c.on || changed != (was != c.on) {
			t.Errorf("step %d: on %v, changed %v", i, d.on, changed)
		}
	}
}

func TestCountersBecomeAlarms(t *testing.T) {
	s := still(t)
	m := s.boot()
	now := time.Now()
	m.count(now)
	if a := s.node.Alarms(t.Context()); len(a) != 0 {
		t.Fatalf("%+v", a)
	}
	s.node.proxy.Stats.Refused[proxy.BoundTransactions].Add(4)
	turned := router.CallRecord{Outcome: router.Dissuaded.String(), Entry: router.Inline.String()}
	for range manyRefused {
		m.concluded(&turned)
	}
	for range unknownSource {
		if s.node.known(netip.MustParseAddr("10.66.6.6")) {
			t.Fatal("a stranger is known")
		}
	}
	m.count(now.Add(time.Second))
	for _, n := range []alarm.Number{alarm.LimitReached, alarm.ManyRefused} {
		if !s.alarmed(n) {
			t.Errorf("no alarm %d", n)
		}
	}
	if l := s.journal(); !slices.ContainsFunc(l, func(l string) bool {
		return l == "limit-reached Limit reached: requests in progress (limits.transactions) (4 refused)."
	}) {
		t.Errorf("%q", l)
	}
	m.count(now.Add(time.Second + countQuiet))
	if a := s.node.Alarms(t.Context()); len(a) != 0 {
		t.Errorf("after a quiet time: %+v", a)
	}
	m.counted.strange.on = true
	m.strange(&m.counted)
	if a := s.node.Alarms(t.Context()); len(a) != 1 || a[0].Object != "10.66.6.6" {
		t.Errorf("%+v", a)
	}
	s.node.known(netip.MustParseAddr("10.66.6.7"))
	m.counted.strange.on = false
	m.strange(&m.counted)
	if s.alarmed(alarm.UnknownSource) {
		t.Error("the alarm forgot its own name")
	}
}

func TestWhoIsTurnedAway(t *testing.T) {
	for _, c := range []struct {
		r    router.CallRecord
		want bool
	}{
		{router.CallRecord{Outcome: "answered"}, false},
		{router.CallRecord{Outcome: "cancelled"}, false},
		{router.CallRecord{Outcome: "rescued"}, false},
		{router.CallRecord{Outcome: "dissuaded", Entry: "inline"}, true},
		{router.CallRecord{Outcome: "dissuaded", Entry: "overflow"}, false},
		{router.CallRecord{Outcome: "refused", Entry: "overflow"}, true},
		{router.CallRecord{Outcome: "failed"}, true},
		{router.CallRecord{Outcome: "lost"}, true},
		{router.CallRecord{Outcome: "refused", Outgoing: true}, false},
	} {
		if got := turnedAway(&c.r); got != c.want {
			t.Errorf("%+v: %v", c.r, got)
		}
	}
}

// A number that a server refuses is an alarm until that server takes it.
func TestRefusedServiceNumberIsToldAndEnds(t *testing.T) {
	s := still(t)
	m := s.node.mind
	record := func(number string, o router.Outcome, why router.Reason) {
		m.concluded(&router.CallRecord{Server: "primary", To: number, Outcome: o.String(), Reason: why})
		for {
			select {
			case f := <-m.jobs:
				f()
				continue
			default:
			}
			return
		}
	}
	record("5000", router.RefusedByPeer, router.ReasonThisCallOnly)
	if s.alarmed(alarm.Misprovisioned) {
		t.Error("a refusal of this call only")
	}
	record("5000", router.RefusedByPeer, router.ReasonMisprovisioned)
	record("5001", router.Answered, router.ReasonActiveServes)
	if a := s.node.Alarms(t.Context()); len(a) != 1 || a[0].Number != 1016 || a[0].Object != "primary / 5000" {
		t.Errorf("%+v", a)
	}
	stored := m.alarms.All()
	m.callers.misprovisioned.Store(false) // a restart
	m.restoreAlarms(stored)
	record("5000", router.Answered, router.ReasonActiveServes)
	if s.alarmed(alarm.Misprovisioned) {
		t.Error("the number works again")
	}
}

// What a server registers here is shown, and its disappearance told.
func TestServersOwnRegisters(t *testing.T) {
	s := still(t)
	m := s.node.mind
	if l := s.node.Licence(t.Context()); len(l.Own) != 0 {
		t.Errorf("%+v", l.Own)
	}
	m.registered(router.Primary, 60)
	now := time.Now()
	m.lookForRegisters(now)
	m.lookForRegisters(now.Add(119 * time.Second))
	if l := s.node.Licence(t.Context()); len(l.Own) != 1 || l.Own[0].Server != "principal" || l.Own[0].Granted != time.Minute || l.Own[0].At.IsZero() {
		t.Errorf("%+v", l.Own)
	}
	m.lookForRegisters(now.Add(121 * time.Second))
	m.registered(router.Primary, 60)
	m.lookForRegisters(time.Now())
	m.registered(router.Primary, 0) // it leaves
	m.lookForRegisters(time.Now())
	var codes []string
	for _, l := range s.journal() {
		code, _, _ := strings.Cut(l, " ")
		codes = append(codes, code)
	}
	want := []string{"server-registered", "server-unregistered", "server-registered", "server-unregistered"}
	if !slices.Equal(codes, want) {
		t.Errorf("%q", codes)
	}
}

// A job that panics is counted and told; the next one is done.
func TestPanicOfAJobEndsThatJobAlone(t *testing.T) {
	s := still(t)
	m := s.boot()
	done := false
	m.do(func() { panic("planted") })
	m.do(func() { done = true })
	if !done || s.node.proxy.Stats.Panics.Load() != 1 {
		t.Errorf("done %v, %d panics", done, s.node.proxy.Stats.Panics.Load())
	}
	if f := m.flags.fault.Load(); f == nil || !strings.HasPrefix(f.what, "panic: planted") {
		t.Errorf("told %v", f)
	}
}
