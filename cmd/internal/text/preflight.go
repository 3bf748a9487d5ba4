package text

import "strings"

// StudyID names one thing that the feasibility study finds out. The names are
// stable: reports and the quirks of the test bed use them.
type StudyID string

// What is found out of an IPBX, a voice server or both, of the registrar, of the
// network and of the databases.
const (
	StudyOptions      StudyID = "options"       // answers OPTIONS
	StudyNAT          StudyID = "nat"           // between us: rewritten addresses, SIP ALG
	StudyContact      StudyID = "contact"       // its Contact can be reached, ours comes back as it was
	StudyLarge        StudyID = "large"         // messages beyond 1,300 bytes and beyond the MTU
	StudyTrunk        StudyID = "trunk"         // takes calls from this address
	StudyRouteBack    StudyID = "route-back"    // the number leads to this address
	StudyRecordRoute  StudyID = "record-route"  // requests of a dialog follow the Route set
	StudyReliable     StudyID = "100rel"        // reliable provisionals, PRACK
	StudyEarly        StudyID = "early-dialogs" // a second early dialog
	StudyUpdate       StudyID = "update"
	StudySessionTimer StudyID = "session-timer"
	StudyReinvite     StudyID = "reinvite"
	StudyCodecs       StudyID = "codecs"
	StudyDTMF         StudyID = "dtmf"
	StudyTransfer     StudyID = "transfer"         // blind REFER
	StudyReferRefused StudyID = "transfer-refused" // the call lives on after a refused REFER
	StudyBusy         StudyID = "busy"             // what a refusal with 486 leads to
	StudyBusyTwice    StudyID = "busy-twice"       // and a second one
	StudyRefusals     StudyID = "refusals"         // which codes make it present the call again
	StudyRetryAfter   StudyID = "retry-after"
	StudyNoAnswer     StudyID = "no-answer" // how long it rings before it takes the call back
	StudyRinging      StudyID = "ringing"   // it insists on a ringing tone
	StudyRedirect     StudyID = "redirect"  // 302
	StudyCancel       StudyID = "cancel"    // CANCEL ends what rings
	StudyAudio        StudyID = "audio"     // RTP is heard

	StudyRegistrar     StudyID = "registrar"      // answers REGISTER and takes the credentials
	StudyOccupied      StudyID = "occupied"       // a licensed user is registered by somebody else
	StudyDigest        StudyID = "digest"         // algorithms, qop
	StudyListed        StudyID = "listed"         // the 2xx lists every binding
	StudyGrant         StudyID = "grant"          // grants more or less than asked
	StudyShortGrant    StudyID = "short-grant"    // refuses or lengthens short registrations
	StudySecondContact StudyID = "second-contact" // adds, replaces, refuses
	StudyExpiry        StudyID = "expiry"         // an expired binding is gone
	StudyUnregister    StudyID = "unregister"     // Expires: 0 is obeyed
	StudySecondary     StudyID = "secondary"      // calls to the primary's number reach the secondary's user

	StudyRoundTrip StudyID = "round-trip"
	StudyJitter    StudyID = "jitter"
	StudyLoss      StudyID = "loss"
	StudyClock     StudyID = "clock"
	StudyNames     StudyID = "names"
	StudyTLS       StudyID = "tls" // certificates, either side
	StudyDatabase  StudyID = "database"
	StudyMargin    StudyID = "margin" // our waiting times fit into the IPBX's
)

// StudyIDs are all of them, in the order of a report.
func StudyIDs() []StudyID {
	return []StudyID{
		StudyNames, StudyTLS, StudyOptions, StudyNAT, StudyContact, StudyRoundTrip, StudyJitter, StudyLoss, StudyClock, StudyLarge,
		StudyTrunk, StudyRouteBack, StudyRecordRoute, StudyReliable, StudyEarly, StudyUpdate, StudySessionTimer,
		StudyReinvite, StudyCodecs, StudyDTMF, StudyAudio, StudyTransfer, StudyReferRefused, StudyCancel,
		StudyBusy, StudyBusyTwice, StudyRefusals, StudyRetryAfter, StudyRedirect, StudyRinging, StudyNoAnswer, StudyMargin,
		StudyRegistrar, StudyOccupied, StudyDigest, StudyListed, StudyGrant, StudyShortGrant, StudySecondContact,
		StudyUnregister, StudyExpiry, StudySecondary, StudyDatabase,
	}
}

// StudyState is how one finding is judged.
type StudyState string

// OK: as Relève needs it. Info: worth knowing, nothing to do. Reservation: to
// settle, or to live with knowingly. NoGo: not with this. Unknown: not measured.
const (
	StudyOK          StudyState = "ok"
	StudyInfo        StudyState = "info"
	StudyReservation StudyState = "reservation"
	StudyNoGo        StudyState = "no-go"
	StudyUnknown     StudyState = "unknown"
)

