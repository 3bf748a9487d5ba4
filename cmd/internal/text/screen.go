package text

import "fmt"

// Screen is a word of the alarm screen; an unknown key is an error of ours.
func (m Messages) Screen(key string) (string, error) {
	p, ok := screenWords[key]
	if !ok {
		return "", fmt.Errorf("no word %q for the alarm screen", key)
	}
	return m.of(p), nil
}

// ScreenKeys lists the keys of Screen, for tests.
func ScreenKeys() (keys []string) {
	for k := range screenWords {
		keys = append(keys, k)
	}
	return keys
}

var screenWords = map[string]pair{
	"screen":        {"Écran d'alarme", "Alarm screen"},
	"skip":          {"Aller aux alarmes", "Skip to the alarms"},
	"live":          {"en direct", "live"},
	"static":        {"relu toutes les 5 s", "read again every 5 s"},
	"lost":          {"liaison perdue", "connection lost"},
	"stale":         {"Données figées depuis", "Frozen data: nothing new for"},
	"stale-do":      {"N'en croyez pas l'écran : vérifiez Relève et le réseau, appelez l'accueil automatique pour l'entendre.", "Do not believe the screen: check Relève and the network, call the automated attendant to hear it."},
	"stale-blind":   {"Cette page n'est plus tenue à jour. Rechargez-la ; si rien ne vient, vérifiez Relève et le réseau.", "This page is no longer kept up to date. Reload it; if nothing comes, check Relève and the network."},
	"why-colon":     {"Pourquoi :", "Why:"},
	"active-server": {"Serveur actif :", "Active server:"},
	"no-active":     {"aucun", "none"},
	"servers":       {"Serveurs vocaux", "Voice servers"},
	"verification":  {"vérification", "verification"},
	"stability":     {"stabilité", "stability"},
	"answers-in":    {"répond en", "answers in"},
	"no-answer":     {"pas de réponse", "no answer"},
	"calls":         {"appels", "calls"},
	"lines":         {"lignes prises", "lines taken"},
	"of-lines":      {"sur", "of"},
	"can-take":      {"prêt à prendre la relève", "ready to take over"},
	"cannot-take":   {"pas prêt à prendre la relève", "not ready to take over"},
	"can-return":    {"prêt pour le retour", "ready for the return"},
	"cannot-ret":    {"pas encore prêt pour le retour", "not ready for the return yet"},
	"checks":        {"Autres vérifications du serveur", "Other checks of server"},
	"check":         {"Vérification", "Check"},
	"result":        {"Résultat", "Result"},
	"links":         {"Liaisons", "Links"},
	"link":          {"Liaison", "Link"},
	"state":         {"État", "State"},
	"detail":        {"Détail", "Detail"},
	"registration":  {"Enregistrement SIP", "Registration"},
	"mirror":        {"Miroir de la base", "Database mirror"},
	"ipbx":          {"IPBX", "IPBX"},
	"today":         {"Appels", "Calls"},
	"alive":         {"donne signe de vie", "shows signs of life"},
	"copy":          {"Données du secours (copie)", "The secondary's data (copy)"},
	"copied":        {"copiées il y a", "copied, age"},
	"unseen":        {"plus vu", "unseen"},
	"never-seen":    {"pas encore vu", "not seen yet"},
	"good":          {"en ordre", "fine"},
	"bad":           {"en panne", "failing"},
	"care":          {"à surveiller", "to be watched"},
	"unknown":       {"inconnu", "unknown"},
	"idle":          {"sans objet", "not used"},
	"alarms":        {"Alarmes actives", "Active alarms"},
	"no-alarm":      {"Aucune alarme active.", "No active alarm."},
	"acknowledge":   {"Acquitter", "Acknowledge"},
	"ack-explain":   {"Acquitter dit aux autres que vous vous en occupez. La panne continue, et l'alarme reste affichée jusqu'à sa fin.", "To acknowledge tells the others that you take care of it. The fault goes on, and the alarm stays until its end."},
	"ack-by":        {"Acquittée par", "Acknowledged by"},
	"ack-at":        {"à", "at"},
	"not-acked":     {"Personne ne l'a encore acquittée", "Nobody has acknowledged it yet"},
	"comment":       {"Commentaire", "Comment"},
	"optional":      {"facultatif", "optional"},
	"your-name":     {"Votre nom", "Your name"},
	"cancel":        {"Annuler", "Cancel"},
	"back":          {"Retour à l'écran", "Back to the screen"},
	"raised":        {"depuis", "for"},
	"times":         {"fois", "times"},
	"what-to-do":    {"Que faire ?", "What to do?"},
	"contacts":      {"À prévenir", "Whom to call"},
	"timeline":      {"Chronologie", "Timeline"},
	"no-event":      {"Rien encore.", "Nothing yet."},
	"no-journal":    {"Le journal ne peut pas être lu en ce moment ; voici le dernier connu.", "The journal cannot be read at the moment; this is the last known."},
	"by":            {"par", "by"},
	"wall":          {"Écran mural", "Wallboard"},
	"leave-wall":    {"Quitter l'écran mural", "Leave the wallboard"},
	"language":      {"English", "Français"},
	"version":       {"Relève téléphonie", "Relève"},
	"level":         {"niveau", "level"},
	"up":            {"en marche", "up"},
	"node-clock":    {"heure de Relève", "Relève's time"},
	"observation":   {"OBSERVATION : Relève ne fait que regarder", "OBSERVATION: Relève only watches"},
	"login":         {"Se connecter", "Log in"},
	"logout":        {"Se déconnecter", "Log out"},
	"user":          {"Nom d'utilisateur", "User name"},
	"password":      {"Mot de passe", "Password"},
	"wrong-login":   {"Nom ou mot de passe refusé.", "Name or password refused."},
	"too-many":      {"Trop d'essais. Attendez une minute, puis recommencez.", "Too many attempts. Wait a minute, then try again."},
	"ended":         {"Votre session est finie : connectez-vous de nouveau.", "Your session has ended: log in again."},
	"reader-only":   {"Vous pouvez regarder, pas acquitter : demandez le rôle operator.", "You may look, not acknowledge: ask for the role operator."},
	"name-needed":   {"Donnez votre nom : il va dans le journal.", "Give your name: it goes into the journal."},
	"new-alarm":     {"Nouvelle alarme :", "New alarm:"},
	"close":         {"Fermer", "Close"},
	"more":          {"autres alarmes", "more alarms"},
	"refused":       {"La demande est refusée.", "The request is refused."},
}

