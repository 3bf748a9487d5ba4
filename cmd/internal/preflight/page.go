package preflight

import (
	"bytes"
	_ "embed" // the page
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"releve/cmd/internal/export"
	"releve/cmd/internal/text"
)

//go:embed page.html
var pageText string

// page is what the template shows: words already in the reader's language.
type page struct {
	Lang, Title, Subtitle string
	Verdict, Kind, Lead   string
	Facts                 [][2]string
	Targets               [][]string
	Deciding              []pageFinding
	Groups                []pageGroup
	Questions             []pageQuestion
	Rang                  string
	Profile               [][3]string
	Flows                 [][]string // heading first
	Acceptance            [][2]string
	W                     func(string) string
}

type pageGroup struct {
	Title string
	Rows  []pageFinding
}

type pageFinding struct {
	Target, Kind, State string
	text.StudyText
}

type pageQuestion struct {
	Question, Means, Answer, Kind, State string
}

// Page prints the study as one HTML page for A4 paper: the verdict first, what
// it rests on, every finding, the answers, the firewall matrix (flows; none: it
// is left out), room for signatures and the acceptance tests. No script and no
// resource from elsewhere. zone is that of the reader.
func Page(s Study, flows []export.Flow, m text.Messages, zone *time.Location) ([]byte, error) {
	t, err := template.New("page").Parse(pageText)
	if err != nil {
		return nil, fmt.Errorf("read the page of the study: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, pageOf(s, flows, m, zone)); err != nil {
		return nil, fmt.Errorf("write the page of the study: %w", err)
	}
	return b.Bytes(), nil
}

func pageOf(s Study, flows []export.Flow, m text.Messages, zone *time.Location) page {
	noGo := s.judged(NoGo)
	reservations := len(deciding(s, m)) - noGo
	p := page{
		Lang: string(m.Lang()), Title: m.PageTitle(), Subtitle: m.PageSubtitle(),
		Verdict: m.StudyVerdict(string(s.Verdict)), Kind: string(s.Verdict),
		Lead:  m.PageLead(string(s.Verdict), noGo, reservations),
		Facts: factsOf(s, m, zone), Deciding: deciding(s, m), Groups: groups(s, m),
		Rang: strings.Join(s.Rang, ", "), Acceptance: acceptance(s, m),
		W: func(w string) string { return m.Page(text.PageWord(w)) },
	}
	for _, t := range s.Targets {
		p.Targets = append(p.Targets, []string{t.Name, m.StudySubject(string(t.Subject)), t.Address, t.At})
	}
	for _, q := range s.Questions {
		question, means := m.Asked(q.ID)
		answer := q.Answer
		if answer == "" {
			answer = m.Page(text.PageNoAnswer)
		}
		p.Questions = append(p.Questions, pageQuestion{question, means, answer, string(q.State), m.StudyStateWord(q.State)})
	}
	for _, set := range s.Profile {
		p.Profile = append(p.Profile, [3]string{set.Key, set.Value, m.Study(set.From, Info, nil).Title})
	}
	if len(flows) > 0 {
		p.Flows = export.Rows(flows, m)
	}
	return p
}

// judged counts findings and answers in state.
func (s Study) judged(state State) (n int) {
	for _, f := range s.Findings {
		if f.State == state {
			n++
		}
	}
	for _, q := range s.Questions {
		if q.State == state {
			n++
		}
	}
	return n
}

func factsOf(s Study, m text.Messages, zone *time.Location) (out [][2]string) {
	add := func(w text.PageWord, value string) {
		if value != "" {
			out = append(out, [2]string{m.Page(w), value})
		}
	}
	add(text.PageSite, s.Site)
	add(text.PageMade, m.PageDate(s.At.In(zone)))
	add(text.PageFrom, s.From)
	add(text.PageTook, text.Short(s.Took.Round(time.Second)))
	add(text.PageVersion, s.Version)
	return out
}

func shown(f Finding, m text.Messages) pageFinding {
	return pageFinding{f.Target, string(f.State), m.StudyStateWord(f.State), f.Text(m)}
}

// deciding are the findings and answers that the verdict rests on, the worst
// first; what was not measured or answered, and should be, counts as a reservation.
func deciding(s Study, m text.Messages) (out []pageFinding) {
	for _, state := range []State{NoGo, Reservation, Unknown} {
		as := state
		if state == Unknown {
			as = Reservation
		}
		for _, f := range s.Findings {
			if f.State == state && verdictOf(f) != Go {
				out = append(out, pageFinding{f.Target, string(as), m.StudyStateWord(as), f.Text(m)})
			}
		}
		for _, q := range s.Questions {
			if q.State != state {
				continue
			}
			question, means := m.Asked(q.ID)
			seen := q.Answer
			if seen == "" {
				seen = m.Page(text.PageNoAnswer)
			}
			out = append(out, pageFinding{"", string(as), m.StudyStateWord(as), text.StudyText{Title: question, Seen: seen, Means: means}})
		}
	}
	return out
}

// groups are the findings by subject and target, in the order they came.
func groups(s Study, m text.Messages) (out []pageGroup) {
	for _, f := range s.Findings {
		title := m.StudySubject(string(f.Subject))
		if f.Target != "" {
			title += " — " + f.Target
		}
		i := slices.IndexFunc(out, func(g pageGroup) bool { return g.Title == title })
		if i < 0 {
			i = len(out)
			out = append(out, pageGroup{Title: title})
		}
		out[i].add(shown(f, m), f.State)
	}
	return out
}

// add puts a finding into the group; those that were not measured for the same
// reason share a row.
func (g *pageGroup) add(row pageFinding, state State) {
	i := slices.IndexFunc(g.Rows, func(o pageFinding) bool { return o.Kind == string(Unknown) && o.Seen == row.Seen })
	if state != Unknown || i < 0 {
		g.Rows = append(g.Rows, row)
		return
	}
	g.Rows[i].Title += " · " + row.Title
}

// acceptance are the tests of the annex: first each reservation to lift.
func acceptance(s Study, m text.Messages) (out [][2]string) {
	for _, d := range deciding(s, m) {
		title := d.Title
		if d.Target != "" {
			title += " (" + d.Target + ")"
		}
		expected := d.Do
		if expected == "" {
			expected = d.Means
		}
		out = append(out, [2]string{m.PageLifted(title), expected})
	}
	return append(out, m.Acceptance()...)
}
