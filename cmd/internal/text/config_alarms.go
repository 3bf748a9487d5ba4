package text

// The sentences of the section alarms.

// ConfigHostPort (CFG-120).
func (m Messages) ConfigHostPort(key, value string) string {
	return m.say("%s : « %s » n'est pas une adresse ; écrivez le nom ou l'adresse IP et le port, par exemple \"smtp.ch-exemple.fr:25\".",
		"%s: %q is not an address; write the name or the IP address and the port, for example \"smtp.ch-exemple.fr:25\".", key, value)
}

// ConfigMailbox (CFG-121).
func (m Messages) ConfigMailbox(key, value string) string {
	return m.say("%s : « %s » n'est pas une adresse de messagerie ; écrivez par exemple \"astreinte@ch-exemple.fr\".",
		"%s: %q is not a mail address; write for example \"astreinte@ch-exemple.fr\".", key, value)
}

// ConfigClearPassword (CFG-122).
func (m Messages) ConfigClearPassword(key string) string {
	return m.say("%s : un mot de passe ne part ni en clair, ni vers un relais dont le certificat n'est pas vérifié ; écrivez starttls ou implicit (ca_file pour un certificat du site), ou retirez username.",
		"%s: a password travels neither in clear nor to a relay whose certificate is not checked; write starttls or implicit (ca_file for a certificate of the site), or remove username.", key)
}

// ConfigHookDir (CFG-123).
func (m Messages) ConfigHookDir(dir, cause string) string {
	return m.say("le dossier des programmes d'alarme %s ne peut pas être lu : %s ; créez-le, ou retirez alarms.hooks.",
		"the directory of alarm programs %s cannot be read: %s; create it, or remove alarms.hooks.", dir, cause)
}

// ConfigNoHook (CFG-123).
func (m Messages) ConfigNoHook(dir string) string {
	return m.say("le dossier %s ne contient aucun programme exécutable : personne ne serait prévenu ; posez-en un (chmod +x), ou retirez alarms.hooks.",
		"directory %s holds no executable program: nobody would be told; put one there (chmod +x), or remove alarms.hooks.", dir)
}

// ConfigHookOpen (CFG-124).
func (m Messages) ConfigHookOpen(path string) string {
	return m.say("d'autres que son propriétaire peuvent écrire dans %s, que Relève exécute : « chmod go-w %[1]s ».",
		"others than its owner may write to %s, which Relève runs: \"chmod go-w %[1]s\".", path)
}

// ConfigHookIdle (CFG-125, advice).
func (m Messages) ConfigHookIdle(path string) string {
	return m.say("%s n'est pas exécutable et ne sera pas lancé ; « chmod +x %[1]s », ou retirez-le.",
		"%s is not executable and will not be run; \"chmod +x %[1]s\", or remove it.", path)
}

// ConfigBadName (CFG-013).
func (m Messages) ConfigBadName(key, value string) string {
	return m.say("%s : « %s » n'est pas un nom de machine.", "%s: %q is not a host name.", key, value)
}
