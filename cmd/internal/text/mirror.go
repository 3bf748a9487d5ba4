package text

import (
	"fmt"
	"strings"
	"time"
)

// MirrorState names a state of the mirrored database.
func (m Messages) MirrorState(state string) string {
	if p, ok := mirrorStates[state]; ok {
		return m.of(p)
	}
	return state
}

// HasMirrorCause says whether the catalogue knows a cause.
func HasMirrorCause(cause string) bool { _, ok := mirrorCauses[cause]; return ok || cause == "" }

// MirrorCause says what is wrong with it.
func (m Messages) MirrorCause(cause string) string {
	if p, ok := mirrorCauses[cause]; ok {
		return m.of(p)
	}
	return cause
}

var mirrorStates = map[string]pair{
	"ok":          {"à jour", "up to date"},
	"lagging":     {"EN RETARD", "LAGGING"},
	"mirror-down": {"LE MIROIR NE RÉPOND PAS", "THE MIRROR DOES NOT ANSWER"},
	"broken":      {"LE MIROIR N'EST PLUS SÛR", "THE MIRROR IS NOT SAFE"},
	"main-down":   {"LA BASE PRINCIPALE NE RÉPOND PAS", "THE MAIN DATABASE DOES NOT ANSWER"},
	"unknown":     {"pas encore regardé", "not looked at yet"},
}

// mirrorCauses are the words of health/mirror.Cause.
var mirrorCauses = map[string]pair{
	"main-down":      {"la base principale ne répond pas", "the main database does not answer"},
	"main-full":      {"le disque de la base principale est plein", "the disk of the main database is full"},
	"roles-swapped":  {"les rôles des deux bases sont inversés", "the roles of the two databases are swapped"},
	"main-standby":   {"la base principale est en lecture seule (elle réplique une autre base)", "the main database takes no changes (it is a replica)"},
	"promoted":       {"le miroir a été promu : les deux bases acceptent des écritures", "the mirror was promoted: both databases take changes"},
	"another":        {"le miroir n'est pas la copie de cette base principale", "the mirror is no copy of this main database"},
	"slot-lost":      {"le miroir ne peut plus rattraper : le journal qui lui manque a été supprimé", "the mirror can no longer catch up: the log that it lacks was removed"},
	"versions":       {"le miroir a une version majeure plus ancienne que la base principale", "the mirror's major version is older than the main's"},
	"not-streaming":  {"la réplication est arrêtée", "the replication has stopped"},
	"main-denied":    {"la base principale refuse le compte de surveillance", "the main database refuses the watch's account"},
	"mirror-down":    {"le miroir ne répond pas", "the mirror does not answer"},
	"main-tls":       {"la liaison chiffrée avec la base principale ne s'établit pas (certificat, autorité ou nom)", "no encrypted connection to the main database can be made (certificate, authority or name)"},
	"mirror-tls":     {"la liaison chiffrée avec le miroir ne s'établit pas (certificat, autorité ou nom)", "no encrypted connection to the mirror can be made (certificate, authority or name)"},
	"mirror-denied":  {"le miroir refuse le compte de surveillance", "the mirror refuses the watch's account"},
	"replay-paused":  {"le miroir reçoit sans appliquer (rejeu suspendu)", "the mirror receives and does not apply (replay paused)"},
	"lagging":        {"le miroir est en retard", "the mirror lags"},
	"mirror-full":    {"le disque du miroir est plein", "the disk of the mirror is full"},
	"wal-kept":       {"la base principale garde trop de journal pour un miroir qui ne le lit pas", "the main database keeps too much log for a mirror that does not read it"},
	"database-large": {"la base dépasse la taille prévue", "the database is larger than was planned"},
	"not-asked":      {"Relève ne peut pas interroger les bases", "Relève cannot ask the databases"},
}

// Lag is a lag for people: "0,4 s", "2 min 05 s".
func (m Messages) Lag(d time.Duration) string {
	if d < time.Minute {
		s := fmt.Sprintf("%.1f s", max(d.Seconds(), 0))
		if m.Lang() == French {
			s = strings.Replace(s, ".", ",", 1)
		}
		return s
	}
	return m.Took(d)
}

// MirrorLag says how far behind the mirror is; ago: how old that is, when it is no
// longer measured.
func (m Messages) MirrorLag(d, ago time.Duration) string {
	if ago > 0 {
		return m.say("retard %s (dernière mesure %s)", "lag %s (last measured %s)", m.Lag(d), m.SeenAgo(ago))
	}
	return m.say("retard %s", "lag %s", m.Lag(d))
}

// MirrorBlocks says that a switchover would be refused.
func (m Messages) MirrorBlocks() string {
	return m.say("bascule bloquée : le secours aurait des données anciennes", "switchover blocked: the secondary would have old data")
}

// AtRisk says what a switchover could not take along.
func (m Messages) AtRisk(d time.Duration, known bool) string {
	if !known {
		return m.say("données à risque : retard du miroir jamais mesuré", "data at risk: the mirror's lag was never measured")
	}
	return m.say("données à risque : %s", "data at risk: %s", m.Lag(d))
}

// Bytes is a size for people.
func (m Messages) Bytes(n int64) string {
	units := [...]pair{{"o", "B"}, {"Ko", "KB"}, {"Mo", "MB"}, {"Go", "GB"}, {"To", "TB"}}
	f, i := float64(n), 0
	for f >= 1024 && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	s := fmt.Sprintf("%.1f", f)
	if i == 0 || f >= 100 {
		s = fmt.Sprintf("%.0f", f)
	}
	if m.Lang() == French {
		s = strings.Replace(s, ".", ",", 1)
	}
	return s + " " + m.of(units[i])
}

// DatabaseState names whether a database can be asked; DatabaseRole what it says
// of itself.
func (m Messages) DatabaseState(state string) string {
	switch state {
	case "up":
		return m.say("répond", "answers")
	case "down":
		return m.say("NE RÉPOND PAS", "DOES NOT ANSWER")
	case "denied":
		return m.say("REFUSE LE COMPTE", "REFUSES THE ACCOUNT")
	case "untrusted":
		return m.say("LIAISON CHIFFRÉE REFUSÉE", "ENCRYPTED CONNECTION REFUSED")
	}
	return m.say("pas interrogée", "not asked")
}

// DatabaseRole names what a database says of itself.
func (m Messages) DatabaseRole(role string) string {
	switch role {
	case "primary":
		return m.say("en écriture", "takes changes")
	case "standby":
		return m.say("réplique", "replica")
	}
	return m.say("rôle inconnu", "role unknown")
}

// DatabaseCause is why a database does not answer: the words of the watch are
// translated, those of the database are shown as they are.
func (m Messages) DatabaseCause(cause string) string {
	if limit, ok := strings.CutPrefix(cause, "no answer within "); ok {
		return m.say("aucune réponse en %s", "no answer within %s", limit)
	}
	return m.Cause(cause)
}
