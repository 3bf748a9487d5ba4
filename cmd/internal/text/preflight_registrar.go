package text

// studiesOfRegistrar: what the registrar of the IPBX does.
func studiesOfRegistrar() map[StudyID]studied {
	return map[StudyID]studied{
		StudyRegistrar: {
			title: pair{"Enregistrement de l'utilisateur de la licence", "Registration of the licensed user"},
			ok:    pair{"{user} : accepté ({status})", "{user}: taken ({status})"},
			odd:   pair{"{user} : refusé ({status})", "{user}: refused ({status})"},
			cases: map[string]pair{
				"silent":   {"aucune réponse à REGISTER", "REGISTER is not answered"},
				"password": {"{user} : mot de passe refusé ({status})", "{user}: password refused ({status})"},
				"unknown":  {"{user} : inconnu à cet IPBX ({status})", "{user}: not known at this IPBX ({status})"},
				"open":     {"{user} : accepté sans mot de passe", "{user}: taken without a password"},
				"unsaid":   {"{user} : demande un mot de passe, aucun n'a été donné ({status})", "{user}: wants a password, none was given ({status})"},
				"method":   {"{user} : demande une authentification que Relève ne connaît pas ({status})", "{user}: wants an authentication that Relève does not know ({status})"},
			},
			advice: map[string]advice{
				"silent": {do: pair{"Vérifiez que cette machine est autorisée à s'enregistrer et que le registraire est bien à cette adresse ; sans enregistrement, choisissez registration.mode: trunk.", "Check that this machine may register and that the registrar is at this address; without registration choose registration.mode: trunk."}},
				"open": {
					pair{"N'importe quel poste du réseau peut prendre la licence.", "Any machine of the network can take the licence."},
					pair{"Donnez un mot de passe à cet utilisateur à l'IPBX, ou isolez le réseau.", "Give this user a password at the IPBX, or isolate the network."},
				},
				"unsaid": {do: pair{"Donnez son mot de passe : --password-file FICHIER, un par --register et dans le même ordre.", "Give its password: --password-file FILE, one for each --register and in the same order."}},
				"method": {do: pair{"Activez l'authentification Digest (MD5 ou SHA-256, qop=auth) pour cet utilisateur à l'IPBX.", "Enable Digest authentication (MD5 or SHA-256, qop=auth) for this user at the IPBX."}},
			},
			means: pair{"La licence ne peut pas se déplacer d'un serveur à l'autre.", "The licence cannot move from one server to the other."},
			do:    pair{"Vérifiez l'utilisateur, son mot de passe et le domaine à l'IPBX ; sans enregistrement, choisissez registration.mode: trunk.", "Check the user, its password and the domain at the IPBX; without registration choose registration.mode: trunk."},
		},
		StudyOccupied: {
			title: pair{"Utilisateurs libres pendant l'étude", "Users free during the study"},
			ok:    pair{"personne d'autre n'est enregistré", "nobody else is registered"},
			odd:   pair{"{user} est enregistré par {contact} : rien n'a été enregistré par l'étude", "{user} is registered by {contact}: the study registered nothing"},
			cases: map[string]pair{
				"hidden": {"le registraire ne dit pas qui est enregistré : rien n'a été enregistré par l'étude", "the registrar does not tell who is registered: the study registered nothing"},
			},
			means: pair{"Deux enregistrements de la licence à la fois ne sont pas autorisés, pas même un instant.", "Two registrations of the licence at once are not authorised, not for a moment."},
			do:    pair{"Recommencez hors service, serveurs vocaux arrêtés, ou avec un utilisateur de test.", "Begin again out of service, with the voice servers stopped, or with a test user."},
		},
		StudyDigest: {
			title: pair{"Authentification", "Authentication"},
			ok:    pair{"{algorithms}, qop {qop}", "{algorithms}, qop {qop}"},
			odd:   pair{"{algorithms}, sans qop (RFC 2069)", "{algorithms}, without qop (RFC 2069)"},
			cases: map[string]pair{
				"modern":  {"{algorithms}, qop {qop} : mieux que MD5", "{algorithms}, qop {qop}: better than MD5"},
				"none":    {"aucune : chacun peut s'enregistrer", "none: anyone may register"},
				"unknown": {"aucune méthode que Relève connaisse : {algorithms}", "no method that Relève knows: {algorithms}"},
			},
			advice: map[string]advice{
				"modern":  {means: pair{"Relève le prend en charge ; les serveurs vocaux aussi doivent le connaître s'ils s'enregistrent eux-mêmes (mode gate).", "Relève knows it; the voice servers must know it too if they register themselves (mode gate)."}},
				"unknown": {means: pair{"Relève ne peut pas répondre à cette demande : aucun enregistrement.", "Relève cannot answer this demand: no registration."}},
			},
			means: pair{"Un mot de passe mal protégé, ou pas demandé, laisse prendre la licence par un tiers.", "A password badly protected, or not asked for, lets a stranger take the licence."},
			do:    pair{"Activez l'authentification Digest avec qop=auth à l'IPBX, ou isolez le réseau.", "Enable Digest authentication with qop=auth at the IPBX, or isolate the network."},
		},
		StudyListed: {
			title: pair{"Le registraire dit qui est enregistré", "The registrar tells who is registered"},
			ok:    pair{"la réponse liste les enregistrements en place", "the response lists the bindings in force"},
			odd:   pair{"la réponse ne liste pas l'enregistrement qui vient d'être fait", "the response does not list the binding just made"},
			cases: map[string]pair{
				"foreign": {"la réponse liste {contact}, que l'étude n'a pas enregistré", "the response lists {contact}, which the study did not register"},
				"partial": {"la réponse ne liste que le dernier enregistrement", "the response lists the latest binding only"},
			},
			means: pair{"Relève ne peut pas prouver que l'ancien est parti : une bascule attend la fin de son enregistrement.", "Relève cannot prove that the former one is gone: a switchover waits until its registration ends."},
			do:    pair{"Choisissez une durée courte (registration.expires et celle de l'IPBX) ; le pire cas est donné par « releve config check ».", "Choose a short time (registration.expires and the IPBX's own); \"releve config check\" states the worst case."},
		},
		StudyGrant: {
			title: pair{"Durée accordée", "Time granted"},
			ok:    pair{"{asked} s demandées, {granted} s accordées", "{asked} s asked for, {granted} s granted"},
			odd:   pair{"{asked} s demandées, {granted} s accordées", "{asked} s asked for, {granted} s granted"},
			cases: map[string]pair{
				"unsaid": {"{asked} s demandées, la réponse ne dit pas combien sont accordées", "{asked} s asked for, the response does not say how many are granted"},
				"brief":  {"{asked} s refusées (423), {granted} s accordées", "{asked} s refused (423), {granted} s granted"},
			},
			means: pair{"Tant qu'un départ n'est pas prouvé, une bascule attend cette durée (max_grant).", "While a departure is not proven, a switchover waits that long (max_grant)."},
			do:    pair{"Réduisez la durée minimale du registraire, et écrivez max_grant: {granted}s.", "Reduce the registrar's least time, and write max_grant: {granted}s."},
		},
		StudyShortGrant: {
			title: pair{"Enregistrements courts", "Short registrations"},
			ok:    pair{"{asked} s acceptées", "{asked} s taken"},
			odd:   pair{"{asked} s demandées : {granted} s accordées", "{asked} s asked for: {granted} s granted"},
			cases: map[string]pair{"brief": {"{asked} s refusées (423) : {min} s au moins", "{asked} s refused (423): {min} s at least"}},
			means: pair{"La durée la plus courte possible est aussi l'attente d'une bascule quand rien n'est prouvé.", "The shortest time possible is also what a switchover waits when nothing is proven."},
			do:    pair{"Abaissez le minimum du registraire à 60 s ou moins.", "Lower the registrar's minimum to 60 s or less."},
		},
		StudySecondContact: {
			title: pair{"Second Contact du même utilisateur", "A second Contact of the same user"},
			ok:    pair{"les deux restent enregistrés (RFC 3261 §10.3)", "both stay registered (RFC 3261 §10.3)"},
			odd:   pair{"le second remplace le premier", "the second replaces the first"},
			cases: map[string]pair{
				"refused": {"le second est refusé ({status})", "the second is refused ({status})"},
				"kept":    {"le second est accepté, mais seul le premier reste", "the second is taken, but only the first stays"},
			},
			means: pair{"Un seul enregistrement par utilisateur : quand l'adresse de Relève change, l'ancien gêne ou disparaît.", "One binding a user: when Relève's address changes, the former one is in the way or goes."},
			do:    pair{"Laissez le nouveau Contact remplacer l'ancien à l'IPBX ; sinon désenregistrez avant tout changement d'adresse.", "Have the new Contact replace the old one at the IPBX; else un-register before any change of address."},
		},
		StudyExpiry: {
			title: pair{"Fin d'un enregistrement expiré", "End of an expired binding"},
			ok:    pair{"accordé {granted} s, absent ensuite", "granted for {granted} s, gone afterwards"},
			odd:   pair{"accordé {granted} s, encore listé {late} s plus tard", "granted for {granted} s, still listed {late} s later"},
			cases: map[string]pair{"frozen": {"le temps restant ne décroît pas ({granted} s)", "the time left does not grow shorter ({granted} s)"}},
			means: pair{"Relève se fie à cette fin quand l'ancien serveur ne se désenregistre pas : deux enregistrements se recouvriraient.", "Relève relies on this end when the former server does not unregister: two bindings would overlap."},
			do:    pair{"À corriger par le constructeur, ou allongez max_grant d'autant.", "To be corrected by the maker, or lengthen max_grant by as much."},
		},
		StudyUnregister: {
			title: pair{"Désenregistrement (Expires: 0)", "Un-registration (Expires: 0)"},
			ok:    pair{"obéi : plus rien n'est listé", "obeyed: nothing is listed any more"},
			odd:   pair{"répond {status}, mais l'enregistrement reste listé", "answers {status}, but the binding stays listed"},
			cases: map[string]pair{
				"refused": {"refusé ({status})", "refused ({status})"},
				"silent":  {"sans réponse", "not answered"},
			},
			means: pair{"La licence ne se libère pas : une bascule attend la fin de l'enregistrement à chaque fois.", "The licence is not set free: every switchover waits until the registration ends."},
			do:    pair{"À corriger à l'IPBX ; d'ici là, choisissez une durée très courte.", "To be corrected at the IPBX; until then choose a very short time."},
		},
		StudySecondary: {
			title: pair{"Les appels du principal atteignent le secours", "The primary's calls reach the secondary"},
			ok:    pair{"{secondary} enregistré seul : l'appel vers {number} arrive à lui", "with {secondary} alone registered the call to {number} arrives at it"},
			odd:   pair{"{secondary} enregistré seul : l'appel vers {number} n'arrive pas ({status})", "with {secondary} alone registered the call to {number} does not arrive ({status})"},
			means: pair{"Après une bascule, les appels n'atteindraient pas le serveur de secours.", "After a switchover calls would not reach the secondary server."},
			do:    pair{"À l'IPBX, mettez les deux utilisateurs dans le même groupe d'appel, ou renvoyez le premier vers le second quand il n'est pas enregistré ; ou choisissez le mode hold.", "At the IPBX put both users into one hunt group, or forward the first to the second when it is not registered; or choose mode hold."},
		},
	}
}
