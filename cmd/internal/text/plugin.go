package text

import "time"

// The sentences of releve check.

// PluginAlarm names the gravest alarm; more: how many stand besides.
func (m Messages) PluginAlarm(number uint16, title string, more int) string {
	if more > 0 {
		return m.say("alarme %d %s et %d de plus", "alarm %d %s and %d more", number, title, more)
	}
	return m.say("alarme %d %s", "alarm %d %s", number, title)
}

// PluginTaken: somebody has acknowledged an alarm.
func (m Messages) PluginTaken(by string) string {
	return m.say("acquittée par %s", "acknowledged by %s", by)
}

// PluginTakenCount counts alarms that somebody has acknowledged.
func (m Messages) PluginTakenCount(n int) string {
	return m.say("%d alarme(s) acquittée(s)", "%d alarm(s) acknowledged", n)
}

// PluginFrozen: the node answers and decides nothing.
func (m Messages) PluginFrozen(age time.Duration) string {
	return m.say("Relève ne décide plus rien depuis %s ; dernière vue :", "Relève has decided nothing for %s; what it saw last:", m.Ago(age))
}

// PluginNoServer: a name that is neither a server nor a role.
func (m Messages) PluginNoServer(name string) string {
	return m.say("aucun serveur ne s'appelle %s", "no server is called %s", name)
}

// PluginDrained: an operator wants no new calls there.
func (m Messages) PluginDrained() string {
	return m.say("ne reçoit plus de nouveaux appels", "takes no new calls")
}

// PluginNotReady: it could not take over now.
func (m Messages) PluginNotReady() string {
	return m.say("pas prêt à prendre le relais", "not ready to take over")
}

// PluginCalls counts calls and lines.
func (m Messages) PluginCalls(calls uint64, reserved, lines int) string {
	return m.say("%d appel(s) en cours, %d ligne(s) sur %d", "%d call(s) in progress, %d line(s) of %d", calls, reserved, lines)
}

// PluginFull: every line is taken.
func (m Messages) PluginFull() string { return m.say("toutes occupées", "all taken") }

// PluginHeld counts callers that wait for a verification.
func (m Messages) PluginHeld(n uint64) string {
	return m.say("%d gardé(s) pendant la vérification", "%d waiting for a verification", n)
}

// PluginTrunk: nothing is registered in this mode.
func (m Messages) PluginTrunk() string {
	return m.say("aucun enregistrement SIP (mode trunk)", "no SIP registration (mode trunk)")
}

// PluginRefused: the IPBX refuses the registration.
func (m Messages) PluginRefused() string {
	return m.say("l'IPBX refuse l'enregistrement SIP", "the IPBX refuses the SIP registration")
}

// PluginMoving: the registration goes from one server's user to the other's.
func (m Messages) PluginMoving(to string) string {
	return m.say("l'enregistrement SIP passe au %s", "the SIP registration moves to the %s", to)
}

// PluginUnbound: nobody is registered.
func (m Messages) PluginUnbound() string {
	return m.say("personne n'est enregistré à l'IPBX", "nobody is registered at the IPBX")
}

// PluginBound: who is registered, and how long it lasts.
func (m Messages) PluginBound(role string, left time.Duration) string {
	return m.say("enregistrement SIP du %s, encore %s", "SIP registration of the %s, %s left", role, m.Ago(left))
}

// PluginGone: a server registers at Relève no longer (mode gate).
func (m Messages) PluginGone(server string) string {
	return m.say("%s ne s'enregistre plus auprès de Relève", "%s registers at Relève no longer", server)
}

// PluginNoMirror: the configuration has no mirror.
func (m Messages) PluginNoMirror() string {
	return m.say("aucun miroir n'est surveillé (section mirror de la configuration)", "no mirror is watched (section mirror of the configuration)")
}

// PluginMirror names the state of the mirror.
func (m Messages) PluginMirror(state string) string {
	return m.say("miroir de la base : %s", "mirror of the database: %s", state)
}

// PluginBlocks: a switchover is refused for it.
func (m Messages) PluginBlocks() string {
	return m.say("la bascule est refusée tant que cela dure", "a switchover is refused while this lasts")
}

// PluginLag is the age of what the mirror lacks.
func (m Messages) PluginLag(lag time.Duration) string {
	return m.say("retard %s", "lag %s", m.Lag(lag))
}

// PluginNode says that Relève runs.
func (m Messages) PluginNode(version, since string) string {
	return m.say("Relève %s tourne %s", "Relève %s runs %s", version, since)
}

// PluginNoCertificate: nothing of ours uses TLS.
func (m Messages) PluginNoCertificate() string {
	return m.say("aucun certificat n'est en service (sections tls et admin.tls de la configuration)", "no certificate is in use (sections tls and admin.tls of the configuration)")
}

// PluginCertificate says when one ends; days below zero: it has.
func (m Messages) PluginCertificate(name string, end time.Time, days int) string {
	if days < 0 {
		return m.say("certificat %s expiré depuis le %s", "certificate %s ended on %s", name, end.Format(time.DateOnly))
	}
	return m.say("certificat %s valable encore %d j (%s)", "certificate %s good for %d d (%s)", name, days, end.Format(time.DateOnly))
}

// PluginBroken: new files cannot be used.
func (m Messages) PluginBroken(cause string) string {
	return m.say("les nouveaux fichiers ne conviennent pas : %s", "the new files cannot be used: %s", cause)
}

// PluginGoneNode: nobody listens on the socket. No call is carried.
func (m Messages) PluginGoneNode(socket string) string {
	return m.say("Relève ne tourne pas (%s) : les appels ne passent plus par elle", "Relève is not running (%s): no call passes through it", socket)
}

// PluginDenied: the plugin may not open the socket.
func (m Messages) PluginDenied(socket string) string {
	return m.say("accès refusé à %s : mettez l'utilisateur de la supervision dans le groupe releve et dans admin.readers, puis redémarrez l'agent (NRPE)",
		"access to %s is denied: put the user of the supervision into group releve and into admin.readers, then restart the agent (NRPE)", socket)
}

// PluginHung: something accepts and does not answer.
func (m Messages) PluginHung(socket string, within time.Duration) string {
	return m.say("Relève ne répond pas en %s (%s)", "Relève does not answer within %s (%s)", m.Ago(within), socket)
}

// PluginUnseen: the check knows nothing because Relève does not answer.
func (m Messages) PluginUnseen(cause string) string {
	return m.say("état inconnu : %s", "state unknown: %s", cause)
}

// PluginNoFigure: a threshold for a check that measures nothing.
func (m Messages) PluginNoFigure(option string) string {
	return m.say("%s ne sert pas ici : cette sonde ne mesure rien", "%s serves nothing here: this check measures nothing", option)
}

// PluginBadRange: what was written is no threshold.
func (m Messages) PluginBadRange(option, value string) string {
	return m.say("%s : « %s » n'est pas un seuil ; écrivez 10, 10:, ~:10, 10:20 ou @10:20", "%s: %q is no threshold; write 10, 10:, ~:10, 10:20 or @10:20", option, value)
}
