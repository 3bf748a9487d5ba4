package text

import (
	"strings"
	"time"
)

// BackupNoConfig: what is at path is no configuration.
func (m Messages) BackupNoConfig(path string) string {
	return m.say("%s n'est pas une configuration lisible ; « releve config check » dit pourquoi.",
		"%s is no configuration that can be read; \"releve config check\" says why.", path)
}

// BackupDone says what is in the backup and what is not.
func (m Messages) BackupDone(file string, postgres bool, leftOut []string) string {
	var b strings.Builder
	b.WriteString(m.say("Sauvegarde écrite : %s\n", "Backup written: %s\n", file))
	if postgres {
		b.WriteString(m.say("Les données sont dans PostgreSQL et n'y sont pas : pg_dump.\n", "The data are in PostgreSQL and not in it: pg_dump.\n"))
	}
	if len(leftOut) > 0 {
		b.WriteString(m.say("Les secrets n'y sont pas ; gardez-les ailleurs :\n", "Secrets are not in it; keep them elsewhere:\n"))
		lines(&b, leftOut)
	}
	return b.String()
}

// RestoreRunning: nothing was changed.
func (m Messages) RestoreRunning() string {
	return m.say("Relève est en marche sur ces données : arrêtez-la d'abord (systemctl stop releve). Rien n'a été changé.",
		"Relève runs on these data: stop it first (systemctl stop releve). Nothing was changed.")
}

// Restored says what a restore did, or would do.
func (m Messages) Restored(dry bool, site string, made time.Time, version string, written, aside, missing []string) string {
	var b strings.Builder
	b.WriteString(m.say("Sauvegarde de « %s », %s, Relève %s.\n", "Backup of \"%s\", %s, Relève %s.\n", site, made.Local().Format("2006-01-02 15:04"), version))
	if dry {
		b.WriteString(m.say("Essai : rien n'a été changé. Serait écrit :\n", "Trial: nothing was changed. Would be written:\n"))
	} else {
		b.WriteString(m.say("Restauré :\n", "Restored:\n"))
	}
	lines(&b, written)
	if len(aside) > 0 {
		b.WriteString(m.say("Ce qui y était est mis de côté :\n", "What was there is moved aside:\n"))
		lines(&b, aside)
	}
	if len(missing) > 0 {
		b.WriteString(m.say("Ces secrets manquent sur cette machine ; recopiez-les :\n", "These secrets are not on this machine; copy them here:\n"))
		lines(&b, missing)
	}
	b.WriteString(m.say("Avant de démarrer : regardez chez l'IPBX quel utilisateur est enregistré. Si ce n'est pas celui du serveur que cette sauvegarde dit actif, attendez la fin de son enregistrement.\n",
		"Before the start: see at the IPBX which user is registered. If it is not that of the server which this backup calls active, wait until its registration has ended.\n"))
	return b.String()
}

func lines(b *strings.Builder, of []string) {
	for _, l := range of {
		b.WriteString("  " + l + "\n")
	}
}
