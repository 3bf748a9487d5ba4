package syslog

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"releve/health/notify"
	"releve/testbed/rsyslog"
	"releve/testbed/tlstest"
)

var notice = notify.Notice{
	ID: "n-1", Incident: "i-1", Kind: notify.Raised, Number: 1002, Object: `a "b" [c] \d`, Severity: "critical",
	Time: time.Date(2026, 11, 24, 1, 2, 3, 4e6, time.UTC), Site: "CH de Sœurs", Node: "relève1", Language: "fr",
	Title: "Aucun serveur ne répond", Word: "critique", Headline: "Personne ne décroche", Todo: "Appelez l’intégrateur.\nPuis TLM Com.",
}

func sink(t *testing.T, o Options) *Sink {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

const facility = 19 // local3

func TestMessages(t *testing.T) {
	s := sink(t, Options{Transport: UDP, Address: "127.0.0.1:514", Facility: facility})
	s.pid = "42"
	got := string(s.message(notice, maxDatagram))
	want := `<153>1 2026-11-24T01:02:03.004Z rel?ve1 releve 42 alarm-raised ` +
		`[alarm resource="a \"b\" [c\] \\d" probableCause="other" perceivedSeverity="critical"]` +
		`[releve@32473 code="1002" kind="raised" severity="critical" object="a \"b\" [c\] \\d" site="CH de Sœurs" incident="i-1" id="n-1"] ` +
		"\ufeffcritique: Aucun serveur ne répond | Personne ne décroche | Appelez l’intégrateur. Puis TLM Com."
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, c := range []struct {
		kind     notify.Kind
		severity string
		pri      string
	}{
		{notify.Raised, "major", "<154>"},
		{notify.Raised, "minor", "<155>"},
		{notify.Changed, "warning", "<156>"},
		{notify.Raised, "indeterminate", "<157>"},
		{notify.Cleared, "critical", "<157>"},
		{notify.Acknowledged, "critical", "<157>"},
		{notify.Test, "critical", "<157>"},
	} {
		n := notice
		n.Kind, n.Severity = c.kind, c.severity
		if got := string(s.message(n, maxDatagram)); !strings.HasPrefix(got, c.pri) {
			t.Errorf("%s %s: %.8s, want %s", c.kind, c.severity, got, c.pri)
		}
	}
	n := notice
	n.Kind = notify.Cleared
	if got := string(s.message(n, maxDatagram)); !strings.Contains(got, `perceivedSeverity="cleared"`) || !strings.Contains(got, ` severity="critical"`) {
		t.Errorf("cleared: %s", got)
	}
}

// Nothing that a notice holds makes a message longer than its bound, ends a value
// or begins a line.
func TestHostileValues(t *testing.T) {
	for _, v := range []string{strings.Repeat("é", 4000), strings.Repeat(`]"\`, 2000), "\r\n<0>1 - - - - - - forged\x00\xff\xfe", ""} {
		n := notify.Notice{Kind: notify.Kind(v), ID: v, Incident: v, Object: v, Severity: v, Site: v, Node: v, Title: v, Word: v, Headline: v, Todo: v, By: v, Note: v}
		for _, limit := range []int{maxDatagram, maxStream} {
			s := sink(t, Options{Transport: UDP, Address: "127.0.0.1:514", Facility: facility})
			got := s.message(n, limit)
			if len(got) > limit || strings.ContainsAny(string(got), "\r\n\x00") || strings.ToValidUTF8(string(got), "!") != string(got) {
				t.Errorf("limit %d: %d bytes: %q", limit, len(got), got)
			}
			if _, rest, _ := strings.Cut(string(got), "[releve@"); !strings.Contains(rest, "] \ufeff") {
				t.Errorf("the structured data does not end: %q", got)
			}
		}
	}
}

func TestRsyslogReadsAllThreeTransports(t *testing.T) {
	t.Parallel()
	a, err := tlstest.NewAuthority(t.TempDir(), "site")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := a.Issue(tlstest.Leaf{Name: "collector", SANs: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := rsyslog.Start(t.Context(), rsyslog.Options{Authority: a.File, Certificate: pair.Certificate, Key: pair.Key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	ours := &tls.Config{RootCAs: a.Pool()}
	for _, o := range []Options{
		{Transport: UDP, Address: r.UDP}, {Transport: TCP, Address: r.TCP}, {Transport: TLS, Address: r.TLS, TLS: ours},
	} {
		o.Facility = facility
		s := sink(t, o)
		first, second, third := notice, notice, notice
		first.ID, second.ID, third.ID = o.Transport+"-1", o.Transport+"-2", o.Transport+"-3"
		second.Todo = strings.Repeat("é\n", 2000)
		third.Kind = notify.Cleared
		if err := s.Send(within(t), []notify.Notice{first, second, third}); err != nil {
			t.Fatalf("%s: %v", o.Transport, err)
		}
		if o.Transport != UDP && !strings.HasPrefix(s.Answer(), "read to its end") {
			t.Errorf("%s: answer %q", o.Transport, s.Answer())
		}
		got, err := r.Await(within(t), `id="`+o.Transport+`-`, 3)
		if err != nil {
			t.Fatalf("%s: %v", o.Transport, err)
		}
		m := got[0]
		if m.Pri != "153" || m.Protocol != "1" || m.Host != "rel?ve1" || m.App != "releve" || m.ID != "alarm-raised" || m.Time != "2026-11-24T01:02:03.004Z" {
			t.Errorf("%s: %+v", o.Transport, m)
		}
		if !strings.Contains(m.Data, `object="a \"b\" [c\] \\d"`) || !strings.Contains(m.Data, `site="CH de Sœurs"`) {
			t.Errorf("%s: structured data %s", o.Transport, m.Data)
		}
		for _, field := range [][3]string{
			{"alarm", "perceivedseverity", "critical"},
			{"alarm", "resource", notice.Object},
			{"releve@32473", "code", "1002"},
			{"releve@32473", "object", notice.Object},
			{"releve@32473", "site", notice.Site},
			{"releve@32473", "id", first.ID},
		} {
			if got := m.Field(field[0], field[1]); got != field[2] {
				t.Errorf("%s: [%s %s=%q], sent %q: %s", o.Transport, field[0], field[1], got, field[2], m.Fields)
			}
		}
		if text := strings.TrimPrefix(m.Text, "\ufeff"); text != "critique: Aucun serveur ne répond | Personne ne décroche | Appelez l’intégrateur. Puis TLM Com." {
			t.Errorf("%s: text %q", o.Transport, m.Text)
		}
		if got[2].ID != "alarm-cleared" || got[2].Pri != "157" {
			t.Errorf("%s: the third is %+v", o.Transport, got[2])
		}
	}
	if err := sink(t, Options{Transport: TLS, Address: r.TLS}).Send(within(t), []notify.Notice{notice}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown authority: %v", err)
	}
	short, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if err := sink(t, Options{Transport: TLS, Address: r.TCP, TLS: ours}).Send(short, []notify.Notice{notice}); err == nil {
		t.Error("TLS to who does not speak it was taken for delivered")
	}
}

func TestHostileReceivers(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for _, transport := range []string{UDP, TCP, TLS} {
		err := sink(t, Options{Transport: transport, Address: closed.Addr().String()}).Send(within(t), []notify.Notice{notice})
		if err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%s to a closed port: %v", transport, err)
		}
	}
	for name, c := range map[string]struct {
		transport string
		answer    func(net.Conn)
		want      string // of the error; "": delivered as far as can be known
	}{
		"resets":                {TCP, func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0); _ = c.Close() }, "syslog to"},
		"never reads":           {TCP, func(c net.Conn) { _ = c.(*net.TCPConn).SetReadBuffer(1); <-t.Context().Done(); _ = c.Close() }, "in time"},
		"talks for ever":        {TCP, func(c net.Conn) { go io.Copy(io.Discard, c); talk(c) }, ""},
		"says nothing to hello": {TLS, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, "in time"},
		"garbage to hello":      {TLS, talk, "TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					go c.answer(conn)
				}
			}()
			ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
			defer cancel()
			err = sink(t, Options{Transport: c.transport, Address: l.Addr().String()}).Send(ctx, []notify.Notice{notice})
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v", err)
			}
		})
	}
}

func talk(c net.Conn) {
	for {
		if _, err := c.Write([]byte(strings.Repeat("garbage ", 512))); err != nil {
			return
		}
	}
}

func TestOptionsThatAreRefused(t *testing.T) {
	for _, o := range []Options{
		{Transport: "dtls", Address: "h:1"},
		{Transport: UDP, Address: "h"},
		{Transport: UDP, Address: ":514"},
		{Transport: UDP, Address: "h:0"},
		{Transport: UDP, Address: "h:1", Facility: 24},
		{Transport: UDP, Address: "h:1", Facility: -1},
		{Transport: UDP, Address: "h:1", SDID: "releve"},
		{Transport: UDP, Address: "h:1", SDID: "a b@1"},
		{Transport: UDP, Address: "h:1", SDID: "a@x"},
		{Transport: UDP, Address: "h:1", SDID: "é@1"},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v passes", o)
		}
	}
	if Facility("local3") != facility || Facility("local8") != -1 || len(Facilities()) != 24 {
		t.Error("facilities")
	}
}
