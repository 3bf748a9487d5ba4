package app

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
	"releve/db/spool"
	"releve/health/alarm"
	"releve/proxy/agent"
	"releve/router"
	"releve/router/control"
	"releve/router/licence"
)

// still is a node that was wired and not started: its parts are stepped by hand.
func still(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir()}
	for _, u := range []string{"5001", "5002"} {
		s.must(os.WriteFile(filepath.Join(s.dir, u), []byte("secret"+u), 0o600))
	}
	s.file = filepath.Join(s.dir, "releve.yaml")
	body := fmt.Sprintf(sitePattern, freePort(t, "127.0.41.9"), s.dir, "127.0.41.1:5060", "127.0.41.2:5060", "127.0.41.3:5060")
	s.must(os.WriteFile(s.file, []byte(body), 0o600))
	cfg, problems, err := config.Load(s.file, text.English)
	if err != nil || config.Faulty(problems) {
		t.Fatal(err, problems)
	}
	s.node, err = New(cfg, Options{Version: "test"})
	s.must(err)
	t.Cleanup(s.node.Stop)
	s.must(s.node.store.open())
	return s
}

func TestHighNeverFallsBackAndNeverRunsSlow(t *testing.T) {
	const h = time.Hour
	var r reading
	for i, c := range []struct{ mono, wall, high time.Duration }{
		{1, 1, 1},                          // both run
		{2, 2 + h, 2 + h},                  // the wall clock is set forward, or the machine was paused
		{3, 3 + h, 3 + h},                  // both run
		{4, 4, 4 + h},                      // the wall clock is set back: no permission lasts longer for it
		{5, 5, 5 + h},                      // and time goes on at once
		{5, 5, 5 + h},                      // nothing went by
		{6 + h, 5, 6 + 2*h},                // the wall clock stands, or was set back by as much
		{6 + h, 5 - 2*h, 6 + 2*h},          // before its start
		{7 + h, 6 - 2*h + 9, 6 + 2*h + 10}, // the longer of the two
	} {
		last := r
		r = r.next(c.mono, c.wall)
		if r.high != c.high || r.high-last.high < c.mono-last.mono {
			t.Errorf("step %d: high %v, want %v", i, r.high, c.high)
		}
	}
}

func TestClockOfTheNodeIsTheProxys(t *testing.T) {
	s := still(t)
	before := s.node.proxy.Now()
	c := s.node.mind.clock.now()
	if c.Mono < before || c.Mono > s.node.proxy.Now() || c.High < c.Mono {
		t.Errorf("%v, then %+v, then %v", before, c, s.node.proxy.Now())
	}
}

// A full channel once refused them, and the mind waited for ever.
func TestResultsAreNeverRefusedAndKeepTheirOrder(t *testing.T) {
	s := still(t)
	const many = 10_000
	for i := range many {
		s.node.mind.post(control.Event{Kind: control.Saved, Version: uint64(i)})
	}
	got := s.node.mind.results.take()
	if len(got) != many || !slices.IsSortedFunc(got, func(a, b control.Event) int { return int(a.Version) - int(b.Version) }) {
		t.Errorf("%d of %d came", len(got), many)
	}
	if len(s.node.mind.results.take()) != 0 {
		t.Error("taken twice")
	}
}

// boot steps the mind by hand from an empty store, its first save included.
func (s *site) boot() *mind {
	s.t.Helper()
	m := s.node.mind
	m.step(control.Event{Kind: control.Boot, On: true})
	s.saved()
	return m
}

// saved performs the save under way, if there is one, as the saver would.
func (s *site) saved() bool {
	m := s.node.mind
	select {
	case e := <-m.saves:
		m.save(e)
	default:
		return false
	}
	for _, e := range m.results.take() {
		m.step(e)
	}
	return true
}

// What a sample brings goes the way of every event: its effects are performed.
func TestWhatACallProvesIsStored(t *testing.T) {
	s := still(t)
	m := s.boot()
	for s.saved() {
	}
	st := &s.node.proxy.Stats
	st.Evidence[router.Primary][router.OK].Add(1)
	st.ServedAt[router.Primary].Store(5)
	m.sample()
	if !s.saved() {
		t.Fatal("nothing is saved")
	}
	if row, _ := m.state.Stored(); !row.Known[router.Primary] {
		t.Error("what was proven is not stored")
	}
}

