package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/db"
	"releve/router"
)

// view renders what the daemon said; pure, so that golden files hold every
// screen in both languages.
type view struct {
	m    text.Messages
	now  time.Time
	zone *time.Location
}

// table aligns rows on columns two spaces apart; the last column is free.
func table(rows [][]string) string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			line += cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// clock prints the time of today, or date and time of another day.
func (v view) clock(t time.Time) string {
	if t.IsZero() {
		return "—"
	}
	t, today := t.In(v.zone), v.now.In(v.zone)
	if t.YearDay() == today.YearDay() && t.Year() == today.Year() {
		return t.Format("15:04:05")
	}
	return t.Format("2006-01-02 15:04:05")
}

func (v view) since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return v.m.Since(v.now.Sub(t))
}

// status is the one-glance screen: the verdict for callers first.
func (v view) status(s admin.Status) string {
	v.now = s.Now // ages by the daemon's clock
	var b strings.Builder
	head := s.Site + " — " + v.m.Headline(s.Headline)
	if !s.Act {
		head += "  [" + v.m.Label("observation") + "]"
	}
	if s.Exercise != nil {
		head += "  [" + v.m.ExerciseRuns() + "]"
	}
	b.WriteString(head + "\n")
	active := serverOf(s, s.Active)
	b.WriteString(v.m.Line(v.m.Label("active"), strings.TrimSpace(active.Name+" ("+v.m.Role(s.Active)+") "+v.since(s.Since))) + "\n")
	if s.Reason != router.ReasonNone {
		b.WriteString("  " + v.m.Reason(s.Reason) + "\n")
	}
	b.WriteString(v.m.Line(v.m.Label("phase"), v.m.Phase(phaseOf(s.Phase), s.Verification.K, s.Verification.N)))
	b.WriteString("   " + v.m.Line(v.m.Label("level"), v.m.Level(s.Level)) + "\n\n")

	rows := make([][]string, 0, len(s.Servers)+len(s.IPBX))
	for _, server := range s.Servers {
		rows = append(rows, v.server(server))
	}
	b.WriteString(table(rows))
	for _, x := range s.IPBX {
		b.WriteString("IPBX " + x.Name + "  " + v.seen(x) + "\n")
	}
	b.WriteString(v.dataAge(s))
	b.WriteString(v.checks(s.Servers))
	b.WriteString("\n" + v.m.Line(v.m.Label("registration"), v.registration(s)) + "\n")
	for _, x := range s.Registration.Own {
		b.WriteString("  " + v.ownRegister(x) + "\n")
	}
	b.WriteString(v.mirror(s.Mirror))
	n := s.Counters
	b.WriteString(v.m.Line(v.m.Label("calls"), v.m.Counted(n.Offered, n.Answered, n.Dissuaded, n.Cancelled,
		n.Rescued, n.Refused, n.Failed, n.Lost)) + "\n")
	b.WriteString(v.m.Line(v.m.Label("uptime"), v.m.Since(v.now.Sub(s.Started))+", "+s.Version) + "\n")
	b.WriteString(v.m.Line(v.m.Label("alarms"), v.alarmSummary(s.Alarms)))
	b.WriteString(v.contacts(s.Contacts, s.Alarms))
	return b.String()
}

// seen says when an IPBX was last heard of.
func (v view) seen(x admin.IPBX) string {
	switch {
	case x.Since.IsZero():
		return v.m.Label("never-seen")
	case !x.Seen:
		return v.m.Label("unseen") + " " + v.since(x.Since)
	}
	return v.m.Label("seen") + " " + v.m.SeenAgo(v.now.Sub(x.Since))
}

// server is one row of the status: what it does, what it says, how full it is.
func (v view) server(s admin.Server) []string {
	mark := map[string]string{admin.StateActive: "●", admin.StatePassive: "○", admin.StateDown: "✖"}[s.State]
	if mark == "" {
		mark = "–"
	}
	verdict := v.m.VerdictName(s.Verdict)
	if s.RTT > 0 && s.State != admin.StateDown {
		verdict += " (" + v.m.Milliseconds(s.RTT) + ")"
	}
	lines := fmt.Sprintf("%s %d/%d", v.m.Label("lines"), s.Reserved, s.Lines)
	if s.LinesFull > 0 && s.LinesFull != s.Lines {
		lines += " (" + v.m.Label("learnt-lines") + " " + strconv.Itoa(s.LinesFull) + ")"
	}
	if !s.Reconciled {
		lines += " (" + v.m.Label("uncertain") + ")"
	}
	last := v.since(s.Since)
	if s.Since.IsZero() {
		last = v.m.Label("unchecked")
	}
	if s.State == admin.StatePassive {
		ready := v.m.Label("not-ready")
		if s.Ready {
			ready = v.m.Label("ready")
		}
		last = ready + ", " + last
	}
	if s.Drained != nil {
		last = v.m.DrainedServer() + ", " + v.since(s.Drained.At)
	}
	if s.State != admin.StateActive && s.Stability.N > 0 && s.Role == "primary" {
		last = fmt.Sprintf("%s %d/%d, %s", v.m.Label("stability"), s.Stability.K, s.Stability.N, last)
	}
	return []string{mark + " " + s.Name, v.m.Role(s.Role), v.m.ServerState(s.State), verdict, lines, v.m.Calls(s.Calls), last}
}

