package text

// Verb is a command of the command line.
type Verb string

// Help of a verb: one line in lists, and what its own page says more.
func (m Messages) Help(v Verb) (short, long string) {
	h, ok := helps[v]
	if !ok {
		h, ok = helpsOfProcedures[v]
	}
	if !ok {
		return string(v), ""
	}
	return m.of(h.short), m.of(h.long)
}

// HasHelp says whether the catalogue knows v.
func HasHelp(v Verb) bool {
	_, ok := helps[v]
	if !ok {
		_, ok = helpsOfProcedures[v]
	}
	return ok
}

type help struct{ short, long pair }

var helps = map[Verb]help{
	"releve": {
		pair{"Relève téléphonie : l'accueil automatique répond toujours", "Relève: the automated attendant always answers"},
		pair{
			"Relève téléphonie se place entre l'IPBX et les deux serveurs vocaux Wel'Suite.\nQuand le serveur principal ne répond plus, le serveur de secours prend la relève.",
			"Relève stands between the IPBX and the two Wel'Suite voice servers.\nWhen the primary no longer answers, the secondary takes over.",
		},
	},
	"serve": {
		pair{"Faire tourner Relève (le service lui-même)", "Run Relève (the service itself)"},
		pair{
			"Tourne au premier plan jusqu'à SIGINT ou SIGTERM. Code 78 : la configuration a des fautes.",
			"Runs in the foreground until SIGINT or SIGTERM. Exit code 78: the configuration has faults.",
		},
	},
	"status": {
		pair{"Qui répond aux appels, pourquoi, depuis quand", "Who answers calls, why, since when"},
		pair{
			"Codes de sortie : 0 nominal, 1 dégradé (en secours, alarme), 2 aucun serveur ne répond, 3 Relève injoignable.",
			"Exit codes: 0 nominal, 1 degraded (on the secondary, alarm), 2 no server answers, 3 Relève unreachable.",
		},
	},
	"calls": {
		pair{"Les appels en cours et les derniers terminés", "Calls in progress and the latest ended"},
		pair{"FILTRE : début du Call-ID ou morceau de numéro.", "FILTER: start of the Call-ID or part of a number."},
	},
	"explain": {
		pair{"Pourquoi un appel est allé où il est allé, ou pourquoi il y a eu bascule ou non", "Why a call went where it went, or why there was a switchover or none"},
		pair{
			"APPEL : début du Call-ID ou morceau de numéro. Sans APPEL : la dernière vérification, ses preuves et la règle de chacune ; --count, --timeout, --alone-extra et --switch-on rejouent ces preuves avec d'autres réglages.",
			"CALL: start of the Call-ID or part of a number. Without CALL: the last verification, its evidence and the rule of each round; --count, --timeout, --alone-extra and --switch-on replay that evidence under other settings.",
		},
	},
	"report": {
		pair{"Le bilan d'une période : ce qui a été fait ou, en observation, l'aurait été", "The report of a period: what was done or, in observation, would have been"},
		pair{"", ""},
	},
	"events": {
		pair{"Le journal : tout ce qui a changé, dans l'ordre", "The journal: everything that changed, in order"},
		pair{"", ""},
	},
	"licence": {
		pair{"L'état de l'enregistrement SIP à l'IPBX", "The state of the registration at the IPBX"},
		pair{"", ""},
	},
	"probe": {
		pair{"Vérifier un serveur maintenant", "Check a server now"},
		pair{
			"SERVEUR : nom ou rôle (primary, secondary) ; all : les deux. Codes de sortie : 0 répond, 2 ne répond pas.",
			"SERVER: name or role (primary, secondary); all: both. Exit codes: 0 answers, 2 does not answer.",
		},
	},
	"switchover": {
		pair{"Basculer vers le serveur de secours", "Switch over to the secondary"},
		pair{
			"Les nouveaux appels et l'enregistrement SIP passent au serveur de secours ; les appels en cours restent où ils sont.\nCodes de sortie : 0 fait, 1 refusé ou abandonné, 4 déjà fait, 5 accepté mais pas terminé.",
			"New calls and the registration move to the secondary; calls in progress stay where they are.\nExit codes: 0 done, 1 refused or given up, 4 already done, 5 accepted but not finished.",
		},
	},
	"return": {
		pair{"Revenir en mode normal, sur le principal", "Return to normal, to the primary"},
		pair{
			"Le retour n'est jamais automatique. Codes de sortie : comme ceux de la bascule.",
			"The return is never automatic. Exit codes: as those of switchover.",
		},
	},
	"maintenance": {
		pair{"Figer les rôles pendant une intervention", "Freeze the roles during an intervention"},
		pair{
			"Pendant une maintenance rien ne bascule ; les vérifications continuent.",
			"During a maintenance nothing switches; checks go on.",
		},
	},
	"maintenance start": {pair{"Commencer une maintenance", "Start a maintenance"}, pair{"", ""}},
	"maintenance stop":  {pair{"Terminer la maintenance", "End the maintenance"}, pair{"", ""}},
	"drain": {
		pair{"Ne plus envoyer d'appels à un serveur ; ceux en cours continuent", "Send no more calls to a server; those in progress go on"},
		pair{
			"Sans SERVEUR : le passif. Il n'est alors plus prêt : rien ne bascule vers lui. Le serveur actif ne l'accepte qu'avec --force : ses nouveaux appels vont au poste des opérateurs ou sont refusés. Survit à un redémarrage ; « releve drain stop » y met fin.\nCodes de sortie : 0 fait (avec --wait : plus aucun appel), 1 refusé, ou des appels restent, 4 déjà fait.",
			"Without SERVER: the passive one. It is then not ready: nothing switches to it. The active server takes it by --force only: its new calls go to the operators' desk or are refused. Survives a restart; \"releve drain stop\" ends it.\nExit codes: 0 done (with --wait: no call left), 1 refused, or calls are left, 4 already so.",
		},
	},
	"drain stop": {
		pair{"Lui envoyer de nouveau des appels", "Send it calls again"}, pair{"", ""},
	},
	"alarms": {
		pair{"Les alarmes et que faire", "The alarms and what to do"},
		pair{
			"Codes de sortie : 0 aucune, 1 mineure ou avertissement, 2 majeure ou critique.",
			"Exit codes: 0 none, 1 minor or warning, 2 major or critical.",
		},
	},
	"alarms ack": {
		pair{"Prendre une alarme en charge : les rappels cessent, la panne continue", "Take an alarm: reminders end, the fault goes on"},
		pair{
			"Qui (l'utilisateur de cette machine) et le commentaire sont notés et montrés.",
			"Who (the user of this machine) and the comment are recorded and shown.",
		},
	},
	"alarms history":   {pair{"Les alarmes actives et celles qui sont finies", "The alarms that stand and those that ended"}, pair{"", ""}},
	"alarms receivers": {pair{"Qui est prévenu, et ce qui attend encore", "Who is told, and what still waits"}, pair{"", ""}},
	"alarms test": {
		pair{"Envoyer un essai et montrer la réponse du destinataire", "Send a test and show what the receiver says"},
		pair{
			"DESTINATAIRE : un nom de « releve alarmes destinataires », le premier mot de son nom (mail, hook, …), ou all. Codes de sortie : 0 tous l'ont reçu, 2 sinon.",
			"RECEIVER: a name of \"releve alarms receivers\", the first word of its name (mail, hook, …), or all. Exit codes: 0 all have taken it, 2 otherwise.",
		},
	},
	"alarms silence": {
		pair{"Ne pas envoyer d'alarmes pendant une intervention", "Send no alarms during an intervention"},
		pair{
			"Les alarmes sont notées et montrées ; à la fin, ce qui est encore actif est envoyé. L'alarme 1002 (personne ne répond) est envoyée malgré tout, sauf avec --all. Sept jours au plus. Les bascules continuent : « releve maintenance » les fige, et n'arrête pas les envois.",
			"Alarms are recorded and shown; at the end what still stands is sent. Alarm 1002 (nobody answers) is sent all the same, except with --all. Seven days at most. Switchovers go on: \"releve maintenance\" freezes them, and does not stop the sending.",
		},
	},
	"alarms resume": {pair{"Terminer les silences, ou celui de ce numéro", "End the silences, or the one of that number"}, pair{"", ""}},
	"demo": {
		pair{"Toute l'histoire en moins d'une minute, sur cette machine", "The whole story in less than a minute, on this machine"},
		pair{
			"IPBX et serveurs simulés, vrais SIP et RTP sur l'interface locale ; rien d'autre n'est touché.\nCodes de sortie : 0 tous les contrôles sont bons, 1 l'un d'eux a échoué.",
			"Simulated IPBX and servers, real SIP and RTP on loopback; nothing else is touched.\nExit codes: 0 every check holds, 1 one failed.",
		},
	},
	"config": {pair{"Écrire, vérifier, montrer la configuration", "Write, check, show the configuration"}, pair{"", ""}},
	"config init": {
		pair{"Écrire une configuration commentée, à compléter", "Write a commented configuration, to be completed"},
		pair{
			"Sur la sortie standard : releve config init --ipbx oxe > releve.yaml",
			"On the standard output: releve config init --ipbx oxe > releve.yaml",
		},
	},
	"config check": {
		pair{"Vérifier la configuration ; toutes les fautes d'un coup", "Check the configuration; every fault at once"},
		pair{"Codes de sortie : 0 correcte, 78 fautes.", "Exit codes: 0 correct, 78 faults."},
	},
	"config show": {
		pair{"Montrer les valeurs effectives, mots de passe masqués", "Show the effective values, passwords masked"},
		pair{"", ""},
	},
	"config diff": {
		pair{"Comparer la configuration en service et le fichier, ou deux fichiers", "Compare the running configuration and the file, or two files"},
		pair{
			"Sans argument : celle qui est en service et le fichier de -c. ANCIEN NOUVEAU : deux fichiers. Dit ce qui demande un redémarrage ; les mots de passe ne se comparent qu'entre deux fichiers.\nCodes de sortie : 0 identiques, 1 différences, 2 erreur.",
			"Without arguments: the running one and the file of -c. OLD NEW: two files. Says what needs a restart; passwords are compared between two files only.\nExit codes: 0 same, 1 different, 2 error.",
		},
	},
	"config profiles": {
		pair{"Ce que chaque profil d'IPBX règle, d'après quoi, et que régler à l'IPBX", "What each IPBX profile sets, on what ground, and what to set at the IPBX"},
		pair{"", ""},
	},
	"backup": {
		pair{"Sauvegarder la configuration et les données dans un fichier", "Save configuration and data to a file"},
		pair{
			"À côté de Relève en service ou sans elle. « -o FILE » vaut FILE. Le fichier ne doit pas exister. Les secrets n'y sont pas : la commande dit lesquels. Une base PostgreSQL se sauvegarde par pg_dump.\nCodes de sortie : 0 fait, 1 non.",
			"Beside a running Relève or without it. \"-o FILE\" is FILE. The file must not exist. Secrets are not in it: the command says which. A PostgreSQL database is saved by pg_dump.\nExit codes: 0 done, 1 not.",
		},
	},
	"restore": {
		pair{"Remettre en place une sauvegarde, Relève arrêtée", "Put a backup in place, Relève being stopped"},
		pair{
			"La configuration va à -c, les données au store.path qu'elle nomme ; ce qui s'y trouve est mis de côté, rien n'est effacé. --dry-run : examine et dit ce qui serait fait.\nCodes de sortie : 0 fait, 1 non.",
			"The configuration goes to -c, the data to the store.path that it names; what is there is moved aside, nothing is removed. --dry-run: examines, and says what would be done.\nExit codes: 0 done, 1 not.",
		},
	},
	"doctor": {
		pair{"Examiner cette machine : ports, horloge, disque, certificat, durcissement…", "Examine this machine: ports, clock, disk, certificate, hardening…"},
		pair{
			"N'a pas besoin de root, et dit ce qu'il n'a pas pu voir ; sans danger à côté de Relève en service.\nCodes de sortie : 0 convient, 1 réserves, 2 à corriger, 3 rien à examiner.",
			"Needs no root, and says what it could not see; harmless beside a running Relève.\nExit codes: 0 suits, 1 reservations, 2 to be corrected, 3 nothing to examine.",
		},
	},
	"check": {
		pair{"Sonde de supervision (Centreon, Nagios, NRPE) : l'état d'ensemble", "Monitoring plugin (Centreon, Nagios, NRPE): the overall state"},
		pair{
			"0 OK ; 1 WARNING : en secours, vérification, alarme ; 2 CRITICAL : aucun serveur ne répond, Relève arrêtée, alarme critique ; 3 UNKNOWN : rien de prouvé, mauvais emploi.\n-c est ici le seuil critique : la configuration se donne par --config.",
			"0 OK; 1 WARNING: on the secondary, being verified, an alarm; 2 CRITICAL: no server answers, Relève is not running, a critical alarm; 3 UNKNOWN: nothing proven, wrong usage.\n-c is the critical threshold here: the configuration is given by --config.",
		},
	},
	"check server": {
		pair{"Les serveurs vocaux, ou un seul (nom, primary ou secondary)", "The voice servers, or one (name, primary or secondary)"},
		pair{"Seuils : servers.up ; pour un seul serveur, rtt en ms.", "Thresholds: servers.up; of a single server, rtt in ms."},
	},
	"check calls":        {pair{"Les appels en cours et les lignes", "Calls in progress and lines"}, pair{"Seuils : calls.active.", "Thresholds: calls.active."}},
	"check registration": {pair{"L'enregistrement SIP à l'IPBX", "The SIP registration at the IPBX"}, pair{"Seuils : registration.remaining, en secondes.", "Thresholds: registration.remaining, in seconds."}},
	"check mirror":       {pair{"Le miroir de la base de données", "The mirror of the database"}, pair{"Seuils : mirror.lag, en secondes ; sinon max_lag avertit.", "Thresholds: mirror.lag, in seconds; max_lag warns otherwise."}},
	"check node":         {pair{"Relève elle-même", "Relève itself"}, pair{"Seuils : uptime, en secondes.", "Thresholds: uptime, in seconds."}},
	"check certificate":  {pair{"Les certificats de Relève", "The certificates of Relève"}, pair{"Seuils : jours restants ; 30: et 7: par défaut.", "Thresholds: days left; 30: and 7: by default."}},
	"check ready":        {pair{"Ce nœud peut-il prendre des appels ?", "May this node take calls?"}, pair{"", ""}},
	"export":             {pair{"Ce que d'autres équipes demandent : matrice de flux, unité systemd…", "What other teams ask for: firewall matrix, systemd unit…"}, pair{"", ""}},
	"export flux": {
		pair{"La matrice des flux pour le pare-feu, RTP compris", "The firewall matrix, RTP included"},
		pair{
			"D'après la configuration : qui ouvre vers qui, protocole, ports, pour quoi. --csv : séparé par des points-virgules ; --bom : avec la marque qu'attend Excel.",
			"From the configuration: who opens to whom, protocol, ports, what for. --csv: separated by semicolons; --bom: with the mark that Excel expects.",
		},
	},
	"export mib": {
		pair{"Le fichier MIB des traps, pour le superviseur (Centreon, snmptrapd…)", "The MIB of the traps, for the supervisor (Centreon, snmptrapd…)"},
		pair{"Sous alarms.snmp.enterprise de la configuration, s'il est donné ; --root en choisit un autre.", "Under alarms.snmp.enterprise of the configuration, when given; --root chooses another."},
	},
	"export systemd": {
		pair{"L'unité systemd durcie, releve.service", "The hardened systemd unit, releve.service"},
		pair{
			"Sur la sortie standard : releve export systemd > /etc/systemd/system/releve.service",
			"On the standard output: releve export systemd > /etc/systemd/system/releve.service",
		},
	},
	"reload": {
		pair{"Relire la configuration et l'appliquer en marche", "Read the configuration again and apply it while it runs"},
		pair{
			"Tout ou rien : une faute, ou une clé qui demande un redémarrage, et rien ne change. SIGHUP et « systemctl reload releve » font de même. Les mots de passe sont relus.\nCodes de sortie : 0 appliquée, 1 refusée (redémarrage nécessaire, ou bascule en cours), 3 Relève injoignable, 78 le fichier a des fautes.",
			"All or nothing: a fault, or a key that needs a restart, and nothing changes. SIGHUP and \"systemctl reload releve\" do the same. Passwords are read again.\nExit codes: 0 applied, 1 refused (a restart is needed, or a switchover is under way), 3 Relève unreachable, 78 the file has faults.",
		},
	},
	"preflight": studyHelp,
	"ready": {
		pair{"Ce nœud peut-il prendre des appels ?", "May this node take calls?"},
		pair{"Codes de sortie : 0 oui, 1 non, 3 Relève injoignable.", "Exit codes: 0 yes, 1 no, 3 Relève unreachable."},
	},
	"user": {pair{"Qui se connecte à l'écran d'alarme", "Who logs in at the alarm screen"}, pair{"", ""}},
	"user hash": {
		pair{"Faire l'empreinte d'un mot de passe, pour admin.users", "Make the hash of a password, for admin.users"},
		pair{
			"Demande le mot de passe deux fois, sans l'afficher (ou lit une ligne de l'entrée), et écrit son empreinte argon2id :\n  releve user hash > /etc/releve/secrets/marie\nUne nouvelle empreinte vaut tout de suite et ferme les sessions ouvertes avec l'ancienne.",
			"Asks for the password twice, without showing it (or reads a line of the input), and prints its argon2id hash:\n  releve user hash > /etc/releve/secrets/marie\nA new hash counts at once, and ends the sessions opened with the former.",
		},
	},
	"version": {pair{"La version", "The version"}, pair{"", ""}},
	"help":    {pair{"L'aide d'une commande", "Help of a command"}, pair{"", ""}},
}

