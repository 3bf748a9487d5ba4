package probe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"releve/health"
	"releve/testbed/postgres"
)

// patience is the time-out of checks that end by themselves: a slow machine
// changes no result.
const patience = 20 * time.Second

var here = Target{Host: "voice.example", Addr: netip.MustParseAddr("127.0.0.1")}

// on is a check of the server's own host.
func on(c Check) *Check {
	c.Name, c.OfHost, c.Timeout, c.Every = c.Type, true, max(c.Timeout, patience), time.Minute
	return &c
}

// quick is the same, whose time-out is what is waited for.
func quick(c Check) *Check {
	k := on(c)
	k.Timeout = 200 * time.Millisecond
	return k
}

func listen(t *testing.T) (net.Listener, uint16) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, uint16(l.Addr().(*net.TCPAddr).Port)
}

// serve answers each connection with what say writes.
func serve(t *testing.T, say func(net.Conn)) uint16 {
	t.Helper()
	l, port := listen(t)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); say(c) }()
		}
	}()
	return port
}

func TestTCP(t *testing.T) {
	l, port := listen(t)
	if r := on(Check{Type: "tcp", Port: port}).Run(t.Context(), here); r.State != OK || r.Up != health.Up || r.At.IsZero() {
		t.Errorf("a listening port: %+v", r)
	}
	_ = l.Close()
	if r := on(Check{Type: "tcp", Port: port}).Run(t.Context(), here); r.State != Failed || r.Up != health.Up {
		t.Errorf("a refusal fails, and shows the host: %+v", r)
	}
}

// A full backlog that nobody accepts from is a host that does not answer.
func TestTCPSilence(t *testing.T) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	port := uint16(name.(*syscall.SockaddrInet4).Port)
	for range 2 { // takes all the room there is
		c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), 100*time.Millisecond)
		if err == nil {
			defer c.Close()
		}
	}
	if r := quick(Check{Type: "tcp", Port: port}).Run(t.Context(), here); r.State != Failed || r.Up != health.Down || r.Note != "no answer in time" {
		t.Errorf("%+v", r)
	}
}

// What our own side cannot do says nothing of the server.
func TestOurOwnNetwork(t *testing.T) {
	for _, e := range []syscall.Errno{syscall.ENETUNREACH, syscall.EPERM, syscall.ENETDOWN, syscall.EMFILE} {
		err := &net.OpError{Op: "dial", Err: e}
		if r := unreached(err); r.State != Unknown || r.Up != health.Unknown {
			t.Errorf("%v: %+v", e, r)
		}
	}
	if r := unreached(&net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}); r.State != Failed || r.Up != health.Down {
		t.Errorf("no route to the host: %+v", r)
	}
}

func TestHTTP(t *testing.T) {
	var elsewhere int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ok":
			_, _ = io.WriteString(w, "state: READY\n")
		case "/teapot":
			w.WriteHeader(http.StatusTeapot)
		case "/moved":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		case "/elsewhere":
			elsewhere++
		case "/auth":
			if u, p, ok := r.BasicAuth(); !ok || u != "releve" || p != "s3cret" {
				w.WriteHeader(http.StatusUnauthorized)
			}
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 32<<10)); err != nil {
					return
				}
			}
		case "/late":
			_, _ = io.WriteString(w, strings.Repeat("x", maxBody)+"READY")
		case "/headers":
			w.Header().Set("X-Long", strings.Repeat("x", 2*maxBody))
		}
	}))
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	url := func(path string) string { return "http://voice.example:" + port + path } // no DNS knows it
	ready := regexp.MustCompile("(?i)ready$|READY\n")
	tests := []struct {
		name  string
		check Check
		state State
		note  string
	}{
		{"200", Check{URL: url("/ok")}, OK, "answered 200 OK"},
		{"body matches", Check{URL: url("/ok"), Match: ready}, OK, "answered 200 OK"},
		{"body does not", Check{URL: url("/ok"), Match: regexp.MustCompile("down")}, Failed, "answered 200 OK, and nothing in 13 bytes matches"},
		{"status asked for", Check{URL: url("/teapot"), Status: 418}, OK, ""},
		{"another status", Check{URL: url("/teapot")}, Failed, "answered 418 I'm a teapot, not 2xx"},
		{"200 where another is wanted", Check{URL: url("/ok"), Status: 204}, Failed, "answered 200 OK, not 204"},
		{"a redirect is not followed", Check{URL: url("/moved")}, Failed, "answered 302 Found, not 2xx"},
		{"a redirect that is asked for", Check{URL: url("/moved"), Status: 302}, OK, ""},
		{"user and password", Check{URL: url("/auth"), Username: "releve", Password: "s3cret"}, OK, ""},
		{"wrong password", Check{URL: url("/auth"), Username: "releve", Password: "x"}, Failed, ""},
		{"a body without end", Check{URL: url("/endless"), Match: ready}, Failed, "answered 200 OK, and nothing in 65536 bytes matches"},
		{"what is beyond the bound", Check{URL: url("/late"), Match: ready}, Failed, ""},
		{"headers beyond the bound", Check{URL: url("/headers")}, Failed, ""},
	}
	for _, tt := range tests {
		tt.check.Type = "http"
		r := on(tt.check).Run(t.Context(), here)
		if r.State != tt.state || r.Up != health.Up || tt.note != "" && r.Note != tt.note {
			t.Errorf("%s: %+v", tt.name, r)
		}
	}
	if elsewhere != 0 {
		t.Error("a redirect was followed")
	}
	other := on(Check{Type: "http", URL: server.URL + "/ok"})
	other.OfHost = false
	if r := other.Run(t.Context(), here); r.State != OK || r.Up != health.Unknown {
		t.Errorf("another host proves nothing: %+v", r)
	}
}

