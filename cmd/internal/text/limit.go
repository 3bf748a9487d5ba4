package text

// The limits of Relève that may be met, as events and alarms name them.
const (
	LimitRequests    = "requests"
	LimitOwnRequests = "own-requests"
	LimitLoopGuard   = "loop-guard"
	LimitSockets     = "sockets"
	LimitRecords     = "records"
	LimitJobs        = "jobs"
	LimitPlugins     = "plugins"
	LimitAlarms      = "alarms"

	LimitCallRate             = "calls-per-second"
	LimitSources              = "sources"
	LimitConnections          = "connections"
	LimitConnectionsPerSource = "connections-per-source"
	LimitMessageSize          = "message-size"
	LimitHeaders              = "headers"
	LimitVias                 = "vias"
	LimitURI                  = "uri"
	LimitLine                 = "line"
	LimitTransactions         = "transactions"
	LimitHeldCalls            = "held-calls"
	LimitNames                = "names"
	LimitSlowMessages         = "slow-messages"
	LimitUnread               = "unread"
	LimitHandshakes           = "handshakes"
	LimitSteps                = "steps"
	LimitDoor                 = "admin"
	LimitScreens              = "screens"
	LimitRegistrations        = "registrations"
	LimitMediaPorts           = "media-ports"
	LimitPrompts              = "prompts"
)

// Limit names a limit.
func (m Messages) Limit(name string) string {
	switch name {
	case LimitRequests:
		return m.say("appels et requêtes en cours", "calls and requests in progress")
	case LimitOwnRequests:
		return m.say("requêtes de Relève elle-même", "Relève's own requests")
	case LimitPrompts:
		return m.say("appelants qui entendent l'annonce d'attente", "callers who hear the hold prompt")
	case LimitScreens:
		return m.say("navigateurs ouverts sur l'écran d'alarme", "browsers on the alarm screen")
	case LimitMediaPorts:
		return m.say("ports du son (media.ports)", "ports for sound (media.ports)")
	case LimitLoopGuard:
		return m.say("détection des appels qui tournent en rond", "watch for looping calls")
	case LimitSockets:
		return m.say("messages à envoyer sur le réseau", "messages waiting for the network")
	case LimitRecords:
		return m.say("fiches d'appels et journal", "call records and journal")
	case LimitJobs:
		return m.say("tâches à faire", "tasks waiting")
	case LimitPlugins:
		return m.say("vérifications par un plugin en même temps", "plugins of checks at once")
	case LimitAlarms:
		return m.say("liste des alarmes", "list of alarms")
	case LimitCallRate:
		return m.say("nouveaux appels par seconde (limits.calls_per_second)", "new calls per second (limits.calls_per_second)")
	case LimitSources:
		return m.say("adresses suivies à la fois", "addresses watched at once")
	case LimitConnections:
		return m.say("connexions TCP et TLS (limits.connections)", "TCP and TLS connections (limits.connections)")
	case LimitConnectionsPerSource:
		return m.say("connexions d'une même adresse (limits.connections_per_source)", "connections of one address (limits.connections_per_source)")
	case LimitMessageSize:
		return m.say("taille d'un message (limits.message_size)", "size of a message (limits.message_size)")
	case LimitHeaders:
		return m.say("en-têtes d'un message (limits.headers)", "header fields of a message (limits.headers)")
	case LimitVias:
		return m.say("étapes traversées par un message (limits.vias)", "hops that a message went through (limits.vias)")
	case LimitURI:
		return m.say("longueur d'une adresse SIP (limits.uri)", "length of a SIP address (limits.uri)")
	case LimitLine:
		return m.say("longueur d'une ligne d'un message (limits.line)", "length of a line of a message (limits.line)")
	case LimitTransactions:
		return m.say("requêtes en cours (limits.transactions)", "requests in progress (limits.transactions)")
	case LimitHeldCalls:
		return m.say("appels gardés à la fois (limits.held_calls)", "calls held at once (limits.held_calls)")
	case LimitNames:
		return m.say("noms DNS gardés en mémoire", "DNS names kept in memory")
	case LimitSlowMessages:
		return m.say("connexions fermées : message jamais complet", "connections closed: a message never complete")
	case LimitUnread:
		return m.say("connexions fermées : l'autre bout ne lit plus", "connections closed: the far end does not read")
	case LimitSteps:
		return m.say("étapes d'un même appel", "steps of one call")
	case LimitRegistrations:
		return m.say("enregistrements des serveurs en attente de réponse", "servers' registrations that wait for their answer")
	case LimitDoor:
		return m.say("commandes et outils de supervision à la fois", "commands and monitoring tools at once")
	case LimitHandshakes:
		return m.say("connexions chiffrées jamais établies", "encrypted connections never completed")
	}
	return name
}
