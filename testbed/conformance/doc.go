// Package conformance says, rule by rule, whether this tree does what
// docs/conformance.md promises.
//
//	docs/conformance.md ─ ParsePage ─► rows ──────────────┐
//	go test -json ─ RunTests ─► subtests named by an id ──┼─ Join ─► Report ─► table, one JSON line
//	bin/releve ◄─ Torture ─► one result for each message ─┘
//
// The torture part puts Relève between scripted parties on loopback and sends
// it the messages of RFC 4475 and RFC 5118, from the IPBX and from the active
// server, over UDP and over TCP; what comes out is read by a parser that shares
// no line with ours (wire.go).
//
// Everything but Torture and RunTests is pure.
package conformance
