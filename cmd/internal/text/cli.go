package text

import (
	"fmt"
	"strings"
	"time"
)

// The words and sentences of the command line.

// Usage, Commands, Options, Aliases are the headings of a help page.
func (m Messages) Usage() string { return m.say("Emploi :", "Usage:") }

// Commands heads the list of verbs.
func (m Messages) Commands() string { return m.say("Commandes :", "Commands:") }

// Options heads the list of options.
func (m Messages) Options() string { return m.say("Options :", "Options:") }

// Aliases heads the other names of a verb.
func (m Messages) Aliases() string { return m.say("Autres noms :", "Aliases:") }

// MoreHelp ends a help page.
func (m Messages) MoreHelp() string {
	return m.say("« releve help COMMANDE » en dit plus.", "\"releve help COMMAND\" says more.")
}

// FirstSteps is shown by releve alone.
func (m Messages) FirstSteps() string {
	return m.say(
		"Pour commencer :\n  releve config init > releve.yaml    écrire une configuration commentée\n  releve config check -c releve.yaml  la vérifier\n  releve serve -c releve.yaml         démarrer\n  releve etat                         voir qui répond",
		"To begin:\n  releve config init > releve.yaml    write a commented configuration\n  releve config check -c releve.yaml  check it\n  releve serve -c releve.yaml         start\n  releve status                       see who answers")
}

// UnknownCommand is a usage error.
func (m Messages) UnknownCommand(name string, guesses []string) string {
	guess := ""
	if len(guesses) > 0 {
		guess = guesses[0]
	}
	return m.say("commande inconnue « %s ».", "unknown command %q.", name) + m.guess(guess)
}

// UnknownFlag is a usage error.
func (m Messages) UnknownFlag(name string) string {
	return m.say("option inconnue %s.", "unknown option %s.", name)
}

// FlagNeedsValue is a usage error.
func (m Messages) FlagNeedsValue(name string) string {
	return m.say("l'option %s attend une valeur.", "option %s wants a value.", name)
}

// FlagBadValue is a usage error.
func (m Messages) FlagBadValue(name, value string) string {
	return m.say("option %s : « %s » n'est pas compris.", "option %s: %q is not understood.", name, value)
}

// WrongArguments is a usage error: use is the line of usage.
func (m Messages) WrongArguments(use string) string {
	return m.say("emploi : releve %s", "usage: releve %s", use)
}

// Unreachable says that the daemon does not answer.
func (m Messages) Unreachable(socket string) string {
	return m.say("Relève ne répond pas sur %s. Est-elle démarrée ? « systemctl status releve » le dit ; --socket donne une autre adresse, et il faut être du groupe releve.",
		"Relève does not answer on %s. Is it running? \"systemctl status releve\" tells; --socket gives another address, and you must be in group releve.", socket)
}

// Failed introduces an error that has no sentence of its own.
func (m Messages) Failed(cause string) string {
	return m.say("Échec : %s", "Failed: %s", cause)
}

// AddressTaken says why serve does not start: another program has our port.
func (m Messages) AddressTaken(address string) string {
	return m.say("l'adresse %[1]s est déjà prise par un autre programme (« ss -lunpt » dit lequel) : arrêtez-le, ou corrigez listen dans la configuration.",
		"the address %[1]s is taken by another program (\"ss -lunpt\" tells which): stop it, or correct listen in the configuration.", address)
}

// AddressElsewhere says why serve does not start: no interface has the address.
func (m Messages) AddressElsewhere(address string) string {
	return m.say("cette machine n'a pas l'adresse %[1]s (« ip address » montre les siennes) : corrigez listen dans la configuration, ou attendez que le réseau soit prêt.",
		"this machine does not have the address %[1]s (\"ip address\" shows its own): correct listen in the configuration, or wait until the network is up.", address)
}

// PortDenied says why serve does not start: a port below 1024 without the right.
func (m Messages) PortDenied(address string) string {
	return m.say("l'adresse %s est refusée à cet utilisateur : un port inférieur à 1024 demande le droit CAP_NET_BIND_SERVICE (AmbientCapabilities=CAP_NET_BIND_SERVICE dans l'unité systemd) ; donnez-le, ou choisissez un autre port dans listen.",
		"the address %s is denied to this user: a port below 1024 needs the right CAP_NET_BIND_SERVICE (AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit); give it, or choose another port in listen.", address)
}

// AlreadyServing says why serve does not start: another one uses the same store.
func (m Messages) AlreadyServing() string {
	return m.say("une autre Relève tourne déjà avec ce dossier de données (« systemctl status releve ») : arrêtez-la d'abord.",
		"another Relève is running with this data directory (\"systemctl status releve\"): stop that one first.")
}

