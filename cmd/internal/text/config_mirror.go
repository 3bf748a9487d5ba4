package text

import "time"

// ConfigMirrorUnwatched (CFG-040, advice).
func (m Messages) ConfigMirrorUnwatched() string {
	return m.say("le miroir de la base n'est pas surveillé (pas de section mirror) ; sans elle, une bascule peut mettre en service des données anciennes, et la panne de la base principale n'est pas signalée.",
		"the database mirror is not watched (no mirror section); without it a switchover may put old data into service, and a failure of the main database is not told.")
}

// ConfigMirrorLevel (CFG-110): the level has no mirror.
func (m Messages) ConfigMirrorLevel(level string) string {
	return m.say("mirror : le niveau « %s » n'a pas de base en miroir ; retirez cette section, ou choisissez mirroring ou high-availability.",
		"mirror: level %q has no mirrored database; remove this section, or choose mirroring or high-availability.", level)
}

// ConfigMirrorTable (CFG-111).
func (m Messages) ConfigMirrorTable(key, value string) string {
	return m.say("%s : « %s » n'est pas un nom de table ; écrivez true (releve_heartbeat), false, ou un nom en minuscules, avec ou sans schéma.",
		"%s: %q is no name of a table; write true (releve_heartbeat), false, or a name in lower case, with or without a schema.", key, value)
}

// ConfigBadSize (CFG-112).
func (m Messages) ConfigBadSize(key, value string) string {
	return m.say("%s : « %s » n'est pas une taille ; écrivez par exemple 500MB ou 4GB.",
		"%s: %q is no size; write for example 500MB or 4GB.", key, value)
}

// ConfigMirrorKinds (CFG-113).
func (m Messages) ConfigMirrorKinds(main, mirror string) string {
	return m.say("la base principale est %s et le miroir %s ; un miroir est la copie d'une base de même nature.",
		"the main database is %s and the mirror %s; a mirror is the copy of a database of the same kind.", main, mirror)
}

// ConfigMirrorSame (CFG-113).
func (m Messages) ConfigMirrorSame(address string) string {
	return m.say("la base principale et le miroir sont tous deux à %s ; donnez l'adresse de chacun.",
		"the main database and the mirror are both at %s; give the address of each.", address)
}

// ConfigMirrorBeat (CFG-114).
func (m Messages) ConfigMirrorBeat() string {
	return m.say("mirror : MySQL et MariaDB sont surveillés par un battement ; ajoutez heartbeat: true (Relève écrit une ligne dans sa propre table, releve_heartbeat).",
		"mirror: MySQL and MariaDB are watched by a heartbeat; add heartbeat: true (Relève writes one row in a table of its own, releve_heartbeat).")
}

// ConfigMirrorLag (CFG-115).
func (m Messages) ConfigMirrorLag(limit, interval time.Duration) string {
	return m.say("mirror.max_lag (%s) doit valoir au moins deux fois mirror.interval (%s) ; un retard plus court ne se mesure pas.",
		"mirror.max_lag (%s) must be at least twice mirror.interval (%s); a shorter lag cannot be measured.", Short(limit), Short(interval))
}

// ConfigDatabaseTLS (CFG-116): a setting of a database's address that nobody knows.
func (m Messages) ConfigDatabaseTLS(key, setting, known string) string {
	return m.say("%s : « %s » n'est pas un réglage de liaison chiffrée ; pour cette base : %s.",
		"%s: %q is no setting of an encrypted connection; for this database: %s.", key, setting, known)
}

// ConfigDatabaseUnverified (CFG-116): an authority is given, and nobody asks it.
func (m Messages) ConfigDatabaseUnverified(key, authority, verified string) string {
	return m.say("%s : %s est donné, et rien n'est vérifié avec lui ; ajoutez %s.",
		"%s: %s is given, and nothing is verified by it; add %s.", key, authority, verified)
}

// ConfigDatabaseHalf (CFG-116): a certificate without its key, or the other way.
func (m Messages) ConfigDatabaseHalf(key, certificate, private string) string {
	return m.say("%s : %s et %s vont ensemble ; donnez les deux, ou aucun.",
		"%s: %s and %s go together; give both, or neither.", key, certificate, private)
}

// ConfigMirrorURL (CFG-070): the address of a database of the mirror section.
func (m Messages) ConfigMirrorURL(key, value string) string {
	return m.say("%s : « %s » n'est pas l'adresse d'une base ; écrivez par exemple \"postgres://releve@10.30.0.21:5432/welsuite\" ou \"mysql://releve@10.30.0.21:3306/welsuite\".",
		"%s: %q is no address of a database; write for example \"postgres://releve@10.30.0.21:5432/welsuite\" or \"mysql://releve@10.30.0.21:3306/welsuite\".", key, value)
}
