package text

// The numbers are stable: a number that was given is never reused.
var alarms = map[uint16]alarmText{
	1001: {
		pair{"Un serveur vocal ne répond plus", "A voice server no longer answers"},
		pair{
			"Vérifiez que la machine est allumée et que Wel'Suite tourne. Si l'autre serveur répond, les appelants sont servis. Prévenez l'intégrateur.",
			"Check that the machine is on and that Wel'Suite runs. If the other server answers, callers are served. Tell the integrator.",
		},
	},
	1002: {
		pair{"Aucun serveur ne répond", "No server answers"},
		pair{
			"Les appels vont aux opérateurs si rescue est configuré, sinon ils sont refusés : prévenez le standard. Redémarrez Wel'Suite sur le principal ; si un serveur de secours est prêt, basculez (« releve bascule »). Appelez l'astreinte.",
			"Calls go to the operators if rescue is configured, otherwise they are refused: warn the operators. Restart Wel'Suite on the primary; if a secondary is ready, switch over (\"releve switchover\"). Call the on-call engineer.",
		},
	},
	1003: {
		pair{"Un serveur vocal répond aux vérifications mais ne sert pas les appels", "A voice server answers checks but does not serve calls"},
		pair{
			"Appelez le numéro de l'accueil automatique et écoutez. Si vous n'entendez rien, redémarrez Wel'Suite sur ce serveur ou basculez (« releve bascule »).",
			"Call the automated attendant and listen. If you hear nothing, restart Wel'Suite on that server or switch over (\"releve switchover\").",
		},
	},
	1004: {
		pair{"Un serveur vocal répond lentement", "A voice server is slow to answer"},
		pair{
			"Rien d'urgent. Vérifiez la charge de la machine et le réseau ; si c'est une machine virtuelle, regardez son hôte.",
			"Nothing urgent. Check the machine's load and the network; if it is a virtual machine, look at its host.",
		},
	},
	1005: {
		pair{"Bascule automatique effectuée : l'accueil automatique est en secours", "Automatic switchover done: the automated attendant runs on the secondary"},
		pair{
			"Les appelants sont servis par le serveur de secours. Réparez le principal, puis faites le retour en mode normal (« releve retour »). Le retour n'est jamais automatique.",
			"Callers are served by the secondary. Repair the primary, then return to normal (\"releve return\"). The return is never automatic.",
		},
	},
	1006: {
		pair{"Le retour en mode normal est possible", "The return to normal is possible"},
		pair{
			"Le principal est stable. À une heure calme, lancez « releve retour » ; les appels en cours restent où ils sont.",
			"The primary is stable. At a quiet hour run \"releve return\"; calls in progress stay where they are.",
		},
	},
	1007: {
		pair{"Un serveur vocal tombe et revient sans cesse", "A voice server keeps failing and coming back"},
		pair{
			"Ne faites pas le retour maintenant. Cherchez la cause sur ce serveur (mémoire, disque, câble) avec l'intégrateur.",
			"Do not return now. Look for the cause on that server (memory, disk, cable) with the integrator.",
		},
	},
	1008: {
		pair{"Le serveur de secours n'est pas prêt", "The secondary is not ready"},
		pair{
			"En cas de panne du principal, personne ne prendrait la relève. Vérifiez que le serveur de secours est allumé et que Wel'Suite y tourne.",
			"Should the primary fail, nobody would take over. Check that the secondary is on and that Wel'Suite runs there.",
		},
	},
	1009: {
		pair{"Relève téléphonie est isolée du réseau ou ralentie : rien ne bascule", "Relève is cut off or slowed down: nothing switches"},
		pair{
			"Vérifiez le câble et le commutateur de la machine de Relève, puis sa charge. Les serveurs vocaux ne sont pas en cause.",
			"Check the cable and the switch of Relève's machine, then its load. The voice servers are not to blame.",
		},
	},
	1010: {
		pair{"L'IPBX ne répond plus", "The IPBX no longer answers"},
		pair{
			"Vérifiez l'IPBX et le réseau entre lui et Relève. Tant qu'il ne répond pas, aucun appel n'arrive.",
			"Check the IPBX and the network between it and Relève. While it does not answer no call arrives.",
		},
	},
	1011: {
		pair{"L'enregistrement SIP est proche d'expirer", "The registration is about to expire"},
		pair{
			"L'IPBX ne renouvelle pas l'enregistrement. Vérifiez l'IPBX ; s'il expire, les appels n'arriveront plus.",
			"The IPBX does not renew the registration. Check the IPBX; if it expires, calls will no longer arrive.",
		},
	},
	1012: {
		pair{"L'IPBX refuse l'enregistrement SIP", "The IPBX refuses the registration"},
		pair{
			"Mot de passe ou utilisateur incorrect : comparez registration.users (en mode gate sans password_file : le compte SIP du serveur) et l'IPBX. Relève réessaie sans insister.",
			"Wrong password or user: compare registration.users (in mode gate without password_file: the server's SIP account) with the IPBX. Relève keeps trying without hammering.",
		},
	},
	1013: {
		pair{"Un enregistrement SIP non autorisé existe à l'IPBX", "An unauthorised registration exists at the IPBX"},
		pair{
			"Un autre équipement est enregistré avec l'utilisateur de l'accueil automatique. Désactivez la bascule propre à Wel'Suite et retirez cet enregistrement à l'IPBX.",
			"Another device is registered with the automated attendant's user. Turn off Wel'Suite's own switchover and remove that registration at the IPBX.",
		},
	},
	1014: {
		pair{"L'IPBX accorde des enregistrements plus longs que max_grant", "The IPBX grants registrations longer than max_grant"},
		pair{
			"Augmentez ipbx.max_grant à la durée accordée, ou réduisez-la à l'IPBX : une bascule attend cette durée quand l'IPBX ne prouve rien.",
			"Raise ipbx.max_grant to the granted time, or lower it at the IPBX: a switchover waits that long when the IPBX proves nothing.",
		},
	},
	1015: {
		pair{"Le serveur passif a voulu placer un appel", "The passive server tried to place a call"},
		pair{
			"L'appel a été refusé. Vérifiez que la bascule propre à Wel'Suite est désactivée sur ce serveur.",
			"The call was refused. Check that Wel'Suite's own switchover is turned off on that server.",
		},
	},
	1016: {
		pair{"Un serveur vocal refuse un numéro de service", "A voice server refuses a service number"},
		pair{
			"Le numéro manque dans le paramétrage de Wel'Suite : comparez service_numbers et le serveur.",
			"The number is missing from Wel'Suite's settings: compare service_numbers with the server.",
		},
	},
	1017: {
		pair{"Le déplacement de l'enregistrement SIP n'aboutit pas", "The move of the registration is not completing"},
		pair{
			"Vérifiez que l'IPBX répond. « releve licence » montre ce qui est attendu et jusqu'à quand.",
			"Check that the IPBX answers. \"releve licence\" shows what is awaited and until when.",
		},
	},
	1018: {
		pair{"Un certificat ou une connexion chiffrée est refusé", "A certificate or an encrypted connection is refused"},
		pair{
			"« releve journal » dit pourquoi (nom, date, autorité). Corrigez le certificat de l'équipement nommé, ou son nom dans la configuration ; vérifiez aussi l'heure des deux machines.",
			"\"releve events\" tells why (name, date, authority). Correct the certificate of the device named, or its name in the configuration; check the time on both machines too.",
		},
	},
	1019: {
		pair{"Les deux serveurs vocaux sont présents alors qu'un seul est attendu", "Both voice servers are present while only one is expected"},
		pair{
			"À ce niveau, le serveur de secours reste hors réseau jusqu'à ce qu'on en ait besoin : arrêtez-le ou débranchez-le.",
			"At this level the secondary stays off the network until it is needed: stop it or unplug it.",
		},
	},
	1020: {
		pair{"Le miroir de la base est en retard", "The database mirror lags"},
		pair{
			"Le serveur de secours aurait des données anciennes ; tant que le retard dépasse la limite, la bascule est bloquée (« releve etat »). Vérifiez la réplication avec l'intégrateur.",
			"The secondary would have old data; while the lag is above the limit a switchover is blocked (\"releve status\"). Check the replication with the integrator.",
		},
	},
	1021: {
		pair{"Les données de Relève ne peuvent pas être écrites", "Relève cannot write its data"},
		pair{
			"Les appels passent, mais aucun changement de rôle n'est permis. Vérifiez le disque et les droits du dossier store.path ; avec store.postgres, la base, son compte, son mot de passe et le réseau jusqu'à elle (« releve diagnostic »).",
			"Calls go on, but no change of role is allowed. Check the disk and the rights of the store.path directory; with store.postgres the database, its account, its password and the network to it (\"releve doctor\").",
		},
	},
	1022: {
		pair{"La base de données principale ne répond plus", "The main database no longer answers"},
		pair{
			"Vérifiez que la machine de la base est allumée et que la base tourne. La restauration depuis le miroir est manuelle : appelez l'intégrateur et suivez « releve procedure mirror ».",
			"Check that the database's machine is on and that the database runs. The restore from the mirror is manual: call the integrator and follow \"releve procedure mirror\".",
		},
	},
	1023: {
		pair{"L'IPBX refuse le mot de passe des appels sortants d'un serveur vocal", "The IPBX refuses the password of a voice server's outgoing calls"},
		pair{
			"Les appels sortants et les transferts de ce serveur sont refusés (403). Comparez registration.users et l'IPBX, puis redémarrez Relève. Relève n'insiste pas : un essai par appel, puis une pause de 30 s à 30 min.",
			"Outgoing calls and transfers of that server are refused (403). Compare registration.users with the IPBX, then restart Relève. Relève does not hammer: one attempt per call, then a pause of 30 s to 30 min.",
		},
	},
	1024: {
		pair{"Un serveur vocal ne s'enregistre plus auprès de Relève", "A voice server no longer registers at Relève"},
		pair{
			"Vérifiez que Wel'Suite tourne sur ce serveur, que son compte SIP est actif et que Relève y est son proxy sortant. Sans le mot de passe dans registration.users, l'IPBX n'enverra plus d'appels à la fin de l'enregistrement (« releve licence »).",
			"Check that Wel'Suite runs on that server, that its SIP account is active and that Relève is its outbound proxy. Without the password in registration.users the IPBX sends no more calls once the registration ends (\"releve licence\").",
		},
	},
	1026: {
		pair{"Une vérification d'un serveur vocal échoue", "A check of a voice server fails"},
		pair{
			"« releve sonde » dit pourquoi. Le serveur peut servir les appels malgré tout : une vérification seule ne fait pas basculer, sauf un appel de test qui échoue durablement. Si ses réglages ne conviennent pas, corrigez checks dans la configuration.",
			"\"releve probe\" says why. The server may serve calls all the same: a check alone causes no switchover, but for a test call that keeps failing. If its settings do not fit, correct checks in the configuration.",
		},
	},
	1025: {
		pair{"L'IPBX accorde l'enregistrement SIP mais ne le garde pas", "The IPBX grants the registration and does not keep it"},
		pair{
			"Un autre équipement a pris la place, ou l'IPBX retire aussitôt l'enregistrement : les appels peuvent ne plus arriver. Voyez « releve licence », puis à l'IPBX le nombre de contacts permis à cet utilisateur.",
			"Another device has taken the place, or the IPBX removes the registration at once: calls may no longer arrive. See \"releve licence\", then at the IPBX how many contacts this user may have.",
		},
	},
	1027: {
		pair{"Un serveur vocal n'a pas le nombre de lignes configuré", "A voice server does not have the number of lines configured"},
		pair{
			"« releve etat » montre le nombre appris à côté de celui du fichier. Corrigez lines, ou voyez sur le serveur pourquoi des lignes manquent (licence, cartes, appels fantômes).",
			"\"releve status\" shows the number learnt beside that of the file. Correct lines, or find out at the server why lines are missing (licence, boards, ghost calls).",
		},
	},
	1028: {
		pair{"Le miroir de la base ne répond plus", "The mirror database no longer answers"},
		pair{
			"Les appelants ne remarquent rien, mais il n'y a plus de copie des données. Vérifiez que la machine du miroir est allumée et que sa base tourne.",
			"Callers notice nothing, but there is no copy of the data any more. Check that the mirror's machine is on and that its database runs.",
		},
	},
	1029: {
		pair{"Le miroir de la base ne suit plus la base principale", "The mirror no longer follows the main database"},
		pair{
			"La cause est dans « releve etat ». Compte ou certificat refusé : la copie n'est plus vérifiée, rétablissez l'accès de Relève. Sinon, il n'y a plus de copie sûre des données : ne promouvez et n'effacez rien, appelez l'intégrateur, qui refera le miroir.",
			"\"releve status\" has the cause. An account or a certificate refused: the copy is no longer watched, give Relève its access back. Otherwise there is no safe copy of the data any more: promote and delete nothing, call the integrator, who will make the mirror again.",
		},
	},
	1030: {
		pair{"L'autre nœud de Relève est absent", "The other node of Relève is absent"},
		pair{
			"Les appels passent par ce nœud seul. Redémarrez l'autre nœud.",
			"Calls pass through this node alone. Restart the other node.",
		},
	},
	1031: {
		pair{"Deux nœuds se croient maîtres", "Two nodes each believe they lead"},
		pair{
			"Vérifiez le réseau entre les deux nœuds, puis arrêtez l'un des deux.",
			"Check the network between the two nodes, then stop one of them.",
		},
	},
	1036: {
		pair{"Une base de données manque de place", "A database is short of space"},
		pair{
			"Rien d'urgent si la place libre sur le disque suffit encore. Vérifiez-la ; si la base garde du journal pour un miroir éteint, remettez le miroir en marche.",
			"Nothing urgent while the disk has room. Check it; if the database keeps log for a mirror that is off, start the mirror again.",
		},
	},
	1040: {
		pair{"Un certificat expire bientôt", "A certificate expires soon"},
		pair{
			"Renouvelez le certificat et déposez-le au même endroit.",
			"Renew the certificate and put it in the same place.",
		},
	},
	1041: {
		pair{"L'horloge n'est pas synchronisée", "The clock is not synchronised"},
		pair{
			"Vérifiez le service NTP de la machine de Relève.",
			"Check the NTP service of Relève's machine.",
		},
	},
	1042: {
		pair{"Le disque est presque plein", "The disk is almost full"},
		pair{
			"Libérez de la place : un disque plein empêche d'enregistrer les appels et de basculer.",
			"Free some space: a full disk prevents recording calls and switching over.",
		},
	},
	1043: {
		pair{"Le DNS ne répond plus pour un nom", "DNS no longer answers for a name"},
		pair{
			"Les appels passent : Relève garde les dernières adresses connues pendant dns.stale. Vérifiez le serveur DNS et le réseau vers lui.",
			"Calls go on: Relève keeps the last addresses known for dns.stale. Check the DNS server and the network to it.",
		},
	},
	1044: {
		pair{"Un nom n'a aucune adresse", "A name has no address"},
		pair{
			"Ce que Relève en savait depuis son démarrage sert encore ; sinon l'équipement est injoignable, et il le sera après un redémarrage. Vérifiez le nom dans la configuration et au serveur DNS ; en urgence, écrivez l'adresse IP à sa place et redémarrez Relève.",
			"What Relève has learnt of it since its start serves on; otherwise the device cannot be reached, nor can it after a restart. Check the name in the configuration and at the DNS server; in an emergency write the IP address instead and restart Relève.",
		},
	},
	1045: {
		pair{"Le nouveau certificat ne peut pas être utilisé", "The new certificate cannot be used"},
		pair{
			"L'ancien reste en service jusqu'à sa fin. Vérifiez tls.certificate et tls.key : les deux fichiers vont ensemble et l'utilisateur releve peut les lire (« releve config check »).",
			"The former one stays in service until it ends. Check tls.certificate and tls.key: the two files belong together and user releve can read them (\"releve config check\").",
		},
	},
	1050: {
		pair{"La configuration a été refusée au rechargement", "The configuration was refused at reload"},
		pair{
			"L'ancienne configuration reste en service. Lancez « releve config check » et corrigez.",
			"The former configuration stays in service. Run \"releve config check\" and correct it.",
		},
	},
	1060: {
		pair{"Beaucoup d'appels sont refusés", "Many calls are refused"},
		pair{
			"Regardez « releve appels » : si les lignes sont pleines, c'est l'affluence ; sinon prévenez l'intégrateur.",
			"See \"releve calls\": if the lines are full it is the rush; otherwise tell the integrator.",
		},
	},
	1061: {
		pair{"Une source SIP inconnue se présente", "An unknown SIP source sends messages"},
		pair{
			"Ses messages ne sont pas servis. Si c'est votre IPBX, ajoutez son adresse à ipbx.sources ; sinon prévenez la sécurité informatique.",
			"Its messages are not served. If it is your IPBX, add its address to ipbx.sources; otherwise tell IT security.",
		},
	},
	1062: {
		pair{"Une limite de Relève est atteinte", "A limit of Relève is reached"},
		pair{
			"Relève refuse le surplus pour protéger les appels en cours. Cherchez qui envoie autant de messages.",
			"Relève refuses the excess to protect the calls in progress. Look for who sends so many messages.",
		},
	},
	1063: {
		pair{"Une erreur interne de Relève a mis fin à un appel", "An internal fault of Relève ended a call"},
		pair{
			"Les autres appels ne sont pas touchés. Envoyez le journal (« releve journal ») à l'intégrateur.",
			"Other calls are not touched. Send the journal (\"releve events\") to the integrator.",
		},
	},
	1064: {
		pair{"Un équipement envoie trop de messages", "A device sends too many messages"},
		pair{
			"Le surplus de cet IPBX ou de ce serveur est ignoré, les autres sont servis. Cherchez une boucle ou une attaque sous son adresse, ou augmentez limits.source_rate.",
			"The excess of that IPBX or server is ignored, the others are served. Look for a loop, or an attack under its address, or raise limits.source_rate.",
		},
	},
	1065: {
		pair{"Trop d'appels à la fois : une partie des nouveaux appels est refusée", "Too many calls at once: part of the new calls is refused"},
		pair{
			"Les appels en cours ne sont pas touchés. Cherchez ce qui appelle autant (boucle, campagne, attaque) ; si c'est l'affluence ordinaire, augmentez limits.calls_per_second.",
			"Calls in progress are not touched. Look for what calls so much (loop, campaign, attack); if it is the ordinary rush, raise limits.calls_per_second.",
		},
	},
	1066: {
		pair{"Relève ne décide plus : une erreur interne a figé les rôles et l'enregistrement SIP", "Relève decides nothing any more: an internal fault froze roles and registration"},
		pair{
			"Relève s'arrête d'elle-même en quelques secondes et systemd la redémarre ; les conversations en cours ne sont pas coupées. Si cette alarme reste, redémarrez-la (« systemctl restart releve »). Envoyez le journal à l'intégrateur.",
			"Relève ends by itself within seconds and systemd starts it again; conversations in progress are not cut. If this alarm stays, restart it (\"systemctl restart releve\"). Send the journal to the integrator.",
		},
	},
	1067: {
		pair{"Des connexions à l'écran d'alarme sont refusées", "Logins at the alarm screen are refused"},
		pair{
			"Quelqu'un a oublié son mot de passe, ou essaie ceux des autres : le journal (« releve journal ») dit d'où. Les appels ne risquent rien. Si personne ne se dénonce, prévenez le responsable informatique.",
			"Somebody forgot a password, or tries those of others: the journal (\"releve events\") says from where. Calls are in no danger. If nobody owns up, tell those in charge of IT.",
		},
	},
	1070: {
		pair{"La sauvegarde a échoué", "The backup failed"},
		pair{
			"Vérifiez la place et les droits du dossier des sauvegardes.",
			"Check the space and the rights of the backup directory.",
		},
	},
	1032: {
		pair{"Les données du serveur de secours sont anciennes, ou leur âge n'est pas connu", "The secondary's data are old, or their age is not known"},
		pair{
			"Recopiez les données du principal vers le secours, puis notez-le : « releve procedure copy ». Sans cela, une bascule mettrait en service des données anciennes.",
			"Copy the primary's data to the secondary again, then record it: \"releve procedure copy\". Otherwise a switchover would put old data into service.",
		},
	},
	1071: {
		pair{"Une intervention n'a pas été refermée depuis plus de 24 heures", "An intervention was left open for more than 24 hours"},
		pair{
			"Silence : les alarmes ne sont plus envoyées ; « releve alarmes » montre depuis quand et pourquoi, « releve alarmes reprendre » y met fin. Maintenance : rien ne basculera ; « releve maintenance stop ».",
			"Silence: alarms are no longer sent; \"releve alarms\" shows since when and why, \"releve alarms resume\" ends it. Maintenance: nothing will switch; \"releve maintenance stop\".",
		},
	},
	1072: {
		pair{"Un destinataire des alarmes n'est plus joint", "A receiver of the alarms cannot be reached"},
		pair{
			"Les alarmes l'attendent (1000 au plus) et lui parviendront. « releve alarmes essai » dit ce qu'il répond ; vérifiez ce serveur, le réseau vers lui et la section alarms de la configuration.",
			"The alarms wait for it (1000 at most) and will reach it. \"releve alarms test\" tells what it answers; check that server, the network to it and section alarms of the configuration.",
		},
	},
	1073: {
		pair{"Des alarmes n'ont pas pu être gardées pour un destinataire", "Alarms could not be kept for a receiver"},
		pair{
			"Il n'est plus joint depuis longtemps : les moins graves ont été abandonnées. « releve alarmes » et « releve journal » les montrent ; rétablissez le destinataire.",
			"It has not been reached for long: the least grave were given up. \"releve alarms\" and \"releve events\" show them; restore the receiver.",
		},
	},
	1080: {
		pair{"Un exercice de bascule est en cours", "A switchover exercise is running"},
		pair{
			"Rien à faire : l'exercice est voulu.",
			"Nothing to do: the exercise is intended.",
		},
	},
	1081: {
		pair{"Le dernier exercice de bascule n'a pas réussi", "The last switchover exercise did not go well"},
		pair{
			"Voyez qui est actif (« releve etat ») et le compte rendu (« releve procedure history ») ; si le serveur de secours sert encore, faites le retour : « releve procedure return ».",
			"See who is active (\"releve status\") and the record (\"releve procedure history\"); if the secondary still serves, return: \"releve procedure return\".",
		},
	},
	1082: {
		pair{"L'exercice de bascule n'a pas été fait depuis longtemps", "The switchover exercise is overdue"},
		pair{
			"Faites-le à une heure calme : « releve drill --window 02:00-04:00 ». Un secours jamais essayé n'est pas un secours.",
			"Hold it at a quiet hour: \"releve drill --window 02:00-04:00\". A secondary that is never tried is none.",
		},
	},
}
