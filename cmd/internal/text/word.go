package text

import (
	"fmt"
	"strings"
	"time"

	"releve/router"
)

// Headline is the first line of every screen: does the automated attendant
// answer callers?
type Headline string

// The headlines, also sent as codes over the API.
const (
	Answering   Headline = "answering"    // the primary serves
	OnSecondary Headline = "on-secondary" // the secondary serves
	Nobody      Headline = "nobody"       // neither serves
	Unproven    Headline = "unproven"     // nothing was seen to answer since the start, or a move leaves a server that does not: never shown as well
	Checking    Headline = "checking"     // a verification runs, and the active server did not answer as it should
)

// Headline says it in words.
func (m Messages) Headline(h Headline) string {
	switch h {
	case Answering:
		return m.say("L'accueil automatique répond", "The automated attendant answers")
	case OnSecondary:
		return m.say("L'accueil automatique est en secours", "The automated attendant runs on the secondary")
	case Nobody:
		return m.say("Aucun serveur ne répond", "No server answers")
	case Unproven:
		return m.say("Rien ne prouve encore que l'accueil automatique répond",
			"Nothing proves yet that the automated attendant answers")
	case Checking:
		return m.say("Vérification en cours : le serveur actif ne répond pas normalement",
			"Being verified: the active server does not answer as it should")
	}
	return string(h)
}

// Phase names the state of the role machine; k of n is the progress of a
// verification and is shown only then.
func (m Messages) Phase(p router.Phase, k, n int) string {
	switch p {
	case router.Normal:
		return m.say("mode normal", "normal")
	case router.Verifying:
		return m.say("vérification %d/%d", "verification %d/%d", k, n)
	case router.Switching:
		return m.say("bascule vers le secours en cours", "switchover to the secondary under way")
	case router.OnSecondary:
		return m.say("en secours", "on the secondary")
	case router.Returning:
		return m.say("retour en mode normal en cours", "return to normal under way")
	case router.BothDown:
		return m.say("aucun serveur ne répond", "no server answers")
	case router.Maintenance:
		return m.say("maintenance (rôles figés)", "maintenance (roles frozen)")
	}
	return p.String()
}

// Verdict says what the evidence says of a server.
func (m Messages) Verdict(v router.Verdict) string {
	if int(v) < len(verdicts) {
		return m.of(verdicts[v])
	}
	return fmt.Sprint(uint8(v))
}

// VerdictName is Verdict for the name that records and events carry.
func (m Messages) VerdictName(name string) string {
	for v := range verdicts {
		if router.Verdict(v).String() == name {
			return m.of(verdicts[v])
		}
	}
	return name
}

var verdicts = [...]pair{
	router.VerdictUnknown:      {"état inconnu", "state unknown"},
	router.VerdictHealthy:      {"répond", "answers"},
	router.VerdictBusy:         {"occupé", "busy"},
	router.VerdictSlow:         {"lent", "slow"},
	router.VerdictDegraded:     {"répond par des erreurs", "answers with failures"},
	router.VerdictGray:         {"répond aux vérifications mais pas aux appels", "answers checks but not calls"},
	router.VerdictDeadApp:      {"Wel'Suite ne tourne plus", "Wel'Suite is not running"},
	router.VerdictDeadHost:     {"machine arrêtée ou débranchée", "machine off or unplugged"},
	router.VerdictDeadAlone:    {"plus aucune réponse", "no answer at all"},
	router.VerdictPartition:    {"injoignable d'ici, joignable de l'autre nœud", "unreachable from here, reachable from the other node"},
	router.VerdictIPBXFault:    {"l'IPBX est en cause", "the IPBX is at fault"},
	router.VerdictSelfIsolated: {"Relève est isolée du réseau", "Relève is cut off from the network"},
	router.VerdictSelfSick:     {"Relève est ralentie", "Relève is slowed down"},
}

// Role names a configured role; State says which one serves now.
func (m Messages) Role(role string) string {
	switch role {
	case "primary":
		return m.say("principal", "primary")
	case "secondary":
		return m.say("secours", "secondary")
	case "rescue":
		return m.say("opérateurs", "operators")
	case "none", "":
		return m.say("aucun", "none")
	}
	return role
}

// ServerState names what a server does now.
func (m Messages) ServerState(state string) string {
	switch state {
	case "active":
		return m.say("actif", "active")
	case "passive":
		return m.say("passif", "passive")
	case "down":
		return m.say("HS", "down")
	case "absent":
		return m.say("absent (attendu)", "absent (expected)")
	}
	return state
}

// Outcome names how a call ended, as its record carries it.
func (m Messages) Outcome(outcome string) string {
	switch outcome {
	case router.Answered.String():
		return m.say("servi", "answered")
	case router.Dissuaded.String():
		return m.say("renvoyé au principal (dissuasion)", "dissuaded")
	case router.Cancelled.String():
		return m.say("abandonné par l'appelant", "cancelled")
	case router.Rescued.String():
		return m.say("remis aux opérateurs", "rescued")
	case router.RefusedByPeer.String():
		return m.say("refusé", "refused")
	case router.Failed.String():
		return m.say("échoué", "failed")
	case router.Lost.String():
		return m.say("perdu", "lost")
	case "", "none":
		return m.say("en cours", "in progress")
	}
	return outcome
}

// Level names a security level.
func (m Messages) Level(level string) string {
	switch level {
	case "base":
		return m.say("base", "base")
	case "mirroring":
		return m.say("miroir", "mirroring")
	case "backup":
		return m.say("secours manuel", "backup")
	case "high-availability":
		return m.say("haute disponibilité", "high availability")
	}
	return level
}

// YesNo says b.
func (m Messages) YesNo(b bool) string {
	if b {
		return m.say("oui", "yes")
	}
	return m.say("non", "no")
}

// Ago prints how long something has lasted, with its two largest units:
// "12 j 04 h", "3 min 20 s", "850 ms".
func (m Messages) Ago(d time.Duration) string {
	switch {
	case d < 0:
		return m.say("inconnu", "unknown")
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min %02d s", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h %02d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	days, hours := d/(24*time.Hour), d%(24*time.Hour)/time.Hour
	return m.say("%d j %02d h", "%d d %02d h", days, hours)
}

// Took prints how long something took: "12 ms", "2,0 s", "1 min 05 s".
func (m Messages) Took(d time.Duration) string {
	if d < time.Second || d >= time.Minute {
		return m.Ago(max(d, 0).Round(time.Millisecond))
	}
	s := fmt.Sprintf("%.1f s", max(d.Seconds(), 1))
	if m.Lang() == French {
		s = strings.Replace(s, ".", ",", 1)
	}
	return s
}

// SeenAgo says when something was last seen.
func (m Messages) SeenAgo(d time.Duration) string { return m.say("il y a %s", "%s ago", m.Ago(d)) }

// Since adds Ago to "depuis".
func (m Messages) Since(d time.Duration) string { return m.say("depuis %s", "for %s", m.Ago(d)) }

// Calls counts calls in progress.
func (m Messages) Calls(n int) string {
	if n > 1 {
		return m.say("%d appels", "%d calls", n)
	}
	if n == 1 {
		return m.say("1 appel", "1 call")
	}
	return m.say("0 appel", "0 calls")
}
