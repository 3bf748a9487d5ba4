package page

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/db"
	"releve/router"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// source is a node with something in every section.
func source() Source {
	return Source{
		Status: admin.Status{
			Site: "CH", Level: "high-availability", Headline: text.OnSecondary, Active: "secondary", Since: noon.Add(-time.Hour),
			Reason: router.ReasonConfirmed, Phase: router.OnSecondary.String(), Act: true, Now: noon, Observed: noon.Add(-time.Second), Started: noon.Add(-48 * time.Hour),
			Servers: []admin.Server{
				{
					Name: "a", Role: "primary", State: admin.StateDown, Verdict: "dead-app", Lines: 30, Stability: admin.Progress{K: 2, N: 5}, Since: noon.Add(-time.Hour),
					Checks: []admin.ProbeCheck{{Name: "base", Type: "tcp", State: "failed", Up: "up", At: noon}, {Type: "call", At: noon, State: "ok", Call: &admin.TestCall{Cause: "heard", Status: 200}}},
				},
				{Name: "b", Role: "secondary", State: admin.StateActive, Verdict: "healthy", RTT: 3.5, Reserved: 4, Lines: 30, Calls: 4, Drained: &admin.Mark{At: noon}},
			},
			IPBX:         []admin.IPBX{{Name: "oxe", Since: noon.Add(-time.Minute)}, {Name: "gw"}},
			Registration: admin.Registration{Mode: "pair", Holder: "secondary", Phase: "bound", Until: noon.Add(time.Minute), Leaving: "primary", Fence: noon.Add(time.Minute), Refused: true},
			Mirror: &admin.Mirror{
				State: admin.MirrorLagging, Cause: "lagging", Lag: time.Minute, LagAt: noon, At: noon.Add(time.Second), Blocks: true,
				AtRisk: &admin.DataAtRisk{At: noon, Lag: time.Second, Known: true}, Main: admin.Database{State: admin.DatabaseUp, Role: admin.DatabasePrimary, Version: "15.2", Size: 1 << 30},
				Mirror: admin.Database{State: admin.DatabaseDown, Since: noon},
			},
			Data:     &admin.SecondaryData{CopiedAt: noon.Add(-24 * time.Hour), MaxAge: time.Hour},
			Exercise: &admin.Mark{At: noon},
			Alarms: []db.Alarm{
				{Number: 1001, Object: "primary", Severity: "major", Raised: noon.Add(-time.Hour), Count: 3, Detail: "connection refused"},
				{Number: 1006, Object: "relève", Severity: "warning", Raised: noon, AckBy: `<script>alert(1)</script>`, AckNote: `"><img src=x>`, AckAt: noon},
			},
			Contacts: admin.SiteContacts{OnCall: "06 00 00 00 00", TLMCom: "voir le classeur"},
		},
		Events: []db.Event{
			{Time: noon, Code: text.EventSwitchoverDone, Params: map[string]string{"from": "primary", "to": "secondary"}, Actor: "<b>marie</b>"},
			{Time: noon, Code: text.EventRound, Params: map[string]string{"server": "primary"}},
		},
	}
}

