package licence

import (
	"testing"
	"time"

	"releve/router"
)

// The store was put back from a copy, or lost: the CSeq began below what the
// registrar had seen under our Call-ID, and every REGISTER was refused until the
// binding had expired (RFC 3261 §10.3 step 7).
func TestARestoredStoreIsNotRefusedItsCSeq(t *testing.T) {
	for name, copied := range map[string]func(Row) Row{
		"a copy": func(r Row) Row { return r },
		"lost":   func(Row) Row { return Row{} },
	} {
		w := repeating()
		then := copied(w.store)
		w.run(router.Instant(10 * time.Minute))
		seen := w.cseq[router.Primary]
		w.store, w.policy.FirstCSeq = then, 100_000
		w.boot()
		w.event(Event{Kind: Move, To: router.Primary, Epoch: 2})
		w.run(router.Instant(10*time.Minute + 20*time.Second))
		if v := w.node.Status(w.clock()); w.err != nil || v.Phase != Bound || v.Bindings[router.Primary][0].Granted == 0 || w.cseq[router.Primary] <= max(seen, 100_000) {
			t.Errorf("%s: %v, %+v, CSeq %d after %d", name, w.err, v, w.cseq[router.Primary], seen)
		}
		if n := w.ipbx[0].expiry[router.Primary]; n <= w.now {
			t.Errorf("%s: the binding ended at %v", name, n)
		}
	}
}