// EndedByFault says why serve ended by itself.
func (m Messages) EndedByFault() string {
	return m.say("une erreur interne a arrêté les décisions de Relève : elle s'arrête pour être redémarrée. Envoyez le journal à l'intégrateur.",
		"an internal fault stopped Relève's decisions: it ends so that it is started again. Send the journal to the integrator.")
}

// ConfigGood ends config check.
func (m Messages) ConfigGood(file string, advice int) string {
	if advice > 0 {
		return m.say("%s : configuration correcte, %d conseil(s) ci-dessus.",
			"%s: the configuration is correct, %d piece(s) of advice above.", file, advice)
	}
	return m.say("%s : configuration correcte.", "%s: the configuration is correct.", file)
}

// ConfigBad ends config check, and serve.
func (m Messages) ConfigBad(file string, faults int) string {
	return m.say("%s : %d faute(s).", "%s: %d fault(s).", file, faults)
}

// WorstMove states how long a move of the registration may take here, which IPBX
// grants the longest, and how that is known.
func (m Messages) WorstMove(d time.Duration, ipbx string, grant time.Duration, grounds string) string {
	if d == 0 {
		return m.say("Déplacement de l'enregistrement SIP : immédiat, aucun n'est à défaire d'abord.",
			"Move of the registration: at once, none has to be undone first.")
	}
	return m.say("Déplacement de l'enregistrement SIP, au pire : %s. L'IPBX « %s » accorde jusqu'à %s (%s) : tant qu'il ne prouve pas le départ de l'ancien, une bascule attend la fin de cette durée ; quand il le prouve, environ une seconde suffit.",
		"Move of the registration, at worst: %s. IPBX %q grants up to %s (%s): while it does not prove that the former one is gone, a switchover waits until that time is over; when it does, about a second is enough.",
		m.Ago(d), ipbx, m.Ago(grant), m.GrantGrounds(grounds))
}

// GrantGrounds says how it is known what an IPBX grants at most.
func (m Messages) GrantGrounds(grounds string) string {
	if p, ok := grantGrounds[grounds]; ok {
		return m.of(p)
	}
	return grounds
}

var grantGrounds = map[string]pair{
	"stated":  {"max_grant, d'après le fichier", "max_grant, as the file says"},
	"profile": {"d'après le profil ; max_grant le précise", "as the profile says; max_grant may say better"},
	"learnt":  {"constaté à cet IPBX", "as this IPBX was seen to do"},
	"assumed": {"supposé, tant que Relève n'a pas vu ce qu'il accorde ; max_grant le fixe", "assumed, until Relève has seen what it grants; max_grant states it"},
}

// Observing says that nothing will switch.
func (m Messages) Observing() string {
	return m.say("Observation (act: false) : tout est noté, rien ne bascule.",
		"Observation (act: false): everything is recorded, nothing switches.")
}

// Consequences is printed before a switchover or a return.
func (m Messages) Consequences(command, from, to string, calls int) string {
	move := m.say("Les nouveaux appels et l'enregistrement SIP passeront de « %s » à « %s ».",
		"New calls and the registration will move from %q to %q.", from, to)
	stay := m.say("%s en cours resteront sur « %s » jusqu'à leur fin.",
		"%s in progress will stay on %q until they end.", m.Calls(calls), from)
	if calls == 0 {
		stay = m.say("Aucun appel en cours.", "No call in progress.")
	}
	if calls == 1 {
		stay = m.say("1 appel en cours restera sur « %s » jusqu'à sa fin.",
			"1 call in progress will stay on %q until it ends.", from)
	}
	return capital(m.Command(command)) + ".\n" + move + "\n" + stay
}

// NotReady warns before a switchover.
func (m Messages) NotReady(server string) string {
	return m.say("ATTENTION : « %s » n'est pas prêt.", "WARNING: %q is not ready.", server)
}

// Stability shows the progress before a return.
func (m Messages) Stability(server string, k, n int) string {
	return m.say("Stabilité de « %s » : %d/%d.", "Stability of %q: %d/%d.", server, k, n)
}

// AskReason, AskName are prompts; they end with a space.
func (m Messages) AskReason() string { return m.say("Motif : ", "Reason: ") }

// AskName asks to type the name of the server that becomes active.
func (m Messages) AskName(server string) string {
	return m.say("Confirmer ? Tapez « %s » : ", "Confirm? Type %q: ", server)
}

// GivenUp: the operator did not confirm.
func (m Messages) GivenUp() string {
	return m.say("Abandonné, rien n'a changé.", "Given up, nothing has changed.")
}

// NeedYes: no one is there to confirm.
func (m Messages) NeedYes() string {
	return m.say("sans personne pour confirmer, donnez -y et --reason.",
		"with nobody to confirm, give -y and --reason.")
}

// NeedReason: -y goes with --reason.
func (m Messages) NeedReason() string {
	return m.say("donnez le motif : --reason \"…\".", "give the reason: --reason \"…\".")
}

