package control

import (
	"testing"
	"time"

	"releve/health"
	"releve/router"
	"releve/router/licence"
	"releve/router/role"
)

// node drives a State as app does: probes answered by a table of who lives,
// saves durable at once, REGISTERs answered by a registrar that keeps to the
// rules. It is the smallest world; package sim has the large one.
type node struct {
	t        *testing.T
	s        State
	now      router.Instant
	alive    [router.Servers]bool
	refuses  bool // a dead server's host answers with ICMP
	ipbx     bool
	store    Row
	version  uint64
	bound    [router.Servers]bool
	calls    []Effect // journal and alarms
	maxBound int
	noSave   bool
	mute     bool // the prober has no room: no result ever comes
	omits    bool // the registrar lists no bindings
	deaf     bool // the registrar does not answer

	sees       health.Presence // the other node, of the active server
	peerSilent bool

	ipbxRefuses bool // while ipbx is false: its host is there

	placing func(f Effect) []Event // test calls; nil: no result comes
}

func policy(mode licence.Mode) Policy {
	return Policy{
		Role: role.Policy{
			Count: 3, AloneExtra: 2, Spacing: time.Second, Dead: true, Gray: true, Degraded: true,
			Act: true, Automatic: true, ReturnWait: 15 * time.Minute, Stable: 5,
		},
		Licence: licence.Policy{
			Mode: mode, IPBXs: 1, Expires: time.Minute, MaxGrant: time.Hour, Txn: 4 * time.Second, Slack: time.Second,
		},
		Health:    health.Policy{Interval: 5 * time.Second, Lasting: time.Minute},
		Secondary: true, IPBXs: 1,
	}
}

func start(t *testing.T, mode licence.Mode) *node {
	n := &node{t: t, s: New(policy(mode), 7), ipbx: true, refuses: true}
	n.alive[router.Primary], n.alive[router.Secondary] = true, true
	n.feed(Event{Kind: Boot, On: true})
	return n
}

func (n *node) clock() router.Clock { return router.Clock{Mono: n.now, High: n.now} }

func (n *node) feed(e Event) {
	queue := []Event{e}
	for steps := 0; len(queue) > 0; steps++ {
		if steps > 1000 {
			n.t.Fatal("the mind does not come to rest")
		}
		e, queue = queue[0], queue[1:]
		for _, f := range n.s.Step(n.clock(), e, nil) {
			queue = append(queue, n.perform(f)...)
		}
		bound := 0
		for _, b := range n.bound {
			if b {
				bound++
			}
		}
		n.maxBound = max(n.maxBound, bound)
	}
}

func (n *node) perform(f Effect) []Event {
	switch f.Kind {
	case Probe:
		if n.mute {
			return nil
		}
		e := Event{Kind: ProbeDone, Server: f.Server, Round: f.Round, Evidence: router.OK, RTT: time.Millisecond}
		if !n.alive[f.Server] {
			e.Evidence = router.Silent
			if n.refuses {
				e.Evidence = router.Refused
			}
		}
		return []Event{e}
	case ProbeIPBX:
		if n.ipbx {
			return []Event{{Kind: IPBXProbe, Round: f.Round, Evidence: router.OK}}
		}
		e := router.Silent
		if n.ipbxRefuses {
			e = router.Refused
		}
		return []Event{{Kind: IPBXProbe, Round: f.Round, Evidence: e, RTT: time.Second}}
	case AskPeer:
		if n.peerSilent {
			return nil
		}
		return []Event{{Kind: PeerSaw, Server: f.Server, Round: f.Round, Host: n.sees}}
	case Save:
		if n.noSave {
			return []Event{{Kind: SaveFailed, Version: f.Version}}
		}
		n.store, n.version = f.Row, f.Version
		return []Event{{Kind: Saved, Version: f.Version}}
	case Register:
		if n.deaf {
			return []Event{{Kind: Registrar, Register: licence.Event{Kind: licence.TimedOut, User: f.Register.User, IPBX: f.Register.IPBX, CSeq: f.Register.CSeq}}}
		}
		return []Event{n.registrar(f.Register)}
	case PlaceCall:
		if n.placing != nil {
			return n.placing(f)
		}
	case Record, Alarm, Refuse:
		n.calls = append(n.calls, f)
	}
	return nil
}

func (n *node) registrar(f licence.Effect) Event {
	switch f.Request {
	case licence.Register:
		n.bound[f.User] = true
	case licence.Unregister:
		n.bound[f.User] = false
	}
	return Event{Kind: Registrar, Register: licence.Event{
		Kind: licence.Answer, User: f.User, IPBX: f.IPBX, CSeq: f.CSeq, Status: 200,
		HasList: true, Ours: n.bound[f.User] && !n.omits, Granted: f.Expires,
	}}
}

// run lets time pass.
func (n *node) run(d time.Duration) {
	end := n.now.Add(d)
	for {
		next, ok := n.s.Next()
		if !ok || next > end {
			break
		}
		n.now = max(next, n.now)
		n.feed(Event{Kind: Tick})
	}
	n.now = end
}

