package app

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
	"releve/router"
	"releve/router/control"
)

// still is a node that was wired and not started: its parts are stepped by hand.
func still(t *testing.T) *site {
	t.Helper()
	return stillWith(t, func(_, body string) string { return body })
}

// stillWith is still with a file that edit changed, given the site's directory.
func stillWith(t *testing.T, edit func(dir, body string) string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir()}
	for _, u := range []string{"5001", "5002"} {
		s.must(os.WriteFile(filepath.Join(s.dir, u), []byte("secret"+u), 0o600))
	}
	s.file = filepath.Join(s.dir, "releve.yaml")
	body := fmt.Sprintf(sitePattern, freePort(t, "127.0.41.9"), s.dir, "127.0.41.1:5060", "127.0.41.2:5060", "127.0.41.3:5060")
	s.must(os.WriteFile(s.file, []byte(edit(s.dir, body)), 0o600))
	cfg, problems, err := config.Load(s.file, text.English)
	if err != nil || config.Faulty(problems) {
		t.Fatal(err, problems)
	}
	s.node, err = New(cfg, Options{Version: "test"})
	s.must(err)
	t.Cleanup(s.node.Stop)
	s.must(s.node.store.open(t.Context()))
	return s
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
