package text

import "strings"

// checkNotes are the words of package probe, in French. What a plugin, a
// database or an HTTP server says itself stays as it is.
var checkNotes = []struct{ english, french string }{
	{"no answer in time", "pas de réponse à temps"},
	{"not run yet", "pas encore lancée"},
	{"no result by the end of the round", "pas de résultat à la fin de la vérification"},
	{"stale: ", "trop ancien : "},
	{"this machine was busy or paused: ", "cette machine était occupée ou en pause : "},
	{"connected to ", "connecté à "},
	{"connection refused", "personne n'écoute"},
	{"answered ", "a répondu "},
	{", and nothing in ", " ; rien dans "},
	{" bytes matches", " octets ne correspond"},
	{", not ", " au lieu de "},
	{"the query returned no row", "la requête ne donne aucune ligne"},
	{"the query returned ", "la requête donne "},
	{"it does not speak as a PostgreSQL server: a message is longer than 1 MiB", "ce n'est pas un serveur PostgreSQL : un message dépasse 1 Mio"},
	{" did not end in time and was killed", " ne s'est pas terminé à temps et a été arrêté"},
	{" was ended by a signal: ", " a été terminé par un signal : "},
	{" printed nothing, exit ", " n'a rien écrit, code "},
	{"cannot run ", "impossible de lancer "},
	{"permission denied", "accès refusé"},
	{"no such file or directory", "fichier inexistant"},
	{"no address of the server is known", "l'adresse du serveur n'est pas connue"},
	{"too many plugins run at once", "trop de plugins à la fois"},
	{"an internal fault ended this check", "un défaut interne a interrompu cette vérification"},
	{"no command is configured for this check", "aucune commande n'est configurée"},
}

// CheckNote is what a check says of its result. ours: the words are those of
// Relève, not of what was asked.
func (m Messages) CheckNote(note string, ours bool) string {
	if m.lang != French || !ours {
		return note
	}
	for _, n := range checkNotes {
		note = strings.ReplaceAll(note, n.english, n.french)
	}
	return note
}
