package text

import "time"

// The sentences of config.Check about addresses, TLS and limits.

// ConfigCharacter (CFG-048): a value that could break out of a SIP header.
func (m Messages) ConfigCharacter(key, character string) string {
	return m.say("%s : le caractère %s n'est pas permis ici ; il pourrait couper ou ajouter un en-tête SIP.",
		"%s: character %s is not allowed here; it could cut or add a SIP header.", key, character)
}

// ConfigNoTCP (CFG-049, advice): RFC 3261 §18.2.1.
func (m Messages) ConfigNoTCP(address string) string {
	return m.say("udp://%[1]s est seul ; ajoutez tcp://%[1]s : un message trop grand pour UDP y arrive (RFC 3261 §18.2.1).",
		"udp://%[1]s stands alone; add tcp://%[1]s: a message too large for UDP comes there (RFC 3261 §18.2.1).", address)
}

// ConfigNoSources (CFG-050, advice): the IPBX is a name.
func (m Messages) ConfigNoSources(ipbx, host string) string {
	return m.say("l'IPBX %s n'a pas de sources : seules les adresses de %s au DNS sont acceptées. Donnez sources pour que ses appels entrent même sans DNS.",
		"IPBX %s has no sources: only the addresses that DNS gives for %s are accepted. Give sources so that its calls get in even without DNS.", ipbx, host)
}

// ConfigAtMost (CFG-037): less must not be above more.
func (m Messages) ConfigAtMost(less string, lessValue int, more string, moreValue int) string {
	return m.say("%s (%d) ne doit pas dépasser %s (%d).", "%s (%d) must not exceed %s (%d).", less, lessValue, more, moreValue)
}

// ConfigTLSMissing (CFG-051): who speaks TLS has a certificate.
func (m Messages) ConfigTLSMissing(who, key string) string {
	return m.say("%s parle TLS : donnez %s.", "%s speaks TLS: give %s.", who, key)
}

// ConfigTLSFile (CFG-052): a PEM file cannot be read.
func (m Messages) ConfigTLSFile(key, file, cause string) string {
	return m.say("%s : le fichier %s ne peut pas être lu : %s.", "%s: file %s cannot be read: %s.", key, file, cause)
}

// ConfigNoCertificate (CFG-052): a PEM file holds no certificate.
func (m Messages) ConfigNoCertificate(key, file string) string {
	return m.say("%s : le fichier %s ne contient aucun certificat PEM.", "%s: file %s holds no PEM certificate.", key, file)
}

// ConfigNoKey (CFG-052): a PEM file holds no private key.
func (m Messages) ConfigNoKey(path, file string) string {
	return m.say("%s : le fichier %s ne contient aucune clé privée PEM.", "%s: file %s holds no PEM private key.", path, file)
}

// ConfigKeyEncrypted (CFG-052): nobody types a pass phrase when a service starts.
func (m Messages) ConfigKeyEncrypted(path, file string) string {
	return m.say("%[2]s : la clé %[1]s est protégée par une phrase secrète, que personne ne tape au démarrage d'un service ; « openssl pkey -in %[1]s -out … » écrit la clé sans elle.",
		"%[2]s: the key %[1]s is guarded by a pass phrase, which nobody types when a service starts; \"openssl pkey -in %[1]s -out …\" writes the key without it.", file, path)
}

// ConfigTLSPair (CFG-052): certificate and key do not belong together. The
// library's own words come last.
func (m Messages) ConfigTLSPair(certificate, key, cause string) string {
	return m.say("%s et %s ne vont pas ensemble : %s.", "%s and %s do not belong together: %s.", certificate, key, cause)
}

// ConfigTLSExpired (CFG-053).
func (m Messages) ConfigTLSExpired(file string, end time.Time) string {
	return m.say("le certificat %s a expiré le %s ; renouvelez-le.", "certificate %s ended on %s; renew it.", file, m.Day(end))
}

// ConfigTLSEarly (CFG-053): not valid yet; the clock may be wrong.
func (m Messages) ConfigTLSEarly(file string, begin time.Time) string {
	return m.say("le certificat %s ne vaut qu'à partir du %s ; vérifiez l'horloge de cette machine.",
		"certificate %s is valid only from %s; check this machine's clock.", file, m.Day(begin))
}

// ConfigTLSEnding (CFG-054, advice).
func (m Messages) ConfigTLSEnding(file string, end time.Time) string {
	return m.say("le certificat %s expire le %s ; commandez le suivant.", "certificate %s ends on %s; order the next one.", file, m.Day(end))
}

// Day writes a date.
func (m Messages) Day(t time.Time) string {
	return m.say("%s", "%s", t.Format(m.say("02/01/2006", "2006-01-02")))
}
