package router

// Happening is what a server did with a call offered to it.
type Happening uint8

// GotFinal: a final response came, Status says which. PortRefused: ICMP port
// unreachable from the server's own address, or a TCP reset. Unreachable: any
// other ICMP or transport error. NoProgress: not one response within
// progress_timeout. TLSFailed: the connection failed on certificates or
// configuration. NoAnswer: a 100 or 18x came and no final by answer_timeout.
// NoFreeLine: our own count has none, so nothing was sent.
const (
	GotFinal Happening = iota
	PortRefused
	Unreachable
	NoProgress
	TLSFailed
	NoAnswer
	NoFreeLine
)

// Happenings is the number of Happening values.
const Happenings = 7

// Occupancy is how full a server is by our own count of its lines.
type Occupancy uint8

// Unreconciled: the count is not to be trusted (restart, lost BYE); it counts
// as plausible and never refuses a call. NextToNothing: below a quarter of
// lines. Plausible: a quarter or more. Full: no line free.
const (
	Unreconciled Occupancy = iota
	NextToNothing
	Plausible
	Full
)

// Occupancies is the number of Occupancy values.
const Occupancies = 4

// Class is the meaning of what a server did, as in the table of table.go.
type Class uint8

// The classes. Override values of the configuration are classes too.
const (
	ClassNone Class = iota
	ClassAnswered
	ClassBusy
	ClassUnexplainedBusy
	ClassThisCall
	ClassMisprovisioned
	ClassFailed
	ClassRefused
	ClassSilent
	ClassConfig
	ClassNoAnswer
)

// Act is what becomes of the call.
type Act uint8

// ActRelay: the server's response goes up as it is. ActDissuade: re-offered or
// refused on purpose, without a verification. ActOverflow: held, joins the
// verification.
const (
	ActRelay Act = iota
	ActDissuade
	ActOverflow
)

// Observation is all that Classify looks at.
type Observation struct {
	Happening      Happening
	Status         uint16 // with GotFinal: 200–699
	RetryAfter     bool   // the final carries Retry-After
	ServiceNumber  bool   // the call is for one of our service numbers
	AnsweredLately bool   // the server answered something in the last second
	Occupancy      Occupancy
	Entry          Entry // no row depends on it: an overflow entry's call meets the server only when re-offered
	Override       Class // per-server reading of Status; ClassNone: none
}

// Treatment is the row of the table that an Observation falls in. The zero
// value concludes nothing: a provisional goes up as it is, and a call for
// which NoFreeLine was claimed without proof is offered.
type Treatment struct {
	Class    Class
	Evidence Evidence
	Act      Act
	NoBranch bool // no new branch after this (RFC 3261 §16.7(5): a 6xx)
	Reason   Reason
}
