package text

// studiesOfReach: what is found out without a call.
func studiesOfReach() map[StudyID]studied {
	return map[StudyID]studied{
		StudyOptions: {
			title: pair{"Réponse à OPTIONS", "Answer to OPTIONS"},
			ok:    pair{"répond {status} en {ms} ms ({agent})", "answers {status} in {ms} ms ({agent})"},
			odd:   pair{"répond {status} ({agent})", "answers {status} ({agent})"},
			cases: map[string]pair{
				"silent":  {"ne répond pas à OPTIONS", "does not answer OPTIONS"},
				"refused": {"port fermé : la machine refuse", "port closed: the machine refuses"},
				"garbage": {"répond, mais ce n'est pas du SIP lisible", "answers, but nothing that can be read as SIP"},
				"absent":  {"absent du réseau", "off the network"},
				"alive":   {"répond {status} ({agent})", "answers {status} ({agent})"},
			},
			advice: map[string]advice{
				"": {
					pair{"Il vit, mais cette réponse dit qu'il ne veut pas de nous, ou ne peut pas servir : une vérification la lirait comme un doute.", "It lives, but this answer says that it does not want us, or cannot serve: a verification would read it as a doubt."},
					pair{"Autorisez l'adresse de Relève chez lui et faites répondre 200 à OPTIONS ; sinon choisissez une vérification par appel (checks: type call).", "Allow Relève's address there and have OPTIONS answered with 200; else choose a verification by a call (checks: type call)."},
				},
				"absent":  {means: pair{"Au niveau backup, le serveur de secours peut rester éteint : recommencez une fois avec lui en service, pour l'étudier aussi.", "At level backup the secondary server may stay switched off: begin again once with it in service, to study it too."}},
				"alive":   {means: pair{"Toute réponse prouve qu'il vit : cela suffit à Relève.", "Any answer proves that it lives: that is enough for Relève."}},
				"refused": {do: pair{"La machine est là, mais rien n'écoute à ce port : vérifiez l'adresse, le port, le transport (udp, tcp, tls), et que le service SIP tourne.", "The machine is there, but nothing listens at this port: check address, port, transport (udp, tcp, tls), and that the SIP service runs."}},
				"garbage": {do: pair{"Vérifiez le port et le transport : un autre service répond là.", "Check port and transport: another service answers there."}},
			},
			means: pair{
				"Relève vérifie un serveur par OPTIONS, et l'IPBX surveille Relève de même : sans réponse, une panne ne se distingue pas d'un silence.",
				"Relève verifies a server by OPTIONS, and the IPBX watches Relève likewise: without an answer a failure looks like silence.",
			},
			do: pair{
				"Ouvrez le pare-feu et autorisez l'adresse de Relève (« releve export flux ») ; vérifiez l'adresse et le port ; activez la réponse à OPTIONS.",
				"Open the firewall and allow Relève's address (\"releve export flux\"); check address and port; enable the answer to OPTIONS.",
			},
		},
		StudyNAT: {
			title: pair{"Adresses inchangées en chemin (NAT, SIP ALG)", "Addresses unchanged on the way (NAT, SIP ALG)"},
			ok:    pair{"nous voit à {seen}, notre adresse", "sees us at {seen}, our own address"},
			odd:   pair{"nous voit à {seen}, nous sommes {local}", "sees us at {seen}, we are {local}"},
			cases: map[string]pair{
				"alg":     {"un équipement a réécrit {header} : envoyé {sent}, revenu {got}", "some device rewrote {header}: sent {sent}, came back {got}"},
				"port":    {"répond depuis le port de {from}, pas depuis {asked}", "answers from the port of {from}, not from {asked}"},
				"address": {"répond depuis {from}, pas depuis {asked}", "answers from {from}, not from {asked}"},
			},
			advice: map[string]advice{
				"port": {
					pair{"Relève le comprend, mais un pare-feu qui suit les échanges jette ces réponses.", "Relève understands it, but a firewall that keeps state drops these answers."},
					pair{"Faites répondre depuis le port interrogé ; sinon ouvrez au pare-feu tous les ports UDP de cette machine vers Relève.", "Have it answer from the port that was asked; else open the firewall for every UDP port of that machine towards Relève."},
				},
				"address": {
					pair{"Une adresse que la configuration ne connaît pas n'est pas écoutée par Relève.", "Relève does not listen to an address that the configuration does not know."},
					pair{"IPBX : ajoutez cette adresse à ipbx.sources. Serveur vocal : faites-le répondre depuis l'adresse interrogée. Ouvrez le pare-feu pour les deux.", "IPBX: add this address to ipbx.sources. Voice server: have it answer from the address that was asked. Open the firewall for both."},
				},
			},
			means: pair{
				"Entre Relève et lui, un routeur change les adresses : les requêtes d'un appel établi se perdraient.",
				"A router between Relève and it changes addresses: requests of established calls would get lost.",
			},
			do: pair{
				"Désactivez « SIP ALG » (ou « inspection SIP ») sur le routeur ou le pare-feu, et supprimez la translation d'adresses entre ces machines ; sinon, déclarez l'adresse vue dans listen.advertise.",
				"Switch \"SIP ALG\" (or \"SIP inspection\") off on the router or firewall, and remove address translation between these machines; else put the address that is seen in listen.advertise.",
			},
		},
		StudyContact: {
			title: pair{"Contact joignable", "Contact that can be reached"},
			ok:    pair{"annonce {contact}", "announces {contact}"},
			odd:   pair{"annonce {contact}, alors que nous le joignons à {address}", "announces {contact}, while we reach it at {address}"},
			cases: map[string]pair{
				"name":    {"annonce le nom {contact}, que le DNS ne connaît pas d'ici", "announces the name {contact}, which DNS does not know from here"},
				"changed": {"nous rend notre Contact réécrit : envoyé {sent}, revenu {got}", "gives our Contact back rewritten: sent {sent}, came back {got}"},
				"routed":  {"annonce {contact} ; les requêtes de l'appel passent par son relais {route} (Record-Route)", "announces {contact}; requests of the call go by its hop {route} (Record-Route)"},
				"ours":    {"laisse passer le Contact de l'appelant ({contact})", "lets the caller's Contact pass ({contact})"},
				"missing": {"n'annonce aucun Contact dans sa réponse", "announces no Contact in its response"},
				"other":   {"annonce {contact}, une autre adresse que {address}", "announces {contact}, another address than {address}"},
			},
			advice: map[string]advice{
				"name":    {do: pair{"Ajoutez ce nom au DNS de Relève, ou faites annoncer une adresse IP.", "Add this name to Relève's DNS, or have an IP address announced."}},
				"changed": {do: pair{"Désactivez « SIP ALG » (ou « inspection SIP ») sur le chemin, et la réécriture des Contact chez lui.", "Switch \"SIP ALG\" (or \"SIP inspection\") off on the way, and the rewriting of Contacts there."}},
				"missing": {
					pair{"Les requêtes d'un appel établi (fin d'appel, mise en attente, transfert) ne sauraient où aller (RFC 3261 §12.1.1).", "Requests of an established call (its end, hold, transfer) would not know where to go (RFC 3261 §12.1.1)."},
					pair{"À corriger par le constructeur, ou avec TLM Com pour un serveur vocal : un Contact dans chaque réponse 200 à un appel.", "To be corrected by the maker, or with TLM Com for a voice server: a Contact in each 200 to a call."},
				},
			},
			means: pair{
				"Les requêtes d'un appel établi (fin d'appel, mise en attente, transfert) partent vers cette adresse.",
				"Requests of an established call (its end, hold, transfer) go to this address.",
			},
			do: pair{
				"Ajoutez cette adresse à ipbx.sources (ou au pare-feu et au DNS de Relève) ; faites annoncer une adresse IP.",
				"Add this address to ipbx.sources (or to the firewall and to Relève's DNS); have an IP address announced.",
			},
		},
		StudyLarge: {
			title: pair{"Grands messages", "Large messages"},
			ok:    pair{"répond en UDP à {bytes} octets ; TCP : {tcp}", "answers {bytes} bytes over UDP; TCP: {tcp}"},
			odd:   pair{"en UDP, plus rien au-delà de {lost} octets ; TCP : {tcp}", "over UDP nothing beyond {lost} bytes; TCP: {tcp}"},
			means: pair{
				"Un INVITE avec plusieurs codecs et l'historique des renvois dépasse 1 300 octets : perdu en UDP, l'appel n'arrive pas (RFC 3261 §18.1.1).",
				"An INVITE with several codecs and a history of diversions exceeds 1,300 bytes: lost over UDP, the call does not arrive (RFC 3261 §18.1.1).",
			},
			do: pair{
				"Laissez passer les fragments IP entre ces machines, ou ouvrez TCP et écrivez large: tcp.",
				"Let IP fragments pass between these machines, or open TCP and write large: tcp.",
			},
		},
		StudyRoundTrip: {
			title: pair{"Temps d'aller-retour", "Round-trip time"},
			ok:    pair{"médiane {p50} ms, au pire {max} ms ({count} OPTIONS)", "median {p50} ms, at worst {max} ms ({count} OPTIONS)"},
			odd:   pair{"médiane {p50} ms, au pire {max} ms ({count} OPTIONS)", "median {p50} ms, at worst {max} ms ({count} OPTIONS)"},
			means: pair{
				"Chaque vérification attend une seconde : une réponse lente passe pour une panne.",
				"Each verification waits one second: a slow answer passes for a failure.",
			},
			do: pair{
				"Cherchez ce qui ralentit (charge, liaison, machine virtuelle suspendue) ; sinon augmentez verification.timeout et spacing.",
				"Find what is slow (load, link, a paused virtual machine); else raise verification.timeout and spacing.",
			},
		},
		StudyJitter: {
			title: pair{"Gigue", "Jitter"},
			ok:    pair{"{jitter} ms", "{jitter} ms"},
			odd:   pair{"{jitter} ms", "{jitter} ms"},
			means: pair{"Au-delà de 30 ms, la parole se dégrade et les vérifications s'étalent.", "Beyond 30 ms speech suffers, and verifications spread."},
			do:    pair{"Donnez la priorité à la voix (DSCP) sur les commutateurs entre ces machines.", "Give voice priority (DSCP) on the switches between these machines."},
		},
		StudyLoss: {
			title: pair{"Pertes", "Loss"},
			ok:    pair{"{lost} sans réponse sur {count}", "{lost} of {count} unanswered"},
			odd:   pair{"{lost} sans réponse sur {count}", "{lost} of {count} unanswered"},
			means: pair{
				"Chaque perte retarde un appel d'une demi-seconde ou plus et rapproche d'une fausse bascule.",
				"Each loss delays a call by half a second or more and brings a false switchover nearer.",
			},
			do: pair{"Cherchez le lien fautif (duplex, câble, file d'attente) avant l'installation.", "Find the faulty link (duplex, cable, queue) before the installation."},
		},
		StudyClock: {
			title: pair{"Horloges", "Clocks"},
			ok:    pair{"écart {offset} s", "{offset} s apart"},
			odd:   pair{"écart {offset} s", "{offset} s apart"},
			cases: map[string]pair{"none": {"n'envoie pas l'heure (Date)", "does not send the time (Date)"}},
			means: pair{"Les journaux des deux machines ne se recoupent pas, et les certificats se jugent mal.", "The journals of the two machines do not match, and certificates are misjudged."},
			do:    pair{"Réglez les deux machines sur le même serveur NTP.", "Set both machines to the same NTP server."},
		},
		StudyNames: {
			title: pair{"Résolution de noms", "Name resolution"},
			ok:    pair{"{name} mène à {targets}", "{name} leads to {targets}"},
			odd:   pair{"{name} ne mène nulle part", "{name} leads nowhere"},
			cases: map[string]pair{
				"slow":   {"{name} mène à {targets}, en {ms} ms", "{name} leads to {targets}, in {ms} ms"},
				"partly": {"{name} mène à {targets} ; sans réponse : {silent}", "{name} leads to {targets}; without an answer: {silent}"},
			},
			advice: map[string]advice{
				"slow": {
					pair{"Un appel vers un nom oublié attend cette réponse du DNS.", "A call to a name that was forgotten waits for this answer of DNS."},
					pair{"Cherchez pourquoi ce DNS est lent, ou écrivez l'adresse IP dans la configuration.", "Find why this DNS is slow, or write the IP address into the configuration."},
				},
				"partly": {
					pair{"Relève passe à l'adresse suivante, mais un appel attend d'abord celle qui se tait. L'étude a parlé à la première qui répond.", "Relève goes on to the next address, but a call first waits for the silent one. The study spoke to the first that answers."},
					pair{"Remettez cette machine en service, ou retirez-la du DNS (SRV, A).", "Put this machine back into service, or take it out of DNS (SRV, A)."},
				},
			},
			means: pair{"Sans adresse, aucun appel ne part.", "Without an address no call leaves."},
			do:    pair{"Corrigez le DNS (NAPTR, SRV, A), ou écrivez l'adresse IP dans la configuration.", "Correct DNS (NAPTR, SRV, A), or write the IP address into the configuration."},
		},
		StudyTLS: {
			title: pair{"Connexion TLS", "TLS connection"},
			ok:    pair{"{version}, certificat pour {names}, valable jusqu'au {until}", "{version}, certificate for {names}, valid until {until}"},
			odd:   pair{"la connexion échoue : {said}", "the connection fails: {said}"},
			cases: map[string]pair{
				"soon":      {"certificat valable jusqu'au {until} seulement", "certificate valid until {until} only"},
				"asks":      {"demande un certificat sans l'exiger ; le sien, pour {names}, vaut jusqu'au {until}", "asks for a certificate without requiring it; its own, for {names}, is valid until {until}"},
				"expired":   {"certificat expiré le {until}", "certificate expired on {until}"},
				"early":     {"certificat valable à partir du {since} seulement", "certificate valid from {since} only"},
				"name":      {"certificat pour {names}, pas pour {name}", "certificate for {names}, not for {name}"},
				"authority": {"certificat signé par {issuer}, une autorité que cette machine ne connaît pas", "certificate signed by {issuer}, an authority that this machine does not know"},
				"self":      {"certificat signé par lui-même ({issuer})", "certificate signed by itself ({issuer})"},
				"plain":     {"répond, mais pas en TLS", "answers, but not by TLS"},
				"silent":    {"prend la connexion, mais ne dit rien en TLS", "takes the connection, but says nothing by TLS"},
				"turned":    {"certificat pour {names}, valable jusqu'au {until} ; mais il refuse celui de cette machine quand il l'appelle ({said})", "certificate for {names}, valid until {until}; but it refuses this machine's when it connects here ({said})"},
				"version":   {"n'accepte ni TLS 1.2 ni TLS 1.3", "takes neither TLS 1.2 nor TLS 1.3"},
				"wanted":    {"exige un certificat de Relève, aucun n'a été donné ({said})", "requires a certificate of Relève, none was given ({said})"},
				"ours":      {"refuse le certificat de Relève ({said})", "refuses Relève's certificate ({said})"},
			},
			means: pair{"Relève ne confie aucun appel à qui ne prouve pas son identité : rien d'autre n'a pu être étudié.", "Relève trusts no call to who does not prove who it is: nothing else could be studied."},
			do:    pair{"Voyez le certificat et le journal TLS de cet équipement.", "Look at the certificate and the TLS journal of this device."},
			advice: map[string]advice{
				"soon": {
					pair{"À cette date, plus aucun appel ne passera.", "On that day no call will pass any more."},
					pair{"Faites renouveler le certificat de cet équipement avant l'installation, et notez l'échéance.", "Have this device's certificate renewed before the installation, and note its end."},
				},
				"asks":      {means: pair{"Avec --tls-certificate et --tls-key (tls.certificate, tls.key), Relève prouverait aussi la sienne.", "With --tls-certificate and --tls-key (tls.certificate, tls.key) Relève would prove its identity too."}},
				"expired":   {do: pair{"Faites renouveler le certificat de cet équipement.", "Have this device's certificate renewed."}},
				"early":     {do: pair{"Comparez l'heure des deux machines (NTP) ; sinon faites refaire le certificat.", "Compare the time of both machines (NTP); else have the certificate made again."}},
				"name":      {do: pair{"Écrivez dans l'adresse un nom que ce certificat porte, ou faites-le refaire avec {name} (subjectAltName).", "Write a name that this certificate has into the address, or have it made again with {name} (subjectAltName)."}},
				"authority": {do: pair{"Demandez le certificat de cette autorité (PEM) et donnez-le : --tls-ca FICHIER, puis tls.ca dans le fichier. S'il manque un certificat intermédiaire, faites-le ajouter sur l'équipement.", "Ask for that authority's certificate (PEM) and give it: --tls-ca FILE, then tls.ca in the file. If an intermediate certificate is missing, have it added on the device."}},
				"self":      {do: pair{"Donnez ce certificat même comme autorité (--tls-ca FICHIER, tls.ca), ou faites-en signer un par l'autorité du site.", "Give this very certificate as authority (--tls-ca FILE, tls.ca), or have one signed by the site's authority."}},
				"plain":     {do: pair{"Ce port n'est pas celui de TLS : essayez 5061, ou écrivez transport=tcp.", "This port is not that of TLS: try 5061, or write transport=tcp."}},
				"silent":    {do: pair{"Ce port n'est pas celui de TLS : essayez 5061, ou écrivez transport=tcp.", "This port is not that of TLS: try 5061, or write transport=tcp."}},
				"turned": {
					pair{"Les requêtes que cet équipement envoie vers Relève n'arrivent pas : appels, raccrochés, mises en attente.", "The requests that this device sends to Relève do not arrive: calls, hang-ups, holds."},
					pair{"Faites signer un certificat pour Relève par une autorité que cet équipement connaît, et donnez-le : --tls-certificate FICHIER --tls-key FICHIER (tls.certificate, tls.key).", "Have a certificate for Relève signed by an authority that this device knows, and give it: --tls-certificate FILE --tls-key FILE (tls.certificate, tls.key)."},
				},
				"version": {do: pair{"Activez TLS 1.2 sur cet équipement ; Relève n'en parle pas de plus ancien.", "Enable TLS 1.2 on this device; Relève speaks none that is older."}},
				"wanted":  {do: pair{"Faites signer un certificat pour Relève par une autorité que cet équipement connaît, et donnez-le : --tls-certificate FICHIER --tls-key FICHIER (tls.certificate, tls.key).", "Have a certificate for Relève signed by an authority that this device knows, and give it: --tls-certificate FILE --tls-key FILE (tls.certificate, tls.key)."}},
				"ours":    {do: pair{"Ajoutez l'autorité qui a signé le certificat de Relève sur cet équipement ; vérifiez qu'il porte l'adresse ou le nom de Relève, et sa date.", "Add the authority that signed Relève's certificate on this device; check that it has Relève's address or name, and its date."}},
			},
		},
		StudyDatabase: {
			title: pair{"Accès à la base", "Access to the database"},
			ok:    pair{"{address} : {product} répond", "{address}: {product} answers"},
			odd:   pair{"{address} ne répond pas", "{address} does not answer"},
			cases: map[string]pair{
				"closed":  {"{address} refuse la connexion", "{address} refuses the connection"},
				"mute":    {"{address} accepte la connexion et ne dit rien", "{address} accepts the connection and says nothing"},
				"foreign": {"{address} répond, mais ce n'est pas {product}", "{address} answers, but it is not {product}"},
				"barred":  {"{address} : {product} refuse cette machine ({said})", "{address}: {product} refuses this machine ({said})"},
			},
			means: pair{"La surveillance du miroir ne fonctionnerait pas.", "The mirror could not be watched."},
			do: pair{
				"Ouvrez le port (3306 ou 5432) depuis Relève, autorisez son adresse (pg_hba.conf, GRANT … @'adresse') et créez un compte en lecture seule.",
				"Open the port (3306 or 5432) from Relève, allow its address (pg_hba.conf, GRANT … @'address') and make a read-only account.",
			},
		},
		StudyMargin: {
			title: pair{"Délais compatibles", "Waiting times that fit"},
			ok:    pair{"Relève garde un appel {ours} s au plus, l'IPBX attend {theirs} s", "Relève keeps a call {ours} s at most, the IPBX waits {theirs} s"},
			odd:   pair{"Relève garde un appel {ours} s au plus, l'IPBX n'attend que {theirs} s", "Relève keeps a call {ours} s at most, the IPBX waits {theirs} s only"},
			means: pair{"L'IPBX reprendrait l'appel pendant une vérification : l'appelant serait perdu.", "The IPBX would take the call back during a verification: the caller would be lost."},
			do:    pair{"Allongez la temporisation de non-réponse de l'IPBX, ou réduisez overflow.answer_timeout et hold_budget.", "Lengthen the IPBX's no-answer timer, or reduce overflow.answer_timeout and hold_budget."},
		},
	}
}
