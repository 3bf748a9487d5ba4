package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"releve/health/notify"
	"releve/testbed/tlstest"
)

var (
	secret = []byte("a shared secret of the site")
	notice = notify.Notice{
		ID: "n-1", Incident: "i-1", Kind: notify.Raised, Number: 1002, Severity: "critical", Object: "primary",
		Time: time.Date(2026, 11, 24, 1, 2, 3, 0, time.UTC), Site: "CH de Sœurs", Title: "Aucun serveur ne répond",
	}
)

func sink(t *testing.T, o Options) *Sink {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout = 20 * time.Second
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// got is what a receiver was sent.
type got struct {
	r    *http.Request
	body []byte
}

func site(t *testing.T, status int, say string) (string, <-chan got) {
	t.Helper()
	seen := make(chan got, 8)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen <- got{r, body}
		w.Header().Set("Location", "https://elsewhere.example/steal?x=1")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, say)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/hook?key=k", seen
}

// verify is what the documentation tells a receiver to do.
func verify(header string, body, secret []byte) bool {
	var at, mac string
	for part := range strings.SplitSeq(header, ",") {
		switch k, v, _ := strings.Cut(part, "="); k {
		case "t":
			at = v
		case "v1":
			mac = v
		}
	}
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(at + "." + string(body)))
	want, err := hex.DecodeString(mac)
	return err == nil && hmac.Equal(want, h.Sum(nil))
}

func TestDeliveredAndSigned(t *testing.T) {
	t.Parallel()
	url, seen := site(t, 202, "queued\nmore")
	s := sink(t, Options{URL: url, Secret: secret, Agent: "releve/1.2"})
	second := notice
	second.ID = "n-2"
	if err := s.Send(t.Context(), []notify.Notice{notice, second}); err != nil {
		t.Fatal(err)
	}
	first := <-seen
	if first.r.Header.Get("Idempotency-Key") != "n-1" || (<-seen).r.Header.Get("Idempotency-Key") != "n-2" {
		t.Error("the ids are not sent, or out of order")
	}
	var back notify.Notice
	if err := json.Unmarshal(first.body, &back); err != nil || back.Title != notice.Title || !back.Time.Equal(notice.Time) {
		t.Errorf("%v: %s", err, first.body)
	}
	signature := first.r.Header.Get("X-Releve-Signature")
	if !verify(signature, first.body, secret) || verify(signature, first.body, []byte("another")) || verify(signature, append(first.body, ' '), secret) {
		t.Errorf("signature %q", signature)
	}
	if h := first.r.Header; first.r.Method != "POST" || h.Get("Content-Type") != "application/json" || h.Get("User-Agent") != "releve/1.2" || h.Get("X-Releve-Event") != "raised" {
		t.Errorf("%s %v", first.r.Method, h)
	}
	if s.Answer() != "202 queued" {
		t.Errorf("answer %q", s.Answer())
	}
}

// The line that the documentation gives for a shell makes the same signature.
func TestTheDocumentedShellLineVerifies(t *testing.T) {
	t.Parallel()
	at, body := time.Unix(1785000000, 0), []byte(`{"id":"n-1","title":"répond"}`)
	cmd := exec.Command("sh", "-c", `printf '%s.%s' "$T" "$BODY" | openssl dgst -sha256 -hmac "$SECRET" | sed 's/.*= //'`)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "T=1785000000", "BODY=" + string(body), "SECRET=" + string(secret)}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("openssl: %v %s (bash testbed/install.sh openssl)", err, out)
	}
	if want := "t=1785000000,v1=" + strings.TrimSpace(string(out)); Sign(secret, at, body) != want {
		t.Errorf("%s, openssl says %s", Sign(secret, at, body), want)
	}
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]struct {
		permanent bool
		text      string
	}{
		301: {true, "redirects (301) to https://elsewhere.example"}, 307: {true, "not followed"},
		400: {true, "400 no"}, 401: {true, "401"}, 404: {true, "404"}, 410: {true, "gone for good"},
		408: {false, "408"}, 425: {false, "425"}, 429: {false, "429 no"}, 500: {false, "500 no"}, 503: {false, "503"}, 599: {false, "599"},
	} {
		url, seen := site(t, status, "no\x1b[31m\nway")
		err := sink(t, Options{URL: url}).Send(t.Context(), []notify.Notice{notice})
		if err == nil || errors.Is(err, notify.ErrPermanent) != want.permanent || !strings.Contains(err.Error(), want.text) {
			t.Errorf("%d: %v", status, err)
		}
		if err != nil && (strings.Contains(err.Error(), "key=k") || strings.Contains(err.Error(), "\x1b")) {
			t.Errorf("%d: the error shows the address or a control character: %q", status, err)
		}
		if got := <-seen; got.r.Header.Get("X-Releve-Signature") != "" || len(seen) != 0 {
			t.Errorf("%d: a signature without a secret, or asked twice", status)
		}
	}
}