// StudyText is one finding in words. Means and Do are empty where nothing is to
// be said.
type StudyText struct{ Title, Seen, Means, Do string }

// studied are the sentences of one finding. {key} stands for a value. ok is what
// was seen when all is well, odd otherwise; cases replace either where the value
// "case" names one, and advice what it means and what to do.
type studied struct {
	title, ok, odd, means, do pair
	cases                     map[string]pair
	advice                    map[string]advice
}

// advice is what one case means and what to do about it; empty: as the others.
type advice struct{ means, do pair }

// advised are means and do of a case.
func (s studied) advised(name string) (means, do pair) {
	means, do = s.means, s.do
	if a := s.advice[name]; a.means != (pair{}) {
		means = a.means
	}
	if a := s.advice[name]; a.do != (pair{}) {
		do = a.do
	}
	return means, do
}

// Study says a finding: values are those of the finding.
func (m Messages) Study(id StudyID, state StudyState, values map[string]string) StudyText {
	s, ok := studies()[id]
	if !ok {
		return StudyText{Title: string(id)}
	}
	fill := m.filled(values)
	t := StudyText{Title: m.of(s.title)}
	switch state {
	case StudyOK:
		seen := s.ok
		if p, ok := s.cases[values["case"]]; ok {
			seen = p
		}
		t.Seen = fill(m.of(seen))
		return t
	case StudyUnknown:
		t.Seen = m.StudyWhy(StudyWhy(values["why"]))
		return t
	}
	seen := s.odd
	if p, ok := s.cases[values["case"]]; ok {
		seen = p
	}
	if set := values["settled"]; set != "" {
		t.Seen = fill(m.of(seen)) + m.say(" ; déjà réglé : %s", "; settled already: %s", set)
		return t
	}
	means, do := s.advised(values["case"])
	t.Seen, t.Means = fill(m.of(seen)), fill(m.of(means))
	if state != StudyInfo {
		t.Do = fill(m.of(do))
	}
	return t
}

