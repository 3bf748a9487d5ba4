package licence

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"releve/router"
)

// TestNeverTwo walks at random: moves, crashes, silent IPBXs, pauses, lost
// leases, doubtful saves, over a network that loses, duplicates and reorders.
// Two users are never bound; CSeq never goes back; nothing is sent that the
// store does not cover (all checked by world); and once faults stop, exactly
// the wanted user is bound.
func TestNeverTwo(t *testing.T) {
	walks := 1000
	if testing.Short() {
		walks = 50
	}
	var seen sights
	for seed := range uint64(walks) {
		if err := walk(seed, &seen); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
	t.Logf("%+v", seen)
	if seen.sends < 10*walks || seen.bounds < 2*walks || seen.fenced == 0 || seen.proved == 0 {
		t.Errorf("the walks were too tame: %+v", seen)
	}
}

type sights struct{ sends, bounds, proved, fenced, crashes int }

func walkPolicy(rng *rand.Rand) Policy {
	return Policy{
		Mode: Pair, IPBXs: uint8(1 + rng.IntN(2)), Expires: 20 * time.Second,
		MaxGrant: time.Duration(20+rng.IntN(60)) * time.Second, Txn: 4 * time.Second,
		Slack: time.Second, NoFetch: rng.IntN(2) == 0,
	}
}

func walk(seed uint64, seen *sights) error {
	rng := rand.New(rand.NewPCG(seed, 1))
	w := newWorld(walkPolicy(rng))
	w.rng, w.loss = rng, 0.3*rng.Float64()
	w.boot()
	want, epoch := router.Primary, uint64(1)
	w.event(Event{Kind: Move, To: want, Epoch: epoch})
	for range 30 {
		switch rng.IntN(5) {
		case 0, 1:
			want, epoch = want.Other(), epoch+1
			w.event(Event{Kind: Move, To: want, Epoch: epoch})
		default:
			w.fault(rng, seen)
		}
		w.run(w.now.Add(time.Duration(rng.Int64N(int64(25 * time.Second)))))
		seen.look(w)
	}
	if w.err == nil {
		w.heal(want, epoch+1)
	}
	seen.sends += w.sends
	seen.bounds += w.bounds
	return w.err
}

// look counts the two ways in which a claim came about.
func (s *sights) look(w *world) {
	if w.up && leaving(w.node.r.Phase) {
		if w.node.Status(w.clock()).Fence < 2*time.Second {
			s.fenced++
		}
		for i := range MaxIPBX {
			if !w.node.r.Possible[w.node.r.Leaving][i] {
				s.proved++
			}
		}
	}
}

func (w *world) fault(rng *rand.Rand, seen *sights) {
	b := w.ipbx[rng.IntN(int(w.policy.IPBXs))]
	switch rng.IntN(12) {
	case 0, 1:
		w.crash()
		seen.crashes++
		w.run(w.now.Add(time.Duration(rng.Int64N(int64(8 * time.Second)))))
		w.boot()
	case 2, 3:
		b.silent = !b.silent
	case 4:
		b.grant = time.Duration(rng.Int64N(int64(w.policy.MaxGrant)))
	case 5:
		b.grant = 0
	case 6:
		b.omits = !b.omits
	case 7:
		b.status = []uint16{0, 403, 500, 503, 408}[rng.IntN(5)]
	case 8:
		d := time.Duration(rng.Int64N(int64(20 * time.Second)))
		w.lag += d
		w.pauseQueue(d)
	case 9:
		w.event(Event{Kind: LeaseLost})
		w.run(w.now.Add(time.Duration(rng.Int64N(int64(8 * time.Second)))))
		w.event(Event{Kind: LeaseWon})
	case 10:
		b.auth, b.stale = !b.auth, rng.IntN(3)
	case 11:
		w.restart(rng.IntN(int(w.policy.IPBXs)), rng.IntN(2) == 0)
	}
}

// pauseQueue lets d pass while the node is frozen: what is due to it meanwhile
// comes after, what travels the network travels on.
func (w *world) pauseQueue(d time.Duration) {
	end := w.now.Add(d)
	for i := range w.queue {
		if w.queue[i].life != 0 && w.queue[i].at <= end {
			w.queue[i].at = end.Add(1)
		}
	}
	reheap(w)
	life := w.up
	w.up = false
	w.run(end)
	w.up = life
}

// heal stops the faults and asks for the wanted user once more: within the
// longest fence it alone is bound, at every IPBX.
func (w *world) heal(want router.Server, epoch uint64) {
	w.loss = 0
	for _, b := range w.ipbx {
		b.silent, b.status, b.wrong, b.stale = false, 0, false, 0
		b.grant, b.omits = 0, false
	}
	w.event(Event{Kind: Move, To: want, Epoch: epoch})
	for range 4 { // what was refused is backed off from
		w.run(w.now.Add(4 * time.Minute))
		if v := w.node.Status(w.clock()).Bindings[want]; v[0].Up && v[w.policy.IPBXs-1].Up {
			break
		}
	}
	for i := range w.policy.IPBXs {
		b := w.ipbx[i]
		if w.err == nil && (b.expiry[want] <= w.now || b.expiry[want.Other()] > w.now) {
			w.err = fmt.Errorf("healed, and %v is not bound alone at %d: %+v", want, i, w.node.Status(w.clock()))
		}
	}
}
