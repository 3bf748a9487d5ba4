// Package page renders the alarm screen: one state of the node, as HTML, in the
// reader's language. It holds the templates, the style sheet and the script,
// embedded; nothing comes from elsewhere.
//
// The verdict for callers comes first, then who serves and why, the servers, the
// links, the alarms with what to do, the timeline. Every state is told by a word
// and by a shape, never by colour alone (RGAA 3.1).
//
// It does no I/O, reads no clock (Source.Now is the node's) and keeps nothing; Pages
// is immutable and safe for concurrent use. What it renders is escaped by
// html/template: names, notes and causes come from outside.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"path"
	"regexp"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/db"
)

//go:embed html/*.html
var htmlFiles embed.FS

//go:embed static/*
var staticFiles embed.FS

// Sections are the parts of the screen that change while it is looked at, in
// their order. Each is an element of that id.
var Sections = []string{"verdict", "servers", "alarms", "links", "timeline"}

// StaleAfter is how old the node's own state may be before the screen is greyed
// out; the script counts likewise from the last message it got.
const StaleAfter = 10 * time.Second

// Source is what there is to show.
type Source struct {
	Status  admin.Status
	Events  []db.Event     // newest first
	Unread  bool           // the journal could not be read: Events are the last known
	Zone    *time.Location // of the site; nil: UTC
	Refresh time.Duration  // how often a browser without script asks again; 0: 5 s
}

// Viewer is who looks, and how.
type Viewer struct {
	Lang     text.Lang
	Wall     bool
	Name     string // who logged in; "": nobody
	Operator bool   // may acknowledge
	AskName  bool   // an acknowledgement takes a typed name: nobody logged in
}

// Pages renders.
type Pages struct {
	html   *template.Template
	static map[string]asset
	stamp  string // of all static files, for their addresses
}

type asset struct {
	body []byte
	kind string
}

// New reads what is embedded.
func New() (*Pages, error) {
	p := &Pages{static: map[string]asset{}}
	names, err := fs.Glob(staticFiles, "static/*")
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	for _, name := range names {
		body, err := staticFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		sum.Write(body)
		kind := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}[path.Ext(name)]
		p.static[path.Base(name)] = asset{body, kind}
	}
	p.stamp = hex.EncodeToString(sum.Sum(nil))[:12]
	if p.html, err = template.ParseFS(htmlFiles, "html/*.html"); err != nil {
		return nil, fmt.Errorf("read the pages: %w", err)
	}
	return p, nil
}

// Stamp tells the static files of two versions apart.
func (p *Pages) Stamp() string { return p.stamp }

// Static returns a file of the page and its media type.
func (p *Pages) Static(name string) (body []byte, kind string, ok bool) {
	a, ok := p.static[name]
	return a.body, a.kind, ok
}

// Screen writes the whole page.
func (p *Pages) Screen(w io.Writer, s Source, v Viewer) error {
	return p.html.ExecuteTemplate(w, "screen.html", p.view(s, v))
}

// Parts are the sections that the stream sends, and what the rest of the page
// needs of a state.
type Parts struct {
	Title    string            `json:"title"`
	Tone     string            `json:"tone"`
	Live     bool              `json:"fresh"` // false: the node's own state is old
	Sections map[string]string `json:"sections"`
	Alarms   []string          `json:"alarms"` // critical and major, not acknowledged: title, for what is said aloud
}

// Parts renders the sections.
func (p *Pages) Parts(s Source, viewer Viewer) (Parts, error) {
	v := p.view(s, viewer)
	out := Parts{Title: v.Title, Tone: v.Tone, Live: !v.Stale, Sections: make(map[string]string, len(Sections)), Alarms: v.grave()}
	for _, id := range Sections {
		var b bytes.Buffer
		if err := p.html.ExecuteTemplate(&b, id+".html", v); err != nil {
			return out, err
		}
		out.Sections[id] = b.String()
	}
	return out, nil
}

var ages = regexp.MustCompile(`(<time data-since="[0-9]+">)[^<]*`)

// Digest tells two Parts apart, whatever the ages in them that the script counts
// itself.
func (p Parts) Digest() [sha256.Size]byte {
	sum := sha256.New()
	fmt.Fprintln(sum, p.Title, p.Tone, p.Live)
	for _, id := range Sections {
		_, _ = sum.Write(ages.ReplaceAll([]byte(p.Sections[id]), []byte("$1"))) // never fails
	}
	return [sha256.Size]byte(sum.Sum(nil))
}

// Form is a page that asks for something: the login, an acknowledgement.
type Form struct {
	From    Viewer
	Site    string
	Fault   string // a sentence; "": none
	Number  uint16 // of the alarm
	Object  string
	Heading string
	Name    string // as typed
	Comment string
	Next    string // where a login leads
}

// Login writes the page that asks who is there.
func (p *Pages) Login(w io.Writer, f Form) error { return p.form(w, "login.html", f) }

// Acknowledge writes the page that acknowledges one alarm, for browsers without
// script.
func (p *Pages) Acknowledge(w io.Writer, f Form) error { return p.form(w, "acknowledge.html", f) }

// Notice writes a page that says Heading and Fault.
func (p *Pages) Notice(w io.Writer, f Form) error { return p.form(w, "notice.html", f) }

func (p *Pages) form(w io.Writer, name string, f Form) error {
	return p.html.ExecuteTemplate(w, name, &formView{Form: f, words: words{text.For(f.From.Lang), f.From}, Stamp: p.stamp})
}
