// Package explore walks every state that small worlds around the real mind of a
// node, package router/control, can reach, with the real Step inside.
//
//	Start ─▶ frontier ─▶ Successors ─▶ Check ─▶ in the set? ─no─▶ frontier …
//	                        └─ calm steps ─▶ backward from the goals
//
// A world is one node or two with their lease, the store, one or two IPBXs with
// their registrars, the two servers, and at most four messages on the way. Faults
// are spent from a budget: crashes, pauses of up to four ticks (with and without
// the monotonic clock), statements of unknown outcome or slow, partitions from
// the store, the virtual address moving, IPBXs restarting with and without their
// bindings, refusals, servers that die or are busy, wall clocks and the
// database's clock jumping ahead, duplicates, a mirrored database that lags or is
// lost sight of, operators who drain a server or whose order waits for the store. Messages are lost and overtake one
// another without bound. Who crashed starts again at any time, who is cut off
// comes back at any time. Time is a tick of 5 s: T4 of a message, a REGISTER
// transaction; bindings live two ticks, or up to four where the IPBX grants longer
// (with two nodes three).
//
// One world with everything in it would explode, so there are scenes, each
// walked to its end: one node and one IPBX; two IPBXs; mode gate; the four levels;
// two nodes and their lease, from the start of a new site on. With one node the
// faults meet all at once. With two nodes they meet in sets, each kind with its
// whole budget: of a command, a duplicate, an IPBX restart, two crashes, a pause and
// a partition all but the pause (6 million states; without the duplicate, which
// meets the others elsewhere, in the short walk), all but the partition (28 million)
// and all but the crashes (42 million). All of them at once (Beyond) would be some 1,300
// million states, by how two crashes multiply the smaller sets (28 to 35 times),
// and nobody has seen them whole. A statement's unknown outcome is a partition
// that heals at once, or a crash, and has scenes of its own.
//
// # What is checked
//
// In every state or at every step:
//
//	S1  never bindings of two servers at once
//	S2  of two nodes one may decide; what is stored never goes back
//	S3  whoever is bound, or can still become so, is possible by the stored row and
//	    inside the fence that the deciding node reckons with
//	S4  the stored row never holds both users possible
//	S5  a switchover only on N rounds that confirm, of a server that is dead, or by
//	    command; so busy is never its cause (S8)
//	S6  a return only by command
//	W1  no CSeq beyond the stored one, none used twice by whoever decides
//	    a server's own REGISTER is answered exactly once (mode gate)
//	D1  a drained server is never the target of an automatic switchover
//	D2  a drain, or its end, moves no licence and changes no role
//	M1  a secondary whose mirror was behind when it was last known is never the
//	    target of an automatic switchover
//	M2  what is seen of the mirror moves no licence and changes no role
//	L1  where the level has no automatic switchover, a role changes on an operator's
//	    order only
//	O1  an order that was not stored in time is never carried out, by whichever life
//	    of whichever node
//
// After the walk, from every state: once faults have stopped, every run comes to
// the goal (roles at rest, exactly the active server registered, and it is well).
// A run is calm when everything that can happen now happens, in whatever order,
// before time passes: messages arrive, the store answers, who is down starts.
// What the IPBX grants is its own choice in calm runs, too. No cycle of calm
// steps avoids the goal, and no calm run ends before it, else the run is shown
// and the walk has failed; that is the search for fair cycles, made simple by the
// fact that calm states without a goal must then have an order (reach.go). The
// most ticks that any such run takes are counted. In the scenes of the level
// high-availability a dead primary stays dead in calm runs, while the mirror is well
// again and drains end: the goal is then the switchover that these had blocked. Held calls are not in these
// worlds: package sim has them.
//
// # Why so few states stand for so many
//
//   - A mind is canonical (control.State.Canon, Ranked): clocks at zero, numbers
//     that only rise taken relative, what no explored future reads left out. As
//     time passes in whole ticks for every clock, an instant between two ticks is
//     noticed at the later one and is stored as that: all that is ever done with
//     an instant is to compare it with now, to keep the later of two, and to take
//     T4, one tick, from it. TestMindsBehaveAsTheirNumbers runs real minds beside.
//   - Faults left are no part of a world: more of them allow more and change
//     nothing else. Worlds are walked in the order of faults spent, so each is met
//     first with the most left, and a world that was met with at least as many
//     of every kind is not walked again.
//   - The two nodes may change names: of both worlds the lesser is walked.
//   - Who sleeps falls asleep as a tick begins and wakes with the event that comes
//     first: to be asleep between two ticks is to be given something later.
//   - A message that changes nothing at the registrar and whose sender does not
//     wait for it is gone; it leaves its place in the network to another.
//
// # How it is kept
//
// States of the mind are kept once and known by a number, and what one does on
// an event is computed once. A world is written as some 60 bytes, which wait in
// the frontier (in a file beyond a limit) and of which the set keeps a hash of 80
// bits: with ten million states the chance that one is missed for another is
// below 1e-10. The set is 24 bytes a state and its slots, without a pointer; the
// hands of a walk share it by locks on 64 parts. A queue of the frontier is done
// before the next begins, so what is counted does not depend on who was faster.
package explore
