package control

import (
	"math/rand/v2"
	"testing"
	"time"

	"releve/health"
	"releve/router"
	"releve/router/lease"
	"releve/router/licence"
	"releve/router/role"
)

// TestSingleNodeAsksNobody: whatever comes to a single node, what only two nodes
// need is never asked for; its owner cannot perform it.
func TestSingleNodeAsksNobody(t *testing.T) {
	kinds := map[EffectKind]int{}
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 3))
		p := policy([]licence.Mode{licence.Trunk, licence.Gate, licence.Pair, licence.Hold}[rng.IntN(4)])
		p.Mirror = true
		s := New(p, seed)
		now := router.Clock{}
		due := []Event{{Kind: Boot, On: true}}
		for range 400 {
			d := time.Duration(rng.Int64N(int64(3 * time.Second)))
			now.Mono, now.High = now.Mono.Add(d), now.High.Add(d)
			e := anyEvent(rng)
			if n := len(due); n > 0 && (e.Kind == Saved || rng.IntN(2) == 0) {
				e, due = due[0], due[1:]
			}
			for _, f := range s.Step(now, e, nil) {
				kinds[f.Kind]++
				switch f.Kind {
				case AskLease, AskPeer:
					t.Fatalf("seed %d: %+v", seed, f)
				case Save:
					due = append(due, Event{Kind: []EventKind{Saved, Saved, SaveFailed}[rng.IntN(3)], Version: f.Version})
				case Register:
					r := f.Register
					due = append(due, Event{Kind: Registrar, Register: licence.Event{
						Kind: licence.Answer, User: r.User, IPBX: r.IPBX, CSeq: r.CSeq, Status: 200, HasList: true, Ours: r.Expires > 0, Granted: r.Expires,
					}})
				}
			}
		}
	}
	if kinds[Save] < 100 || kinds[Probe] < 1000 || kinds[Register] < 100 {
		t.Errorf("too tame: %v", kinds)
	}
}

// anyEvent is one of all kinds, the lease's own among them.
func anyEvent(rng *rand.Rand) Event {
	return Event{
		Kind: Tick + EventKind(rng.IntN(int(Mirror))), Server: router.Server(1 + rng.IntN(2)),
		Round: rng.Uint64N(20), Evidence: router.Evidence(rng.IntN(7)), RTT: time.Millisecond, Host: health.Presence(rng.IntN(3)),
		On: rng.IntN(4) > 0, Copy: Copy(rng.IntN(3)), Command: role.Command(rng.IntN(4)), Force: rng.IntN(2) == 0,
		Register: licence.Event{
			Kind: licence.EventKind(rng.IntN(int(licence.ServerRegister) + 1)), User: router.Server(1 + rng.IntN(2)),
			CSeq: rng.Uint32N(40), Status: []uint16{200, 401, 403, 500}[rng.IntN(4)], HasList: rng.IntN(2) == 0, Ours: rng.IntN(2) == 0,
			Granted: time.Minute, Ticket: 1 + rng.Uint32N(9), Expires: time.Minute,
		},
		Lease: lease.Event{
			Kind: lease.EventKind(rng.IntN(6)), Ask: rng.Uint32N(4), Outcome: lease.Outcome(rng.IntN(4)), Epoch: rng.Uint64N(9), On: rng.IntN(2) == 0,
		},
	}
}
