package text

import (
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"releve/router"
)

// The codes of the journal (db.Event.Code). Parameters are named in the
// sentence as {name}; reason, verdict, role, from, to and server are rendered
// as words when they hold the word of the domain.
const (
	EventStarted             = "started"             // version
	EventStopped             = "stopped"             //
	EventConfigLoaded        = "config-loaded"       // file, changes
	EventConfigRefused       = "config-refused"      // file, problems
	EventConfigRestart       = "config-restart"      // file, keys
	EventConfigPut           = "config-put-off"      // file, cause
	EventStateRestored       = "state-restored"      // server, epoch
	EventVerificationStarted = "verification-start"  // server, cause (overflow, idle, unregistered or operator)
	EventRound               = "round"               // server, k, n (none: it counts for nothing), verdict, rule, checks
	EventCheckFailed         = "check-failed"        // server, check, cause
	EventServerRestarted     = "server-restarted"    // server, calls
	EventVerificationEnded   = "verification-end"    // server, verdict
	EventSwitchoverBegun     = "switchover-begun"    // from, to, reason, note, epoch, risk (the mirror's lag, or unknown)
	EventSwitchoverDone      = "switchover-done"     // from, to, duration, epoch, risk
	EventReturnBegun         = "return-begun"        // from, to, reason, note, epoch
	EventReturnDone          = "return-done"         // from, to, duration, epoch
	EventSwitchoverWithheld  = "switchover-withheld" // server, reason
	EventObserved            = "observed"            // server, verdict
	EventMoveFailed          = "move-failed"         // to, reason
	EventLicenceMoved        = "licence-moved"       // from, to, duration
	EventRegistered          = "registered"          // user, ipbx, granted
	EventRegisterRefused     = "register-refused"    // user, ipbx, status
	EventBothDown            = "both-down"           // reason
	EventServingAgain        = "serving-again"       // server
	EventServerDown          = "server-down"         // server, verdict
	EventServerUp            = "server-up"           // server
	EventServerReady         = "server-ready"        // server
	EventServerNotReady      = "server-not-ready"    // server
	EventIPBXUnseen          = "ipbx-unseen"         // ipbx
	EventIPBXSeen            = "ipbx-seen"           // ipbx
	EventMaintenanceStarted  = "maintenance-start"   // note
	EventMaintenanceStopped  = "maintenance-stop"    // note
	EventCommandRefused      = "command-refused"     // command, reason
	EventCommandForced       = "command-forced"      // command, note
	EventAlarmRaised         = "alarm-raised"        // number, object
	EventAlarmCleared        = "alarm-cleared"       // number, object
	EventAlarmAcknowledged   = "alarm-acknowledged"  // number, object, note
	EventLogin               = "login"               // source
	EventLoginRefused        = "login-refused"       // source, user: as typed, count
	EventPageClosed          = "page-closed"         // address, cause
	EventPageOpen            = "page-open"           // address
	EventSilencePlanned      = "silence-planned"     // id, duration, note
	EventSilenceEnded        = "silence-ended"       // id, note
	EventStoreDown           = "store-down"          // cause
	EventStoreUp             = "store-up"            //
	EventMirror              = "mirror"              // state (admin.Mirror), mirror (its cause), lag
	EventLimit               = "limit-reached"       // limit, count
	EventInternalFault       = "internal-fault"      // cause, call (its Call-ID)
	EventOverloadBegun       = "overload-begun"      // rate: limits.calls_per_second
	EventOverloadEnded       = "overload-ended"      // count: calls refused, duration
	EventSourceFlood         = "source-flood"        // source, rate: limits.source_rate
	EventSourceCalm          = "source-calm"         // source, count: messages dropped
	EventStranger            = "stranger"            // source, count
	EventNameStale           = "name-stale"          // name, cause
	EventNameLost            = "name-lost"           // name, cause
	EventNameFound           = "name-found"          // name, addresses
	EventCertificateLoaded   = "certificate-loaded"  // file, until
	EventCertificateBroken   = "certificate-broken"  // file, cause
	EventCertificateEnding   = "certificate-ending"  // file, until
	EventTLSRefused          = "tls-refused"         // object: peer or address, cause
	EventServerRegistered    = "server-registered"   // server: at Relève, for itself
	EventServerUnregistered  = "server-unregistered" // server
	EventForeignBinding      = "foreign-binding"     // user, ipbx, contacts
	EventForeignGone         = "foreign-gone"        // user, ipbx, duration
	EventIPBXMember          = "ipbx-member"         // ipbx, from, to: addresses
	EventTestCall            = "test-call"           // server, heard (TestCallWord), check: the number
	EventDrainStarted        = "drain-start"         // server, note
	EventDrainEnded          = "drain-end"           // server, note
	EventProcedure           = "procedure"           // procedure, outcome, duration, note, forced, id, record
	EventExerciseStarted     = "exercise-start"      // note
	EventExerciseDone        = "exercise-done"       //
	EventExerciseFailed      = "exercise-failed"     //
)

