package text

import "time"

// The sentences of config.Check about the list of checks.

// ConfigTooLong (CFG-007): limit in characters.
func (m Messages) ConfigTooLong(key string, limit int) string {
	return m.say("%s : %d caractères au plus.", "%s: at most %d characters.", key, limit)
}

// ConfigURL (CFG-070): not an address that this check can ask.
func (m Messages) ConfigURL(key, value string, schemes []string) string {
	return m.say("%s : « %s » n'est pas une adresse %s ; écrivez par exemple \"%s://{host}/\" ({host} : l'adresse du serveur).",
		"%s: %q is no %s address; write for example \"%s://{host}/\" ({host}: the server's address).", key, value, m.list(schemes), schemes[0])
}

// ConfigPattern (CFG-071): the cause is that of the regular expression's reader.
func (m Messages) ConfigPattern(key, cause string) string {
	return m.say("%s n'est pas une expression régulière (RE2) : %s.", "%s is no regular expression (RE2): %s.", key, cause)
}

// ConfigCheckLate (CFG-072, advice).
func (m Messages) ConfigCheckLate(name string, timeout, round time.Duration) string {
	return m.say("la vérification « %s » peut durer %s, plus que verification.timeout (%s) ; ce qui n'est pas arrivé à temps compte comme indéterminé.",
		"check %q may take %s, longer than verification.timeout (%s); what has not come by then counts as unknown.", name, Short(timeout), Short(round))
}

// ConfigCheckShared (CFG-073, advice).
func (m Messages) ConfigCheckShared(name string) string {
	return m.say("la vérification « %s » ne nomme pas {host} : elle dit la même chose des deux serveurs, et ne prouve rien de leur machine.",
		"check %q does not name {host}: it says the same of both servers, and proves nothing about their machines.", name)
}
