package text

// AskedID names a question that cannot be measured.
type AskedID string

// The questions.
const (
	AskSwitchover AskedID = "own-switchover"
	AskLicence    AskedID = "licence"
	AskVersion    AskedID = "version"
	AskAntivirus  AskedID = "antivirus"
	AskVirtual    AskedID = "virtual"
	AskPower      AskedID = "power"
	AskNTP        AskedID = "ntp"
	AskBackups    AskedID = "backups"
	AskNetwork    AskedID = "network"
	AskRescue     AskedID = "rescue"
	AskNight      AskedID = "night"
	AskAnalogue   AskedID = "analogue"
)

// AskedIDs are all of them, in the order to ask.
func AskedIDs() []AskedID {
	return []AskedID{
		AskSwitchover, AskLicence, AskVersion, AskAntivirus, AskVirtual, AskPower, AskNTP, AskBackups, AskNetwork, AskRescue,
		AskNight, AskAnalogue,
	}
}

type asked struct{ question, means pair }

// Asked is a question, and what a wrong answer means.
func (m Messages) Asked(id AskedID) (question, means string) {
	a, ok := askedTable()[id]
	if !ok {
		return string(id), ""
	}
	return m.of(a.question), m.of(a.means)
}

func askedTable() map[AskedID]asked {
	return map[AskedID]asked{
		AskSwitchover: {
			pair{"La bascule propre à Wel'Suite est-elle désactivée sur les deux serveurs ?", "Is Wel'Suite's own switchover off on both servers?"},
			pair{"Deux automatismes se disputeraient la licence : jamais avec Relève.", "Two mechanisms would fight for the licence: never with Relève."},
		},
		AskLicence: {
			pair{"Les deux serveurs ont-ils leur licence Wel'Suite du niveau voulu (mirroring, backup, haute disponibilité) ?", "Do both servers have their Wel'Suite licence for the level wanted (mirroring, backup, high availability)?"},
			pair{"Les niveaux au-dessus de base demandent une licence.", "Levels above base need a licence."},
		},
		AskVersion: {
			pair{"Wel'Suite est-il en version 5.3.6 ou plus récente sur les deux serveurs ?", "Is Wel'Suite at version 5.3.6 or later on both servers?"},
			pair{"Les niveaux au-dessus de base demandent 5.3.6.", "Levels above base need 5.3.6."},
		},
		AskAntivirus: {
			pair{"Les dossiers et processus de Wel'Suite et de la base sont-ils exclus de l'antivirus ?", "Are the folders and processes of Wel'Suite and of the database excluded from the antivirus?"},
			pair{"Une analyse fige le serveur quelques secondes : elle ressemble à une panne.", "A scan freezes the server for seconds: it looks like a failure."},
		},
		AskVirtual: {
			pair{"Machines virtuelles : sont-elles sur deux hôtes différents, sans instantané ni migration aux heures de service ? (« sans objet » sinon)", "Virtual machines: are they on two different hosts, without snapshots or migration during service? (\"n/a\" otherwise)"},
			pair{"Un instantané suspend la machine plusieurs secondes ; un seul hôte les perd toutes deux.", "A snapshot pauses the machine for seconds; a single host loses both."},
		},
		AskPower: {
			pair{"Serveurs, IPBX, commutateurs et Relève sont-ils secourus (onduleur) ?", "Are servers, IPBX, switches and Relève on an uninterruptible supply?"},
			pair{"Une coupure les arrête tous ensemble.", "A power cut stops them all together."},
		},
		AskNTP: {
			pair{"Toutes ces machines suivent-elles le même serveur NTP ?", "Do all these machines follow the same NTP server?"},
			pair{"Les journaux ne se recoupent pas.", "Journals do not match."},
		},
		AskBackups: {
			pair{"La base et la configuration sont-elles sauvegardées, et une restauration a-t-elle été essayée ?", "Are the database and the configuration backed up, and was a restore tried?"},
			pair{"Le miroir recopie aussi les erreurs : il ne remplace pas la sauvegarde.", "The mirror copies mistakes too: it is no backup."},
		},
		AskNetwork: {
			pair{"Les deux serveurs sont-ils raccordés à deux commutateurs différents ?", "Are the two servers connected to two different switches?"},
			pair{"Un commutateur en panne isole les deux serveurs.", "One failed switch isolates both servers."},
		},
		AskRescue: {
			pair{"Un poste d'opérateurs peut-il prendre les appels quand aucun serveur ne répond, et à quel numéro ?", "Can an operators' desk take the calls when no server answers, and at which number?"},
			pair{"Sans lui, ces appelants sont perdus (rescue).", "Without it those callers are lost (rescue)."},
		},
		AskNight: {
			pair{"Qui est prévenu la nuit, par quel moyen, et qui appelle l'intégrateur ?", "Who is told at night, by what means, and who calls the integrator?"},
			pair{"Une alarme que personne ne reçoit ne sert à rien.", "An alarm that nobody receives is of no use."},
		},
		AskAnalogue: {
			pair{"Des lignes analogiques arrivent-elles par une passerelle SIP ? (« non » ou le modèle)", "Do analogue lines arrive through a SIP gateway? (\"no\" or the model)"},
			pair{"Les serveurs virtuels n'ont que le SIP ; une ligne recâblée à la main fait partie de la procédure.", "Virtual servers have SIP only; a line recabled by hand is part of the procedure."},
		},
	}
}
