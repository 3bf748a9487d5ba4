package text

import (
	"maps"
	"strconv"
	"strings"
	"time"

	"releve/router"
)

// ProcedureName is the title of a guided procedure.
func (m Messages) ProcedureName(name string) string {
	if p, ok := procedureNames[name]; ok {
		return m.of(p)
	}
	return name
}

var procedureNames = map[string]pair{
	"switchover": {"bascule vers le secours", "switchover to the secondary"},
	"reinstate":  {"remise en service du principal réparé, comme passif", "reinstatement of the repaired primary, as passive"},
	"return":     {"retour en mode normal", "return to normal"},
	"mirror":     {"remise en état du miroir de la base", "restoration of the database mirror"},
	"copy":       {"copie des données sur le secours", "copy of the data to the secondary"},
	"drill":      {"exercice de bascule", "switchover exercise"},
}

// ProcedureOutcome is how a procedure ended.
func (m Messages) ProcedureOutcome(outcome string) string {
	if p, ok := procedureOutcomes[outcome]; ok {
		return m.of(p)
	}
	return outcome
}

var procedureOutcomes = map[string]pair{
	"done":      {"faite", "done"},
	"refused":   {"refusée, rien n'a été changé", "refused, nothing was changed"},
	"failed":    {"échouée", "failed"},
	"abandoned": {"abandonnée par l'opérateur", "abandoned by the operator"},
	"aborted":   {"interrompue", "broken off"},
}

// StepResult marks and names the result of a step.
func (m Messages) StepResult(result string) (mark, name string) {
	switch result {
	case "ok":
		return "✔", m.say("oui", "yes")
	case "failed":
		return "✘", m.say("non", "no")
	case "forced":
		return "✘", m.say("non, forcé", "no, overridden")
	case "noted":
		return "·", m.say("noté", "noted")
	}
	return "–", m.say("sans objet", "not applicable")
}

// StepKind says who settles a step.
func (m Messages) StepKind(kind string) string {
	switch kind {
	case "verified":
		return m.say("vérifié par Relève téléphonie", "verified by Relève")
	case "asked":
		return m.say("demandé à l'opérateur", "asked of the operator")
	case "done":
		return m.say("fait par Relève téléphonie", "done by Relève")
	}
	return m.say("information", "information")
}

// ProcedureStep is the sentence of a step; params are what it names.
func (m Messages) ProcedureStep(id string, params map[string]string) string {
	p, ok := procedureSteps[id]
	if !ok {
		return id + m.params(params)
	}
	if d, err := time.ParseDuration(params["hold"]); err == nil {
		params = maps.Clone(params)
		params["hold"] = m.Took(d)
	}
	return fill(m.of(p), params)
}

// StepNames are the words that the sentence of a step names.
func StepNames(id string) (names []string) {
	list := replacements(procedureSteps[id].fr, nil)
	for i := 0; i < len(list); i += 2 {
		names = append(names, strings.Trim(list[i], "{}"))
	}
	return names
}

// HasProcedureStep says whether the catalogue knows the step.
func HasProcedureStep(id string) bool { _, ok := procedureSteps[id]; return ok }

// Found renders what a step found: key=value, by spaces. An unknown key is shown
// as it is.
func (m Messages) Found(found string) string {
	var out []string
	for _, f := range strings.Fields(found) {
		key, value, _ := strings.Cut(f, "=")
		out = append(out, m.found(key, value))
	}
	return strings.Join(out, ", ")
}

func (m Messages) found(key, value string) string {
	d, err := time.ParseDuration(value)
	n, _ := strconv.Atoi(value) // 0 is shown of what is no number
	switch key {
	case "verdict":
		return m.VerdictName(value)
	case "rounds":
		return m.say("%s bonnes vérifications", "%s good rounds", value)
	case "calls":
		return m.Calls(n)
	case "age":
		if err != nil {
			return m.say("âge inconnu", "age unknown")
		}
		return m.say("copiées il y a %s", "copied %s ago", m.Ago(d))
	case "lag":
		return m.say("retard du miroir %s", "mirror lags by %s", m.Ago(d))
	case "worst":
		return m.say("au plus %s", "at most %s", m.Ago(d))
	case "wait":
		return m.say("encore %s", "%s left", m.Ago(d))
	case "took":
		return m.say("en %s", "in %s", m.Took(d))
	case "rtt":
		return m.Milliseconds(float64(d.Microseconds()) / 1000)
	case "server", "holder", "active":
		return value
	case "reason":
		return strings.TrimSuffix(m.Reason(router.Reason(value)), ".")
	case "alarm":
		return m.AlarmTitle(alarmNumber(value), "")
	case "word":
		if p, ok := foundWords[value]; ok {
			return m.of(p)
		}
	}
	return strings.TrimPrefix(key+"="+value, "text=")
}

var foundWords = map[string]pair{
	"unknown":     {"inconnu", "unknown"},
	"silent":      {"ne répond pas", "does not answer"},
	"refused":     {"port fermé", "port closed"},
	"answers":     {"répond", "answers"},
	"ready":       {"prêt", "ready"},
	"not-ready":   {"pas prêt", "not ready"},
	"drained":     {"ne reçoit plus d'appels, à la demande d'un opérateur", "drained by an operator"},
	"bound":       {"enregistré, et l'autre ne l'est plus", "registered, and the other one is not"},
	"unbound":     {"pas enregistré", "not registered"},
	"elsewhere":   {"encore enregistré à l'IPBX", "still registered at the IPBX"},
	"foreign":     {"un autre équipement est enregistré", "another device is registered"},
	"maintenance": {"une maintenance est en cours", "a maintenance is running"},
	"moving":      {"un changement de rôle est en cours", "a change of role is under way"},
	"trunk":       {"sans objet, mode trunk", "not applicable, mode trunk"},
	"streaming":   {"la réplication fonctionne", "the replication runs"},
	"broken":      {"la réplication ne fonctionne pas", "the replication does not run"},
	"up":          {"répond", "answers"},
	"down":        {"ne répond pas", "does not answer"},
	"main":        {"principale", "main"},
	"standby":     {"réplique", "replica"},
	"audible":     {"l'appel de test est bon", "the test call is good"},
	"no-answer":   {"l'appel de test a échoué", "the test call failed"},
	"no-call":     {"aucun appel jusqu'ici", "no call so far"},
	"answered":    {"un appel a été servi", "a call was answered"},
	"not-asked":   {"pas de réponse dans le fichier", "no answer in the file"},
	"early":       {"moins de 15 min depuis la panne du principal, ou stabilité pas atteinte", "less than 15 min since the primary failed, or not stable yet"},
	"unmarked":    {"rôle inconnu", "role unknown"},
}