func TestPrimaryKilledMovesLicenceThenRole(t *testing.T) {
	for _, mode := range []licence.Mode{licence.Trunk, licence.Hold, licence.Pair} {
		n := start(t, mode)
		n.run(30 * time.Second)
		if v := n.s.View(); v.Phase != router.Normal || v.Active != router.Primary || v.Epoch != 1 {
			t.Fatalf("mode %d at rest: %+v", mode, v)
		}
		if mode == licence.Pair && !n.bound[router.Primary] {
			t.Fatal("the primary's user is not bound")
		}
		n.alive[router.Primary] = false
		died := n.now
		n.feed(Event{Kind: Overflow, Server: router.Primary})
		n.run(10 * time.Second)
		v := n.s.View()
		if v.Phase != router.OnSecondary || v.Active != router.Secondary || v.Ruling != router.RuleDeliver {
			t.Fatalf("mode %d after %v: %+v", mode, n.now.Sub(died), v)
		}
		if mode == licence.Pair && (!n.bound[router.Secondary] || n.bound[router.Primary]) {
			t.Fatalf("bound: %v", n.bound)
		}
		if n.maxBound > 1 {
			t.Fatal("two users bound at once")
		}
		if n.store.Role.Active != router.Secondary {
			t.Fatalf("stored: %+v", n.store)
		}
	}
}

func TestBusyOverflowsNeverSwitch(t *testing.T) {
	n := start(t, licence.Pair)
	n.run(30 * time.Second)
	for range 200 {
		n.feed(Event{Kind: Evidence, Server: router.Primary, Evidence: router.Busy})
		n.feed(Event{Kind: Overflow, Server: router.Primary})
		n.run(300 * time.Millisecond)
	}
	if v := n.s.View(); v.Active != router.Primary || v.Epoch != 1 || v.Ruling != router.RuleDissuade {
		t.Fatalf("%+v", v)
	}
}

func TestIsolatedNodeFreezes(t *testing.T) {
	n := start(t, licence.Pair)
	n.run(30 * time.Second)
	n.refuses, n.ipbx = false, false
	n.alive[router.Primary], n.alive[router.Secondary] = false, false
	n.feed(Event{Kind: Overflow, Server: router.Primary})
	n.run(time.Minute)
	if v := n.s.View(); v.Active != router.Primary || v.Epoch != 1 {
		t.Fatalf("a cut node moved a role: %+v", v)
	}
}

func TestPrimaryBackNothingMovesUntilTheOperator(t *testing.T) {
	n := start(t, licence.Pair)
	n.run(30 * time.Second)
	n.alive[router.Primary] = false
	n.feed(Event{Kind: Overflow, Server: router.Primary})
	n.run(20 * time.Second)
	n.alive[router.Primary] = true
	n.run(2 * time.Minute)
	if v := n.s.View(); v.Active != router.Secondary {
		t.Fatalf("it went back by itself: %+v", v)
	}
	n.feed(Event{Kind: Operate, Command: role.Return})
	if last := n.calls[len(n.calls)-1]; last.Kind != Refuse {
		t.Fatalf("a return within 15 minutes wants force: %+v", last)
	}
	n.feed(Event{Kind: Operate, Command: role.Return, Force: true})
	n.run(10 * time.Second)
	if v := n.s.View(); v.Active != router.Primary || v.Phase != router.Normal || v.Epoch != 3 {
		t.Fatalf("%+v", v)
	}
	if n.maxBound > 1 || !n.bound[router.Primary] {
		t.Fatalf("bound %v, at most %d", n.bound, n.maxBound)
	}
}

func TestRestartGoesOnFromTheStoredRow(t *testing.T) {
	n := start(t, licence.Pair)
	n.run(30 * time.Second)
	n.alive[router.Primary] = false
	n.feed(Event{Kind: Overflow, Server: router.Primary})
	n.run(20 * time.Second)
	n.s = New(policy(licence.Pair), 8)
	n.feed(Event{Kind: Boot, On: true, Row: n.store, Version: n.version})
	n.run(20 * time.Second)
	if v := n.s.View(); v.Active != router.Secondary || v.Phase != router.OnSecondary {
		t.Fatalf("%+v", v)
	}
	if !n.bound[router.Secondary] || n.bound[router.Primary] || n.maxBound > 1 {
		t.Fatalf("bound %v, at most %d", n.bound, n.maxBound)
	}
}

func TestStoreDownRefusesChangesOfRoleOnly(t *testing.T) {
	n := start(t, licence.Trunk)
	n.run(30 * time.Second)
	n.noSave = true
	n.alive[router.Primary] = false
	n.feed(Event{Kind: Overflow, Server: router.Primary})
	n.run(30 * time.Second)
	if v := n.s.View(); v.Active != router.Primary {
		t.Fatalf("the role changed without being stored: %+v", v)
	}
	n.noSave = false
	n.run(30 * time.Second)
	if v := n.s.View(); v.Active != router.Secondary {
		t.Fatalf("the store is back and nothing moved: %+v", v)
	}
}

// A move that waited for an hour-long fence kept the role in SWITCHING, and
// refused the operators, while the secondary had died and the primary was back.
func TestMoveIsTakenBackWhenItsSenseIsGone(t *testing.T) {
	n := start(t, licence.Pair)
	n.run(30 * time.Second)
	n.deaf = true
	n.alive[router.Primary] = false
	n.feed(Event{Kind: Overflow, Server: router.Primary})
	n.run(time.Minute)
	if v := n.s.View(); v.Phase != router.Switching || v.MoveBy == 0 {
		t.Fatalf("no fence is waited for: %+v", v)
	}
	n.alive[router.Primary], n.alive[router.Secondary] = true, false
	n.run(2 * time.Minute)
	if v := n.s.View(); v.Phase != router.Normal || v.Active != router.Primary {
		t.Fatalf("%+v", v)
	}
	n.deaf = false
	n.run(2 * time.Minute)
	if !n.bound[router.Primary] || n.bound[router.Secondary] || n.maxBound > 1 {
		t.Fatalf("bound %v, at most %d", n.bound, n.maxBound)
	}
}
