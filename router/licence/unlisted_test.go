package licence

import (
	"testing"
	"time"

	"releve/router"
)

// An IPBX that grants less than asked and lists nothing: the binding lapsed
// between two refreshes, though max_grant said how long it could last.
func TestUnlistedBindingIsRefreshedWithinMaxGrant(t *testing.T) {
	w := newWorld(Policy{Mode: Pair, IPBXs: 1, Expires: time.Minute, MaxGrant: 10 * time.Second, Txn: 4 * time.Second, Slack: time.Second})
	w.ipbx[0].omits, w.ipbx[0].grant = true, 10*time.Second
	w.boot()
	w.event(Event{Kind: Move, To: router.Primary, Epoch: 1})
	for at := router.Instant(time.Second); at < router.Instant(2*time.Minute); at = at.Add(time.Second) {
		if w.run(at); w.ipbx[0].expiry[router.Primary] <= w.now || w.err != nil {
			t.Fatalf("at %v nobody is bound; %v", w.now, w.err)
		}
	}
}
