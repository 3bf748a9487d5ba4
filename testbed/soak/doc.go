// Package soak runs calls through the built binary for minutes while its
// servers, its registrar and its network misbehave in turn, and then asks for
// everything back: memory, goroutines and descriptors are where they were.
//
//	warm up (each fault once) ─► quiet ─► reading ─► minutes of calls and faults ─► quiet ─► reading
//
// The parties (testbed/ipbx, testbed/server) live in this process, Relève in
// one of its own. The order of the faults is that of a seed, the times are
// those of the wall clock.
package soak
