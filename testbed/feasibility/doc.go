// Package feasibility proves that `releve preflight` finds what it looks for:
// for each quirk it starts an IPBX and two voice servers that have it, runs the
// built binary against them over real SIP on loopback, and looks for the
// finding that must tell it; and it runs the same studies against sites without
// a quirk, where that finding must be good, and against Kamailio.
//
//	quirk ─▶ world (its own 127.B.n.0/24) ─▶ releve preflight -o json ─▶ found?
//
// Worlds run side by side, each with parties and a process of its own; nothing
// is shared but the binary.
package feasibility
