package text

// Label names a value on a screen.
func (m Messages) Label(name string) string {
	if p, ok := labels[name]; ok {
		return m.of(p)
	}
	return name
}

// HasLabel says whether the catalogue knows name.
func HasLabel(name string) bool { _, ok := labels[name]; return ok }

var labels = map[string]pair{
	"contacts":        {"À prévenir", "To be told"},
	"integrator":      {"intégrateur", "integrator"},
	"on-call":         {"astreinte", "on call"},
	"tlmcom":          {"TLMCom", "TLMCom"},
	"active":          {"Serveur actif", "Active server"},
	"alarms":          {"Alarmes", "Alarms"},
	"answers-at":      {"répond par", "answers at"},
	"grants":          {"accorde au plus", "grants at most"},
	"answer":          {"décroché après", "answered after"},
	"call":            {"Appel", "Call"},
	"calls":           {"Appels", "Calls"},
	"caller":          {"De", "From"},
	"called":          {"Vers", "To"},
	"duration":        {"durée", "duration"},
	"length":          {"Durée", "Duration"},
	"user":            {"utilisateur", "user"},
	"waited":          {"a attendu", "waited"},
	"ended-by":        {"raccroché par", "ended by"},
	"epoch":           {"époque", "epoch"},
	"fence":           {"fait au plus tard à", "done by"},
	"foreign":         {"ENREGISTREMENT ÉTRANGER", "FOREIGN REGISTRATION"},
	"main-database":   {"base principale", "main database"},
	"mirror":          {"Base en miroir", "Mirrored database"},
	"mirror-database": {"miroir", "mirror"},
	"to-grant":        {"Droits à donner", "To be granted"},
	"wal-kept":        {"journal gardé pour un miroir", "log kept for a mirror"},
	"left":            {"s'est désenregistré", "unregistered"},
	"own-gone":        {"ne s'enregistre plus", "registers no longer"},
	"own-register":    {"dernier enregistrement reçu du serveur", "last registration received from server"},
	"maybe":           {"peut-être encore enregistré", "perhaps still registered"},
	"unchecked":       {"pas encore vérifié", "not checked yet"},
	"granted":         {"accordé pour", "granted for"},
	"held":            {"gardé", "held"},
	"holder":          {"enregistré", "registered"},
	"leaving":         {"À désenregistrer d'abord", "To be unregistered first"},
	"level":           {"Niveau", "Level"},
	"lines":           {"lignes", "lines"},
	"mode":            {"Mode", "Mode"},
	"never-seen":      {"pas encore vu", "not seen yet"},
	"none":            {"aucune", "none"},
	"not-ready":       {"pas prêt", "not ready"},
	"observation":     {"OBSERVATION", "OBSERVATION"},
	"outcome":         {"Issue", "Outcome"},
	"phase":           {"État", "State"},
	"ready":           {"prêt", "ready"},
	"unkept":          {"accordé mais pas gardé par l'IPBX", "granted but not kept by the IPBX"},
	"refused":         {"refusé par l'IPBX", "refused by the IPBX"},
	"registration":    {"Enregistrement SIP", "Registration"},
	"seen":            {"vu", "seen"},
	"server":          {"Serveur", "Server"},
	"stability":       {"stabilité", "stability"},
	"status":          {"code SIP", "SIP status"},
	"time":            {"Heure", "Time"},
	"waits":           {"Attente", "Waiting for"},
	"gone-by":         {"au plus tard jusqu'à", "until at the latest"},
	"elsewhere":       {"peut-être encore à son ancienne adresse d'enregistrement, jusqu'à", "perhaps still at its former registrar, until"},
	"listed":          {"dit par l'IPBX", "as the IPBX said"},
	"unbound":         {"non enregistré", "not registered"},
	"learnt-lines":    {"occupé à", "busy at"},
	"uncertain":       {"compte incertain", "uncertain count"},
	"unseen":          {"PLUS VU", "UNSEEN"},
	"until":           {"jusqu'à", "until"},
	"uptime":          {"En marche", "Up"},
	"verdict":         {"verdict", "verdict"},
}