// filled puts the values into a sentence; 0.5 is 0,5 in French.
func (m Messages) filled(values map[string]string) func(string) string {
	pairs := make([]string, 0, 2*len(values))
	for k, v := range values {
		if whole, part, ok := strings.Cut(v, "."); ok && m.Lang() == French && digits(whole) && digits(part) && len(part) == 1 {
			v = whole + "," + part
		}
		pairs = append(pairs, "{"+k+"}", v)
	}
	return strings.NewReplacer(pairs...).Replace
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// StudyCase says whether a case of a finding has a sentence of its own.
func StudyCase(id StudyID, name string) bool {
	_, ok := studies()[id].cases[name]
	return ok
}

// studies is the whole table.
func studies() map[StudyID]studied {
	all := make(map[StudyID]studied, 64)
	for _, part := range []map[StudyID]studied{studiesOfReach(), studiesOfCalls(), studiesOfRefusals(), studiesOfRegistrar()} {
		for id, s := range part {
			all[id] = s
		}
	}
	return all
}

// StudyStateWord names a state.
func (m Messages) StudyStateWord(s StudyState) string {
	switch s {
	case StudyOK:
		return m.say("conforme", "ok")
	case StudyInfo:
		return m.say("à savoir", "to know")
	case StudyReservation:
		return m.say("réserve", "reservation")
	case StudyNoGo:
		return m.say("bloquant", "no-go")
	}
	return m.say("non mesuré", "not measured")
}

// StudyVerdict names a verdict: go, reservations, no-go or not-testable.
func (m Messages) StudyVerdict(v string) string {
	switch v {
	case "go":
		return m.say("FAISABLE", "GO")
	case "reservations":
		return m.say("FAISABLE AVEC RÉSERVES", "GO WITH RESERVATIONS")
	case "no-go":
		return m.say("NON FAISABLE EN L'ÉTAT", "NO-GO")
	}
	return m.say("NON TESTABLE", "NOT TESTABLE")
}

// StudySubject names what a finding is about: ipbx, server, registrar, network,
// database or self.
func (m Messages) StudySubject(s string) string {
	switch s {
	case "ipbx":
		return m.say("IPBX", "IPBX")
	case "server":
		return m.say("serveur vocal", "voice server")
	case "registrar":
		return m.say("enregistrement SIP", "registration")
	case "network":
		return m.say("réseau", "network")
	case "database":
		return m.say("base de données", "database")
	case "self":
		return m.say("cette machine", "this machine")
	}
	return s
}

// StudyWhy is why something was not measured.
type StudyWhy string

// The whys.
const (
	WhyNoNumber   StudyWhy = "no-number"   // nobody was named to be called
	WhyNoService  StudyWhy = "no-service"  // no number to call the voice servers with
	WhyNoRegister StudyWhy = "no-register" // no user was given
	WhyNoConsent  StudyWhy = "no-consent"
	WhyNoCall     StudyWhy = "no-call" // the call it needs did not come about
	WhyNoAnswer   StudyWhy = "no-answer"
	WhyOccupied   StudyWhy = "occupied"
	WhyNotAsked   StudyWhy = "not-asked" // an option asks for it
	WhyNoTransfer StudyWhy = "no-transfer"
	WhyNoTrigger  StudyWhy = "no-trigger" // the far end sent no request in the dialog
	WhyNotGiven   StudyWhy = "not-given"  // no address was given
	WhyInterrupt  StudyWhy = "interrupted"
	WhyOneLeft    StudyWhy = "time" // the time of the study was spent
	WhyLocal      StudyWhy = "local"
	WhyForeign    StudyWhy = "foreign"  // the other user is registered
	WhyRelayed    StudyWhy = "relayed"  // the IPBX is a proxy: the far end was ourselves
	WhyByHand     StudyWhy = "by-hand"  // a call placed by somebody does not show it
	WhyTooSoon    StudyWhy = "too-soon" // it answered before the call could be given up
	WhyUnlisted   StudyWhy = "unlisted" // the registrar does not list the bindings
	WhyRefused    StudyWhy = "refused"  // the registrar refused the registration it needs
	WhyUntrusted  StudyWhy = "tls"      // the TLS connection did not come about
)

// StudyWhy says why something was not measured.
func (m Messages) StudyWhy(w StudyWhy) string {
	switch w {
	case WhyNoNumber:
		return m.say("non mesuré : aucun numéro à appeler n'a été donné (--call-number, ou --operator-call)",
			"not measured: no number to call was given (--call-number, or --operator-call)")
	case WhyNoService:
		return m.say("non mesuré : aucun numéro de service n'a été donné (--number)", "not measured: no service number was given (--number)")
	case WhyNoRegister:
		return m.say("non mesuré : aucun utilisateur n'a été donné (--register)", "not measured: no user was given (--register)")
	case WhyNoConsent:
		return m.say("non mesuré : l'accord n'a pas été donné", "not measured: consent was not given")
	case WhyNoCall:
		return m.say("non mesuré : l'appel nécessaire n'a pas abouti", "not measured: the call it needs did not come about")
	case WhyNoAnswer:
		return m.say("non mesuré : aucune réponse", "not measured: no answer")
	case WhyOccupied:
		return m.say("non mesuré : un utilisateur de la licence est déjà enregistré, rien n'a été enregistré",
			"not measured: a licensed user is registered already, nothing was registered")
	case WhyNotAsked:
		return m.say("non mesuré : pas demandé (--wait)", "not measured: not asked for (--wait)")
	case WhyNoTransfer:
		return m.say("non mesuré : aucun numéro de transfert n'a été donné (--transfer-to)", "not measured: no number to transfer to was given (--transfer-to)")
	case WhyNoTrigger:
		return m.say("non mesuré : il n'a envoyé aucune requête dans l'appel pendant l'écoute", "not measured: it sent no request in the call while we listened")
	case WhyNotGiven:
		return m.say("non mesuré : aucune adresse n'a été donnée", "not measured: no address was given")
	case WhyInterrupt:
		return m.say("non mesuré : l'étude a été interrompue", "not measured: the study was interrupted")
	case WhyOneLeft:
		return m.say("non mesuré : le temps accordé à l'étude était écoulé", "not measured: the time of the study was spent")
	case WhyLocal:
		return m.say("non mesuré : cette machine n'a pas pu ouvrir ce qu'il faut", "not measured: this machine could not open what it needs")
	case WhyRelayed:
		return m.say("non mesuré : l'IPBX relaie les appels sans y prendre part, cela dépend des postes", "not measured: the IPBX relays calls without taking part, it depends on the telephones")
	case WhyForeign:
		return m.say("non mesuré : rien ne prouve que le premier utilisateur n'est plus enregistré, le second ne l'a pas été",
			"not measured: nothing proves that the first user is registered no more, so the second one was not")
	case WhyByHand:
		return m.say("non mesuré : un appel passé à la main ne le montre pas (--call-number)", "not measured: a call placed by hand does not show it (--call-number)")
	case WhyTooSoon:
		return m.say("non mesuré : l'appel a été décroché avant qu'il puisse être abandonné", "not measured: the call was answered before it could be given up")
	case WhyUnlisted:
		return m.say("non mesuré : le registraire ne dit pas qui est enregistré", "not measured: the registrar does not tell who is registered")
	case WhyRefused:
		return m.say("non mesuré : l'enregistrement nécessaire a été refusé", "not measured: the registration it needs was refused")
	case WhyUntrusted:
		return m.say("non mesuré : la connexion TLS n'a pas pu être établie", "not measured: the TLS connection could not be made")
	}
	return m.say("non mesuré", "not measured")
}
