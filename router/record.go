package router

import "time"

// Outcome is how an offered call ended; each call has exactly one.
type Outcome uint8

// Answered calls count as served whichever party ended them. Refused is a
// final of the server or the IPBX relayed as it was.
const (
	OutcomeNone Outcome = iota
	Answered
	Dissuaded
	Cancelled
	Rescued
	RefusedByPeer
	Failed
	Lost
)

func (o Outcome) String() string {
	return [...]string{"none", "answered", "dissuaded", "cancelled", "rescued", "refused", "failed", "lost"}[o]
}

// CallRecord is the one record of a call, written when it ends. Strings are
// copies; the record may outlive the message it came from.
type CallRecord struct {
	CallID    string        `json:"call_id"`
	From      string        `json:"from"` // user part of the From URI
	To        string        `json:"to"`   // user part of the Request-URI as received
	Outgoing  bool          `json:"outgoing"`
	Entry     string        `json:"entry"`
	Server    string        `json:"server"` // primary, secondary, rescue or none: who served it last
	Epoch     uint64        `json:"epoch"`
	Outcome   string        `json:"outcome"`
	Reason    Reason        `json:"reason"` // why it went where it went; rendered by the text catalogue
	Status    uint16        `json:"status"` // final status sent upstream; 0 when none was
	Held      time.Duration `json:"held_ns"`
	Setup     time.Duration `json:"setup_ns"` // INVITE to final
	Duration  time.Duration `json:"duration_ns"`
	Started   time.Time     `json:"started"`
	Verdict   string        `json:"verdict,omitempty"`
	WouldHave Reason        `json:"would_have,omitempty"` // observation mode: what would have been decided
	Attempts  uint8         `json:"attempts"`
	EndedBy   string        `json:"ended_by,omitempty"` // caller, callee, relève
}
