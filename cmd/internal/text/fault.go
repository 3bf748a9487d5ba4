package text

// FaultCode is the stable name of a request that the admin API did not serve.
type FaultCode string

// The codes of the admin API.
const (
	FaultNoRoute       FaultCode = "API-001" // no such path
	FaultMethod        FaultCode = "API-002" // GET for POST, or the reverse
	FaultBody          FaultCode = "API-003" // the body is not the JSON expected
	FaultTooLarge      FaultCode = "API-004"
	FaultLimit         FaultCode = "API-005"
	FaultSince         FaultCode = "API-006"
	FaultCommand       FaultCode = "API-007"
	FaultReason        FaultCode = "API-008"
	FaultCrossed       FaultCode = "API-009" // the active server is not the one the operator saw
	FaultUnknownServer FaultCode = "API-010"
	FaultNotFound      FaultCode = "API-011"
	FaultTimeout       FaultCode = "API-012"
	FaultInternal      FaultCode = "API-013"

	FaultSettings       FaultCode = "API-014" // of a replay
	FaultNoVerification FaultCode = "API-015"
	FaultOldEvidence    FaultCode = "API-016"
	FaultNotActive      FaultCode = "API-017" // the alarm to acknowledge does not stand
	FaultComment        FaultCode = "API-018"
	FaultProcedure      FaultCode = "API-040" // the record of a procedure
	FaultExercise       FaultCode = "API-041" // another exercise is running
	FaultStore          FaultCode = "API-050" // it does not answer
	FaultLogin          FaultCode = "API-060" // nobody knows who asks
	FaultRole           FaultCode = "API-061" // who asks may look, not act
	FaultNoReceiver     FaultCode = "API-020"
	FaultNoSilence      FaultCode = "API-021"
	FaultSilenceLength  FaultCode = "API-022"
	FaultSilenceStart   FaultCode = "API-023"
	FaultSilenceMany    FaultCode = "API-024"
)

// Fault says what went wrong with a request and what to do.
func (m Messages) Fault(c FaultCode) string {
	if p, ok := faults[c]; ok {
		return m.of(p)
	}
	return m.say("La demande n'a pas été servie (%s).", "The request was not served (%s).", c)
}

var faults = map[FaultCode]pair{
	FaultNoRoute:        {"Cette adresse n'existe pas ; la commande et Relève sont peut-être de versions différentes.", "There is no such address; the command and Relève may be of different versions."},
	FaultMethod:         {"Cette adresse s'emploie avec une autre méthode HTTP.", "This address is used with another HTTP method."},
	FaultBody:           {"Le corps de la demande n'est pas le JSON attendu.", "The body of the request is not the JSON expected."},
	FaultTooLarge:       {"La demande est trop longue.", "The request is too long."},
	FaultLimit:          {"Le nombre de lignes demandé va de 1 à 1000.", "The number of lines asked for goes from 1 to 1000."},
	FaultSince:          {"La date n'est pas comprise ; écrivez par exemple 2026-11-23T10:42:07Z.", "The date is not understood; write for example 2026-11-23T10:42:07Z."},
	FaultCommand:        {"Cette commande n'existe pas.", "There is no such command."},
	FaultReason:         {"Donnez le motif (--reason), en 500 caractères au plus.", "Give the reason (--reason), in 500 characters at most."},
	FaultCrossed:        {"Le serveur actif a changé entre-temps : regardez « releve etat » et recommencez.", "The active server has changed meanwhile: see \"releve status\" and start again."},
	FaultUnknownServer:  {"Aucun serveur ne porte ce nom ; « releve etat » les montre.", "No server has this name; \"releve status\" shows them."},
	FaultNotFound:       {"Rien de tel n'est enregistré.", "Nothing of the kind is recorded."},
	FaultTimeout:        {"Relève n'a pas répondu à temps ; recommencez, puis regardez le journal.", "Relève did not answer in time; try again, then see the journal."},
	FaultSettings:       {"Ces réglages ne peuvent pas être essayés : --count 1 à 10, --alone-extra 0 à 10, --timeout une durée (300ms), --switch-on parmi dead,gray,degraded.", "These settings cannot be tried out: --count 1 to 10, --alone-extra 0 to 10, --timeout a duration (300ms), --switch-on of dead,gray,degraded."},
	FaultNoVerification: {"Aucune vérification n'est connue à ce moment ; « releve journal » montre celles qui ont eu lieu.", "No verification is known of that time; \"releve events\" shows those there were."},
	FaultOldEvidence:    {"Une autre version de Relève a gardé cette vérification sans ses preuves : elle ne peut pas être rejouée.", "Another version of Relève kept this verification without its evidence: it cannot be replayed."},
	FaultLogin:          {"Connectez-vous, ou donnez le jeton de l'écran mural (Authorization: Bearer).", "Log in, or give the wallboard's token (Authorization: Bearer)."},
	FaultRole:           {"Cette identité peut regarder, pas agir : il faut le rôle operator.", "This identity may look, not act: the role operator is needed."},
	FaultNotActive:      {"Cette alarme n'est plus active : il n'y a rien à acquitter.", "This alarm no longer stands: there is nothing to acknowledge."},
	FaultComment:        {"Le commentaire a 500 caractères au plus.", "The comment has 500 characters at most."},
	FaultProcedure:      {"Le compte rendu de la procédure n'est pas recevable ; la commande et Relève sont peut-être de versions différentes.", "The record of the procedure cannot be accepted; the command and Relève may be of different versions."},
	FaultExercise:       {"Un autre exercice est en cours ; « releve etat » le montre.", "Another exercise is running; \"releve status\" shows it."},
	FaultNoReceiver:     {"Aucun destinataire d'alarmes ne porte ce nom ; « releve alarmes destinataires » les montre.", "No receiver of alarms has this name; \"releve alarms receivers\" shows them."},
	FaultNoSilence:      {"Aucun silence n'est en cours ni prévu sous ce numéro.", "No silence of this number is open or planned."},
	FaultSilenceLength:  {"Un silence dure d'une minute à sept jours (2h, 90m, 168h).", "A silence lasts from one minute to seven days (2h, 90m, 168h)."},
	FaultSilenceStart:   {"Un silence commence maintenant ou dans les 90 jours.", "A silence begins now or within 90 days."},
	FaultSilenceMany:    {"Vingt silences sont déjà prévus : terminez-en un d'abord.", "Twenty silences are planned already: end one of them first."},
	FaultStore:          {"Les données enregistrées ne sont pas lisibles en ce moment (alarme 1021). Les appels continuent, et rien n'est perdu : recommencez quand la base répond.", "What is stored cannot be read at present (alarm 1021). Calls go on, and nothing is lost: try again when the database answers."},
	FaultInternal:       {"Erreur interne de Relève ; le détail est dans son journal système.", "Internal fault of Relève; its system log holds the detail."},
}