// ActiveCount says how many alarms stand.
func (m Messages) ActiveCount(n int) string {
	switch n {
	case 0:
		return m.say("aucune alarme", "no alarm")
	case 1:
		return m.say("1 alarme", "1 alarm")
	}
	return m.say("%d alarmes", "%d alarms", n)
}

// ServerRole names a server by its role: "serveur principal".
func (m Messages) ServerRole(role string) string {
	switch role {
	case "primary":
		return m.say("serveur principal", "primary server")
	case "secondary":
		return m.say("serveur de secours", "secondary server")
	}
	return role
}

// TypedName is an operator's name as the journal keeps it, when nobody checked
// who typed it.
func (m Messages) TypedName(name string) string { return m.say("%s (écran)", "%s (screen)", name) }

// AskPassword and AskPasswordAgain are prompts.
func (m Messages) AskPassword() string { return m.say("Mot de passe : ", "Password: ") }

// AskPasswordAgain asks for it once more.
func (m Messages) AskPasswordAgain() string {
	return m.say("Le même, encore une fois : ", "The same once more: ")
}

// PasswordsDiffer says that the two are not the same.
func (m Messages) PasswordsDiffer() string {
	return m.say("Les deux mots de passe diffèrent ; rien n'est écrit.", "The two passwords differ; nothing is written.")
}

// PasswordLength says how long one is, in bytes.
func (m Messages) PasswordLength(shortest, longest int) string {
	return m.say("Un mot de passe a %d à %d caractères ; choisissez-en un autre.", "A password has %d to %d characters; choose another.", shortest, longest)
}