func pages(t *testing.T) *Pages {
	t.Helper()
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestEverySituation renders every headline, phase, mode and state, for every kind
// of viewer, in both languages: no word is missing, and what comes from outside is
// shown and never run.
func TestEverySituation(t *testing.T) {
	p := pages(t)
	wrong := regexp.MustCompile(`<script>alert|<img src=x|<b>marie|%!|no word "|ZgotmplZ|<nil>`)
	seen := 0
	for _, l := range []text.Lang{text.French, text.English} {
		for _, v := range []Viewer{{}, {Wall: true}, {Operator: true, Name: "marie"}, {Operator: true, AskName: true}, {Name: "luc"}} {
			v.Lang = l
			all := changes()
			if v.Operator || v.Name != "" {
				all = all[len(all)-3:]
			}
			for _, change := range all {
				s := source()
				change(&s.Status)
				var b bytes.Buffer
				if err := p.Screen(&b, s, v); err != nil {
					t.Fatalf("%s %+v: %v", l, v, err)
				}
				if bad := wrong.FindString(b.String()); bad != "" {
					t.Errorf("%s %+v: the page has %q", l, v, bad)
				}
				parts, err := p.Parts(s, v)
				if err != nil || len(parts.Sections) != len(Sections) {
					t.Fatalf("%v: %d sections", err, len(parts.Sections))
				}
				for _, id := range Sections {
					if !strings.Contains(b.String(), parts.Sections[id]) {
						t.Errorf("%s: the page and the stream differ in %s", l, id)
					}
				}
				seen++
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d situations", seen)
	}
}

// changes are the situations; each walks through every list at once.
func changes() (out []func(*admin.Status)) {
	headlines := []text.Headline{text.Answering, text.OnSecondary, text.Nobody, text.Unproven, text.Checking, "?"}
	modes := []string{"trunk", "gate", "pair", "hold"}
	moves := []string{"idle", "bound", "drain", "unreg", "claim", "confirm"}
	states := []string{admin.StateActive, admin.StatePassive, admin.StateDown, admin.StateAbsent}
	mirrors := []string{admin.MirrorMainDown, admin.MirrorBroken, admin.MirrorDown, admin.MirrorOK, admin.MirrorUnknown}
	for i := range len(modes) * len(moves) {
		out = append(out, func(s *admin.Status) {
			s.Headline = headlines[i%len(headlines)]
			s.Phase, s.Verification = (router.Normal + router.Phase(i)%(router.Maintenance+1)).String(), admin.Progress{K: 2, N: 3}
			s.Registration = admin.Registration{Mode: modes[i%len(modes)], Phase: moves[i/len(modes)], Holder: "primary"}
			s.Servers[0].State, s.Servers[1].Ready = states[(i/5)%len(states)], i%2 == 0
			s.Mirror.State = mirrors[i%len(mirrors)]
		})
	}
	return append(out, func(s *admin.Status) { *s = admin.Status{} }, func(s *admin.Status) { s.Act, s.Alarms = false, nil })
}

// TestStaleNode: a node that looked long ago is greyed out by itself, before any
// script counts.
func TestStaleNode(t *testing.T) {
	p := pages(t)
	for _, c := range []struct {
		age   time.Duration
		stale bool
	}{{time.Second, false}, {10 * time.Second, false}, {14 * time.Second, true}} {
		s := source()
		s.Status.Observed = noon.Add(-c.age)
		var b bytes.Buffer
		if err := p.Screen(&b, s, Viewer{}); err != nil {
			t.Fatal(err)
		}
		root := b.String()[:strings.Index(b.String(), "<head>")]
		if got := strings.Contains(root, " stale"); got != c.stale {
			t.Errorf("%s old: %v", c.age, got)
		}
		if c.stale && !strings.Contains(b.String(), ">14 s</time>") {
			t.Error("the age is not said")
		}
		if parts, _ := p.Parts(s, Viewer{}); parts.Live == c.stale {
			t.Errorf("%s old: the stream says fresh %v", c.age, parts.Live)
		}
	}
}

// TestDigest: ages alone are no news; everything else is.
func TestDigest(t *testing.T) {
	p := pages(t)
	digest := func(change func(*Source)) string {
		s := source()
		change(&s)
		parts, err := p.Parts(s, Viewer{})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%x", parts.Digest())
	}
	same := digest(func(*Source) {})
	s := source()
	s.Status.Registration.Fence, s.Status.Mirror = time.Time{}, nil // their sentences hold a time that runs out
	calm := func(later time.Duration) func(*Source) {
		return func(x *Source) {
			*x = s
			x.Status.Now, x.Status.Observed = noon.Add(later), noon.Add(later)
		}
	}
	if digest(calm(time.Second)) != digest(calm(5*time.Second)) {
		t.Error("four seconds later is news")
	}
	for name, change := range map[string]func(*Source){
		"a call":   func(s *Source) { s.Status.Servers[1].Calls++ },
		"an ack":   func(s *Source) { s.Status.Alarms[0].AckBy = "x" },
		"an event": func(s *Source) { s.Events = s.Events[1:] },
		"a title":  func(s *Source) { s.Status.Site = "x" },
		"unread":   func(s *Source) { s.Unread = true },
	} {
		if digest(change) == same {
			t.Errorf("%s is no news", name)
		}
	}
}

// TestTelephone: the first number of a free text can be called.
func TestTelephone(t *testing.T) {
	for in, want := range map[string]string{
		"06 00 00 00 00": "tel:0600000000", "Téléphonie & Cie, 01.45.00.00.00": "tel:0145000000", "+33 (0)1 45": "tel:+330145",
		"poste 4512, ou 9": "tel:4512", "voir le classeur": "", "à compléter": "", "javascript:1": "", "N° 12": "",
	} {
		if got := string(tel(in)); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestReaderCannotAct: who may not acknowledge is offered nothing to press.
func TestReaderCannotAct(t *testing.T) {
	p := pages(t)
	for v, want := range map[Viewer]bool{{}: false, {Name: "luc"}: false, {Operator: true}: true, {Operator: true, Wall: true}: false} {
		var b bytes.Buffer
		if err := p.Screen(&b, source(), v); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(b.String(), "/acknowledge"); got != want {
			t.Errorf("%+v: %v", v, got)
		}
	}
}
