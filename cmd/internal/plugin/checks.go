package plugin

import (
	"math"
	"slices"
	"strconv"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/db"
	"releve/health/alarm"
)

// stale is how old the picture of the decisions may be, our choice: they look
// several times a second, and a frozen green is the worst failure of a monitor.
const stale = 15 * time.Second

// Asked is one check: of what, by which thresholds.
type Asked struct {
	Limits
	Say     text.Messages
	Server  string // a name or a role, of Server; "": both
	Verbose bool
}

// Overall is the state as somebody on call asks it: do callers reach the
// attendant, and does anything want a hand?
//
//	nobody answers, decisions stand still, a critical alarm  CRITICAL
//	nothing proves that anybody answers                      UNKNOWN
//	the secondary serves, a verification, any other alarm    WARNING
//
// An alarm that somebody has acknowledged counts no more; who answers always does.
func Overall(s admin.Status, a Asked) Result {
	r := Result{State: headline(s.Headline), Text: a.Say.Headline(s.Headline)}
	if s.Site != "" {
		r.Text = s.Site + " — " + r.Text
	}
	if name := serverOf(s, s.Active).Name; name != "" {
		r.Text += " (" + name + ")"
	}
	if s.Headline == text.OnSecondary && !s.Since.IsZero() {
		r.Text += " " + a.Say.Since(s.Now.Sub(s.Since))
	}
	r.standing(a.Say, s.Alarms)
	r.frozen(s, a.Say)
	if !s.Act {
		r.Text += " [" + a.Say.Label("observation") + "]"
	}
	r.Perf = []Metric{
		{Label: "servers.up", Value: float64(up(s)), Min: "0", Max: strconv.Itoa(len(s.Servers))},
		{Label: "calls.active", Value: float64(s.Counters.InProgress), Min: "0"},
		{Label: "calls.lost", Value: float64(s.Counters.Lost), Unit: "c"},
		{Label: "alarms.active", Value: float64(len(s.Alarms)), Min: "0"},
	}
	r.detail(s, a, s.Alarms)
	return r
}

func headline(h text.Headline) State {
	switch h {
	case text.Answering:
		return OK
	case text.OnSecondary, text.Checking:
		return Warning
	case text.Nobody:
		return Critical
	}
	return Unknown
}

// standing makes the state as grave as the alarms that nobody has taken, and
// names the gravest.
func (r *Result) standing(say text.Messages, alarms []db.Alarm) {
	var lead *db.Alarm
	open, taken := 0, 0
	for i := range alarms {
		a := &alarms[i]
		switch {
		case a.Severity == string(alarm.Indeterminate):
			continue
		case !a.AckAt.IsZero():
			taken++
			continue
		}
		open++
		state := Warning
		if a.Severity == string(alarm.Critical) {
			state = Critical
		}
		r.State = worst(r.State, state)
		if lead == nil || graver(a, lead) {
			lead = a
		}
	}
	if lead != nil {
		r.Text += ", " + say.PluginAlarm(lead.Number, say.AlarmTitle(lead.Number, lead.Object), open-1)
	}
	if taken > 0 {
		r.Text += ", " + say.PluginTakenCount(taken)
	}
}

var order = []string{"critical", "major", "minor", "warning"}

func graver(a, b *db.Alarm) bool {
	return slices.Index(order, a.Severity) < slices.Index(order, b.Severity)
}

// frozen tells a node that answers us and decides nothing any more.
func (r *Result) frozen(s admin.Status, say text.Messages) {
	if age := s.Now.Sub(s.Observed); !s.Observed.IsZero() && age > stale {
		r.State = Critical
		r.Text = say.PluginFrozen(age) + " " + r.Text
	}
}

// detail is what -v adds: servers, alarms and what to do about each.
func (r *Result) detail(s admin.Status, a Asked, alarms []db.Alarm) {
	if !a.Verbose {
		return
	}
	for _, x := range s.Servers {
		r.Detail = append(r.Detail, a.Say.Line(x.Name+" ("+a.Say.Role(x.Role)+")", a.Say.ServerState(x.State)+", "+a.Say.VerdictName(x.Verdict)))
	}
	for _, x := range alarms {
		line := strconv.Itoa(int(x.Number)) + " " + a.Say.Severity(x.Severity) + " " + a.Say.AlarmTitle(x.Number, x.Object)
		if !x.AckAt.IsZero() {
			line += " [" + a.Say.PluginTaken(x.AckBy) + "]"
		}
		r.Detail = append(r.Detail, line, "  "+a.Say.AlarmTodo(x.Number))
	}
}

