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
	"errors"
	"time"
)

// Kind says what happened.
type Kind string

// The kinds.
const (
	Raised       Kind = "raised"
	Changed      Kind = "changed" // its severity
	Acknowledged Kind = "acknowledged"
	Reminder     Kind = "reminder" // it stands, and nobody has taken it
	Cleared      Kind = "cleared"
	Test         Kind = "test" // releve alarms test
)

// Notice is one thing to tell. Its sentences are plain text without line ends,
// except Todo, Text and Detail.
type Notice struct {
	ID       string    `json:"id"`       // unique, the same at each retry: receivers know a repetition by it
	Incident string    `json:"incident"` // the same from raised to cleared: one thread
	Kind     Kind      `json:"kind"`
	Number   uint16    `json:"number"`
	Object   string    `json:"object"`   // as in db.Alarm
	Severity string    `json:"severity"` // ITU-T X.733 word; of a cleared alarm, what it was
	Urgent   bool      `json:"urgent"`   // a night call: callers are not served, or soon will not be
	Time     time.Time `json:"time"`     // of what happened, UTC
	Site     string    `json:"site"`
	Node     string    `json:"node"` // host name of the node that tells
	Language string    `json:"language"`
	Title    string    `json:"title"`    // "Un serveur vocal ne répond plus (primary)"
	Word     string    `json:"word"`     // the severity, or "fin d'alarme", in Language
	Thread   string    `json:"thread"`   // a subject, the same for the whole incident
	Headline string    `json:"headline"` // "L'accueil automatique répond": what callers meet now
	Todo     string    `json:"todo"`     // "Que faire ?"
	Text     string    `json:"text"`     // all of it as plain text of several lines, for a mail
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

// Answerer is a Sink that knows what its receiver said to the newest Send that
// went well: one line, for who tests it.
type Answerer interface {
	Answer() string
}

// ErrPermanent marks what trying again soon will not mend, such as a recipient
// that does not exist. It is tried again all the same, but seldom.
var ErrPermanent = errors.New("refused for good")

// Later is an error of a receiver that says when it will take more: it is not
// asked before, but for MaxLater at most.
type Later struct {
	After time.Duration
	Err   error
}

// MaxLater bounds how long a receiver may put us off. Our choice: an alarm that is
// told within five minutes is still one.
const MaxLater = 5 * time.Minute

// Error implements error.
func (l *Later) Error() string { return l.Err.Error() }

// Unwrap returns Err.
func (l *Later) Unwrap() error { return l.Err }
