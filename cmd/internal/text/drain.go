package text

import "time"

// Drained answers drain: how many calls the server still holds.
func (m Messages) Drained(server string, calls int) string {
	if calls == 0 {
		return m.say("Plus aucun nouvel appel n'est envoyé à « %s », et il n'en tient aucun. « releve drain stop » y met fin.",
			"No new call goes to %q, and it holds none. \"releve drain stop\" ends it.", server)
	}
	return m.say("Plus aucun nouvel appel n'est envoyé à « %s » ; appels encore en cours : %d. « releve drain stop » y met fin.",
		"No new call goes to %q; calls still in progress: %d. \"releve drain stop\" ends it.", server, calls)
}

// Undrained answers drain stop.
func (m Messages) Undrained(server string) string {
	return m.say("« %s » peut de nouveau recevoir des appels.", "%q may receive calls again.", server)
}

// DrainedServer stands in the status beside a server that an operator drains.
func (m Messages) DrainedServer() string {
	return m.say("ne reçoit plus d'appels (drain)", "drained")
}

// DataAge is the line of the status about the secondary's data; d below 0: never
// recorded.
func (m Messages) DataAge(d time.Duration) string {
	if d < 0 {
		return m.say("Données du secours : âge inconnu, aucune copie notée", "Secondary's data: age unknown, no copy recorded")
	}
	return m.say("Données du secours : copiées il y a %s", "Secondary's data: copied %s ago", m.Ago(d))
}

// ExerciseRuns heads the status while a drill runs.
func (m Messages) ExerciseRuns() string { return m.say("EXERCICE", "EXERCISE") }
