package text

// doctoredFiles: what the configuration points at.
func doctoredFiles() map[DoctorID]studied {
	return map[DoctorID]studied{
		DoctorConfig: {
			title: pair{"Configuration", "Configuration"},
			ok:    pair{"{file} : correcte", "{file}: correct"},
			odd:   pair{"{file} : {faults} faute(s)", "{file}: {faults} fault(s)"},
			cases: map[string]pair{"advice": {"{file} : correcte, {advice} conseil(s)", "{file}: correct, {advice} piece(s) of advice"}},
			means: pair{"Avec une faute, Relève ne démarre pas.", "With a fault Relève does not start."},
			do:    pair{"« releve config check » les dit toutes, avec leur place.", "\"releve config check\" tells them all, with their place."},
		},
		DoctorDisk: {
			title: pair{"Espace disque", "Disk space"},
			ok:    pair{"{path} : {free} Mo libres ({percent} %), {inodes} % des inodes", "{path}: {free} MB free ({percent} %), {inodes} % of the inodes"},
			odd:   pair{"{path} : {free} Mo libres ({percent} %), {inodes} % des inodes", "{path}: {free} MB free ({percent} %), {inodes} % of the inodes"},
			cases: map[string]pair{"unseen": {"{path} : non vu ({why})", "{path}: not seen ({why})"}},
			means: pair{"Disque plein, les appels passent mais plus rien n'est noté, et les rôles ne changent plus.", "With a full disk calls go on but nothing is recorded, and roles no longer change."},
			do:    pair{"Libérez de la place, ou mettez store.path sur un autre disque local.", "Free space, or put store.path on another local disk."},
		},
		DoctorWritable: {
			title: pair{"Dossier des données", "Data directory"},
			ok:    pair{"{path} : inscriptible", "{path}: writable"},
			odd:   pair{"{path} : {why}", "{path}: {why}"},
			cases: map[string]pair{"missing": {"{path} n'existe pas ; Relève le créera", "{path} does not exist; Relève will make it"}},
			means: pair{"Relève ne peut rien retenir : ni rôle, ni enregistrement, ni appel.", "Relève can remember nothing: no role, no registration, no call."},
			do:    pair{"install -d -m 0750 -o releve -g releve {path} ; vérifiez que le disque n'est ni plein ni en lecture seule.", "install -d -m 0750 -o releve -g releve {path}; check that the disk is neither full nor read-only."},
		},
		DoctorSync: {
			title: pair{"Écriture sûre (fsync)", "Safe write (fsync)"},
			ok:    pair{"{ms} ms au pire sur {count}", "{ms} ms at worst of {count}"},
			odd:   pair{"{ms} ms au pire sur {count}", "{ms} ms at worst of {count}"},
			means: pair{"Chaque changement de rôle attend cette écriture : une bascule en est retardée d'autant.", "Each change of role waits for this write: a switchover is delayed by as much."},
			do:    pair{"Préférez un disque local à un partage réseau, et une machine virtuelle sur un stockage moins chargé.", "Prefer a local disk to a network share, and a virtual machine on storage that is less busy."},
		},
		DoctorStore: {
			title: pair{"Base de données de Relève", "Relève's database"},
			ok:    pair{"intègre, schéma {schema}, {size} Mo", "sound, schema {schema}, {size} MB"},
			odd:   pair{"{why}", "{why}"},
			cases: map[string]pair{
				"new":    {"pas encore de base : le premier démarrage la fera", "no database yet: the first start makes it"},
				"older":  {"schéma {schema} : le prochain démarrage le mettra à jour ({newest})", "schema {schema}: the next start brings it up to date ({newest})"},
				"unseen": {"non vue : {why}", "not seen: {why}"},
				"remote": {"{where} : répond, schéma {schema}", "{where}: answers, schema {schema}"},
			},
			means: pair{"Sans base, les appels vont au principal, mais aucun rôle ni enregistrement ne change.", "Without the database calls go to the primary, but no role and no registration changes."},
			do:    pair{"Le message dit le remède ; sauvegarde : « releve backup ».", "The message tells the remedy; backup: \"releve backup\"."},
		},
		DoctorCertificate: {
			title: pair{"Certificat", "Certificate"},
			ok:    pair{"{name}, valable jusqu'au {end} ({days} jours)", "{name}, valid until {end} ({days} days)"},
			odd:   pair{"{name} : {why}", "{name}: {why}"},
			cases: map[string]pair{
				"none":    {"aucun : rien ne parle TLS ici", "none: nothing speaks TLS here"},
				"ending":  {"{name} expire le {end} (dans {days} jours)", "{name} ends on {end} (in {days} days)"},
				"expired": {"{name} a expiré le {end}", "{name} ended on {end}"},
				"early":   {"{name} n'est valable qu'à partir du {start}", "{name} is valid only from {start}"},
				"name":    {"{name} ne porte pas l'adresse {address} que les autres appellent", "{name} does not hold the address {address} that others call"},
				"chain":   {"{name} : l'autorité {issuer} n'est pas celle de tls.ca ni du système", "{name}: its authority {issuer} is neither that of tls.ca nor the system's"},
			},
			means: pair{"Les appels en TLS seraient refusés par l'IPBX ou les serveurs.", "TLS calls would be refused by the IPBX or the servers."},
			do:    pair{"Faites (re)faire le certificat avec le nom et l'adresse de Relève ; la chaîne entière dans tls.certificate, sa clé dans tls.key.", "Have the certificate made (again) with Relève's name and address; the whole chain in tls.certificate, its key in tls.key."},
		},
		DoctorKeys: {
			title: pair{"Clés des jetons (keys.file)", "Keys of the tokens (keys.file)"},
			ok:    pair{"{file}, mode {mode}", "{file}, mode {mode}"},
			odd:   pair{"{file}, mode {mode} : lisible par d'autres", "{file}, mode {mode}: others can read it"},
			cases: map[string]pair{
				"new":    {"{file} n'existe pas : le premier démarrage le fera", "{file} does not exist: the first start makes it"},
				"unseen": {"non vu : {why}", "not seen: {why}"},
			},
			means: pair{"Qui lit ces clés peut forger la route d'un appel.", "Whoever reads these keys can forge the route of a call."},
			do:    pair{"chmod 0600 {file}", "chmod 0600 {file}"},
		},
		DoctorSecrets: {
			title: pair{"Mots de passe", "Passwords"},
			ok:    pair{"{count} lisible(s), et d'eux seuls", "{count} readable, by their owner only"},
			odd:   pair{"{file} : {why}", "{file}: {why}"},
			cases: map[string]pair{
				"none": {"aucun fichier de mot de passe", "no password file"},
				"open": {"{file} (mode {mode}) : lisible par tous", "{file} (mode {mode}): readable by everybody"},
				"env":  {"${name} n'est pas défini ici ; le service l'a peut-être", "${name} is not set here; the service may have it"},
			},
			means: pair{"Sans ce mot de passe, pas d'enregistrement ; lisible par tous, la licence peut être prise.", "Without this password there is no registration; readable by everybody, the licence can be taken."},
			do:    pair{"chown releve: et chmod 0400 sur le fichier ; les dossiers au-dessus doivent être accessibles.", "chown releve: and chmod 0400 on the file; the directories above it must be accessible."},
		},
	}
}

