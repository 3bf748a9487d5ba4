package text

// studiesOfCalls: what a call that is answered shows.
func studiesOfCalls() map[StudyID]studied {
	return map[StudyID]studied{
		StudyTrunk: {
			title: pair{"Appel depuis cette adresse", "Call from this address"},
			ok:    pair{"l'appel vers {number} : {status}, en {ms} ms", "the call to {number}: {status}, in {ms} ms"},
			odd:   pair{"l'appel vers {number} est refusé : {status}", "the call to {number} is refused: {status}"},
			cases: map[string]pair{
				"silent":     {"aucune réponse à l'appel vers {number}", "no answer to the call to {number}"},
				"absent":     {"non appelé : absent du réseau", "not called: off the network"},
				"busy":       {"l'appel vers {number} trouve tout occupé ({status})", "the call to {number} finds everything busy ({status})"},
				"late":       {"l'appel vers {number} est décroché au bout de {ms} ms seulement", "the call to {number} is answered after {ms} ms only"},
				"early":      {"l'appel vers {number} : plusieurs correspondants répondent (étiquettes To différentes)", "the call to {number}: several callees answer (different To tags)"},
				"rings":      {"l'appel vers {number} sonne sans être décroché", "the call to {number} rings and is not answered"},
				"redirected": {"l'appel vers {number} est renvoyé ({status}) vers {to}", "the call to {number} is redirected ({status}) to {to}"},
				"auth":       {"l'appel vers {number} demande un mot de passe ({status})", "the call to {number} wants a password ({status})"},
				"password":   {"l'appel vers {number} demande un mot de passe ({status})", "the call to {number} wants a password ({status})"},
			},
			advice: map[string]advice{
				"busy": {
					pair{"Rien de plus n'a pu être mesuré : aucune ligne libre pendant l'étude.", "No more could be measured: no line was free during the study."},
					pair{"Recommencez quand des lignes sont libres ; si elles le sont, ce serveur refuse les appels de cette adresse.", "Begin again when lines are free; if they are, this server refuses calls from this address."},
				},
				"absent": {means: pair{"Il n'a pas pu être étudié.", "It could not be studied."}},
				"late": {
					pair{"Relève tient un appel non décroché au bout de overflow.answer_timeout (8 s) pour un débordement : chaque appel déclencherait une vérification.", "Relève takes a call not answered within overflow.answer_timeout (8 s) for an overflow: each call would start a verification."},
					pair{"Faites décrocher plus vite, ou allongez overflow.answer_timeout au-delà de ce temps.", "Have it answer sooner, or raise overflow.answer_timeout beyond this time."},
				},
				"early": {
					pair{"L'IPBX verra plusieurs correspondants pour un appel : s'il n'en admet qu'un, l'appel échoue (voir « second dialogue provisoire »).", "The IPBX will see several callees of one call: if it takes only one, the call fails (see \"a second early dialog\")."},
					pair{"Faites sonner un seul poste à la fois derrière ce numéro, ou donnez une seule étiquette To par appel.", "Have one line ring at a time behind this number, or give one To tag per call."},
				},
				"rings": {
					pair{"Rien de plus n'a pu être mesuré : l'accueil automatique doit décrocher seul.", "No more could be measured: the automated attendant must answer by itself."},
					pair{"Vérifiez le numéro (--number, --call-number) et que le serveur vocal décroche ; un poste qui sonne n'est pas le service.", "Check the number (--number, --call-number) and that the voice server answers; a phone that rings is not the service."},
				},
				"redirected": {
					pair{"Relève transmet ce renvoi tel quel : l'IPBX appellerait l'autre adresse sans passer par Relève.", "Relève hands this redirection on as it is: the IPBX would call the other address past Relève."},
					pair{"Supprimez le renvoi de ce numéro, ou donnez le numéro où il mène.", "Remove the redirection of this number, or give the number that it leads to."},
				},
				"auth": {
					pair{"Relève transmet la demande à l'IPBX ; s'il n'a pas ce mot de passe, aucun appel n'aboutit.", "Relève hands the demand to the IPBX; if that has no such password, no call succeeds."},
					pair{"Sur ce serveur, désactivez le mot de passe pour les appels de l'adresse de Relève, ou vérifiez que l'IPBX l'a.", "On this server switch the password off for calls from Relève's address, or make sure that the IPBX has it."},
				},
			},
			means: pair{"Relève doit pouvoir appeler d'ici, et être appelée.", "Relève must be able to call from here, and be called."},
			do: pair{
				"Déclarez l'adresse de cette machine comme liaison SIP, ou donnez l'utilisateur de la licence (--register) ; vérifiez le numéro.",
				"Enter this machine's address as a SIP trunk, or give the licensed user (--register); check the number.",
			},
		},
		StudyRouteBack: {
			title: pair{"Numéro du service acheminé jusqu'ici", "The service number leads here"},
			ok:    pair{"l'appel vers {number} est arrivé ici ({uri})", "the call to {number} arrived here ({uri})"},
			odd:   pair{"l'appel vers {number} n'est pas arrivé ici", "the call to {number} did not arrive here"},
			cases: map[string]pair{"tls": {"l'IPBX appelle cette machine en TLS, mais la connexion échoue : {said}", "the IPBX calls this machine by TLS, but the connection fails: {said}"}},
			advice: map[string]advice{"tls": {do: pair{
				"Donnez un certificat que l'IPBX reconnaît (--tls-certificate, --tls-key), et l'autorité du sien (--tls-ca) ; puis recommencez.",
				"Give a certificate that the IPBX knows (--tls-certificate, --tls-key), and the authority of its own (--tls-ca); then begin again.",
			}}},
			means: pair{"Sans cet acheminement, l'IPBX ne présentera aucun appel à Relève.", "Without this routing the IPBX will present no call to Relève."},
			do:    pair{"À l'IPBX, acheminez ce numéro vers l'adresse de cette machine (liaison SIP), puis recommencez.", "At the IPBX route this number to this machine's address (SIP trunk), then begin again."},
		},
		StudyRecordRoute: {
			title: pair{"Record-Route respecté", "Record-Route honoured"},
			ok:    pair{"les requêtes de l'appel suivent la route ({method} reçu par le relais)", "requests of the call follow the route ({method} came by the hop)"},
			odd:   pair{"{method} est allé droit au Contact, sans passer par le relais", "{method} went straight to the Contact, past the hop"},
			cases: map[string]pair{"dropped": {"la réponse ne rend pas notre Record-Route", "the response does not give our Record-Route back"}},
			means: pair{"Relève ne verrait pas la fin des appels : lignes comptées à tort, transferts perdus.", "Relève would not see calls end: lines counted wrongly, transfers lost."},
			do: pair{
				"IPBX : écrivez rewrite_contact: true dans sa section. Serveur vocal : à corriger avec TLM Com.",
				"IPBX: write rewrite_contact: true in its section. Voice server: to be corrected with TLM Com.",
			},
		},
		StudyReliable: {
			title: pair{"Réponses provisoires fiables (100rel, PRACK)", "Reliable provisionals (100rel, PRACK)"},
			ok:    pair{"facultatives ; un 18x fiable est acquitté (PRACK)", "optional; a reliable 18x is acknowledged (PRACK)"},
			odd:   pair{"imprévues", "unforeseen"},
			cases: map[string]pair{
				"unused":   {"ni annoncées ni exigées", "neither offered nor required"},
				"required": {"exige 100rel (Require)", "requires 100rel (Require)"},
				"no-prack": {"n'acquitte pas un 18x fiable (pas de PRACK)", "does not acknowledge a reliable 18x (no PRACK)"},
				"refused":  {"refuse un appel qui annonce 100rel ({status})", "refuses a call that offers 100rel ({status})"},
				"unasked":  {"envoie un 18x fiable que personne n'a permis", "sends a reliable 18x that nobody allowed"},
				"prack":    {"répond {status} au PRACK", "answers PRACK with {status}"},
			},
			means: pair{"Pendant la garde d'un appel, Relève n'envoie alors que 100 : pas de sonnerie de sa part.", "While it holds a call Relève then sends only 100: no ringing of its own."},
			do:    pair{"Rendez 100rel facultatif sur cette liaison (Supported, pas Require).", "Make 100rel optional on this trunk (Supported, not Require)."},
		},
		StudyEarly: {
			title: pair{"Second dialogue provisoire (deux étiquettes To)", "A second early dialog (two To tags)"},
			ok:    pair{"admis : l'appel a été établi avec le second", "taken: the call was established with the second one"},
			odd:   pair{"un second 18x d'un autre serveur fait échouer l'appel ({status})", "a second 18x, of another server, makes the call fail ({status})"},
			means: pair{"Un appel repris par le secours après une sonnerie du principal n'aboutirait pas.", "A call that the secondary takes over after the primary rang would not succeed."},
			do:    pair{"Écrivez hold_signal: none, et demandez au constructeur la prise en charge des réponses multiples (RFC 3261 §12.1, §13.2.2.4).", "Write hold_signal: none, and ask the maker for forked responses (RFC 3261 §12.1, §13.2.2.4)."},
		},
		StudyUpdate: {
			title: pair{"UPDATE", "UPDATE"},
			ok:    pair{"accepté ({status})", "taken ({status})"},
			odd:   pair{"refusé ({status})", "refused ({status})"},
			cases: map[string]pair{
				"absent": {"non annoncé dans Allow", "not listed in Allow"},
				"silent": {"sans réponse", "not answered"},
				"listed": {"annoncé dans Allow, mais refusé ({status})", "listed in Allow, but refused ({status})"},
			},
			advice: map[string]advice{
				"silent": {means: pair{"Qui rafraîchit un appel par UPDATE le croit perdu, et raccroche.", "Who refreshes a call by UPDATE takes it for lost, and hangs up."}},
				"listed": {
					pair{"Un serveur ou un IPBX qui se fie à Allow rafraîchit ses appels par UPDATE : refusé, l'appel finit à l'échéance (RFC 4028 §10).", "A server or an IPBX that trusts Allow refreshes its calls by UPDATE: refused, the call ends when its time is over (RFC 4028 §10)."},
					pair{"Retirez UPDATE de ce qu'il annonce (Allow), ou faites-le accepter.", "Take UPDATE out of what it announces (Allow), or have it taken."},
				},
			},
			means: pair{"Relève n'en a pas besoin ; les temporisateurs de session se rafraîchissent alors par re-INVITE.", "Relève does not need it; session timers are then refreshed by re-INVITE."},
			do:    pair{"À corriger par le constructeur : une requête sans réponse finit l'appel.", "To be corrected by the maker: a request without an answer ends the call."},
		},
		StudySessionTimer: {
			title: pair{"Temporisateur de session", "Session timer"},
			ok:    pair{"Session-Expires {expires} s, rafraîchi par {refresher}", "Session-Expires {expires} s, refreshed by {refresher}"},
			odd:   pair{"aucun : un appel dont le raccroché se perd resterait compté", "none: a call whose hang-up is lost would stay counted"},
			cases: map[string]pair{
				"short":   {"Session-Expires de {expires} s seulement", "Session-Expires of {expires} s only"},
				"refused": {"refuse 1800 s ({status}, Min-SE {minse})", "refuses 1800 s ({status}, Min-SE {minse})"},
				"broken":  {"répond Session-Expires sans refresher", "answers Session-Expires without refresher"},
			},
			advice: map[string]advice{
				"short": {
					pair{"Chaque appel se rafraîchit toutes les {expires} s ou plus souvent : un seul rafraîchissement perdu coupe l'appel.", "Each call is refreshed every {expires} s or more often: a single lost refresh cuts it."},
					pair{"Allongez la durée de session à 1800 s sur la liaison.", "Lengthen the session time to 1800 s on the trunk."},
				},
				"refused": {
					pair{"Un appel qui propose moins que {minse} s est refusé d'abord, et doit être présenté à nouveau.", "A call that offers less than {minse} s is refused first, and must be presented again."},
					pair{"Abaissez la durée minimale (Min-SE) à 90 s sur la liaison, ou réglez les deux côtés sur la même durée.", "Lower the least time (Min-SE) to 90 s on the trunk, or set both sides to the same time."},
				},
				"broken": {
					pair{"Personne ne sait qui rafraîchit : l'appel peut être coupé à l'échéance (RFC 4028 §9).", "Nobody knows who refreshes: the call may be cut when its time is over (RFC 4028 §9)."},
					pair{"À corriger par le constructeur ; d'ici là, désactivez le temporisateur de session sur la liaison.", "To be corrected by the maker; until then switch the session timer off on the trunk."},
				},
			},
			means: pair{"Sans rafraîchissement, une ligne perdue n'est libérée qu'à la durée maximale.", "Without a refresh a lost line is set free only at the maximum duration."},
			do:    pair{"Activez RFC 4028 sur la liaison, 1800 s, minimum 90 s.", "Enable RFC 4028 on the trunk, 1800 s, at least 90 s."},
		},
		StudyReinvite: {
			title: pair{"re-INVITE (mise en attente)", "re-INVITE (hold)"},
			ok:    pair{"accepté ({status})", "taken ({status})"},
			odd:   pair{"refusé ({status})", "refused ({status})"},
			cases: map[string]pair{"silent": {"sans réponse", "not answered"}},
			means: pair{"Mise en attente et transfert échoueraient.", "Hold and transfer would fail."},
			do:    pair{"À corriger avant l'installation avec le constructeur ou TLM Com.", "To be corrected before the installation, with the maker or TLM Com."},
		},
		StudyCodecs: {
			title: pair{"Codecs", "Codecs"},
			ok:    pair{"{codecs}", "{codecs}"},
			odd:   pair{"{codecs} : ni loi A ni loi µ", "{codecs}: neither A-law nor µ-law"},
			cases: map[string]pair{
				"mu-only": {"{codecs} : loi µ, pas de loi A", "{codecs}: µ-law, no A-law"},
				"a-only":  {"{codecs} : loi A, pas de loi µ", "{codecs}: A-law, no µ-law"},
				"refused": {"refuse une offre de G.711 ({status})", "refuses an offer of G.711 ({status})"},
				"none":    {"répond sans description de session lisible", "answers without a readable session description"},
			},
			means: pair{"Relève ne transcode pas : l'IPBX et le serveur vocal doivent avoir un codec commun, G.711 loi A en France.", "Relève does not transcode: the IPBX and the voice server need a codec in common, G.711 A-law in France."},
			do:    pair{"Autorisez PCMA (G.711 loi A, 20 ms) sur la liaison.", "Allow PCMA (G.711 A-law, 20 ms) on the trunk."},
		},
		StudyDTMF: {
			title: pair{"Touches (DTMF)", "Keys (DTMF)"},
			ok:    pair{"telephone-event (RFC 4733), type {payload}", "telephone-event (RFC 4733), type {payload}"},
			odd:   pair{"pas de telephone-event", "no telephone-event"},
			cases: map[string]pair{"info": {"pas de telephone-event ; INFO accepté", "no telephone-event; INFO taken"}},
			means: pair{"Les choix de menu des appelants n'arriveraient peut-être pas au serveur vocal.", "The callers' menu choices might not reach the voice server."},
			do:    pair{"Activez RFC 4733 (« RFC 2833 ») des deux côtés, même type de charge (101).", "Enable RFC 4733 (\"RFC 2833\") on both sides, with the same payload type (101)."},
		},
		StudyAudio: {
			title: pair{"Son (RTP)", "Sound (RTP)"},
			ok:    pair{"{packets} paquets, {lost} perdus, gigue {jitter} ms, son audible", "{packets} packets, {lost} lost, jitter {jitter} ms, audible"},
			odd:   pair{"{packets} paquets, {lost} perdus, gigue {jitter} ms", "{packets} packets, {lost} lost, jitter {jitter} ms"},
			cases: map[string]pair{
				"lost":   {"{packets} paquets reçus, {lost} perdus", "{packets} packets received, {lost} lost"},
				"none":   {"l'appel est établi, mais aucun paquet RTP n'arrive", "the call is established, but no RTP packet arrives"},
				"silent": {"l'appel est établi, des paquets arrivent, mais rien ne s'entend", "the call is established, packets arrive, but nothing is heard"},
			},
			advice: map[string]advice{
				"": {
					pair{"La parole serait hachée.", "Speech would be chopped."},
					pair{"Donnez la priorité à la voix (DSCP EF) sur les commutateurs entre ces machines.", "Give voice priority (DSCP EF) on the switches between these machines."},
				},
				"lost": {
					pair{"La parole serait hachée, et des touches se perdraient.", "Speech would be chopped, and keys would get lost."},
					pair{"Cherchez le lien fautif (duplex, câble, Wi-Fi, file d'attente) et donnez la priorité à la voix (DSCP EF).", "Find the faulty link (duplex, cable, Wi-Fi, queue) and give voice priority (DSCP EF)."},
				},
				"silent": {do: pair{"Vérifiez le message d'accueil et le codec : le réseau, lui, laisse passer.", "Check the welcome message and the codec: the network does let it pass."}},
			},
			means: pair{"L'appelant n'entendrait rien. Le son ne passe pas par Relève : il faut qu'IPBX et serveurs se joignent directement.", "The caller would hear nothing. Sound does not pass Relève: IPBX and servers must reach each other directly."},
			do:    pair{"Ouvrez les ports RTP entre IPBX, serveurs et cette machine (« releve export flux ») ; vérifiez le message d'accueil.", "Open the RTP ports between IPBX, servers and this machine (\"releve export flux\"); check the welcome message."},
		},
		StudyTransfer: {
			title: pair{"Transfert (REFER)", "Transfer (REFER)"},
			ok:    pair{"accepté ({status}), suivi par NOTIFY : {notify}", "taken ({status}), followed by NOTIFY: {notify}"},
			odd:   pair{"refusé ({status})", "refused ({status})"},
			cases: map[string]pair{
				"silent":    {"REFER sans réponse", "REFER not answered"},
				"no-notify": {"accepté ({status}), mais aucun NOTIFY n'en dit la suite", "taken ({status}), but no NOTIFY tells what became of it"},
				"failed":    {"accepté ({status}), puis échec : {notify}", "taken ({status}), then it failed: {notify}"},
			},
			means: pair{"Transférer l'appelant est le métier de l'accueil automatique.", "Transferring callers is the automated attendant's trade."},
			do:    pair{"Autorisez REFER sur la liaison ; sinon le serveur vocal doit transférer autrement (second appel), à voir avec TLM Com.", "Allow REFER on the trunk; else the voice server must transfer otherwise (a second call), to be settled with TLM Com."},
		},
		StudyReferRefused: {
			title: pair{"Appel maintenu après un transfert refusé", "The call lives on after a refused transfer"},
			ok:    pair{"transfert vers un numéro inexistant : {status}, l'appel continue", "transfer to a number that does not exist: {status}, the call goes on"},
			odd:   pair{"l'appel est coupé après le transfert refusé ({status})", "the call is cut after the refused transfer ({status})"},
			cases: map[string]pair{"taken": {"l'IPBX a transféré vers un nom qui n'existe pas ({status}) : il l'envoie à une destination par défaut", "the IPBX transferred to a name that does not exist ({status}): it sends that to a default destination"}},
			means: pair{"Un appelant serait perdu quand le poste demandé n'existe pas.", "A caller would be lost when the extension does not exist."},
			do:    pair{"À corriger à l'IPBX : un REFER refusé laisse l'appel tel quel (RFC 3515 §2.4.2).", "To be corrected at the IPBX: a refused REFER leaves the call as it is (RFC 3515 §2.4.2)."},
		},
		StudyCancel: {
			title: pair{"Abandon d'un appel (CANCEL)", "Giving a call up (CANCEL)"},
			ok:    pair{"CANCEL : {status}, puis 487", "CANCEL: {status}, then 487"},
			odd:   pair{"après CANCEL : {status}", "after CANCEL: {status}"},
			cases: map[string]pair{"silent": {"CANCEL sans effet", "CANCEL without effect"}},
			means: pair{"Des postes continueraient de sonner après que l'appelant a raccroché.", "Phones would go on ringing after the caller hung up."},
			do:    pair{"À corriger par le constructeur (RFC 3261 §9.2).", "To be corrected by the maker (RFC 3261 §9.2)."},
		},
	}
}
