package preflight

import (
	"strings"

	"releve/cmd/internal/text"
)

// Answer judges what was answered to a question. Pure.
func Answer(id text.AskedID, answer string) Question {
	q := Question{ID: id, Answer: printable(answer)}
	q.State = judgeAnswer(id, q.Answer)
	return q
}

func judgeAnswer(id text.AskedID, answer string) State {
	yes, no, none := says(answer)
	switch {
	case answer == "":
		return Unknown
	case id == text.AskAnalogue:
		if no || none {
			return OK
		}
		return Info
	case no && (id == text.AskSwitchover || id == text.AskLicence || id == text.AskVersion):
		return NoGo
	case no:
		return Reservation
	case yes:
		return OK
	case none && id == text.AskVirtual:
		return OK
	case !none && (id == text.AskRescue || id == text.AskNight):
		return Info // a number, a name: for the report
	}
	return Reservation // neither yes nor no: somebody has to read it
}

// says reads the first word: yes, no, or that the question does not apply.
func says(answer string) (yes, no, none bool) {
	low := strings.ToLower(strings.TrimSpace(answer))
	if strings.HasPrefix(low, "sans objet") || strings.HasPrefix(low, "n/a") {
		return false, false, true
	}
	word, _, _ := strings.Cut(strings.Map(func(r rune) rune {
		if strings.ContainsRune(",;:.!(", r) {
			return ' '
		}
		return r
	}, low), " ")
	switch word {
	case "oui", "o", "yes", "y", "true":
		return true, false, false
	case "non", "no", "n", "false":
		return false, true, false
	}
	return false, false, false
}

// Ask enters the answers, in the order of the questions, and concludes anew.
func (s *Study) Ask(answers map[text.AskedID]string) {
	s.Questions = s.Questions[:0]
	for _, id := range text.AskedIDs() {
		s.Questions = append(s.Questions, Answer(id, answers[id]))
	}
	s.conclude()
}
