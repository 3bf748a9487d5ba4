package text

import (
	"strings"

	"releve/router"
)

// Reason is the one sentence that explains why a call or a role went where it
// went. An unknown reason is shown as its code, never hidden; a test keeps the
// table complete.
func (m Messages) Reason(r router.Reason) string {
	if p, ok := reasons[r]; ok {
		return m.of(p)
	}
	return m.say("Raison inconnue du catalogue : %s.", "Reason unknown to the catalogue: %s.", r)
}

// ReasonKept is Reason for a call that was not held: nothing overflowed.
func (m Messages) ReasonKept(r router.Reason) string {
	s := m.Reason(r)
	for _, overflowed := range [...]string{narrow + "; l'appel a débordé.", ", l'appel a débordé.", "; the call overflowed.", ", the call overflowed."} {
		if kept, ok := strings.CutSuffix(s, overflowed); ok {
			return kept + "."
		}
	}
	return s
}

// HasReason says whether the catalogue knows r.
func HasReason(r router.Reason) bool { _, ok := reasons[r]; return ok }

var reasons = map[router.Reason]pair{
	router.ReasonNone: {"Aucune raison notée.", "No reason recorded."},

	router.ReasonActiveServes: {
		"Le serveur actif a répondu : c'est le cours normal.",
		"The active server answered: the normal course.",
	},
	router.ReasonOutgoing: {
		"Appel sortant placé par le serveur actif vers l'IPBX.",
		"Outgoing call placed by the active server to the IPBX.",
	},
	router.ReasonPassiveOutgoing: {
		"Refusé : le serveur passif n'a pas le droit de placer des appels.",
		"Refused: the passive server may not place calls.",
	},
	router.ReasonPassiveTransfer: {
		"Le serveur passif transfère un appel qu'il tient encore : c'est permis.",
		"The passive server transfers a call that it still holds: this is allowed.",
	},
	router.ReasonLinesFull: {
		"Toutes les lignes du serveur actif étaient prises, d'après notre compte.",
		"Every line of the active server was taken, by our own count.",
	},
	router.ReasonServerBusy: {
		"Le serveur actif s'est dit occupé, ce qui est plausible : assez de ses lignes étaient prises.",
		"The active server said it was busy, which is plausible with the lines it had taken.",
	},
	router.ReasonUnexplainedBusy: {
		"Le serveur actif s'est dit occupé alors que presque aucune ligne n'était prise : suspect, l'appel a débordé.",
		"The active server said it was busy while next to no line was taken: suspicious, the call overflowed.",
	},
	router.ReasonThisCallOnly: {
		"La réponse du serveur ne concernait que cet appel ; elle a été transmise telle quelle.",
		"The server's answer concerned this call alone; it was relayed as it was.",
	},
	router.ReasonMisprovisioned: {
		"Le serveur ne connaît pas ce numéro de service ou l'interdit : son paramétrage est à revoir.",
		"The server does not know this service number or forbids it: its settings need a look.",
	},
	router.ReasonServerFailed: {
		"Le serveur actif a répondu par une erreur ; l'appel a débordé.",
		"The active server answered with a failure; the call overflowed.",
	},
	router.ReasonPortRefused: {
		"La machine du serveur actif a refusé la connexion : son logiciel n'écoute plus ; l'appel a débordé.",
		"The active server's machine refused the connection: its software listens no more; the call overflowed.",
	},
	router.ReasonNoProgress: {
		"Le serveur actif n'a pas réagi du tout dans le délai progress_timeout ; l'appel a débordé.",
		"The active server did not react at all within progress_timeout; the call overflowed.",
	},
	router.ReasonTLSFailed: {
		"La connexion chiffrée au serveur a échoué : certificat ou configuration à vérifier.",
		"The encrypted connection to the server failed: check the certificate or the configuration.",
	},
	router.ReasonNoAnswer: {
		"Le serveur actif a sonné sans décrocher dans le délai answer_timeout ; l'appel a débordé.",
		"The active server rang and did not answer within answer_timeout; the call overflowed.",
	},
	router.ReasonVerdictFunctional: {
		"Renvoyé au principal (dissuasion) : la vérification l'a trouvé en état de marche.",
		"Sent back to the primary (dissuasion): the verification found it functional.",
	},
	router.ReasonVerdictBusy: {
		"Renvoyé au principal (dissuasion) : il est seulement occupé.",
		"Sent back to the primary (dissuasion): it is merely busy.",
	},
	router.ReasonVerdictUnknown: {
		"Renvoyé au principal (dissuasion) : rien ne prouve qu'il soit en panne.",
		"Sent back to the primary (dissuasion): nothing proves that it is down.",
	},
	router.ReasonRequeued: {
		"Présenté de nouveau au serveur actif dès qu'une ligne s'est libérée ; il a répondu.",
		"Offered to the active server again as soon as a line was free; it answered.",
	},
	router.ReasonAnsweredWhileHeld: {
		"Le serveur actif a fini par répondre pendant la vérification ; l'appelant est servi.",
		"The active server answered after all, during the verification; the caller is served.",
	},
	router.ReasonDelivered: {
		"Remis au serveur de secours après la bascule.",
		"Delivered to the secondary after the switchover.",
	},
	router.ReasonHoldBudget: {
		"L'attente maximale (hold_budget) était écoulée.",
		"The longest hold (hold_budget) was spent.",
	},
	router.ReasonWaitingFull: {
		"La file d'attente du serveur actif était pleine.",
		"The waiting list of the active server was full.",
	},
	router.ReasonBothDown: {
		"Aucun serveur ne répondait.",
		"No server was answering.",
	},
	router.ReasonLooped: {
		"L'appel tournait en rond entre l'IPBX et Relève ; la boucle a été coupée.",
		"The call was going round between the IPBX and Relève; the loop was cut.",
	},
	router.ReasonCallerCancelled: {
		"L'appelant a raccroché avant la réponse.",
		"The caller hung up before the answer.",
	},
	router.ReasonReplaces: {
		"Transfert accompagné : remis au serveur qui tient l'appel remplacé.",
		"Attended transfer: given to the server that holds the replaced call.",
	},
	router.ReasonNoRoute: {
		"Aucun IPBX ni serveur n'était joignable pour cet appel.",
		"No IPBX nor server could be reached for this call.",
	},
	router.ReasonOverloaded: {
		"Relève a atteint une de ses limites et a refusé l'appel pour protéger les autres.",
		"Relève had reached one of its limits and refused the call to protect the others.",
	},
	router.ReasonRestarted: {
		"Relève a redémarré pendant cet appel.",
		"Relève was restarted during this call.",
	},
	router.ReasonServerDead: {
		"Raccroché par Relève : la panne du serveur qui tenait l'appel est confirmée.",
		"Released by Relève: the server that held the call is confirmed dead.",
	},
	router.ReasonServerForgot: {
		"Clos par Relève : le serveur, interrogé, ne connaît plus cet appel (redémarrage, ou fin perdue).",
		"Ended by Relève: the server, when asked, no longer knows this call (a restart, or its end was lost).",
	},
	router.ReasonIPBXForgot: {
		"Clos par Relève : l'IPBX, interrogé, ne connaît plus cet appel (redémarrage, ou fin perdue).",
		"Ended by Relève: the IPBX, when asked, no longer knows this call (a restart, or its end was lost).",
	},
	router.ReasonMaxDuration: {
		"Raccroché par Relève : la durée maximale d'un appel était atteinte.",
		"Released by Relève: the longest duration of a call was reached.",
	},
	router.ReasonSessionExpired: {
		"L'appel n'était plus entretenu : son minuteur de session a expiré (fin perdue, sans doute).",
		"The call was no longer refreshed: its session timer ran out (its end was lost, no doubt).",
	},
	router.ReasonSpared: {
		"Le serveur a demandé un répit (503 avec Retry-After) : aucun nouvel appel ne lui est présenté d'ici là.",
		"The server asked for a pause (503 with Retry-After): it is offered no new call until then.",
	},
	router.ReasonFault: {
		"Une erreur interne de Relève a mis fin à cet appel ; signalez-la avec le journal.",
		"An internal fault of Relève ended this call; report it with the journal.",
	},

	router.ReasonConfirmed: {
		"La panne du serveur actif a été confirmée par toutes les vérifications demandées.",
		"The dysfunction of the active server was confirmed by every round asked for.",
	},
	router.ReasonOperator: {
		"Décision d'un opérateur.",
		"An operator's decision.",
	},
	router.ReasonNotReady: {
		"Le serveur de secours n'est pas prêt à prendre la relève.",
		"The secondary is not ready to take over.",
	},
	router.ReasonMoveFailed: {
		"L'enregistrement SIP n'a pas pu être déplacé d'un serveur à l'autre.",
		"The licensed registration could not be moved from one server to the other.",
	},
	router.ReasonServerBack: {
		"Un serveur répond de nouveau.",
		"A server answers again.",
	},
	router.ReasonStoreDown: {
		"Les données de Relève ne peuvent pas être écrites : aucun changement de rôle n'est permis.",
		"Relève cannot write its data: no change of role is allowed.",
	},
	router.ReasonLeaseLost: {
		"Ce nœud n'a pas le droit de décider ; l'autre nœud l'a.",
		"This node may not decide; the other node may.",
	},
	router.ReasonLevel: {
		"Le niveau de sécurité du site ne prévoit pas de bascule automatique.",
		"The site's security level has no automatic switchover.",
	},
	router.ReasonOneServer: {
		"Ce niveau de sécurité n'a qu'un serveur : il n'y a pas de secours vers lequel basculer.",
		"This security level has one server: there is no secondary to switch over to.",
	},
	router.ReasonObservation: {
		"Mode observation (act: false) : la décision est notée, pas appliquée.",
		"Observation (act: false): the decision is recorded, not performed.",
	},
	router.ReasonReturnTooEarly: {
		"Le principal est tombé en panne depuis moins de 15 minutes ; --force passe outre.",
		"The primary failed less than 15 minutes ago; --force overrides.",
	},
	router.ReasonNotStable: {
		"Le principal n'a pas encore assez de bonnes vérifications de suite ; --force passe outre.",
		"The primary has not had enough good rounds in a row yet; --force overrides.",
	},
	router.ReasonWrongPhase: {
		"Cette commande n'a pas de sens dans l'état actuel ; voyez « releve etat ».",
		"This command makes no sense in the present state; see \"releve status\".",
	},
	router.ReasonOrderLate: {
		"L'ordre n'a pas pu être enregistré à temps : il n'est plus exécuté. Redonnez-le s'il est encore voulu.",
		"The order could not be stored in time and is not carried out any more. Give it again if it is still wanted.",
	},
	router.ReasonMaintenance: {
		"Une maintenance est en cours : les rôles sont figés ; « releve maintenance stop » y met fin.",
		"A maintenance is running: roles are frozen; \"releve maintenance stop\" ends it.",
	},
	router.ReasonDrained: {
		"Un opérateur a demandé de ne plus envoyer d'appels à ce serveur ; « releve drain stop » y met fin.",
		"An operator asked that no more calls go to this server; \"releve drain stop\" ends it.",
	},
	router.ReasonStillActive: {
		"Ce serveur est actif : personne d'autre ne prendrait ses appels. Faites d'abord une bascule ou un retour ; avec --force, ses nouveaux appels iront au poste des opérateurs ou seront refusés.",
		"This server is active: nobody else would take its calls. Switch over or return first; with --force its new calls go to the operators' desk or are refused.",
	},
	router.ReasonIPBXUnseen: {
		"L'IPBX ne donne plus signe de vie : la panne est peut-être de notre côté, rien ne bascule.",
		"The IPBX shows no sign of life: the fault may be on our side, nothing switches.",
	},
}
