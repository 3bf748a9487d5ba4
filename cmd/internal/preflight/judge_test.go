package preflight

import (
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
	"releve/proxy/media"
	"releve/router"
)

// judged is one row: what was seen, and how it is judged.
type judged struct {
	name string
	got  Finding
	want State
	word string // the case
}

func TestJudgements(t *testing.T) {
	alaw, mulaw := []media.Law{media.ALaw}, []media.Law{media.MuLaw}
	now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	for _, r := range []judged{
		{"large: all came", judgeLarge(reach{[]int{1200, 1400, 3000}, []bool{true, true, true}, 0}), OK, ""},
		{"large: fragments lost", judgeLarge(reach{[]int{1200, 1400, 3000}, []bool{true, true, false}, 200}), Reservation, ""},
		{"large: nothing came", judgeLarge(reach{[]int{1200, 1400, 3000}, []bool{false, true, true}, 200}), Unknown, ""},
		{"clock right", judgeClock("Tue, 24 Nov 2026 00:00:03 GMT", now), OK, ""},
		{"clock wrong", judgeClock("Tue, 24 Nov 2026 00:37:00 GMT", now), Reservation, ""},
		{"clock unreadable", judgeClock("yesterday", now), Info, "none"},
		{"codecs: nothing described", judgeCodecs(described{}, true), NoGo, "none"},
		{"codecs: refused", judgeCodecs(described{found: true, refused: true, laws: alaw}, false), NoGo, "none"},
		{"codecs: chosen A-law", judgeCodecs(described{found: true, laws: alaw}, false), OK, ""},
		{"codecs: offered A-law alone", judgeCodecs(described{found: true, laws: alaw}, true), Info, "a-only"},
		{"codecs: chosen µ-law though A-law was offered", judgeCodecs(described{found: true, laws: mulaw}, false), Reservation, "mu-only"},
		{"keys by INFO", judgeDTMF(described{found: true}, 200), Reservation, "info"},
		{"keys by nothing", judgeDTMF(described{found: true}, 415), Reservation, ""},
		{"sound: none", judgeAudio(media.Report{}), NoGo, "none"},
		{"sound: silence", judgeAudio(media.Report{Packets: 50}), NoGo, "silent"},
		{"sound: one in a hundred lost", judgeAudio(media.Report{Packets: 99, Lost: 1, Heard: 5}), OK, ""},
		{"sound: two in a hundred lost", judgeAudio(media.Report{Packets: 98, Lost: 2, Heard: 5}), Reservation, "lost"},
		{"sound: shaky", judgeAudio(media.Report{Packets: 98, Heard: 5, Jitter: 40 * time.Millisecond}), Reservation, ""},
		{"timer: none", judgeTimer(timer{expires: -1}), Info, ""},
		{"timer: 422", judgeTimer(timer{expires: -1, status: 422, min: 7200}), Reservation, "refused"},
		{"timer: 90", judgeTimer(timer{expires: 90, refresher: "uac", response: true}), Reservation, "short"},
		{"timer: nobody refreshes", judgeTimer(timer{expires: 1800, response: true}), Reservation, "broken"},
		{"timer: asked for", judgeTimer(timer{expires: 1800}), OK, ""},
		{"re-INVITE silent", judgeModify(text.StudyReinvite, 0, true), Reservation, "silent"},
		{"UPDATE silent", judgeModify(text.StudyUpdate, 0, true), Reservation, "silent"},
		{"UPDATE not listed", judgeModify(text.StudyUpdate, 0, false), Info, "absent"},
		{"UPDATE listed and refused", judgeModify(text.StudyUpdate, 501, true), Reservation, "listed"},
		{"grant as asked", judgeGrant(granted{asked: 60, got: 60}), OK, ""},
		{"grant more", judgeGrant(granted{asked: 60, got: 3600}), Reservation, ""},
		{"grant less", judgeGrant(granted{asked: 60, got: 30}), Info, ""},
		{"grant unsaid", judgeGrant(granted{asked: 60, got: -1}), Reservation, "unsaid"},
		{"short: 423, 30 s", judgeShortGrant(granted{asked: 1, min: 30}), Info, "brief"},
		{"short: 423, 600 s", judgeShortGrant(granted{asked: 1, min: 600}), Reservation, "brief"},
		{"short: granted an hour", judgeShortGrant(granted{asked: 1, got: 3600}), Reservation, ""},
		{"refused once", judgeBusy(tries{486, 1, 0, 486})[0], OK, ""},
		{"presented again", judgeBusy(tries{486, 2, 0, 486})[0], Reservation, ""},
		{"presented again, then no more", judgeBusy(tries{486, 2, 0, 486})[1], OK, ""},
		{"presented for ever", judgeBusy(tries{486, 6, 0, 603})[1], Reservation, ""},
		{"no answer: longer than ours", judgeNoAnswer(40*time.Second, true, 28*time.Second)[0], OK, ""},
		{"no answer: shorter than ours", judgeNoAnswer(20*time.Second, true, 28*time.Second)[1], Reservation, ""},
		{"no answer: not waited for long enough", judgeNoAnswer(10*time.Second, false, 28*time.Second)[0], Info, "longer"},
		{"no answer: still ringing after ours", judgeNoAnswer(40*time.Second, false, 28*time.Second)[1], OK, ""},
		{"database closed", judgeDatabase("postgres://10.0.0.1", looked{closed: true}), NoGo, "closed"},
		{"database unreachable", judgeDatabase("10.0.0.1:3306", looked{}), NoGo, ""},
		{"database mute", judgeDatabase("mysql://10.0.0.1", looked{open: true}), NoGo, "mute"},
		{"database bars us", judgeDatabase("mysql://10.0.0.1", looked{open: true, product: "MySQL", said: "Host is not allowed"}), Reservation, "barred"},
		{"database foreign", judgeDatabase("mysql://10.0.0.1", looked{open: true, garbage: true}), NoGo, "foreign"},
	} {
		if r.got.State != r.want || r.got.Values["case"] != r.word {
			t.Errorf("%s: %s, case %q; %s, case %q was expected", r.name, r.got.State, r.got.Values["case"], r.want, r.word)
		}
		if r.word != "" && !text.StudyCase(r.got.ID, r.word) {
			t.Errorf("%s: case %q of %s has no sentence", r.name, r.word, r.got.ID)
		}
	}
}

