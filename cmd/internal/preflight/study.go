// Package preflight is the feasibility study, before anything is installed: it
// plays the IPBX towards the voice servers and a voice server towards the IPBX,
// over sockets of its own, finds out what they do, judges it, and asks what
// cannot be measured.
//
//	Plan ─ Announce ─ consent ─► Run ─► facts ─ Judge ─► findings ─► Verdict, Profile
//	                              └─ always: BYE, CANCEL, un-REGISTER, also when cut short
//
// Study, Judge and Verdict are values and pure functions. Run owns its sockets
// and goroutines and returns when they have ended; it rings nobody who was not
// named, and never registers while a licensed user is registered by another.
//
// RFC 3261 §8, §10, §12, §13, §18.1.1; RFC 3262; RFC 3311; RFC 3515; RFC 4028;
// RFC 7616; RFC 3263; RFC 4733.
package preflight

import (
	"slices"
	"time"

	"releve/cmd/internal/text"
)

// ID names what was found out; State is how it is judged.
type (
	ID    = text.StudyID
	State = text.StudyState
)

// The states.
const (
	OK          = text.StudyOK
	Info        = text.StudyInfo
	Reservation = text.StudyReservation
	NoGo        = text.StudyNoGo
	Unknown     = text.StudyUnknown
)

// Subject is what a finding is about.
type Subject string

// The subjects.
const (
	IPBX      Subject = "ipbx"
	Server    Subject = "server"
	Registrar Subject = "registrar"
	Network   Subject = "network"
	Database  Subject = "database"
	Self      Subject = "self" // this machine: releve doctor
)

// Finding is one thing found out. Values fill the sentences of package text:
// "case" picks one of several, "why" says why State is Unknown.
type Finding struct {
	ID      ID                `json:"id"`
	Subject Subject           `json:"subject"`
	Target  string            `json:"target,omitempty"` // name of the far end
	State   State             `json:"state"`
	Values  map[string]string `json:"values,omitempty"`
}

// Text says the finding in the reader's language.
func (f Finding) Text(m text.Messages) text.StudyText { return m.Study(f.ID, f.State, f.Values) }

// Question is one that was asked, with its answer.
type Question struct {
	ID     text.AskedID `json:"id"`
	Answer string       `json:"answer,omitempty"` // as given; "": nobody answered
	State  State        `json:"state"`
}

// Verdict is the end of a study.
type Verdict string

// The verdicts, with the exit codes 0 to 3.
const (
	Go           Verdict = "go"
	Reservations Verdict = "reservations"
	No           Verdict = "no-go"
	NotTestable  Verdict = "not-testable"
)

// Code is the exit code of the verb.
func (v Verdict) Code() int {
	return max(0, slices.Index([]Verdict{Go, Reservations, No, NotTestable}, v))
}

// Target is one far end of the study.
type Target struct {
	Name    string  `json:"name"`
	Subject Subject `json:"subject"`
	Role    string  `json:"role,omitempty"` // primary, secondary
	Address string  `json:"address"`        // as given
	At      string  `json:"at,omitempty"`   // where it leads
}

// Setting is one line for the configuration, and the finding it rests on.
type Setting struct {
	Key   string `json:"key"` // under ipbx[i]: dissuasion.status
	Value string `json:"value"`
	From  ID     `json:"from"`
}

// Reason is one finding or question that the verdict rests on.
type Reason struct {
	Finding  ID           `json:"finding,omitempty"`
	Question text.AskedID `json:"question,omitempty"`
	Target   string       `json:"target,omitempty"`
	State    State        `json:"state"`
}

// Study is a whole one, as printed and kept.
type Study struct {
	Site      string        `json:"site,omitempty"`
	At        time.Time     `json:"at"`
	Took      time.Duration `json:"took_ns"`
	Version   string        `json:"version,omitempty"` // of Relève
	From      string        `json:"from"`              // our address
	Targets   []Target      `json:"targets"`
	Findings  []Finding     `json:"findings"`
	Questions []Question    `json:"questions"`
	Rang      []string      `json:"rang"`    // numbers that were called
	Profile   []Setting     `json:"profile"` // what the IPBX's section should say
	Verdict   Verdict       `json:"verdict"`
	// Interrupted: somebody ended it. What is missing was not measured, and only a
	// no-go that was found before stands.
	Interrupted bool     `json:"interrupted,omitempty"`
	Reasons     []Reason `json:"reasons"`
}
