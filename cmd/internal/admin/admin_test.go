package admin_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/admin/client"
	"releve/cmd/internal/text"
	"releve/db"
	"releve/router"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// site is a node with a memory of what it was asked; the wire is real.
type site struct {
	recorded  admin.Procedure
	exercised admin.ExerciseNote
	commands  chan admin.Command
	asked     chan string
}

func (s *site) Status(context.Context) admin.Status {
	return admin.Status{
		Site: "CH", Active: "primary", Headline: text.Answering, Epoch: 3, Since: noon,
		Servers: []admin.Server{{Name: "principal", Role: "primary", RTT: 3.5}},
	}
}

func (s *site) Calls(_ context.Context, filter string, limit int) ([]admin.CallInfo, error) {
	s.asked <- fmt.Sprint(filter, " ", limit)
	if filter == "none" {
		return nil, nil
	}
	return []admin.CallInfo{{CallRecord: router.CallRecord{CallID: "a@b", Reason: router.ReasonDelivered}, Live: true}}, nil
}

func (s *site) Events(_ context.Context, since time.Time, limit int) ([]db.Event, error) {
	s.asked <- fmt.Sprint(since.Format(time.RFC3339), " ", limit)
	return nil, errors.New("disk on fire")
}

func (s *site) Explain(_ context.Context, at time.Time, want *admin.Settings) (admin.Explanation, error) {
	x := admin.Explanation{Began: at}
	if want != nil {
		x.Replay = &admin.Replay{Settings: *want}
	}
	return x, nil
}

func (s *site) Report(_ context.Context, since time.Time) (admin.Report, error) {
	return admin.Report{Since: since}, nil
}

func (s *site) Licence(context.Context) admin.Licence {
	return admin.Licence{Mode: "pair", WorstMove: time.Hour}
}

func (s *site) Probe(_ context.Context, server string) (admin.Probe, error) {
	if server != "principal" {
		return admin.Probe{}, &admin.Fault{Status: http.StatusNotFound, Code: text.FaultUnknownServer, Detail: server}
	}
	return admin.Probe{Server: server, SIP: "ok", Status: 200}, nil
}

func (s *site) Command(_ context.Context, c admin.Command) (admin.Result, error) {
	s.commands <- c
	return admin.Result{Accepted: true, Epoch: 4}, nil
}

func (s *site) RecordProcedure(_ context.Context, p admin.Procedure) (admin.Procedure, error) {
	s.recorded = p
	return p, nil
}

func (s *site) Procedures(context.Context, int) ([]admin.Procedure, error) {
	return []admin.Procedure{s.recorded}, nil
}

func (s *site) Exercise(_ context.Context, n admin.ExerciseNote) error {
	s.exercised = n
	return nil
}

func (s *site) Acknowledge(_ context.Context, a admin.Acknowledgement) error {
	if a.Number != 1001 {
		return &admin.Fault{Status: http.StatusNotFound, Code: text.FaultNotActive}
	}
	s.asked <- fmt.Sprintf("%d %s, %s, %v", a.Number, a.Object, a.Comment, a.Actor != "")
	return nil
}

func (s *site) Alarms(context.Context) []db.Alarm    { return nil }
func (s *site) Ready(context.Context) (bool, string) { return false, "no server answers" }
func (s *site) Reload(_ context.Context, a admin.Asked) (admin.Reload, error) {
	return admin.Reload{Outcome: admin.ReloadApplied, Cause: a.Actor + " " + string(a.Lang)}, nil
}
func (s *site) ConfigText() string { return "site: CH\n" }
func (s *site) Version() string    { return "1.2.3" }
func (s *site) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, "releve_up 1\n")
}

// start serves a site on a fresh socket.
func start(t *testing.T) (*site, string) {
	t.Helper()
	s := &site{commands: make(chan admin.Command, 1), asked: make(chan string, 1)}
	path := filepath.Join(t.TempDir(), "run", "admin.sock")
	srv, err := admin.Listen(admin.Options{Socket: path, Node: s, Metrics: s})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() {
		if err := srv.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("the socket is still there after Close: %v", err)
		}
	})
	return s, path
}

func TestRoundTrip(t *testing.T) {
	s, path := start(t)
	c := client.New(path, text.English)
	defer c.Close()
	ctx := t.Context()

	if got, err := c.Status(ctx); err != nil || got.Epoch != 3 || got.Servers[0].RTT != 3.5 || !got.Since.Equal(noon) {
		t.Errorf("status %+v %v", got, err)
	}
	calls, err := c.Calls(ctx, "0145", 7)
	if err != nil || len(calls) != 1 || !calls[0].Live || calls[0].Reason != router.ReasonDelivered {
		t.Errorf("calls %+v %v", calls, err)
	}
	if asked := <-s.asked; asked != "0145 7" {
		t.Errorf("asked %q", asked)
	}
	if calls, err := c.Calls(ctx, "none", 7); err != nil || len(calls) != 0 {
		t.Errorf("no calls: %v %v", calls, err)
	}
	<-s.asked
	if l, err := c.Licence(ctx); err != nil || l.WorstMove != time.Hour {
		t.Errorf("licence %+v %v", l, err)
	}
	if p, err := c.Probe(ctx, "principal"); err != nil || p.Status != 200 {
		t.Errorf("probe %+v %v", p, err)
	}
	if r, err := c.Ready(ctx); err != nil || r.Ready || r.Cause != "no server answers" {
		t.Errorf("ready %+v %v", r, err)
	}
	if v, err := c.Version(ctx); err != nil || v != "1.2.3" {
		t.Errorf("version %q %v", v, err)
	}
	if raw, err := c.Config(ctx); err != nil || string(raw) != "site: CH\n" {
		t.Errorf("config %q %v", raw, err)
	}
	if a, err := c.Alarms(ctx); err != nil || a == nil || len(a) != 0 {
		t.Errorf("alarms %v %v", a, err)
	}
}