// Event renders one line of the journal. An unknown code is shown with its
// parameters, never hidden.
func (m Messages) Event(code string, params map[string]string) string {
	p, ok := events[code]
	if !ok {
		return code + m.params(params)
	}
	words := make(map[string]string, len(params)+1)
	for name, value := range params {
		if value != "" {
			words[name] = m.param(name, value)
		}
	}
	if number := params["number"]; number != "" {
		words["title"] = m.AlarmTitle(alarmNumber(number), params["object"])
	}
	return capital(fill(m.of(p), words))
}

// fill puts the words into the pattern. A part in brackets is left out when a
// word in it is not known; elsewhere an unknown word is shown as "?".
func fill(pattern string, words map[string]string) string {
	var b strings.Builder
	for pattern != "" {
		before, rest, found := strings.Cut(pattern, "[")
		part, after, closed := strings.Cut(rest, "]")
		b.WriteString(strings.NewReplacer(replacements(before, words)...).Replace(before))
		if !found || !closed {
			break
		}
		if r := replacements(part, words); !slices.Contains(r, unknownWord) {
			b.WriteString(strings.NewReplacer(r...).Replace(part))
		}
		pattern = after
	}
	return b.String()
}

// unknownWord stands for a parameter that the event does not carry.
const unknownWord = "?"

// replacements lists {name}, word for every parameter that s names.
func replacements(s string, words map[string]string) []string {
	var out []string
	for {
		_, rest, found := strings.Cut(s, "{")
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			return out
		}
		w, ok := words[name]
		if !ok {
			w = unknownWord
		}
		out, s = append(out, "{"+name+"}", w), after
	}
}

// capital raises the first letter, for sentences that begin with a parameter.
func capital(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[size:]
}

// HasEvent says whether the catalogue knows code.
func HasEvent(code string) bool { _, ok := events[code]; return ok }

// param renders one parameter: the words of the domain are translated, names
// of the site are shown as they are.
func (m Messages) param(name, value string) string {
	switch name {
	case "note":
		return strings.TrimSuffix(strings.TrimSpace(value), ".")
	case "reason":
		return strings.TrimSuffix(m.Reason(router.Reason(value)), ".")
	case "verdict":
		return m.VerdictName(value)
	case "from", "to", "server":
		switch value { // the patterns hold the French article
		case "primary":
			return m.say("serveur principal", "the primary")
		case "secondary":
			return m.say("serveur de secours", "the secondary")
		}
	case "object":
		if value != "" && value != "relève" {
			return m.Role(value)
		}
	case "command":
		return m.Command(value)
	case "duration":
		if d, err := time.ParseDuration(value); err == nil {
			return m.Took(d)
		}
	case "risk":
		if d, err := time.ParseDuration(value); err == nil {
			return m.AtRisk(d, true)
		}
		return m.AtRisk(0, false)
	case "lag":
		if d, err := time.ParseDuration(value); err == nil {
			return m.Lag(d)
		}
	case "state":
		return m.MirrorState(value)
	case "limit":
		return m.Limit(value)
	case "procedure":
		return m.ProcedureName(value)
	case "outcome":
		return m.ProcedureOutcome(value)
	case "cause":
		return m.cause(value)
	case "mirror":
		return m.MirrorCause(value)
	case "heard":
		return m.testCallWord(value)
	}
	return value
}

// cause names what started a verification; any other cause (an error of the
// system) is shown as it is.
func (m Messages) cause(value string) string {
	switch value {
	case "overflow":
		return m.say("un appel a débordé", "a call overflowed")
	case "unregistered":
		return m.say("il ne s'enregistre plus", "it no longer registers")
	case "idle":
		return m.say("sans réponse à la surveillance", "routine check failed")
	case "operator":
		return m.say("demandée par un opérateur", "asked for by an operator")
	}
	if word, _, _ := strings.Cut(value, " "); testCalls[word] != (pair{}) {
		return m.testCallWord(value)
	}
	return m.Cause(value)
}

