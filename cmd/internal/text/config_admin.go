package text

// The doors for operators.

// ConfigAdminListen (CFG-160).
func (m Messages) ConfigAdminListen(path, value string) string {
	return m.say("%s : « %s » n'est pas une adresse IP avec son port, par exemple \"127.0.0.1:8460\" ; off : pas d'écran d'alarme.",
		"%s: \"%s\" is no IP address with its port, for example \"127.0.0.1:8460\"; off: no alarm screen.", path, value)
}

// ConfigAdminOpen (CFG-161): the network reaches the screen.
func (m Messages) ConfigAdminOpen(address, lacks string) string {
	return m.say("%s est joignable du réseau : sans %s, n'importe qui verrait l'écran d'alarme et acquitterait à la place d'un autre ; donnez %[2]s, ou écoutez sur 127.0.0.1.",
		"%s can be reached from the network: without %s anybody could see the alarm screen and acknowledge in another's name; give %[2]s, or listen on 127.0.0.1.", address, lacks)
}

// ConfigAdminUserTwice (CFG-162).
func (m Messages) ConfigAdminUserTwice(name string) string {
	return m.say("admin.users : « %s » y est deux fois ; le journal ne saurait pas qui a agi.",
		"admin.users: \"%s\" is there twice; the journal would not know who acted.", name)
}

// ConfigAdminPassword (CFG-163).
func (m Messages) ConfigAdminPassword(name, file string) string {
	return m.say("le fichier %[2]s de « %[1]s » ne contient pas d'empreinte de mot de passe ; « releve user hash > %[2]s » l'écrit.",
		"file %[2]s of \"%[1]s\" holds no password hash; \"releve user hash > %[2]s\" writes it.", name, file)
}

// ConfigWallToken (CFG-164).
func (m Messages) ConfigWallToken(file string, shortest int) string {
	return m.say("le fichier %[1]s doit contenir un jeton de %[2]d à 256 lettres et chiffres ; « openssl rand -hex 32 > %[1]s » en écrit un.",
		"file %[1]s must hold a token of %[2]d to 256 letters and digits; \"openssl rand -hex 32 > %[1]s\" writes one.", file, shortest)
}

// ConfigAdminUserName (CFG-162).
func (m Messages) ConfigAdminUserName(path string, longest int) string {
	return m.say("%s : un nom a %d caractères au plus.", "%s: a name has %d characters at most.", path, longest)
}