func TestCommandCarriesTheActorOfTheSocket(t *testing.T) {
	s, path := start(t)
	c := client.New(path, text.French)
	defer c.Close()
	r, err := c.Command(t.Context(), admin.Command{
		Name: admin.Switchover, Reason: " essai ", ExpectedActive: "primary", Actor: "someone else",
	})
	if err != nil || !r.Accepted || r.Epoch != 4 {
		t.Fatalf("command %+v %v", r, err)
	}
	got := <-s.commands
	if want := fmt.Sprintf("uid %d", os.Getuid()); !strings.Contains(got.Actor, want) || got.Reason != "essai" {
		t.Errorf("command %+v, want the actor %s", got, want)
	}
}

func TestFaults(t *testing.T) {
	s, path := start(t)
	fr, en := client.New(path, text.French), client.New(path, text.English)
	defer fr.Close()
	defer en.Close()
	ctx := t.Context()
	_, crossed := fr.Command(ctx, admin.Command{Name: admin.Return, Reason: "x", ExpectedActive: "secondary"})
	_, unnamed := fr.Command(ctx, admin.Command{Name: "reboot", Reason: "x"})
	_, mute := fr.Command(ctx, admin.Command{Name: admin.Return})
	_, long := fr.Command(ctx, admin.Command{Name: admin.Return, Reason: strings.Repeat("é", 501)})
	_, huge := fr.Command(ctx, admin.Command{Name: admin.Return, Reason: strings.Repeat("x", 1<<17)})
	_, stranger := en.Probe(ctx, "tertiaire/../x")
	_, many := fr.Calls(ctx, "", 1001)
	_, fire := fr.Events(ctx, noon, 5)
	if asked := <-s.asked; asked != "2026-11-23T12:00:00Z 5" {
		t.Errorf("events asked %q", asked)
	}
	for _, c := range []struct {
		err    error
		status int
		code   admin.FaultCode
		lang   text.Lang
	}{
		{crossed, 409, text.FaultCrossed, text.French},
		{unnamed, 400, text.FaultCommand, text.French},
		{mute, 400, text.FaultReason, text.French},
		{long, 400, text.FaultReason, text.French},
		{huge, 413, text.FaultTooLarge, text.French},
		{stranger, 404, text.FaultUnknownServer, text.English},
		{many, 400, text.FaultLimit, text.French},
		{fire, 500, text.FaultInternal, text.French},
	} {
		var f *admin.Fault
		if !errors.As(c.err, &f) || f.Status != c.status || f.Code != c.code || !strings.HasSuffix(f.Detail, text.For(c.lang).Fault(c.code)) {
			t.Errorf("%s: got %v", c.code, c.err)
		}
	}
	if !strings.HasPrefix(stranger.Error(), "tertiaire/../x: No server has this name") {
		t.Errorf("the fault does not name what it is about: %v", stranger)
	}
	if len(s.commands) != 0 {
		t.Error("a refused command reached the node")
	}
}

// raw sends bytes to the socket and returns status line, content type, body.
func raw(t *testing.T, path, request string) (*http.Response, string) {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, _ := io.ReadAll(r.Body)
	return r, string(body)
}

func TestRawRequests(t *testing.T) {
	_, path := start(t)
	for _, c := range []struct {
		request string
		status  int
		want    string
	}{
		{"GET /healthz HTTP/1.0\r\n\r\n", 200, "ok"},
		{"GET /readyz HTTP/1.0\r\n\r\n", 503, `"ready":false`},
		{"GET /metrics HTTP/1.0\r\n\r\n", 200, "releve_up 1"},
		{"GET /nothing HTTP/1.0\r\n\r\n", 404, "API-001"},
		{"GET /api/v1/commands HTTP/1.0\r\n\r\n", 405, "API-002"},
		{"POST /api/v1/status HTTP/1.0\r\nContent-Length: 0\r\n\r\n", 405, "API-002"},
		{"GET /api/v1/events?since=hier HTTP/1.0\r\n\r\n", 400, "API-006"},
		{"POST /api/v1/commands HTTP/1.0\r\nContent-Length: 1\r\n\r\n{", 400, "API-003"},
		{"POST /api/v1/commands HTTP/1.0\r\nContent-Length: 12\r\n\r\n{\"nom\": \"x\"}", 400, "API-003"},
		{"GET / HTTP/1.0\r\nX: " + strings.Repeat("y", 32<<10) + "\r\n\r\n", 431, ""},
	} {
		r, body := raw(t, path, c.request)
		if r.StatusCode != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%.40q: %d %s", c.request, r.StatusCode, body)
		}
		if strings.HasPrefix(c.want, "API-") {
			var f admin.Fault
			if err := json.Unmarshal([]byte(body), &f); err != nil || f.Status != c.status || f.Type != "about:blank" {
				t.Errorf("%.40q is no problem document: %s", c.request, body)
			}
		}
	}
}