func (m Messages) params(params map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(params)) {
		b.WriteString(" " + name + "=" + params[name])
	}
	return b.String()
}

func alarmNumber(s string) uint16 {
	n := 0
	for _, c := range s {
		if c < '0' || c > '9' || n > 6000 {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	return uint16(n)
}

var events = map[string]pair{
	EventStarted:             {"Relève [{version} ]démarre.", "Relève [{version} ]starts."},
	EventStopped:             {"Relève s'arrête à la demande.", "Relève stops as asked."},
	EventConfigLoaded:        {"Configuration {file} relue et appliquée ({changes} changement(s)).", "Configuration {file} read again and applied ({changes} change(s))."},
	EventConfigRefused:       {"Configuration {file} refusée ({problems} faute(s)) ; l'ancienne reste en service.", "Configuration {file} refused ({problems} fault(s)); the former one stays in service."},
	EventConfigRestart:       {"Configuration {file} non appliquée : {keys} demande(nt) un redémarrage ; l'ancienne reste en service.", "Configuration {file} not applied: {keys} need(s) a restart; the former one stays in service."},
	EventConfigPut:           {"Configuration {file} non appliquée ({cause}) ; l'ancienne reste en service.", "Configuration {file} not applied ({cause}); the former one stays in service."},
	EventStateRestored:       {"État relu après le démarrage : le {server} est actif[, époque {epoch}].", "State read back after the start: {server} is active[, epoch {epoch}]."},
	EventVerificationStarted: {"Vérification du {server}[ ({cause})].", "Verification of {server}[ ({cause})]."},
	EventRound:               {"Vérification[ {k}/{n}] du {server}[ : {verdict}].", "Round[ {k}/{n}] of {server}[: {verdict}]."},
	EventCheckFailed:         {"Vérification « {check} » du {server} en échec[ : {cause}].", "Check \"{check}\" of {server} fails[: {cause}]."},
	EventServerRestarted:     {"Le {server} a redémarré : il ne connaît plus ses appels[ ; {calls} autres sont vérifiés].", "{server} was restarted: it no longer knows its calls[; {calls} others are asked after]."},
	EventVerificationEnded:   {"Vérification du {server} terminée[ : {verdict}].", "Verification of {server} ended[: {verdict}]."},
	EventSwitchoverBegun:     {"Bascule vers le secours : le {from} passe passif, le {to} prend la relève.[ {reason}.][ Motif : {note}.][ Miroir : {risk}.]", "Switchover: {from} becomes passive, {to} takes over.[ {reason}.][ Reason given: {note}.][ Mirror: {risk}.]"},
	EventSwitchoverDone:      {"Bascule faite[ en {duration}] : le {to} est actif[ ; {risk}].", "Switchover done[ in {duration}]: {to} is active[; {risk}]."},
	EventReturnBegun:         {"Retour en mode normal : le {from} passe passif, le {to} redevient actif.[ {reason}.][ Motif : {note}.]", "Return to normal: {from} becomes passive, {to} becomes active again.[ {reason}.][ Reason given: {note}.]"},
	EventReturnDone:          {"Retour en mode normal fait[ en {duration}] : le {to} est actif.", "Return to normal done[ in {duration}]: {to} is active."},
	EventSwitchoverWithheld:  {"Pas de bascule : le {server} reste actif.[ {reason}.]", "No switchover: {server} stays active.[ {reason}.]"},
	EventObserved:            {"Observation : une bascule aurait eu lieu[ ({server} : {verdict})].", "Observation: a switchover would have happened[ ({server}: {verdict})]."},
	EventMoveFailed:          {"L'enregistrement SIP n'est pas passé au {to}.[ {reason}.]", "The registration did not move to {to}.[ {reason}.]"},
	EventLicenceMoved:        {"Enregistrement SIP passé du {from} au {to}[ en {duration}].", "Registration moved from {from} to {to}[ in {duration}]."},
	EventRegistered:          {"{user} est enregistré auprès de l'IPBX[ {ipbx}][ pour {granted}].", "{user} is registered at IPBX[ {ipbx}][ for {granted}]."},
	EventRegisterRefused:     {"L'IPBX[ {ipbx}] refuse l'enregistrement de {user}[ ({status})].", "IPBX[ {ipbx}] refuses the registration of {user}[ ({status})]."},
	EventBothDown:            {"Aucun serveur ne répond.[ {reason}.]", "No server answers.[ {reason}.]"},
	EventServingAgain:        {"Le {server} répond de nouveau et prend les appels.", "{server} answers again and takes calls."},
	EventServerDown:          {"Le {server} ne répond plus[ : {verdict}].", "{server} no longer answers[: {verdict}]."},
	EventServerUp:            {"Le {server} répond de nouveau.", "{server} answers again."},
	EventServerReady:         {"Le {server} est prêt à prendre la relève.", "{server} is ready to take over."},
	EventServerNotReady:      {"Le {server} n'est plus prêt à prendre la relève.", "{server} is no longer ready to take over."},
	EventIPBXUnseen:          {"L'IPBX[ {ipbx}] ne donne plus signe de vie.", "IPBX[ {ipbx}] shows no sign of life."},
	EventIPBXSeen:            {"L'IPBX[ {ipbx}] est de nouveau vu.", "IPBX[ {ipbx}] is seen again."},
	EventMaintenanceStarted:  {"Maintenance commencée, rôles figés[ : {note}].", "Maintenance started, roles frozen[: {note}]."},
	EventMaintenanceStopped:  {"Maintenance terminée[ : {note}].", "Maintenance ended[: {note}]."},
	EventCommandRefused:      {"Commande « {command} » refusée.[ {reason}.]", "Command \"{command}\" refused.[ {reason}.]"},
	EventCommandForced:       {"Commande « {command} » forcée[ : {note}].", "Command \"{command}\" forced[: {note}]."},
	EventAlarmRaised:         {"Alarme {number} : {title}.", "Alarm {number}: {title}."},
	EventAlarmCleared:        {"Fin de l'alarme {number} : {title}.", "End of alarm {number}: {title}."},
	EventLogin:               {"Connexion à l'écran d'alarme[ depuis {source}].", "Login at the alarm screen[ from {source}]."},
	EventLoginRefused:        {"Connexions à l'écran d'alarme refusées[ depuis {source}][ au nom de « {user} »][ ({count})].", "Logins at the alarm screen refused[ from {source}][ in the name of \"{user}\"][ ({count})]."},
	EventPageClosed:          {"L'écran d'alarme ne peut pas s'ouvrir[ sur {address}][ : {cause}] ; les appels ne s'en ressentent pas.", "The alarm screen cannot open[ on {address}][: {cause}]; calls do not feel it."},
	EventPageOpen:            {"L'écran d'alarme est ouvert[ sur {address}].", "The alarm screen is open[ on {address}]."},
	EventAlarmAcknowledged:   {"Alarme {number} acquittée, la panne continue : {title}.[ {note}.]", "Alarm {number} acknowledged, the fault goes on: {title}.[ {note}.]"},
	EventSilencePlanned:      {"Silence {id} des alarmes pendant {duration} : {note}.", "Silence {id} of the alarms for {duration}: {note}."},
	EventSilenceEnded:        {"Fin du silence {id} des alarmes : {note}.", "End of silence {id} of the alarms: {note}."},
	EventStoreDown:           {"Les données ne peuvent plus être écrites[ : {cause}]. Les appels continuent.", "Data can no longer be written[: {cause}]. Calls go on."},
	EventStoreUp:             {"Les données sont de nouveau écrites.", "Data are written again."},
	EventMirror:              {"Base en miroir : {state}[ ({mirror})][, retard {lag}].", "Mirrored database: {state}[ ({mirror})][, lag {lag}]."},
	EventLimit:               {"Limite atteinte : {limit}[ ({count} refus)].", "Limit reached: {limit}[ ({count} refused)]."},
	EventForeignBinding:      {"Enregistrement non autorisé de {user} à l'IPBX {ipbx} : {contacts}.", "Unauthorised registration of {user} at IPBX {ipbx}: {contacts}."},
	EventForeignGone:         {"L'enregistrement non autorisé de {user} à l'IPBX {ipbx} a disparu, après {duration}.", "The unauthorised registration of {user} at IPBX {ipbx} is gone, after {duration}."},
	EventIPBXMember:          {"L'IPBX {ipbx} répond maintenant par {to}, non plus par {from}.", "IPBX {ipbx} answers at {to} now, no longer at {from}."},
	EventServerRegistered:    {"Le {server} s'enregistre auprès de Relève.", "{server} registers at Relève."},
	EventServerUnregistered:  {"Le {server} ne s'enregistre plus auprès de Relève.", "{server} no longer registers at Relève."},
	EventTestCall:            {"Appel de test[ au {check}] : le {server} {heard}.", "Test call[ to {check}]: {server} {heard}."},
	EventDrainStarted:        {"Plus aucun nouvel appel n'est envoyé au {server}[ : {note}].", "No new call goes to {server} any more[: {note}]."},
	EventDrainEnded:          {"Le {server} peut de nouveau recevoir des appels[ : {note}].", "{server} may receive calls again[: {note}]."},
	EventProcedure:           {"Procédure « {procedure} » : {outcome}[ en {duration}][ ; une condition a été forcée ({forced})].[ Motif : {note}.]", "Procedure \"{procedure}\": {outcome}[ in {duration}][; a condition was overridden ({forced})].[ Reason given: {note}.]"},
	EventExerciseStarted:     {"Exercice de bascule commencé[ : {note}].", "Switchover exercise started[: {note}]."},
	EventExerciseDone:        {"Exercice de bascule réussi.", "Switchover exercise done."},
	EventExerciseFailed:      {"Exercice de bascule interrompu ou échoué.", "Switchover exercise broken off or failed."},
	EventInternalFault:       {"Erreur interne[ : {cause}].[ Seul l'appel {call} est touché.] Signalez-la avec ce journal.", "Internal fault[: {cause}].[ Only the call {call} is touched.] Report it with this journal."},
	EventOverloadBegun:       {"Trop d'appels à la fois[ (plus de {rate} par seconde)] : une partie des nouveaux appels est refusée.", "Too many calls at once[ (more than {rate} per second)]: part of the new calls is refused."},
	EventOverloadEnded:       {"L'affluence est passée[ en {duration}][ ({count} appels refusés)].", "The rush is over[ after {duration}][ ({count} calls refused)]."},
	EventSourceFlood:         {"{source} envoie trop de messages[ (plus de {rate} par seconde)] : le surplus est ignoré.", "{source} sends too many messages[ (more than {rate} per second)]: the excess is ignored."},
	EventSourceCalm:          {"{source} n'envoie plus trop de messages[ ({count} ignorés)].", "{source} no longer sends too many messages[ ({count} ignored)]."},
	EventStranger:            {"Messages d'une source inconnue, {source}[ ({count})] : ignorés ou refusés.", "Messages of an unknown source, {source}[ ({count})]: ignored or refused."},
	EventNameStale:           {"Le DNS ne répond pas pour {name}[ ({cause})] ; les dernières adresses connues servent encore.", "DNS does not answer for {name}[ ({cause})]; the last addresses known serve on."},
	EventNameLost:            {"Le nom {name} n'a aucune adresse[ ({cause})].", "The name {name} has no address[ ({cause})]."},
	EventNameFound:           {"Le nom {name} est résolu[ : {addresses}].", "The name {name} is resolved[: {addresses}]."},
	EventCertificateLoaded:   {"Certificat relu[ : {file}][, valable jusqu'au {until}].", "Certificate read again[: {file}][, valid until {until}]."},
	EventCertificateBroken:   {"Le certificat[ {file}] ne peut pas être utilisé[ : {cause}] ; l'ancien reste en service.", "The certificate[ {file}] cannot be used[: {cause}]; the former one stays in service."},
	EventCertificateEnding:   {"Le certificat[ {file}] expire bientôt[ : le {until}].", "The certificate[ {file}] ends soon[: on {until}]."},
	EventTLSRefused:          {"Connexion chiffrée refusée[ avec {object}][ : {cause}].", "Encrypted connection refused[ with {object}][: {cause}]."},
}

// Command names an operator's command.
func (m Messages) Command(name string) string {
	switch name {
	case "switchover":
		return m.say("bascule vers le secours", "switchover")
	case "return":
		return m.say("retour en mode normal", "return to normal")
	case "maintenance-start":
		return m.say("début de maintenance", "start of maintenance")
	case "maintenance-stop":
		return m.say("fin de maintenance", "end of maintenance")
	case "drain":
		return m.say("ne plus lui envoyer d'appels", "drain")
	case "drain-stop":
		return m.say("lui envoyer de nouveau des appels", "end of drain")
	}
	return name
}