// doctoredNetwork: addresses, names, paths.
func doctoredNetwork() map[DoctorID]studied {
	return map[DoctorID]studied{
		DoctorListen: {
			title: pair{"Adresse d'écoute", "Listening address"},
			ok:    pair{"{address} : libre", "{address}: free"},
			odd:   pair{"{address} : prise par {holder}", "{address}: taken by {holder}"},
			cases: map[string]pair{
				"ours":   {"{address} : tenue par Relève ({holder})", "{address}: held by Relève ({holder})"},
				"hidden": {"{address} : prise par un processus d'un autre utilisateur (root le verrait)", "{address}: taken by a process of another user (root would see it)"},
				"absent": {"cette machine n'a pas l'adresse {address}", "this machine does not have the address {address}"},
				"denied": {"{address} : refusée à cet utilisateur", "{address}: denied to this user"},
				"other":  {"{address} : {why}", "{address}: {why}"},
			},
			means: pair{"Relève ne pourrait pas y recevoir d'appels.", "Relève could receive no calls there."},
			do:    pair{"Donnez cette adresse à la machine, ou corrigez listen. Si elle est prise, arrêtez l'autre programme (« ss -lunpt » le nomme) ; un port sous 1024 demande CAP_NET_BIND_SERVICE.", "Give the machine this address, or correct listen. When it is taken, stop the other program (\"ss -lunpt\" names it); a port below 1024 needs CAP_NET_BIND_SERVICE."},
		},
		DoctorMedia: {
			title: pair{"Ports du son (media.ports)", "Ports for sound (media.ports)"},
			ok:    pair{"{free} libres sur {count} ({address})", "{free} of {count} free ({address})"},
			odd:   pair{"{free} libres sur {count} ({address})", "{free} of {count} free ({address})"},
			means: pair{"Un appel de vérification ou un message d'attente pourrait manquer de port.", "A test call or a hold prompt could lack a port."},
			do:    pair{"Choisissez une autre plage dans media.ports.", "Choose another range in media.ports."},
		},
		DoctorNames: {
			title: pair{"Nom", "Name"},
			ok:    pair{"{name} mène à {addresses} ({ms} ms)", "{name} leads to {addresses} ({ms} ms)"},
			odd:   pair{"{name} ne mène nulle part : {why}", "{name} leads nowhere: {why}"},
			cases: map[string]pair{"none": {"aucun nom dans la configuration", "no name in the configuration"}},
			means: pair{"Sans adresse, rien ne part vers cet équipement.", "Without an address nothing leaves for that equipment."},
			do:    pair{"Corrigez le nom, le DNS ou /etc/hosts ; ou écrivez l'adresse IP.", "Correct the name, DNS or /etc/hosts; or write the IP address."},
		},
		DoctorResolver: {
			title: pair{"Serveur DNS", "DNS server"},
			ok:    pair{"{server} répond ({ms} ms)", "{server} answers ({ms} ms)"},
			odd:   pair{"{server} ne répond pas", "{server} does not answer"},
			means: pair{"Quand l'autre se taira aussi, les noms garderont leurs dernières adresses connues, puis plus rien.", "When the other falls silent too, names keep their last known addresses, then nothing."},
			do:    pair{"Vérifiez l'adresse (dns.servers, /etc/resolv.conf) et le pare-feu (port 53, UDP et TCP).", "Check the address (dns.servers, /etc/resolv.conf) and the firewall (port 53, UDP and TCP)."},
		},
		DoctorRoute: {
			title: pair{"Route", "Route"},
			ok:    pair{"vers {peer} ({address}) par {interface}, depuis {local}", "to {peer} ({address}) by {interface}, from {local}"},
			odd:   pair{"vers {peer} ({address}) : {why}", "to {peer} ({address}): {why}"},
			means: pair{"Aucun appel ne peut partir vers cet équipement.", "No call can leave for that equipment."},
			do:    pair{"« ip route get {address} » ; complétez les routes de la machine.", "\"ip route get {address}\"; complete the machine's routes."},
		},
		DoctorMTU: {
			title: pair{"MTU du chemin", "Path MTU"},
			ok:    pair{"vers {peer} : {mtu} octets", "to {peer}: {mtu} bytes"},
			odd:   pair{"vers {peer} : {mtu} octets", "to {peer}: {mtu} bytes"},
			means: pair{"Un message SIP plus grand est coupé en fragments, que des pare-feu jettent.", "A larger SIP message is cut into fragments, which firewalls throw away."},
			do:    pair{"Écrivez large: tcp pour cet équipement, ou laissez passer les fragments ; « releve preflight » l'essaie.", "Write large: tcp for that equipment, or let fragments pass; \"releve preflight\" tries it."},
		},
		DoctorIPv6: {
			title: pair{"IPv6", "IPv6"},
			ok:    pair{"actif, et demandé par la configuration", "on, and asked for by the configuration"},
			odd:   pair{"demandé par la configuration, mais désactivé sur cette machine", "asked for by the configuration, but off on this machine"},
			cases: map[string]pair{"unused": {"non demandé par la configuration", "not asked for by the configuration"}},
			means: pair{"Les équipements en IPv6 ne seraient pas joints.", "Equipment on IPv6 would not be reached."},
			do:    pair{"sysctl -w net.ipv6.conf.all.disable_ipv6=0, ou des adresses IPv4 dans la configuration.", "sysctl -w net.ipv6.conf.all.disable_ipv6=0, or IPv4 addresses in the configuration."},
		},
	}
}

// DoctorLack names one protection that the running service lacks.
func (m Messages) DoctorLack(what string) string {
	switch what {
	case "root":
		return m.say("tourne en root", "runs as root")
	case "privileges":
		return m.say("peut acquérir des privilèges (NoNewPrivileges)", "may gain privileges (NoNewPrivileges)")
	case "seccomp":
		return m.say("appels système non filtrés (SystemCallFilter)", "system calls unfiltered (SystemCallFilter)")
	case "capabilities":
		return m.say("droits superflus (CapabilityBoundingSet)", "rights beyond need (CapabilityBoundingSet)")
	}
	return what
}
