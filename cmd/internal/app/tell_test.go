package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/db"
	"releve/health/alarm"
	"releve/health/notify"
)

// gateway puts a program into the site's hooks.d that notes what it is told, and
// the section that runs it. It refuses while the file refuse is there.
func (s *site) gateway(name string) {
	s.t.Helper()
	dir := filepath.Join(s.dir, "hooks.d")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		s.t.Fatal(err)
	}
	body := fmt.Sprintf("#!/bin/sh\nif [ -e %[1]s/refuse ]; then echo no modem; exit 1; fi\ncat >> %[1]s/%[2]s.told\necho sent\n", s.dir, name)
	s.must(os.WriteFile(filepath.Join(dir, name), []byte(body), 0o755))
}

func (s *site) refuses(on bool) {
	s.t.Helper()
	path := filepath.Join(s.dir, "refuse")
	if on {
		s.must(os.WriteFile(path, nil, 0o600))
		return
	}
	s.must(os.Remove(path))
}

// noticed is what the gateway was told, but for tests.
func (s *site) noticed(name string) (out []notify.Notice) {
	s.t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.dir, name+".told"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	s.must(err)
	for line := range strings.Lines(string(raw)) {
		var n notify.Notice
		if !strings.HasSuffix(line, "\n") || json.Unmarshal([]byte(line), &n) != nil {
			continue // it is being written
		}
		if n.Kind != notify.Test {
			out = append(out, n)
		}
	}
	return out
}

func words(notices []notify.Notice) (out []string) {
	for _, n := range notices {
		out = append(out, fmt.Sprintf("%s %d %s", n.Kind, n.Number, n.Object))
	}
	return out
}

// hears waits until the gateway was told exactly this.
func (s *site) hears(name string, want ...string) []notify.Notice {
	s.t.Helper()
	var got []notify.Notice
	s.until(fmt.Sprintf("%s was told %q", name, want), func() bool {
		got = s.noticed(name)
		return len(got) >= len(want)
	})
	if w := words(got); !slices.Equal(w, want) {
		s.t.Fatalf("%s was told %q, want %q", name, w, want)
	}
	return got
}

func toldSite(t *testing.T, alarms string) *site {
	t.Helper()
	s := prepared(t)
	s.gateway("sms")
	s.edit("store: {path", "contacts: {astreinte: \"0600000000\"}\nalarms: "+strings.ReplaceAll(alarms, "@DIR@", s.dir)+"\nstore: {path")
	s.start()
	s.ready()
	return s
}

// TestPeopleAreTold: an alarm, who took it and its end reach a program of the
// site's as one incident, over a restart in between; nothing is told twice.
func TestPeopleAreTold(t *testing.T) {
	t.Parallel()
	s := toldSite(t, "{delay: 0s, hooks: {dir: @DIR@/hooks.d}}")
	s.node.mind.raise(alarm.PeerAbsent, "peer")
	first := s.hears("sms", "raised 1030 peer")[0]
	if first.Severity != "major" || first.Urgent || first.Site != "test" || first.Title != "The other node of Relève is absent (peer)" ||
		first.Headline != "The automated attendant answers" || !strings.Contains(first.Text, "What to do?") ||
		!strings.Contains(first.Text, "on call 0600000000") || first.Thread != "[Relève test] MAJOR 1030 The other node of Relève is absent (peer)" {
		t.Errorf("%+v", first)
	}
	s.node.Stop()
	s.start()
	s.ready()
	s.until("the alarm is restored", func() bool { return s.alarmed(alarm.PeerAbsent) })
	s.must(s.node.Acknowledge(t.Context(), admin.Acknowledgement{Number: 1030, Object: "peer", Comment: "I go", Actor: "marie"}))
	taken := s.hears("sms", "raised 1030 peer", "acknowledged 1030 peer")[1]
	if taken.By != "marie" || taken.Note != "I go" || taken.Incident != first.Incident || taken.Thread != first.Thread {
		t.Errorf("%+v", taken)
	}
	s.node.mind.clearAlarm(alarm.PeerAbsent, "peer")
	over := s.hears("sms", "raised 1030 peer", "acknowledged 1030 peer", "cleared 1030 peer")[2]
	if over.Incident != first.Incident || over.Thread != first.Thread || over.Word != "end of alarm" || strings.Contains(over.Text, "What to do?") {
		t.Errorf("%+v", over)
	}
}

