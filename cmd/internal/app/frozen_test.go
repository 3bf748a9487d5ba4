package app

import (
	"errors"
	"slices"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
	"releve/db"
	"releve/health/alarm"
	"releve/router"
	"releve/router/control"
)

// A panic in the loop that decides ended the process, and every call with it.
func TestPanicOfTheMindFreezesItAndCallsGoOn(t *testing.T) {
	s := newSite(t)
	s.ready()
	m := s.node.mind
	if _, err := m.ask(t.Context(), control.Event{Kind: control.Evidence, Server: 99, Evidence: router.OK}); !errors.Is(err, errFrozen) {
		t.Fatalf("an event about a server that cannot be: %v", err)
	}
	s.until("the alarm asks for a restart", func() bool { return s.alarmed(alarm.Frozen) })
	s.until("the panic is told", func() bool { return s.alarmed(alarm.InternalFault) })
	if by := s.served("100"); by != "principal" {
		t.Errorf("answered by %q", by)
	}
	if _, err := s.node.Command(t.Context(), admin.Command{Name: admin.Switchover, Reason: "test", Actor: "test"}); !errors.Is(err, errFrozen) {
		t.Errorf("a command: %v", err)
	}
	registers := s.ipbx.Registers()
	m.post(control.Event{Kind: control.Tick})
	m.raise(alarm.PassiveCalls, "secondary") // the table lives
	if st := s.node.Status(t.Context()); st.Active != "primary" || s.ipbx.Registers() != registers {
		t.Errorf("%s is active, %d REGISTERs more", st.Active, s.ipbx.Registers()-registers)
	}
	s.until("what is posted is emptied", func() bool {
		m.results.mu.Lock()
		defer m.results.mu.Unlock()
		return len(m.results.list) == 0
	})

	s.node.Stop()
	s.start()
	s.ready()
	s.until("a restart ends it", func() bool { return !s.alarmed(alarm.Frozen) && !s.alarmed(alarm.InternalFault) })
	events, err := s.node.Events(t.Context(), time.Time{}, 1000)
	if err != nil || !slices.ContainsFunc(events, func(e db.Event) bool { return e.Code == text.EventInternalFault }) {
		t.Errorf("the journal does not tell of it: %v", err)
	}
}

// A frozen node whose registration nobody renews would be left by the IPBX.
func TestPanicOfTheMindEndsTheProcessOnceNoCallIsInSetUp(t *testing.T) {
	s := prepared(t)
	cfg, problems, err := config.Load(s.file, text.English)
	if err != nil || config.Faulty(problems) {
		t.Fatal(err, problems)
	}
	a, err := New(cfg, Options{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Stop)
	ended := make(chan error, 1)
	go func() { ended <- a.serve(t.Context()) }()
	s.node = a
	s.ready()
	a.proxy.Stats.Offered.Add(1) // a call rings
	if _, err := a.mind.ask(t.Context(), control.Event{Kind: control.Evidence, Server: 99, Evidence: router.OK}); !errors.Is(err, errFrozen) {
		t.Fatalf("an event about a server that cannot be: %v", err)
	}
	if by := s.served("101"); by != "principal" {
		t.Errorf("answered by %q", by)
	}
	select {
	case err := <-ended:
		t.Fatalf("it ended while a call was in set-up: %v", err)
	default:
	}
	a.proxy.Stats.Outcomes[router.Answered].Add(1)
	if err := <-ended; !errors.Is(err, ErrFault) {
		t.Errorf("it ended with %v", err)
	}
}

// What only watches is no decision: a panic there ends one look.
func TestPanicOfAWatchFreezesNothing(t *testing.T) {
	s := still(t)
	m := s.boot()
	m.counted.limits = append(m.counted.limits, limit{name: "odd", count: func() uint64 { panic("ours") }})
	m.look()
	m.turn(request{}, false)
	select {
	case <-m.frozen:
		t.Fatal("frozen")
	default:
	}
	if !s.alarmed(alarm.InternalFault) {
		t.Error("not told")
	}
	m.counted.limits = m.counted.limits[:len(m.counted.limits)-1]
	m.count(time.Now())
	m.count(time.Now().Add(faultQuiet - time.Minute))
	if !s.alarmed(alarm.InternalFault) {
		t.Error("it ended before the day did")
	}
	m.count(time.Now().Add(faultQuiet + time.Minute))
	if s.alarmed(alarm.InternalFault) {
		t.Error("it never ends")
	}
}
