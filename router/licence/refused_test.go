package licence

import (
	"testing"
	"time"

	"releve/router"
)

// The alarm about a password ends with the need for it: the fence has passed,
// and nothing is asked of the passive user any more.
func TestRefusedAlarmEndsWithTheFence(t *testing.T) {
	w := newWorld(Policy{Mode: Pair, IPBXs: 1, Expires: time.Minute, MaxGrant: time.Minute, Txn: 4 * time.Second, Slack: time.Second, NoFetch: true})
	w.ipbx[0].auth = true
	w.boot()
	w.event(Event{Kind: Move, To: router.Primary, Epoch: 1})
	w.run(router.Instant(20 * time.Second))
	w.ipbx[0].wrong = true
	w.event(Event{Kind: Move, To: router.Secondary, Epoch: 2})
	w.run(router.Instant(25 * time.Second))
	if b := w.node.Status(w.clock()).Bindings[router.Primary][0]; !b.Refused {
		t.Fatalf("no alarm while the un-REGISTER is refused: %+v", b)
	}
	w.run(router.Instant(50 * time.Second))
	w.ipbx[0].wrong = false
	w.run(router.Instant(5 * time.Minute))
	st := w.node.Status(w.clock())
	if b := st.Bindings[router.Primary][0]; st.Phase != Bound || st.Holder != router.Secondary || b.Refused {
		t.Fatalf("%+v", st)
	}
}

// An IPBX that was silent for a while and then refuses once is asked again after
// half a minute, not after half an hour: the simulator found a licence that was
// registered nowhere because time-outs had been counted as refusals.
func TestTimeoutsDoNotLengthenTheBackOffOfARefusal(t *testing.T) {
	w := newWorld(Policy{Mode: Pair, IPBXs: 1, Expires: time.Minute, MaxGrant: time.Minute, Txn: 4 * time.Second, Slack: time.Second, NoFetch: true})
	w.boot()
	w.event(Event{Kind: Move, To: router.Primary, Epoch: 1})
	w.run(router.Instant(20 * time.Second))
	w.ipbx[0].silent = true
	w.run(router.Instant(2 * time.Minute))
	w.ipbx[0].silent, w.ipbx[0].status = false, 403
	w.run(router.Instant(150 * time.Second))
	w.ipbx[0].status = 0
	w.run(router.Instant(4 * time.Minute))
	if b := w.node.Status(w.clock()).Bindings[router.Primary][0]; !b.Up {
		t.Fatalf("not registered 90 s after the last refusal: %+v", b)
	}
}

// Nor do a few 503 before it (seed 364888 of the simulator).
func TestBusyDoesNotLengthenTheBackOffOfARefusal(t *testing.T) {
	w := newWorld(Policy{Mode: Pair, IPBXs: 1, Expires: time.Minute, MaxGrant: time.Minute, Txn: 4 * time.Second, Slack: time.Second, NoFetch: true})
	w.boot()
	w.event(Event{Kind: Move, To: router.Primary, Epoch: 1})
	w.run(router.Instant(20 * time.Second))
	w.ipbx[0].status = 503
	w.run(router.Instant(50 * time.Second))
	w.ipbx[0].status = 403
	w.run(router.Instant(110 * time.Second))
	w.ipbx[0].status = 0
	w.run(router.Instant(5 * time.Minute))
	if b := w.node.Status(w.clock()).Bindings[router.Primary][0]; !b.Up {
		t.Fatalf("not registered three minutes after the last refusal: %+v", b)
	}
}
