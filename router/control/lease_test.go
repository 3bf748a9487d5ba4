package control

import (
	"testing"
	"time"

	"releve/router"
	"releve/router/lease"
	"releve/router/licence"
	"releve/router/role"
)

// sharedNode is a node of two that has just won the lease, with the address.
func sharedNode(t *testing.T) (*State, []Effect) {
	t.Helper()
	p := policy(licence.Pair)
	p.Lease = lease.Policy{Shared: true, TTL: 6 * time.Second, Renew: 1500 * time.Millisecond, Guard: 2 * time.Second}
	s := New(p, 7)
	s.Step(router.Clock{}, Event{Kind: Boot}, nil)
	s.Step(router.Clock{}, Event{Kind: LeaseDone, Lease: lease.Event{Kind: lease.Done, Ask: 1, Outcome: lease.Refused}}, nil)
	asked := s.Step(router.Clock{}, Event{Kind: Address, On: true}, nil)
	if len(asked) == 0 || asked[0].Kind != AskLease || asked[0].Lease.Verb != lease.Take {
		t.Fatalf("%+v", asked)
	}
	out := s.Step(router.Clock{}, Event{Kind: LeaseDone, Lease: lease.Event{Kind: lease.Done, Ask: asked[0].Lease.Ask, Outcome: lease.Granted, Epoch: 9}}, nil)
	return &s, out
}

func find(out []Effect, k EffectKind) *Effect {
	for i := range out {
		if out[i].Kind == k {
			return &out[i]
		}
	}
	return nil
}

// What is stored carries the epoch of the lease; what is sent ends with it.
func TestSavesCarryTheEpochAndSendsEndWithTheLease(t *testing.T) {
	s, out := sharedNode(t)
	save := find(out, Save)
	if save == nil || save.Epoch != 9 {
		t.Fatalf("%+v", out)
	}
	late := router.Clock{Mono: router.Instant(time.Second), High: router.Instant(time.Second)}
	out = s.Step(late, Event{Kind: Saved, Version: save.Version}, nil)
	sent := find(out, Register)
	if sent == nil || sent.Register.NotAfter != router.Instant(4*time.Second) {
		t.Fatalf("%+v", out)
	}
}

// A node whose lease has run out while it slept decides, stores and sends
// nothing, whatever wakes it.
func TestNothingAfterTheLeaseHasRunOut(t *testing.T) {
	s, out := sharedNode(t)
	save := find(out, Save)
	late := router.Clock{Mono: router.Instant(time.Second), High: router.Instant(time.Minute)}
	out = s.Step(late, Event{Kind: Saved, Version: save.Version}, nil)
	if find(out, Register) != nil || find(out, Save) != nil || s.Holds(late) {
		t.Fatalf("%+v", out)
	}
}

// What another node told while it held the lease is told again by the one that
// takes it back: an alarm that it raised would stand for ever.
func TestAlarmsAreToldAgainAfterAnotherNode(t *testing.T) {
	s, _ := sharedNode(t)
	told := func(now router.Clock) bool {
		s.board.Known[router.Primary] = true
		out := s.Step(now, Event{Kind: Tick}, nil)
		for _, f := range out {
			if f.Kind == Alarm && f.Alarm == AlarmSelf && !f.On {
				return true
			}
		}
		return false
	}
	at := func(d time.Duration) router.Clock {
		return router.Clock{Mono: router.Instant(d), High: router.Instant(d)}
	}
	if !told(at(time.Second)) || told(at(1100*time.Millisecond)) {
		t.Fatal("told once, the first time")
	}
	s.Step(at(20*time.Second), Event{Kind: Tick}, nil) // the lease has run out
	out := s.Step(at(20*time.Second), Event{Kind: Address, On: true}, nil)
	for range 3 { // asked, without an outcome, and asked again
		if f := find(out, AskLease); f != nil && f.Lease.Verb == lease.Take {
			s.Step(at(22*time.Second), Event{Kind: LeaseDone, Lease: lease.Event{Kind: lease.Done, Ask: f.Lease.Ask, Outcome: lease.Granted, Epoch: 11}}, nil)
			break
		}
		out = s.Step(at(22*time.Second), Event{Kind: Tick}, nil)
	}
	if !s.Holds(at(22 * time.Second)) {
		t.Fatal("the lease is not held again")
	}
	if !told(at(22500 * time.Millisecond)) {
		t.Error("nothing is told after another node may have told otherwise")
	}
}

// Of two answers the older one, which comes late, is not followed: the simulator
// saw a node go back to the roles before a switchover.
func TestLateAnswerOfTheStoreIsNotFollowed(t *testing.T) {
	p := policy(licence.Pair)
	p.Lease = lease.Policy{Shared: true, TTL: 6 * time.Second, Renew: 1500 * time.Millisecond, Guard: 2 * time.Second}
	s := New(p, 7)
	first := find(s.Step(router.Clock{}, Event{Kind: Boot}, nil), AskLease)
	later := router.Clock{Mono: router.Instant(2 * time.Second), High: router.Instant(2 * time.Second)}
	second := find(s.Step(later, Event{Kind: Tick}, nil), AskLease)
	if first == nil || second == nil || first.Lease.Verb != lease.Look || second.Lease.Verb != lease.Look {
		t.Fatalf("%+v, %+v", first, second)
	}
	answer := func(ask uint32, epoch, version uint64) {
		row := Row{Role: role.Row{Phase: router.Normal, Active: router.Primary, Epoch: epoch}}
		s.Step(later, Event{Kind: LeaseDone, Row: row, Version: version, Lease: lease.Event{Kind: lease.Done, Ask: ask, Outcome: lease.Refused}}, nil)
	}
	answer(second.Lease.Ask, 5, 40)
	answer(first.Lease.Ask, 4, 31)
	if v := s.View(); v.Epoch != 5 {
		t.Errorf("epoch %d after the late answer, want 5", v.Epoch)
	}
}
