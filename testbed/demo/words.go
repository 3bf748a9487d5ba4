package demo

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Lang is the language of the reader.
type Lang string

// The languages; any other is read as French.
const (
	French  Lang = "fr"
	English Lang = "en"
)

// line is one sentence of the story.
type line uint8

const (
	title line = iota
	parties
	watchIt
	chapter1
	chapter2
	chapter3
	chapter4
	chapter5
	chapter6
	chapter7
	chapter8
	chapterEnd

	ready
	steadyServed
	outgoingDone
	passiveRefused
	blindDone
	attendedDone
	linesFull
	waitingServed
	waitingCancelled
	listFull
	budgetSpent
	noSwitchover
	primaryKilled
	round
	licenceMoved
	heldServed
	switchedIn
	cutCalls
	primaryBack
	nothingMoved
	returnSaid
	returned
	keptAlive
	secondaryKilled
	bothKilled
	rescued
	serversBack
	releveKilled
	releveBack
	byesPassed
	stays
	stay
	stayOpen
	nothingLeft

	wantStart
	wantReady
	wantSteady
	wantOutgoing
	wantPassive
	wantTransfer
	wantFull
	wantWaiting
	wantWaitingServed
	wantCancelled
	wantListFull
	wantBudget
	wantNoSwitchover
	wantHeldServed
	wantRounds
	wantSwitchMove
	wantBack
	wantStill
	wantReturn
	wantReturnMove
	wantKept
	wantDown
	wantRescued
	wantServing
	wantQuiet
	wantRestart
	wantSameLicence
	wantByes
	wantNothingLeft
	wantCounts
	wantNoLoss
	wantDissuaded
	wantRescueCount
	wantCancelCount
	wantSwitchovers
	wantOneBinding
	wantTidy
	wantTraffic
	wantInTime

	sumTitle
	sumOffered
	sumAnswered
	sumDissuaded
	sumCancelled
	sumRescued
	sumLost
	sumCut
	sumSwitchovers
	sumFalse
	sumBindings
	sumSwitchover
	sumLicence
	sumLicenceBack
	sumWall
	verdictGood
	verdictBad
	releveSaid
	failed
	interrupted
	lineCount
)

type pair struct{ fr, en string }

