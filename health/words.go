package health

import (
	"fmt"
	"slices"
	"strings"

	"releve/router"
)

var presenceWords = [...]string{Unknown: "unknown", Up: "up", Down: "down"}

func (p Presence) String() string { return presenceWords[p] }

// flags are the facts that are yes or no, by the word that stands for each.
func (f *Facts) flags() []fact {
	return []fact{
		{"ipbx-unseen", &f.IPBXUnseen},
		{"standby-unseen", &f.StandbyUnseen},
		{"self-sick", &f.SelfSick},
		{"lines-full", &f.LinesFull},
		{"answered-since", &f.AnsweredSince},
		{"latency-odd", &f.LatencyOdd},
		{"lasting", &f.Lasting},
		{"probe-failed", &f.ProbeFailed},
	}
}

type fact struct {
	word string
	on   *bool
}

// String writes the facts as words that ParseFacts reads, for the journal:
// "sip=silent app=ok host=unknown peer=unknown lasting".
func (f Facts) String() string {
	words := []string{
		"sip=" + f.SIP.String(), "app=" + f.App.String(), "host=" + f.Host.String(), "peer=" + f.Peer.String(),
	}
	for _, g := range f.flags() {
		if *g.on {
			words = append(words, g.word)
		}
	}
	return strings.Join(words, " ")
}

// ParseFacts reads what String wrote. A word that it does not know is an error:
// the line is of another version, and nothing is to be concluded from it.
func ParseFacts(s string) (f Facts, err error) {
	for word := range strings.FieldsSeq(s) {
		if !f.read(word) {
			return Facts{}, fmt.Errorf("facts %q: the word %q is not known; they are of another version", s, word)
		}
	}
	return f, nil
}

func (f *Facts) read(word string) bool {
	name, value, _ := strings.Cut(word, "=")
	switch name {
	case "sip":
		return readEvidence(&f.SIP, value)
	case "app":
		return readEvidence(&f.App, value)
	case "host":
		return readPresence(&f.Host, value)
	case "peer":
		return readPresence(&f.Peer, value)
	}
	for _, g := range f.flags() {
		if g.word == word {
			*g.on = true
			return true
		}
	}
	return false
}

func readEvidence(to *router.Evidence, word string) bool {
	for e := router.NoEvidence; e <= router.ConfigFault; e++ {
		if e.String() == word {
			*to = e
			return true
		}
	}
	return false
}

func readPresence(to *Presence, word string) bool {
	i := slices.Index(presenceWords[:], word)
	if i >= 0 {
		*to = Presence(i)
	}
	return i >= 0
}
