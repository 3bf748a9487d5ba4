package text

import "time"

// ProcedureHead heads a run: its name and the site.
func (m Messages) ProcedureHead(name, site string) string {
	return m.say("%s — procédure : %s", "%s — procedure: %s", site, m.ProcedureName(name))
}

// OneServer: there is nobody to switch over to.
func (m Messages) OneServer(level string) string {
	return m.say("Il n'y a qu'un serveur (niveau %s) : cette procédure n'y a pas de sens.", "There is one server only (level %s): this procedure makes no sense here.", level)
}

// ProcedureDry heads a checklist that is only shown.
func (m Messages) ProcedureDry() string {
	return m.say("Liste seule : rien n'est fait, rien n'est noté.", "List only: nothing is done, nothing is recorded.")
}

// AskStep follows a question.
func (m Messages) AskStep() string {
	return m.say("   o = oui, n = non, q = abandonner ; un commentaire peut suivre : ", "   y = yes, n = no, q = give up; a comment may follow: ")
}

// AskAct comes before Relève changes something.
func (m Messages) AskAct() string {
	return m.say("   Le faire maintenant ? o = oui, q = abandonner : ", "   Do it now? y = yes, q = give up: ")
}

// ReadYes understands an answer: o, oui, y, yes, vrai, true, and what follows it.
func ReadYes(word string) (yes, known bool) {
	switch word {
	case "o", "O", "oui", "Oui", "OUI", "y", "Y", "yes", "Yes", "YES", "true", "vrai":
		return true, true
	case "n", "N", "non", "Non", "NON", "no", "No", "NO", "false", "faux":
		return false, true
	}
	return false, false
}

// ProcedureEnded is the last line of a run.
func (m Messages) ProcedureEnded(name, outcome string) string {
	return m.say("Procédure « %s » : %s.", "Procedure %q: %s.", m.ProcedureName(name), m.ProcedureOutcome(outcome))
}

// ProcedureKept says where the record is.
func (m Messages) ProcedureKept(id string) string {
	return m.say("Compte rendu noté au journal : « releve procedure report %s ».", "Recorded in the journal: \"releve procedure report %s\".", id)
}

// ProcedureLost says that no record could be kept.
func (m Messages) ProcedureLost() string {
	return m.say("Le compte rendu n'a PAS pu être noté au journal : gardez cet écran.", "The record could NOT be kept in the journal: keep this screen.")
}

// ProcedureHint says how to go on when something that has to hold does not.
func (m Messages) ProcedureHint() string {
	return m.say("Une condition n'est pas remplie. Corrigez-la et recommencez ; pour passer outre, --force avec --reason \"…\", et c'est noté.",
		"A condition does not hold. Correct it and start again; to override it, --force with --reason \"…\", and it is recorded.")
}

// ForceNeedsReason is a usage error.
func (m Messages) ForceNeedsReason() string {
	return m.say("--force demande le motif : --reason \"…\".", "--force needs the reason: --reason \"…\".")
}

// BadAnswers is a usage error: the file of answers cannot be used.
func (m Messages) BadAnswers(file, cause string) string {
	return m.say("Le fichier de réponses %s ne convient pas : %s.", "The file of answers %s cannot be used: %s.", file, cause)
}

// AnswerUnknown and AnswerUnread are causes of BadAnswers.
func (m Messages) AnswerUnknown(step string) string {
	return m.say("aucune question ne s'appelle « %s » (--dry-run montre les noms)", "no question is called %q (--dry-run shows the names)", step)
}

// AnswerUnread says that a value is neither yes nor no.
func (m Messages) AnswerUnread(step string) string {
	return m.say("« %s » demande oui ou non", "%q wants yes or no", step)
}

// BadTime is a usage error: --at of a copy.
func (m Messages) BadTime(value string) string {
	return m.say("« %s » n'est pas une date passée ; écrivez par exemple 2026-11-23T22:00 ou 3h.", "%q is no past time; write for example 2026-11-23T22:00 or 3h.", value)
}

// NoProcedure: nothing was run yet, or no record has this name.
func (m Messages) NoProcedure(id string) string {
	if id == "" {
		return m.say("Aucune procédure n'a encore été faite.", "No procedure was run yet.")
	}
	return m.say("Aucun compte rendu ne s'appelle « %s » ; « releve procedure history » les montre.", "No record is called %q; \"releve procedure history\" shows them.", id)
}