// TestWhoMayOnlyLook: the supervision is in the socket's group, and is no operator.
func TestWhoMayOnlyLook(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s := &site{commands: make(chan admin.Command, 1), asked: make(chan string, 1)}
	path := filepath.Join(t.TempDir(), "admin.sock")
	srv, err := admin.Listen(admin.Options{Socket: path, Node: s, Metrics: s, Looks: func(user string) bool { return user == me.Username }})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() { _ = srv.Close(context.Background()) })
	for _, get := range []string{"/api/v1/status", "/api/v1/alarms", "/healthz", "/metrics"} {
		if r, body := raw(t, path, "GET "+get+" HTTP/1.0\r\n\r\n"); r.StatusCode != 200 {
			t.Errorf("%s: %d %s", get, r.StatusCode, body)
		}
	}
	for _, post := range []string{"commands", "config/reloads", "silences", "procedures", "receivers/all/tests"} {
		r, body := raw(t, path, "POST /api/v1/"+post+" HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}")
		if r.StatusCode != 403 || !strings.Contains(body, "API-061") {
			t.Errorf("%s: %d %s", post, r.StatusCode, body)
		}
	}
	if len(s.commands) > 0 {
		t.Error("a command arrived")
	}
}

func TestSocket(t *testing.T) {
	s, path := start(t)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("socket mode %v %v", info.Mode(), err)
	}
	if dir, err := os.Stat(filepath.Dir(path)); err != nil || dir.Mode().Perm()&0o027 != 0 {
		t.Errorf("directory mode %v %v", dir.Mode(), err)
	}
	if _, err := admin.Listen(admin.Options{Socket: path, Node: s}); !errors.Is(err, admin.ErrInUse) {
		t.Errorf("a second server took the socket: %v", err)
	}

	dir := t.TempDir()
	stale := filepath.Join(dir, "stale.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close() // as after SIGKILL
	srv, err := admin.Listen(admin.Options{Socket: stale, Node: s})
	if err != nil {
		t.Fatalf("a stale socket was not taken over: %v", err)
	}
	srv.Start()
	if err := srv.Close(t.Context()); err != nil {
		t.Error(err)
	}

	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Listen(admin.Options{Socket: file, Node: s}); err == nil {
		t.Error("a plain file was taken for a socket")
	}
	if b, _ := os.ReadFile(file); string(b) != "precious" {
		t.Error("the plain file was removed")
	}
}

func TestUnreachable(t *testing.T) {
	_, err := client.New(filepath.Join(t.TempDir(), "none.sock"), text.French).Status(t.Context())
	if !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
}

// TestConnectionsAreBounded: connection 33 waits until another one ends.
func TestConnectionsAreBounded(t *testing.T) {
	_, path := start(t)
	var held []net.Conn
	for range 32 {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		held = append(held, c)
		if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil {
			t.Fatal(err)
		}
	}
	late := make(chan error, 1)
	c := client.New(path, text.French)
	defer c.Close()
	go func() { _, err := c.Version(context.Background()); late <- err }()
	select {
	case err := <-late:
		t.Fatalf("connection 33 was answered: %v", err)
	case <-time.After(50 * time.Millisecond): // only a failure would come sooner
	}
	_ = held[0].Close()
	if err := <-late; err != nil {
		t.Errorf("after a place was free: %v", err)
	}
}

// TestAcknowledge: the number is the path's, the actor the socket's, and an alarm
// that does not stand is a fault of its own.
func TestAcknowledge(t *testing.T) {
	s, path := start(t)
	c := client.New(path, text.English)
	defer c.Close()
	if _, err := c.Acknowledge(t.Context(), admin.Acknowledgement{Number: 1001, Object: "primary", Comment: " on my way "}); err != nil {
		t.Fatal(err)
	}
	if got := <-s.asked; got != "1001 primary, on my way, true" {
		t.Errorf("asked %q", got)
	}
	for _, c2 := range []struct {
		a    admin.Acknowledgement
		code admin.FaultCode
	}{
		{admin.Acknowledgement{Number: 1002}, text.FaultNotActive},
		{admin.Acknowledgement{Number: 1001, Comment: strings.Repeat("é", 501)}, text.FaultComment},
	} {
		var f *admin.Fault
		if _, err := c.Acknowledge(t.Context(), c2.a); !errors.As(err, &f) || f.Code != c2.code {
			t.Errorf("%+v: %v, want %s", c2.a.Number, err, c2.code)
		}
	}
}