func phaseOf(name string) router.Phase {
	for p := router.Normal; p <= router.Maintenance; p++ {
		if p.String() == name {
			return p
		}
	}
	return router.Normal
}

func (v view) registration(s admin.Status) string {
	r := s.Registration
	if r.Mode == "trunk" {
		return v.m.RegistrationMode(r.Mode)
	}
	until := ""
	if !r.Until.IsZero() {
		until = v.clock(r.Until)
	}
	holder := serverOf(s, r.Holder).Name
	out := v.m.Registered(r.Phase, holder, until)
	switch {
	case r.Refused && until == "" && holds(r.Phase):
		out = holder + ", " + v.m.Label("refused")
	case r.Refused:
		out += ", " + v.m.Label("refused")
	}
	if !r.Fence.IsZero() {
		out += v.m.Fenced(serverOf(s, r.Leaving).Name, max(r.Fence.Sub(v.now), 0))
	}
	return out
}

func (v view) alarmSummary(alarms []db.Alarm) string {
	if len(alarms) == 0 {
		return v.m.Label("none") + "\n"
	}
	var b strings.Builder
	fmt.Fprintln(&b, len(alarms))
	for _, a := range alarms {
		fmt.Fprintf(&b, "  %d  %s  %s  %s\n", a.Number, v.m.Severity(a.Severity), v.clock(a.Raised), v.alarmLine(a))
	}
	return b.String()
}

// contacts says whom to call while an alarm of weight stands.
func (v view) contacts(c admin.SiteContacts, alarms []db.Alarm) string {
	if !slices.ContainsFunc(alarms, grave) {
		return ""
	}
	var named []string
	for _, x := range [...]struct{ label, who string }{{"on-call", c.OnCall}, {"integrator", c.Integrator}, {"tlmcom", c.TLMCom}} {
		if x.who != "" {
			named = append(named, v.m.Label(x.label)+" "+x.who)
		}
	}
	if len(named) == 0 {
		return ""
	}
	return v.m.Line(v.m.Label("contacts"), strings.Join(named, ", ")) + "\n"
}

// grave: the alarm stands, and somebody shall come.
func grave(a db.Alarm) bool {
	severity := text.Severity(a.Severity)
	return a.Cleared.IsZero() && (severity == text.Critical || severity == text.Major)
}

// alarmLine is the title, with what is known besides, and for how long.
func (v view) alarmLine(a db.Alarm) string {
	title := v.m.AlarmTitle(a.Number, a.Object)
	if a.Detail == "" {
		return title
	}
	return v.m.Line(title, a.Detail+", "+v.since(a.Raised))
}

func (v view) alarms(alarms []db.Alarm) string {
	if len(alarms) == 0 {
		return v.m.NoAlarm() + "\n"
	}
	var b strings.Builder
	for _, a := range alarms {
		times := v.clock(a.Raised)
		if !a.Cleared.IsZero() {
			times += " → " + v.clock(a.Cleared)
		}
		fmt.Fprintf(&b, "%d  %s  %s  %s\n", a.Number, v.m.Severity(a.Severity), times, v.alarmLine(a))
		if a.AckBy != "" {
			fmt.Fprintf(&b, "      %s\n", v.m.TakenBy(a.AckBy, v.clock(a.AckAt), a.AckNote))
		}
		if a.Cleared.IsZero() {
			fmt.Fprintf(&b, "      %s %s\n", v.m.WhatToDo(), v.m.AlarmTodo(a.Number))
		}
	}
	return b.String()
}

// events prints the oldest first, as a journal is read.
func (v view) events(events []db.Event) string {
	rows := make([][]string, 0, len(events))
	for i := len(events) - 1; i >= 0; i-- {
		e := events[i]
		line := v.m.Event(e.Code, e.Params)
		if e.Actor != "" && e.Actor != "releve" && e.Actor != "relève" {
			line += " [" + e.Actor + "]"
		}
		rows = append(rows, []string{v.clock(e.Time), line})
	}
	return table(rows)
}

func (v view) licence(l admin.Licence) string {
	var b strings.Builder
	fmt.Fprintln(&b, v.m.Line(v.m.Label("mode"), v.m.RegistrationMode(l.Mode)))
	if l.Mode == "trunk" {
		return b.String()
	}
	fmt.Fprintf(&b, "%s   %s   %s\n", v.m.Line(v.m.Label("phase"), v.licencePhase(l)),
		v.m.Line(v.m.Label("user"), v.m.Role(l.Holder)), v.m.Line(v.m.Label("epoch"), fmt.Sprint(l.Epoch)))
	if l.Waits != "" {
		fmt.Fprintln(&b, v.m.Line(v.m.Label("waits"), v.m.LicenceWait(l.Waits)))
	}
	if l.Leaving != "none" && l.Leaving != "" {
		fmt.Fprintln(&b, v.leaving(l))
	}
	rows := make([][]string, 0, len(l.Bindings))
	for _, x := range l.Bindings {
		rows = append(rows, []string{"  " + v.m.Role(x.Role), x.User, "IPBX " + x.IPBX, v.binding(x)})
	}
	b.WriteString(table(rows))
	b.WriteString(v.grants(l.Grants))
	for _, x := range l.Own {
		b.WriteString(v.ownRegister(x) + "\n")
	}
	fmt.Fprintln(&b, v.m.WorstMove(l.WorstMove, l.GrantIPBX, l.MaxGrant, l.Grounds))
	return b.String()
}

