// Package abuse attacks the built binary while good calls pass through it, one
// attack after the other, and then asks: was a good call lost, did memory stay
// within its bound, did every bound that was met count and tell, did everything
// come back?
//
//	site: load of good calls (UDP, TCP, TLS) + held conversations ──────────────► …
//	        base ─► attack ─► settled? ─► row ─► attack ─► settled? ─► row ─► … ─► quiet
//
// The parties of the good calls live in this process, Relève in one of its own,
// the real scanners (sipvicious, sipsak) in theirs, each ended by its pid. All
// addresses are in 127.0.0.0/8, where every address works without set-up: that is
// how one machine is thousands of sources. Each attack is bounded in count and
// time.
package abuse
