package app

import (
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"os"
	"strings"
	"testing"

	"releve/health/alarm"
	"releve/testbed/postfix"
	"releve/testbed/tlstest"
)

// startPostfix is a mail server of this test's, and the file of who signed its
// certificate.
func startPostfix(t *testing.T) (*postfix.Server, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "releve-mail-") // where postfix may read
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
		Address: "127.0.18.5", Certificate: pair.Certificate, Key: pair.Key, Domain: "ch.example", Mailboxes: []string{"anne", "astreinte"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s, authority.File
}

// subjects of a mailbox, in the order they came.
func subjects(t *testing.T, s *postfix.Server, mailbox string) (out []string) {
	t.Helper()
	mails, err := s.Mails(mailbox)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mails {
		subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, subject)
	}
	return out
}

// bodies are the texts of a mailbox.
func bodies(t *testing.T, s *postfix.Server, mailbox string) (out []string) {
	t.Helper()
	mails, err := s.Mails(mailbox)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mails {
		raw, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(m.Body)))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(raw))
	}
	return out
}

// TestMailOfTheSite: through a real mail server with STARTTLS; who is on call at
// night gets night calls alone; a recipient that does not exist keeps nobody
// else's mail and multiplies none.
func TestMailOfTheSite(t *testing.T) {
	t.Parallel()
	relay, authority := startPostfix(t)
	s := prepared(t)
	s.edit("language: en", "language: fr", "store: {path", fmt.Sprintf(`alarms:
  mail:
    smtp: %q
    from: releve@ch.example
    to: [nobody@ch.example, anne@ch.example]
    urgent_to: [astreinte@ch.example, anne@ch.example]
    tls: starttls
    ca_file: %s
    server_name: mail.ch.example
    gather: 0s
store: {path`, relay.SMTP, authority))
	s.start()
	s.ready()
	s.node.mind.raise(alarm.PeerAbsent, "autre")
	s.node.mind.raise(alarm.TwoMasters, "autre")
	const raised, urgent = "[Relève test] MAJEURE 1030 L'autre nœud de Relève est absent (autre)", "[Relève test] CRITIQUE 1031 Deux nœuds se croient maîtres (autre)"
	s.until("the night call is in the mailbox", func() bool { return len(subjects(t, relay, "astreinte")) > 0 })
	s.until("the one that does not exist is told as an alarm", func() bool { return s.alarmed(alarm.SinkDown) })
	s.node.mind.clearAlarm(alarm.TwoMasters, "autre")
	s.until("the end of the night call is there", func() bool { return len(subjects(t, relay, "astreinte")) > 1 })
	if got := strings.Join(subjects(t, relay, "astreinte"), "\n"); got != urgent+"\nRe: "+urgent {
		t.Errorf("on call at night got\n%s", got)
	}
	texts := func() string { return strings.Join(bodies(t, relay, "anne"), "\n") }
	down := "MAJEURE — alarme 1072\u202f: Un destinataire des alarmes n'est plus joint (mail nobody@ch.example)"
	s.until("the rest is there", func() bool { return strings.Contains(texts(), "fin d'alarme") && strings.Contains(texts(), down) })
	for _, want := range []string{"MAJEURE — alarme 1030\u202f:", "CRITIQUE — alarme 1031\u202f:", "fin d'alarme — alarme 1031\u202f:", down} {
		if n := strings.Count(texts(), want); n != 1 {
			t.Errorf("anne got %q %d times\n%s", want, n, texts())
		}
	}
	if got := subjects(t, relay, "anne"); strings.TrimSuffix(got[0], " (+1)") != raised && strings.TrimSuffix(got[0], " (+1)") != urgent {
		t.Errorf("the first mail is %q", got[0])
	}
	tests, err := s.node.TestReceivers(t.Context(), "mail")
	if err != nil || len(tests) != 3 || tests[0].OK || !strings.Contains(tests[0].Cause, "User unknown") || !tests[1].OK || !strings.Contains(tests[1].Answer, "queued as") || !tests[2].OK {
		t.Errorf("%+v, %v", tests, err)
	}
}
