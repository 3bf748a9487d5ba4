package text

import (
	"fmt"
	"strconv"
	"strings"
)

// What a test call met: the words of its result.
const (
	TestAudible     = "audible"
	TestAnswered    = "answered"
	TestBusy        = "busy"
	TestMute        = "mute"
	TestNoPackets   = "no-packets"
	TestLate        = "late"
	TestHungUp      = "hung-up"
	TestNoAnswer    = "no-answer"
	TestSilence     = "silence"
	TestRefusedPort = "refused"
	TestUnreachable = "unreachable"
	TestFailed      = "failed"
	TestNotAccepted = "not-accepted"
	TestNoLine      = "no-line"
	TestNoPort      = "no-port"
	TestNoAddress   = "no-address"
	TestOwnFault    = "own-fault"
	TestLateSelf    = "late-self"
	TestStopped     = "stopped"
)

var testCalls = map[string]pair{
	TestAudible:     {"répond et on l'entend", "answers and is heard"},
	TestAnswered:    {"répond", "answers"},
	TestBusy:        {"occupé", "busy"},
	TestMute:        {"décroche mais on n'entend rien", "answers, and nothing is heard"},
	TestNoPackets:   {"décroche mais n'envoie aucun son", "answers, and sends no sound at all"},
	TestLate:        {"décroche mais le son vient trop tard", "answers, and its sound comes too late"},
	TestHungUp:      {"décroche et raccroche sans qu'on entende rien", "answers and hangs up before anything is heard"},
	TestNoAnswer:    {"sonne mais ne décroche pas à temps", "rings, and does not answer in time"},
	TestSilence:     {"ne réagit pas à l'appel", "does not react to the call"},
	TestRefusedPort: {"port fermé", "port closed"},
	TestUnreachable: {"injoignable", "unreachable"},
	TestFailed:      {"refuse l'appel en erreur", "fails the call"},
	TestNotAccepted: {"n'accepte pas le numéro de test : vérifiez-le sur Wel'Suite", "does not accept the test number: check it on Wel'Suite"},
	TestNoLine:      {"pas essayé : aucune ligne libre", "not tried: no line is free"},
	TestNoPort:      {"pas essayé : aucun port libre dans media.ports", "not tried: no port of media.ports is free"},
	TestNoAddress:   {"pas essayé : adresse du serveur inconnue", "not tried: the address of the server is not known"},
	TestOwnFault:    {"pas essayé : l'appel n'a pas pu partir de Relève", "not tried: Relève could not send the call"},
	TestLateSelf:    {"sans valeur : Relève elle-même était en retard", "worth nothing: Relève itself was late"},
	TestStopped:     {"interrompu", "interrupted"},
}

// TestCallWord is a result as an event carries it; status 0: no response.
func TestCallWord(cause string, status int) string {
	if status == 0 {
		return cause
	}
	return fmt.Sprintf("%s %d", cause, status)
}

// TestCall is the sentence of a result.
func (m Messages) TestCall(cause string, status int) string {
	p, ok := testCalls[cause]
	if !ok {
		return cause
	}
	if s := m.of(p); status >= 300 {
		return s + " (" + strconv.Itoa(status) + ")"
	}
	return m.of(p)
}

// testCallWord is TestCall for TestCallWord.
func (m Messages) testCallWord(word string) string {
	cause, code, _ := strings.Cut(word, " ")
	status, _ := strconv.Atoi(code)
	return m.TestCall(cause, status)
}

// Heard is what the sound of a test call was.
func (m Messages) Heard(packets, lost int, jitterMS, level float64) string {
	if packets == 0 {
		return ""
	}
	return m.say("%d paquets, %d perdus, gigue %s, niveau %.0f dBm0", "%d packets, %d lost, jitter %s, level %.0f dBm0",
		packets, lost, m.Milliseconds(jitterMS), level)
}

// RoundChecks is what the checks said in a round, as its event has it, with the test
// call in words.
func (m Messages) RoundChecks(line string) string {
	parts := strings.Split(line, "; ")
	for i, p := range parts {
		at := strings.LastIndex(p, ", ")
		if !strings.HasPrefix(p, "call ") || at < 0 {
			continue
		}
		word := p[at+len(", "):]
		if cause, _, _ := strings.Cut(word, " "); testCalls[cause] != (pair{}) {
			parts[i] = p[:at] + ", " + m.testCallWord(word)
		}
	}
	return strings.Join(parts, "; ")
}
