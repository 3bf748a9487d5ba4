package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	gomail "github.com/wneessen/go-mail"

	"releve/health/notify"
)

// maxReferences bounds the incidents that a digest refers to.
const maxReferences = 20

// maxMessage bounds a message, in bytes; our choice: what every relay takes.
const maxMessage = 64 << 10

// message writes the mail: plain text, UTF-8, at most most bytes. The gravest
// notice gives the subject and the thread; the text holds all of them in the order
// they happened. What does not fit loses its text before it loses its line, the
// least grave first.
func (s *Sink) message(notices []notify.Notice, most int) ([]byte, error) {
	byGravity := slices.Clone(notices)
	slices.SortStableFunc(byGravity, func(a, b notify.Notice) int { return weight(b) - weight(a) })
	whole, lines := len(notices), len(notices)
	for {
		out, err := s.write(byGravity[0], notices, compose(notices, byGravity, whole, lines))
		switch {
		case err != nil || len(out) <= most || lines == 0:
			return out, err
		case whole > 1:
			whole /= 2
		case whole == 1 && lines > 1:
			lines /= 2
		default:
			whole, lines = 0, 0 // the subject says it
		}
	}
}

// compose is the text: the whole gravest ones in full, the lines gravest ones by
// their line, and how many are left out.
func compose(notices, byGravity []notify.Notice, whole, lines int) string {
	if whole == len(notices) && lines == len(notices) {
		return full(notices)
	}
	rank := map[string]int{}
	for i, n := range byGravity {
		rank[n.ID] = i
	}
	var out []string
	for _, n := range notices {
		switch r := rank[n.ID]; {
		case r < whole:
			out = append(out, strings.TrimSpace(plain(n.Text)))
		case r < lines:
			out = append(out, clean(n.Time.Local().Format("15:04:05")+" "+n.Word+" "+strconv.Itoa(int(n.Number))+" "+n.Title))
		}
	}
	if left := len(notices) - len(out); left > 0 {
		out = append(out, fmt.Sprintf("… (+%d)", left))
	}
	return strings.Join(out, "\n\n") + "\n"
}

func full(notices []notify.Notice) string {
	var texts []string
	for _, n := range notices {
		texts = append(texts, strings.TrimSpace(plain(n.Text)))
	}
	return strings.Join(texts, "\n\n"+strings.Repeat("—", 30)+"\n\n") + "\n"
}

// write makes the message of a text.
func (s *Sink) write(lead notify.Notice, notices []notify.Notice, body string) ([]byte, error) {
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := m.From(s.c.From); err != nil {
		return nil, err
	}
	if err := m.To(s.c.To); err != nil {
		return nil, err
	}
	m.Subject(subject(lead, len(notices)))
	m.SetDate() // of the mail: one that waited for its relay is new to who reads it; the text says when it happened
	s.thread(m, lead, notices)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 §5: no holiday answers
	m.SetGenHeader("X-Releve-Alarm", clean(fmt.Sprintf("%d %s %s %s", lead.Number, lead.Kind, lead.Severity, lead.Object)))
	if lead.Urgent && lead.Kind != notify.Cleared {
		m.SetImportance(gomail.ImportanceHigh)
	}
	m.SetBodyString(gomail.TypeTextPlain, body)
	var out bytes.Buffer
	_, err := m.WriteTo(&out)
	return out.Bytes(), err
}

// weight says which is to be seen first; what stands comes before what is over.
func weight(n notify.Notice) int {
	severities := []string{"indeterminate", "warning", "minor", "major", "critical"}
	w := slices.Index(severities, n.Severity)
	if n.Kind != notify.Cleared {
		w += len(severities) + 1
	}
	return w
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