func TestHTTPS(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ErrorLog = nil
	defer server.Close()
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	for name, tt := range map[string]struct {
		check Check
		state State
	}{
		"unknown authority": {Check{}, Failed},
		"its own authority": {Check{Roots: roots}, OK},
		"not verified":      {Check{Unproven: true}, OK},
	} {
		tt.check.Type, tt.check.URL = "http", server.URL
		if r := on(tt.check).Run(t.Context(), here); r.State != tt.state || r.Up != health.Up {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// What answers and is no HTTP is a host that is there; what says nothing is not.
func TestHTTPGarbageAndSilence(t *testing.T) {
	garbage := serve(t, func(c net.Conn) {
		_, _ = bufio.NewReader(c).ReadString('\n')
		_, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.2\r\n\x00\xff\x1b[31m\r\n")
	})
	r := on(Check{Type: "http", URL: fmt.Sprintf("http://127.0.0.1:%d/", garbage)}).Run(t.Context(), here)
	if r.State != Failed || r.Up != health.Up || strings.ContainsAny(r.Note, "\x1b\x00\n") {
		t.Errorf("garbage: %+v", r)
	}
	silent := serve(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	r = quick(Check{Type: "http", URL: fmt.Sprintf("http://127.0.0.1:%d/", silent)}).Run(t.Context(), here)
	if r.State != Failed || r.Up != health.Down || r.Note != "no answer in time" {
		t.Errorf("silence: %+v", r)
	}
	slow := serve(t, func(c net.Conn) {
		_, _ = bufio.NewReader(c).ReadString('\n')
		for range 100 {
			if _, err := io.WriteString(c, "HTTP"); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	began := time.Now()
	r = quick(Check{Type: "http", URL: fmt.Sprintf("http://127.0.0.1:%d/", slow)}).Run(t.Context(), here)
	if r.State != Failed || time.Since(began) > patience {
		t.Errorf("a byte now and then: %+v after %v", r, time.Since(began))
	}
}

func TestSQL(t *testing.T) {
	s, err := postgres.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	url := s.URL("voice.example", "postgres")
	tests := []struct {
		name  string
		check Check
		state State
		note  string
	}{
		{"a value", Check{Query: "select 'up', 2", Expect: "up"}, OK, `the query returned "up"`},
		{"any row", Check{Query: "select null"}, OK, ""},
		{"the last statement counts", Check{Query: "set local search_path = pg_catalog; select count(*) > 0 from pg_class", Expect: "t"}, OK, ""},
		{"another value", Check{Query: "select 1", Expect: "2"}, Failed, `the query returned "1", not "2"`},
		{"no row", Check{Query: "select 1 where false"}, Failed, errNoRow.Error()},
		{"it may only read", Check{Query: "create table t (x int)"}, Failed, "cannot execute CREATE TABLE in a read-only transaction (SQLSTATE 25006)"},
		{"no such table", Check{Query: "select * from nothing"}, Failed, `relation "nothing" does not exist (SQLSTATE 42P01)`},
		{"wrong password", Check{Query: "select 1", Password: "wrong"}, Failed, `password authentication failed for user "releve" (SQLSTATE 28P01)`},
		{"no such database", Check{URL: s.URL("127.0.0.1", "nothing"), Query: "select 1"}, Failed, `database "nothing" does not exist (SQLSTATE 3D000)`},
		{"a row beyond the bound", Check{Query: "select repeat('x', 3000000)"}, Failed, errTooLong.Error()},
		{"rows without end", Check{Query: "select generate_series(1, 2000000000000)", Expect: "1"}, OK, ""},
	}
	for _, tt := range tests {
		tt.check.Type = "sql"
		if tt.check.URL == "" {
			tt.check.URL = url
		}
		if tt.check.Password == "" {
			tt.check.Password = s.Password
		}
		r := on(tt.check).Run(t.Context(), here)
		if r.State != tt.state || r.Up != health.Up || tt.note != "" && r.Note != tt.note {
			t.Errorf("%s: %+v", tt.name, r)
		}
	}
	sleeper := quick(Check{Type: "sql", URL: url, Password: s.Password, Query: "select pg_sleep(60)"})
	if r := sleeper.Run(t.Context(), here); r.State != Failed || r.Note != "no answer in time" {
		t.Errorf("a query that never ends: %+v", r)
	}
}

// "A database that answers garbage: bounded, reported."
func TestSQLGarbage(t *testing.T) {
	for name, say := range map[string]string{
		"a length of 2 GB":     "R\x7f\xff\xff\xff",
		"a negative length":    "R\xff\xff\xff\xff",
		"HTTP":                 "HTTP/1.1 400 Bad Request\r\n\r\n",
		"letters":              strings.Repeat("A", 5000),
		"authentication twice": "R\x00\x00\x00\x08\x00\x00\x00\x00R\x00\x00\x00\x08\x00\x00\x00\x63",
		"nothing, and it ends": "",
	} {
		port := serve(t, func(c net.Conn) {
			_, _ = c.Read(make([]byte, 512))
			_, _ = io.WriteString(c, say)
		})
		r := on(Check{Type: "sql", URL: fmt.Sprintf("postgres://u@voice.example:%d/db?sslmode=disable", port), Query: "select 1"}).Run(t.Context(), here)
		if r.State != Failed || r.Up != health.Up || r.Note == "" || len(r.Note) > maxNote {
			t.Errorf("%s: %+v", name, r)
		}
	}
	_, port := listen(t)
	r := quick(Check{Type: "sql", URL: fmt.Sprintf("postgres://u@voice.example:%d/db?sslmode=disable", port), Query: "select 1"}).Run(t.Context(), here)
	if r.State != Failed || r.Up != health.Down {
		t.Errorf("it listens and says nothing: %+v", r)
	}
}

// another is a driver of another database: the interface is all it needs.
type another struct{ err error }

func (a another) Ask(_ context.Context, q Question) (string, error) { return q.Query, a.err }

func TestAnotherDriver(t *testing.T) {
	c := on(Check{Type: "sql", Query: "x", Expect: "x", Driver: another{}})
	if r := c.Run(t.Context(), here); r.State != OK || r.Up != health.Up {
		t.Errorf("%+v", r)
	}
	c.Driver = another{errors.New("it speaks no SQL")}
	if r := c.Run(t.Context(), here); r.State != Failed || r.Note != "it speaks no SQL" {
		t.Errorf("%+v", r)
	}
}

// A run that ends long after its time-out was not late by the server's fault.
func TestARunAcrossAPauseSaysNothing(t *testing.T) {
	c := on(Check{Type: "sql", Query: "x", Expect: "y", Driver: pausing{}})
	c.Timeout = time.Millisecond
	if r := c.Run(t.Context(), here); r.State != Unknown || r.Up != health.Unknown {
		t.Errorf("%+v", r)
	}
}

type pausing struct{}

func (pausing) Ask(context.Context, Question) (string, error) {
	time.Sleep(lateness + 10*time.Millisecond) // as a stopped process does not notice it
	return "", context.DeadlineExceeded
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		" a\nb": "a", "\x1b[31mred\x07": "[31mred", "a\xff\xfeb": "a  b", "é": "é", "": "",
		strings.Repeat("é", 300): strings.Repeat("é", 98) + "…",
	} {
		if got := plain(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
