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
