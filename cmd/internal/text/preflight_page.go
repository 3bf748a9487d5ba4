package text

import "time"

// The words of the printed study.

// PageTitle heads the printed study.
func (m Messages) PageTitle() string {
	return m.say("Étude de faisabilité", "Feasibility study")
}

// PageSubtitle says what it is a study for.
func (m Messages) PageSubtitle() string {
	return m.say("Relève téléphonie entre l'IPBX et les serveurs vocaux Wel'Suite", "Relève between the IPBX and the Wel'Suite voice servers")
}

// PageLead explains the verdict in one sentence.
func (m Messages) PageLead(verdict string, noGo, reservations int) string {
	switch verdict {
	case "go":
		return m.say("Rien de ce qui a été mesuré ou répondu ne s'oppose à l'installation.",
			"Nothing that was measured or answered stands against the installation.")
	case "reservations":
		return m.say("L'installation est possible ; %d point(s) sont à régler, ou à accepter en connaissance de cause.",
			"The installation is possible; %d point(s) are to be settled, or accepted knowingly.", reservations)
	case "no-go":
		return m.say("%d point(s) empêchent l'installation tant qu'ils ne sont pas corrigés ; %d autre(s) sont des réserves.",
			"%d point(s) prevent the installation until they are corrected; %d other(s) are reservations.", noGo, reservations)
	}
	return m.say("L'essentiel n'a pas pu être mesuré : cette étude ne permet pas de conclure.",
		"What matters could not be measured: this study allows no conclusion.")
}

// PageWord is one heading or label of the printed study.
type PageWord string

// The words.
const (
	PageSite      PageWord = "site"
	PageMade      PageWord = "made"
	PageFrom      PageWord = "from"
	PageTook      PageWord = "took"
	PageVersion   PageWord = "version"
	PageTargets   PageWord = "targets"
	PageName      PageWord = "name"
	PageAddress   PageWord = "address"
	PageRole      PageWord = "role"
	PageDeciding  PageWord = "deciding"
	PageFindings  PageWord = "findings"
	PagePoint     PageWord = "point"
	PageState     PageWord = "state"
	PageSeen      PageWord = "seen"
	PageMeans     PageWord = "means"
	PageDo        PageWord = "do"
	PageAsked     PageWord = "asked"
	PageQuestion  PageWord = "question"
	PageAnswer    PageWord = "answer"
	PageNoAnswer  PageWord = "no-answer"
	PageRang      PageWord = "rang"
	PageProfile   PageWord = "profile"
	PageKey       PageWord = "key"
	PageValue     PageWord = "value"
	PageBecause   PageWord = "because"
	PageFlows     PageWord = "flows"
	PageSign      PageWord = "sign"
	PageSignText  PageWord = "sign-text"
	PageSignSite  PageWord = "sign-site"
	PageSignTech  PageWord = "sign-tech"
	PageSignMaker PageWord = "sign-maker"
	PageSignName  PageWord = "sign-name"
	PageSignDate  PageWord = "sign-date"
	PageSignature PageWord = "signature"
	PageVABF      PageWord = "vabf"
	PageVABFText  PageWord = "vabf-text"
	PageTest      PageWord = "test"
	PageExpected  PageWord = "expected"
	PageObserved  PageWord = "observed"
	PageResult    PageWord = "result"
)

// Page says a word of the printed study.
func (m Messages) Page(w PageWord) string {
	if p, ok := pageWords[w]; ok {
		return m.of(p)
	}
	return string(w)
}

