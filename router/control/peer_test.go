package control

import (
	"testing"
	"time"

	"releve/health"
	"releve/router"
	"releve/router/licence"
)

// The other node is asked in each round, and what it sees decides over a
// silence: our own way to the server is not the server (R5), and where neither
// sees it no round beyond N is needed (R7).
func TestPeerIsAWitness(t *testing.T) {
	tests := []struct {
		name   string
		sees   health.Presence
		silent bool // the other node does not answer
		rounds int
		want   router.Phase
	}{
		{"it sees the server", health.Up, false, 1, router.Normal},
		{"it does not", health.Down, false, 3, router.Switching},
		{"it cannot tell", health.Unknown, false, 5, router.Switching},
		{"it does not answer", health.Up, true, 5, router.Switching},
	}
	for _, tt := range tests {
		p := policy(licence.Pair)
		p.Peer = true
		n := &node{t: t, s: New(p, 7), ipbx: true, deaf: true}
		n.alive[router.Primary], n.alive[router.Secondary] = true, true
		n.feed(Event{Kind: Boot, On: true})
		n.run(30 * time.Second)
		n.alive[router.Primary] = false
		n.sees, n.peerSilent = tt.sees, tt.silent
		n.calls = nil
		n.feed(Event{Kind: Overflow, Server: router.Primary})
		n.run(24 * time.Second)
		if v := n.s.View(); tt.want == router.Switching && v.Phase != tt.want || tt.want != router.Switching && v.Epoch != 1 {
			t.Errorf("%s: %+v", tt.name, v)
		}
		judged := 0
		for _, f := range n.calls {
			if f.Reason == ReasonRound {
				judged++
			}
		}
		if tt.want == router.Switching && judged != tt.rounds {
			t.Errorf("%s: %d rounds, want %d", tt.name, judged, tt.rounds)
		}
	}
}

func TestSees(t *testing.T) {
	n := start(t, licence.Pair)
	if got := New(policy(licence.Pair), 1); got.Sees(n.clock(), router.Primary) != health.Unknown {
		t.Error("a server that was never good")
	}
	n.run(10 * time.Second)
	if got := n.s.Sees(n.clock(), router.Primary); got != health.Up {
		t.Errorf("%v of a server that answers", got)
	}
	n.alive[router.Primary] = false
	n.run(7 * time.Second)
	if got := n.s.Sees(n.clock(), router.Primary); got != health.Down {
		t.Errorf("%v of a server that does not", got)
	}
}
