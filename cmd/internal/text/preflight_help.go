package text

// studyHelp is the help of releve preflight.
var studyHelp = help{
	pair{"L'étude de faisabilité, avant toute installation : ce que font vraiment l'IPBX et les serveurs", "The feasibility study, before anything is installed: what IPBX and servers really do"},
	pair{
		"Sans fichier ni service : donnez --ipbx, --primary, --secondary ; ou -c FICHIER. Rien ne sonne et personne n'est enregistré sans avoir été nommé (--call-number, --number, --transfer-to, --register), et sans accord (question, ou --yes).\n  --call-number : numéro composé à travers l'IPBX, qui doit revenir à cette machine ; l'étude joue le serveur vocal.\n  --operator-call : au lieu de cela, quelqu'un appelle à la main.\n  --register : utilisateur de la licence enregistré quelques secondes, si personne ne l'est ; arrêtez d'abord les serveurs vocaux.\n  --wait : temporisation de non-réponse et autres attentes.\nTout est raccroché et désenregistré à la fin, même après Ctrl-C.\nCodes de sortie : 0 faisable, 1 avec réserves, 2 non faisable en l'état, 3 non testable.",
		"Without file or service: give --ipbx, --primary, --secondary; or -c FILE. Nothing rings and nobody is registered that was not named (--call-number, --number, --transfer-to, --register), nor without consent (a question, or --yes).\n  --call-number: number dialled through the IPBX, which shall come back to this machine; the study plays the voice server.\n  --operator-call: instead of that, somebody calls by hand.\n  --register: licensed user registered for some seconds, if nobody is; stop the voice servers first.\n  --wait: the no-answer timer, and what else has to be waited for.\nEverything is hung up and un-registered at the end, after Ctrl-C too.\nExit codes: 0 go, 1 with reservations, 2 no-go, 3 not testable.",
	},
}

// studyFlags are its options; those with study- stand for options that other verbs
// have under the same name.
var studyFlags = map[string]pair{
	"study-ipbx":      {"adresse d'un IPBX, sip:10.10.0.10:5060 (plusieurs fois)", "address of an IPBX, sip:10.10.0.10:5060 (several times)"},
	"primary":         {"adresse du serveur principal", "address of the primary server"},
	"secondary":       {"adresse du serveur de secours", "address of the secondary server"},
	"number":          {"numéro du service : les serveurs vocaux sont appelés", "service number: the voice servers are called"},
	"call-number":     {"numéro composé à travers l'IPBX, qui doit revenir ici", "number dialled through the IPBX, which shall come back here"},
	"operator-call":   {"attendre au plus cette durée chaque appel passé à la main", "wait for at most this long for each call placed by hand"},
	"transfer-to":     {"numéro vers lequel transférer : il sonne", "number to transfer to: it rings"},
	"register":        {"utilisateur à enregistrer : son nom dans le fichier, ou sip:5001@10.10.0.10 (deux fois : principal, secours)", "user to register: its name in the file, or sip:5001@10.10.0.10 (twice: primary, secondary)"},
	"password-file":   {"fichier du mot de passe, dans l'ordre des --register", "file of the password, in the order of --register"},
	"database":        {"base à joindre : postgres://hôte:5432, mysql://hôte:3306 (plusieurs fois)", "database to reach: postgres://host:5432, mysql://host:3306 (several times)"},
	"local":           {"notre adresse, 10.20.0.5:5060 ; sans elle : celle du fichier, ou un port libre", "our address, 10.20.0.5:5060; without it: the file's, or any free port"},
	"tls-ca":          {"autorité (PEM) qui signe les certificats des équipements ; sans elle : celles du système", "authority (PEM) that signs the devices' certificates; without it: those of the system"},
	"tls-certificate": {"certificat de Relève (PEM), pour qui l'exige", "Relève's certificate (PEM), for who requires one"},
	"tls-key":         {"clé de ce certificat (PEM)", "key of that certificate (PEM)"},
	"study-wait":      {"attendre au plus cette durée ce qui demande d'attendre (non-réponse, expiration)", "wait for at most this long for what has to be waited for (no answer, expiry)"},
	"study-answers":   {"fichier YAML des réponses aux questions", "YAML file of the answers to the questions"},
	"study-report":    {"écrire aussi le rapport : FICHIER.html, .json ou .txt", "write the report, too: FILE.html, .json or .txt"},
	"write":           {"écrire le profil trouvé dans ce fichier de configuration, après l'avoir montré", "write the profile that was found into this configuration file, after showing it"},
	"site":            {"nom du site", "name of the site"},
	"study-yes":       {"accord donné : appeler, enregistrer et écrire sans question", "consent given: call, register and write without a question"},
	"study-output":    {"présentation : text, json ou html", "presentation: text, json or html"},
}
