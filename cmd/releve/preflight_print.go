package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"releve/cmd/internal/config"
	"releve/cmd/internal/preflight"
	"releve/cmd/internal/text"
)

// shownStudy is a study as JSON: the findings and questions with their sentences.
type shownStudy struct {
	*preflight.Study
	Findings  []shownStudied  `json:"findings"`
	Questions []shownQuestion `json:"questions"`
}

type shownStudied struct {
	preflight.Finding
	Title string `json:"title"`
	Seen  string `json:"seen"`
	Means string `json:"means,omitempty"`
	Do    string `json:"do,omitempty"`
}

type shownQuestion struct {
	preflight.Question
	Asked string `json:"asked"`
	Means string `json:"means"`
}

// printStudy prints to the terminal, and into --report.
func (c *cli) printStudy(s *preflight.Study, cfg *config.Config, o *studying) error {
	raw, err := c.studyAs(c.output, s, cfg)
	if err != nil {
		return err
	}
	if _, err := c.out.Write(raw); err != nil {
		return err
	}
	if o.report == "" {
		return nil
	}
	as := map[string]string{".html": "html", ".htm": "html", ".json": "json"}[strings.ToLower(filepath.Ext(o.report))]
	if raw, err = c.studyAs(as, s, cfg); err != nil {
		return err
	}
	return os.WriteFile(o.report, raw, 0o640)
}

func (c *cli) studyAs(form string, s *preflight.Study, cfg *config.Config) ([]byte, error) {
	switch form {
	case "html":
		return preflight.Page(*s, pageFlows(cfg, c.m), c.m, c.zone)
	case "json":
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		err := e.Encode(studyShown(c.m, s))
		return b.Bytes(), err
	}
	return []byte(studyText(c.view(), s)), nil
}

func studyShown(m text.Messages, s *preflight.Study) shownStudy {
	out := shownStudy{Study: s, Findings: []shownStudied{}, Questions: []shownQuestion{}}
	for _, f := range s.Findings {
		t := f.Text(m)
		out.Findings = append(out.Findings, shownStudied{f, t.Title, t.Seen, t.Means, t.Do})
	}
	for _, q := range s.Questions {
		question, means := m.Asked(q.ID)
		out.Questions = append(out.Questions, shownQuestion{q, question, means})
	}
	return out
}

// studyText begins with the verdict, then has one line a finding, and under one that
// is not well what it means and what to do.
func studyText(v view, s *preflight.Study) string {
	m := v.m
	var b strings.Builder
	b.WriteString(m.StudyTitle(s.Site) + ", " + m.StudyOurAddress(s.From) + ", " + v.clock(s.At) + "\n")
	b.WriteString(verdictText(m, s))
	var groups []string // subject and target, in order
	rows := map[string][]preflight.Finding{}
	for _, f := range s.Findings {
		key := m.StudySubject(string(f.Subject)) + "  " + f.Target
		if !slices.Contains(groups, key) {
			groups = append(groups, key)
		}
		rows[key] = append(rows[key], f)
	}
	for _, g := range groups {
		b.WriteString("\n" + g + "\n" + findingsText(m, rows[g]))
	}
	b.WriteString(profileLines(m, s.Profile) + questionsText(m, s.Questions))
	b.WriteString("\n" + m.StudyRang(strings.Join(s.Rang, ", ")) + "\n")
	return b.String()
}

// verdictText is the verdict, and how many points it rests on.
func verdictText(m text.Messages, s *preflight.Study) string {
	var noGo, reservations, unanswered, unmeasured int
	for _, r := range s.Reasons {
		switch {
		case r.State == preflight.NoGo:
			noGo++
		case r.State == preflight.Reservation:
			reservations++
		case r.Question != "":
			unanswered++
		default:
			unmeasured++
		}
	}
	out := m.StudyVerdict(string(s.Verdict))
	if counts := m.StudyCounts(noGo, reservations, unanswered, unmeasured); counts != "" {
		out += m.StudyColon() + counts
	}
	if s.Interrupted {
		out += "\n" + m.StudyInterrupted()
	}
	return out + "\n"
}

// findingsText has what was found out line by line, then what was not, by its reason.
func findingsText(m text.Messages, all []preflight.Finding) string {
	var rows [][]string
	var notes, whys []string
	unknown := map[string][]string{} // titles, by why
	for _, f := range all {
		t := f.Text(m)
		if f.State == preflight.Unknown {
			if !slices.Contains(whys, t.Seen) {
				whys = append(whys, t.Seen)
			}
			unknown[t.Seen] = append(unknown[t.Seen], t.Title)
			continue
		}
		note := ""
		if f.State == preflight.Reservation || f.State == preflight.NoGo {
			note = "      " + m.StudyMeans() + t.Means + "\n      " + m.StudyDo() + t.Do + "\n"
		}
		rows, notes = append(rows, []string{"  " + m.StudyStateWord(f.State), t.Title, t.Seen}), append(notes, note)
	}
	lines := strings.SplitAfter(table(rows), "\n")
	var b strings.Builder
	for i := range rows {
		b.WriteString(lines[i] + notes[i])
	}
	for _, why := range whys {
		b.WriteString("  " + why + "\n      " + strings.Join(unknown[why], ", ") + "\n")
	}
	return b.String()
}

