package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	"os"
	"strings"
	"testing"
	"time"

	"releve/health/notify"
	"releve/testbed/postfix"
	"releve/testbed/tlstest"
)

// relay is a postfix of this test's, and how to trust it.
type relay struct {
	*postfix.Server
	roots *x509.CertPool
}

func startPostfix(t *testing.T) relay {
	t.Helper()
	dir, err := os.MkdirTemp("", "releve-mail-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	authority, err := tlstest.NewAuthority(dir, "ca")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Issue(tlstest.Leaf{Name: "mail", SANs: []string{"mail.ch.example"}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := postfix.Start(t.Context(), postfix.Config{
		Address: "127.0.18.1", Certificate: pair.Certificate, Key: pair.Key, Domain: "ch.example",
		Mailboxes: []string{"anne", "bruno", "grise", "petit", "mot"}, Later: []string{"later"},
		Users: map[string]string{"releve": password}, Policy: greylist(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return relay{s, authority.Pool()}
}

// inbox waits for n mails in a mailbox.
func (r relay) inbox(t *testing.T, mailbox string, n int) []postfix.Mail {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		mails, err := r.Mails(mailbox)
		if err != nil {
			t.Fatal(err)
		}
		if len(mails) >= n {
			return mails
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d mails of %d in %s\n%s", len(mails), n, mailbox, r.Log())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (r relay) config(security Security) Config {
	c := Config{
		Server: r.SMTP, Security: security, TLS: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: r.roots, ServerName: "mail.ch.example"},
		Hello: "releve.ch.example", From: "releve@ch.example", To: "anne@ch.example", Domain: "ch.example",
	}
	if security == Implicit {
		c.Server = r.SMTPS
	}
	return c
}

func incident() (raised, reminder, cleared notify.Notice) {
	raised = notify.Notice{
		ID: "1001-ab.raised", Incident: "1001-ab", Kind: notify.Raised, Number: 1001, Object: "primary", Severity: "major",
		Time:   time.Date(2026, 11, 24, 2, 30, 0, 0, time.UTC),
		Thread: "[Relève CH de l’Été] MAJEURE 1001 Un serveur vocal ne répond plus (principal)",
		Text:   "MAJEURE — alarme 1001 : Un serveur vocal ne répond plus (principal)\n.\nQue faire ?\n  Vérifiez l'alimentation.",
	}
	reminder, cleared = raised, raised
	reminder.ID, reminder.Kind = "1001-ab.reminder.x", notify.Reminder
	cleared.ID, cleared.Kind = "1001-ab.cleared", notify.Cleared
	return raised, reminder, cleared
}

func send(t *testing.T, c Config, notices ...notify.Notice) (string, error) {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err = s.Send(ctx, notices)
	return s.Answer(), err
}

func body(t *testing.T, m postfix.Mail) string {
	t.Helper()
	var r io.Reader = strings.NewReader(m.Body)
	switch strings.ToLower(m.Header.Get("Content-Transfer-Encoding")) {
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, r)
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(raw), "\r\n", "\n")
}

func subjectOf(t *testing.T, m postfix.Mail) string {
	t.Helper()
	s, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestPostfix: a real mail server takes what we send, by each way of protecting
// the connection, and what lies in the mailbox is the thread of the incident.
func TestPostfix(t *testing.T) {
	t.Parallel()
	r := startPostfix(t)
	raised, reminder, cleared := incident()
	for i, step := range []struct {
		security Security
		notices  []notify.Notice
	}{
		{StartTLS, []notify.Notice{raised}},
		{Implicit, []notify.Notice{reminder}},
		{None, []notify.Notice{cleared}},
		{Opportunistic, []notify.Notice{raised}}, // again, after a crash
	} {
		answer, err := send(t, r.config(step.security), step.notices...)
		if err != nil || !strings.Contains(answer, "250 ") || !strings.Contains(answer, "queued as") {
			t.Fatalf("%s: %q, %v\n%s", step.security, answer, err, r.Log())
		}
		r.inbox(t, "anne", i+1)
	}
	mails := r.inbox(t, "anne", 4)
	root := mails[0].Header.Get("Message-ID")
	for i, m := range mails {
		want := raised.Thread
		if i == 1 || i == 2 {
			want = "Re: " + want
			if m.Header.Get("In-Reply-To") != root || m.Header.Get("References") != root || m.Header.Get("Message-ID") == root {
				t.Errorf("mail %d is not of the thread %s: %v", i, root, m.Header)
			}
		}
		if got := subjectOf(t, m); got != want {
			t.Errorf("mail %d: subject %q", i, got)
		}
		if got := body(t, m); got != raised.Text+"\n" {
			t.Errorf("mail %d says %q", i, got)
		}
		h := m.Header
		if h.Get("Auto-Submitted") != "auto-generated" || !strings.HasPrefix(h.Get("X-Releve-Alarm"), "1001 ") || h.Get("Date") == "" ||
			!strings.HasPrefix(h.Get("Content-Type"), "text/plain") || h.Get("To") != "<anne@ch.example>" || h.Get("From") != "<releve@ch.example>" {
			t.Errorf("mail %d: %v", i, h)
		}
	}
	if mails[3].Header.Get("Message-ID") != root {
		t.Error("what is sent again has another Message-ID: nobody knows that it is the same")
	}
	for deadline := time.Now().Add(30 * time.Second); strings.Count(r.Log(), "disconnect from") < 4+1; time.Sleep(10 * time.Millisecond) { // the first one asked whether it greets
		if time.Now().After(deadline) {
			t.Fatalf("it does not say how our connections went\n%s", r.Log())
		}
	}
	if secured := strings.Count(r.Log(), "starttls=1"); secured != 2 {
		t.Errorf("%d connections took STARTTLS, want 2 (starttls, opportunistic)\n%s", secured, r.Log())
	}
	t.Run("refusals", func(t *testing.T) { refusals(t, r) })
	t.Run("digest", func(t *testing.T) { digest(t, r) })
	t.Run("injection", func(t *testing.T) { injection(t, r) })
	t.Run("passwords", func(t *testing.T) { passwords(t, r) })
	t.Run("without", func(t *testing.T) { without(t, r) })
	t.Run("small", func(t *testing.T) { small(t, r) })
	t.Run("greylisted", func(t *testing.T) { greylisted(t, r) })
}

// refusals: one recipient of two does not exist; the other one's mail comes, and
// the relay's words are told. A certificate of nobody's is none.
func refusals(t *testing.T, r relay) {
	raised, _, _ := incident()
	c := r.config(StartTLS)
	c.To = "nobody@ch.example"
	if _, err := send(t, c, raised); !errors.Is(err, notify.ErrPermanent) || !strings.Contains(err.Error(), "RCPT TO: 550") {
		t.Errorf("nobody: %v", err)
	}
	c.To = "bruno@ch.example"
	if _, err := send(t, c, raised); err != nil {
		t.Errorf("bruno: %v", err)
	}
	r.inbox(t, "bruno", 1)
	c.To = "later@ch.example"
	if _, err := send(t, c, raised); err == nil || errors.Is(err, notify.ErrPermanent) || !strings.Contains(err.Error(), "come back later") {
		t.Errorf("later: %v", err)
	}
	c = r.config(StartTLS)
	c.TLS.ServerName = "mail.elsewhere.example"
	if _, err := send(t, c, raised); err == nil || !strings.Contains(err.Error(), "STARTTLS: ") {
		t.Errorf("a certificate of another name: %v", err)
	}
	c = r.config(Implicit)
	c.TLS.RootCAs = x509.NewCertPool()
	if _, err := send(t, c, raised); err == nil || !strings.Contains(err.Error(), "TLS: ") {
		t.Errorf("a certificate of nobody's: %v", err)
	}
	c = r.config(Opportunistic)
	c.TLS.RootCAs, c.To = x509.NewCertPool(), "bruno@ch.example"
	if _, err := send(t, c, raised); err != nil {
		t.Errorf("opportunistic asks for no certificate: %v", err)
	}
	r.inbox(t, "bruno", 2)
}

// digest: several notices are one mail, the gravest gives its subject, and it
// belongs to each incident's thread.
func digest(t *testing.T, r relay) {
	a, _, cleared := incident()
	a.Severity = "minor"
	b := a
	b.ID, b.Incident, b.Severity, b.Thread, b.Text = "1002-cd.raised", "1002-cd", "critical", "[Relève X] CRITIQUE 1002", "CRITIQUE — alarme 1002"
	before := len(r.inbox(t, "bruno", 0))
	c := r.config(StartTLS)
	c.To = "bruno@ch.example"
	if _, err := send(t, c, a, b, cleared); err != nil {
		t.Fatal(err)
	}
	m := r.inbox(t, "bruno", before+1)[before]
	s, _ := New(c)
	if got := subjectOf(t, m); got != "[Relève X] CRITIQUE 1002 (+2)" || m.Header.Get("Message-ID") != "<"+s.id("1002-cd")+">" ||
		m.Header.Get("References") != "<"+s.id("1001-ab")+">" {
		t.Errorf("%q %v", got, m.Header)
	}
	if got := body(t, m); strings.Index(got, "alarme 1001") > strings.Index(got, "alarme 1002") || strings.Count(got, "alarme 1001") != 2 {
		t.Errorf("says %q", got)
	}
}

// injection: nothing in a notice makes a header, a recipient or the end of the
// message.
func injection(t *testing.T, r relay) {
	n, _, _ := incident()
	n.ID, n.Incident = "x\r\nBcc: bruno@ch.example", "y\r\nX-Evil: 1"
	n.Thread = "[Relève] a\r\nBcc: bruno@ch.example\r\n\r\nevil " + strings.Repeat("é", 300)
	n.Object, n.Severity = "o\nX-Evil: 2", "major\r\nX-Evil: 3"
	n.Text = "one\r\n.\r\nQUIT\r\n.two\x00\x1b[2J\n" + strings.Repeat("long ", 500)
	before := len(r.inbox(t, "anne", 0))
	if _, err := send(t, r.config(StartTLS), n); err != nil {
		t.Fatal(err)
	}
	m := r.inbox(t, "anne", before+1)[before]
	if m.Header.Get("X-Evil") != "" || m.Header.Get("Bcc") != "" {
		t.Errorf("%v", m.Header)
	}
	if got := body(t, m); !strings.HasPrefix(got, "one\n.\nQUIT\n.two[2J\nlong long") || !strings.HasSuffix(got, "long\n") {
		t.Errorf("says %q", got)
	}
	if got := subjectOf(t, m); !strings.HasPrefix(got, "[Relève] a  Bcc: bruno@ch.example    evil ééé") {
		t.Errorf("subject %q", got)
	}
}
