// Package admin is the door for operators: an HTTP API on a Unix socket. The
// verbs of the command line use it through admin/client and nothing else.
//
// The application implements Node; the Door owns its listener and its
// connections, keeps no state of the node and logs only what could not be
// answered. Bounds, our choice: 32 connections at once, 16 KB of headers,
// 64 KB of body, 30 s a request, 1000 elements a list. Faults are RFC 9457
// problem+json with a stable code. Who acts is the peer's user id, taken from
// the socket (SO_PEERCRED), never from the request.
//
// All methods are safe for concurrent use, and Node's must be.
package admin

import (
	"context"
	"fmt"
	"time"

	"releve/cmd/internal/text"
	"releve/db"
	"releve/router"
)

// Node is what the API needs of the application. Methods return soon: a
// switchover is answered when it is accepted or refused, and followed by
// Status.
type Node interface {
	Status(ctx context.Context) Status
	// Calls returns calls in progress first, then records, newest first.
	// filter "" is all, else a prefix of the Call-ID or a part of a number.
	Calls(ctx context.Context, filter string, limit int) ([]CallInfo, error)
	// Events returns the newest first.
	Events(ctx context.Context, since time.Time, limit int) ([]db.Event, error)
	Licence(ctx context.Context) Licence
	// Explain tells of the newest verification that had begun at a moment, with
	// want (nil: nothing) tried out on its evidence; a *Fault when there is none.
	Explain(ctx context.Context, at time.Time, want *Settings) (Explanation, error)
	// Report sums up what happened since a moment.
	Report(ctx context.Context, since time.Time) (Report, error)
	// Probe runs one round of checks now at the server of that name or role; a
	// *Fault with CodeUnknownServer when there is none.
	Probe(ctx context.Context, server string) (Probe, error)
	Command(ctx context.Context, c Command) (Result, error)
	// Reload reads the file again and applies it whole, or changes nothing.
	Reload(ctx context.Context, a Asked) (Reload, error)
	Alarms(ctx context.Context) []db.Alarm
	// Acknowledge notes who takes an active alarm; a *Fault with
	// FaultNotActive when it does not stand.
	Acknowledge(ctx context.Context, a Acknowledgement) error
	// RecordProcedure keeps the record of a run, seals it and returns it; of a
	// copy it notes when the data were copied.
	RecordProcedure(ctx context.Context, p Procedure) (Procedure, error)
	// Procedures returns past runs, the newest first.
	Procedures(ctx context.Context, limit int) ([]Procedure, error)
	// Exercise is told how a drill goes; without a word for half a minute it is
	// taken for broken off.
	Exercise(ctx context.Context, n ExerciseNote) error
	Teller
	// Ready says whether this node may take calls, and if not why (a short
	// English cause for monitoring).
	Ready(ctx context.Context) (bool, string)
	// ConfigText is the effective running configuration, secrets as ***.
	ConfigText() string
	Version() string
}

// Status is the one-glance state of the node. Roles are "primary",
// "secondary" or "none"; times are UTC, zero when unknown.
type Status struct {
	Site         string         `json:"site"`
	Level        string         `json:"level"`
	Headline     text.Headline  `json:"headline"`
	Active       string         `json:"active"`             // role
	Since        time.Time      `json:"since"`              // of the present role
	Reason       router.Reason  `json:"reason"`             // of the last role change
	Phase        string         `json:"phase"`              // as router.Phase
	ReturnAt     time.Time      `json:"return_at,omitzero"` // from when on a return needs no force for the time since the failure; zero: now
	Epoch        uint64         `json:"epoch"`
	Act          bool           `json:"act"`          // false: observation
	Verification Progress       `json:"verification"` // of the verification that runs; N 0: none
	Servers      []Server       `json:"servers"`
	IPBX         []IPBX         `json:"ipbx"`
	Registration Registration   `json:"registration"`
	Mirror       *Mirror        `json:"mirror,omitempty"` // nil: none is watched
	Counters     Counters       `json:"counters"`
	Alarms       []db.Alarm     `json:"alarms"`       // active
	Certificates []Certificate  `json:"certificates"` // ours, in force
	Contacts     SiteContacts   `json:"contacts"`
	Data         *SecondaryData `json:"secondary_data,omitempty"` // level backup: a copy made by hand
	Exercise     *Mark          `json:"exercise,omitempty"`       // a drill is running
	Started      time.Time      `json:"started"`
	Now          time.Time      `json:"now"`      // the node's clock when it answered
	Observed     time.Time      `json:"observed"` // when the decisions last looked: older than a few seconds, they stand still
	Version      string         `json:"version"`
}