// sentences hold both languages side by side, unkeyed, so that one without the
// other does not compile.
var sentences = [lineCount]pair{
	title:      {"Relève : démonstration. Tout est réel : SIP et RTP sur UDP, chaque acteur dans son processus.", "Relève: demonstration. All is real: SIP and RTP over UDP, each party a process of its own."},
	parties:    {"IPBX %s, principal %s, secours %s, Relève %s ; %d lignes par serveur.", "IPBX %s, primary %s, secondary %s, Relève %s; %d lines per server."},
	watchIt:    {"L'écran d'alarme la montre, tant qu'elle dure : http://%s", "The alarm screen shows it while it lasts: http://%s"},
	chapter1:   {"1. Le serveur principal répond, sous un trafic constant", "1. The primary answers, under steady traffic"},
	chapter2:   {"2. Toutes les lignes occupées : dissuasion, aucune bascule", "2. All lines busy: dissuasion, no switchover"},
	chapter3:   {"3. Le processus du principal est tué (SIGKILL) : vérification, licence, bascule", "3. The primary's process is killed (SIGKILL): verification, licence, switchover"},
	chapter4:   {"4. Appels sortants et transferts, sur le secours", "4. Outgoing calls and transfers, on the secondary"},
	chapter5:   {"5. Le principal revient : rien ne bouge tout seul", "5. The primary comes back: nothing moves by itself"},
	chapter6:   {"6. Retour en mode normal, par l'opérateur", "6. Return to normal, by the operator"},
	chapter7:   {"7. Les deux serveurs tombent : les opérateurs répondent", "7. Both servers fail: the operators' desk answers"},
	chapter8:   {"8. Relève elle-même est tuée (SIGKILL) en pleine conversation", "8. Relève itself is killed (SIGKILL) in mid-call"},
	chapterEnd: {"Pour finir : les comptes", "In the end: the accounts"},

	ready:            {"prêts : licence %s enregistrée pour le principal, secours prêt", "ready: licence %s registered for the primary, the secondary ready"},
	steadyServed:     {"%d appels servis par le principal, tous audibles ; établis en %s (médiane)", "%d calls served by the primary, all audible; set up in %s (median)"},
	outgoingDone:     {"appel sortant de « %s » : le poste %s répond, audible", "outgoing call from \"%s\": extension %s answers, audible"},
	passiveRefused:   {"le serveur passif « %s » veut appeler : refusé (403)", "the passive server \"%s\" wants to call: refused (403)"},
	blindDone:        {"transfert direct par « %s » vers le poste %s : l'appelant l'entend", "blind transfer by \"%s\" to extension %s: the caller hears it"},
	attendedDone:     {"transfert accompagné par « %s » vers le poste %s : l'appelant l'entend", "attended transfer by \"%s\" to extension %s: the caller hears it"},
	linesFull:        {"%d lignes sur %d occupées", "%d lines of %d busy"},
	waitingServed:    {"un appelant attend ; une ligne se libère ; le principal lui répond après %s", "a caller waits; a line frees; the primary answers after %s"},
	waitingCancelled: {"un appelant qui attend raccroche : terminé (487)", "a waiting caller hangs up: over (487)"},
	listFull:         {"file d'attente pleine : %d appels refusés (486), le premier en %s", "waiting list full: %d calls refused (486), the first within %s"},
	budgetSpent:      {"attente maximale atteinte : %d appels passés aux opérateurs après %s", "longest wait reached: %d calls given to the operators after %s"},
	noSwitchover:     {"le principal est resté actif ; l'enregistrement SIP n'a pas bougé", "the primary stayed active; the registration did not move"},
	primaryKilled:    {"principal tué (pid %d), %d conversations coupées avec lui", "primary killed (pid %d), %d conversations cut with it"},
	round:            {"+%s vérification %v/%v : %s", "+%s verification %v/%v: %s"},
	licenceMoved:     {"licence : %s rendue, %s enregistrée %s après ; jamais deux à la fois", "licence: %s given back, %s registered %s later; never two at once"},
	heldServed:       {"l'appelant mis en attente pendant la panne est servi par « %s » après %s, audible", "the caller held during the outage is served by \"%s\" after %s, audible"},
	switchedIn:       {"du SIGKILL au premier appel servi par le secours : %s", "from SIGKILL to the first call served by the secondary: %s"},
	cutCalls:         {"les appels reçus entre-temps : %d, tous servis", "calls that came meanwhile: %d, all served"},
	primaryBack:      {"principal redémarré (pid %d), même adresse", "primary restarted (pid %d), same address"},
	nothingMoved:     {"stabilité %d/%d en %s ; le secours reste actif et a servi %d appels", "stability %d/%d in %s; the secondary stays active and served %d calls"},
	returnSaid:       {"releve return -y --force : %s", "releve return -y --force: %s"},
	returned:         {"l'appel suivant est servi par « %s » ; licence passée en %s", "the next call is served by \"%s\"; licence moved in %s"},
	keptAlive:        {"une conversation commencée sur le secours y continue et s'y termine", "a conversation begun on the secondary goes on and ends there"},
	secondaryKilled:  {"secours tué : Relève le voit HS en %s, avant le jour où il manquerait", "secondary killed: Relève sees it down within %s, before the day it would be missed"},
	bothKilled:       {"principal tué aussi", "the primary killed as well"},
	rescued:          {"l'appelant est servi par les opérateurs (%s) après %s, audible", "the caller is served by the operators' desk (%s) after %s, audible"},
	serversBack:      {"serveurs redémarrés : « %s » sert de nouveau après %s", "servers restarted: \"%s\" serves again after %s"},
	releveKilled:     {"Relève tuée (pid %d), %d conversations en cours", "Relève killed (pid %d), %d conversations in progress"},
	releveBack:       {"Relève redémarrée en %s : même serveur actif (%s), même époque (%d), même licence (%s)", "Relève restarted in %s: same active server (%s), same epoch (%d), same licence (%s)"},
	byesPassed:       {"raccroché dans les deux sens : appelant → serveur, serveur → appelant, sortant ; tout est passé", "hung up in both directions: caller → server, server → caller, outgoing; all of it passed"},
	stays:            {"la licence, d'après le journal du registrar :", "the licence, by the registrar's log:"},
	stay:             {"%s  de %s à %s", "%s  from %s to %s"},
	stayOpen:         {"%s  depuis %s", "%s  since %s"},
	nothingLeft:      {"plus aucun appel nulle part : ni IPBX, ni serveurs, ni lignes réservées", "no call left anywhere: not at the IPBX, not on the servers, no line reserved"},

	wantStart:         {"tous les acteurs démarrent", "every party starts"},
	wantReady:         {"licence enregistrée pour le principal et secours prêt", "licence registered for the primary and the secondary ready"},
	wantSteady:        {"tous les appels servis par le principal, audibles", "every call served by the primary, audible"},
	wantOutgoing:      {"un appel sortant du serveur actif est servi, audible", "an outgoing call of the active server is served, audible"},
	wantPassive:       {"un appel sortant du serveur passif est refusé par 403", "an outgoing call of the passive server is refused with 403"},
	wantTransfer:      {"l'appelant transféré entend le poste demandé", "the transferred caller hears the extension asked for"},
	wantFull:          {"toutes les lignes du principal occupées", "all lines of the primary busy"},
	wantWaiting:       {"l'appelant attend une ligne, sans réponse finale", "the caller waits for a line, without a final response"},
	wantWaitingServed: {"l'appelant qui attendait est servi par le principal, audible", "the caller who waited is served by the primary, audible"},
	wantCancelled:     {"l'appelant qui raccroche en attente reçoit 487", "the caller who hangs up while waiting gets 487"},
	wantListFull:      {"au-delà de la file d'attente, refus 486 sans délai", "beyond the waiting list, 486 without delay"},
	wantBudget:        {"à la fin de l'attente maximale, les opérateurs répondent", "when the longest wait is spent, the operators answer"},
	wantNoSwitchover:  {"aucune bascule quand les lignes sont occupées", "no switchover when lines are busy"},
	wantHeldServed:    {"l'appelant mis en attente est servi par le secours, audible", "the held caller is served by the secondary, audible"},
	wantRounds:        {"trois vérifications de suite constatent la panne avant la bascule", "three rounds in a row see the failure before the switchover"},
	wantSwitchMove:    {"le registrar a vu la licence rendue, puis prise par le secours", "the registrar saw the licence given back, then taken by the secondary"},
	wantBack:          {"le principal redémarré est stable (5/5)", "the restarted primary is stable (5/5)"},
	wantStill:         {"le secours reste actif tant que l'opérateur ne dit rien", "the secondary stays active as long as the operator says nothing"},
	wantReturn:        {"releve return réussit (code 0) et l'appel suivant est servi par le principal", "releve return succeeds (exit 0) and the next call is served by the primary"},
	wantReturnMove:    {"le registrar a vu la licence revenir au principal", "the registrar saw the licence come back to the primary"},
	wantKept:          {"la conversation sur le secours survit au retour et s'y termine par BYE", "the conversation on the secondary survives the return and ends there by BYE"},
	wantDown:          {"Relève voit le secours HS", "Relève sees the secondary down"},
	wantRescued:       {"l'appelant est servi par les opérateurs, audible", "the caller is served by the operators' desk, audible"},
	wantServing:       {"le principal redémarré sert de nouveau", "the restarted primary serves again"},
	wantQuiet:         {"un instant sans appel en cours d'établissement", "a moment without a call being set up"},
	wantRestart:       {"Relève redémarrée : même serveur actif, même époque", "Relève restarted: same active server, same epoch"},
	wantSameLicence:   {"aucun mouvement de licence pendant le redémarrage", "no move of the licence during the restart"},
	wantByes:          {"les BYE passent dans les deux sens après le redémarrage", "BYE passes in both directions after the restart"},
	wantNothingLeft:   {"aucun appel ne reste ouvert nulle part", "no call stays open anywhere"},
	wantCounts:        {"chaque appel offert a une issue et une seule, et l'IPBX en a offert autant", "each call offered has one outcome, and the IPBX offered as many"},
	wantNoLoss:        {"aucun appel perdu", "no call lost"},
	wantDissuaded:     {"aucun refus 486 hors du moment où les lignes étaient occupées", "no 486 outside the time when the lines were busy"},
	wantRescueCount:   {"l'IPBX a vu autant d'appels aux opérateurs que nous en comptons", "the IPBX saw as many calls to the desk as we count"},
	wantCancelCount:   {"n'ont raccroché que ceux qui le devaient", "only those hung up who were to"},
	wantSwitchovers:   {"une bascule, un retour, aucun de trop, d'après le registrar et d'après le journal", "one switchover, one return, none too many, by the registrar and by the journal"},
	wantOneBinding:    {"jamais deux enregistrements à la fois", "never two bindings at once"},
	wantTidy:          {"tous les processus se terminent proprement", "every process ends cleanly"},
	wantTraffic:       {"le trafic de fond a pu être offert", "the background traffic could be offered"},
	wantInTime:        {"toute l'histoire en moins de 60 s", "the whole story within 60 s"},

	sumTitle:       {"Bilan", "Summary"},
	sumOffered:     {"appels offerts par l'IPBX", "calls offered by the IPBX"},
	sumAnswered:    {"servis par un serveur", "served by a server"},
	sumDissuaded:   {"refusés, lignes occupées (dissuasion)", "refused, lines busy (dissuasion)"},
	sumCancelled:   {"raccrochés par l'appelant", "given up by the caller"},
	sumRescued:     {"servis par les opérateurs", "served by the operators' desk"},
	sumLost:        {"perdus", "lost"},
	sumCut:         {"conversations coupées avec leur serveur", "conversations cut with their server"},
	sumSwitchovers: {"bascules", "switchovers"},
	sumFalse:       {"bascules à tort", "false switchovers"},
	sumBindings:    {"enregistrements simultanés, au plus", "bindings at once, at most"},
	sumSwitchover:  {"SIGKILL → premier appel servi par le secours", "SIGKILL → first call served by the secondary"},
	sumLicence:     {"passage de la licence, bascule", "licence move, switchover"},
	sumLicenceBack: {"passage de la licence, retour", "licence move, return"},
	sumWall:        {"durée de l'histoire", "duration of the story"},
	verdictGood:    {"Tous les contrôles sont bons.", "Every check holds."},
	verdictBad:     {"ÉCHEC.", "FAILED."},
	releveSaid:     {"le journal et les dernières lignes de Relève :", "the journal and the last lines of Relève:"},
	failed:         {"Contrôle manqué : %s. Vu : %s", "Check failed: %s. Seen: %s"},
	interrupted:    {"Interrompu.", "Interrupted."},
}

// reader renders sentences in one language.
type reader struct{ lang Lang }

func (r reader) say(l line, args ...any) string {
	p := sentences[l]
	if r.lang == English {
		return fmt.Sprintf(p.en, args...)
	}
	return frenchSpaces.Replace(fmt.Sprintf(p.fr, args...))
}

// frenchSpaces puts narrow no-break spaces before ; : ? ! and inside « ».
var frenchSpaces = strings.NewReplacer(
	" :", "\u202f:", " ;", "\u202f;", " ?", "\u202f?", " !", "\u202f!", "« ", "«\u202f", " »", "\u202f»",
)

// took writes a duration: milliseconds below one second, else seconds with two
// decimals.
func (r reader) took(d time.Duration) string {
	if d.Abs() < time.Second {
		return r.number(float64(d.Microseconds())/1000, 1) + " ms"
	}
	return r.number(d.Seconds(), 2) + " s"
}

// number writes x with the language's decimal sign.
func (r reader) number(x float64, decimals int) string {
	s := strconv.FormatFloat(x, 'f', decimals, 64)
	if r.lang != English {
		s = strings.Replace(s, ".", ",", 1)
	}
	return s
}
