package mail

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"releve/health/notify"
	"releve/testbed/postfix"
)

// password has what is lost where somebody quotes or recodes it.
const password = `Été=1 ; "x"`

// passwords: each way to prove who we are, to Debian's Postfix and Cyrus SASL; a
// wrong one is refused for good, in the relay's own words.
func passwords(t *testing.T, r relay) {
	raised, _, _ := incident()
	taken := 0
	for _, c := range []struct {
		service  postfix.Service
		security Security
		method   string // in Postfix' log
	}{
		{postfix.Plain, StartTLS, "PLAIN"},
		{postfix.Login, StartTLS, "LOGIN"},
		{postfix.Both, Implicit, "PLAIN"},
		{postfix.Cram, None, "CRAM-MD5"},
		{postfix.Scram, StartTLS, "SCRAM-SHA-256"},
		{postfix.Behind, StartTLS, "PLAIN"}, // offers SCRAM, and cannot
	} {
		config := r.config(c.security)
		config.Server, config.Username, config.Password, config.To = r.Services[c.service], "releve", password, "mot@ch.example"
		before := strings.Count(r.Log(), "sasl_method="+c.method+",")
		if answer, err := send(t, config, raised); err != nil || !strings.Contains(answer, "queued as") {
			t.Errorf("%s: %q %v\n%s", c.service, answer, err, r.Log())
			continue
		}
		taken++
		r.inbox(t, "mot", taken)
		if after := strings.Count(r.Log(), "sasl_method="+c.method+","); after != before+1 {
			t.Errorf("%s: not by %s\n%s", c.service, c.method, r.Log())
		}
		config.Password = "Ete=1"
		if _, err := send(t, config, raised); !errors.Is(err, notify.ErrPermanent) || !strings.Contains(err.Error(), "AUTH: 535") {
			t.Errorf("%s, a wrong password: %v", c.service, err)
		}
		config.Username, config.Password = "", ""
		if _, err := send(t, config, raised); !errors.Is(err, notify.ErrPermanent) || !strings.Contains(err.Error(), "RCPT TO: 554") {
			t.Errorf("%s, no password: %v", c.service, err)
		}
	}
	t.Run("the second time it knows", func(t *testing.T) {
		config := r.config(StartTLS)
		config.Server, config.Username, config.Password, config.To = r.Services[postfix.Behind], "releve", password, "mot@ch.example"
		s, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		before := strings.Count(r.Log(), "SASL SCRAM-SHA-256 authentication failed")
		for range 2 {
			if err := s.Send(t.Context(), []notify.Notice{raised}); err != nil {
				t.Fatal(err)
			}
		}
		if failed := strings.Count(r.Log(), "SASL SCRAM-SHA-256 authentication failed") - before; failed != 1 {
			t.Errorf("SCRAM was tried %d times, want once", failed)
		}
	})
}

// without: what is asked for is not there; no password goes in clear.
func without(t *testing.T, r relay) {
	raised, _, _ := incident()
	for _, c := range []struct {
		server   string
		security Security
		username string
		want     string
	}{
		{r.Services[postfix.Plain], None, "releve", "in clear"}, // AUTH is offered after STARTTLS alone
		{r.Services[postfix.InClear], None, "releve", "in clear"},
		{r.Services[postfix.InClear], Opportunistic, "releve", "in clear"},
		{r.Services[postfix.InClear], StartTLS, "releve", "does not offer STARTTLS"},
		{r.SMTP, StartTLS, "releve", "no way that is known here"}, // no AUTH at all
		{r.SMTP, Implicit, "", "TLS: "},                           // STARTTLS is spoken there
	} {
		config := r.config(c.security)
		config.Server, config.Username, config.Password = c.server, c.username, password
		before := strings.Count(r.Log(), "authentication failed")
		if _, err := send(t, config, raised); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: %v, want %q", c.server, c.security, err, c.want)
		}
		if after := strings.Count(r.Log(), "authentication failed"); after != before {
			t.Errorf("%s %s: a password was said", c.server, c.security)
		}
	}
	config := r.config(StartTLS)
	config.Server = r.SMTPS // waits for TLS from the beginning, and so do we for its greeting
	s, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := s.Send(ctx, []notify.Notice{raised}); err == nil || !strings.Contains(err.Error(), "greeting") {
		t.Errorf("STARTTLS to a port of TLS: %v", err)
	}
}

