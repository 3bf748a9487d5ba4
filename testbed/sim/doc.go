// Package sim plays fault episodes against the minds of one or two nodes,
// package router/control, on a virtual clock: seeded, single-threaded, no real I/O.
//
//	        calls (Erlang) ─► proxy/fork ─► INVITE ─┐
//	                             ▲  │ evidence      ├─ network ─► server models
//	                        View │  ▼ overflow      │ (loss, bursts, duplicates,
//	faults ─► crash, pause ► router/control ► probes┤  reordering, partitions)
//	operator ─► commands ──►   │  ▲  ▲              │
//	                           │  │  └─ peer ─ node ├─ network ─► registrar models
//	                           ▼  │  virtual address│
//	                  store and lease (latency, outage, outcome unknown)
//
// The code under test is real: control with health, role, licence and lease; fork
// with router.Route and router.Classify; dialog.Table for lines and waiting. Models
// stand for the two servers, the IPBXs, the network, the store with its lease and
// the virtual address. Messages are structs, not bytes.
//
// Each purpose (network, faults, load, clocks) draws from a PCG stream of its
// own, so that one more draw in one does not reshuffle the others. Everything
// that happens is mixed into a hash; the same seed gives the same hash.
//
// The mirrored database lags and is lost sight of, operators drain servers and give
// orders that meet a store in trouble; of some sites the primary is dead for good
// when the faults end, and the switchover that was blocked must come.
//
// The invariants (check.go, watch.go, blocked.go) are looked at on every event; goals
// (goal.go) are situations that a run of many episodes must have met. A failing
// seed is shrunk to the faults, calls and strokes of luck that it needs
// (Shrink), and printed as the Go test that keeps it (Replay).
//
// Limits of the model. No bytes, no TCP or TLS. The IPBX's own messages about
// calls are not lost (its INVITE is repeated until it is heard). The calls that a
// node has not answered are lost with it: their mirror on the other node is not
// built. A node that is cut off from everything sees that it has no network and
// does not claim the address, and while both claim it both reach the store: a
// node that is alone with an address that is elsewhere, too, would keep refreshing
// (package lease, KEEPING), and what it sends in the instant in which it is
// reached again would meet the other's binding. A World is owned by one goroutine.
package sim
