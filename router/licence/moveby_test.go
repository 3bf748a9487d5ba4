package licence

import (
	"testing"
	"time"

	"releve/router"
)

// A short move tells nothing: calls are held. A move that waits for a fence
// tells when it ends, so that callers need not wait for it.
func TestMoveBy(t *testing.T) {
	tests := []struct {
		name   string
		mend   func(*registrar)
		before time.Duration // after the Move
		fenced bool
	}{
		{"proof within a moment", func(*registrar) {}, time.Second, false},
		{"silent: the first tries run", func(b *registrar) { b.silent = true }, 3 * time.Second, false},
		{"silent: they brought nothing", func(b *registrar) { b.silent = true }, 5 * time.Second, true},
		{"lists prove nothing", func(b *registrar) { b.omits = true }, 10 * time.Millisecond, true},
	}
	for _, tt := range tests {
		w := newWorld(Policy{Mode: Pair, IPBXs: 1, Expires: time.Minute, MaxGrant: time.Hour, Txn: 4 * time.Second, Slack: time.Second, NoFetch: true})
		omits := registrar{}
		tt.mend(&omits)
		w.ipbx[0].omits = omits.omits
		w.boot()
		w.event(Event{Kind: Move, To: router.Primary, Epoch: 1})
		w.run(router.Instant(20 * time.Second))
		tt.mend(w.ipbx[0])
		w.event(Event{Kind: Move, To: router.Secondary, Epoch: 2})
		moved := w.now
		w.run(moved.Add(tt.before))
		by := w.node.MoveBy()
		if (by != 0) != tt.fenced {
			t.Errorf("%s: MoveBy %v at %v", tt.name, by, w.now)
		}
		if by != 0 {
			w.ipbx[0].silent = false
			w.run(by.Add(10 * time.Second))
			if st := w.node.Status(w.clock()); st.Holder != router.Secondary || st.Leaving != router.NoServer || w.node.MoveBy() != 0 {
				t.Errorf("%s: after MoveBy: %+v", tt.name, st)
			}
		}
	}
}