// grants says of each IPBX which of its machines answers, and, where there are
// several, what each is reckoned to grant.
func (v view) grants(all []admin.Grant) string {
	var rows [][]string
	for _, g := range all {
		var said []string
		if g.Answers != "" {
			said = append(said, v.m.Label("answers-at")+" "+g.Answers)
		}
		if len(all) > 1 {
			said = append(said, v.m.Label("grants")+" "+v.m.Ago(g.Longest)+" ("+v.m.GrantGrounds(g.Grounds)+")")
		}
		if len(said) > 0 {
			rows = append(rows, []string{"  IPBX " + g.IPBX, strings.Join(said, ", ")})
		}
	}
	return table(rows)
}

// leaving says whose absence is waited for, how it will be known, and by when.
func (v view) leaving(l admin.Licence) string {
	line := v.m.Line(v.m.Label("leaving"), v.m.Role(l.Leaving))
	if l.Proof != "" {
		line += ", " + v.m.LicenceProof(l.Proof)
	}
	if !l.Fence.IsZero() {
		line += ", " + v.m.Label("fence") + " " + v.clock(l.Fence)
	}
	return line
}

// holds: the phase says that the holder is registered, or registers.
func holds(phase string) bool { return phase == "bound" || phase == "claim" || phase == "confirm" }

// licencePhase: what an IPBX refuses is not in place.
func (v view) licencePhase(l admin.Licence) string {
	refused, bound := false, false
	for _, x := range l.Bindings {
		if x.Role == l.Holder {
			refused, bound = refused || x.Refused, bound || !x.Until.IsZero()
		}
	}
	switch {
	case refused && !bound && holds(l.Phase):
		return v.m.Label("refused")
	case refused:
		return v.m.LicencePhase(l.Phase) + ", " + v.m.Label("refused")
	}
	return v.m.LicencePhase(l.Phase)
}

// ownRegister says since when a server registers at Relève itself and until when
// that holds, or that it does no longer.
func (v view) ownRegister(x admin.OwnRegister) string {
	line := v.m.Label("own-register") + " " + x.Server + " " + v.m.SeenAgo(v.now.Sub(x.At))
	switch {
	case x.Granted == 0:
		return line + " (" + v.m.Label("left") + ")"
	case x.Gone:
		return line + " (" + v.m.Label("own-gone") + ")"
	case x.Since.IsZero():
		return line
	}
	return line + " (" + v.since(x.Since) + ", " + v.m.Label("until") + " " + v.clock(x.Until) + ")"
}

// binding says whether the IPBX knows a user: as it said, or perhaps still.
func (v view) binding(x admin.Binding) string {
	out := []string{v.m.Label("unbound")}
	switch {
	case x.Possible && x.Until.IsZero():
		out[0] = v.m.Label("maybe")
		if !x.Gone.IsZero() {
			out = append(out, v.m.Label("gone-by")+" "+v.clock(x.Gone))
		}
	case x.Possible:
		out[0] = v.m.Label("holder")
		if x.Granted > 0 {
			out = append(out, v.m.Label("granted")+" "+v.m.Ago(x.Granted))
		}
		out = append(out, v.m.Label("until")+" "+v.clock(x.Until))
	}
	if !x.Elsewhere.IsZero() {
		out = append(out, v.m.Label("elsewhere")+" "+v.clock(x.Elsewhere))
	}
	if !x.Seen.IsZero() {
		out = append(out, v.m.Label("listed")+" "+v.m.SeenAgo(v.now.Sub(x.Seen)))
	}
	if x.Refused {
		out = append(out, v.m.Label("refused"))
	}
	if x.Unkept {
		out = append(out, v.m.Label("unkept"))
	}
	if x.Foreign {
		out = append(out, v.foreign(x))
	}
	return strings.Join(out, ", ")
}

// foreign names the Contacts that nobody should have, and since when.
func (v view) foreign(x admin.Binding) string {
	label := v.m.Label("foreign")
	if !x.Intruded.IsZero() {
		label += " " + v.since(x.Intruded)
	}
	if len(x.Contacts) == 0 {
		return label
	}
	out := make([]string, 0, len(x.Contacts))
	for _, c := range x.Contacts {
		out = append(out, c.URI+" ("+v.m.Label("seen")+" "+v.m.SeenAgo(v.now.Sub(c.Seen))+")")
	}
	return v.m.Line(label, strings.Join(out, ", "))
}
