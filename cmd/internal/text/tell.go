package text

import "strings"

// The sentences about who is told of alarms.

// NoAlarmNumber is a usage error.
func (m Messages) NoAlarmNumber(s string) string {
	return m.say("« %s » n'est pas un numéro d'alarme (1001, 1002, …) ; « releve alarmes » les montre.",
		"%q is not the number of an alarm (1001, 1002, …); \"releve alarms\" shows them.", s)
}

// WhichObject is a usage error: several alarms of that number stand.
func (m Messages) WhichObject(n uint16, objects []string) string {
	return m.say("plusieurs alarmes %d sont actives : précisez laquelle avec --object (%s).",
		"several alarms %d stand: say which one with --object (%s).", n, strings.Join(objects, " | "))
}

// Acknowledged answers alarms ack.
func (m Messages) Acknowledged(n uint16, object string) string {
	return m.say("Alarme %d acquittée : %s. La panne continue.", "Alarm %d acknowledged: %s. The fault goes on.", n, m.AlarmTitle(n, object))
}

// TakenBy follows an alarm that was acknowledged.
func (m Messages) TakenBy(by, when, note string) string {
	s := m.say("Acquittée par %s à %s", "Acknowledged by %s at %s", by, when)
	if note != "" {
		s = m.Line(s, note)
	}
	return s
}

// NoReceiver: nobody is told.
func (m Messages) NoReceiver() string {
	return m.say("Personne n'est prévenu des alarmes : la section alarms de la configuration est vide.",
		"Nobody is told of alarms: section alarms of the configuration is empty.")
}

// ReceiverCounts sums up a receiver since the start.
func (m Messages) ReceiverCounts(sent uint64, waiting int, dropped uint64) string {
	s := m.say("%d envoyées, %d à transmettre", "%d sent, %d waiting", sent, waiting)
	if dropped > 0 {
		s += m.say(", %d abandonnées", ", %d given up", dropped)
	}
	return s
}

// ReceiverState says how the newest sending went.
func (m Messages) ReceiverState(down bool, cause string) string {
	switch {
	case down:
		return m.say("PAS JOINT : %s", "NOT REACHED: %s", cause)
	case cause != "":
		return m.say("dernier essai : %s", "last attempt: %s", cause)
	}
	return ""
}

// Tested says how a test went.
func (m Messages) Tested(ok bool) string {
	if ok {
		return m.say("reçu", "taken")
	}
	return m.say("PAS REÇU", "NOT TAKEN")
}

// Silence says in which time alarms are not sent.
func (m Messages) Silence(id uint32, open bool, start, end, by, reason string, all bool) string {
	state := m.say("prévu", "planned")
	if open {
		state = m.say("EN COURS", "OPEN")
	}
	s := m.say("Silence %d %s, de %s à %s (%s) : %s. Les alarmes sont notées et montrées, pas envoyées",
		"Silence %d %s, from %s to %s (%s): %s. Alarms are recorded and shown, not sent", id, state, start, end, by, reason)
	if !all {
		s += m.say(", sauf 1002", ", but for 1002")
	}
	return s + "."
}

// SilencesEnded answers alarms resume.
func (m Messages) SilencesEnded(n int) string {
	return m.say("%d silence(s) terminé(s) : ce qui est encore actif est envoyé.", "%d silence(s) ended: what still stands is sent.", n)
}
