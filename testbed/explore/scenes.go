package explore

import (
	"time"

	"releve/health"
	"releve/router"
	"releve/router/control"
	"releve/router/licence"
	"releve/router/role"
)

// policy has all durations in ticks: a binding lives 2, or 4 where the IPBX grants
// longer (with two nodes 3), a round takes one, two rounds confirm.
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
		p.Lease, p.Licence.MaxGrant, p.Licence.Reserve = sharedLease(), 3*Tick, 2
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

// steady is s with an IPBX that grants what it is asked for.
func steady(s Space) Space {
	s.Longer = false
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
		{5, "a successor takes nothing to be in flight", two(Budget{Moves: 1, Crashes: 1, Addresses: 1})},
		{6, "the lease is held until the store says otherwise, as an advisory lock is", steady(two(Budget{Moves: 1, Cuts: 1, Addresses: 1}))},
		{7, "the fence is lowered while another REGISTER may arrive", one(Budget{Moves: 2, Crashes: 1})},
		{8, "the fence starts at the un-REGISTER", one(Budget{Moves: 2, Crashes: 1})},
		{9, "the store loses what it last confirmed", amnesia},
		{10, "CSeq is each node's own, not the store's", full(two(Budget{Addresses: 1}))},
		{11, "in gate the passive server's REGISTER passes on, too", passed},
		{12, "what one IPBX proves counts for all of them", pair2},
		{13, "the permission of a lease counts from the answer, not from the ask", full(two(Budget{Pauses: 1, Addresses: 1, Slow: 1}))},
		{14, "what is bound is kept alive although the address is gone", steady(two(Budget{Moves: 1, Cuts: 1, Addresses: 1}))},
	}
}

func pair(name string, nodes int, b Budget) Space { return scene(name, nodes, licence.Pair, 1, b) }

// Scenes are the walks of the rules as they are. Each is hostile in its own way
// and is walked to its end; together they have every fault of our fault model,
// each kind with its whole budget. Long adds those that take minutes.
func Scenes(long bool) []Space {
	noLists := pair("one node, lists omitted", 1, Budget{Moves: 1, Crashes: 1, Pauses: 1})
	noLists.Lists = false
	learn := pair("one node, the fence learnt", 1, Budget{Moves: 2, Crashes: 1})
	learn.Longer, learn.Policy.Licence.Learn, learn.Policy.Licence.MaxGrant = false, true, 6*Tick
	looks := pair("one node, the sentinel looks", 1, Budget{Moves: 1, Crashes: 1})
	looks.Policy.Licence.NoFetch, looks.Longer = false, false
	out := []Space{
		pair("one node", 1, Budget{Moves: 1, Crashes: 2, Dups: 1, Pauses: 1, Restarts: 1, Unknown: 1, Refusals: 1}),
		pair("one node, there and back", 1, Budget{Moves: 2, Crashes: 2, Dups: 1, Pauses: 1, Restarts: 1, Jumps: 1}),
		pair("one node, slow saves", 1, Budget{Moves: 1, Unknown: 2, Slow: 2}),
		pair("one node, a server fails", 1, Budget{Fails: 1, Crashes: 2, Moves: 1, Refusals: 1}),
		noLists, learn, looks,
		scene("one node, hold", 1, licence.Hold, 1, Budget{Moves: 2, Crashes: 2, Pauses: 1}),
		scene("two IPBXs, a crash", 1, licence.Pair, 2, Budget{Moves: 1, Crashes: 1}),
		scene("two IPBXs, a pause", 1, licence.Pair, 2, Budget{Moves: 1, Pauses: 1}),
		scene("gate with our passwords", 1, licence.Gate, 1, Budget{Moves: 1, Crashes: 1}),
		gate("gate, there and back", Budget{Moves: 2, Crashes: 2, Refusals: 1}),
		gate("gate, a server fails", Budget{Fails: 1, Refusals: 1}),
		gate("gate, an IPBX restarts", Budget{Moves: 1, Dups: 1, Restarts: 1, Crashes: 1}),
		pair("two nodes, a crash and a pause", 2, Budget{Moves: 1, Crashes: 1, Pauses: 1}),
		pair("two nodes, neither pause nor partition", 2, Budget{Moves: 1, Crashes: 2, Dups: 1, Restarts: 1, Unknown: 1}),
		pair("two nodes, all but a pause", 2, Budget{Moves: 1, Crashes: 2, Dups: 1, Restarts: 1, Cuts: 1}),
		pair("two nodes, a pause and a partition", 2, Budget{Moves: 1, Pauses: 1, Cuts: 1}),
		steady(pair("two nodes, a partition, and the address moves", 2, Budget{Moves: 1, Cuts: 1, Addresses: 1})),
		steady(pair("two nodes, clocks", 2, Budget{Moves: 1, Pauses: 1, Jumps: 1, Addresses: 1})),
		pair("two nodes, the database's clock", 2, Budget{Moves: 1, StoreJump: 1, Addresses: 1}),
		pair("two nodes, a server fails", 2, Budget{Fails: 1, Crashes: 1}),
	}
	if long {
		out = append(out, large()...)
	}
	for i := range out {
		out[i].Cold = out[i].Nodes == 2 // to serve is reached from there
	}
	return out
}

func large() []Space {
	return []Space{
		scene("two IPBXs, a crash, and one restarts", 1, licence.Pair, 2, Budget{Moves: 1, Crashes: 1, Dups: 1, Restarts: 1}),
		pair("two nodes, a clock and an unknown outcome", 2, Budget{Moves: 1, Crashes: 2, Dups: 1, Unknown: 1, Restarts: 1, Jumps: 1}),
		pair("two nodes, all but a partition", 2, Budget{Moves: 1, Crashes: 2, Dups: 1, Restarts: 1, Pauses: 1}),
		pair("two nodes, all but crashes", 2, Budget{Moves: 1, Dups: 1, Restarts: 1, Pauses: 1, Cuts: 1}),
	}
}

// Beyond is two nodes with all budgets at once, which nobody has seen whole:
// command run walks it when told to, and fails at its limit.
func Beyond() []Space {
	all := pair("two nodes, all at once", 2, Budget{Moves: 1, Crashes: 2, Dups: 1, Restarts: 1, Pauses: 1, Cuts: 1})
	all.Cold = true
	return []Space{all}
}
