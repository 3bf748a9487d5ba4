// Package router holds the domain's words and its two pure decisions:
// Classify (what an answer of a server means) and Route (where a call goes).
//
// It imports nothing of Relève, performs no I/O, reads no clock and starts no
// goroutine. Every value of its types is immutable once handed over; functions
// are safe for concurrent use.
package router

import "time"

// Instant is a point in time: nanoseconds since the start of the process, by
// whichever reading of Clock the reader names. Zero is the start itself.
type Instant int64

// Add returns the instant d later.
func (i Instant) Add(d time.Duration) Instant { return i + Instant(d) }

// Sub returns the time from earlier to i.
func (i Instant) Sub(earlier Instant) time.Duration { return time.Duration(i - earlier) }

// Never is later than every instant that occurs.
const Never Instant = 1<<63 - 1

// Clock is one reading of time, taken once per event.
//
// Waits end by Mono, which never over-counts (it may stand still while a
// virtual machine is paused). Permissions (leases, NotAfter) end by High, which
// never under-counts. Our choice: each is the pessimist of its purpose. Elapsed
// makes both.
type Clock struct{ Mono, High Instant }

// Elapsed is what went by since the start of the process by each clock, and by
// High, at the newest reading. The zero value is the start.
type Elapsed struct{ Mono, Wall, High time.Duration }

// Next is the reading after e when the clocks say mono and wall. High adds the
// longer of what the two say went by, so it never runs slower than either from
// any reading to any later one. The larger of the two since the start would
// not do: it falls back when a wall clock that had run ahead is set right, and
// gives a permission that had ended that time once more (the simulator found
// two bindings at once that way).
func (e Elapsed) Next(mono, wall time.Duration) Elapsed {
	return Elapsed{mono, wall, e.High + max(mono-e.Mono, wall-e.Wall, 0)}
}

// Clock is the reading as decisions take it.
func (e Elapsed) Clock() Clock { return Clock{Mono: Instant(e.Mono), High: Instant(e.High)} }

// Server is one of the two Wel'Suite voice servers, by its configured role.
type Server uint8

// The configured roles. NoServer stands where no server is meant.
const (
	NoServer Server = iota
	Primary
	Secondary
)

// Servers is the number of values a table indexed by Server needs.
const Servers = 3

// Other returns the opposite server; NoServer for NoServer.
func (s Server) Other() Server {
	switch s {
	case Primary:
		return Secondary
	case Secondary:
		return Primary
	}
	return NoServer
}

func (s Server) String() string { return [...]string{"none", "primary", "secondary"}[s] }

// Level is the Wel'Suite security level sold to the site.
type Level uint8

// The four levels, in rising order.
const (
	Base Level = iota
	Mirroring
	Backup
	HighAvailability
)

func (l Level) String() string {
	return [...]string{"base", "mirroring", "backup", "high-availability"}[l]
}

// Entry says by which door a call came in.
type Entry uint8

// Inline: the IPBX sends every call to us and the overflow is ours.
// OverflowEntry: the IPBX presents a call that the primary did not answer.
const (
	Inline Entry = iota
	OverflowEntry
)

func (e Entry) String() string { return [...]string{"inline", "overflow"}[e] }

// Phase is the state of the role machine as calls see it.
type Phase uint8

// Normal: the primary is active. Verifying: rounds are running on the active
// server. Switching and Returning: the licence is moving. OnSecondary: the
// secondary is active. BothDown: neither serves; fail open. Maintenance: roles
// are frozen by an operator.
const (
	Normal Phase = iota
	Verifying
	Switching
	OnSecondary
	Returning
	BothDown
	Maintenance
)

func (p Phase) String() string {
	return [...]string{"normal", "verifying", "switching", "on-secondary", "returning", "both-down", "maintenance"}[p]
}

// Evidence is what one observation of a server proves.
type Evidence uint8

// The zero value is no evidence. Config (a TLS failure) counts as NoEvidence
// for the verdict and raises an alarm.
const (
	NoEvidence Evidence = iota
	OK
	Busy
	Stuck
	Err
	Refused
	Silent
	ConfigFault
)

func (e Evidence) String() string {
	return [...]string{"none", "ok", "busy", "stuck", "err", "refused", "silent", "config"}[e]
}

// Verdict is what the evidence says of the active server.
type Verdict uint8

// The verdicts, as in the rules R0–R14 of package health.
const (
	VerdictUnknown Verdict = iota
	VerdictHealthy
	VerdictBusy
	VerdictSlow
	VerdictDegraded
	VerdictGray
	VerdictDeadApp
	VerdictDeadHost
	VerdictDeadAlone
	VerdictPartition
	VerdictIPBXFault
	VerdictSelfIsolated
	VerdictSelfSick
)

var verdictNames = [...]string{
	"UNKNOWN", "HEALTHY", "BUSY", "SLOW", "DEGRADED", "GRAY", "DEAD_APP", "DEAD_HOST",
	"DEAD_ALONE", "PARTITION", "IPBX_FAULT", "SELF_ISOLATED", "SELF_SICK",
}

func (v Verdict) String() string { return verdictNames[v] }

// Ruling is what held calls are told when a verification ends.
type Ruling uint8

// NoRuling: wait. RuleDissuade: the active server lives; the take-over is
// refused. RuleSwitching: dysfunction confirmed, the licence is moving; drop
// the branch at the failed server and wait. RuleDeliver: the other server is
// active; deliver to it. RuleRescue: neither serves.
const (
	NoRuling Ruling = iota
	RuleDissuade
	RuleSwitching
	RuleDeliver
	RuleRescue
)

func (r Ruling) String() string {
	return [...]string{"none", "dissuade", "switching", "deliver", "rescue"}[r]
}

// View is all that the call path knows of the node's mind: immutable, swapped
// by an atomic pointer, compared by value.
type View struct {
	Epoch  uint64 // counts role changes; in every Record-Route token
	Phase  Phase
	Active Server // who serves now; during Switching and Returning the one that is being left

	// Verification numbers the verification that runs (Verifying) or ran last;
	// 0 before the first. A call held during verification n, or held while
	// none runs (then it starts n+1), accepts only the Ruling of that number
	// or a later one.
	Verification uint64
	Verifying    bool
	Ruling       Ruling  // of Verification, NoRuling while it runs
	RuledAt      Instant // Mono of Ruling; a ruling younger than one round is reused by new overflows
	Verdict      Verdict // the verdict behind Ruling
	Act          bool    // false: observation; nothing is held, what the server does is relayed
	MoveBy       Instant // Mono of the fence that a licence move waits for; 0: none runs, or its end is expected within seconds
	Round, Of    uint8   // progress of the verification, k of N

	// Drained: an operator wants no new calls sent to this server.
	Drained [Servers]bool
}
