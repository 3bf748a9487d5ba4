package main

import (
	"fmt"
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
	b.WriteString("\n" + v.m.Line(v.m.Label("registration"), v.registration(s)) + "\n")
	n := s.Counters
	b.WriteString(v.m.Line(v.m.Label("calls"), v.m.Counted(n.Offered, n.Answered, n.Dissuaded, n.Cancelled,
		n.Rescued, n.Refused, n.Failed, n.Lost)) + "\n")
	b.WriteString(v.m.Line(v.m.Label("uptime"), v.m.Since(v.now.Sub(s.Started))+", "+s.Version) + "\n")
	b.WriteString(v.m.Line(v.m.Label("alarms"), v.alarmSummary(s.Alarms)))
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
	out := v.m.Registered(r.Phase, serverOf(s, r.Holder).Name, until)
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
		fmt.Fprintf(&b, "  %d  %s  %s  %s\n", a.Number, v.m.Severity(a.Severity), v.clock(a.Raised), v.m.AlarmTitle(a.Number, a.Object))
	}
	return b.String()
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
		fmt.Fprintf(&b, "%d  %s  %s  %s\n", a.Number, v.m.Severity(a.Severity), times, v.m.AlarmTitle(a.Number, a.Object))
		if a.Cleared.IsZero() {
			fmt.Fprintf(&b, "      %s %s\n", v.m.WhatToDo(), v.m.AlarmTodo(a.Number))
		}
	}
	return b.String()
}

func (v view) number(n string, reveal bool) string {
	if reveal {
		return n
	}
	return text.Mask(n)
}

func (v view) calls(calls []admin.CallInfo, reveal bool) string {
	rows := [][]string{{
		v.m.Label("time"), v.m.Label("caller"), v.m.Label("called"), v.m.Label("server"),
		v.m.Label("outcome"), v.m.Label("length"), "Call-ID",
	}}
	for _, c := range calls {
		rows = append(rows, []string{
			v.clock(c.Started), v.number(c.From, reveal), v.number(c.To, reveal), v.m.Role(c.Server),
			v.outcome(c), v.m.Ago(v.lasted(c)), c.CallID,
		})
	}
	return table(rows)
}

func (v view) outcome(c admin.CallInfo) string {
	if c.Live {
		return v.m.Outcome("none")
	}
	return v.m.Outcome(c.Outcome)
}

func (v view) lasted(c admin.CallInfo) time.Duration {
	if c.Live {
		return v.now.Sub(c.Started)
	}
	return c.Duration
}

// explain says of each call where it went, why, and what the clocks were.
func (v view) explain(calls []admin.CallInfo, reveal bool) string {
	var b strings.Builder
	for _, c := range calls {
		fmt.Fprintf(&b, "%s  %s\n", v.clock(c.Started),
			v.m.Explain(v.number(c.From, reveal), v.number(c.To, reveal), v.m.Role(c.Server), v.outcome(c)))
		fmt.Fprintln(&b, "  "+v.m.Reason(c.Reason))
		if c.WouldHave != router.ReasonNone {
			fmt.Fprintln(&b, "  "+v.m.Line(v.m.Label("would-have"), v.m.Reason(c.WouldHave)))
		}
		fmt.Fprintln(&b, "  "+strings.Join(v.facts(c), ", "))
	}
	return b.String()
}

func (v view) facts(c admin.CallInfo) []string {
	var out []string
	add := func(label, value string) {
		out = append(out, v.m.Line(v.m.Label(label), value))
	}
	if c.Status != 0 {
		add("status", fmt.Sprint(c.Status))
	}
	if c.Verdict != "" {
		add("verdict", v.m.VerdictName(c.Verdict))
	}
	if c.Held > 0 {
		add("held", v.m.Ago(c.Held))
	}
	if c.Setup > 0 {
		add("answer", v.m.Ago(c.Setup))
	}
	add("duration", v.m.Ago(v.lasted(c)))
	if c.EndedBy != "" {
		add("ended-by", v.m.EndedBy(c.EndedBy))
	}
	add("epoch", fmt.Sprint(c.Epoch))
	return append(out, "Call-ID "+c.CallID)
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
	fmt.Fprintf(&b, "%s   %s   %s\n", v.m.Line(v.m.Label("phase"), v.m.LicencePhase(l.Phase)),
		v.m.Line(v.m.Label("user"), v.m.Role(l.Holder)), v.m.Line(v.m.Label("epoch"), fmt.Sprint(l.Epoch)))
	if l.Leaving != "none" && l.Leaving != "" {
		line := v.m.Line(v.m.Label("leaving"), v.m.Role(l.Leaving))
		if !l.Fence.IsZero() {
			line += ", " + v.m.Label("fence") + " " + v.clock(l.Fence)
		}
		fmt.Fprintln(&b, line)
	}
	rows := make([][]string, 0, len(l.Bindings))
	for _, x := range l.Bindings {
		rows = append(rows, []string{"  " + v.m.Role(x.Role), x.User, "IPBX " + x.IPBX, v.binding(x)})
	}
	b.WriteString(table(rows))
	for _, x := range l.Own {
		b.WriteString(v.ownRegister(x) + "\n")
	}
	fmt.Fprintln(&b, v.m.WorstMove(l.WorstMove))
	return b.String()
}

// ownRegister says when a server last registered at Relève itself.
func (v view) ownRegister(x admin.OwnRegister) string {
	line := v.m.Label("own-register") + " " + x.Server + " " + v.m.SeenAgo(v.now.Sub(x.At))
	if x.Granted == 0 {
		line += " (" + v.m.Label("left") + ")"
	}
	return line
}

// binding says whether the IPBX knows a user: as it said, or perhaps still.
func (v view) binding(x admin.Binding) string {
	out := []string{v.m.Label("unbound")}
	switch {
	case x.Possible && x.Until.IsZero():
		out[0] = v.m.Label("maybe")
	case x.Possible:
		out[0] = v.m.Label("holder")
		if x.Granted > 0 {
			out = append(out, v.m.Label("granted")+" "+v.m.Ago(x.Granted))
		}
		out = append(out, v.m.Label("until")+" "+v.clock(x.Until))
	}
	if x.Refused {
		out = append(out, v.m.Label("refused"))
	}
	if x.Foreign {
		out = append(out, v.foreign(x.Contacts))
	}
	return strings.Join(out, ", ")
}

// foreign names the Contacts that are not ours.
func (v view) foreign(contacts []admin.Contact) string {
	if len(contacts) == 0 {
		return v.m.Label("foreign")
	}
	out := make([]string, 0, len(contacts))
	for _, c := range contacts {
		out = append(out, c.URI+" ("+v.m.Label("seen")+" "+v.m.SeenAgo(v.now.Sub(c.Seen))+")")
	}
	return v.m.Line(v.m.Label("foreign"), strings.Join(out, ", "))
}

func (v view) probes(probes []admin.Probe) string {
	rows := make([][]string, 0, len(probes))
	for _, p := range probes {
		sip := v.m.Evidence(p.SIP)
		if p.Status > 0 {
			sip = fmt.Sprintf("%s, %d, %s", sip, p.Status, v.m.Milliseconds(p.RTT))
		}
		rows = append(rows, []string{p.Server, "OPTIONS", sip, v.m.Line(v.m.Label("verdict"), v.m.VerdictName(p.Verdict))})
		for _, k := range p.Checks {
			rows = append(rows, []string{p.Server, k.Type, v.m.Presence(k.Up) + ", " + v.m.Milliseconds(k.Took), k.Note})
		}
	}
	return table(rows)
}
