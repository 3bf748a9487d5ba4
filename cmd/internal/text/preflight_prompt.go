package text

import (
	"strconv"
	"strings"
)

// StudyPrompt is what the study does to others, or asks of somebody.
type StudyPrompt string

// What will be done, and what somebody has to do.
const (
	WillAsk        StudyPrompt = "ask"
	WillCallServer StudyPrompt = "call-server"
	WillCall       StudyPrompt = "call"
	WillWait       StudyPrompt = "wait"
	WillTransfer   StudyPrompt = "transfer"
	WillRegister   StudyPrompt = "register"
	WillConnect    StudyPrompt = "connect"
	CallNow        StudyPrompt = "call-now"
	CallAgain      StudyPrompt = "call-again"
)

// StudyPrompt says one of them; what is the number, the address or the user.
func (m Messages) StudyPrompt(p StudyPrompt, what string) string {
	switch p {
	case WillAsk:
		return m.say("envoyer une vingtaine d'OPTIONS à %s (rien ne sonne)", "send some twenty OPTIONS to %s (nothing rings)", what)
	case WillCallServer:
		return m.say("appeler le serveur vocal : %s (une ligne occupée quelques secondes)", "call the voice server: %s (one line busy for some seconds)", what)
	case WillCall:
		return m.say("composer le %s à travers l'IPBX, une quinzaine de fois : l'appel doit revenir ici ; s'il mène à un poste, ce poste sonne",
			"dial %s through the IPBX, some fifteen times: the call shall come back here; if it leads to a phone, that phone rings", what)
	case WillWait:
		return m.say("attendre deux appels passés à la main, %s chacun", "wait for two calls placed by hand, %s each", what)
	case WillTransfer:
		return m.say("transférer un appel vers le %s : ce poste sonne", "transfer a call to %s: that phone rings", what)
	case WillRegister:
		return m.say("enregistrer %s quelques secondes, si aucun utilisateur de la licence n'est enregistré ; arrêtez d'abord les serveurs vocaux",
			"register %s for some seconds, if no licensed user is registered; stop the voice servers first", what)
	case WillConnect:
		return m.say("ouvrir une connexion à la base %s, sans mot de passe", "open a connection to the database %s, without a password", what)
	case CallNow:
		return m.say("Appelez maintenant le numéro du service depuis un poste, et attendez la fin de l'appel.",
			"Call the service number now from a phone, and wait for the end of the call.")
	case CallAgain:
		return m.say("Rappelez maintenant le même numéro : l'appel sera refusé (occupé), c'est voulu.",
			"Call the same number again now: the call will be refused (busy), which is intended.")
	}
	return string(p)
}

// The words of the study's report.

// StudyTitle heads the report.
func (m Messages) StudyTitle(site string) string {
	if site == "" {
		return m.say("Étude de faisabilité", "Feasibility study")
	}
	return m.say("Étude de faisabilité : %s", "Feasibility study: %s", site)
}

// StudyWill heads what the study will do.
func (m Messages) StudyWill() string { return m.say("L'étude va :", "The study will:") }

// StudyConsent asks for consent; it ends with a space.
func (m Messages) StudyConsent() string {
	return m.say("Continuer ? [oui/non] ", "Go on? [yes/no] ")
}

// StudyNeedsYes: nobody is there to consent.
func (m Messages) StudyNeedsYes() string {
	return m.say("personne pour donner son accord : ajoutez --yes pour appeler et enregistrer ; l'étude se limite à OPTIONS.",
		"nobody is there to consent: add --yes to call and to register; the study keeps to OPTIONS.")
}

// StudyNothing: no far end was given.
func (m Messages) StudyNothing() string {
	return m.say("rien à étudier : donnez --ipbx, --primary, --secondary, ou un fichier avec -c.",
		"nothing to study: give --ipbx, --primary, --secondary, or a file with -c.")
}

// StudyBadAddress: an address cannot be read.
func (m Messages) StudyBadAddress(flag, value string) string {
	return m.say("%s : « %s » n'est pas une adresse SIP ; écrivez sip:10.10.0.10:5060.", "%s: %q is no SIP address; write sip:10.10.0.10:5060.", flag, value)
}

// StudyPortTaken: somebody reads at our address.
func (m Messages) StudyPortTaken(address string) string {
	return m.say("l'adresse %s est déjà prise : si Relève tourne ici, arrêtez-la ou donnez un autre port avec --local.",
		"the address %s is taken: if Relève runs here, stop it or give another port with --local.", address)
}

// StudyNotOurs: our address is another machine's.
func (m Messages) StudyNotOurs(address string) string {
	return m.say("%s n'est pas une adresse de cette machine : corrigez --local (ou listen dans le fichier), ou lancez l'étude sur la machine de Relève.",
		"%s is no address of this machine: correct --local (or listen in the file), or run the study on Relève's machine.", address)
}

