package text

// Ground says how sure a value of an IPBX profile is.
type Ground string

// The grounds, from the firmest.
const (
	ByRFC      Ground = "rfc"        // a specification
	ByDocument Ground = "document"   // published by the maker
	ByReport   Ground = "report"     // published by those who run it
	ByChoice   Ground = "our-choice" // of Relève, with any IPBX
	Unverified Ground = "unverified" // nobody's word: try it
)

// Ground names g.
func (m Messages) Ground(g Ground) string {
	switch g {
	case ByRFC:
		return m.say("norme", "standard")
	case ByDocument:
		return m.say("document du constructeur", "maker's document")
	case ByReport:
		return m.say("observé par d'autres", "reported by others")
	case ByChoice:
		return m.say("choix de Relève", "Relève's choice")
	case Unverified:
		return m.say("non vérifié", "unverified")
	}
	return string(g)
}

// Sourced names a ground with its reference.
func (m Messages) Sourced(g Ground, reference string) string {
	if reference == "" {
		return m.Ground(g)
	}
	return m.say("%s : %s", "%s: %s", m.Ground(g), reference)
}

// FromProfile says that a value comes from a profile, and what that rests on.
func (m Messages) FromProfile(profile string, g Ground, reference string) string {
	return m.say("profil %s (%s)", "profile %s (%s)", profile, m.Sourced(g, reference))
}

// FromSection says that a value comes from a section for every IPBX.
func (m Messages) FromSection(key string) string {
	return m.say("selon %s", "from %s", key)
}

// LargeNeedsTCP says why a profile's large: tcp is not followed.
func (m Messages) LargeNeedsTCP() string {
	return m.say("le profil veut tcp, mais listen n'a pas d'adresse tcp://", "the profile wants tcp, but listen has no tcp:// address")
}

// ProfileSet and ProfileTodo head the two parts of a profile.
func (m Messages) ProfileSet() string {
	return m.say("Réglé par le profil ; une ligne décommentée le remplace :", "Set by the profile; an uncommented line replaces it:")
}

// ProfileTodo heads the settings to enter at the IPBX.
func (m Messages) ProfileTodo() string {
	return m.say("À régler à l'IPBX :", "To set at the IPBX:")
}

// ProfileWord stands for a profile's name in a usage line.
func (m Messages) ProfileWord() string { return m.say("PROFIL", "PROFILE") }

// ProfileSourced counts the values that rest on more than nothing.
func (m Messages) ProfileSourced(n, of int) string {
	return m.say("valeurs justifiées : %d/%d", "sourced values: %d/%d", n, of)
}

// ProfileNote is one setting to enter, or to check, at the IPBX.
type ProfileNote string

// The notes to the integrator.
const (
	NoteTrunk            ProfileNote = "trunk"
	NoteNoAnswer         ProfileNote = "no-answer"
	NoteBusyOnce         ProfileNote = "busy-once"
	NoteOptions          ProfileNote = "options"
	NoteOneContact       ProfileNote = "one-contact"
	NoteOXESources       ProfileNote = "oxe-sources"
	NoteOXEName          ProfileNote = "oxe-name"
	NoteOXEQuarantine    ProfileNote = "oxe-quarantine"
	NoteAvayaRouteTimer  ProfileNote = "avaya-route-timer"
	NoteAvayaTLS         ProfileNote = "avaya-tls"
	NoteCUCMBusy         ProfileNote = "cucm-busy"
	NoteCUCMNoAnswer     ProfileNote = "cucm-no-answer"
	NoteCUCMDiversion    ProfileNote = "cucm-diversion"
	NoteAsteriskContacts ProfileNote = "asterisk-contacts"
	NoteAsteriskDial     ProfileNote = "asterisk-dial"
)

// HasProfileNote says whether the catalogue knows n.
func HasProfileNote(n ProfileNote) bool { _, ok := profileNotes[n]; return ok }

// ProfileNote says what to set.
func (m Messages) ProfileNote(n ProfileNote) string {
	if p, ok := profileNotes[n]; ok {
		return m.of(p)
	}
	return string(n)
}

