// Package faults is the corpus of situations in which a verdict must be right:
// each has a name, a truth (the secondary must take over, must not, may), and a
// script that brings it about. Each runs against the built binary over real
// sockets, and against a Kamailio configured as its documentation advises for
// the same job.
//
//	world = four hosts (package lan), each a namespace with its own kernel:
//
//	  10.87.0.1 ipbx ──┐        ┌── 10.87.0.2 primary
//	                   ├─ wire ─┤
//	  10.87.0.9 hop ───┘        └── 10.87.0.3 secondary
//
//	start ─► ready ─► calls ─► fault ─► (heal) ─► calls end ─► outcome
//
// Each party is a process of its own, killed by SIGKILL, paused by SIGSTOP. What
// is claimed is what the parties saw: the IPBX's calls, the registrar's log; the
// hop's journal tells which verdict it reached and is held against them.
//
// A world belongs to the goroutine that runs it; its book has a lock of its own.
package faults