// StudyCounts says what the verdict rests on: points that block, reservations, questions
// without an answer and essential points that were not measured.
func (m Messages) StudyCounts(noGo, reservations, unanswered, unmeasured int) string {
	var parts []string
	for _, p := range []struct {
		n      int
		fr, en string
	}{
		{noGo, "point(s) bloquant(s)", "no-go(s)"},
		{reservations, "réserve(s)", "reservation(s)"},
		{unanswered, "question(s) sans réponse", "question(s) without an answer"},
		{unmeasured, "point(s) essentiel(s) non mesuré(s)", "essential point(s) not measured"},
	} {
		if p.n > 0 {
			parts = append(parts, strconv.Itoa(p.n)+" "+m.say(p.fr, p.en))
		}
	}
	return strings.Join(parts, ", ")
}

// StudyColon stands between the verdict and what it rests on.
func (m Messages) StudyColon() string { return m.say(" : ", ": ") }

// StudyUserUnknown: --register names nobody of the file.
func (m Messages) StudyUserUnknown(name string) string {
	return m.say("--register : « %s » n'est ni un utilisateur du fichier, ni une adresse sip:5001@10.10.0.10.",
		"--register: %q is neither a user of the file nor an address sip:5001@10.10.0.10.", name)
}

// StudyOurAddress says from where the study spoke.
func (m Messages) StudyOurAddress(address string) string {
	return m.say("depuis %s", "from %s", address)
}

// StudyRang says who was called.
func (m Messages) StudyRang(numbers string) string {
	if numbers == "" {
		return m.say("Personne n'a été appelé.", "Nobody was called.")
	}
	return m.say("Appelés : %s.", "Called: %s.", numbers)
}

// StudyMeans and StudyDo introduce what a finding means and what to do.
func (m Messages) StudyMeans() string { return m.say("Ce que cela veut dire : ", "What it means: ") }

// StudyDo introduces what to do.
func (m Messages) StudyDo() string { return m.say("Que faire ? ", "What to do: ") }

// StudyProfile heads the lines for the configuration.
func (m Messages) StudyProfile() string {
	return m.say("Pour la section ipbx du fichier (--write FICHIER) :", "For the ipbx section of the file (--write FILE):")
}

// StudyQuestions heads the answers.
func (m Messages) StudyQuestions() string {
	return m.say("Ce qui ne se mesure pas :", "What cannot be measured:")
}

// StudyUnanswered stands for an answer that nobody gave.
func (m Messages) StudyUnanswered() string { return m.say("sans réponse", "not answered") }

// StudyAskHint explains how to answer; empty passes over.
func (m Messages) StudyAskHint() string {
	return m.say("Répondez oui ou non (et précisez si besoin) ; Entrée passe à la suite.", "Answer yes or no (and say more if needed); Enter goes on.")
}

// StudyWritten ends --write.
func (m Messages) StudyWritten(file string, lines int) string {
	return m.say("%[1]s : %[2]d ligne(s) changée(s) ; ce qu'il disait avant est dans %[1]s.bak.", "%[1]s: %[2]d line(s) changed; what it said before is in %[1]s.bak.", file, lines)
}

// StudySame ends --write when nothing changes.
func (m Messages) StudySame(file string) string {
	return m.say("%s : rien à changer.", "%s: nothing to change.", file)
}

// StudyWriteConsent asks before the file is changed.
func (m Messages) StudyWriteConsent(file string) string {
	return m.say("Écrire ces changements dans %s ? [oui/non] ", "Write these changes into %s? [yes/no] ", file)
}

// StudyNotWritten: nothing was changed.
func (m Messages) StudyNotWritten(file string) string {
	return m.say("%s : rien n'a été écrit (ajoutez --yes pour écrire sans question).", "%s: nothing was written (add --yes to write without a question).", file)
}

// StudyNoIPBXSection: --write finds no ipbx of that address in the file.
func (m Messages) StudyNoIPBXSection(file string) string {
	return m.say("%s : aucune entrée ipbx à compléter.", "%s: no ipbx entry to complete.", file)
}

// StudyInterrupted is said when the study was cut short.
func (m Messages) StudyInterrupted() string {
	return m.say("Étude interrompue : appels raccrochés, enregistrements défaits ; recommencez-la pour conclure.", "Study cut short: calls hung up, registrations undone; begin again to conclude.")
}

// StudyLineRefused: the file would not be correct with a line of the profile.
func (m Messages) StudyLineRefused(line, file string) string {
	return m.say("« %s » n'est pas écrit : %s ne serait plus correct avec cette ligne (temporisations) ; corrigez le fichier à la main.",
		"%q is not written: %s would no longer be correct with that line (waiting times); correct the file by hand.", line, file)
}