// TestReceiverDownIsAnAlarmAndLosesNothing: what came and went while a receiver
// refused is delivered in order; that it was down is told to the others alone.
func TestReceiverDownIsAnAlarmAndLosesNothing(t *testing.T) {
	t.Parallel()
	s := toldSite(t, "{hooks: {dir: @DIR@/hooks.d}}")
	s.refuses(true)
	s.node.mind.raise(alarm.PeerAbsent, "peer")
	s.node.mind.clearAlarm(alarm.PeerAbsent, "peer")
	s.node.mind.raise(alarm.TwoMasters, "peer")
	s.until("the receiver is found down", func() bool { return s.alarmed(alarm.SinkDown) })
	if r := s.node.Receivers(t.Context()); len(r) != 1 || r[0].Name != "hook sms" || !r[0].Down || r[0].Waiting != 3 || !strings.Contains(r[0].Cause, "no modem") {
		t.Errorf("%+v", r)
	}
	if down := s.node.Alarms(t.Context()); !slices.ContainsFunc(down, func(x db.Alarm) bool {
		return x.Number == uint16(alarm.SinkDown) && strings.HasSuffix(x.Detail, "1: no modem")
	}) {
		t.Errorf("the alarm does not say why: %+v", down)
	}
	tests, err := s.node.TestReceivers(t.Context(), "hook")
	if err != nil || len(tests) != 1 || tests[0].OK || tests[0].Cause != "sms ended with 1: no modem" {
		t.Errorf("%+v, %v", tests, err)
	}
	s.refuses(false)
	tests, err = s.node.TestReceivers(t.Context(), "all")
	if err != nil || len(tests) != 1 || !tests[0].OK || tests[0].Answer != "sent" {
		t.Errorf("%+v, %v", tests, err)
	}
	s.hears("sms", "raised 1030 peer", "cleared 1030 peer", "raised 1031 peer")
	s.until("the receiver is back", func() bool { return !s.alarmed(alarm.SinkDown) })
	s.until("the third is counted", func() bool { return s.node.Receivers(t.Context())[0].Waiting == 0 }) // the hook wrote it before it ended
	var page strings.Builder
	s.node.noticeMetrics(&page)
	for _, want := range []string{`releve_notices_queued_total{sink="hook sms"} 3`, `releve_notices_sent_total{sink="hook sms"} 3`, `releve_notices_dropped_total{sink="hook sms"} 0`} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("no %s in\n%s", want, page.String())
		}
	}
	var f *admin.Fault
	if _, err := s.node.TestReceivers(t.Context(), "pager"); !errors.As(err, &f) || f.Code != text.FaultNoReceiver {
		t.Errorf("no such receiver: %v", err)
	}
}

