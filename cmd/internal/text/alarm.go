package text

import "strings"

// Severity of an alarm (ITU-T X.733), as monitoring tools in France expect it.
type Severity string

// The severities, from the gravest.
const (
	Critical Severity = "critical"
	Major    Severity = "major"
	Minor    Severity = "minor"
	Warning  Severity = "warning"
	Notice   Severity = "indeterminate"
)

// Severity names s on a screen.
func (m Messages) Severity(s string) string {
	switch Severity(s) {
	case Critical:
		return m.say("CRITIQUE", "CRITICAL")
	case Major:
		return m.say("MAJEURE", "MAJOR")
	case Minor:
		return m.say("mineure", "minor")
	case Warning:
		return m.say("avertissement", "warning")
	case Notice:
		return m.say("information", "notice")
	}
	return s
}

// alarmText is what the screen shows of an alarm number.
type alarmText struct {
	title pair
	todo  pair // "Que faire ?": one to three plain steps for who is no SIP engineer
}

// AlarmTitle is the name of alarm number about object: a role, a name of the
// site, both ("primary / oxe"), or the node itself, which is not named.
func (m Messages) AlarmTitle(number uint16, object string) string {
	a, ok := alarms[number]
	title := m.of(a.title)
	if !ok {
		title = m.say("Alarme %d inconnue du catalogue", "Alarm %d unknown to the catalogue", number)
	}
	if object = m.alarmObject(number, object); object == "" {
		return title
	}
	return title + m.say(" (%s)", " (%s)", object)
}

// alarmObject says what an alarm is about in words; "" for what its title says.
func (m Messages) alarmObject(number uint16, object string) string {
	switch {
	case object == "" || object == "relève" || number == 1002 || number == 1005 || number == 1006:
		return ""
	case number == 1062:
		return m.Limit(object)
	case number == 1071 && object == "silence":
		return m.say("silence des alarmes", "silence of the alarms")
	}
	switch object {
	case "main":
		return m.say("base principale", "main database")
	case "mirror":
		return m.say("miroir", "mirror")
	}
	role, rest, both := strings.Cut(object, " / ")
	if both {
		return m.Role(role) + ", " + rest
	}
	return m.Role(object)
}

// AlarmTodo answers "Que faire ?".
func (m Messages) AlarmTodo(number uint16) string {
	if a, ok := alarms[number]; ok {
		return m.of(a.todo)
	}
	return m.say("Notez le numéro et appelez l'intégrateur.", "Note the number and call the integrator.")
}

// WhatToDo is the label above AlarmTodo.
func (m Messages) WhatToDo() string { return m.say("Que faire ?", "What to do?") }

// HasAlarm says whether the catalogue knows number.
func HasAlarm(number uint16) bool { _, ok := alarms[number]; return ok }