// CommandDone, CommandPending, CommandAlready, CommandRefused end a command.
func (m Messages) CommandDone(command, active string) string {
	return m.say("Fait (%s) : « %s » est actif.", "Done (%s): %q is active.", m.Command(command), active)
}

// CommandPending: accepted, not finished within --wait.
func (m Messages) CommandPending(command string) string {
	return m.say("Accepté (%s), pas encore terminé ; suivez avec « releve etat ».",
		"Accepted (%s), not finished yet; follow it with \"releve status\".", m.Command(command))
}

// CommandAlready: nothing to do.
func (m Messages) CommandAlready(command string) string {
	return m.say("Déjà fait (%s), rien à changer.", "Already so (%s), nothing to change.", m.Command(command))
}

// CommandRefused gives the reason.
func (m Messages) CommandRefused(command, reason string) string {
	return m.say("Refusé (%s). %s", "Refused (%s). %s", m.Command(command), reason)
}

// MaintenanceOn and MaintenanceOff answer maintenance start and stop.
func (m Messages) MaintenanceOn() string {
	return m.say("Maintenance commencée : les rôles sont figés, rien ne basculera. « releve maintenance stop » y met fin.",
		"Maintenance started: roles are frozen, nothing will switch. \"releve maintenance stop\" ends it.")
}

// MaintenanceOff answers maintenance stop.
func (m Messages) MaintenanceOff() string {
	return m.say("Maintenance terminée.", "Maintenance ended.")
}

// NoCall: nothing matches.
func (m Messages) NoCall(filter string) string {
	if filter == "" {
		return m.say("Aucun appel.", "No call.")
	}
	return m.say("Aucun appel ne correspond à « %s ».", "No call matches %q.", filter)
}

// NoEvent: the journal says nothing in that time.
func (m Messages) NoEvent() string {
	return m.say("Rien au journal pour cette période.", "Nothing in the journal for this time.")
}

// NoAlarm: all is well.
func (m Messages) NoAlarm() string { return m.say("Aucune alarme.", "No alarm.") }

// ReadySentence answers releve ready; cause is for monitoring, in English.
func (m Messages) ReadySentence(ready bool, cause string) string {
	if ready {
		return m.say("Prêt : ce nœud peut prendre des appels.", "Ready: this node may take calls.")
	}
	return m.say("Pas prêt : %s", "Not ready: %s", cause)
}

// Line is "label: value" with the spaces of the language.
func (m Messages) Line(label, value string) string {
	return label + m.say(" : ", ": ") + value
}

// Counted is one line of the counters: n calls of each outcome.
func (m Messages) Counted(offered, answered, dissuaded, cancelled, rescued, refused, failed, lost uint64) string {
	return m.say("%d présentés, %d servis, %d renvoyés (dissuasion), %d abandonnés, %d aux opérateurs, %d refusés, %d échoués, %d perdus (compteurs depuis le démarrage)",
		"%d offered, %d answered, %d dissuaded, %d cancelled, %d rescued, %d refused, %d failed, %d lost (counted since the start)",
		offered, answered, dissuaded, cancelled, rescued, refused, failed, lost)
}

// RegistrationMode explains a mode in words.
func (m Messages) RegistrationMode(mode string) string {
	switch mode {
	case "trunk":
		return m.say("trunk (par adresse, sans enregistrement)", "trunk (by address, no registration)")
	case "gate":
		return m.say("gate (l'enregistrement du serveur actif passe par Relève, celui du passif s'arrête ici)", "gate (the active server's registration goes through Relève, the passive one's ends here)")
	case "pair":
		return m.say("pair (l'utilisateur du principal ou celui du secours)", "pair (the primary's user or the secondary's)")
	case "hold":
		return m.say("hold (un seul utilisateur pour les deux)", "hold (one user for both)")
	}
	return mode
}

// Fenced follows the phase of a move that waits for the end of a binding which
// the IPBX does not prove gone.
func (m Messages) Fenced(leaving string, left time.Duration) string {
	return m.say(" ; %s peut être encore enregistré pendant %s au plus",
		"; %s may still be registered, for %s at most", leaving, m.Ago(left))
}

// LicencePhase names a step of the move.
func (m Messages) LicencePhase(phase string) string {
	switch phase {
	case "idle":
		return m.say("personne n'est enregistré", "nobody is registered")
	case "bound":
		return m.say("en place", "in place")
	case "drain", "unreg":
		return m.say("l'ancien se désenregistre", "the former one unregisters")
	case "claim", "confirm":
		return m.say("le nouveau s'enregistre", "the new one registers")
	}
	return phase
}

