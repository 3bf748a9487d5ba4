package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode"

	gomail "github.com/wneessen/go-mail"

	"releve/health/notify"
)

// maxReferences bounds the incidents that a digest refers to.
const maxReferences = 20

// message writes the mail: plain text, UTF-8. The gravest notice gives the
// subject and the thread; the text holds all of them in the order they happened.
func (s *Sink) message(notices []notify.Notice) ([]byte, error) {
	lead := notices[0]
	for _, n := range notices[1:] {
		if graver(n, lead) {
			lead = n
		}
	}
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := m.From(s.c.From); err != nil {
		return nil, err
	}
	if err := m.To(s.c.To); err != nil {
		return nil, err
	}
	m.Subject(subject(lead, len(notices)))
	m.SetDateWithValue(lead.Time)
	s.thread(m, lead, notices)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 §5: no holiday answers
	m.SetGenHeader("X-Releve-Alarm", clean(fmt.Sprintf("%d %s %s %s", lead.Number, lead.Kind, lead.Severity, lead.Object)))
	if lead.Urgent && lead.Kind != notify.Cleared {
		m.SetImportance(gomail.ImportanceHigh)
	}
	var texts []string
	for _, n := range notices {
		texts = append(texts, strings.TrimSpace(plain(n.Text)))
	}
	m.SetBodyString(gomail.TypeTextPlain, strings.Join(texts, "\n\n"+strings.Repeat("—", 30)+"\n\n")+"\n")
	var out bytes.Buffer
	_, err := m.WriteTo(&out)
	return out.Bytes(), err
}

// graver: a is the one to be seen first; what stands comes before what is over.
func graver(a, b notify.Notice) bool {
	severities := []string{"indeterminate", "warning", "minor", "major", "critical"}
	weight := func(n notify.Notice) int {
		w := slices.Index(severities, n.Severity)
		if n.Kind != notify.Cleared {
			w += len(severities) + 1
		}
		return w
	}
	return weight(a) > weight(b)
}

// subject is the same for the whole incident, but for what replies begin with.
func subject(lead notify.Notice, n int) string {
	s := clean(lead.Thread)
	if lead.Kind != notify.Raised && lead.Kind != notify.Test {
		s = "Re: " + s
	}
	if n > 1 {
		s += fmt.Sprintf(" (+%d)", n-1)
	}
	return s
}

// thread gives the message its identification, the same at each retry, and ties
// it to the first one of its incident.
func (s *Sink) thread(m *gomail.Msg, lead notify.Notice, notices []notify.Notice) {
	root := s.id(lead.Incident)
	own := s.id(lead.ID)
	if lead.Kind == notify.Raised {
		own = root
	}
	m.SetMessageIDWithValue(own)
	var refs []string
	for _, n := range notices {
		ref := "<" + s.id(n.Incident) + ">"
		if n.Incident != "" && ref != "<"+own+">" && ref != "<"+root+">" && !slices.Contains(refs, ref) && len(refs) < maxReferences {
			refs = append(refs, ref)
		}
	}
	if own != root && lead.Kind != notify.Test {
		m.SetGenHeader("In-Reply-To", "<"+root+">")
		refs = append(refs, "<"+root+">") // the parent stands last
	}
	if len(refs) > 0 {
		m.SetGenHeader("References", strings.Join(refs, " "))
	}
}

// id is a message identification made of what it is about and who gets it.
func (s *Sink) id(about string) string {
	sum := sha256.Sum256([]byte(s.c.To + "\x00" + about))
	return "releve." + hex.EncodeToString(sum[:12]) + "@" + s.c.Domain
}

// clean is one line without control characters: no value of a notice begins a
// header of its own.
func clean(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?")))
}

// plain is text of several lines without other control characters.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}