// SiteContacts are whom to call about an alarm, free text; empty: not configured.
type SiteContacts struct {
	Integrator string `json:"integrator,omitempty"`
	TLMCom     string `json:"tlmcom,omitempty"`
	OnCall     string `json:"on_call,omitempty"`
}

// Certificate is one that we show to others.
type Certificate struct {
	Name  string    `json:"name"` // sip or admin: who is shown it
	File  string    `json:"file"`
	End   time.Time `json:"end"`
	Fault string    `json:"fault,omitempty"` // why newer files cannot be used
}

// Progress is k of n.
type Progress struct {
	K int `json:"k"`
	N int `json:"n"`
}

// States of a Server.
const (
	StateActive  = "active"
	StatePassive = "passive"
	StateDown    = "down"
	StateAbsent  = "absent" // not expected on the network (level backup)
)

// Server is one voice server.
type Server struct {
	Name       string    `json:"name"`
	Role       string    `json:"role"`
	Address    string    `json:"address"`
	State      string    `json:"state"`
	Verdict    string    `json:"verdict"` // as router.Verdict
	RTT        float64   `json:"rtt_ms"`  // of the last answered OPTIONS; 0: none yet
	Reserved   int       `json:"lines_reserved"`
	Lines      int       `json:"lines"`
	LinesMost  int       `json:"lines_most"`   // the most calls that it has had at once since the start
	LinesFull  int       `json:"lines_learnt"` // at which it says that it is busy; 0: not learnt
	Reconciled bool      `json:"reconciled"`   // false: the count of lines is not to be trusted
	Calls      int       `json:"calls"`        // in progress
	Since      time.Time `json:"since"`        // of State
	Ready      bool      `json:"ready"`        // may take over, or return
	Stability  Progress  `json:"stability"`    // good rounds in a row, before a return
	Host       string    `json:"host"`         // up, down or unknown: what its checks prove of its machine

	Checks []ProbeCheck `json:"checks"` // their newest results

	Drained  *Mark  `json:"drained,omitempty"`  // an operator wants no new calls on it
	Version  string `json:"version,omitempty"`  // of Wel'Suite, as configured
	Analogue int    `json:"analogue,omitempty"` // analogue lines plugged into the machine
}

// IPBX is one IPBX.
type IPBX struct {
	Name    string    `json:"name"`
	Address string    `json:"address"`
	Seen    bool      `json:"seen"` // any traffic is sight
	Since   time.Time `json:"since"`
	Gateway bool      `json:"gateway,omitempty"` // of analogue lines
}

// Registration summarises the licence.
type Registration struct {
	Mode   string    `json:"mode"`   // trunk, gate, pair or hold
	Holder string    `json:"holder"` // role whose user is bound, or is being bound
	Phase  string    `json:"phase"`  // idle, bound, drain, unreg, claim or confirm
	Until  time.Time `json:"until"`  // when the binding expires; zero: no binding

	Refused bool `json:"refused,omitempty"` // by an IPBX, lately

	Own []OwnRegister `json:"own,omitempty"` // mode gate: the servers' registrations at Relève

	Leaving string    `json:"leaving,omitempty"` // role whose user must be gone first
	Fence   time.Time `json:"fence"`             // when it is gone at the latest, proof or not; zero: nothing is waited for
}

