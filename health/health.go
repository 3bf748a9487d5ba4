// Package health keeps the evidence about the servers (Board) and judges it
// (Judge).
//
//	rounds, calls, checks, peer ─► Board ─► Facts (freshness here) ─► Judge ─► verdict, rule
//
// Pure: the clock is an argument, a Board is a flat comparable value owned by
// package control. Not safe for concurrent use; Judge is.
//
// A response made locally (a 408 of our own timer) is never an answer: the
// prober reports Silent. So that R1 can tell our own isolation from a dead
// server, a round probes the other server and the IPBX together with the one
// it is about.
package health

import (
	"time"

	"releve/router"
)

// Presence is a three-valued sight of something.
type Presence uint8

// The values of Presence. Unknown is stale, never good since this server was configured, or not configured at all.
const (
	Unknown Presence = iota
	Up
	Down
)

// Facts is what Judge looks at: finite, so that a test enumerates every
// combination. Durations have become yes or no.
type Facts struct {
	SIP  router.Evidence // rounds only: NoEvidence OK Busy Err Refused Silent
	App  router.Evidence // real calls and the call probe: NoEvidence OK Busy Stuck Err
	Host Presence        // tcp, http, exec checks
	Peer Presence        // what the other node sees; Unknown when there is none

	IPBXUnseen    bool // was seen, then silent
	StandbyUnseen bool // likewise the other server
	SelfSick      bool // our timers are late, or every target fell silent at once
	LinesFull     bool
	AnsweredSince bool // a real call was answered since the last failed round
	LatencyOdd    bool // latency out of its own history
	Lasting       bool // the present app or SIP fault has lasted Policy.Lasting
	ProbeFailed   bool // the call probe, if there is one, failed; true when there is none
}

// Persists reports whether a GRAY or DEGRADED verdict may count for a
// switchover: the fault has lasted, and the call probe, if there is one, failed.
func (f Facts) Persists() bool { return (f.Lasting || mutant == 32) && f.ProbeFailed }

// Rule is the number of the rule that matched, 0–14.
type Rule uint8

// Rules is the number of rules.
const Rules = 15

// Policy is what Board needs of the configuration.
type Policy struct {
	Interval  time.Duration // idle probing interval; evidence is fresh for 3 × Interval
	Lasting   time.Duration // 60 s
	CallProbe bool          // a call probe is configured: its failure is needed before GRAY or DEGRADED switches
}

// fresh is how long one piece of evidence counts.
func (p Policy) fresh() time.Duration { return 3 * p.Interval }