func profileLines(m text.Messages, all []preflight.Setting) string {
	if len(all) == 0 {
		return ""
	}
	var rows [][]string
	for _, s := range all {
		rows = append(rows, []string{"  " + s.Key + ": " + s.Value, m.Study(s.From, preflight.Info, nil).Title})
	}
	return "\n" + m.StudyProfile() + "\n" + table(rows)
}

func questionsText(m text.Messages, all []preflight.Question) string {
	if len(all) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\n" + m.StudyQuestions() + "\n")
	for _, q := range all {
		question, means := m.Asked(q.ID)
		answer := q.Answer
		if answer == "" {
			answer = m.StudyUnanswered()
		}
		fmt.Fprintf(&b, "  %s\n      %s", question, answer)
		if q.State == preflight.Reservation || q.State == preflight.NoGo {
			b.WriteString(" (" + m.StudyStateWord(q.State) + ")")
		}
		b.WriteByte('\n')
		if q.State == preflight.Reservation || q.State == preflight.NoGo {
			b.WriteString("      " + means + "\n")
		}
	}
	return b.String()
}

// writeProfile shows what would change in the file, asks, and writes. A line that the
// file would not take is told and left out.
func (c *cli) writeProfile(s *preflight.Study, o *studying) error {
	raw, err := os.ReadFile(o.write)
	if err != nil {
		return exit{exitConfig, c.m.Failed(err.Error())}
	}
	entry := entryOf(s, config.Entries(raw))
	if entry < 0 {
		return exit{exitConfig, c.m.StudyNoIPBXSection(o.write)}
	}
	out, changed := raw, 0
	for _, l := range s.Profile {
		next, err := config.Amend(out, entry, []config.Line{{Key: l.Key, Value: l.Value}})
		if err != nil {
			fmt.Fprintln(c.err, c.m.StudyLineRefused(l.Key+": "+l.Value, o.write))
			continue
		}
		if !bytes.Equal(next, out) {
			changed++
		}
		out = next
	}
	if changed == 0 {
		fmt.Fprintln(c.err, c.m.StudySame(o.write))
		return nil
	}
	fmt.Fprint(c.err, lineDiff(string(raw), string(out)))
	if !o.yes {
		fmt.Fprint(c.err, c.m.StudyWriteConsent(o.write))
		said, _ := c.keys.ReadString('\n')
		if !agreed(said) {
			fmt.Fprintln(c.err, c.m.StudyNotWritten(o.write))
			return nil
		}
	}
	if err := replaceFile(o.write, out); err != nil {
		return exit{exitConfig, c.m.Failed(err.Error())}
	}
	fmt.Fprintln(c.err, c.m.StudyWritten(o.write, changed))
	return nil
}

// entryOf is the ipbx entry of the first IPBX that was studied: the one with its host,
// or the only one; -1: none.
func entryOf(s *preflight.Study, hosts []string) int {
	for _, t := range s.Targets {
		if t.Subject != preflight.IPBX {
			continue
		}
		if u, ok := config.ParseURI(t.Address); ok {
			if i := slices.Index(hosts, u.Host); i >= 0 {
				return i
			}
		}
		break
	}
	if len(hosts) == 1 {
		return 0
	}
	return -1
}

// replaceFile keeps what path says in path.bak and puts raw there, each written beside
// and renamed, so that a reader never sees half of it. Owner, group and rights stay: the
// service reads the file too. Of a link the file it leads to is written.
func replaceFile(path string, raw []byte) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	before, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	if err := putFile(path+".bak", before, st); err != nil {
		return err
	}
	return putFile(path, raw, st)
}

// putFile writes a file with owner, group and rights like those of like.
func putFile(path string, raw []byte, like os.FileInfo) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".releve-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(raw)
	if err == nil {
		err = f.Chmod(like.Mode().Perm())
	}
	if owner, ok := like.Sys().(*syscall.Stat_t); ok && err == nil && int(owner.Uid) != os.Geteuid() {
		err = f.Chown(int(owner.Uid), int(owner.Gid))
	} else if ok && err == nil {
		err = f.Chown(-1, int(owner.Gid))
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}

// lineDiff shows the lines that went (-) and came (+), with their numbers. Lines that
// Amend wrote change one by one: the longest run of equal lines is found greedily.
func lineDiff(before, after string) string {
	a, b := strings.Split(before, "\n"), strings.Split(after, "\n")
	var out strings.Builder
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			i, j = i+1, j+1
		case j < len(b) && i < len(a) && slices.Contains(b[j:min(j+16, len(b))], a[i]): // b[j] is new
			fmt.Fprintf(&out, "%d + %s\n", j+1, b[j])
			j++
		case i < len(a) && j < len(b):
			fmt.Fprintf(&out, "%d - %s\n%d + %s\n", i+1, a[i], j+1, b[j])
			i, j = i+1, j+1
		case i < len(a):
			fmt.Fprintf(&out, "%d - %s\n", i+1, a[i])
			i++
		default:
			fmt.Fprintf(&out, "%d + %s\n", j+1, b[j])
			j++
		}
	}
	return out.String()
}
