// Package moves moves the licence to and fro, hundreds of times, between the
// built binary and real registrars, while everything around it fails; the
// registrars' own words say whether both users were ever bound at once.
//
//	voice servers ◄──► releve (a process of its own) ◄──► relay ◄──► registrar
//	  (in process)       killed, stopped, started         loses,       testbed/ipbx, or
//	                                                      doubles,     Kamailio (a process),
//	                                                      delays       keeps the truth
//
// A run is several worlds side by side, each with addresses, a mode, a
// registrar and a source of randomness of its own, made from the seed: the seed
// replays which troubles come when, not the scheduling of the machine.
//
//	settled ─► trouble prepared ─► switchover, return or a killed primary ─► steps of the trouble
//	   ▲            ─► the wanted server rests active, and the registrar binds its user alone
//	   └── healed ──┘
//
// What is measured, by the registrar's clock: how long both users were bound
// (never), how long neither was, and at the relay how long the first REGISTER
// of the new user was held back (the fence), beside what releve config check
// said before the start.
//
// Each world ends with a second registration of our own making, which must be
// seen: a measure that cannot fail proves nothing.
//
// A world belongs to one goroutine; a relay and a log of bindings have a lock.
// RFC 3261 §10; reliability of the registrar as assumed by router/licence: a
// message lives at most T4, a restart of the registrar outlasts the messages
// of before, it grants at most max_grant.
package moves