// Sealed says whether a record is as the node kept it.
func (m Messages) Sealed(intact bool) string {
	if intact {
		return m.say("Sceau vérifié : ce compte rendu est celui que Relève téléphonie a noté.", "Seal verified: this is the record that Relève kept.")
	}
	return m.say("SCEAU NON VALABLE : ce compte rendu a été modifié, ou la clé du nœud a changé.", "SEAL NOT VALID: this record was changed, or the node's key was.")
}

// ReportLabel names a line of a printed record.
func (m Messages) ReportLabel(name string) string {
	if p, ok := reportLabels[name]; ok {
		return m.of(p)
	}
	return name
}

var reportLabels = map[string]pair{
	"title":      {"Compte rendu de procédure", "Record of a procedure"},
	"drill":      {"Procès-verbal d'exercice de bascule", "Report of a switchover exercise"},
	"site":       {"Site", "Site"},
	"id":         {"Référence", "Reference"},
	"actor":      {"Opérateur", "Operator"},
	"started":    {"Début", "Start"},
	"ended":      {"Fin", "End"},
	"took":       {"Durée", "Duration"},
	"outcome":    {"Résultat", "Outcome"},
	"reason":     {"Motif", "Reason given"},
	"forced":     {"Une condition a été forcée", "A condition was overridden"},
	"steps":      {"Étapes", "Steps"},
	"copied":     {"Données copiées le", "Data copied on"},
	"seal":       {"Sceau", "Seal"},
	"signature":  {"Nom, date et signature", "Name, date and signature"},
	"window":     {"Fenêtre", "Window"},
	"hold":       {"Tenue sur le secours", "Time on the secondary"},
	"switchover": {"Bascule", "Switchover"},
	"return":     {"Retour", "Return"},
	"licence":    {"Passage de l'enregistrement SIP", "Move of the registration"},
	"calls":      {"Appels pendant l'exercice", "Calls during the exercise"},
	"secondary":  {"dont servis par le secours", "of them answered by the secondary"},
	"cause":      {"Interrompu parce que", "Broken off because"},
	"comment":    {"commentaire", "comment"},
	"left":       {"LE SECOURS SERT ENCORE : faites « releve procedure return »", "THE SECONDARY STILL SERVES: run \"releve procedure return\""},
}

// DrillCalls counts the calls of an exercise.
func (m Messages) DrillCalls(offered, answered, held, dissuaded, cancelled, rescued, refused, failed, lost uint64) string {
	return m.say("%d présentés, %d servis, %d gardés un moment, %d renvoyés (dissuasion), %d abandonnés, %d aux opérateurs, %d refusés, %d échoués, %d perdus",
		"%d offered, %d answered, %d held for a while, %d dissuaded, %d cancelled, %d rescued, %d refused, %d failed, %d lost",
		offered, answered, held, dissuaded, cancelled, rescued, refused, failed, lost)
}

// DrillCause says why an exercise was broken off.
func (m Messages) DrillCause(cause string) string {
	if p, ok := drillCauses[cause]; ok {
		return m.of(p)
	}
	return m.Found(cause)
}

var drillCauses = map[string]pair{
	"lost-call":     {"un appel a été perdu", "a call was lost"},
	"dead-server":   {"le serveur de secours ne répond plus", "the secondary no longer answers"},
	"new-alarm":     {"une alarme est apparue", "an alarm was raised"},
	"interrupted":   {"l'opérateur l'a interrompu", "the operator broke it off"},
	"not-serving":   {"le serveur de secours n'a pas servi après la bascule", "the secondary did not serve after the switchover"},
	"node-silent":   {"Relève téléphonie ne répond plus", "Relève no longer answers"},
	"moved":         {"les rôles ont changé sans que l'exercice le demande", "the roles changed without the exercise asking for it"},
	"refused":       {"la commande a été refusée", "the command was refused"},
	"calls-waiting": {"le moment n'est pas venu", "the time has not come"},
}

// DrillHolding is said while the secondary serves.
func (m Messages) DrillHolding(left time.Duration, answered, lost uint64) string {
	return m.say("   encore %s — %d appels servis, %d perdus", "   %s left — %d calls answered, %d lost", m.Ago(left), answered, lost)
}

// BadWindow is a usage error: --window.
func (m Messages) BadWindow(value string) string {
	return m.say("« %s » n'est pas une fenêtre ; écrivez par exemple 02:00-04:00.", "%q is no window; write for example 02:00-04:00.", value)
}
