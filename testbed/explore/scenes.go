package explore

import (
	"time"

	"releve/health"
	"releve/router"
	"releve/router/control"
	"releve/router/licence"
	"releve/router/role"
)

// policy has all durations in ticks: a binding lives 2 or 4, a round takes one,
// two rounds confirm.
func policy(nodes int, mode licence.Mode, ipbxs uint8) control.Policy {
	p := control.Policy{
		Role: role.Policy{
			Count: 2, Spacing: 4 * time.Second, Dead: true, Gray: true, Degraded: true,
			Act: true, Automatic: true, ReturnWait: Tick, Stable: 2,
		},
		Licence: licence.Policy{
			Mode: mode, IPBXs: ipbxs, Expires: 2 * Tick, MaxGrant: 4 * Tick, Txn: Tick, NoFetch: true, Reserve: 4,
		},
		Health:    health.Policy{Interval: 4 * time.Second, Lasting: 2 * Tick},
		Secondary: true, IPBXs: ipbxs,
	}
	if nodes == 2 {
		p.Lease = sharedLease()
	}
	return p
}

func scene(name string, nodes int, mode licence.Mode, ipbxs uint8, b Budget) Space {
	return Space{Name: name, Policy: policy(nodes, mode, ipbxs), Nodes: nodes, Budget: b, Lists: true, Longer: true}
}

// gate is mode gate without our own passwords: the servers' Authorization
// passes through, the IPBX wants one.
func gate(name string, b Budget) Space {
	s := scene(name, 1, licence.Gate, 1, b)
	s.Policy.Licence.NoPassword = [router.Servers]bool{router.Primary: true, router.Secondary: true}
	s.Auth, s.Longer = true, false
	return s
}

// Mutant is a rule broken on purpose, and the scene in which that must show.
type Mutant struct {
	Number int
	What   string
	Space  Space
}

// Mutants are the ten of our fault model and four of our own.
func Mutants() []Mutant {
	one := func(b Budget) Space {
		s := scene("", 1, licence.Pair, 1, b)
		s.OnlyS1 = true
		return s
	}
	two := func(b Budget) Space {
		s := scene("", 2, licence.Pair, 1, b)
		s.OnlyS1 = true
		return s
	}
	full := func(s Space) Space {
		s.OnlyS1 = false
		return s
	}
	amnesia := one(Budget{Moves: 1, Crashes: 1})
	amnesia.Amnesia = true
	pair2 := scene("", 1, licence.Pair, 2, Budget{Moves: 1})
	pair2.OnlyS1 = true
	passed := gate("", Budget{Moves: 1})
	passed.OnlyS1 = true
	return []Mutant{
		{1, "a REGISTER is sent before its intent is saved", one(Budget{Moves: 2, Crashes: 1})},
		{2, "PROVE is accepted while an earlier REGISTER may still arrive", one(Budget{Moves: 2, Crashes: 1})},
		{3, "a REGISTER is retransmitted without a NotAfter", one(Budget{Moves: 2, Crashes: 1})},
		{4, "the fence trusts the expiry asked for", one(Budget{Moves: 2, Crashes: 1})},
		{5, "after a restart nothing is taken to be in flight", one(Budget{Moves: 2, Crashes: 1})},
		{6, "the lease is held until the store says otherwise, as an advisory lock is", two(Budget{Moves: 1, Cuts: 1, Addresses: 1})},
		{7, "the fence is lowered while another REGISTER may arrive", one(Budget{Moves: 2, Crashes: 1})},
		{8, "the fence starts at the un-REGISTER", one(Budget{Moves: 2, Crashes: 1})},
		{9, "the store loses what it last confirmed", amnesia},
		{10, "CSeq is each process's own, not the store's", full(one(Budget{Crashes: 1}))},
		{11, "in gate the passive server's REGISTER passes on, too", passed},
		{12, "what one IPBX proves counts for all of them", pair2},
		{13, "the permission of a lease counts from the answer, not from the ask", full(two(Budget{Pauses: 4, Addresses: 1, Slow: 1}))},
		{14, "what is bound is kept alive although the address is gone", two(Budget{Moves: 1, Cuts: 1, Addresses: 1})},
	}
}

