package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
	"releve/db"
	"releve/health/alarm"
	"releve/router/control"
)

// told fails unless the journal holds these codes in this order, others between
// them, and every line of it is a whole sentence in both languages.
func (s *site) told(codes ...string) {
	s.t.Helper()
	s.until(fmt.Sprintf("the journal tells %q", codes), func() bool {
		events, err := s.node.Events(s.t.Context(), time.Time{}, 1000)
		var got []string
		for _, e := range slices.Backward(events) {
			got = append(got, e.Code)
			for _, lang := range []text.Lang{text.French, text.English} {
				if line := text.For(lang).Event(e.Code, e.Params); !text.HasEvent(e.Code) || strings.ContainsAny(line, "{}[]?") {
					s.t.Errorf("%s %v: %q", e.Code, e.Params, line)
				}
			}
		}
		return err == nil && inOrder(got, codes)
	})
}

// inOrder reports whether all the codes stand in got, in this order.
func inOrder(got, codes []string) bool {
	for _, c := range codes {
		i := slices.Index(got, c)
		if i < 0 {
			return false
		}
		got = got[i+1:]
	}
	return true
}

func (s *site) alarmed(n alarm.Number) bool {
	return slices.ContainsFunc(s.node.Alarms(s.t.Context()), func(a db.Alarm) bool { return a.Number == uint16(n) })
}

// A directory in place of each file: what no user, not even root, can write. clear ends
// it for the records first: what is told of the store would be lost without them.
func (s *site) obstruct() (clear func()) {
	paths := []string{filepath.Join(s.dir, "state.db"), filepath.Join(s.dir, "spool")}
	s.must(os.Mkdir(paths[0], 0o700))
	s.must(os.WriteFile(paths[1], nil, 0o600))
	return func() {
		s.must(os.Remove(paths[1]))
		if s.node != nil {
			s.until("the records are open", func() bool { return !s.node.mind.inTrouble(recordsClosed) })
		}
		s.must(os.Remove(paths[0]))
	}
}

// A disk that could not be written once kept the whole node from starting; and
// no REGISTER leaves before its intent is stored.
func TestDataThatCannotBeOpenedHoldUpNoCallAndNoRegisterLeaves(t *testing.T) {
	s := prepared(t)
	clear := s.obstruct()
	s.start()
	if st := s.node.Status(t.Context()); st.Active != "primary" {
		t.Errorf("calls go to the primary, the screen says %q", st.Active)
	}
	if by := s.served("100"); by != "principal" {
		t.Fatalf("answered by %q", by)
	}
	if n := s.ipbx.Registers(); n != 0 {
		t.Errorf("%d REGISTERs before anything could be stored", n)
	}
	if !s.alarmed(alarm.StoreDown) {
		t.Error("no alarm")
	}
	if _, err := s.node.Events(t.Context(), time.Time{}, 1); err == nil {
		t.Error("a journal that cannot be read was shown")
	}
	if lost := s.node.records.stats().Lost; lost == 0 {
		t.Error("what was lost is not counted")
	}
	clear()
	s.ready()
	s.until("the alarm ends", func() bool { return !s.alarmed(alarm.StoreDown) })
	s.told("state-restored")
}

// A store that another process holds is waited for, by nobody but the mind.
func TestSlowStoreHoldsUpNoCall(t *testing.T) {
	s := prepared(t)
	other, err := sql.Open("sqlite", filepath.Join(s.dir, "state.db"))
	s.must(err)
	defer other.Close()
	other.SetMaxOpenConns(1)
	_, err = other.Exec("BEGIN EXCLUSIVE")
	s.must(err)
	s.start()
	if by := s.served("100"); by != "principal" {
		t.Fatalf("answered by %q", by)
	}
	select {
	case <-s.node.mind.restored:
		t.Fatal("the store was not held: this proves nothing")
	default:
	}
	if n := s.ipbx.Registers(); n != 0 {
		t.Errorf("%d REGISTERs before anything was stored", n)
	}
	_, err = other.Exec("ROLLBACK")
	s.must(err)
	s.ready()
}

// The end of a save once could be lost, or never come, and nothing was ever
// saved again.
func TestStoreLostDuringTheRunComesBack(t *testing.T) {
	t.Parallel() // it waits
	s := newSite(t)
	s.ready()
	s.node.store.close()
	r, err := s.node.Command(t.Context(), admin.Command{Name: admin.MaintenanceStart, Reason: "test", Actor: "test"})
	if err != nil || !r.Accepted {
		t.Fatalf("%+v %v", r, err)
	}
	s.until("the alarm", func() bool { return s.alarmed(alarm.StoreDown) })
	if by := s.served("100"); by != "principal" {
		t.Fatalf("answered by %q", by)
	}
	s.must(s.node.store.open(t.Context()))
	s.until("role and alarms are saved", func() bool { return !s.alarmed(alarm.StoreDown) })
	s.until("the command goes on", func() bool { return s.node.Status(t.Context()).Phase == "maintenance" })
	s.told("store-down", "store-up")
}

func TestStopKeepsTheRegistrationAndLeavesNothing(t *testing.T) {
	s := prepared(t)
	before := runtime.NumGoroutine()
	s.start()
	s.ready()
	registers := s.ipbx.Registers()
	s.node.Stop()
	s.until("every goroutine ends", func() bool { return runtime.NumGoroutine() <= before })
	if n := s.ipbx.Registers(); n > registers+1 { // a refresh may have been under way
		t.Errorf("%d REGISTERs at the stop", n-registers)
	}
	bound := s.ipbx.Bindings()
	if len(bound) != 1 || bound[0].User != "5001" {
		t.Errorf("the registration did not stay: %+v", bound)
	}
	if _, err := s.node.mind.ask(context.Background(), control.Event{Kind: control.Tick}); !errors.Is(err, errStopping) {
		t.Errorf("asked after the stop: %v", err)
	}
}

func TestSecondNodeOnTheSameDataIsRefused(t *testing.T) {
	s := newSite(t)
	cfg, _, err := config.Load(s.file, text.English)
	s.must(err)
	if _, err := New(cfg, Options{}); !errors.Is(err, syscall.EWOULDBLOCK) {
		t.Fatalf("%v", err)
	}
	if by := s.served("100"); by != "principal" {
		t.Errorf("the first one: answered by %q", by)
	}
}

func TestAlarmsOutliveARestart(t *testing.T) {
	s := newSite(t)
	s.ready()
	s.node.mind.raise(alarm.PassiveCalls, "secondary")
	s.node.Stop() // within the second: the table is stored at the end
	s.start()
	s.until("the stored alarm is read", func() bool { return s.alarmed(alarm.PassiveCalls) })
}
