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

// ConfigHoldPrompt (CFG-083).
func (m Messages) ConfigHoldPrompt(file, cause string) string {
	return m.say("overflow.hold_prompt : %s ne peut pas être joué : %s.", "overflow.hold_prompt: %s cannot be played: %s.", file, cause)
}

// PromptFormat is a WAV file in another format than those played.
func (m Messages) PromptFormat(format, channels, rate, bits int) string {
	return m.say("format %d, %d voie(s), %d Hz, %d bits ; enregistrez-le en 8000 Hz, mono, PCM 16 bits (ou loi A, loi µ)",
		"format %d, %d channel(s), %d Hz, %d bits; save it as 8000 Hz, mono, 16-bit PCM (or A-law, µ-law)", format, channels, rate, bits)
}

// PromptNotWave is a file of another kind.
func (m Messages) PromptNotWave() string {
	return m.say("ce n'est pas un fichier WAV", "it is no WAV file")
}

// PromptTooShort is a prompt of nearly nothing.
func (m Messages) PromptTooShort() string {
	return m.say("il dure moins d'une demi-seconde", "it lasts less than half a second")
}