// Lines and sights seen before the store was read were once taken for told.
func TestNothingIsTakenForToldBeforeTheBoot(t *testing.T) {
	s := still(t)
	m := s.node.mind
	for range 4 {
		s.node.proxy.Dialogs.Reserve(router.Primary)
	}
	s.node.proxy.Stats.IPBXAt[0].Store(5)
	m.overflow(router.Primary)
	m.turn(request{}, true)
	if m.seen != (sample{}) {
		t.Errorf("before the boot: %+v", m.seen)
	}
	s.boot()
	m.sample()
	if m.seen.lines[router.Primary] != router.Full || m.seen.ipbx[0] != 5 {
		t.Errorf("after the boot: %+v", m.seen)
	}
}

func TestLateTimerMakesSickAndEnds(t *testing.T) {
	s := still(t)
	m := s.boot()
	m.look(time.Now())
	if m.sick {
		t.Fatal("sick without cause")
	}
	m.look(time.Now().Add(-2 * lateLimit))
	if v, _ := m.state.Judged(m.clock.now(), router.Primary); !m.sick || v != router.VerdictSelfSick {
		t.Errorf("after a late timer: %v", v)
	}
	m.sickUntil = time.Now().Add(-1)
	m.look(time.Now())
	if v, _ := m.state.Judged(m.clock.now(), router.Primary); m.sick || v == router.VerdictSelfSick {
		t.Errorf("well again: %v", v)
	}
}

