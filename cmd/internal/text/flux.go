package text

// FluxPurpose says what a flow of the firewall matrix is for.
type FluxPurpose string

// The purposes, in the order of the matrix.
const (
	FluxCallsIn      FluxPurpose = "sip-ipbx"
	FluxOverflowIn   FluxPurpose = "sip-overflow"
	FluxCallsOut     FluxPurpose = "sip-to-ipbx"
	FluxServerCalls  FluxPurpose = "sip-server"
	FluxToServer     FluxPurpose = "sip-to-server"
	FluxDirect       FluxPurpose = "sip-direct"
	FluxDesk         FluxPurpose = "sip-rescue"
	FluxVoice        FluxPurpose = "rtp"
	FluxCheckVoice   FluxPurpose = "rtp-check"
	FluxPromptVoice  FluxPurpose = "rtp-hold"
	FluxUnreachable  FluxPurpose = "icmp"
	FluxNames        FluxPurpose = "dns"
	FluxTime         FluxPurpose = "ntp"
	FluxCheck        FluxPurpose = "check"
	FluxPlugin       FluxPurpose = "check-exec"
	FluxStore        FluxPurpose = "store"
	FluxMirror       FluxPurpose = "mirror"
	FluxMirrorItself FluxPurpose = "mirror-replication"
	FluxMail         FluxPurpose = "mail"
	FluxTrap         FluxPurpose = "snmp"
	FluxSyslog       FluxPurpose = "syslog"
	FluxWebhook      FluxPurpose = "webhook"
	FluxPage         FluxPurpose = "admin"
	FluxVRRP         FluxPurpose = "vrrp"
)

// HasFlux says whether the catalogue knows p.
func HasFlux(p FluxPurpose) bool { _, ok := fluxes[p]; return ok }

// Flux explains the purpose of a flow.
func (m Messages) Flux(p FluxPurpose) string {
	if s, ok := fluxes[p]; ok {
		return m.of(s)
	}
	return string(p)
}

var fluxes = map[FluxPurpose]pair{
	FluxCallsIn:      {"SIP : appels, OPTIONS et réponses de l'IPBX", "SIP: calls, OPTIONS and answers of the IPBX"},
	FluxOverflowIn:   {"SIP : appels débordés, présentés par l'IPBX", "SIP: overflowed calls, presented by the IPBX"},
	FluxCallsOut:     {"SIP : appels sortants, enregistrement, OPTIONS, réponses", "SIP: outgoing calls, registration, OPTIONS, answers"},
	FluxServerCalls:  {"SIP : appels, transferts et réponses du serveur vocal", "SIP: calls, transfers and answers of the voice server"},
	FluxToServer:     {"SIP : appels vers le serveur vocal, vérifications", "SIP: calls to the voice server, checks"},
	FluxDirect:       {"SIP : appels que l'IPBX présente au serveur sans passer par Relève (entrée de débordement)", "SIP: calls that the IPBX presents to the server without Relève (overflow entry)"},
	FluxDesk:         {"SIP : appels remis aux opérateurs (rescue)", "SIP: calls given to the operators (rescue)"},
	FluxVoice:        {"RTP et RTCP : la voix, qui ne passe pas par Relève", "RTP and RTCP: the voice, which does not pass Relève"},
	FluxCheckVoice:   {"RTP et RTCP : le son des appels de vérification", "RTP and RTCP: the sound of test calls"},
	FluxPromptVoice:  {"RTP et RTCP : le message entendu par l'appelant gardé", "RTP and RTCP: the prompt that a held caller hears"},
	FluxUnreachable:  {"ICMP type 3 (IPv6 : types 1 et 2) : un port fermé se voit, le MTU du chemin aussi ; ne pas filtrer", "ICMP type 3 (IPv6: types 1 and 2): a closed port shows, the path MTU too; do not filter"},
	FluxNames:        {"DNS : les noms de la configuration", "DNS: the names of the configuration"},
	FluxTime:         {"NTP : l'heure de la machine", "NTP: the clock of the machine"},
	FluxCheck:        {"vérification du serveur vocal (checks)", "check of the voice server (checks)"},
	FluxPlugin:       {"vérification par un programme (checks, exec) : ses ports sont ceux du programme", "check by a program (checks, exec): its ports are the program's"},
	FluxStore:        {"base de données de Relève (store)", "database of Relève (store)"},
	FluxMirror:       {"surveillance de la base Wel'Suite et de son miroir (mirror)", "watch of the Wel'Suite database and its mirror (mirror)"},
	FluxMirrorItself: {"réplication de la base Wel'Suite, sans passer par Relève", "replication of the Wel'Suite database, without Relève"},
	FluxMail:         {"alarmes par courriel (SMTP)", "alarms by e-mail (SMTP)"},
	FluxTrap:         {"alarmes par traps SNMP", "alarms by SNMP traps"},
	FluxSyslog:       {"alarmes par syslog", "alarms by syslog"},
	FluxWebhook:      {"alarmes par webhook (HTTP)", "alarms by webhook (HTTP)"},
	FluxPage:         {"page des opérateurs", "the operators' page"},
	FluxVRRP:         {"avec deux nœuds, VRRP (protocole IP 112, keepalived) : l'adresse virtuelle passe de l'un à l'autre", "with two nodes, VRRP (IP protocol 112, keepalived): the virtual address moves between them"},
}

