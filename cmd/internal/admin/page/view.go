package page

import (
	"html/template"
	"net/url"
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

// The tones of a state; each has a colour, a shape and a word.
const (
	toneGood    = "good"
	toneCare    = "care"
	toneBad     = "bad"
	toneUnknown = "unknown"
	toneIdle    = "idle"
)

// words are what every template may say.
type words struct {
	m      text.Messages
	Viewer Viewer
}

// T is a word of the screen.
func (w words) T(key string) (string, error) { return w.m.Screen(key) }

// Lang is for <html lang>.
func (w words) Lang() string { return string(w.m.Lang()) }

// Query keeps language and manner in a link of ours, with more pairs of name and
// value after them.
func (w words) Query(more ...string) template.URL {
	q := url.Values{"lang": {w.Lang()}}
	if w.Viewer.Wall {
		q.Set("mur", "1")
	}
	for i := 0; i+1 < len(more); i += 2 {
		q.Del(more[i])
		if more[i+1] != "" {
			q.Set(more[i], more[i+1])
		}
	}
	return template.URL("?" + q.Encode()) //nolint:gosec // Encode escapes
}

// OtherLang is the language that the screen is not in.
func (w words) OtherLang() string {
	if w.m.Lang() == text.English {
		return string(text.French)
	}
	return string(text.English)
}

type formView struct {
	Form
	words
	Stamp string
}

// View is the screen, ready for the templates.
type View struct {
	words
	Source
	Stamp   string
	Title   string
	Tone    string
	Verdict string
	Stale   bool
	Stall   stall
	Active  *serverView
	Since   moment
	Why     string
	Phase   string
	Servers []serverView
	Links   []link
	Alarms  []alarmView
	Hidden  int // alarms that the wallboard has no room for
	Calls   string
	People  []contact
	Lines   []line
	Seconds int
}

// moment is a time and how long ago it was.
type moment struct {
	Unix  int64
	Clock string
	Ago   string
}

// stall is since when nothing new is known of the node.
type stall struct{ Since moment }

type serverView struct {
	admin.Server
	Tone     string
	RoleWord string
	Word     string // what it does
	Says     string // its verdict, in words
	Answers  string // how fast; "": not at all
	Rounds   string // "2/3", while it is verified
	Stable   string // "5/5", before a return
	Able     string // whether it may take over
	AbleTone string
	Drained  string // an operator wants no new calls on it; "": nobody does
	CallsNow string
	Lasts    moment
	Checks   []checkView
}

type checkView struct{ Name, Tone, Word, Note string }

// link is one row of what lies around the servers.
type link struct {
	Name, Tone, Word, Detail string
	Since                    moment // ends Detail
}

type alarmView struct {
	db.Alarm
	Tone  string
	Word  string
	Title string
	Todo  string // "": shown with a graver one (wallboard)
	Since moment
	Acked moment
	Key   string
}

type contact struct {
	Label, Who string
	Tel        template.URL // "": no number in it
}

type line struct {
	At   moment
	Tone string
	Text string
	By   string
}

var headlineTone = map[text.Headline]string{
	text.Answering: toneGood, text.OnSecondary: toneCare, text.Nobody: toneBad, text.Unproven: toneUnknown, text.Checking: toneCare,
}

// maxWallAlarms and maxLines are how many find room, our choice.
const (
	maxWallAlarms = 3
	maxLines      = 30
	maxWallLines  = 3

	maxWallVerdict = 42 // characters in the largest letters
)

func (p *Pages) view(s Source, viewer Viewer) *View {
	if s.Zone == nil {
		s.Zone = time.UTC
	}
	if s.Refresh == 0 {
		s.Refresh = 5 * time.Second
	}
	st := &s.Status
	v := &View{words: words{text.For(viewer.Lang), viewer}, Source: s, Stamp: p.stamp, Seconds: int(s.Refresh.Seconds())}
	v.Verdict, v.Tone = v.m.Headline(st.Headline), headlineTone[st.Headline]
	if v.Tone == "" {
		v.Tone = toneUnknown
	}
	v.Title = v.Verdict + " — " + st.Site
	v.Stale = st.Now.Sub(st.Observed) > StaleAfter
	v.Stall.Since = v.moment(st.Observed)
	v.Since, v.Why = v.moment(st.Since), v.why()
	v.Phase = v.m.Phase(phaseOf(st.Phase), st.Verification.K, st.Verification.N)
	for _, one := range st.Servers {
		v.Servers = append(v.Servers, v.server(one))
	}
	for i := range v.Servers {
		if v.Servers[i].Role == st.Active {
			v.Active = &v.Servers[i]
		}
	}
	v.Links = v.links()
	v.alarms()
	v.People = v.people()
	v.Lines = v.timeline()
	return v
}

func (v *View) moment(t time.Time) moment {
	if t.IsZero() {
		return moment{}
	}
	local, today := t.In(v.Zone), v.Status.Now.In(v.Zone)
	clock := local.Format("15:04:05")
	if local.YearDay() != today.YearDay() || local.Year() != today.Year() {
		clock = local.Format("2006-01-02 15:04:05")
	}
	return moment{Unix: t.Unix(), Clock: clock, Ago: v.m.Ago(max(v.Status.Now.Sub(t).Truncate(time.Second), time.Second))}
}

func (v *View) why() string {
	if v.Status.Reason == router.ReasonNone {
		return ""
	}
	return v.m.Reason(v.Status.Reason)
}

// NodeTime is the node's clock when it answered.
func (v *View) NodeTime() moment { return v.moment(v.Status.Now) }

// Up is since when the node runs.
func (v *View) Up() moment { return v.moment(v.Status.Started) }

// AlarmCount is "2 alarmes".
func (v *View) AlarmCount() string { return v.m.ActiveCount(len(v.Status.Alarms)) }

// LevelWord names the site's level.
func (v *View) LevelWord() string { return v.m.Level(v.Status.Level) }

func phaseOf(name string) router.Phase {
	for p := router.Normal; p <= router.Maintenance; p++ {
		if p.String() == name {
			return p
		}
	}
	return router.Normal
}

// Long says that the verdict needs smaller letters on the wallboard.
func (v *View) Long() bool { return utf8.RuneCountInString(v.Verdict) > maxWallVerdict }

// Exercise says that a drill runs; "": none.
func (v *View) Exercise() string {
	if v.Status.Exercise == nil {
		return ""
	}
	return v.m.ExerciseRuns()
}

// Frozen says that roles are frozen for a maintenance.
func (v *View) Frozen() bool { return phaseOf(v.Status.Phase) == router.Maintenance }

func (v *View) alarms() {
	shown := v.Status.Alarms
	if v.Viewer.Wall && len(shown) > maxWallAlarms {
		v.Hidden, shown = len(shown)-maxWallAlarms, shown[:maxWallAlarms]
	}
	for i, a := range shown {
		todo := v.m.AlarmTodo(a.Number)
		if v.Viewer.Wall && i > 0 {
			todo = ""
		}
		if a.Detail != "" {
			a.Detail = v.m.Cause(a.Detail)
		}
		v.Alarms = append(v.Alarms, alarmView{
			Alarm: a, Tone: severityTone(a.Severity), Word: v.m.Severity(a.Severity), Title: v.m.AlarmTitle(a.Number, a.Object),
			Todo: todo, Since: v.moment(a.Raised), Acked: v.moment(a.AckAt),
			Key: strconv.Itoa(int(a.Number)) + "/" + a.Object,
		})
	}
}

func severityTone(s string) string {
	switch text.Severity(s) {
	case text.Critical, text.Major:
		return toneBad
	case text.Minor, text.Warning:
		return toneCare
	}
	return toneUnknown
}

// grave lists what is said aloud when it is new.
func (v *View) grave() []string {
	out := []string{}
	for _, a := range v.Status.Alarms {
		if severityTone(a.Severity) == toneBad && a.AckBy == "" {
			out = append(out, v.m.AlarmTitle(a.Number, a.Object))
		}
	}
	return out
}

// people are whom to call while an alarm of weight stands.
func (v *View) people() (out []contact) {
	heavy := func(a db.Alarm) bool { return severityTone(a.Severity) == toneBad }
	if !slices.ContainsFunc(v.Status.Alarms, heavy) {
		return nil
	}
	c := v.Status.Contacts
	for _, x := range [...]struct{ label, who string }{{"on-call", c.OnCall}, {"integrator", c.Integrator}, {"tlmcom", c.TLMCom}} {
		if x.who != "" {
			out = append(out, contact{v.m.Label(x.label), x.who, tel(x.who)})
		}
	}
	return out
}

// tel is the address of the first phone number in a free text.
func tel(s string) template.URL {
	var digits strings.Builder
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9' || r == '+' && digits.Len() == 0:
			digits.WriteRune(r)
		case strings.ContainsRune(" .-()\u00a0\u202f", r):
		default:
			if digits.Len() >= 4 {
				return template.URL("tel:" + digits.String()) //nolint:gosec // digits
			}
			digits.Reset()
		}
	}
	if digits.Len() < 4 {
		return ""
	}
	return template.URL("tel:" + digits.String()) //nolint:gosec // digits
}
