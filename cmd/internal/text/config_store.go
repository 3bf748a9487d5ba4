package text

// ConfigStoreURL (CFG-070): the address of the store's database.
func (m Messages) ConfigStoreURL(key, value string) string {
	return m.say("%s : « %s » n'est pas l'adresse d'une base PostgreSQL ; écrivez par exemple \"postgres://releve@10.30.0.31:5432/releve?sslmode=verify-full\" ; plusieurs serveurs se séparent par des virgules.",
		"%s: %q is no address of a PostgreSQL database; write for example \"postgres://releve@10.30.0.31:5432/releve?sslmode=verify-full\"; several servers are separated by commas.", key, value)
}

// ConfigStoreStandby (CFG-150).
func (m Messages) ConfigStoreStandby(setting string) string {
	return m.say("store.postgres : %s mènerait à un serveur en lecture seule, où rien ne peut être enregistré ; retirez ce réglage (le serveur qui accepte les écritures est cherché parmi tous ceux de l'adresse).",
		"store.postgres: %s would lead to a server that only reads, where nothing can be stored; remove that setting (the server that takes writes is looked for among all of the address).", setting)
}

// ConfigStoreSchema (CFG-150).
func (m Messages) ConfigStoreSchema(name string) string {
	return m.say("store.postgres : search_path=%s n'est pas un nom de schéma simple ; écrivez un seul nom, en minuscules, ou retirez-le (releve).",
		"store.postgres: search_path=%s is not one plain name of a schema; write one name in small letters, or remove it (releve).", name)
}

// ConfigStoreTwo (CFG-151): two stores would each hold a truth.
func (m Messages) ConfigStoreTwo(file string) string {
	return m.say("store.postgres : %s existe ; c'est l'ancien enregistrement de ce nœud (rôle, licence, historique), et la base PostgreSQL n'en sait rien : deux vérités, dont l'une désigne peut-être un autre serveur actif. Revenez d'abord en mode normal (releve retour), arrêtez releve, puis mettez ce fichier de côté avec ses -wal et -shm.",
		"store.postgres: %s exists; it is the former store of this node (role, licence, history), and the PostgreSQL database knows nothing of it: two truths, one of which may name another active server. Return to normal first (releve return), stop releve, then move this file aside with its -wal and -shm.", file)
}

// ConfigStoreBare (CFG-152, advice).
func (m Messages) ConfigStoreBare() string {
	return m.say("store.postgres : la liaison vers la base n'est pas protégée (numéros appelants, mot de passe) ; ajoutez sslmode=verify-full&sslrootcert=/etc/releve/db-ca.pem.",
		"store.postgres: the way to the database is not protected (callers' numbers, password); add sslmode=verify-full&sslrootcert=/etc/releve/db-ca.pem.")
}

// ConfigStoreNode (CFG-153).
func (m Messages) ConfigStoreNode(key, value string) string {
	return m.say("%s : « %s » n'est pas un nom de nœud ; recopiez les 16 caractères que donne l'alarme.",
		"%s: %q is no name of a node; copy the 16 characters that the alarm gives.", key, value)
}
