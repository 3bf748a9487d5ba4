package app

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
	"releve/db"
	"releve/health/alarm"
	"releve/health/mirror"
	"releve/router"
	"releve/router/control"
)

// Every cause that the watch knows has its words.
func TestEveryMirrorCauseHasWords(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "health/mirror/facts.go"), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if x, ok := v.Type.(*ast.Ident); !ok || x.Name != "Cause" {
			return true
		}
		word, _ := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
		found++
		if !text.HasMirrorCause(word) {
			t.Errorf("%s (%q) has no words", v.Names[0].Name, word)
		}
		return true
	})
	if found < 15 {
		t.Errorf("only %d causes found: does the test look at the right place?", found)
	}
}

// mirroredSite is a node whose file names a mirror that is never asked: what the
// watch sees is told by the test.
func mirroredSite(t *testing.T) *site {
	return stillWith(t, func(_, body string) string {
		return body + "\nmirror: {main: \"postgres://r@127.0.0.1:1/w\", mirror: \"postgres://r@127.0.0.1:2/w\"}\n"
	})
}

func mirrorState(change func(*mirror.State)) mirror.State {
	now := time.Now()
	s := mirror.State{At: now, LagAt: now, Behind: mirror.No, Stream: mirror.Running, Lag: 400 * time.Millisecond}
	s.Look.Main.Reach, s.Look.Mirror.Reach = mirror.Up, mirror.Up
	if change != nil {
		change(&s)
	}
	return s
}

// TestOfTwoReloadsTheLatersMirrorIsWatched: the earlier one is still ending its watch.
func TestOfTwoReloadsTheLatersMirrorIsWatched(t *testing.T) {
	s := mirroredSite(t)
	a, w := s.node, &s.node.mirror
	with := a.cfg()
	without := *with
	without.Mirror.Main.URL, without.Mirror.Mirror.URL = "", ""
	reload := func(before, next *config.Config) {
		a.current.Store(next)
		w.reload(before, next)
	}
	for range 200 {
		reload(with, &without)
		reload(&without, with)
		reload(with, &without)
		a.mind.wait.Wait()
		if w.watcher.Load() != nil {
			t.Fatal("a mirror is watched that is not in the file any more")
		}
	}
	reload(&without, with)
	a.mind.wait.Wait()
	if w.watcher.Load() == nil {
		t.Fatal("no mirror is watched")
	}
}