// TestSilenceOfTheSite: in a silence alarms stand and are not sent; at its end
// they are; who planned it is in the journal; it outlives a restart.
func TestSilenceOfTheSite(t *testing.T) {
	t.Parallel()
	s := toldSite(t, "{hooks: {dir: @DIR@/hooks.d}}")
	planned, err := s.node.Silence(t.Context(), admin.SilenceAsked{Length: time.Hour, Reason: "disks", Actor: "marie"})
	s.must(err)
	s.node.mind.raise(alarm.TwoMasters, "peer")
	s.node.Stop()
	s.start()
	s.ready()
	s.until("the alarm is restored", func() bool { return s.alarmed(alarm.TwoMasters) })
	if w := s.node.Silences(t.Context()); len(w) != 1 || w[0].ID != planned.ID || w[0].By != "marie" || !w[0].Open || w[0].Reason != "disks" {
		t.Fatalf("%+v", w)
	}
	if got := s.noticed("sms"); len(got) != 0 {
		t.Errorf("in the silence told %q", words(got))
	}
	_, err = s.node.EndSilence(t.Context(), planned.ID, "paul")
	s.must(err)
	s.hears("sms", "raised 1031 peer")
	var f *admin.Fault
	if _, err = s.node.EndSilence(t.Context(), planned.ID, "paul"); !errors.As(err, &f) || f.Code != text.FaultNoSilence {
		t.Errorf("ended twice: %v", err)
	}
	if _, err = s.node.Silence(t.Context(), admin.SilenceAsked{Length: 200 * time.Hour, Reason: "disks"}); !errors.As(err, &f) || f.Code != text.FaultSilenceLength {
		t.Errorf("too long: %v", err)
	}
}

// TestReloadOfReceivers: another receiver is told from the reload on; one that is
// gone leaves no alarm behind.
func TestReloadOfReceivers(t *testing.T) {
	t.Parallel()
	s := toldSite(t, "{hooks: {dir: @DIR@/hooks.d}}")
	s.gateway("relay")
	s.edit("hooks.d}", "hooks.d, urgent_only: true}")
	s.applied("alarms.hooks.urgent_only")
	s.node.mind.raise(alarm.PeerAbsent, "peer") // no night call
	s.node.mind.raise(alarm.TwoMasters, "peer")
	s.hears("sms", "raised 1031 peer")
	s.hears("relay", "raised 1031 peer")
	s.refuses(true)
	s.node.mind.clearAlarm(alarm.TwoMasters, "peer")
	s.until("both are found down", func() bool {
		return len(s.node.standing(alarm.SinkDown)) == 2
	})
	s.edit("alarms: {hooks: {dir: "+s.dir+"/hooks.d, urgent_only: true}}\n", "")
	if r := s.reload(); r.Outcome != admin.ReloadApplied {
		t.Fatalf("%+v", r)
	}
	s.until("no receiver, no alarm about one", func() bool { return !s.alarmed(alarm.SinkDown) })
	if r := s.node.Receivers(t.Context()); len(r) != 0 {
		t.Errorf("%+v", r)
	}
}

// TestKilledNodeTellsWhatItOwed: the files as kill -9 leaves them bring what was
// not delivered yet to the receiver, once, and then the end of the same incident.
func TestKilledNodeTellsWhatItOwed(t *testing.T) {
	t.Parallel()
	s := toldSite(t, "{hooks: {dir: @DIR@/hooks.d}}")
	s.refuses(true)
	s.node.mind.raise(alarm.TwoMasters, "peer")
	notices := filepath.Join(s.dir, "notices")
	s.until("the notice and the memory are on disk", func() bool {
		files, err := filepath.Glob(filepath.Join(notices, "*.json"))
		return err == nil && len(files) == 2
	})
	s.until("the alarm is stored", func() bool {
		store, err := s.node.store.use()
		s.must(err)
		stored, err := store.Alarms(t.Context())
		return err == nil && len(stored) > 0
	})
	s.must(os.Rename(notices, notices+".killed")) // what a clean stop writes goes elsewhere
	s.node.Stop()
	s.must(os.RemoveAll(notices))
	s.must(os.Rename(notices+".killed", notices))
	s.refuses(false)
	s.start()
	s.ready()
	first := s.hears("sms", "raised 1031 peer")[0]
	s.until("the alarm is restored", func() bool { return s.alarmed(alarm.TwoMasters) })
	s.node.mind.clearAlarm(alarm.TwoMasters, "peer")
	if over := s.hears("sms", "raised 1031 peer", "cleared 1031 peer")[1]; over.Incident != first.Incident {
		t.Errorf("%s is the end of %s", over.Incident, first.Incident)
	}
}
