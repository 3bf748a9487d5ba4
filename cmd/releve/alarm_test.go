package main

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/db"
)

func (n *node) AlarmHistory(context.Context) []db.Alarm {
	return []db.Alarm{{Number: 1030, Object: "peer", Severity: "major", Cleared: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}}
}

func (n *node) Receivers(context.Context) []admin.Receiver {
	return []admin.Receiver{{Name: "mail anne@ch.example", Sent: 3}, {Name: "hook sms", Waiting: 2, Down: true, Cause: "sms ended with 1: no modem"}}
}

func (n *node) TestReceivers(_ context.Context, name string) ([]admin.ReceiverTest, error) {
	if name == "all" {
		return []admin.ReceiverTest{
			{Name: "mail anne@ch.example", OK: true, Answer: "250 queued as 4F2", Took: 12}, {Name: "hook sms", Cause: "sms ended with 1: no modem", Took: 3},
		}, nil
	}
	return nil, &admin.Fault{Status: http.StatusNotFound, Code: text.FaultNoReceiver, Detail: name}
}

func (n *node) Silences(context.Context) []admin.Silence { return nil }

func (n *node) Silence(_ context.Context, s admin.SilenceAsked) (admin.Silence, error) {
	return admin.Silence{ID: 4, Start: s.Start, End: s.Start.Add(s.Length), Reason: s.Reason, By: "marie", All: s.All, Open: s.Start.IsZero()}, nil
}

func (n *node) EndSilence(_ context.Context, id uint32, _ string) ([]admin.Silence, error) {
	return []admin.Silence{{ID: id}}, nil
}

// TestAlarmVerbs: who takes an alarm, who is told, and when not; the exit codes
// are for scripts.
func TestAlarmVerbs(t *testing.T) {
	status := onSecondary()
	socket := daemon(t, &node{status: status})
	for _, c := range []struct {
		args []string
		code int
		want string // in what it prints, wherever
	}{
		{[]string{"alarmes", "historique"}, 0, "1030"},
		{[]string{"alarmes", "destinataires"}, 0, "PAS JOINT"},
		{[]string{"alarms", "test", "all"}, 2, "sms a fini avec le code 1: no modem"},
		{[]string{"alarms", "essai", "all"}, 2, "250 queued as 4F2"},
		{[]string{"alarms", "test", "pager"}, 1, "API-020"},
		{[]string{"alarms", "ack", "x"}, exitUsage, "1001"},
		{[]string{"alarms", "ack", "1099"}, 1, "API-017"},
		{[]string{"alarmes", "acquitter", "1001", "--comment", "j'y vais"}, 0, "acquittée"},
		{[]string{"alarms", "silence", "2h"}, exitUsage, "--reason"},
		{[]string{"alarms", "silence", "deux"}, exitUsage, "deux"},
		{[]string{"alarmes", "taire", "2h", "--reason", "disques"}, 0, "EN COURS"},
		{[]string{"alarms", "silence", "2h", "--reason", "disques", "--from", "22:00", "--all"}, 0, "prévu"},
		{[]string{"alarms", "silence", "2h", "--reason", "disques", "--from", "jeudi"}, exitUsage, "jeudi"},
		{[]string{"alarms", "resume", "4"}, 0, "1 silence"},
		{[]string{"alarms", "resume", "0"}, exitUsage, "0"},
	} {
		r := exec(t, "fr", "", append(c.args, "--socket", socket)...)
		if r.code != c.code || !strings.Contains(r.out+r.err, c.want) {
			t.Errorf("%v: exit %d, want %d and %q\n%s%s", c.args, r.code, c.code, c.want, r.out, r.err)
		}
	}
}