// about are the alarms of those numbers.
func about(s admin.Status, numbers ...alarm.Number) (out []db.Alarm) {
	for _, a := range s.Alarms {
		if slices.Contains(numbers, alarm.Number(a.Number)) {
			out = append(out, a)
		}
	}
	return out
}

func serverOf(s admin.Status, nameOrRole string) admin.Server {
	for _, x := range s.Servers {
		if nameOrRole != "" && (x.Name == nameOrRole || x.Role == nameOrRole) {
			return x
		}
	}
	return admin.Server{}
}

// functional: it takes calls, or would.
func functional(x admin.Server) bool {
	switch x.Verdict {
	case "HEALTHY", "BUSY", "SLOW":
		return true
	}
	return false
}

// up counts the servers that take calls, or would.
func up(s admin.Status) (n int) {
	for _, x := range s.Servers {
		if x.State != admin.StateDown && functional(x) {
			n++
		}
	}
	return n
}

// Servers is the state of both servers, or of one; the thresholds are of
// servers.up, how many take calls or would.
func Servers(s admin.Status, a Asked) Result {
	if a.Server != "" {
		return oneServer(s, a)
	}
	r := Result{State: headline(s.Headline), Text: a.Say.Headline(s.Headline)}
	for _, x := range s.Servers {
		state, words := server(s, x, a.Say)
		if x.State != admin.StateActive { // of the active one the headline speaks
			r.State = worst(r.State, state)
		}
		r.Text += ", " + words
	}
	count := Metric{Label: "servers.up", Value: float64(up(s)), Min: "0", Max: strconv.Itoa(len(s.Servers))}
	r.State = worst(r.State, a.judge(count.Value))
	r.Perf = []Metric{a.on(count)}
	for _, x := range s.Servers {
		r.Perf = append(r.Perf, serverPerf(x, Limits{})...)
	}
	r.frozen(s, a.Say)
	r.detail(s, a, nil)
	return r
}

// oneServer: the thresholds are of its round-trip time, in milliseconds.
func oneServer(s admin.Status, a Asked) Result {
	x := serverOf(s, a.Server)
	if x.Name == "" {
		return Result{State: Unknown, Text: a.Say.PluginNoServer(a.Server)}
	}
	state, words := server(s, x, a.Say)
	if x.State == admin.StateActive && !functional(x) {
		state = Critical
		if x.Verdict == "UNKNOWN" {
			state = Unknown
		}
	}
	if x.RTT > 0 && x.State != admin.StateDown {
		state = worst(state, a.judge(x.RTT))
	}
	r := Result{State: state, Text: words, Perf: serverPerf(x, a.Limits)}
	r.frozen(s, a.Say)
	for _, k := range x.Checks {
		if a.Verbose {
			r.Detail = append(r.Detail, a.Say.Line(k.Name, k.State+" "+a.Say.CheckNote(k.Note, k.Type != "exec")))
		}
	}
	return r
}

// server is the state of one, and its words.
func server(s admin.Status, x admin.Server, say text.Messages) (State, string) {
	words := x.Name + " (" + say.Role(x.Role) + ") " + say.ServerState(x.State)
	switch {
	case x.State == admin.StateAbsent:
		return OK, words
	case x.State == admin.StateDown:
		return Warning, say.Line(words, say.VerdictName(x.Verdict))
	case x.Verdict == "UNKNOWN":
		return Unknown, say.Line(words, say.VerdictName(x.Verdict))
	case !functional(x):
		return Warning, say.Line(words, say.VerdictName(x.Verdict))
	case x.Drained != nil:
		return Warning, say.Line(words, say.PluginDrained())
	case x.State == admin.StatePassive && !x.Ready && s.Level == "high-availability":
		return Warning, say.Line(words, say.PluginNotReady())
	}
	return OK, words
}

// serverPerf are the figures of a server, by its role: names change.
func serverPerf(x admin.Server, l Limits) []Metric {
	out := []Metric{
		{Label: "calls." + x.Role, Value: float64(x.Calls), Min: "0"},
		{Label: "lines." + x.Role, Value: float64(x.Reserved), Min: "0", Max: strconv.Itoa(x.Lines)},
	}
	if x.RTT > 0 && x.State != admin.StateDown {
		out = append([]Metric{l.on(Metric{Label: "rtt." + x.Role, Value: round(x.RTT), Unit: "ms", Min: "0"})}, out...)
	}
	return out
}

func round(v float64) float64 { return math.Round(v*1000) / 1000 }
