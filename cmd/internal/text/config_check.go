package text

import "time"

// The sentences of config.Check: faults between keys.

// ConfigOnePrimary (CFG-020): n were found.
func (m Messages) ConfigOnePrimary(n int) string {
	return m.say("il faut exactement un serveur principal (role: primary) ; %d trouvé(s).",
		"exactly one primary server (role: primary) is needed; %d found.", n)
}

// ConfigOneSecondary (CFG-020).
func (m Messages) ConfigOneSecondary(level string, n int) string {
	return m.say("le niveau %s demande exactement un serveur de secours (role: secondary) ; %d trouvé(s).",
		"level %s needs exactly one secondary server (role: secondary); %d found.", level, n)
}

// ConfigNoSecondary (CFG-021): the level has one server.
func (m Messages) ConfigNoSecondary(level string) string {
	return m.say("le niveau %s n'a qu'un serveur ; retirez le serveur de secours ou changez de niveau.",
		"level %s has a single server; remove the secondary or change the level.", level)
}

// ConfigLicence (CFG-022): the option that was not bought.
func (m Messages) ConfigLicence(level string) string {
	return m.say("le niveau %s demande la licence Wel'Suite du même nom ; ajoutez-la à wel_licences si le site l'a achetée.",
		"level %s needs the Wel'Suite licence of that name; add it to wel_licences if the site has bought it.", level)
}

// ConfigVersion (CFG-023).
func (m Messages) ConfigVersion(server, version, level string) string {
	if version == "" {
		return m.say("la version de Wel'Suite du serveur %s manque ; le niveau %[2]s demande au moins 5.3.6.",
			"the Wel'Suite version of server %s is missing; level %[2]s needs at least 5.3.6.", server, level)
	}
	return m.say("le serveur %s est en Wel'Suite %s ; le niveau %s demande au moins 5.3.6.",
		"server %s runs Wel'Suite %s; level %s needs at least 5.3.6.", server, version, level)
}

// ConfigNoAnswer (CFG-024): the IPBX would give up before us.
func (m Messages) ConfigNoAnswer(ipbx string, answer, hold, noAnswer time.Duration) string {
	return m.say("answer_timeout (%s) + hold_budget (%s) doit rester sous no_answer de l'IPBX %s (%s), sinon l'IPBX reprend l'appel pendant qu'il est gardé.",
		"answer_timeout (%s) + hold_budget (%s) must stay below no_answer of IPBX %s (%s), or the IPBX takes the call back while it is held.",
		Short(answer), Short(hold), ipbx, Short(noAnswer))
}

// ConfigDuplicateName (CFG-025).
func (m Messages) ConfigDuplicateName(name string) string {
	return m.say("le nom « %s » est déjà pris ; chaque serveur et chaque IPBX a le sien.",
		"the name %q is already taken; each server and each IPBX has its own.", name)
}

// ConfigDuplicateAddress (CFG-026): other holds it already.
func (m Messages) ConfigDuplicateAddress(address, other string) string {
	return m.say("l'adresse %s est déjà celle de %s.", "address %s is already that of %s.", address, other)
}

// ConfigInlineSecret (CFG-027).
func (m Messages) ConfigInlineSecret() string {
	return m.say("un mot de passe ne s'écrit pas dans ce fichier ; donnez password_file (un fichier) ou password_env (une variable d'environnement).",
		"a password is not written in this file; give password_file (a file) or password_env (an environment variable).")
}

// ConfigSecretUnreadable (CFG-028).
func (m Messages) ConfigSecretUnreadable(key, file, cause string) string {
	return m.say("%s : le mot de passe ne peut pas être lu dans %s : %s. Ce fichier contient le mot de passe, rien d'autre, et l'utilisateur releve peut le lire (mode 0640).",
		"%s: the password cannot be read from %s: %s. That file holds the password, nothing else, and the user releve may read it (mode 0640).", key, file, cause)
}

// ConfigSecretEmpty (CFG-028).
func (m Messages) ConfigSecretEmpty(user, source string) string {
	return m.say("le mot de passe de %s est vide (%s).", "the password of %s is empty (%s).", user, source)
}

// ConfigSecretSource (CFG-029).
func (m Messages) ConfigSecretSource(user string) string {
	return m.say("%s : donnez password_file ou password_env, l'un des deux et un seul.",
		"%s: give password_file or password_env, one of them and only one.", user)
}

