package explore

import "releve/router/licence"

// Mutant is a rule broken on purpose, and the scene in which that must show.
type Mutant struct {
	Number int
	What   string
	Space  Space
	By     string // how what is broken must begin; "": any
}

// Mutants are the ten of our fault model, four of our own, and one or two for each
// rule about the mirror, drains, levels and orders.
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
	return append(levelMutants(), []Mutant{
		{1, "a REGISTER is sent before its intent is saved", one(Budget{Moves: 2, Crashes: 1}), ""},
		{2, "PROVE is accepted while an earlier REGISTER may still arrive", one(Budget{Moves: 2, Crashes: 1}), ""},
		{3, "a REGISTER is retransmitted without a NotAfter", one(Budget{Moves: 2, Crashes: 1}), ""},
		{4, "the fence trusts the expiry asked for", one(Budget{Moves: 2, Crashes: 1}), ""},
		{5, "a successor takes nothing to be in flight", two(Budget{Moves: 1, Crashes: 1, Addresses: 1}), ""},
		{6, "the lease is held until the store says otherwise, as an advisory lock is", steady(two(Budget{Moves: 1, Cuts: 1, Addresses: 1})), ""},
		{7, "the fence is lowered while another REGISTER may arrive", one(Budget{Moves: 2, Crashes: 1}), ""},
		{8, "the fence starts at the un-REGISTER", one(Budget{Moves: 2, Crashes: 1}), ""},
		{9, "the store loses what it last confirmed", amnesia, ""},
		{10, "CSeq is each node's own, not the store's", full(two(Budget{Addresses: 1})), ""},
		{11, "in gate the passive server's REGISTER passes on, too", passed, ""},
		{12, "what one IPBX proves counts for all of them", pair2, ""},
		{13, "the permission of a lease counts from the answer, not from the ask", full(two(Budget{Pauses: 1, Addresses: 1, Slow: 1})), ""},
		{14, "what is bound is kept alive although the address is gone", steady(two(Budget{Moves: 1, Cuts: 1, Addresses: 1})), ""},
	}...)
}

// levelMutants are found in the scenes of the levels.
func levelMutants() []Mutant {
	failing := func(b Budget) Space {
		b.Fails = 1
		return watched(pair("", 1, b))
	}
	return []Mutant{
		{50, "nobody asks whether the secondary is drained", failing(Budget{Drains: 1}), "D1"},
		{51, "what is not known of the mirror any more forgets what was", failing(Budget{Mirrors: 2}), "M1"},
		{24, "a secondary that is not ready takes over", failing(Budget{Mirrors: 1}), "M1"},
		{52, "to drain the active server is to switch over", failing(Budget{Drains: 1}), "D2"},
		{53, "a mirror that lags is a reason to switch over", failing(Budget{Mirrors: 1}), "M2"},
		{26, "nobody looks at the level", backup("", Budget{Fails: 1}), "L1"},
		{25, "an order is carried out however late it was stored", aging(pair("", 1, Budget{Moves: 1, Slow: 3})), "O1"},
		{54, "a mirror that was behind once is never trusted again", grave(failing(Budget{Mirrors: 1})), neverWell},
		{55, "the end of a drain is not heard", grave(failing(Budget{Drains: 1})), neverWell},
	}
}

// neverWell is how a goal that is not reached shows.
const neverWell = "a calm run never comes to the goal"