// LicenceWait says what a move of the registration waits for.
func (m Messages) LicenceWait(wait string) string {
	switch wait {
	case "lease":
		return m.say("l'autre nœud tient la décision, ou ce nœud démarre", "the other node decides, or this one is starting")
	case "store":
		return m.say("l'écriture sur disque de l'intention", "the intent to be on disk")
	case "answer":
		return m.say("la réponse de l'IPBX", "the IPBX's answer")
	case "outstanding":
		return m.say("un enregistrement sans réponse peut encore arriver à l'IPBX", "an unanswered registration may still reach the IPBX")
	case "fence":
		return m.say("la preuve de l'IPBX, ou la fin de l'enregistrement", "the IPBX's proof, or the end of the registration")
	case "retry":
		return m.say("le prochain essai, ou l'enregistrement du serveur", "the next try, or the server's own registration")
	}
	return wait
}

// LicenceProof says how the absence of the one who leaves will be known.
func (m Messages) LicenceProof(proof string) string {
	if proof == "list" {
		return m.say("la liste de l'IPBX le prouvera", "the IPBX's list will prove it")
	}
	return m.say("l'IPBX ne le prouve pas, on attend la fin", "the IPBX does not prove it, its end is waited for")
}

// Registered says in a few words who is registered; until is a time of day,
// empty when the IPBX did not confirm that the binding stands.
func (m Messages) Registered(phase, holder, until string) string {
	switch {
	case holder == "":
		return m.LicencePhase("idle")
	case phase == "bound" && until == "":
		return m.say("%s, non confirmé par l'IPBX", "%s, not confirmed by the IPBX", holder)
	case phase == "bound":
		return m.say("%s, jusqu'à %s", "%s, until %s", holder, until)
	case phase == "claim" || phase == "confirm":
		return m.say("%s s'enregistre", "%s is registering", holder)
	}
	return m.say("passage à %s en cours", "moving to %s", holder)
}

// Evidence names what one check proved.
func (m Messages) Evidence(e string) string {
	switch e {
	case "ok":
		return m.say("répond", "answers")
	case "busy":
		return m.say("occupé", "busy")
	case "err":
		return m.say("répond par une erreur", "answers with a failure")
	case "refused":
		return m.say("connexion refusée", "connection refused")
	case "silent":
		return m.say("aucune réponse", "no answer")
	case "stuck":
		return m.say("bloqué", "stuck")
	case "config":
		return m.say("certificat ou configuration", "certificate or configuration")
	case "none", "":
		return m.say("rien de prouvé", "nothing proven")
	}
	return e
}

// CheckState names how a check ended; up is what that proves of the machine.
func (m Messages) CheckState(state, up string) string {
	switch {
	case state == "ok":
		return m.say("correct", "ok")
	case state == "warning":
		return m.say("avertissement", "warning")
	case state == "failed" && up == "up":
		return m.say("échec, la machine répond", "failed, the machine answers")
	case state == "failed" && up == "down":
		return m.say("échec, la machine ne répond pas", "failed, the machine does not answer")
	case state == "failed":
		return m.say("échec", "failed")
	}
	return m.say("indéterminé", "unknown")
}

// Explain is the first line about a call.
func (m Messages) Explain(from, to, server, outcome string) string {
	return m.say("Appel de %s vers %s → %s, %s.", "Call from %s to %s → %s, %s.", from, to, server, outcome)
}

// WouldHave is said of a call that overflowed, where Relève does not switch by
// itself: observation, or a level that has no automatic switchover.
func (m Messages) WouldHave(server string) string {
	if server == "primary" || server == "secondary" {
		return m.say("Avec la bascule automatique, Relève aurait gardé l'appel et vérifié le %s.",
			"With automatic switchover Relève would have held the call and verified the %s.", m.Role(server))
	}
	return m.say("Avec la bascule automatique, Relève aurait gardé l'appel et vérifié le serveur actif.",
		"With automatic switchover Relève would have held the call and verified the active server.")
}

// EndedBy names who hung up.
func (m Messages) EndedBy(who string) string {
	switch who {
	case "caller":
		return m.say("l'appelant", "the caller")
	case "callee":
		return m.say("l'appelé", "the callee")
	case "relève", "releve":
		return "Relève"
	}
	return who
}

// Mask hides the middle of a phone number; short ones (extensions) and words
// stay.
func Mask(number string) string {
	if len(number) < 8 || strings.Trim(number, "+0123456789") != "" {
		return number
	}
	return number[:4] + strings.Repeat("•", len(number)-6) + number[len(number)-2:]
}

// Milliseconds prints a round trip.
func (m Messages) Milliseconds(ms float64) string {
	if ms >= 10 {
		return fmt.Sprintf("%.0f ms", ms)
	}
	s := fmt.Sprintf("%.1f ms", ms)
	if m.Lang() == French {
		s = strings.Replace(s, ".", ",", 1)
	}
	return s
}