var profileNotes = map[ProfileNote]pair{
	NoteTrunk: {
		"Les numéros de l'accueil automatique partent vers l'adresse de Relève ; route de secours si Relève ne répond pas : le serveur principal.",
		"The attendant's numbers go to Relève's address; route to take when Relève does not answer: the primary server.",
	},
	NoteNoAnswer: {
		"Délai de non-réponse de ce faisceau plus long que answer_timeout + hold_budget ; écrivez-le dans no_answer.",
		"No-answer timer of that trunk longer than answer_timeout + hold_budget; write it in no_answer.",
	},
	NoteBusyOnce: {
		"Un appel refusé (486) n'est pas présenté de nouveau par l'IPBX lui-même ; s'il l'est, écrivez dissuasion: {requeue: false}.",
		"A refused call (486) is not presented again by the IPBX itself; where it is, write dissuasion: {requeue: false}.",
	},
	NoteOptions: {
		"OPTIONS vers Relève actif : l'IPBX voit alors un arrêt de Relève.",
		"OPTIONS towards Relève on: the IPBX then sees Relève stop.",
	},
	NoteOneContact: {
		"En mode pair ou hold : un seul contact par utilisateur, le nouveau remplaçant l'ancien.",
		"In mode pair or hold: a single contact per user, the newest replacing the older.",
	},
	NoteOXESources: {
		"sources : les adresses du main et du stand-by, et celle de chaque passerelle qui envoie des appels.",
		"sources: the addresses of the main and of the stand-by, and of every gateway that sends calls.",
	},
	NoteOXEName: {
		"Redondance spatiale (deux adresses) : l'OXE se présente par son nom ; donnez ce nom dans address, et un serveur DNS qui le résout.",
		"Spatial redundancy (two addresses): the OXE shows itself by its name; give that name in address, and a DNS server that resolves it.",
	},
	NoteOXEQuarantine: {
		"SIP Proxy : une adresse qui envoie trop de messages est mise en quarantaine (Framework Nb Message By Period) ; faites de Relève une adresse de confiance, ou montez la limite.",
		"SIP Proxy: an address that sends too many messages is put in quarantine (Framework Nb Message By Period); make Relève a trusted address, or raise the limit.",
	},
	NoteAvayaRouteTimer: {
		"Signaling Group, Alternate Route Timer : 6 s sans sonnerie et l'appel prend une autre route ; le profil fait donc sonner l'appel gardé (180). Portez ce délai à 30 s si LAR est actif.",
		"Signaling Group, Alternate Route Timer: 6 s without ringing and the call takes another route; the profile therefore lets a held call ring (180). Raise that timer to 30 s where LAR is on.",
	},
	NoteAvayaTLS: {
		"En TLS : écrivez transport=tls dans address, la section tls, et un listen tls:// ; chaque côté doit connaître l'autorité de l'autre.",
		"Over TLS: write transport=tls in address, the tls section, and a tls:// listen; each side must know the other's authority.",
	},
	NoteCUCMBusy: {
		"Avec l'entrée de débordement : Stop Routing on User Busy Flag à False, sinon la liste de routes s'arrête au refus (486) au lieu de revenir au principal.",
		"With the overflow entry: Stop Routing on User Busy Flag at False, or the route list stops at the refusal (486) instead of going back to the primary.",
	},
	NoteCUCMNoAnswer: {
		"Sur une ligne (mode pair ou hold) : Forward No Answer Timer est de 12 s par défaut ; portez-le au-delà de answer_timeout + hold_budget.",
		"On a line (mode pair or hold): Forward No Answer Timer is 12 s by default; raise it above answer_timeout + hold_budget.",
	},
	NoteCUCMDiversion: {
		"Redirecting Diversion Header Delivery (entrant et sortant) coché sur le trunk, si mark_overflow sert.",
		"Redirecting Diversion Header Delivery (inbound and outbound) ticked on the trunk, where mark_overflow is used.",
	},
	NoteAsteriskContacts: {
		"En mode pair ou hold, dans la section aor : max_contacts=1 et remove_existing=yes ; maximum_expiration fixe max_grant.",
		"In mode pair or hold, in the aor section: max_contacts=1 and remove_existing=yes; maximum_expiration sets max_grant.",
	},
	NoteAsteriskDial: {
		"Le délai de Dial() vers Relève est plus long que answer_timeout + hold_budget ; aucun Dial de plus après BUSY, sauf requeue: false.",
		"The timeout of Dial() towards Relève is longer than answer_timeout + hold_budget; no further Dial after BUSY, unless requeue: false.",
	},
}
