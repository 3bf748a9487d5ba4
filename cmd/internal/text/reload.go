package text

import "strings"

// ConfigSame and ConfigDiffers end config diff.
func (m Messages) ConfigSame() string {
	return m.say("Rien ne diffère.", "Nothing differs.")
}

// ConfigDiffers counts the changes, and those that need a restart.
func (m Messages) ConfigDiffers(n int, restart []string) string {
	if len(restart) == 0 {
		return m.say("%d différence(s), toutes applicables en marche : « releve reload ».",
			"%d difference(s), all of them can be applied while it runs: \"releve reload\".", n)
	}
	return m.say("%d différence(s), dont %d qui demandent un redémarrage : %s.",
		"%d difference(s), of which %d need a restart: %s.", n, len(restart), strings.Join(restart, ", "))
}

// NeedsRestart stands beside a change that a reload does not apply.
func (m Messages) NeedsRestart() string {
	return m.say("demande un redémarrage", "needs a restart")
}

// PasswordChanged says so of the password at path; its values are not shown.
func (m Messages) PasswordChanged(path string) string {
	return m.say("%s : mot de passe changé", "%s: password changed", path)
}

// Reloaded ends releve reload; n is the number of changes applied.
func (m Messages) Reloaded(n int) string {
	if n == 0 {
		return m.say("Configuration relue : rien n'a changé.", "Configuration read again: nothing has changed.")
	}
	return m.say("Configuration relue, %d changement(s) appliqué(s) ; les appels en cours n'ont rien remarqué.",
		"Configuration read again, %d change(s) applied; calls in progress noticed nothing.", n)
}

// ReloadFaulty: the file has faults.
func (m Messages) ReloadFaulty(file string, faults int) string {
	return m.say("%s : %d faute(s), rien n'est appliqué, l'ancienne configuration reste en service.",
		"%s: %d fault(s), nothing is applied, the former configuration stays in service.", file, faults)
}

// ReloadNeedsRestart names the keys that no reload applies.
func (m Messages) ReloadNeedsRestart(paths []string) string {
	return m.say("Ces clés demandent un redémarrage : %s. Rien n'est appliqué. Remettez-les, ou faites « systemctl restart releve » à une heure calme ; les conversations en cours continuent.",
		"These keys need a restart: %s. Nothing is applied. Put them back, or \"systemctl restart releve\" at a quiet hour; conversations in progress go on.", strings.Join(paths, ", "))
}

// ReloadBusy: what was asked for moves the registration, and something else does.
func (m Messages) ReloadBusy() string {
	return m.say("Une bascule, un retour ou un autre rechargement est en cours : rien n'est appliqué, recommencez quand il est fini.",
		"A switchover, a return or another reload is under way: nothing is applied, do it again when it has ended.")
}

// ReloadImpossible: nothing is applied for another cause.
func (m Messages) ReloadImpossible(cause string) string {
	return m.say("Rien n'est appliqué : %s.", "Nothing is applied: %s.", cause)
}

// HeldElsewhere: after a reload a former registrar has not proven that the
// binding there is gone.
func (m Messages) HeldElsewhere() string {
	return m.say("L'ancien IPBX n'a pas prouvé le départ de l'enregistrement : une bascule attendra qu'il y ait expiré (releve licence).",
		"The former IPBX has not proven that the registration is gone: a switchover will wait until it has expired there (releve licence).")
}