func TestEachChangeOfPhaseIsOneSentence(t *testing.T) {
	v := func(p router.Phase, a router.Server, more ...func(*router.View)) router.View {
		x := router.View{Phase: p, Active: a, Epoch: 2, Act: true}
		for _, f := range more {
			f(&x)
		}
		return x
	}
	verifying := func(x *router.View) { x.Verifying, x.Verification, x.Of = true, 1, 3 }
	dead := func(x *router.View) { x.Verdict = router.VerdictDeadApp }
	const p, sec = router.Primary, router.Secondary
	for name, c := range map[string]struct {
		from, to router.View
		want     string
	}{
		"verification begins": {v(router.Normal, p), v(router.Normal, p, verifying), "verification-start Verification of the primary (idle probing failed)."},
		"verification ends":   {v(router.Normal, p, verifying), v(router.Normal, p), "verification-end End of the verification of the primary"},
		"switchover begins":   {v(router.Normal, p), v(router.Switching, p, dead), "switchover-begun Switchover: the primary is left, the secondary takes over."},
		"switchover done":     {v(router.Switching, p), v(router.OnSecondary, sec), "switchover-done Switchover done in "},
		"return begins":       {v(router.OnSecondary, sec), v(router.Returning, sec), "return-begun Return to normal: the secondary is left for the primary."},
		"return done":         {v(router.Returning, sec), v(router.Normal, p), "return-done Return to normal done in "},
		"both down":           {v(router.Normal, p), v(router.BothDown, p), "both-down No server answers."},
		"serves again":        {v(router.BothDown, p), v(router.Normal, p), "serving-again The primary answers again and serves calls."},
		"secondary again":     {v(router.BothDown, sec), v(router.OnSecondary, sec), "serving-again The secondary answers again and serves calls."},
		"maintenance":         {v(router.Normal, p), v(router.Maintenance, p), "maintenance-start Maintenance started, roles frozen"},
		"maintenance ends":    {v(router.Maintenance, sec), v(router.OnSecondary, sec), "maintenance-stop Maintenance ended."},
		"a move that failed":  {v(router.Switching, p), v(router.Normal, p), ""},
		"nothing":             {v(router.Normal, p), v(router.Normal, p, dead), ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := still(t)
			m := s.node.mind
			m.viewed(c.from)
			m.viewed(c.to)
			got := s.journal()[1:] // after state-restored
			if c.want == "" && len(got) == 0 {
				return
			}
			if len(got) != 1 || !strings.HasPrefix(got[0], c.want) || c.want == "" {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// journal returns the lines told so far, code and English sentence.
func (s *site) journal() (out []string) {
	s.t.Helper()
	events, err := s.node.Events(context.Background(), time.Time{}, 100)
	s.must(err)
	for _, e := range slices.Backward(events) {
		out = append(out, e.Code+" "+text.For(text.English).Event(e.Code, e.Params))
	}
	return out
}

func TestEventsThatTheMindAsksFor(t *testing.T) {
	s := still(t)
	m := s.boot()
	from := len(s.journal())
	for _, reason := range []router.Reason{
		control.ReasonRound, router.ReasonObservation, router.ReasonLevel, router.ReasonNotReady, router.ReasonIPBXUnseen,
		router.ReasonStoreDown, router.ReasonLeaseLost, router.ReasonMoveFailed, router.ReasonConfirmed,
	} {
		m.journal(&control.Effect{Kind: control.Record, Server: router.Primary, Verdict: router.VerdictDeadApp, Reason: reason})
	}
	var codes []string
	for _, l := range s.journal()[from:] {
		code, line, _ := strings.Cut(l, " ")
		codes = append(codes, code)
		if strings.ContainsAny(line, "{}[]?") {
			t.Errorf("%s: %q", code, line)
		}
	}
	want := []string{
		"round", "observed", "switchover-withheld", "switchover-withheld", "switchover-withheld",
		"switchover-withheld", "switchover-withheld", "move-failed",
	}
	if !slices.Equal(codes, want) {
		t.Errorf("%q, want %q", codes, want)
	}
}

func TestLicenceMoveIsTold(t *testing.T) {
	s := still(t)
	m := s.node.mind
	step := func(p licence.Phase, holder router.Server) {
		m.moved(licence.Status{Mode: licence.Pair, Phase: p, Holder: holder})
	}
	const p, sec = router.Primary, router.Secondary
	step(licence.Idle, router.NoServer)
	step(licence.Claim, p)
	step(licence.Confirm, p)
	step(licence.Bound, p)
	if l := s.journal(); len(l) != 0 {
		t.Errorf("the first bind is no move: %q", l)
	}
	step(licence.Drain, p)
	step(licence.Unreg, p)
	step(licence.Claim, p) // and back
	step(licence.Bound, p)
	step(licence.Drain, p)
	step(licence.Claim, sec)
	step(licence.Confirm, sec)
	step(licence.Bound, sec)
	if l := s.journal(); len(l) != 1 || !strings.HasPrefix(l[0], "licence-moved Registration moved from the primary to the secondary in ") {
		t.Errorf("%q", l)
	}
}

func TestAlarmsAreRaisedAndClearedOnceEach(t *testing.T) {
	s := still(t)
	m := s.node.mind
	e := &control.Effect{Kind: control.Alarm, Server: router.Primary, Alarm: control.AlarmSilent, On: true}
	m.alarmed(e)
	m.alarmed(e)
	if a := s.node.Alarms(t.Context()); len(a) != 1 || a[0].Number != 1001 || a[0].Object != "primary" {
		t.Errorf("%+v", a)
	}
	e.On = false
	m.alarmed(e)
	m.alarmed(e)
	if a := s.node.Alarms(t.Context()); len(a) != 0 {
		t.Errorf("%+v", a)
	}
	var codes []string
	for _, l := range s.journal() {
		code, _, _ := strings.Cut(l, " ")
		codes = append(codes, code)
	}
	if !slices.Equal(codes, []string{"alarm-raised", "alarm-cleared"}) {
		t.Errorf("%q", codes)
	}
}

// The end of the trouble with one IPBX once cleared the alarm about the other.
func TestAlarmsOfTwoIPBXsHaveNamesOfTheirOwn(t *testing.T) {
	s := still(t)
	s.node.cfg.IPBX = append(s.node.cfg.IPBX, config.IPBX{Name: "second"})
	m := s.node.mind
	seen := make(map[string]string)
	for _, n := range alarm.Numbers() {
		for _, server := range []router.Server{router.NoServer, router.Primary, router.Secondary} {
			for ipbx := range uint8(2) {
				about := fmt.Sprint(server)
				if n == alarm.IPBXSilent || n >= alarm.BindingLapsing && n <= alarm.GrantTooLong && server != router.NoServer {
					about += fmt.Sprint(ipbx)
				}
				if n == alarm.IPBXSilent && server != router.NoServer {
					continue
				}
				object := fmt.Sprint(n, m.objectOf(&control.Effect{Alarm: uint16(n), Server: server, IPBX: ipbx}))
				if was, ok := seen[object]; ok && was != about {
					t.Errorf("%s is about %s and %s", object, was, about)
				}
				seen[object] = about
			}
		}
	}
}

func TestTroublesShareOneAlarm(t *testing.T) {
	s := still(t)
	m := s.node.mind
	bad := errors.New("no space left on device")
	m.troubled(saveFailed, true, bad)
	m.troubled(saveFailed, true, bad)
	m.recordsTroubled(spool.DiskFault, true, bad)
	m.troubled(saveFailed, false, nil)
	if !s.alarmed(alarm.StoreDown) {
		t.Error("cleared while the records still cannot be written")
	}
	m.recordsTroubled(spool.DiskFault, false, nil)
	m.recordsTroubled(spool.Damaged, true, bad)
	if s.alarmed(alarm.StoreDown) {
		t.Error("still there; or damage, which has no end, raised it")
	}
	var codes []string
	for _, l := range s.journal() {
		code, _, _ := strings.Cut(l, " ")
		codes = append(codes, code)
	}
	if want := []string{"alarm-raised", "store-down", "alarm-cleared", "store-up", "internal-fault"}; !slices.Equal(codes, want) {
		t.Errorf("%q, want %q", codes, want)
	}
	for x := storeClosed; x <= recordsFirst<<spool.StoreFault; x <<= 1 {
		if x.String() == "unknown" {
			t.Errorf("trouble %d has no name", x)
		}
	}
}

// Stored alarms were once written over by the table of the run that had not read
// them yet, and those of this run forgotten when they were read.
func TestAlarmsOfThisRunStayOnTopOfTheStoredOnes(t *testing.T) {
	s := still(t)
	m := s.node.mind
	m.raise(alarm.Switched, "primary")
	stored := m.alarms.All()
	m.alarms = alarm.NewTable(0)
	m.raise(alarm.StoreDown, node)
	m.restoreAlarms(stored)
	if a := m.alarms.Active(); len(a) != 2 {
		t.Errorf("%+v", a)
	}
	m.clearAlarm(alarm.StoreDown, node)
	if a := m.alarms.Active(); len(a) != 1 || a[0].Number != uint16(alarm.Switched) {
		t.Errorf("%+v", a)
	}
}

func TestSaveOfAnotherProcessIsNotWrittenOver(t *testing.T) {
	s := still(t)
	m := s.boot()
	_, version := m.state.Stored()
	if version == 0 {
		t.Fatal("nothing was saved at the first start")
	}
	m.save(control.Effect{Kind: control.Save, Row: control.Row{Known: [router.Servers]bool{true, true, true}}, Version: version})
	got := m.results.take()
	if len(got) != 1 || got[0].Kind != control.SaveFailed || got[0].Version != version || !s.alarmed(alarm.StoreDown) {
		t.Errorf("%+v", got)
	}
}

func TestEvidenceOfAnOptions(t *testing.T) {
	for _, c := range []struct {
		r    agent.Result
		want router.Evidence
	}{
		{agent.Result{Status: 200}, router.OK},
		{agent.Result{Status: 404}, router.OK},
		{agent.Result{Status: 401}, router.OK},
		{agent.Result{Status: 501}, router.OK},
		{agent.Result{Status: 505}, router.OK},
		{agent.Result{Status: 603}, router.OK},
		{agent.Result{Status: 486}, router.Busy},
		{agent.Result{Status: 480}, router.Busy},
		{agent.Result{Status: 600}, router.Busy},
		{agent.Result{Status: 503, RetryAfter: true}, router.Busy},
		{agent.Result{Status: 503}, router.Err},
		{agent.Result{Status: 500, RetryAfter: true}, router.Err},
		{agent.Result{Status: 408}, router.Err},
		{agent.Result{Failure: agent.TimedOut}, router.Silent},
		{agent.Result{Failure: agent.Unreachable}, router.Silent},
		{agent.Result{Failure: agent.Refused}, router.Refused},
		{agent.Result{Failure: agent.TLSFailed}, router.ConfigFault},
		{agent.Result{Failure: agent.Forbidden}, router.NoEvidence},
		{agent.Result{Failure: agent.Overload}, router.NoEvidence},
	} {
		if got := evidenceOf(c.r); got != c.want {
			t.Errorf("failure %d, status %d, Retry-After %v: %v, want %v", c.r.Failure, c.r.Status, c.r.RetryAfter, got, c.want)
		}
	}
}

func TestWhatSaysNothingChangesNoScreen(t *testing.T) {
	s := still(t)
	m := s.node.mind
	at := time.Now()
	m.noted(router.Primary, probed{at, time.Millisecond, router.OK})
	m.noted(router.Primary, probed{at.Add(1), 0, router.NoEvidence})
	m.noted(router.Primary, probed{at.Add(2), 0, router.Busy})
	if m.last[router.Primary].evidence != router.Busy || !m.stateSince[router.Primary].Equal(at) {
		t.Errorf("%+v since %v", m.last[router.Primary], m.stateSince[router.Primary])
	}
	m.noted(router.Primary, probed{at.Add(3), 0, router.Silent})
	if !m.stateSince[router.Primary].Equal(at.Add(3)) {
		t.Error("the change is not dated")
	}
}

func TestKeysAreMadeOnceAndWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "keys")
	if _, err := loadKeys(path); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if _, err := loadKeys(path); err != nil {
		t.Fatal(err)
	}
	again, _ := os.ReadFile(path)
	if string(again) != string(first) {
		t.Error("made anew at the second start")
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadKeys(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("an empty file: %v", err)
	}
}

// The Request-URI of a REGISTER to an IPv6 registrar once had no brackets.
func TestHostOfAURI(t *testing.T) {
	for in, want := range map[string]string{"10.0.0.1": "10.0.0.1", "2001:db8::1": "[2001:db8::1]"} {
		if got := uriHost(netip.MustParseAddr(in)); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}

func TestExecCheckGetsTheServersAddress(t *testing.T) {
	s := still(t)
	s.node.cfg.Checks = []config.Check{
		{Type: "options"}, {Type: "tcp", Port: 3306}, {Type: "exec", Command: []string{"/bin/check", "-H", "{address}"}},
	}
	c, _ := s.node.cfg.Server(router.Secondary)
	got := s.node.mind.checks(c)
	if len(got) != 2 || got[0].Port != 3306 || !slices.Equal(got[1].Command, []string{"/bin/check", "-H", "127.0.41.3"}) {
		t.Errorf("%+v", got)
	}
}

func TestJobsAreBoundedCountedAndDoneAtTheStop(t *testing.T) {
	s := still(t)
	m := s.node.mind
	done := 0
	for range maxJobs + 3 {
		m.later(func() { done++ })
	}
	if m.refused.Load() != 3 {
		t.Errorf("%d refused", m.refused.Load())
	}
	m.end()
	m.worker()
	if done != maxJobs {
		t.Errorf("%d of %d done at the stop: an ACK was owed", done, maxJobs)
	}
}

// Every code that app writes is in the catalogue, and app names it by its constant.
func TestEveryEventHasASentence(t *testing.T) {
	files := token.NewFileSet()
	codes := make(map[string]string) // constant → code
	f, err := parser.ParseFile(files, "../text/event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && len(v.Values) == 1 && strings.HasPrefix(v.Names[0].Name, "Event") {
			if lit, ok := v.Values[0].(*ast.BasicLit); ok {
				codes[v.Names[0].Name], _ = strconv.Unquote(lit.Value)
			}
		}
		return true
	})
	used := 0
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(files, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch v := n.(type) {
			case *ast.SelectorExpr:
				if x, ok := v.X.(*ast.Ident); ok && x.Name == "text" && strings.HasPrefix(v.Sel.Name, "Event") {
					used++
					if !text.HasEvent(codes[v.Sel.Name]) {
						t.Errorf("%s: %s has no sentence", files.Position(v.Pos()), v.Sel.Name)
					}
				}
			case *ast.CallExpr:
				sel, ok := v.Fun.(*ast.SelectorExpr)
				if !ok || sel.Sel.Name != "event" && sel.Sel.Name != "eventBy" {
					return true
				}
				for _, a := range v.Args[:len(v.Args)-1] {
					if lit, ok := a.(*ast.BasicLit); ok && lit.Value != `"releve"` {
						t.Errorf("%s: code %s is not a constant of the catalogue", files.Position(lit.Pos()), lit.Value)
					}
				}
			}
			return true
		})
	}
	if used < 20 {
		t.Errorf("only %d uses found: the test looks at the wrong thing", used)
	}
}