func TestSeriesAreJudgedByTheirTrips(t *testing.T) {
	ms := time.Millisecond
	for name, c := range map[string]struct {
		trips             []time.Duration
		trip, shake, loss State
	}{
		"steady":       {[]time.Duration{ms, ms, 2 * ms}, OK, OK, OK},
		"slow":         {[]time.Duration{150 * ms, 150 * ms, 160 * ms}, Reservation, OK, OK},
		"one very bad": {[]time.Duration{ms, ms, 700 * ms}, Reservation, OK, OK},
		"shaky":        {[]time.Duration{ms, 50 * ms, ms, 50 * ms}, OK, Reservation, OK},
		"one lost":     {[]time.Duration{ms, 0, ms}, OK, OK, Reservation},
		"all lost":     {[]time.Duration{0, 0, 0}, Unknown, Unknown, Reservation},
		"none":         {nil, Unknown, Unknown, OK},
	} {
		f := judgeSeries(c.trips)
		if f[0].State != c.trip || f[1].State != c.shake || f[2].State != c.loss {
			t.Errorf("%s: %v", name, f)
		}
	}
}

// TestRefusalsRecommendWhatEndsTheCall: 486, unless it makes the IPBX present for ever;
// 503 never.
func TestRefusalsRecommendWhatEndsTheCall(t *testing.T) {
	for name, c := range map[string]struct {
		all    []tries
		status string
		state  State
	}{
		"all end":              {[]tries{{status: 486, times: 1}, {status: 480, times: 1}}, "486", OK},
		"486 again once":       {[]tries{{status: 486, times: 2}, {status: 480, times: 1}}, "486", Info},
		"486 for ever":         {[]tries{{status: 486, times: 6}, {status: 480, times: 1}}, "480", Reservation},
		"only 503 ends":        {[]tries{{status: 486, times: 6}, {status: 503, times: 1}}, "486", Reservation},
		"another one is again": {[]tries{{status: 486, times: 1}, {status: 500, times: 6}}, "486", Info},
	} {
		f := judgeRefusals(c.all)
		if f.State != c.state || f.Values["status"] != c.status {
			t.Errorf("%s: %s %v", name, f.State, f.Values)
		}
	}
}

