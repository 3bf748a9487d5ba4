package text

import "time"

// The sentences of config.Check about test calls and media.

// ConfigPorts (CFG-080).
func (m Messages) ConfigPorts(key, value string) string {
	return m.say("%s : « %s » n'est pas une plage de ports UDP ; écrivez par exemple 16384-16483 (de 1024 à 65535, au moins un port pair).",
		"%s: %q is no range of UDP ports; write for example 16384-16483 (from 1024 to 65535, with an even port at least).", key, value)
}

// ConfigPortTaken (CFG-081): the listener's port lies in media.ports.
func (m Messages) ConfigPortTaken(listener string, first, last uint16) string {
	return m.say("le port de %s est dans media.ports (%d-%d), réservé au son ; changez l'un des deux.",
		"the port of %s lies in media.ports (%d-%d), which is for sound; change one of them.", listener, first, last)
}

// ConfigOneCall (CFG-082).
func (m Messages) ConfigOneCall() string {
	return m.say("checks : une seule vérification par appel de test est possible ; gardez un seul numéro.",
		"checks: only one check of type call is possible; keep one test number.")
}

// ConfigMediaAdvertise (CFG-036): no address to show for sound.
func (m Messages) ConfigMediaAdvertise() string {
	return m.say("media : aucune adresse à annoncer pour le son ; donnez media.advertise, l'adresse IP que les serveurs et l'IPBX voient.",
		"media: there is no address to show for sound; give media.advertise, the IP address that the servers and the IPBX see.")
}

// ConfigAtMostTime (CFG-037): less may be as long as more, and no longer.
func (m Messages) ConfigAtMostTime(less string, a time.Duration, more string, b time.Duration) string {
	return m.say("%s (%s) ne peut pas dépasser %s (%s).", "%s (%s) must not be more than %s (%s).", less, Short(a), more, Short(b))
}
