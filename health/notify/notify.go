// Package notify tells people and machines outside of an alarm: mail, SNMP
// traps, webhooks, syslog, executable hooks. It is given sentences that are
// already rendered in the site's language (the application has the catalogue);
// it renders nothing itself.
//
// A Sink is one receiver. It may hang, refuse or answer garbage: every Send has
// a deadline, and none is ever in the way of a call.
package notify

import (
	"context"
	"time"
)

// Kind says what happened.
type Kind string

// The kinds.
const (
	Raised       Kind = "raised"
	Changed      Kind = "changed" // its severity
	Acknowledged Kind = "acknowledged"
	Cleared      Kind = "cleared"
	Test         Kind = "test" // releve alarms test
)

// Notice is one thing to tell. Its sentences are plain text without line ends,
// except Todo and Detail.
type Notice struct {
	ID       string    `json:"id"`       // unique, the same at each retry: receivers know a repetition by it
	Incident string    `json:"incident"` // the same from raised to cleared: one thread
	Kind     Kind      `json:"kind"`
	Number   uint16    `json:"number"`
	Object   string    `json:"object"`   // as in db.Alarm
	Severity string    `json:"severity"` // ITU-T X.733 word; of a cleared alarm, what it was
	Time     time.Time `json:"time"`     // of what happened, UTC
	Site     string    `json:"site"`
	Node     string    `json:"node"` // host name of the node that tells
	Language string    `json:"language"`
	Title    string    `json:"title"`    // "Un serveur vocal ne répond plus (primary)"
	Word     string    `json:"word"`     // the severity, or "fin d'alarme", in Language
	Headline string    `json:"headline"` // "L'accueil automatique répond": what callers meet now
	Todo     string    `json:"todo"`     // "Que faire ?"
	Detail   string    `json:"detail,omitempty"`
	Contacts []string  `json:"contacts,omitempty"` // whom to call, rendered
	By       string    `json:"by,omitempty"`       // who acknowledged
	Note     string    `json:"note,omitempty"`     // and what they said
}

// Sink is one receiver. Send delivers all of the notices or returns an error;
// what was delivered before an error may come again, with the same ID. It ends
// when ctx does. A Sink is used by one goroutine at a time.
type Sink interface {
	Send(ctx context.Context, notices []Notice) error
}