// Each condition is one alarm, told once, and ended when it ends; what was told
// before the stored alarms were read is not forgotten.
func TestMirrorAlarms(t *testing.T) {
	s := mirroredSite(t)
	m, w := s.node.mind, &s.node.mirror
	active := func() string {
		var out []string
		for _, a := range m.alarms.Active() {
			out = append(out, strconv.Itoa(int(a.Number))+" "+a.Object+" "+a.Severity)
		}
		return strings.Join(out, ", ")
	}
	stored := time.Now().Add(-time.Hour)
	w.seen(mirrorState(func(s *mirror.State) { s.MainDown = true }))
	if got := active(); got != "1022 main critical" {
		t.Errorf("before the store was read: %s", got)
	}
	m.restoreAlarms([]db.Alarm{{Number: uint16(alarm.MirrorDown), Object: "mirror", Severity: "major", Raised: stored, Count: 1}})
	w.seen(mirrorState(nil))
	if got := active(); got != "1022 main critical, 1028 mirror major" {
		t.Errorf("an end is told when all is read: %s", got)
	}
	close(m.restored)
	for _, c := range []struct {
		state func(*mirror.State)
		want  string
	}{
		{nil, ""},
		{func(s *mirror.State) { s.MirrorDown = true }, "1028 mirror major"},
		{func(s *mirror.State) { s.Broken = mirror.Halted }, "1029 mirror major"},
		{func(s *mirror.State) { s.Broken = mirror.Promoted }, "1029 mirror critical"},
		{func(s *mirror.State) { s.Lagging, s.Behind = true, mirror.Yes }, "1020 mirror major"},
		{func(s *mirror.State) { s.Space = mirror.MirrorFull }, "1036 mirror minor"},
		{func(s *mirror.State) { s.Space = mirror.WALKept }, "1036 main minor"},
		{func(s *mirror.State) { s.MainDown, s.MirrorDown = true, true }, "1022 main critical, 1028 mirror major"},
	} {
		w.seen(mirrorState(c.state))
		w.seen(mirrorState(c.state))
		if got := active(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
		m.restoreAlarms(nil) // flapping is another test's
		w.told = mirrorWatch{}.told
	}
}

// The mind is told what the watch sees, and the switchover what it leaves behind.
func TestMirrorReachesTheMindAndTheJournal(t *testing.T) {
	s := mirroredSite(t)
	m, w := s.node.mind, &s.node.mirror
	if got := s.node.mirrorStatus(); got == nil || got.State != admin.MirrorUnknown || got.Main.Address != "127.0.0.1:1" {
		t.Fatalf("%+v", got)
	}
	w.seen(mirrorState(func(s *mirror.State) { s.Lagging, s.Behind, s.Lag = true, mirror.Yes, 95*time.Second }))
	if got := control.Copy(w.copied.Load()); got != control.CopyBehind {
		t.Errorf("copied %d", got)
	}
	if got := s.node.mirrorDetail(alarm.SecondaryNotReady, true); !strings.Contains(got, "1 min 35 s") {
		t.Errorf("the alarm about the secondary says %q", got)
	}
	w.seen(mirrorState(func(s *mirror.State) { s.MainDown = true }))
	m.viewed(router.View{Phase: router.Normal, Active: router.Primary, Epoch: 1})
	m.viewed(router.View{Phase: router.Switching, Active: router.Primary, Epoch: 2})
	m.viewed(router.View{Phase: router.OnSecondary, Active: router.Secondary, Epoch: 2})
	journal := strings.Join(s.journal(), "\n")
	if strings.Count(journal, "data at risk: 0.4 s") != 2 {
		t.Errorf("the switchover says nothing of what it leaves behind:\n%s", journal)
	}
	r := s.node.mirrorStatus().AtRisk
	if r == nil || !r.Known || r.Lag != 400*time.Millisecond {
		t.Errorf("%+v", r)
	}
	w.atRisk.Store(nil) // a restart
	w.recall(db.Event{Time: time.Now(), Params: map[string]string{"risk": "400ms"}})
	if r := w.atRisk.Load(); r == nil || r.Lag != 400*time.Millisecond || !r.Known {
		t.Errorf("after a restart: %+v", r)
	}
	w.atRisk.Store(nil)
	w.recall(db.Event{Time: time.Now(), Params: map[string]string{"risk": unmeasured}})
	if r := w.atRisk.Load(); r == nil || r.Known {
		t.Errorf("never measured: %+v", r)
	}
}

// A reload watches what the file says now; of what it watches no more nothing
// stands.
func TestMirrorIsReloaded(t *testing.T) {
	t.Parallel()
	s := stillWith(t, func(_, body string) string {
		return body + "\nmirror: {main: \"postgres://r@127.0.0.1:1/w\", mirror: \"postgres://r@127.0.0.1:2/w\", interval: 500ms, timeout: 400ms, max_lag: 5s}\n"
	})
	m, w := s.node.mind, &s.node.mirror
	close(m.restored)
	until := func(what string, is func() bool) {
		t.Helper()
		for deadline := time.Now().Add(patience); !is(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: never; %+v", what, w.shown.Load())
			}
		}
	}
	stand := func() (n int) {
		m.mu.Lock()
		defer m.mu.Unlock()
		return len(m.alarms.Active())
	}
	w.start()
	until("both down", func() bool { return stand() == 2 })
	before := s.node.cfg()
	other := *before
	other.Mirror.Main.URL = "postgres://r@127.0.0.1:3/w"
	s.node.current.Store(&other)
	w.reload(before, &other)
	until("the other one", func() bool {
		x := s.node.mirrorStatus()
		return x.State == admin.MirrorMainDown && x.Main.Address == "127.0.0.1:3"
	})
	none := other
	none.Mirror.Main.URL, none.Mirror.Mirror.URL = "", ""
	s.node.current.Store(&none)
	w.reload(&other, &none)
	until("nothing stands", func() bool { return stand() == 0 && w.watcher.Load() == nil && s.node.mirrorStatus() == nil })
}