func TestNodeBeforeTheStoreIsRead(t *testing.T) {
	s := still(t)
	s.node.mind.picture()
	st := s.node.Status(t.Context())
	if st.Active != "primary" || st.Headline != text.Unproven || st.Phase != "normal" || len(st.Servers) != 2 || len(st.IPBX) != 1 {
		t.Errorf("%+v", st)
	}
	if ok, why := s.node.Ready(t.Context()); ok || why == "" {
		t.Error("ready before any server has answered")
	}
	if _, err := s.node.Probe(t.Context(), "nobody"); err == nil {
		t.Error("probed a server that there is not")
	}
	var f *admin.Fault
	if _, err := s.node.Probe(t.Context(), "nobody"); !errors.As(err, &f) || f.Code != text.FaultUnknownServer {
		t.Errorf("%v", err)
	}
	if shown := s.node.ConfigText(); strings.Contains(shown, "secret5001") || !strings.Contains(shown, "127.0.41.2") {
		t.Error("the configuration shows a secret, or nothing")
	}
}

// A running node that holds a probe and a check says what it saw.
func TestNodeValues(t *testing.T) {
	s := newSite(t)
	s.ready()
	st := s.node.Status(t.Context())
	if st.Site != "test" || st.Level != "high-availability" || st.Headline != text.Answering || !st.Act || st.Version != "test" || st.Epoch == 0 {
		t.Errorf("%+v", st)
	}
	for i, want := range []struct{ name, role, state string }{{"principal", "primary", admin.StateActive}, {"secours", "secondary", admin.StatePassive}} {
		x := st.Servers[i]
		if x.Name != want.name || x.Role != want.role || x.State != want.state || x.RTT <= 0 || x.Lines != 4 || x.Reserved != 0 || !x.Reconciled || x.Since.IsZero() || x.Verdict != router.VerdictHealthy.String() {
			t.Errorf("%+v", x)
		}
	}
	if r := st.Registration; r.Mode != "pair" || r.Holder != "primary" || r.Until.Before(st.Now) || !st.IPBX[0].Seen {
		t.Errorf("%+v %+v", r, st.IPBX)
	}
	l := s.node.Licence(t.Context())
	if len(l.Bindings) != 2 || l.Bindings[0].User != "sip:5001@127.0.40.1" || !l.Bindings[0].Possible || l.Bindings[0].Granted <= 0 || l.Bindings[1].Possible {
		t.Errorf("%+v", l)
	}
	for _, name := range []string{"secours", "secondary"} {
		p, err := s.node.Probe(t.Context(), name)
		if err != nil || p.Server != "secours" || p.SIP != router.OK.String() || p.Status != 200 || p.Verdict != router.VerdictHealthy.String() {
			t.Errorf("%+v %v", p, err)
		}
	}
	if ok, why := s.node.Ready(t.Context()); !ok || why != "normal" {
		t.Errorf("%v %q", ok, why)
	}
	s.commands()
}

// commands gives orders that change nothing.
func (s *site) commands() {
	s.t.Helper()
	for _, c := range []struct {
		command admin.Command
		want    admin.Result
	}{
		{admin.Command{Name: admin.Return}, admin.Result{Already: true}},
		{admin.Command{Name: admin.MaintenanceStop}, admin.Result{Reason: router.ReasonWrongPhase}},
		{admin.Command{Name: admin.Switchover, ExpectedActive: "secondary"}, admin.Result{Reason: router.ReasonWrongPhase}},
	} {
		got, err := s.node.Command(s.t.Context(), c.command)
		got.Epoch = 0
		if err != nil || got != c.want {
			s.t.Errorf("%+v: %+v %v, want %+v", c.command, got, err, c.want)
		}
	}
}
