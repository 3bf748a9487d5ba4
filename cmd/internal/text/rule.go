package text

import (
	"fmt"
	"strings"
	"time"
)

// Rule says what the rule of a round looks at and concludes.
func (m Messages) Rule(n int) string {
	if n < 0 || n >= len(rules) {
		return fmt.Sprintf("R%d", n)
	}
	return m.say("R%d : %s", "R%d: %s", n, m.of(rules[n]))
}

var rules = [...]pair{
	0:  {"Relève elle-même est ralentie ou coupée : elle ne conclut rien", "Relève itself is slowed down or cut off: it concludes nothing"},
	1:  {"tout est muet à la fois : c'est Relève qui est isolée", "everything is silent at once: it is Relève that is isolated"},
	2:  {"l'IPBX ne donne plus signe de vie, le serveur si : l'IPBX est en cause", "the IPBX shows no sign of life, the server does: the IPBX is at fault"},
	3:  {"le port SIP est fermé : le programme ne tourne plus", "the SIP port is closed: the program does not run"},
	4:  {"muet, mais un appel vient d'être servi : il est lent", "silent, but a call was served just now: it is slow"},
	5:  {"muet d'ici, vu par l'autre nœud : c'est le réseau", "silent from here, seen by the other node: it is the network"},
	6:  {"muet, sa machine répond : le programme ne tourne plus", "silent, its machine answers: the program does not run"},
	7:  {"muet, sa machine aussi, l'autre nœud le confirme", "silent, its machine too, and the other node says so"},
	8:  {"muet, et personne d'autre pour le confirmer : plus de vérifications sont demandées", "silent, and nobody else to say so: more rounds are wanted"},
	9:  {"répond aux vérifications, mais pas aux appels", "answers checks, but not calls"},
	10: {"occupé", "busy"},
	11: {"répond par des erreurs", "answers with failures"},
	12: {"répond plus lentement que d'habitude", "answers more slowly than it used to"},
	13: {"répond normalement", "answers as it should"},
	14: {"rien n'est prouvé", "nothing is proven"},
}

// VerificationOf is the first line about a verification.
func (m Messages) VerificationOf(server, cause string) string {
	return capital(fill(m.of(events[EventVerificationStarted]), map[string]string{
		"server": m.param("server", server), "cause": m.cause(cause),
	}))
}

// Tried names the settings that a replay used.
func (m Messages) Tried(count, extra int, timeout time.Duration, switchOn []string) string {
	on := strings.Join(switchOn, ", ")
	if on == "" {
		on = m.say("rien", "nothing")
	}
	return m.say("Avec count: %d, alone_extra: %d, timeout: %s, switch_on: [%s]", "With count: %d, alone_extra: %d, timeout: %s, switch_on: [%s]",
		count, extra, Short(timeout), on)
}

// ReplayOutcome says what the replay decided after so many rounds.
func (m Messages) ReplayOutcome(outcome string, rounds int) string {
	switch outcome {
	case "confirmed":
		return m.say("panne confirmée après %d vérification(s) : bascule", "dysfunction confirmed after %d round(s): switchover", rounds)
	case "refused":
		return m.say("pas de bascule, après %d vérification(s)", "no switchover, after %d round(s)", rounds)
	}
	return m.say("rien n'est décidé après les %d vérification(s) gardées : d'autres auraient suivi", "nothing is decided after the %d round(s) kept: more would have followed", rounds)
}

// ReportTitle heads a report.
func (m Messages) ReportTitle(site, since, until string) string {
	return m.say("%s : du %s au %s", "%s: from %s to %s", site, since, until)
}

// ReportMode says whether Relève acts or observes; what a level does not do, act does
// not change.
func (m Messages) ReportMode(level string, act bool) string {
	switch {
	case level == "base" || level == "mirroring":
		return m.say("Niveau %s : il n'y a qu'un serveur vocal, rien ne bascule.", "Level %s: there is one voice server, nothing switches.", level)
	case level == "backup":
		return m.say("Niveau backup : seul un opérateur bascule.", "Level backup: only an operator switches over.")
	case act:
		return m.say("Relève agit : elle bascule et refuse (act: true).", "Relève acts: it switches over and refuses (act: true).")
	}
	return m.say("Relève observe (act: false) : elle dit ce qu'elle aurait fait, et ne fait rien.", "Relève observes (act: false): it says what it would have done, and does nothing.")
}

// Report sums up one figure of a report.
func (m Messages) Report(key string, n int64) string {
	p, ok := reportLines[key]
	if !ok {
		return fmt.Sprintf("%s %d", key, n)
	}
	return m.say(p.fr, p.en, n)
}

// The lines of a report, by key; %d is the figure.
var reportLines = map[string]pair{
	"offered":        {"%d appels présentés", "%d calls offered"},
	"answered":       {"%d servis", "%d answered"},
	"rescued":        {"%d servis par les opérateurs", "%d answered by the operators"},
	"dissuaded":      {"%d refusés (dissuasion)", "%d refused (dissuasion)"},
	"cancelled":      {"%d abandonnés par l'appelant", "%d given up by the caller"},
	"refused":        {"%d refusés par le serveur ou l'IPBX", "%d refused by the server or the IPBX"},
	"failed":         {"%d en échec", "%d failed"},
	"lost":           {"%d perdus", "%d lost"},
	"outgoing":       {"%d appels sortants", "%d outgoing calls"},
	"held":           {"%d gardés en attente pendant une vérification", "%d held during a verification"},
	"verifications":  {"%d vérifications", "%d verifications"},
	"switchovers":    {"%d bascules", "%d switchovers"},
	"would-switch":   {"%d bascules auraient eu lieu", "%d switchovers would have been made"},
	"would-overflow": {"%d appels auraient débordé (gardés, puis rendus ou remis au secours)", "%d calls would have overflowed (held, then given back or to the secondary)"},
	"withheld":       {"%d bascules confirmées n'ont pas eu lieu (secours pas prêt, niveau…)", "%d confirmed switchovers were not made (secondary not ready, level…)"},
}
