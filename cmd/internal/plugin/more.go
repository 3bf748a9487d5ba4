package plugin

import (
	"strconv"
	"strings"
	"time"

	"releve/cmd/internal/admin"
	"releve/health/alarm"
)

// Calls is how full the active server is; the thresholds are of calls.active.
// Every line taken is a WARNING by itself.
func Calls(s admin.Status, a Asked) Result {
	active, n := serverOf(s, s.Active), s.Counters
	r := Result{Text: a.Say.PluginCalls(n.InProgress, active.Reserved, active.Lines)}
	if active.Lines > 0 && active.Reserved >= active.Lines {
		r.State = Warning
		r.Text += ", " + a.Say.PluginFull()
	}
	if n.Held > 0 {
		r.Text += ", " + a.Say.PluginHeld(n.Held)
	}
	r.State = worst(r.State, a.judge(float64(n.InProgress)))
	r.State = worst(r.State, map[State]State{Critical: Critical, Unknown: Unknown}[headline(s.Headline)])
	if headline(s.Headline) == Critical {
		r.Text = a.Say.Headline(s.Headline) + ", " + r.Text
	}
	r.Perf = []Metric{
		a.on(Metric{Label: "calls.active", Value: float64(n.InProgress), Min: "0"}),
		{Label: "lines.reserved", Value: float64(active.Reserved), Min: "0", Max: strconv.Itoa(active.Lines)},
		{Label: "calls.held", Value: float64(n.Held), Min: "0"},
	}
	for _, c := range []struct {
		label string
		value uint64
	}{
		{"offered", n.Offered},
		{"answered", n.Answered},
		{"dissuaded", n.Dissuaded},
		{"cancelled", n.Cancelled},
		{"rescued", n.Rescued},
		{"refused", n.Refused},
		{"failed", n.Failed},
		{"lost", n.Lost},
	} {
		r.Perf = append(r.Perf, Metric{Label: "calls." + c.label, Value: float64(c.value), Unit: "c"})
	}
	r.frozen(s, a.Say)
	return r
}

// Registration is the SIP registration at the IPBX; the thresholds are of
// registration.remaining, in seconds.
func Registration(s admin.Status, a Asked) Result {
	g := s.Registration
	r := Result{}
	remaining := g.Until.Sub(s.Now)
	switch {
	case g.Mode == "trunk" || g.Mode == "":
		r.Text = a.Say.PluginTrunk()
	case g.Refused:
		r.State, r.Text = Critical, a.Say.PluginRefused()
	case g.Leaving != "" && g.Leaving != "none", g.Phase != "bound" && g.Phase != "idle":
		r.State, r.Text = Warning, a.Say.PluginMoving(a.Say.Role(g.Holder))
	case g.Until.IsZero() || remaining <= 0:
		r.State, r.Text = Critical, a.Say.PluginUnbound()
	default:
		r.Text = a.Say.PluginBound(a.Say.Role(g.Holder), remaining)
		if g.Holder != s.Active {
			r.State = Warning
		}
	}
	for _, own := range g.Own {
		if own.Gone {
			r.State = worst(r.State, Warning)
			r.Text += ", " + a.Say.PluginGone(own.Server)
		}
	}
	if !g.Until.IsZero() {
		left := max(0, float64(remaining/time.Second))
		r.State = worst(r.State, a.judge(left))
		r.Perf = []Metric{a.on(Metric{Label: "registration.remaining", Value: left, Unit: "s", Min: "0"})}
	}
	alarms := about(s, alarm.BindingLapsing, alarm.BindingRefused, alarm.ForeignBinding, alarm.GrantTooLong,
		alarm.MoveStuck, alarm.PasswordRefused, alarm.Unregistered, alarm.BindingUnkept)
	r.standing(a.Say, alarms)
	r.frozen(s, a.Say)
	r.detail(s, a, alarms)
	return r
}

// mirrored are the alarms about the databases.
var mirrored = []alarm.Number{alarm.MirrorLag, alarm.MainDatabaseDown, alarm.MirrorDown, alarm.MirrorBroken, alarm.DatabaseSpace}