func TestVerdicts(t *testing.T) {
	good := []Finding{
		{ID: text.StudyOptions, Subject: IPBX, Target: "x", State: OK, Values: map[string]string{"status": "200"}},
		{ID: text.StudyRouteBack, Subject: IPBX, Target: "x", State: OK},
		{ID: text.StudyRecordRoute, Subject: IPBX, Target: "x", State: OK},
		{ID: text.StudyBusy, Subject: IPBX, Target: "x", State: OK},
	}
	with := func(f Finding) []Finding {
		out := []Finding{f}
		for _, g := range good {
			if g.ID != f.ID || g.Subject != f.Subject {
				out = append(out, g)
			}
		}
		return out
	}
	answers := map[text.AskedID]string{}
	for _, id := range text.AskedIDs() {
		answers[id] = "oui"
	}
	answers[text.AskAnalogue] = "non"
	for name, c := range map[string]struct {
		findings []Finding
		change   map[text.AskedID]string
		want     Verdict
	}{
		"all well":                    {good, nil, Go},
		"something to know":           {with(Finding{ID: text.StudyUpdate, Subject: IPBX, State: Info}), nil, Go},
		"a reservation":               {with(Finding{ID: text.StudyClock, Subject: Server, State: Reservation}), nil, Reservations},
		"a no-go":                     {with(Finding{ID: text.StudyCodecs, Subject: Server, State: NoGo}), nil, No},
		"the essential not measured":  {with(unseenAt(text.StudyBusy)), nil, Reservations},
		"another thing not measured":  {with(unseenAt(text.StudyUpdate)), nil, Go},
		"own switchover on":           {good, map[text.AskedID]string{text.AskSwitchover: "non, pas encore"}, No},
		"antivirus":                   {good, map[text.AskedID]string{text.AskAntivirus: "no"}, Reservations},
		"a question not answered":     {good, map[text.AskedID]string{text.AskBackups: ""}, Reservations},
		"silent to OPTIONS, but else": {with(Finding{ID: text.StudyOptions, Subject: IPBX, Target: "x", State: NoGo, Values: map[string]string{"case": "silent"}}), nil, NotTestable},
		"silent to OPTIONS, but calls": {append(with(Finding{ID: text.StudyOptions, Subject: IPBX, Target: "x", State: NoGo, Values: map[string]string{"case": "silent"}}),
			Finding{ID: text.StudyTrunk, Subject: IPBX, Target: "x", State: OK, Values: map[string]string{"status": "200"}}), nil, Reservations},
	} {
		s := &Study{Targets: []Target{{Name: "x", Subject: IPBX}}, Findings: c.findings}
		mine := map[text.AskedID]string{}
		for id, a := range answers {
			mine[id] = a
		}
		for id, a := range c.change {
			mine[id] = a
		}
		s.Ask(mine)
		if s.Verdict != c.want {
			t.Errorf("%s: %s, %s was expected; %v", name, s.Verdict, c.want, s.Reasons)
		}
		if (s.Verdict == Go) != (len(s.Reasons) == 0) {
			t.Errorf("%s: %s with reasons %v", name, s.Verdict, s.Reasons)
		}
	}
}

func unseenAt(id ID) Finding {
	f := unseen(id, text.WhyNoCall)
	f.Subject, f.Target = IPBX, "x"
	return f
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		id     text.AskedID
		answer string
		want   State
	}{
		{text.AskSwitchover, "Oui, le 3 novembre", OK},
		{text.AskSwitchover, "NON", NoGo},
		{text.AskSwitchover, "je crois", Reservation},
		{text.AskVersion, "no", NoGo},
		{text.AskVirtual, "sans objet", OK},
		{text.AskLicence, "sans objet", Reservation},
		{text.AskNight, "astreinte au 06…", Info},
		{text.AskRescue, "non", Reservation},
		{text.AskAnalogue, "non", OK},
		{text.AskAnalogue, "Patton SN4120", Info},
		{text.AskPower, "", Unknown},
	} {
		if got := Answer(c.id, c.answer).State; got != c.want {
			t.Errorf("%s, %q: %s, %s was expected", c.id, c.answer, got, c.want)
		}
	}
}

