package feasibility

import (
	"releve/testbed/ipbx"
	"releve/testbed/server"
)

// The studies: what preflight is asked to do in a world.
const (
	trunk     = "trunk"     // an IPBX that knows us by address, whose number 5000 leads to us
	users     = "users"     // the same with the two licensed users, whose group is 5100
	voice     = "voice"     // a voice server, called as the IPBX would
	waiting   = "waiting"   // trunk, with time for what has to wait
	expiring  = "expiring"  // users, with time for what has to wait
	transfers = "transfers" // trunk, with a number to transfer to
	listening = "listening" // voice, with time until the server itself ends the call
)

// Case is one quirk and the finding that must tell it.
type Case struct {
	Name    string // the quirk, behind the party that has it
	IPBX    ipbx.Quirk
	Server  server.Quirk
	Study   string
	Subject string   // of the finding
	Finding string   // its id
	Word    string   // its case; empty: any
	States  []string // one of them; none: reservation or no-go
	Short   bool     // part of the short form
}

// grave are the states that make a verdict less than GO; known is that of what
// Relève lives with as it is, and an integrator wants to know: nothing is to be done,
// and a graver state would be wrong.
var (
	grave = []string{"reservation", "no-go"}
	known = []string{"info"}
)

// Cases are all quirks with their findings.
func Cases() []Case {
	return append(ipbxCases(), serverCases()...)
}

func ipbxCases() []Case {
	of := func(q ipbx.Quirk, study, subject, finding, word string, states ...string) Case {
		return Case{Name: "ipbx " + string(q), IPBX: q, Study: study, Subject: subject, Finding: finding, Word: word, States: states}
	}
	return []Case{
		of("options-silent", trunk, "ipbx", "options", "silent").short(),
		of("options-405", trunk, "ipbx", "options", "alive", known...),
		of("options-403", trunk, "ipbx", "options", "").short(),
		of("record-route-ignored", trunk, "ipbx", "record-route", "").short(),
		of("contact-rewritten", users, "ipbx", "contact", "changed").short(),
		of("100rel-required", trunk, "ipbx", "100rel", "required").short(),
		of("update-refused", trunk, "ipbx", "update", "absent", known...),
		of("session-timer-small", trunk, "ipbx", "session-timer", "refused"),
		of("session-refresher", trunk, "ipbx", "session-timer", "short"),
		of("reinvite-refused", trunk, "ipbx", "reinvite", "").short(),
		of("large-udp-lost", trunk, "ipbx", "large", "").short(),
		of("codec-alaw-only", trunk, "ipbx", "codecs", "a-only", known...),
		of("codec-ulaw-only", trunk, "ipbx", "codecs", "mu-only").short(),
		of("codec-g729-only", trunk, "ipbx", "codecs", ""),
		of("dtmf-missing", trunk, "ipbx", "dtmf", ""),
		of("refer-refused", transfers, "ipbx", "transfer", "").short(),
		of("represents-486", trunk, "ipbx", "busy", "").short(),
		of("represents-480", trunk, "ipbx", "refusals", "", known...),
		of("represents-503", trunk, "ipbx", "refusals", "", known...),
		of("represents-twice", trunk, "ipbx", "busy-twice", ""),
		of("represents-forever", trunk, "ipbx", "busy-twice", "").short(),
		of("retry-after-obeyed", trunk, "ipbx", "retry-after", ""),
		of("no-answer-short", waiting, "ipbx", "no-answer", ""),
		of("registrar-latest", users, "registrar", "listed", "partial"),
		of("registrar-lists-none", users, "registrar", "listed", ""),
		of("grant-longer", users, "registrar", "grant", "").short(),
		of("grant-shorter", users, "registrar", "grant", "", known...),
		of("grant-unsaid", users, "registrar", "grant", ""),
		of("expiry-not-enforced", expiring, "registrar", "expiry", ""),
		of("unregister-ignored", users, "registrar", "unregister", "").short(),
		of("single-contact", users, "registrar", "second-contact", "", known...),
		of("digest-sha256", users, "registrar", "digest", "modern", known...),
		of("secondary-not-reached", users, "registrar", "secondary", "").short(),
		of("clock-wrong", trunk, "ipbx", "clock", "").short(),
		of("rtp-loss", trunk, "ipbx", "audio", ""),
	}
}

func serverCases() []Case {
	of := func(q server.Quirk, finding, word string, states ...string) Case {
		return Case{Name: "server " + string(q), Server: q, Study: voice, Subject: "server", Finding: finding, Word: word, States: states}
	}
	return []Case{
		of("options-silent", "options", "silent"),
		of("options-405", "options", "alive", known...),
		of("silent", "options", "silent").short(),
		of("refuse", "options", "refused"),
		of("date-missing", "clock", "none", known...).short(),
		of("clock-wrong", "clock", ""),
		of("slow", "round-trip", ""),
		of("no-audio", "audio", "none").short(),
		of("silent-audio", "audio", "silent"),
		of("rtp-loss", "audio", ""),
		of("second-early-dialog", "trunk", "early").short(),
		of("answer-slow", "trunk", ""),
		of("all-busy", "trunk", ""),
		of("number-unknown", "trunk", ""),
		of("record-route-ignored", "record-route", "").during(listening),
		of("contact-rewritten", "contact", "changed").during(listening),
		of("100rel-required", "100rel", "required"),
		of("update-refused", "update", "absent", known...),
		of("session-timer-small", "session-timer", "refused"),
		of("reinvite-refused", "reinvite", ""),
		of("large-udp-lost", "large", ""),
		of("codec-ulaw-only", "codecs", "mu-only").short(),
		of("codec-g729-only", "codecs", ""),
		of("dtmf-missing", "dtmf", ""),
	}
}

func (c Case) short() Case {
	c.Short = true
	return c
}

func (c Case) during(study string) Case {
	c.Study = study
	return c
}
