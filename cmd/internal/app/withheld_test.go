package app

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/text"
	"releve/health/alarm"
	"releve/testbed/ipbx"
	"releve/testbed/server"
)

// In observation nothing switches: the screen once went on saying that the
// attendant answers, with the primary dead.
func TestDeadPrimaryInObservation(t *testing.T) {
	t.Parallel() // it waits
	s := prepared(t)
	body, err := os.ReadFile(s.file)
	s.must(err)
	observing := bytes.Replace(body, []byte("verification: {"), []byte("verification: {act: false, "), 1)
	s.must(os.WriteFile(s.file, observing, 0o600))
	s.start()
	s.ready()
	if st := s.node.Status(t.Context()); st.Headline != text.Answering || st.Act {
		t.Fatalf("%+v", st)
	}
	s.must(s.primary.SetMode(server.Mode{Kind: server.Killed}))
	s.until("the screen and an alarm say that nobody answers", func() bool {
		return s.node.Status(t.Context()).Headline == text.Nobody && s.alarmed(alarm.NobodyServes)
	})
	s.observed()
	s.must(s.primary.SetMode(server.Mode{Kind: server.Healthy}))
	s.until("both end", func() bool {
		return s.node.Status(t.Context()).Headline == text.Answering && !s.alarmed(alarm.NobodyServes)
	})
	if st := s.node.Status(t.Context()); st.Counters.Switchovers != 0 || st.Active != "primary" {
		t.Fatalf("observation switched: %+v", st)
	}
}

// observed: the journal names the server that failed, and the round that
// confirmed it; the count once fell to 0/3 there.
func (s *site) observed() {
	s.t.Helper()
	s.until("what would have been done is told", func() bool {
		return slices.ContainsFunc(s.journal(), func(l string) bool {
			return strings.HasPrefix(l, "observed Observation: a switchover would have happened (the primary:")
		})
	})
	lines := strings.Join(s.journal(), "\n")
	if !strings.Contains(lines, "Round 3/3 of the primary") || strings.Contains(lines, "0/3") {
		s.t.Errorf("%s", lines)
	}
}

// A voice server that does not know the service number is told by its name and
// the number, until it takes a call to it.
func TestUnknownServiceNumberOnTheWire(t *testing.T) {
	s := newSite(t)
	s.ready()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s.must(s.primary.SetMode(server.Mode{Kind: server.ServerError, Status: 404}))
	c, err := s.ipbx.Call(ctx, ipbx.CallSpec{From: "100", To: "5000"})
	s.must(err)
	if r, err := c.Wait(ctx); err != nil || r.Status != 404 {
		t.Fatalf("%+v %v", r, err)
	}
	s.until("the alarm", func() bool {
		a := s.node.Alarms(t.Context())
		return len(a) == 1 && a[0].Number == uint16(alarm.Misprovisioned) && a[0].Object == "primary / 5000"
	})
	s.must(s.primary.SetMode(server.Mode{Kind: server.Healthy}))
	if by := s.served("101"); by != "principal" {
		t.Fatalf("answered by %q", by)
	}
	s.until("its end", func() bool { return !s.alarmed(alarm.Misprovisioned) })
}
