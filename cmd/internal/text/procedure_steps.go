package text

// procedureSteps are the sentences of the checklists. {from} gives its calls up,
// {to} takes them; {server} is the one the step is about.
var procedureSteps = map[string]pair{
	// switchover and return
	"what": {
		"Les nouveaux appels et l'enregistrement SIP passent de « {from} » à « {to} » ; les appels en cours restent où ils sont.",
		"New calls and the registration move from \"{from}\" to \"{to}\"; calls in progress stay where they are.",
	},
	"at-rest":       {"« {from} » est actif, aucune maintenance ni aucun changement de rôle n'est en cours.", "\"{from}\" is active, no maintenance and no change of role is under way."},
	"from-state":    {"État de « {from} », qui sera laissé.", "State of \"{from}\", which will be left."},
	"calls":         {"Appels en cours sur « {from} » : ils continuent.", "Calls in progress on \"{from}\": they go on."},
	"bring-on":      {"Mettez « {to} » sur le réseau, démarrez la machine puis Wel'Suite. Est-ce fait ?", "Put \"{to}\" on the network, start the machine, then Wel'Suite. Is it done?"},
	"to-answers":    {"« {to} » répond aux OPTIONS.", "\"{to}\" answers OPTIONS."},
	"to-ready":      {"« {to} » est prêt à prendre la relève (deux bonnes vérifications, IPBX vu).", "\"{to}\" is ready to take over (two good rounds, IPBX seen)."},
	"data-age":      {"Âge des données de « {to} ».", "Age of the data of \"{to}\"."},
	"data-accepted": {"« {to} » répondra avec ces données-là. L'acceptez-vous ?", "\"{to}\" will answer with those data. Do you accept that?"},
	"mirror-lag":    {"Données en danger : le retard du miroir au moment de la bascule.", "Data at risk: how far the mirror lags at the switchover."},
	"licence-worst": {"Durée du passage de l'enregistrement SIP, au pire.", "How long the move of the registration takes, at worst."},
	"recable":       {"Lignes analogiques ({lines}) : faut-il en recâbler une vers « {to} » ? Répondez oui quand c'est fait, ou quand il n'y a rien à recâbler.", "Analogue lines ({lines}): must one be recabled to \"{to}\"? Answer yes when it is done, or when there is nothing to recable."},
	"switch":        {"Bascule vers « {to} ».", "Switchover to \"{to}\"."},
	"return":        {"Retour sur « {to} ».", "Return to \"{to}\"."},
	"binding":       {"L'enregistrement SIP de « {to} » est en place, celui de « {from} » n'existe plus.", "The registration of \"{to}\" is in place, that of \"{from}\" is gone."},
	"to-serves":     {"« {to} », maintenant actif, répond aux OPTIONS.", "\"{to}\", now active, answers OPTIONS."},
	"test-call":     {"Un appel de test à « {server} » est décroché et entendu.", "A test call to \"{server}\" is answered and heard."},
	"first-call":    {"Un vrai appel a été servi par « {to} ».", "A real call was answered by \"{to}\"."},
	"heard":         {"Appelez un numéro de service depuis un poste : l'accueil automatique répond-il ?", "Call a service number from an extension: does the automated attendant answer?"},
	"then-repair":   {"Ensuite : réparer « {from} », puis « releve procedure reinstate », puis « releve procedure return ».", "Then: repair \"{from}\", then \"releve procedure reinstate\", then \"releve procedure return\"."},

	// reinstate
	"what-reinstate":     {"« {server} », réparé, redevient passif et prêt ; « {from} » reste actif. Le retour est une autre procédure.", "\"{server}\", repaired, becomes passive and ready; \"{from}\" stays active. The return is another procedure."},
	"on-secondary":       {"« {from} » est actif, aucun changement de rôle n'est en cours.", "\"{from}\" is active, no change of role is under way."},
	"repaired":           {"La cause de la panne de « {server} » est-elle trouvée et réparée ?", "Is the cause of the failure of \"{server}\" found and repaired?"},
	"own-switchover-off": {"La bascule propre à Wel'Suite est-elle désactivée sur « {server} » ?", "Is Wel'Suite's own automatic switchover turned off on \"{server}\"?"},
	"same-version":       {"Wel'Suite y est-il dans la version {version}, la même qu'avant la panne ?", "Does Wel'Suite run there in version {version}, the same as before the failure?"},
	"database-restored":  {"La base de « {server} » est-elle restaurée ou resynchronisée depuis « {from} » ?", "Is the database of \"{server}\" restored or resynchronised from \"{from}\"?"},
	"both-present":       {"Les deux serveurs seront présents : à ce niveau l'alarme 1019 le rappelle jusqu'au retour, c'est attendu.", "Both servers will be present: at this level alarm 1019 recalls it until the return, which is expected."},
	"network":            {"Remettez « {server} » sur le réseau, démarrez la machine puis Wel'Suite. Est-ce fait ?", "Put \"{server}\" back on the network, start the machine, then Wel'Suite. Is it done?"},
	"server-answers":     {"« {server} » répond aux OPTIONS.", "\"{server}\" answers OPTIONS."},
	"not-registered":     {"L'utilisateur licencié de « {server} » n'est enregistré nulle part.", "The licensed user of \"{server}\" is registered nowhere."},
	"undrain":            {"« {server} » peut de nouveau recevoir des appels (fin de « ne plus lui envoyer d'appels »).", "\"{server}\" may receive calls again (end of the drain)."},
	"stable":             {"Stabilité de « {server} » : cinq bonnes vérifications de suite.", "Stability of \"{server}\": five good rounds in a row."},
	"now-passive":        {"« {server} » est passif et prêt. Ensuite, à une heure calme : « releve procedure return ».", "\"{server}\" is passive and ready. Then, at a quiet hour: \"releve procedure return\"."},

	// return
	"return-time": {"Le délai de 15 min depuis la panne est passé : le retour est permis.", "The 15 min since the failure have passed: the return is allowed."},
	"data-back":   {"Ce qui a été saisi sur « {from} » depuis la bascule est-il reporté sur « {to} » ?", "Is what was entered on \"{from}\" since the switchover carried over to \"{to}\"?"},
	"quiet":       {"Moment calme : au plus {limit} appels sur « {from} ».", "A quiet moment: at most {limit} calls on \"{from}\"."},
	"old-calls":   {"Les appels restés sur « {from} » sont terminés : on peut y intervenir.", "The calls left on \"{from}\" have ended: it may be worked on."},
	"take-off":    {"Recopiez les données sur « {from} » (« releve procedure copy »), arrêtez-le et retirez-le du réseau. Est-ce fait ?", "Copy the data to \"{from}\" (\"releve procedure copy\"), stop it and take it off the network. Is it done?"},

	// mirror
	"what-mirror":        {"Après la panne de la base principale, la restauration est manuelle. Relève téléphonie vérifie et note ; il ne touche à aucune base.", "After a failure of the main database the restore is manual. Relève verifies and records; it touches no database."},
	"mirror-unwatched":   {"Aucun miroir n'est surveillé (section mirror) : ce qui suit n'est que demandé.", "No mirror is watched (section mirror): what follows is only asked."},
	"main-state":         {"État de la base principale ({address}).", "State of the main database ({address})."},
	"copy-state":         {"État du miroir ({address}).", "State of the mirror ({address})."},
	"loss":               {"Ce que le miroir n'avait pas encore reçu est perdu, ou à ressaisir.", "What the mirror had not received yet is lost, or to be entered again."},
	"main-stopped":       {"L'ancienne base principale est-elle arrêtée pour de bon ? Deux bases qui acceptent des écritures divergent sans retour.", "Is the former main database stopped for good? Two databases that both take writes diverge for ever."},
	"plan":               {"Que faites-vous ? Promotion du miroir, ou restauration de la base principale : notez-le en commentaire. Est-ce décidé ?", "What do you do? Promotion of the mirror, or restore of the main database: note it as a comment. Is it decided?"},
	"promote-postgresql": {"PostgreSQL : sur le miroir « pg_ctl promote » (ou « select pg_promote() ») ; ou, sur la principale, restaurer la sauvegarde puis démarrer.", "PostgreSQL: on the mirror \"pg_ctl promote\" (or \"select pg_promote()\"); or, on the main, restore the backup and start it."},
	"promote-mysql":      {"MySQL, MariaDB : sur le miroir « STOP REPLICA; RESET REPLICA ALL; SET GLOBAL read_only=OFF; » ; ou, sur la principale, restaurer la sauvegarde puis démarrer.", "MySQL, MariaDB: on the mirror \"STOP REPLICA; RESET REPLICA ALL; SET GLOBAL read_only=OFF;\"; or, on the main, restore the backup and start it."},
	"promoted":           {"Une base, et une seule, accepte-t-elle maintenant les écritures ?", "Does one database, and only one, take writes now?"},
	"welsuite-pointed":   {"Wel'Suite est-il relié à cette base, et répond-il ?", "Is Wel'Suite connected to that database, and does it answer?"},
	"replica-postgresql": {"PostgreSQL : refaire la réplique à neuf, « pg_basebackup -R -X stream -C -S releve … », puis la démarrer.", "PostgreSQL: make the replica anew, \"pg_basebackup -R -X stream -C -S releve …\", then start it."},
	"replica-mysql":      {"MySQL, MariaDB : refaire la réplique à neuf (mariabackup ou mysqldump --single-transaction), « CHANGE REPLICATION SOURCE TO … », « START REPLICA ».", "MySQL, MariaDB: make the replica anew (mariabackup or mysqldump --single-transaction), \"CHANGE REPLICATION SOURCE TO …\", \"START REPLICA\"."},
	"replica-made":       {"La réplique est-elle refaite et démarrée ?", "Is the replica made anew and started?"},
	"config-updated":     {"Si les rôles ont changé : mirror.main et mirror.mirror sont-ils échangés dans la configuration, et « releve reload » fait ?", "If the roles have changed: are mirror.main and mirror.mirror exchanged in the configuration, and \"releve reload\" done?"},
	"main-up":            {"La base principale répond et accepte les écritures.", "The main database answers and takes writes."},
	"mirror-streams":     {"Le miroir répond et la réplication fonctionne.", "The mirror answers and the replication runs."},
	"lag-small":          {"Le retard du miroir est sous sa limite.", "The mirror's lag is under its limit."},
	"backup-made":        {"Une sauvegarde de la nouvelle base principale est-elle faite ?", "Is a backup of the new main database made?"},

	// copy
	"what-copy":     {"La copie des données de « {from} » sur « {server} » se fait à la main ; ici on la note, pour que leur âge soit affiché.", "The copy of the data of \"{from}\" to \"{server}\" is made by hand; here it is recorded, so that their age is shown."},
	"complete":      {"La copie sur « {server} » est-elle complète : base, messages et paramétrage ?", "Is the copy to \"{server}\" complete: database, messages and settings?"},
	"copy-verified": {"« {server} » a-t-il été démarré hors réseau, ou la copie relue, pour vérifier qu'elle est utilisable ?", "Was \"{server}\" started off the network, or the copy read back, to verify that it can be used?"},
	"copied":        {"Copie notée à la date du {at}.", "Copy recorded, dated {at}."},

	// drill
	"window":       {"L'heure est dans la fenêtre de l'exercice ({window}).", "The time is within the window of the exercise ({window})."},
	"no-alarm":     {"Aucune alarme majeure ou critique.", "No major or critical alarm."},
	"calls-few":    {"Pas plus de {limit} appels en cours sur « {from} ».", "No more than {limit} calls in progress on \"{from}\"."},
	"announce":     {"Exercice annoncé (alarme 1080, journal).", "Exercise announced (alarm 1080, journal)."},
	"hold":         {"« {to} » tient le service pendant {hold}, sans perdre un appel.", "\"{to}\" serves for {hold} without losing a call."},
	"drill-return": {"Retour sur « {from} ».", "Return to \"{from}\"."},
	"from-serves":  {"« {from} », de nouveau actif, répond aux OPTIONS.", "\"{from}\", active again, answers OPTIONS."},
	"final-calls":  {"Aucun appel n'a été perdu pendant l'exercice.", "No call was lost during the exercise."},
}
