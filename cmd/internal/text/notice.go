package text

import (
	"strings"
	"time"
)

// What is sent about an alarm: mails, traps, hooks.

// NoticeWord names what a notice tells: the severity of an alarm that came, else
// what became of it. kind is a word of package notify.
func (m Messages) NoticeWord(kind, severity string) string {
	switch kind {
	case "cleared":
		return m.say("fin d'alarme", "end of alarm")
	case "acknowledged":
		return m.say("acquittée", "acknowledged")
	case "reminder":
		return m.say("rappel", "reminder")
	case "test":
		return m.say("essai", "test")
	}
	return m.Severity(severity)
}

// NoticeThread is the subject of an incident, from its first notice to its end.
func (m Messages) NoticeThread(site string, number uint16, severity, title string) string {
	return m.say("[Relève %s] %s %d %s", "[Relève %s] %s %d %s", site, m.Severity(severity), number, title)
}

// TestThread is the subject of a test.
func (m Messages) TestThread(site string) string {
	return m.say("[Relève %s] Essai des alarmes", "[Relève %s] Test of the alarms", site)
}

// TestTitle is what a test says.
func (m Messages) TestTitle() string {
	return m.say("Essai : les alarmes de Relève arrivent ici", "Test: Relève's alarms arrive here")
}

// TestTodo answers "Que faire ?" about a test.
func (m Messages) TestTodo() string {
	return m.say("Rien : ce message prouve que le destinataire est joint.", "Nothing: this message proves that the receiver is reached.")
}

// Written is what the text of a notice is made of; sentences are rendered already.
type Written struct {
	Kind, Word, Title, Headline, Todo, Detail string
	Number                                    uint16
	Raised, At                                time.Time // in the zone of the reader
	By, Note                                  string    // of an acknowledgement
	Object                                    string    // as the command line takes it
	Severity                                  string
	Site, Node                                string
	Contacts                                  []string
}

// NoticeText is a notice as plain text of several lines: what happened, what
// callers meet now, what to do, whom to call.
func (m Messages) NoticeText(w Written) string {
	var b strings.Builder
	line := func(s string) { b.WriteString(s + "\n") }
	if w.Kind == "test" { // it is no alarm
		line(w.Word + " — " + w.Title)
	} else {
		line(m.say("%s — alarme %d : %s", "%s — alarm %d: %s", w.Word, w.Number, w.Title))
	}
	if w.Detail != "" {
		line(w.Detail)
	}
	if w.Headline != "" {
		line(m.say("Pour les appelants : %s.", "For callers: %s.", w.Headline))
	}
	over := w.Kind == "cleared"
	if w.Kind != "test" {
		line("")
	}
	switch {
	case w.Kind == "test":
	case over && !w.Raised.IsZero():
		line(m.say("Depuis le %s, jusqu'au %s (%s).", "From %s to %s (%s).", m.moment(w.Raised), m.moment(w.At), m.Ago(w.At.Sub(w.Raised))))
	default:
		line(m.say("Depuis le %s.", "Since %s.", m.moment(w.Raised)))
	}
	if w.By != "" {
		line(m.say("Prise en charge par %s. La panne continue.", "Taken by %s. The fault goes on.", w.By))
	}
	if w.Note != "" {
		line(m.say("Commentaire : %s", "Comment: %s", w.Note))
	}
	if !over {
		line("")
		line(m.WhatToDo())
		line("  " + w.Todo)
	}
	if len(w.Contacts) > 0 && !over {
		line("")
		line(m.Line(m.Label("contacts"), strings.Join(w.Contacts, ", ")))
	}
	if w.By == "" && (w.Kind == "raised" || w.Kind == "changed" || w.Kind == "reminder") {
		line("")
		line(m.say("Acquitter (la panne continue) : releve alarmes acquitter %d --object \"%s\" --comment \"…\"",
			"Acknowledge (the fault goes on): releve alarms ack %d --object \"%s\" --comment \"…\"", w.Number, w.Object))
	}
	line("")
	b.WriteString(m.say("Relève téléphonie, %s (%s)", "Relève, %s (%s)", w.Site, w.Node))
	return b.String()
}

// moment is a date and a time to the second.
func (m Messages) moment(t time.Time) string {
	if m.Lang() == English {
		return t.Format("2006-01-02 15:04:05")
	}
	return t.Format("02/01/2006 15:04:05")
}
