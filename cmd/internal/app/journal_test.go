package app

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/router"
	"releve/router/control"
	"releve/router/licence"
)

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
		"verification begins": {v(router.Normal, p), v(router.Normal, p, verifying), "verification-start Verification of the primary (routine check failed)."},
		"verification ends":   {v(router.Normal, p, verifying), v(router.Normal, p), "verification-end Verification of the primary ended"},
		"switchover begins":   {v(router.Normal, p), v(router.Switching, p, dead), "switchover-begun Switchover: the primary becomes passive, the secondary takes over."},
		"switchover done":     {v(router.Switching, p), v(router.OnSecondary, sec), "switchover-done Switchover done: the secondary is active."},
		"return begins":       {v(router.OnSecondary, sec), v(router.Returning, sec), "return-begun Return to normal: the secondary becomes passive, the primary becomes active again."},
		"return done":         {v(router.Returning, sec), v(router.Normal, p), "return-done Return to normal done: the primary is active."},
		"both down":           {v(router.Normal, p), v(router.BothDown, p), "both-down No server answers."},
		"serves again":        {v(router.BothDown, p), v(router.Normal, p), "serving-again The primary answers again and takes calls."},
		"secondary again":     {v(router.BothDown, sec), v(router.OnSecondary, sec), "serving-again The secondary answers again and takes calls."},
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

// Only the end of a move that began in this run says how long it took.
func TestOnlyTheEndOfAMoveHasADuration(t *testing.T) {
	s := still(t)
	m := s.node.mind
	for _, v := range []router.View{
		{Phase: router.Normal, Active: router.Primary},
		{Phase: router.BothDown, Active: router.Primary},
		{Phase: router.Normal, Active: router.Primary},
		{Phase: router.Switching, Active: router.Primary},
		{Phase: router.OnSecondary, Active: router.Secondary},
	} {
		m.viewed(v)
	}
	events, err := s.node.Events(t.Context(), time.Time{}, 100)
	s.must(err)
	for _, e := range events {
		d, has := e.Params["duration"]
		if has != (e.Code == text.EventSwitchoverDone) {
			t.Errorf("%s: duration %q", e.Code, d)
		}
		if took, err := time.ParseDuration(d); has && (err != nil || took > time.Minute) {
			t.Errorf("%s took %q", e.Code, d)
		}
	}
}

func TestOnlyWhatMovesTheRoleIsAWarning(t *testing.T) {
	for _, c := range []struct {
		from, to router.Phase
		want     slog.Level
	}{
		{router.Normal, router.Verifying, slog.LevelInfo},
		{router.Verifying, router.Normal, slog.LevelInfo},
		{router.Verifying, router.Switching, slog.LevelWarn},
		{router.Switching, router.OnSecondary, slog.LevelWarn},
		{router.Verifying, router.BothDown, slog.LevelWarn},
		{router.BothDown, router.Normal, slog.LevelWarn},
		{router.Returning, router.Normal, slog.LevelWarn},
		{router.Normal, router.Maintenance, slog.LevelInfo},
	} {
		if got := levelOf(c.from, c.to); got != c.want {
			t.Errorf("%v to %v: %v", c.from, c.to, got)
		}
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
		router.ReasonStoreDown, router.ReasonLeaseLost, router.ReasonOrderLate, router.ReasonMoveFailed, router.ReasonConfirmed,
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
		"switchover-withheld", "switchover-withheld", "command-refused", "move-failed",
	}
	if !slices.Equal(codes, want) {
		t.Errorf("%q, want %q", codes, want)
	}
}

// The motive and the name of the operator were once nowhere.
func TestOrdersNameWhoGaveThem(t *testing.T) {
	s := newSite(t)
	s.ready()
	give := func(name, why string) {
		r, err := s.node.Command(t.Context(), admin.Command{Name: name, Reason: why, Actor: "marie", Force: true})
		if err != nil || !r.Accepted {
			t.Fatalf("%s: %+v %v", name, r, err)
		}
	}
	give(admin.MaintenanceStart, "update.")
	s.until("maintenance", func() bool { return s.node.proxy.View().Phase == router.Maintenance })
	give(admin.MaintenanceStop, "")
	s.until("normal", func() bool { return s.node.proxy.View().Phase == router.Normal })
	give(admin.Switchover, "monthly test")
	s.until("on the secondary", func() bool { return s.node.proxy.View().Phase == router.OnSecondary })
	give(admin.Return, "end of the test")
	s.until("normal again", func() bool { return s.node.proxy.View().Phase == router.Normal })
	events, err := s.node.Events(t.Context(), time.Time{}, 100)
	s.must(err)
	got := map[string]string{}
	for _, e := range events {
		got[e.Code] = e.Actor + ": " + text.For(text.English).Event(e.Code, e.Params)
	}
	for code, want := range map[string]string{
		text.EventMaintenanceStarted: "marie: Maintenance started, roles frozen: update.",
		text.EventMaintenanceStopped: "marie: Maintenance ended.",
		text.EventSwitchoverBegun:    "marie: Switchover: the primary becomes passive, the secondary takes over. An operator's decision. Reason given: monthly test.",
		text.EventReturnBegun:        "marie: Return to normal: the secondary becomes passive, the primary becomes active again. An operator's decision. Reason given: end of the test.",
	} {
		if got[code] != want {
			t.Errorf("%s: %q, want %q", code, got[code], want)
		}
	}
	if r, err := s.node.Command(t.Context(), admin.Command{Name: admin.MaintenanceStop, Actor: "paul"}); err != nil || r.Accepted {
		t.Fatalf("%+v %v", r, err)
	}
	if s.node.mind.ordered != nil {
		t.Error("a refused order is kept")
	}
}

func TestNobodyIsTheReasonWhenBothAreDown(t *testing.T) {
	s := snapshot{view: router.View{Phase: router.BothDown}}
	s.row.Role.Reason = router.ReasonOperator
	if r := s.reason(); r != router.ReasonBothDown {
		t.Errorf("both down: %s", r)
	}
	s.view.Phase = router.Normal
	if r := s.reason(); r != router.ReasonOperator {
		t.Errorf("normal: %s", r)
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

// An order that was stored too late is told with who gave it.
func TestLateOrderIsToldWithWhoGaveIt(t *testing.T) {
	s := still(t)
	m := s.boot()
	m.ordered = &admin.Command{Name: admin.Switchover, Actor: "marie", Reason: "monthly test"}
	from := len(s.journal())
	m.journal(&control.Effect{Kind: control.Record, Server: router.Secondary, Reason: router.ReasonOrderLate})
	if l := s.journal()[from:]; len(l) != 1 || !strings.Contains(l[0], "could not be stored in time") || !strings.Contains(l[0], "switchover") {
		t.Errorf("%q", l)
	}
	if m.ordered != nil {
		t.Error("the order is kept")
	}
}