// ConfigSecretOpen (CFG-041, advice).
func (m Messages) ConfigSecretOpen(path string) string {
	return m.say("le fichier %s est lisible par tous ; « chmod 0640 » le protège.",
		"file %s is readable by everybody; \"chmod 0640\" protects it.", path)
}

// ConfigUsersUnused (CFG-030).
func (m Messages) ConfigUsersUnused(mode string) string {
	return m.say("registration.users ne sert pas en mode %s ; retirez-le ou choisissez gate, pair ou hold.",
		"registration.users is not used in mode %s; remove it or choose gate, pair or hold.", mode)
}

// ConfigUserMissing (CFG-031).
func (m Messages) ConfigUserMissing(mode, server string) string {
	return m.say("le mode %s demande un utilisateur pour le serveur « %s » dans registration.users.",
		"mode %s needs a user for server %q in registration.users.", mode, server)
}

// ConfigNoSentinel (CFG-059, advice): mode gate, and the password stays at the
// server.
func (m Messages) ConfigNoSentinel(server string) string {
	return m.say("sans le mot de passe de « %s », Relève ne peut ni désenregistrer son utilisateur ni regarder qui d'autre l'utilise : une bascule attend la fin de l'enregistrement (max_grant). password_file ou password_env l'évite.",
		"without the password of %q Relève can neither unregister its user nor see who else uses it: a switchover waits until the registration has expired (max_grant). password_file or password_env avoids that.", server)
}

// ConfigOneUser (CFG-031).
func (m Messages) ConfigOneUser(n int) string {
	return m.say("le mode hold demande un seul utilisateur dans registration.users ; %d trouvé(s).",
		"mode hold needs a single user in registration.users; %d found.", n)
}

// ConfigUserUnknown (CFG-032).
func (m Messages) ConfigUserUnknown(name, guess string) string {
	return m.say("registration.users.%s : aucun serveur ne porte ce nom.",
		"registration.users.%s: no server has this name.", name) + m.guess(guess)
}

// ConfigSameAOR (CFG-032): in pair mode the users differ.
func (m Messages) ConfigSameAOR(aor string) string {
	return m.say("l'identité %s est donnée deux fois ; en mode pair chaque serveur a la sienne.",
		"identity %s is given twice; in mode pair each server has its own.", aor)
}

// ConfigDirectory (CFG-033).
func (m Messages) ConfigDirectory(key, dir, cause string) string {
	return m.say("%s : le dossier %s n'est pas utilisable (%s) ; il doit exister et être accessible en écriture.",
		"%s: directory %s cannot be used (%s); it must exist and be writable.", key, dir, cause)
}

// ConfigRejectStatus (CFG-034).
func (m Messages) ConfigRejectStatus(status int) string {
	return m.say("dissuasion.status : %d est refusé ; avec 503 l'IPBX éviterait Relève pour tous les appels, 401 et 407 demandent un mot de passe. 486 convient.",
		"dissuasion.status: %d is refused; told 503 the IPBX would avoid Relève for every call, 401 and 407 ask for a password. 486 suits.", status)
}

// ConfigNoListener (CFG-035).
func (m Messages) ConfigNoListener(transport, name string) string {
	return m.say("%s parle %s, mais aucune adresse de listen n'est en %[2]s.",
		"%s speaks %s, but no address of listen does.", name, transport)
}

// ConfigAdvertise (CFG-036).
func (m Messages) ConfigAdvertise(address string) string {
	return m.say("%s écoute sur toutes les adresses ; donnez advertise, l'adresse que les autres doivent utiliser.",
		"%s listens on every address; give advertise, the address that others must use.", address)
}

// ConfigOrder (CFG-037): less must be below more.
func (m Messages) ConfigOrder(less string, lessValue time.Duration, more string, moreValue time.Duration) string {
	return m.say("%s (%s) doit être plus court que %s (%s).", "%s (%s) must be shorter than %s (%s).",
		less, Short(lessValue), more, Short(moreValue))
}

// ConfigHoldShort (CFG-038, advice).
func (m Messages) ConfigHoldShort(hold, verification time.Duration) string {
	return m.say("hold_budget (%s) est plus court que la plus longue vérification (%s) ; les appels gardés pendant une panne iront à rescue, pas au serveur de secours.",
		"hold_budget (%s) is shorter than the longest verification (%s); calls held during an outage will go to rescue, not to the secondary.",
		Short(hold), Short(verification))
}

