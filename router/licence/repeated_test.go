package licence

import (
	"testing"
	"time"

	"releve/router"
)

// A registrar without transactions (Kamailio answers a REGISTER statelessly)
// takes a repeat for a new request: these are what that does to us.

func repeating() *world {
	w := newWorld(Policy{Mode: Pair, IPBXs: 1, Expires: time.Minute, MaxGrant: time.Minute, Txn: 4 * time.Second, Slack: time.Second})
	w.boot()
	w.event(Event{Kind: Move, To: router.Primary, Epoch: 1})
	w.run(router.Instant(20 * time.Second))
	return w
}

// The claim is granted, its 200 lost, and the repeat refused: the user is bound
// all the same, and nobody else may be claimed before that has ended.
func TestARefusedRepeatHidesNoBinding(t *testing.T) {
	for _, status := range []uint16{401, 403, 404, 423} {
		w := repeating()
		w.ipbx[0].copied = status
		w.event(Event{Kind: Move, To: router.Secondary, Epoch: 2})
		w.run(router.Instant(20*time.Second + 100*time.Millisecond))
		w.ipbx[0].status = 403 // it takes no un-REGISTER either
		w.event(Event{Kind: Move, To: router.Primary, Epoch: 3})
		w.run(router.Instant(22 * time.Second))
		w.ipbx[0].status = 0
		w.run(router.Instant(10 * time.Minute))
		if v := w.node.Status(w.clock()); w.err != nil || v.Phase != Bound || v.Holder != router.Primary {
			t.Errorf("%d to the repeat: %v, %+v", status, w.err, v)
		}
	}
}

// A copy of an answered REGISTER comes behind the un-REGISTER: the list that
// came between proves nothing.
func TestALateCopyOfARepeatedRegister(t *testing.T) {
	w := repeating()
	w.run(router.Instant(29 * time.Second))
	w.ipbx[0].late = 2 * time.Second
	w.run(router.Instant(30*time.Second + 100*time.Millisecond)) // the refresh
	w.event(Event{Kind: Move, To: router.Secondary, Epoch: 2})
	w.run(router.Instant(10 * time.Minute))
	if v := w.node.Status(w.clock()); w.err != nil || v.Phase != Bound || v.Holder != router.Secondary {
		t.Fatalf("%v, %+v", w.err, v)
	}
}

// A repeat that is refused its nonce count is no wrong password: the next
// attempt comes at once.
func TestARepeatWithAUsedNonceIsNoWrongPassword(t *testing.T) {
	w := repeating()
	w.run(router.Instant(29 * time.Second))
	w.ipbx[0].auth, w.ipbx[0].copied = true, 401
	w.run(router.Instant(32 * time.Second))
	v := w.node.Status(w.clock())
	if b := v.Bindings[router.Primary][0]; w.err != nil || b.Refused || b.Remaining < 55*time.Second {
		t.Fatalf("%v, %+v", w.err, b)
	}
}
