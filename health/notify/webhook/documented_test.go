package webhook

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"releve/health/notify"
)

// The lines that our documents give receivers to verify a signature, run as they
// stand: by a shell with openssl, and by Python.
func TestDocumentedVerification(t *testing.T) {
	t.Parallel()
	body := []byte(`{"title":"L'accueil ne répond plus \"primary\" %s $HOME","n":1}`)
	now := time.Now()
	good, old := Sign(secret, now, body), Sign(secret, now.Add(-time.Hour), body)
	for _, doc := range []string{"exploitation.fr.md", "operations.md"} {
		shell, python := blocks(t, doc, "openssl dgst", "def genuine")
		run := func(name string, fresh bool, header string, body, secret []byte) bool {
			part := map[string]string{}
			for p := range strings.SplitSeq(header, ",") {
				k, v, _ := strings.Cut(p, "=")
				part[k] = v
			}
			cmd := exec.CommandContext(t.Context(), "sh", "-c", shell)
			if fresh {
				cmd = exec.CommandContext(t.Context(), "python3", "-c", python+"\nimport os, sys\nsys.exit(0 if genuine(os.environ['HEADER'], os.environb[b'BODY'], os.environb[b'SECRET']) else 1)")
			}
			cmd.Env = []string{"PATH=/usr/bin:/bin", "T=" + part["t"], "V1=" + part["v1"], "HEADER=" + header, "BODY=" + string(body), "SECRET=" + string(secret)}
			out, err := cmd.CombinedOutput()
			var x *exec.ExitError
			if err != nil && !errors.As(err, &x) || len(out) > 0 {
				t.Fatalf("%s, %s: %v %s", doc, name, err, out)
			}
			return err == nil
		}
		for _, python := range []bool{false, true} {
			if !run("genuine", python, good, body, secret) {
				t.Errorf("%s, python %v: what is genuine is refused", doc, python)
			}
			if run("another body", python, good, append([]byte("x"), body...), secret) || run("another secret", python, good, body, []byte("another shared secret")) {
				t.Errorf("%s, python %v: what is forged passes", doc, python)
			}
		}
		if run("an hour old", true, old, body, secret) {
			t.Errorf("%s: what is an hour old passes", doc)
		}
	}
}

// blocks are the code blocks of a document that hold the words.
func blocks(t *testing.T, doc, shellWord, pythonWord string) (shell, python string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", doc))
	if err != nil {
		t.Fatal(err)
	}
	for i, block := range strings.Split(string(raw), "```") {
		if i%2 == 0 {
			continue
		}
		_, code, _ := strings.Cut(block, "\n") // without its language
		if strings.Contains(code, shellWord) {
			shell = code
		}
		if strings.Contains(code, pythonWord) {
			python = code
		}
	}
	if shell == "" || python == "" {
		t.Fatalf("%s gives no verification in both languages", doc)
	}
	return shell, python
}

// A receiver that says when it will take more is not asked before.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"": 0, "30": 30 * time.Second, "-1": 0, "soon": 0, "99999999999999": 0, "0": 0,
		"Tue, 24 Nov 2026 03:02:00 GMT": 2 * time.Minute, "Tue, 24 Nov 2026 02:00:00 GMT": 0,
	} {
		if got := retryAfter(v, now); got != want {
			t.Errorf("%q: %v, want %v", v, got, want)
		}
	}
	for _, status := range []int{429, 503} {
		s := sink(t, Options{URL: "https://x.example/hook"})
		err := s.judge(&http.Response{StatusCode: status, Header: http.Header{"Retry-After": {"120"}}}, []byte("slow down"))
		var later *notify.Later
		if !errors.As(err, &later) || later.After != 2*time.Minute || errors.Is(err, notify.ErrPermanent) || !strings.Contains(err.Error(), "asks to wait (2m0s)") {
			t.Errorf("%d: %v", status, err)
		}
	}
}