// Counters count since the start of the process.
type Counters struct {
	Offered       uint64 `json:"calls_offered"`
	Answered      uint64 `json:"calls_answered"`
	Dissuaded     uint64 `json:"calls_dissuaded"`
	Cancelled     uint64 `json:"calls_cancelled"`
	Rescued       uint64 `json:"calls_rescued"`
	Refused       uint64 `json:"calls_refused"`
	Failed        uint64 `json:"calls_failed"`
	Lost          uint64 `json:"calls_lost"`
	InProgress    uint64 `json:"calls_in_progress"`
	Held          uint64 `json:"calls_held"`
	Switchovers   uint64 `json:"switchovers"`
	Verifications uint64 `json:"verifications"`
}

// CallInfo is a call in progress or the record of one that ended.
type CallInfo struct {
	router.CallRecord
	Live bool `json:"live"`
}

// Licence is the state of the registration in full.
type Licence struct {
	Mode      string        `json:"mode"`
	Phase     string        `json:"phase"`
	Holder    string        `json:"holder"`
	Leaving   string        `json:"leaving"` // role whose user must be gone first; "none"
	Epoch     uint64        `json:"epoch"`
	Fence     time.Time     `json:"fence"` // the latest end of a binding of Leaving; zero: none
	Bindings  []Binding     `json:"bindings"`
	WorstMove time.Duration `json:"worst_move_ns"`  // the longest a move can take here
	GrantIPBX string        `json:"max_grant_ipbx"` // which IPBX grants the longest …
	MaxGrant  time.Duration `json:"max_grant_ns"`   // … and how long
	Grounds   string        `json:"max_grant_is"`   // … and how that is known: stated (by the file), profile, learnt (seen) or assumed
	Grants    []Grant       `json:"max_grants"`     // of each IPBX
	Waits     string        `json:"waits"`          // for what a move waits: lease, store, answer, outstanding, fence, retry; empty: nothing
	Proof     string        `json:"proof"`          // of the absence of Leaving: list (the IPBX's list proves it) or fence; empty: nobody leaves
	Own       []OwnRegister `json:"own"`            // the servers that register at Relève
}

// Grant is the longest registration that an IPBX is reckoned to grant.
type Grant struct {
	IPBX    string        `json:"ipbx"`
	Longest time.Duration `json:"max_grant_ns"`
	Grounds string        `json:"max_grant_is"` // as Licence.Grounds
	Answers string        `json:"answers"`      // the address that answered a REGISTER last; "": none did
}

// OwnRegister is the last REGISTER that a server sent to Relève for itself.
type OwnRegister struct {
	Server  string        `json:"server"` // name
	Role    string        `json:"role"`
	At      time.Time     `json:"at"`
	Granted time.Duration `json:"granted_ns"` // 0: it said that it leaves
	Since   time.Time     `json:"since"`      // it registers without a gap; zero: it does not
	Until   time.Time     `json:"until"`      // when it ends unless it comes again
	Gone    bool          `json:"gone"`       // it registered, and does no longer
}

// Contact is one that an IPBX lists for our user and that nobody should have.
type Contact struct {
	URI  string    `json:"uri"`
	Seen time.Time `json:"seen"`
}

// Binding is what is known of one user at one IPBX.
type Binding struct {
	Role      string        `json:"role"` // whose user
	User      string        `json:"user"` // AOR
	IPBX      string        `json:"ipbx"`
	Possible  bool          `json:"possible"` // a binding may exist there
	Granted   time.Duration `json:"granted_ns"`
	Until     time.Time     `json:"until"`
	Refused   bool          `json:"refused"`   // the IPBX refuses this user
	Unkept    bool          `json:"unkept"`    // the IPBX grants it and does not list it
	Foreign   bool          `json:"foreign"`   // it lists a Contact that is not ours, or any of the passive server's user
	Proves    bool          `json:"proves"`    // a list of it without this user proves that it is gone
	Gone      time.Time     `json:"gone"`      // when no binding can exist any more at the latest; zero: none exists
	Elsewhere time.Time     `json:"elsewhere"` // likewise at a former registrar of this IPBX; zero: none
	Seen      time.Time     `json:"seen"`      // when it last listed its bindings; zero: never
	Contacts  []Contact     `json:"contacts,omitempty"`
	Intruded  time.Time     `json:"intruded"` // since when one that nobody should have has been seen; zero: there is none
}