// Flag explains an option of the command line.
func (m Messages) Flag(name string) string {
	if p, ok := flags[name]; ok {
		return m.of(p)
	}
	for _, more := range []map[string]pair{flagsOfProcedures, studyFlags} {
		if p, ok := more[name]; ok {
			return m.of(p)
		}
	}
	return name
}

// HasFlag says whether the catalogue knows the option name.
func HasFlag(name string) bool {
	_, ok := flags[name]
	if !ok {
		_, ok = flagsOfProcedures[name]
	}
	if !ok {
		_, ok = studyFlags[name]
	}
	return ok
}

var flags = map[string]pair{
	"check-timeout": {"réponse attendue en tant de secondes ; 8 par défaut", "an answer is expected within so many seconds; 8 by default"},
	"critical":      {"seuil critique : 10, 10:, ~:10, 10:20 ou @10:20", "critical threshold: 10, 10:, ~:10, 10:20 or @10:20"},
	"version":       {"la version de Relève", "the version of Relève"},
	"verbose":       {"le détail et que faire, sous la première ligne", "details and what to do, below the first line"},
	"warning":       {"seuil d'avertissement : 10, 10:, ~:10, 10:20 ou @10:20", "warning threshold: 10, 10:, ~:10, 10:20 or @10:20"},
	"root":          {"identifiant d'entreprise du MIB, 1.3.6.1.4.1.N", "object identifier of the MIB, 1.3.6.1.4.1.N"},
	"bom":           {"CSV avec la marque d'ordre des octets, pour Excel", "CSV with a byte order mark, for Excel"},
	"csv":           {"CSV séparé par des points-virgules", "CSV separated by semicolons"},
	"config":        {"fichier de configuration", "configuration file"},
	"force-drain":   {"même le serveur actif", "the active server, too"},
	"wait-calls":    {"attendre au plus cette durée qu'il ne tienne plus d'appel", "wait for at most this long until it holds no call"},
	"force":         {"passer outre les attentes de stabilité", "override the waits for stability"},
	"help":          {"cette aide", "this help"},
	"ipbx":          {"modèle d'IPBX", "model of IPBX"},
	"lang":          {"langue : fr ou en", "language: fr or en"},
	"object":        {"de quoi parle l'alarme, quand plusieurs ont ce numéro", "what the alarm is about, when several have this number"},
	"comment":       {"ce que vous faites, noté et montré", "what you are doing, recorded and shown"},
	"from":          {"début (22:00, ou 2026-11-24T22:00) ; sans lui : maintenant", "beginning (22:00, or 2026-11-24T22:00); without it: now"},
	"all":           {"taire aussi l'alarme 1002", "silence alarm 1002, too"},
	"limit":         {"nombre de lignes au plus", "number of lines at most"},
	"output":        {"présentation : table ou json", "presentation: table or json"},
	"reason":        {"motif, noté au journal", "reason, recorded in the journal"},
	"reveal":        {"montrer les numéros en entier", "show numbers in full"},
	"at":            {"la vérification en cours à cette heure (10:42, ou 2026-11-23T10:42:07Z)", "the verification that ran at that time (10:42, or 2026-11-23T10:42:07Z)"},
	"count":         {"rejouer avec ce nombre de vérifications", "replay with this number of rounds"},
	"timeout":       {"rejouer avec ce délai de réponse", "replay with this time-out"},
	"alone-extra":   {"rejouer avec ce supplément sans second point de vue", "replay with this many more without a second vantage point"},
	"switch-on":     {"rejouer en basculant sur : dead,gray,degraded", "replay, switching on: dead,gray,degraded"},
	"since":         {"depuis cette durée", "for this long"},
	"socket":        {"socket d'administration", "admin socket"},
	"wait":          {"attendre la fin au plus cette durée", "wait for the end for at most this long"},
	"yes":           {"ne pas demander de confirmation (avec --reason)", "do not ask for confirmation (with --reason)"},
}
