package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"releve/cmd/internal/text"
)

// TestDocumentedFiles: every whole configuration that the integration guide
// shows passes the check.
func TestDocumentedFiles(t *testing.T) {
	raw, err := os.ReadFile("../../../docs/integration.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(site:.*?)```").FindAllSubmatch(raw, -1)
	if shown := strings.Count(string(raw), "```yaml\n"); len(blocks) < 4 || len(blocks) != shown {
		t.Fatalf("%d whole files (they begin with site:) in %d blocks of the guide: what is no whole file is not checked", len(blocks), shown)
	}
	for i, b := range blocks {
		_, dir := file(t, "good_base.yaml")
		shown := strings.NewReplacer("/etc/releve/secrets", dir, "/etc/releve/tls/releve.pem", filepath.Join(dir, "cert.pem"),
			"/etc/releve/tls/releve.key", filepath.Join(dir, "key.pem"), "/etc/releve/tls/ca.pem", filepath.Join(dir, "cert.pem")).Replace(string(b[1]))
		write(t, filepath.Join(dir, "5002"), "s3cret\n")
		_, problems := Parse("guide", []byte(shown+"keys: {file: "+dir+"/keys}\nstore: {path: "+dir+"}\n"), text.English)
		for _, p := range problems {
			if p.Code != CodeMirror {
				t.Errorf("file %d of the guide: %s", i, p)
			}
		}
	}
}

// TestExamples: each example of a level or a site passes the check as it stands,
// but for the directories of a machine that Relève is not installed on.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../../../docs/examples/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d examples: %v", len(files), err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		_, dir := file(t, "good_base.yaml")
		for _, user := range []string{"5001", "5002", "mirror", "webhook"} {
			write(t, filepath.Join(dir, user), "a secret that is long enough\n")
		}
		shown := strings.NewReplacer("/etc/releve/secrets", dir, "/var/lib/releve", dir, "/run/releve", dir).Replace(string(raw))
		_, problems := Parse(filepath.Base(f), []byte(shown), text.French)
		for _, p := range problems {
			if p.Code != CodeMirror {
				t.Error(p)
			}
		}
	}
}

// TestLinksOfTheDocuments: what a page points to is there.
func TestLinksOfTheDocuments(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	pages, err := filepath.Glob("../../../docs/levels/*.md")
	if err != nil || len(pages) < 8 {
		t.Fatalf("%d pages: %v", len(pages), err)
	}
	for _, page := range append(pages, "../../../README.md") {
		raw, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllSubmatch(raw, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), string(m[1]))); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}