// Scenes are the walks of the rules as they are. Each is hostile in its own way
// and is walked to its end; together they have every fault of our fault model.
// Long adds those in which many faults meet: minutes each.
func Scenes(long bool) []Space {
	pair := func(name string, nodes int, b Budget) Space { return scene(name, nodes, licence.Pair, 1, b) }
	noLists := pair("one node, lists omitted: a move, a crash, a pause", 1, Budget{Moves: 1, Crashes: 1, Pauses: 1})
	noLists.Lists = false
	learn := pair("one node, the fence learnt: two moves, a crash", 1, Budget{Moves: 2, Crashes: 1})
	learn.Longer, learn.Policy.Licence.Learn, learn.Policy.Licence.MaxGrant = false, true, 6*Tick
	looks := pair("one node, the sentinel looks: a move", 1, Budget{Moves: 1})
	looks.Policy.Licence.NoFetch, looks.Longer = false, false
	steady := func(s Space) Space {
		s.Longer = false
		return s
	}
	hold := scene("one node, hold: two moves, two crashes, a pause", 1, licence.Hold, 1, Budget{Moves: 2, Crashes: 2, Pauses: 1})
	stored := scene("one node, gate with our passwords: a move, a crash", 1, licence.Gate, 1, Budget{Moves: 1, Crashes: 1})
	out := []Space{
		pair("one node: two moves, two crashes", 1, Budget{Moves: 2, Crashes: 2}),
		pair("one node: two moves, a crash, an unknown save", 1, Budget{Moves: 2, Crashes: 1, Unknown: 1}),
		pair("one node: a move, two unknown saves, slow saves", 1, Budget{Moves: 1, Unknown: 2, Slow: 2}),
		pair("one node: a move, a crash, a duplicate, a pause", 1, Budget{Moves: 1, Crashes: 1, Dups: 1, Pauses: 1}),
		pair("one node: a move, a crash, an IPBX restart", 1, Budget{Moves: 1, Crashes: 1, Restarts: 1}),
		pair("one node: a move, a crash, a refusal", 1, Budget{Moves: 1, Crashes: 1, Refusals: 1}),
		pair("one node: a server fails, a crash", 1, Budget{Fails: 1, Crashes: 1}),
		noLists, learn, hold, looks,
		steady(scene("two IPBXs: a move", 1, licence.Pair, 2, Budget{Moves: 1})),
		stored,
		gate("gate: a move, a crash", Budget{Moves: 1, Crashes: 1}),
		gate("gate: a server fails, a refusal", Budget{Fails: 1, Refusals: 1}),
		gate("gate: a move, an IPBX restart", Budget{Moves: 1, Restarts: 1}),
		pair("two nodes: a move, two crashes", 2, Budget{Moves: 1, Crashes: 2}),
		pair("two nodes: a move, a partition", 2, Budget{Moves: 1, Cuts: 1}),
		steady(pair("two nodes: a move, a partition, the address moves", 2, Budget{Moves: 1, Cuts: 1, Addresses: 1})),
		steady(pair("two nodes: a move, a pause, a wall clock jumps, the address moves", 2, Budget{Moves: 1, Pauses: 1, Jumps: 1, Addresses: 1})),
		pair("two nodes: a move, the database's clock jumps, the address moves", 2, Budget{Moves: 1, StoreJump: 1, Addresses: 1}),
		steady(pair("two nodes: a move, an unknown outcome, a crash", 2, Budget{Moves: 1, Unknown: 1, Crashes: 1})),
		pair("two nodes: a server fails, a crash", 2, Budget{Fails: 1, Crashes: 1}),
	}
	if !long {
		return out
	}
	return append(out,
		pair("one node: a server fails, a crash, a move, a refusal", 1, Budget{Fails: 1, Crashes: 1, Moves: 1, Refusals: 1}),
		gate("gate: a move, a duplicate, an IPBX restart, a crash", Budget{Moves: 1, Dups: 1, Restarts: 1, Crashes: 1}),
		gate("gate: two moves, two crashes, a refusal", Budget{Moves: 2, Crashes: 2, Refusals: 1}),
		pair("one node: everything at once", 1, Budget{Moves: 1, Crashes: 2, Dups: 1, Pauses: 1, Restarts: 1}),
		scene("two IPBXs: a move, a crash", 1, licence.Pair, 2, Budget{Moves: 1, Crashes: 1}),
		pair("two nodes: everything at once", 2, Budget{Moves: 1, Crashes: 2, Dups: 1, Pauses: 1, Cuts: 1, Restarts: 1}),
	)
}