// ConfigNoSwitchOn (CFG-039, advice).
func (m Messages) ConfigNoSwitchOn() string {
	return m.say("verification.switch_on est vide ; aucune panne ne provoquera de bascule automatique.",
		"verification.switch_on is empty; no fault will cause an automatic switchover.")
}

// ConfigNoInline (CFG-042, advice).
func (m Messages) ConfigNoInline() string {
	return m.say("toutes les adresses de listen sont des entrées de débordement ; aucun appel ordinaire ne passera par Relève.",
		"every address of listen is an overflow entry; no ordinary call will pass through Relève.")
}

// ConfigSourceShared (CFG-043): a server's address among the IPBX's sources.
func (m Messages) ConfigSourceShared(address, server string) string {
	return m.say("%s est l'adresse du serveur %s et ne peut pas être une source de l'IPBX.",
		"%s is the address of server %s and cannot be a source of the IPBX.", address, server)
}

// ConfigRescueLoop (CFG-044).
func (m Messages) ConfigRescueLoop(address string) string {
	return m.say("rescue : %s est un serveur vocal ou Relève ; rescue désigne le poste des opérateurs, à l'IPBX.",
		"rescue: %s is a voice server or Relève; rescue names the operators' desk, at the IPBX.", address)
}

// ConfigOptionsCheck (CFG-045): the list of checks lacks options.
func (m Messages) ConfigOptionsCheck() string {
	return m.say("checks : il faut exactement une vérification de type options ; c'est elle qui dit si le serveur répond en SIP.",
		"checks: exactly one check of type options is needed; it says whether the server answers SIP.")
}

// ConfigKeyUnused (CFG-046): key does not belong to this type of check.
func (m Messages) ConfigKeyUnused(key, kind string) string {
	return m.say("la clé %s ne sert pas pour une vérification de type %s ; retirez-la.",
		"key %s is not used in a check of type %s; remove it.", key, kind)
}

// ConfigAbsolute (CFG-047): a path must be absolute.
func (m Messages) ConfigAbsolute(key, path string) string {
	return m.say("%s : « %s » doit être un chemin complet (commençant par /).",
		"%s: %q must be a full path (starting with /).", key, path)
}

// Cause translates the operating system's words that operators meet most; any
// other is given as it is.
func (m Messages) Cause(err string) string {
	switch err {
	case "no such file or directory":
		return m.say("fichier ou dossier inexistant", "no such file or directory")
	case "permission denied":
		return m.say("accès refusé", "permission denied")
	case "not a directory":
		return m.say("ce n'est pas un dossier", "not a directory")
	case "is a directory":
		return m.say("c'est un dossier", "it is a directory")
	case "read-only file system":
		return m.say("disque en lecture seule", "read-only file system")
	case "file too large":
		return m.say("fichier trop gros", "file too large")
	case "tls: private key does not match public key":
		return m.say("la clé n'est pas celle du certificat", "the key is not that of the certificate")
	case "connection refused":
		return m.say("personne n'écoute", "nobody is listening")
	}
	return err
}

// ConfigBadIdentity (CFG-057).
func (m Messages) ConfigBadIdentity(key, value string) string {
	return m.say("%s : « %s » n'est ni un numéro, ni une adresse SIP avec un utilisateur, ni licence ; écrivez \"0145000001\" ou \"sip:0145000001@10.10.0.10\".",
		"%s: %q is neither a number, nor a SIP address with a user, nor licence; write \"0145000001\" or \"sip:0145000001@10.10.0.10\".", key, value)
}

// ConfigIdentityUser (CFG-057): no user whose address it could be.
func (m Messages) ConfigIdentityUser(key string) string {
	return m.say("%s : licence désigne l'utilisateur enregistré, et ce serveur n'en a pas dans registration.users ; écrivez un numéro.",
		"%s: licence means the registered user, and this server has none in registration.users; write a number.", key)
}

// ConfigIdentityUnused (CFG-058, advice).
func (m Messages) ConfigIdentityUnused() string {
	return m.say("identity: from ne change rien tant qu'aucun serveur vocal n'a la clé identity ; donnez-la, ou retirez cette ligne.",
		"identity: from changes nothing while no voice server has the key identity; give it, or remove this line.")
}
