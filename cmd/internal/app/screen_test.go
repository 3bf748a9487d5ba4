package app

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/admin/password"
	"releve/cmd/internal/text"
	"releve/health/alarm"
)

// screened is a still node whose alarm screen is to listen at address.
func screened(t *testing.T, address, users string) *site {
	t.Helper()
	return stillWith(t, func(dir, body string) string {
		hash, err := password.New("une bonne phrase")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "marie"), []byte(hash), 0o600); err != nil {
			t.Fatal(err)
		}
		i := strings.Index(body, "admin:")
		return body[:i] + strings.ReplaceAll(`admin: {listen: "`+address+`", socket: DIR/admin.sock`+users+"}\n", "DIR", dir)
	})
}

func freeScreen(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.41.8:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestRefusedLoginsAreTold: five raise alarm 1067 with where from; a good login is
// in the journal under its name.
func TestRefusedLoginsAreTold(t *testing.T) {
	address := freeScreen(t)
	s := screened(t, address, `, users: [{name: marie, role: operator, password_file: DIR/marie}]`)
	s.must(s.node.serveAdmin())
	try := func(secret string) {
		c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		a, err := c.PostForm("http://"+address+"/login", url.Values{"name": {"marie"}, "password": {secret}})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, a.Body)
		_ = a.Body.Close()
	}
	try("une bonne phrase")
	for range 4 {
		try("devinette")
	}
	now := time.Now()
	s.node.mind.countLogins(now)
	if len(s.node.Alarms(t.Context())) != 0 {
		t.Errorf("four are told: %v", s.node.Alarms(t.Context()))
	}
	try("devinette")
	s.node.mind.countLogins(now.Add(time.Second))
	alarms := s.node.Alarms(t.Context())
	if len(alarms) != 1 || alarm.Number(alarms[0].Number) != alarm.LoginRefused {
		t.Fatalf("%+v", alarms)
	}
	s.node.mind.countLogins(now.Add(countQuiet + time.Minute))
	if left := s.node.Alarms(t.Context()); len(left) != 0 {
		t.Errorf("it stays: %+v", left)
	}
	said := map[string]string{}
	events, err := s.node.Events(t.Context(), time.Time{}, 100)
	s.must(err)
	for _, e := range events {
		said[e.Code] = e.Actor + " " + text.For(text.English).Event(e.Code, e.Params)
	}
	if got := said[text.EventLogin]; got != "marie Login at the alarm screen from 127.0.0.1." {
		t.Errorf("%q", got)
	}
	if got := said[text.EventLoginRefused]; !strings.Contains(got, `refused from 127.0.0.1 in the name of "marie"`) {
		t.Errorf("%q", got)
	}
}

// TestScreenWhoseAddressIsTaken: the node serves, and says so.
func TestScreenWhoseAddressIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.41.8:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := screened(t, l.Addr().String(), "")
	s.must(s.node.serveAdmin())
	events, err := s.node.Events(t.Context(), time.Time{}, 100)
	s.must(err)
	if len(events) != 1 || events[0].Code != text.EventPageClosed || events[0].Params["cause"] != "address already in use" {
		t.Errorf("%+v", events)
	}
}

// TestAcknowledgedOnce: an alarm that stands is taken in a name; what does not
// stand is a fault.
func TestAcknowledgedOnce(t *testing.T) {
	s := still(t)
	s.node.mind.raise(alarm.ServerSilent, "primary")
	s.must(s.node.Acknowledge(t.Context(), admin.Acknowledgement{Number: 1001, Object: "primary", Comment: "j'y vais", Actor: "Marie (écran)"}))
	if a := s.node.Status(t.Context()).Alarms; len(a) != 1 || a[0].AckBy != "Marie (écran)" || a[0].AckNote != "j'y vais" {
		t.Errorf("%+v", a)
	}
	if err := s.node.Acknowledge(t.Context(), admin.Acknowledgement{Number: 1001, Object: "secondary", Actor: "x"}); err == nil {
		t.Error("an alarm that does not stand was taken")
	}
}