// TestTheProfileIsWhatWasMeasured: the lines for the file, and none from what was not
// measured.
func TestTheProfileIsWhatWasMeasured(t *testing.T) {
	at := func(f Finding, s Subject) Finding {
		f.Subject = s
		return f
	}
	got := profile([]Finding{
		at(seen(text.StudyRecordRoute, Reservation), IPBX), at(seen(text.StudyRecordRoute, Reservation), Server),
		at(judgeBusy(tries{486, 2, 0, 486})[0], IPBX), at(judgeNoAnswer(12300*time.Millisecond, true, 28*time.Second)[0], IPBX),
		at(judgeGrant(granted{60, 3600, 0}), Registrar), at(unseen(text.StudyLarge, text.WhyNoAnswer), IPBX),
		at(seen(text.StudyRinging, Reservation, "after", "6"), IPBX), at(judgeRefusals([]tries{{status: 486, times: 6}, {status: 480, times: 1}}), IPBX),
	})
	want := map[string]string{
		"rewrite_contact": "true", "dissuasion.requeue": "false", "no_answer": "12s", "max_grant": "3600s", "hold_signal": "180", "dissuasion.status": "480",
	}
	if len(got) != len(want) {
		t.Errorf("%v", got)
	}
	for _, s := range got {
		if want[s.Key] != s.Value {
			t.Errorf("%s: %s, %q was expected", s.Key, s.Value, want[s.Key])
		}
	}
}

// TestWhatTheConfigurationSettlesIsNoReservation: after --write a second study has only
// what is left to do.
func TestWhatTheConfigurationSettlesIsNoReservation(t *testing.T) {
	has := map[string]string{"rewrite_contact": "true", "dissuasion.requeue": "false", "dissuasion.status": "486", "large": "udp", "hold_signal": "180"}
	r := &run{far: []far{{Far: Far{Name: "pbx", Subject: IPBX, Has: has}}}}
	at := func(f Finding, s Subject) Finding {
		f.Subject, f.Target = s, "pbx"
		return f
	}
	s := &Study{Findings: []Finding{
		at(seen(text.StudyRecordRoute, Reservation, "method", "BYE"), IPBX),
		at(judgeBusy(tries{486, 2, 0, 486})[0], IPBX),
		at(seen(text.StudyRinging, Reservation, "after", "6"), IPBX),
		at(judgeRefusals([]tries{{status: 486, times: 6}, {status: 480, times: 1}}), IPBX),   // wants 480
		at(judgeLarge(reach{sizes: []int{1200, 1400}, answered: []bool{true, false}}), IPBX), // no TCP either
		at(seen(text.StudyEarly, Reservation, "status", "500"), IPBX),                        // no setting helps
		at(seen(text.StudyRecordRoute, Reservation, "case", "dropped"), Server),              // not the IPBX's
	}}
	r.settled(s)
	for i, want := range []State{Info, Info, Info, Reservation, Reservation, Reservation, Reservation} {
		if f := s.Findings[i]; f.State != want {
			t.Errorf("%s is %s %v", f.ID, f.State, f.Values)
		}
	}
	if got := s.Findings[1].Text(text.For(text.French)).Seen; !strings.Contains(got, "dissuasion.requeue: false") {
		t.Error(got)
	}
}

// TestASecondaryThatMayBeOffIsNoNoGo: at level backup the secondary may be switched off.
func TestASecondaryThatMayBeOffIsNoNoGo(t *testing.T) {
	for _, level := range []router.Level{router.Mirroring, router.Backup, router.HighAvailability} {
		c := config.Default()
		c.Level = level
		c.Servers = []config.Server{{Name: "un", Role: router.Primary}, {Name: "deux", Role: router.Secondary}}
		p := PlanOf(&c)
		if p.Far[0].Absent || p.Far[1].Absent != (level == router.Backup) {
			t.Errorf("level %v: %v %v", level, p.Far[0].Absent, p.Far[1].Absent)
		}
		f := far{Far: p.Far[1]}
		for _, x := range []Finding{judgeOptions(Server, answered{}), judgeOptions(Server, answered{refused: true}), judgeTrunk(&call{}, Server, "5000")} {
			if got := excused(f, x); (got.State == Info) != f.Absent || got.Values["case"] == "absent" != f.Absent {
				t.Errorf("level %v: %s is %s %v", level, got.ID, got.State, got.Values)
			}
		}
		if got := excused(f, judgeOptions(Server, answered{garbage: true})); got.State != NoGo {
			t.Errorf("level %v: who answers garbage is not off", level)
		}
	}
}
