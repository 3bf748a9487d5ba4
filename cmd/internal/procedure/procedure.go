// Package procedure holds the guided procedures: checklists as data, a pure
// engine that walks them, and the little that performs a step.
//
//	Checklist ─► Run.Next ─► perform: look, ask, act or tell ─► Run.Settle ─► … ─► admin.Procedure
//
// A step is verified by Relève (from what the node shows, and by probes), asked
// of the operator, done by Relève (a command), or told. What has to hold and does
// not ends the run before anything was changed (refused) or after (failed); the
// operator may override what has to hold before a change, with a reason, and the
// record says so. Nothing answers a question for the operator.
//
// Checklist and Run are pure: no clock, no I/O. Perform does the I/O through Node
// (the admin API) and Operator (a terminal, or a file of answers); it belongs to
// one goroutine.
package procedure

import (
	"strconv"
	"strings"
	"time"

	"releve/cmd/internal/admin"
)

// Kind says who settles a step.
type Kind string

// The kinds.
const (
	Verified Kind = "verified" // by Relève
	Asked    Kind = "asked"    // of the operator
	Done     Kind = "done"     // by Relève
	Told     Kind = "told"     // nothing has to hold
)

// Act is what a step of kind Done does.
type Act uint8

// The acts.
const (
	NoAct Act = iota
	Switchover
	Return
	Undrain // the server that the checklist is about
	Copy    // notes when the data were copied
)

// Patience says how long a verified step is looked at again before it fails.
type Patience uint8

// Once: looked at once. Short: a server that starts, a counter that fills
// (Options.Wait). Calls: calls that end by themselves (Options.Calls). Call: one
// that somebody makes (Options.Call).
const (
	Once Patience = iota
	Short
	Calls
	Call
)

// Finding is what a look found: key=value, by spaces, for text.Found.
type Finding struct {
	OK    bool
	Found string
}

// Facts are what a step may look at; a picture, never changed by a step.
type Facts struct {
	Status  admin.Status
	Licence admin.Licence
	Probe   admin.Probe // of the step's Probe
	Served  bool        // the step's Calls: a real call was answered by it since the change
	Mirror  *admin.Mirror
	Quiet   int       // calls that are few enough; below 0: not asked for
	Copied  time.Time // when the data were copied, as the operator says

	Window string // of a drill, as it was given
	Inside bool   // the time is within Window
	Hold   time.Duration
	Limit  int // calls in progress that a drill takes
}

// Step is one line of a checklist.
type Step struct {
	ID       string // of text.ProcedureStep, and of answers
	Kind     Kind
	Need     bool // what does not hold ends the run, or is overridden
	Patience Patience
	Probe    string // role that is probed before each look
	Calls    string // role whose real calls are looked for
	Act      Act
	When     func(*Facts) bool // nil: always
	Check    func(*Facts) Finding
}

// Checklist is one procedure.
type Checklist struct {
	Name     string // as admin.Procedure
	From, To string // roles: who gives calls up, who takes them
	Server   string // role that it is about
	Steps    []Step
}

// Params are what the sentences of the steps name.
func (l *Checklist) Params(f *Facts) map[string]string {
	p := map[string]string{
		"from": f.server(l.From).Name, "to": f.server(l.To).Name, "server": f.server(l.Server).Name,
		"version": f.server(l.Server).Version, "lines": f.analogue(), "window": f.Window, "hold": f.Hold.String(),
	}
	p["limit"] = strconv.Itoa(f.Quiet)
	if l.Name == admin.ProcedureDrill {
		p["limit"] = strconv.Itoa(f.Limit)
	}
	if !f.Copied.IsZero() {
		p["at"] = f.Copied.Format("2006-01-02 15:04")
	}
	if f.Mirror != nil {
		p["main"], p["mirror"] = f.Mirror.Main.Address, f.Mirror.Mirror.Address
	}
	return p
}

// server is that of a role; its Name is the role where there is none.
func (f *Facts) server(role string) admin.Server {
	for _, s := range f.Status.Servers {
		if s.Role == role {
			return s
		}
	}
	return admin.Server{Name: role, Role: role}
}

// analogue names the gateways, and the servers with lines of their own.
func (f *Facts) analogue() string {
	var out []string
	for _, x := range f.Status.IPBX {
		if x.Gateway {
			out = append(out, x.Name)
		}
	}
	for _, s := range f.Status.Servers {
		if s.Analogue > 0 {
			out = append(out, s.Name)
		}
	}
	return strings.Join(out, ", ")
}

func (f *Facts) backup() bool { return f.Status.Level == "backup" }

// registers: somebody is registered at an IPBX for the servers.
func (f *Facts) registers() bool {
	return f.Licence.Mode != "trunk" && f.Licence.Mode != "" && f.Licence.Mode != "hold"
}

// callCheck: a test call is configured.
func (f *Facts) callCheck() bool {
	for _, s := range f.Status.Servers {
		for _, c := range s.Checks {
			if c.Type == "call" {
				return true
			}
		}
	}
	return false
}

func yes(found string) Finding { return Finding{true, found} }
func no(found string) Finding  { return Finding{false, found} }

func when(ok bool, good, bad string) Finding {
	if ok {
		return yes(good)
	}
	return no(bad)
}