func TestHostileReceivers(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(c net.Conn){
		"hangs":        func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
		"garbage":      func(c net.Conn) { _, _ = c.Write([]byte("\x00\xffSSH-2.0-nothing\r\n\r\n")); _ = c.Close() },
		"endless head": func(c net.Conn) { pour(c, "HTTP/1.1 200 OK\r\n", "X-A: "+strings.Repeat("a", 1000)+"\r\n") },
		"endless 1xx":  func(c net.Conn) { pour(c, "", "HTTP/1.1 103 Early Hints\r\nX-A: a\r\n\r\n") },
		"cuts":         func(c net.Conn) { _ = c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sink(t, Options{URL: "http://" + raw(t, answer) + "/secret-path", Timeout: 700 * time.Millisecond})
			err := s.Send(t.Context(), []notify.Notice{notice})
			if err == nil || strings.Contains(err.Error(), "secret-path") || len(err.Error()) > 400 {
				t.Errorf("%v", err)
			}
		})
	}
	t.Run("endless body of a 200", func(t *testing.T) {
		t.Parallel()
		addr := raw(t, func(c net.Conn) { pour(c, "HTTP/1.1 200 OK\r\n\r\n", strings.Repeat("z", 4096)) })
		s := sink(t, Options{URL: "http://" + addr})
		if err := s.Send(t.Context(), []notify.Notice{notice}); err != nil || len(s.Answer()) > maxLine+10 {
			t.Errorf("%v, %d bytes", err, len(s.Answer()))
		}
	})
	t.Run("a caller who gives up", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		addr := raw(t, func(c net.Conn) { cancel(); _, _ = io.Copy(io.Discard, c) })
		if err := sink(t, Options{URL: "http://" + addr}).Send(ctx, []notify.Notice{notice}); err == nil {
			t.Error("delivered")
		}
	})
}

func pour(c net.Conn, first, again string) {
	buf := make([]byte, 4096)
	_, _ = c.Read(buf)
	_, err := io.WriteString(c, first)
	for err == nil {
		_, err = io.WriteString(c, again)
	}
}

// raw answers each connection by hand.
func raw(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); answer(c) }()
		}
	}()
	return l.Addr().String()
}

func TestTLSIsVerified(t *testing.T) {
	t.Parallel()
	a, err := tlstest.NewAuthority(t.TempDir(), "site")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := a.Issue(tlstest.Leaf{Name: "hook", SANs: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	cert, err := tls.LoadX509KeyPair(pair.Certificate, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	s.Config.ErrorLog = nil
	s.StartTLS()
	t.Cleanup(s.Close)
	if err := sink(t, Options{URL: s.URL, TLS: &tls.Config{RootCAs: a.Pool()}}).Send(t.Context(), []notify.Notice{notice}); err != nil {
		t.Error(err)
	}
	if err := sink(t, Options{URL: s.URL}).Send(t.Context(), []notify.Notice{notice}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown authority: %v", err)
	}
}

func TestAddressesThatAreRefused(t *testing.T) {
	for _, bad := range []string{"", "ftp://h/", "http://", "https:///p", "http:h", "https://u:s3cret@h/", "http://h:x/s3cret", "://", "http://:80/"} {
		_, err := New(Options{URL: bad, Timeout: time.Second})
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
