package explore

// The scenes of the four levels: what a level lacks never happens there, and what
// keeps a switchover from being made keeps it only for as long as it lasts.

// base is a site with one server; with budgets for the mirror it is mirroring,
// whose mind is told nothing of the mirror that it could use.
func base(name string, b Budget) Space {
	s := pair(name, 1, b)
	s.Policy.Secondary, s.Policy.Role.Automatic = false, false
	return s
}

// backup is a site whose secondary may be off the network, and is at first.
func backup(name string, b Budget) Space {
	s := pair(name, 1, b)
	s.Policy.Absent, s.Policy.Role.Automatic = true, false
	return s
}

// watched is s with a mirror that is watched, and well at first.
func watched(s Space) Space {
	s.Policy.Mirror = true
	return s
}

// grave is s with a primary that, once dead, stays dead in calm runs: they come to
// the goal by a switchover, or not at all.
func grave(s Space) Space {
	s.Grave = true
	return s
}

// aging is s with orders that grow old.
func aging(s Space) Space {
	s.Ages = true
	return s
}

func levels() []Space {
	high := func(name string, nodes int, b Budget) Space {
		return grave(watched(pair("high-availability, "+name, nodes, b)))
	}
	return []Space{
		base("base", Budget{Fails: 1, Crashes: 1, Moves: 1, Drains: 1, Restarts: 1}),
		base("mirroring", Budget{Fails: 1, Mirrors: 2, Crashes: 1, Moves: 1}),
		backup("backup, a server fails", Budget{Fails: 1, Moves: 1}),
		backup("backup, a drain", Budget{Drains: 1, Moves: 2}),
		high("the mirror", 1, Budget{Fails: 1, Mirrors: 2, Moves: 1}),
		high("the mirror and a crash", 1, Budget{Fails: 1, Mirrors: 1, Crashes: 1}),
		high("drains", 1, Budget{Fails: 1, Drains: 2, Moves: 1}),
		high("a drain and a crash", 1, Budget{Fails: 1, Drains: 1, Crashes: 1}),
		high("mirror and drain", 1, Budget{Fails: 1, Mirrors: 1, Drains: 1}),
		high("two nodes and the mirror", 2, Budget{Fails: 1, Mirrors: 2}),
		aging(pair("orders come late", 1, Budget{Moves: 2, Unknown: 1, Slow: 3})),
		aging(pair("orders come late, a pause", 1, Budget{Moves: 1, Unknown: 1, Slow: 2, Pauses: 1})),
		aging(pair("orders come late, crashes", 1, Budget{Moves: 1, Unknown: 1, Slow: 1, Crashes: 2})),
		aging(grave(watched(pair("orders come late, mirror and drain", 1, Budget{Moves: 1, Mirrors: 1, Drains: 1, Slow: 3})))),
		aging(steady(pair("orders come late, two nodes", 2, Budget{Moves: 1, Cuts: 1, Addresses: 1}))),
	}
}

// levelsLarge are those in which more faults meet.
func levelsLarge() []Space {
	high := func(name string, nodes int, b Budget) Space {
		return grave(watched(pair("high-availability, "+name, nodes, b)))
	}
	return []Space{
		backup("backup, all at once", Budget{Fails: 1, Drains: 1, Moves: 2, Crashes: 1}),
		high("mirror, drain, a crash", 1, Budget{Fails: 1, Mirrors: 1, Drains: 1, Crashes: 1, Moves: 1}),
		high("mirror, drain, a pause", 1, Budget{Fails: 1, Mirrors: 1, Drains: 1, Pauses: 1, Moves: 1}),
		aging(high("mirror, drain, late orders", 1, Budget{Fails: 1, Mirrors: 1, Drains: 1, Moves: 1, Unknown: 1, Slow: 3})),
		aging(pair("orders come late, two nodes and two crashes", 2, Budget{Moves: 1, Crashes: 2, Unknown: 1, Cuts: 1})),
		high("two nodes, the mirror and a crash", 2, Budget{Fails: 1, Mirrors: 1, Crashes: 1}),
		high("two nodes, the mirror and a partition", 2, Budget{Fails: 1, Mirrors: 1, Moves: 1, Cuts: 1}),
	}
}
