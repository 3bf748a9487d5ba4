// Package sim plays fault episodes against the mind of a node, package
// router/control, on a virtual clock: seeded, single-threaded, no real I/O.
//
//	          calls (Poisson) ─► proxy/fork ─► INVITE ─┐
//	                               ▲  │ evidence        ├─ network ─► server models
//	                          View │  ▼ overflow        │ (loss, duplicates,
//	faults ─► crash, pause ─► router/control ─► probes ─┤  reordering, partition)
//	operator ─► commands ───►      │  ▲                 │
//	                               ▼  │                 └─ network ─► registrar models
//	                              store (latency, failure, outcome unknown)
//
// The code under test is real: control with health, role and licence; fork with
// router.Route and router.Classify; dialog.Table for lines and waiting. Models
// stand for the two servers, the IPBXs, the network and the store. Messages are
// structs, not bytes.
//
// Each purpose (network, faults, load, clocks) draws from a PCG stream of its
// own, so that one more draw in one does not reshuffle the others. Everything
// that happens is mixed into a hash; the same seed gives the same hash.
//
// The invariants (check.go) are looked at on every event; goals (goal.go) are
// situations that a run of many episodes must have met. A failing seed is
// replayed with Replay; one that was a bug once is kept in testdata/seeds.txt.
//
// Limits of the model: one node (two and their lease are the explorer's); no bytes, no TCP or TLS; the IPBX's own
// messages about calls are not lost (its INVITE is repeated until it is heard).
// A World is owned by one goroutine.
package sim
