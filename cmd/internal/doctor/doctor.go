// Package doctor looks at the machine that Relève runs on, or will: ports,
// clock, descriptors, names, MTU, disk, certificate, store, keys, passwords,
// hardening; and says what to do.
//
//	Options ─Gather─▶ Facts ─Judge─▶ []Finding ─▶ Report, exit code
//
// Gather has all the I/O: it opens for a moment what Relève would open, writes
// one small file into the store's directory and takes it away, asks DNS, and
// sends nothing else. It needs no root and says what it could not see. Judge is
// pure. Nothing is kept; safe for concurrent use.
package doctor

import (
	"context"
	"time"

	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
)

// State is how a finding is judged.
type State = text.StudyState

// Finding is one thing seen. Values fill the sentence; "case" picks one.
type Finding struct {
	ID     text.DoctorID     `json:"id"`
	State  State             `json:"state"`
	Values map[string]string `json:"values,omitempty"`
}

// Text says the finding in the reader's language.
func (f Finding) Text(m text.Messages) text.StudyText { return m.Doctor(f.ID, f.State, f.Values) }

// Store is what there is to know of Relève's database.
type Store struct {
	Missing        bool   // none yet
	Unseen         string // why it could not be looked at; empty: it was
	Fault          string // what is wrong with it, and the remedy; empty: nothing
	Schema, Newest int
	Bytes          int64
	Where          string // of a database elsewhere, without its password; empty: a file
}

// Options say what to look at.
type Options struct {
	Config *config.Config
	// Problems are those of the file, Path its name.
	Problems []config.Problem
	Path     string
	Program  string // base name of our own program: who of that name holds a port is Relève
	Messages text.Messages

	// Store looks at the database; only the wiring may open one.
	Store func(context.Context, *config.Config) Store
	// Running asks who serves at the admin socket: its version; "": nobody.
	Running func(context.Context) string
}

// Report is what the verb prints as JSON.
type Report struct {
	At       time.Time `json:"at"`
	State    State     `json:"state"` // the worst of the findings
	Findings []Finding `json:"findings"`
}

// Exit codes of the verb.
const (
	ExitWell         = 0
	ExitReservations = 1
	ExitNoGo         = 2
	ExitUnable       = 3 // nothing could be looked at
)

// Look gathers and judges.
func Look(ctx context.Context, o Options) Report {
	f := Gather(ctx, o)
	r := Report{At: f.Now, Findings: Judge(f)}
	r.State = Worst(r.Findings)
	return r
}

// Worst is the worst state among findings: what was not seen, and what is only
// worth knowing, is none.
func Worst(findings []Finding) State {
	worst := text.StudyOK
	for _, f := range findings {
		switch {
		case f.State == text.StudyNoGo:
			return text.StudyNoGo
		case f.State == text.StudyReservation:
			worst = text.StudyReservation
		}
	}
	return worst
}

// Count counts the findings in a state.
func (r Report) Count(state State) (n int) {
	for _, f := range r.Findings {
		if f.State == state {
			n++
		}
	}
	return n
}

// Exit is the exit code.
func (r Report) Exit() int {
	switch r.State {
	case text.StudyNoGo:
		return ExitNoGo
	case text.StudyReservation:
		return ExitReservations
	}
	return ExitWell
}
