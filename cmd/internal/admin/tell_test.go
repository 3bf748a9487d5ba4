package admin_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/admin/client"
	"releve/cmd/internal/text"
	"releve/db"
)

func (*site) AlarmHistory(context.Context) []db.Alarm {
	return []db.Alarm{{Number: 1030, Object: "peer", Severity: "major", Cleared: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}}
}

func (*site) Receivers(context.Context) []admin.Receiver {
	return []admin.Receiver{{Name: "mail anne@ch.example", Sent: 3}, {Name: "hook sms", Waiting: 2, Down: true, Cause: "sms ended with 1: no modem"}}
}

func (*site) TestReceivers(_ context.Context, name string) ([]admin.ReceiverTest, error) {
	if name == "all" {
		return []admin.ReceiverTest{
			{Name: "mail anne@ch.example", OK: true, Answer: "250 queued as 4F2", Took: 12}, {Name: "hook sms", Cause: "sms ended with 1: no modem", Took: 3},
		}, nil
	}
	return nil, &admin.Fault{Status: http.StatusNotFound, Code: text.FaultNoReceiver, Detail: name}
}

func (*site) Silences(context.Context) []admin.Silence { return nil }

func (*site) Silence(_ context.Context, s admin.SilenceAsked) (admin.Silence, error) {
	return admin.Silence{ID: 4, Start: s.Start, End: s.Start.Add(s.Length), Reason: s.Reason, By: "marie", All: s.All, Open: s.Start.IsZero()}, nil
}

func (*site) EndSilence(_ context.Context, id uint32, _ string) ([]admin.Silence, error) {
	return []admin.Silence{{ID: id}}, nil
}

// TestTelling: receivers, their tests and silences, by the client that the verbs
// use.
func TestTelling(t *testing.T) {
	_, path := start(t)
	c := client.New(path, text.English)
	defer c.Close()
	if r, err := c.Receivers(t.Context()); err != nil || len(r) != 2 || r[0].Name != "mail anne@ch.example" || !r[1].Down {
		t.Errorf("%+v, %v", r, err)
	}
	if h, err := c.AlarmHistory(t.Context()); err != nil || len(h) != 1 || h[0].Number != 1030 || h[0].Cleared.IsZero() {
		t.Errorf("%+v, %v", h, err)
	}
	if r, err := c.TestReceivers(t.Context(), "all"); err != nil || len(r) != 2 || !r[0].OK || r[1].OK {
		t.Errorf("%+v, %v", r, err)
	}
	var f *admin.Fault
	if _, err := c.TestReceivers(t.Context(), "mail a/b@ch.example"); !errors.As(err, &f) || f.Code != text.FaultNoReceiver || !strings.Contains(f.Detail, "a/b@ch") {
		t.Errorf("a name with a slash: %v", err)
	}
	if _, err := c.Silence(t.Context(), admin.SilenceAsked{Length: time.Hour, Reason: " "}); !errors.As(err, &f) || f.Code != text.FaultReason {
		t.Errorf("no reason: %v", err)
	}
	if s, err := c.Silence(t.Context(), admin.SilenceAsked{Length: time.Hour, Reason: " disks "}); err != nil || s.Reason != "disks" || !s.Open {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err := c.EndSilence(t.Context(), 7); err != nil || len(s) != 1 || s[0].ID != 7 {
		t.Errorf("%+v, %v", s, err)
	}
}