// FluxParty names who is at one end of a flow, when the configuration does not.
type FluxParty string

// The parties without a name in the file.
const (
	PartyReleve    FluxParty = "releve"
	PartyPhones    FluxParty = "phones"
	PartyDesk      FluxParty = "rescue"
	PartyDNS       FluxParty = "dns"
	PartyNTP       FluxParty = "ntp"
	PartyOperators FluxParty = "operators"
	PartyStore     FluxParty = "store"
	PartyMain      FluxParty = "main-database"
	PartyMirror    FluxParty = "mirror-database"
	PartyMail      FluxParty = "mail"
	PartyTrap      FluxParty = "snmp"
	PartySyslog    FluxParty = "syslog"
	PartyWebhook   FluxParty = "webhook"
	PartyHTTP      FluxParty = "http"
	PartySQL       FluxParty = "sql"
	PartyNode      FluxParty = "other-node"
)

// HasFluxParty says whether the catalogue knows p.
func HasFluxParty(p FluxParty) bool { _, ok := fluxParties[p]; return ok }

// FluxParty names a party of the matrix.
func (m Messages) FluxParty(p FluxParty) string {
	if s, ok := fluxParties[p]; ok {
		return m.of(s)
	}
	return string(p)
}

var fluxParties = map[FluxParty]pair{
	PartyReleve:    {"Relève", "Relève"},
	PartyPhones:    {"postes et passerelles de l'IPBX", "phones and gateways of the IPBX"},
	PartyDesk:      {"opérateurs (rescue)", "operators (rescue)"},
	PartyDNS:       {"serveur DNS", "DNS server"},
	PartyNTP:       {"serveur de temps du site", "time server of the site"},
	PartyOperators: {"postes des opérateurs", "operators' desks"},
	PartyStore:     {"base de Relève", "database of Relève"},
	PartyMain:      {"base Wel'Suite principale", "main Wel'Suite database"},
	PartyMirror:    {"base Wel'Suite miroir", "mirror Wel'Suite database"},
	PartyMail:      {"serveur de courriel", "mail server"},
	PartyTrap:      {"récepteur SNMP", "SNMP receiver"},
	PartySyslog:    {"collecteur syslog", "syslog collector"},
	PartyWebhook:   {"récepteur du webhook", "webhook receiver"},
	PartyHTTP:      {"service HTTP", "HTTP service"},
	PartySQL:       {"base de données", "database"},
	PartyNode:      {"l'autre nœud Relève", "the other Relève node"},
}

// FluxFrom and the next ones head the columns of the matrix.
func (m Messages) FluxFrom() string { return m.say("de", "from") }

// FluxTo heads the column of who is asked.
func (m Messages) FluxTo() string { return m.say("vers", "to") }

// FluxAddress heads a column of addresses.
func (m Messages) FluxAddress() string { return m.say("adresse", "address") }

// FluxProtocol heads the column of protocols.
func (m Messages) FluxProtocol() string { return m.say("protocole", "protocol") }

// FluxSource heads the column of source ports.
func (m Messages) FluxSource() string { return m.say("ports source", "source ports") }

// FluxPorts heads the column of destination ports.
func (m Messages) FluxPorts() string { return m.say("ports destination", "destination ports") }

// FluxWhy heads the column of purposes.
func (m Messages) FluxWhy() string { return m.say("pour quoi", "what for") }

// FluxAny stands for every port.
func (m Messages) FluxAny() string { return m.say("tous", "any") }

// FluxToFill stands for what the configuration cannot know.
func (m Messages) FluxToFill() string { return m.say("à compléter", "to be filled in") }

// FluxNote ends the text form of the matrix.
func (m Messages) FluxNote() string {
	return m.say(
		"Chaque ligne est l'ouverture d'un échange : les réponses suivent le même chemin en sens inverse. « à compléter » : la configuration ne le sait pas, l'IPBX ou Wel'Suite le dit.\nDésactivez l'ALG SIP (« inspection SIP ») des pare-feu traversés, et gardez les associations UDP au moins 60 s.",
		"Each line opens an exchange: the answers take the same way back. \"to be filled in\": the configuration does not know, the IPBX or Wel'Suite tells.\nSwitch off the SIP ALG (\"SIP inspection\") of the firewalls on the way, and keep UDP associations at least 60 s.")
}
