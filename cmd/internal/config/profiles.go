package config

import (
	"time"

	"releve/cmd/internal/text"
)

// Source says where a value of a profile comes from.
type Source struct {
	Ground    text.Ground `json:"ground"`
	Reference string      `json:"reference,omitempty"` // the document and its own word for the setting; "": none
}

// Value is one value of a profile.
type Value[T any] struct {
	Is     T
	Source Source
}

// Profile is what one kind of IPBX is given when the file does not say
// otherwise, and what to enter at the IPBX.
type Profile struct {
	Name, Title string

	Transport   Value[string]        // what config init writes into the address; an address that names none still means RFC 3263 §4.1
	NoAnswer    Value[time.Duration] // as in IPBX, from here on
	MainStandby Value[bool]
	MaxGrant    Value[time.Duration]

	HoldSignal     Value[uint16] // as in Manners, from here on
	Requeue        Value[bool]
	Status, Q850   Value[int]
	RewriteContact Value[bool]
	RedirectRescue Value[bool]
	Diversion      Value[bool]
	HistoryInfo    Value[bool]
	Large          Value[string]

	Notes []text.ProfileNote // in the order to do them
}

// ProfileNames are the profiles that the file can name.
func ProfileNames() []string {
	all := Profiles()
	names := make([]string, len(all))
	for i, p := range all {
		names[i] = p.Name
	}
	return names
}

// ProfileOf returns the profile of that name.
func ProfileOf(name string) (Profile, bool) {
	for _, p := range Profiles() {
		if p.Name == name {
			return p, true
		}
	}
	return Profile{}, false
}

// gone are the names of profiles that no longer exist, with the one to use.
func gone(name string) string {
	switch name {
	case "mivoice5000", "mivoice-office":
		return "mivoice"
	case "wildix":
		return "generic"
	}
	return ""
}

// Profiles is the whole table. A value without a published source is marked
// unverified: it is what Relève does with any IPBX, not what was seen on this
// one. preflight measures it on the site.
func Profiles() []Profile {
	return []Profile{generic(), oxe(), oxo(), mivoice(), avaya(), cucm(), asterisk(), threeCX()}
}

func is[T any](v T, ground text.Ground, reference string) Value[T] {
	return Value[T]{v, Source{ground, reference}}
}

func generic() Profile {
	return Profile{
		Name: "generic", Title: "SIP (RFC 3261)",
		Transport:      is("udp", text.ByRFC, "RFC 3263 §4.1"),
		NoAnswer:       is(30*time.Second, text.ByChoice, ""),
		MainStandby:    is(false, text.ByChoice, ""),
		MaxGrant:       is(time.Hour, text.ByChoice, ""),
		HoldSignal:     is(uint16(0), text.ByChoice, ""),
		Requeue:        is(true, text.ByChoice, ""),
		Status:         is(486, text.ByRFC, "RFC 3261 §21.4.24"),
		Q850:           is(17, text.ByRFC, "RFC 3398 §7.2.4.1: 486, 17 user busy"),
		RewriteContact: is(false, text.ByRFC, "RFC 3261 §12.1.2: Record-Route"),
		RedirectRescue: is(false, text.ByChoice, ""),
		Diversion:      is(true, text.ByRFC, "RFC 5806, RFC 7544"),
		HistoryInfo:    is(true, text.ByRFC, "RFC 7044"),
		Large:          is("udp", text.ByChoice, ""),
		Notes:          commonNotes(),
	}
}

func commonNotes(more ...text.ProfileNote) []text.ProfileNote {
	return append([]text.ProfileNote{text.NoteTrunk, text.NoteNoAnswer, text.NoteBusyOnce, text.NoteOptions}, more...)
}

// unverified is the generic profile under another name: the same values, with
// nobody's word that this IPBX wants them.
func unverified(name, title string, notes ...text.ProfileNote) Profile {
	p := generic()
	p.Name, p.Title, p.Notes = name, title, commonNotes(notes...)
	for _, s := range []*Source{
		&p.Transport.Source, &p.NoAnswer.Source, &p.MainStandby.Source, &p.MaxGrant.Source, &p.HoldSignal.Source,
		&p.Requeue.Source, &p.Status.Source, &p.Q850.Source, &p.RewriteContact.Source, &p.RedirectRescue.Source,
		&p.Diversion.Source, &p.HistoryInfo.Source, &p.Large.Source,
	} {
		*s = Source{Ground: text.Unverified}
	}
	return p
}

func oxe() Profile {
	p := unverified("oxe", "Alcatel-Lucent OmniPCX Enterprise",
		text.NoteOXESources, text.NoteOXEName, text.NoteOXEQuarantine, text.NoteOneContact)
	p.MainStandby = is(true, text.ByReport, "OXE duplication: the stand-by keeps the registrations of the main")
	p.Large = is("tcp", text.ByDocument, "OXE management help, SIP Proxy: TCP when long messages, true by default")
	return p
}

func oxo() Profile {
	return unverified("oxo", "Alcatel-Lucent OmniPCX Office, OXO Connect", text.NoteOneContact)
}

func mivoice() Profile {
	p := unverified("mivoice", "Mitel MiVoice 5000, Office, Business", text.NoteOneContact)
	p.Transport = is("udp", text.ByDocument, "MiVoice Border Gateway 11 help, Configure SIP Trunking: UDP by default")
	return p
}

func avaya() Profile {
	p := unverified("avaya", "Avaya Aura Communication Manager, Session Manager", text.NoteAvayaRouteTimer, text.NoteAvayaTLS)
	p.HoldSignal = is(uint16(180), text.ByDocument,
		"Communication Manager 10.2 Screen Reference, Signaling Group: Alternate Route Timer, 6 s without ringing by default")
	p.Transport = is("tcp", text.Unverified, "")
	return p
}

func cucm() Profile {
	p := unverified("cucm", "Cisco Unified Communications Manager", text.NoteCUCMBusy, text.NoteCUCMNoAnswer, text.NoteCUCMDiversion)
	p.Transport = is("tcp", text.ByDocument, "SIP Trunk Security Profile: incoming TCP+UDP by default")
	p.Large = is("tcp", text.ByDocument, "SIP Trunk Security Profile: incoming TCP+UDP by default")
	p.Status = is(486, text.ByReport, "Stop Routing on User Busy Flag: a route list stops at user busy")
	p.Q850 = is(17, text.ByReport, "Stop Routing on User Busy Flag: a route list stops at user busy")
	return p
}

func asterisk() Profile {
	p := unverified("asterisk", "Asterisk, FreePBX (chan_pjsip)", text.NoteAsteriskContacts, text.NoteAsteriskDial)
	p.MaxGrant = is(2*time.Hour, text.ByDocument, "res_pjsip, aor: maximum_expiration, 7200 by default")
	return p
}

func threeCX() Profile {
	return unverified("3cx", "3CX", text.NoteOneContact)
}