var pageWords = map[PageWord]pair{
	PageSite:      {"Site", "Site"},
	PageMade:      {"Faite le", "Made on"},
	PageFrom:      {"Depuis", "From"},
	PageTook:      {"Durée", "Took"},
	PageVersion:   {"Version de Relève", "Version of Relève"},
	PageTargets:   {"Équipements étudiés", "Equipment studied"},
	PageName:      {"Nom", "Name"},
	PageAddress:   {"Adresse", "Address"},
	PageRole:      {"Rôle", "Role"},
	PageDeciding:  {"Ce qui décide du verdict", "What the verdict rests on"},
	PageFindings:  {"Constats", "Findings"},
	PagePoint:     {"Point", "Point"},
	PageState:     {"État", "State"},
	PageSeen:      {"Constaté", "Seen"},
	PageMeans:     {"Ce que cela veut dire", "What it means"},
	PageDo:        {"Que faire ?", "What to do"},
	PageAsked:     {"Ce qui ne se mesure pas : questions et réponses", "What cannot be measured: questions and answers"},
	PageQuestion:  {"Question", "Question"},
	PageAnswer:    {"Réponse", "Answer"},
	PageNoAnswer:  {"(sans réponse)", "(no answer)"},
	PageRang:      {"Numéros appelés pendant l'étude", "Numbers called during the study"},
	PageProfile:   {"Réglages pour la section ipbx de la configuration", "Settings for the ipbx section of the configuration"},
	PageKey:       {"Clé", "Key"},
	PageValue:     {"Valeur", "Value"},
	PageBecause:   {"D'après", "Because of"},
	PageFlows:     {"Matrice des flux (pare-feu)", "Firewall matrix"},
	PageSign:      {"Signatures", "Signatures"},
	PageSignText:  {"Les soussignés ont pris connaissance des constats et attestent les réponses ci-dessus.", "The undersigned have read the findings and vouch for the answers above."},
	PageSignSite:  {"Pour l'établissement", "For the site"},
	PageSignTech:  {"Pour l'intégrateur", "For the integrator"},
	PageSignMaker: {"Pour TLM Com", "For TLM Com"},
	PageSignName:  {"Nom et fonction", "Name and function"},
	PageSignDate:  {"Date", "Date"},
	PageSignature: {"Signature", "Signature"},
	PageVABF:      {"Annexe : vérification d'aptitude au bon fonctionnement (VABF)", "Annex: acceptance tests (VABF)"},
	PageVABFText:  {"À dérouler après l'installation, Relève en service, en présence de l'établissement. « releve exercice » déroule la bascule et en fait le rapport.", "To be gone through after the installation, with Relève in service and the site present. \"releve drill\" goes through the switchover and reports it."},
	PageTest:      {"Essai", "Test"},
	PageExpected:  {"Attendu", "Expected"},
	PageObserved:  {"Constaté", "Observed"},
	PageResult:    {"Bon / réserve", "Pass / reservation"},
}

// HasPage says whether the catalogue knows w.
func HasPage(w PageWord) bool { _, ok := pageWords[w]; return ok }

// PageLifted names a reservation as a test of the annex.
func (m Messages) PageLifted(title string) string {
	return m.say("Réserve à lever : %s", "Reservation to lift: %s", title)
}

// PageDate prints the day and time of a study.
func (m Messages) PageDate(t time.Time) string {
	if m.Lang() == English {
		return t.Format("2 January 2006, 15:04")
	}
	return t.Format("02/01/2006 15:04")
}

// Acceptance are the tests of the annex: what is done, and what is expected.
func (m Messages) Acceptance() [][2]string {
	out := make([][2]string, len(acceptance))
	for i, a := range acceptance {
		out[i] = [2]string{m.of(a[0]), m.of(a[1])}
	}
	return out
}

var acceptance = [][2]pair{
	{
		{"Appel du numéro d'accueil depuis l'extérieur", "Call the attendant's number from outside"},
		{"le message d'accueil est entendu, les touches sont prises en compte", "the welcome is heard, keys are understood"},
	},
	{
		{"Transfert de l'appelant vers un poste, puis vers un poste inexistant", "Transfer the caller to a phone, then to one that does not exist"},
		{"le poste sonne et la conversation s'établit ; au second, l'appelant revient à l'accueil", "the phone rings and both talk; the second time the caller comes back"},
	},
	{
		{"Toutes les lignes du principal occupées, un appel de plus", "All lines of the primary busy, one more call"},
		{"pas de bascule ; l'appel attend une ligne, ou est refusé comme réglé", "no switchover; the call waits for a line, or is refused as configured"},
	},
	{
		{"Arrêt de Wel'Suite sur le principal pendant des appels", "Stop Wel'Suite on the primary while there are calls"},
		{"bascule après les vérifications ; l'appel suivant est servi par le secours", "switchover after the verifications; the next call is served by the secondary"},
	},
	{
		{"Vue de l'IPBX pendant la bascule", "The IPBX's view during the switchover"},
		{"jamais deux enregistrements de la licence à la fois", "never two registrations of the licence at once"},
	},
	{
		{"Alarme de la bascule", "Alarm of the switchover"},
		{"reçue par l'astreinte (courriel, supervision), avec « Que faire ? »", "received by the people on call (e-mail, supervision), with what to do"},
	},
	{
		{"Retour en mode normal, commandé", "Return to normal, commanded"},
		{"le principal sert de nouveau ; aucun appel perdu", "the primary serves again; no call lost"},
	},
	{
		{"Les deux serveurs arrêtés", "Both servers stopped"},
		{"les appels vont aux opérateurs (rescue)", "calls go to the operators (rescue)"},
	},
	{
		{"Redémarrage de Relève pendant une conversation", "Restart Relève during a conversation"},
		{"la conversation continue, le raccroché est vu", "the conversation goes on, its end is seen"},
	},
	{
		{"Retrait de Relève (« en cinq minutes »)", "Take Relève out (\"in five minutes\")"},
		{"l'IPBX appelle le principal directement ; puis remise en place", "the IPBX calls the primary directly; then put back"},
	},
}