// small: a relay that takes 2000 bytes gets the gravest of fifty notices, and how
// many more there are; the others are not lost in silence.
func small(t *testing.T, r relay) {
	var notices []notify.Notice
	for i := range 50 {
		n, _, _ := incident()
		n.ID, n.Incident, n.Title = fmt.Sprint("n", i), fmt.Sprint("i", i), "Un serveur vocal ne répond plus"
		n.Severity = "minor"
		if i == 30 {
			n.Severity, n.Text = "critical", "LA PLUS GRAVE"
		}
		notices = append(notices, n)
	}
	config := r.config(None)
	config.Server, config.To = r.Services[postfix.Small], "petit@ch.example"
	if _, err := send(t, config, notices...); err != nil {
		t.Fatalf("%v\n%s", err, r.Log())
	}
	m := r.inbox(t, "petit", 1)[0]
	if at, err := m.Header.Date(); err != nil || time.Since(at) > time.Hour || time.Since(at) < -time.Hour {
		t.Errorf("dated %v %v: who reads it looks among the newest", at, err)
	}
	config.Hello = ""
	if _, err := send(t, config, notices[0]); err != nil {
		t.Errorf("as an address literal: %v", err)
	}
	config.Hello = "vm"
	if _, err := send(t, config, notices[0]); err == nil || !strings.Contains(err.Error(), "need fully-qualified hostname") {
		t.Errorf("this relay takes a short name: %v: the test proves nothing", err)
	}
	if got := body(t, m); !strings.Contains(got, "LA PLUS GRAVE") || !strings.Contains(got, "… (+") || !strings.HasSuffix(subjectOf(t, m), "(+49)") {
		t.Errorf("%q says %q", subjectOf(t, m), got)
	}
	for i := range notices {
		notices[i].Text = strings.Repeat("Vérifiez l'alimentation. ", 200)
	}
	s, _ := New(config)
	raw, err := s.message(notices, maxMessage)
	if err != nil || len(raw) > maxMessage || strings.Count(string(raw), "Un serveur vocal ne r=C3=A9pond plus") < 30 {
		t.Errorf("%d bytes, %v", len(raw), err)
	}
}

// greylisted: refused once, and taken when it comes again; the one beside it, to
// whom nothing can be sent, holds up nobody; the thread is whole.
func greylisted(t *testing.T, r relay) {
	raised, reminder, cleared := incident()
	d, err := notify.Open(notify.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var receivers []notify.Receiver
	for _, to := range []string{"nobody", "grise"} {
		config := r.config(StartTLS)
		config.To = to + "@ch.example"
		s, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		receivers = append(receivers, notify.Receiver{Name: to, Sink: s, Most: 1})
	}
	d.Set(receivers)
	d.Tell(raised, reminder, cleared)
	mails := r.inbox(t, "grise", 3)
	for i, m := range mails {
		if subject := subjectOf(t, m); strings.HasPrefix(subject, "Re: ") != (i > 0) {
			t.Errorf("mail %d: %q", i, subject)
		}
		if i > 0 && m.Header.Get("In-Reply-To") != mails[0].Header.Get("Message-ID") {
			t.Errorf("mail %d is not of the thread: %v", i, m.Header)
		}
	}
	if !strings.Contains(r.Log(), "450 4.7.1 <grise@ch.example>: Recipient address rejected: greylisted") {
		t.Errorf("nothing was greylisted\n%s", r.Log())
	}
	for _, s := range d.States() {
		if bad := s.Name == "nobody"; bad != (s.Waiting == 3) || bad != strings.Contains(s.Cause, "550") {
			t.Errorf("%+v", s)
		}
	}
}

// greylist is a policy service for Postfix (SMTPD_POLICY_README) that sends grise
// away the first time.
func greylist(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.18.4:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var seen atomic.Bool
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				action := "DUNNO"
				for in := bufio.NewScanner(c); in.Scan(); {
					switch line := in.Text(); {
					case line == "recipient=grise@ch.example" && !seen.Swap(true):
						action = "DEFER_IF_PERMIT greylisted, come back in a moment"
					case line == "":
						fmt.Fprintf(c, "action=%s\n\n", action)
						action = "DUNNO"
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}
