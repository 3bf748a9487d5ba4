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
		pair("two nodes, neither pause nor duplicate", 2, Budget{Moves: 1, Crashes: 2, Restarts: 1, Cuts: 1}),
		pair("two nodes, a pause and a partition", 2, Budget{Moves: 1, Pauses: 1, Cuts: 1}),
		steady(pair("two nodes, a partition, and the address moves", 2, Budget{Moves: 1, Cuts: 1, Addresses: 1})),
		steady(pair("two nodes, clocks", 2, Budget{Moves: 1, Pauses: 1, Jumps: 1, Addresses: 1})),
		pair("two nodes, the database's clock", 2, Budget{Moves: 1, StoreJump: 1, Addresses: 1}),
		pair("two nodes, a server fails", 2, Budget{Fails: 1, Crashes: 1}),
	}
	out = append(out, levels()...)
	if long {
		out = append(append(out, large()...), levelsLarge()...)
	}
	for i := range out {
		out[i].Cold = out[i].Nodes == 2 && !out[i].Grave // to serve is reached from there
	}
	return out
}

func large() []Space {
	return []Space{
		scene("two IPBXs, a crash, and one restarts", 1, licence.Pair, 2, Budget{Moves: 1, Crashes: 1, Dups: 1, Restarts: 1}),
		pair("two nodes, a clock and an unknown outcome", 2, Budget{Moves: 1, Crashes: 2, Dups: 1, Unknown: 1, Restarts: 1, Jumps: 1}),
		pair("two nodes, all but a pause", 2, Budget{Moves: 1, Crashes: 2, Dups: 1, Restarts: 1, Cuts: 1}),
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