// Mirror is the mirrored database; the thresholds are of mirror.lag, in seconds,
// and without them max_lag of the configuration warns.
func Mirror(s admin.Status, a Asked) Result {
	m := s.Mirror
	if m == nil {
		return Result{State: Unknown, Text: a.Say.PluginNoMirror()}
	}
	r := Result{Text: a.Say.PluginMirror(a.Say.MirrorState(m.State)), State: Unknown}
	switch m.State {
	case admin.MirrorOK:
		r.State = OK
	case admin.MirrorMainDown:
		r.State = Critical
	case admin.MirrorBroken, admin.MirrorDown, admin.MirrorLagging:
		r.State = Warning
	}
	if m.Cause != "" {
		r.Text += " (" + a.Say.MirrorCause(m.Cause) + ")"
	}
	if m.Blocks {
		r.State = worst(r.State, Warning)
		r.Text += ", " + a.Say.PluginBlocks()
	}
	if !m.LagAt.IsZero() {
		limits := a.Limits
		if m.MaxLag > 0 {
			limits = limits.or(strconv.FormatFloat(m.MaxLag.Seconds(), 'f', -1, 64), "")
		}
		r.State = worst(r.State, limits.judge(m.Lag.Seconds()))
		r.Text += ", " + a.Say.PluginLag(m.Lag)
		r.Perf = []Metric{limits.on(Metric{Label: "mirror.lag", Value: round(m.Lag.Seconds()), Unit: "s", Min: "0"})}
	}
	if m.Bytes > 0 || m.Streaming {
		r.Perf = append(r.Perf, Metric{Label: "mirror.behind", Value: float64(m.Bytes), Unit: "B", Min: "0"})
	}
	r.standing(a.Say, about(s, mirrored...))
	r.frozen(s, a.Say)
	if a.Verbose {
		for _, d := range []admin.Database{m.Main, m.Mirror} {
			r.Detail = append(r.Detail, strings.TrimSpace(d.Address+" "+d.State+" "+d.Role+" "+d.Version+" "+d.Cause))
		}
		if m.Detail != "" {
			r.Detail = append(r.Detail, m.Detail)
		}
	}
	return r
}

// self are the alarms about the node and not about the site.
var self = []alarm.Number{
	alarm.SelfSick, alarm.StoreDown, alarm.PeerAbsent, alarm.TwoMasters, alarm.ClockAdrift, alarm.DiskFilling,
	alarm.NameStale, alarm.NameLost, alarm.ConfigRefused, alarm.LimitReached, alarm.InternalFault, alarm.Overloaded,
	alarm.Frozen, alarm.BackupFailed, alarm.TLSFault, alarm.SinkDown, alarm.NoticesDropped, alarm.SilenceLong,
}

// Node is Relève itself: it answers, it decides, it is well; the thresholds are
// of uptime, in seconds.
func Node(s admin.Status, a Asked) Result {
	uptime := s.Now.Sub(s.Started)
	r := Result{Text: a.Say.PluginNode(s.Version, a.Say.Since(uptime))}
	r.State = a.judge(uptime.Seconds())
	alarms := about(s, self...)
	r.standing(a.Say, alarms)
	r.frozen(s, a.Say)
	r.Perf = []Metric{
		a.on(Metric{Label: "uptime", Value: float64(int64(uptime.Seconds())), Unit: "s", Min: "0"}),
		{Label: "alarms.node", Value: float64(len(alarms)), Min: "0"},
	}
	r.detail(s, a, alarms)
	return r
}

// Thresholds of certificates, in days, as the alarm has them.
const (
	certificateWarn = "30:"
	certificateCrit = "7:"
)

const day = 24 * time.Hour

// Certificates are ours and when each ends; the thresholds are of the days left
// of the one that ends first.
func Certificates(s admin.Status, a Asked) Result {
	if len(s.Certificates) == 0 {
		return Result{State: Unknown, Text: a.Say.PluginNoCertificate()}
	}
	limits := a.or(certificateWarn, certificateCrit)
	r := Result{}
	var texts []string
	for _, c := range s.Certificates {
		days := int(c.End.Sub(s.Now) / day)
		if c.End.Before(s.Now) {
			days = min(-1, days)
		}
		r.State = worst(r.State, limits.judge(float64(days)))
		words := a.Say.PluginCertificate(c.Name, c.End, days)
		if c.Fault != "" {
			r.State = worst(r.State, Warning)
			words += " (" + a.Say.PluginBroken(c.Fault) + ")"
		}
		texts = append(texts, words)
		r.Perf = append(r.Perf, limits.on(Metric{Label: "certificate." + c.Name + ".days", Value: float64(days)}))
		if a.Verbose {
			r.Detail = append(r.Detail, a.Say.Line(c.Name, c.File))
		}
	}
	r.Text = strings.Join(texts, ", ")
	r.frozen(s, a.Say)
	return r
}

// Ready is whether this node may take calls, as keepalived asks it.
func Ready(x admin.Readiness, a Asked) Result {
	r := Result{Text: a.Say.ReadySentence(x.Ready, x.Cause)}
	if !x.Ready {
		r.State = Critical
	}
	return r
}