// Probe is one round of checks, run on demand.
type Probe struct {
	Server  string       `json:"server"` // name
	Role    string       `json:"role"`
	Verdict string       `json:"verdict"` // of the board after the round
	SIP     string       `json:"sip"`     // as router.Evidence
	Status  int          `json:"status"`  // of the OPTIONS; 0: no answer
	RTT     float64      `json:"rtt_ms"`
	Checks  []ProbeCheck `json:"checks"`
}

// ProbeCheck is the newest result of one check beside OPTIONS.
type ProbeCheck struct {
	Name  string    `json:"name"`
	Type  string    `json:"type"`
	State string    `json:"state"` // ok, warning, failed or unknown: whether what it asks for holds
	Up    string    `json:"up"`    // up, down or unknown: what that proves of the server's host
	At    time.Time `json:"at"`    // when it ended; zero: not run yet
	Took  float64   `json:"took_ms"`
	Note  string    `json:"note"`

	Call *TestCall `json:"call,omitempty"` // of type call
}

// TestCall is what a test call met.
type TestCall struct {
	Cause   string  `json:"cause"`  // a word of text.TestCall
	Status  int     `json:"status"` // of the final response; 0: none
	Packets int     `json:"packets"`
	Lost    int     `json:"lost"`
	Jitter  float64 `json:"jitter_ms"`
	Level   float64 `json:"level_dbm0"` // the loudest that was heard; with Packets
}

// Names of commands.
const (
	Switchover       = "switchover"
	Return           = "return"
	MaintenanceStart = "maintenance-start"
	MaintenanceStop  = "maintenance-stop"
	Drain            = "drain"
	DrainStop        = "drain-stop"
)

// Command is an operator's act.
type Command struct {
	Name   string `json:"name"`
	Force  bool   `json:"force"`
	Reason string `json:"reason"`           // the operator's words, at most 500 characters
	Server string `json:"server,omitempty"` // name or role, of drain and drain-stop
	// ExpectedActive, when not empty, is the role the operator saw as active:
	// two operators cannot cross.
	ExpectedActive string `json:"expected_active"`
	Actor          string `json:"-"` // set by the server from the socket
}

// Result answers a Command. Accepted: it began (see Status). Already: there
// was nothing to do. Otherwise it is refused for Reason.
type Result struct {
	Accepted bool          `json:"accepted"`
	Already  bool          `json:"already"`
	Reason   router.Reason `json:"reason"`
	Epoch    uint64        `json:"epoch"` // after the command
}

// Acknowledgement says who takes an alarm; its cause stays.
type Acknowledgement struct {
	Number  uint16 `json:"number"`  // of the path
	Object  string `json:"object"`  // as in db.Alarm
	Comment string `json:"comment"` // at most 500 characters, may be empty
	Actor   string `json:"-"`       // set by the server
}

// Readiness is the answer of /readyz.
type Readiness struct {
	Ready bool   `json:"ready"`
	Cause string `json:"cause"`
}

// Fault is a request that was not served: RFC 9457 problem details.
type Fault struct {
	Type   string    `json:"type"` // about:blank
	Title  string    `json:"title"`
	Status int       `json:"status"`
	Code   FaultCode `json:"code"`
	// Detail is the sentence of Code in the language of Accept-Language; a Node
	// sets it to what the fault is about (a name), which then comes first.
	Detail string `json:"detail"`
}

// FaultCode is the stable name of a Fault.
type FaultCode = text.FaultCode

func (f *Fault) Error() string { return fmt.Sprintf("%s [%s]", f.Detail, f.Code) }
