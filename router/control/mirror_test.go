package control

import (
	"testing"
	"time"

	"releve/router"
	"releve/router/licence"
	"releve/router/role"
)

// mirrored is a node at a site with a watched mirror.
func mirrored(t *testing.T) *node {
	p := policy(licence.Pair)
	p.Mirror = true
	n := &node{t: t, s: New(p, 7), ipbx: true, refuses: true}
	n.alive[router.Primary], n.alive[router.Secondary] = true, true
	n.feed(Event{Kind: Boot, On: true})
	n.run(30 * time.Second)
	return n
}

// A mirror that lags makes the secondary not ready: told before the day it
// matters, and no switchover to old data on that day.
func TestMirrorBehindBlocksTheSwitchover(t *testing.T) {
	n := mirrored(t)
	n.feed(Event{Kind: Mirror, Copy: CopyBehind})
	if n.s.Ready() || !n.s.Stale() {
		t.Fatal("ready on old data")
	}
	n.run(30 * time.Second)
	if got := n.told(AlarmNotReady, router.Secondary); len(got) == 0 || !got[len(got)-1] {
		t.Error("no alarm before")
	}
	if v := n.s.View(); v.Phase != router.Normal || v.Verifying || v.Epoch != 1 {
		t.Fatalf("the mirror triggered something: %+v", v)
	}
	n.alive[router.Primary] = false
	n.feed(Event{Kind: Overflow, Server: router.Primary})
	n.run(20 * time.Second)
	if v := n.s.View(); v.Active != router.Primary || v.Phase != router.BothDown {
		t.Fatalf("it switched to old data: %+v", v)
	}
	n.feed(Event{Kind: Mirror, Copy: CopyFresh})
	n.run(20 * time.Second)
	if v := n.s.View(); v.Active != router.Secondary {
		t.Fatalf("the mirror has caught up, and nothing moved: %+v", v)
	}
	if got := n.told(AlarmNotReady, router.Secondary); got[len(got)-1] {
		t.Error("the alarm stands")
	}
}

// The main database dies with the primary's host: what was known before counts.
func TestMainDatabaseDiesWithThePrimary(t *testing.T) {
	for before, want := range map[Copy]router.Server{CopyFresh: router.Secondary, CopyBehind: router.Primary, CopyUnknown: router.Secondary} {
		n := mirrored(t)
		n.feed(Event{Kind: Mirror, Copy: before})
		n.run(10 * time.Second)
		n.alive[router.Primary] = false
		n.feed(Event{Kind: Mirror, Copy: CopyUnknown})
		n.feed(Event{Kind: Overflow, Server: router.Primary})
		n.run(20 * time.Second)
		if v := n.s.View(); v.Active != want {
			t.Errorf("%d before: %v is active", before, v.Active)
		}
	}
}

// The mirror never triggers, whatever comes.
func TestMirrorNeverTriggers(t *testing.T) {
	n := mirrored(t)
	for i := range 60 {
		n.feed(Event{Kind: Mirror, Copy: Copy(i % 3)})
		n.run(time.Second)
		if v := n.s.View(); v.Phase != router.Normal || v.Verifying || v.Epoch != 1 || v.Active != router.Primary {
			t.Fatalf("%+v", v)
		}
	}
}

// An operator may take old data rather than none, and says so.
func TestMirrorBehindCanBeForced(t *testing.T) {
	n := mirrored(t)
	n.feed(Event{Kind: Mirror, Copy: CopyBehind})
	n.feed(Event{Kind: Operate, Command: role.Switchover})
	if last := n.calls[len(n.calls)-1]; last.Kind != Refuse || last.Reason != router.ReasonNotReady {
		t.Fatalf("%+v", last)
	}
	n.feed(Event{Kind: Operate, Command: role.Switchover, Force: true})
	n.run(10 * time.Second)
	if v := n.s.View(); v.Active != router.Secondary {
		t.Fatalf("%+v", v)
	}
	n.run(16 * time.Minute) // a return asks nothing of the mirror
	n.feed(Event{Kind: Operate, Command: role.Return})
	n.run(10 * time.Second)
	if v := n.s.View(); v.Active != router.Primary {
		t.Fatalf("the mirror held up a return: %+v", v)
	}
}

// The last value before a fault outlives a restart; a mirror that is watched no
// more blocks nothing.
func TestMirrorOutlivesARestart(t *testing.T) {
	n := mirrored(t)
	n.feed(Event{Kind: Mirror, Copy: CopyBehind})
	again := func(watched bool) *State {
		p := policy(licence.Pair)
		p.Mirror = watched
		n.s = New(p, 8)
		n.feed(Event{Kind: Boot, On: true, Row: n.store, Version: n.version})
		n.run(30 * time.Second)
		return &n.s
	}
	if s := again(true); s.Ready() || !s.Stale() {
		t.Error("forgotten")
	}
	if s := again(false); !s.Ready() || s.Stale() {
		t.Error("it blocks, and nobody watches it")
	}
	if s := again(true); !s.Ready() {
		t.Error("it is watched again, and an old value counts")
	}
}
