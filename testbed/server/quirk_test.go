package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"releve/testbed/ipbx"
	"releve/testbed/phone"
	"releve/testbed/server"
)

var clean = phone.Manners{Codecs: []string{phone.ALaw, phone.MuLaw, phone.TelephoneEvent}, Date: true}

func ask(t *testing.T, p *phone.Phone, s *server.Server, method string, extra ...phone.Field) *phone.Message {
	t.Helper()
	got := make(chan *phone.Message, 1)
	p.Do(func() {
		uri := "sip:" + s.Addr().String()
		m := p.NewRequest(method, uri, "sip:7@x", uri, "", 1)
		m.Fields = append(m.Fields, extra...)
		p.Request(m, s.Addr(), func(a *phone.Message) { got <- a })
	})
	return <-got
}

func status(m *phone.Message) string {
	if m == nil {
		return "none"
	}
	return fmt.Sprint(m.Status)
}

// called places a call and returns it with its final and its To tags.
func called(t *testing.T, p *phone.Phone, s *server.Server, o phone.Outgoing) (*phone.Call, *phone.Message, []string) {
	t.Helper()
	final := make(chan *phone.Message, 1)
	var tags []string
	var c *phone.Call
	p.Do(func() {
		o.To, o.URI, o.From = s.Addr(), "sip:5000@"+s.Addr().String(), "<sip:7@x>"
		var err error
		if c, err = p.Place(o); err != nil {
			t.Error(err)
			final <- nil
			return
		}
		c.OnProvisional = func(m *phone.Message) {
			if tag := m.ToTag(); m.Status > 100 && !slices.Contains(tags, tag) {
				tags = append(tags, tag)
			}
		}
		c.OnAnswer = func(m *phone.Message) { final <- m }
		c.OnFail = func(_ int, m *phone.Message) { final <- m }
	})
	m := <-final
	t.Cleanup(func() { p.Do(c.Hangup) })
	return c, m, tags
}

// elsewhere are the quirks whose manners are looked at in TestManners.
var elsewhere = []server.Quirk{"answer-slow", "rtp-loss", "slow", "contact-rewritten", "record-route-ignored"}

func TestQuirks(t *testing.T) {
	t.Parallel()
	type look func(*testing.T, *phone.Phone, *server.Server) string
	options := func(t *testing.T, p *phone.Phone, s *server.Server) string { return status(ask(t, p, s, "OPTIONS")) }
	invite := func(t *testing.T, p *phone.Phone, s *server.Server) string {
		_, m, _ := called(t, p, s, phone.Outgoing{})
		return status(m)
	}
	audio := func(t *testing.T, p *phone.Phone, s *server.Server) string {
		c, _, _ := called(t, p, s, phone.Outgoing{Media: true})
		var heard phone.Heard
		listening := time.Now().Add(300 * time.Millisecond) // fifteen packets, if they come
		eventually(t, "sound, or its absence", func() bool {
			p.Do(func() { heard = c.Heard() })
			return heard.Audible > 0 || time.Now().After(listening)
		})
		return fmt.Sprint(heard.Packets > 0, heard.Audible > 0)
	}
	answer := func(t *testing.T, p *phone.Phone, s *server.Server) string {
		_, m, _ := called(t, p, s, phone.Outgoing{})
		for line := range strings.Lines(string(m.Body)) {
			if strings.HasPrefix(line, "m=audio ") {
				return strings.TrimSpace(line[strings.Index(line, "AVP")+4:])
			}
		}
		return status(m)
	}
	modify := func(do func(*phone.Call, func(int))) look {
		return func(t *testing.T, p *phone.Phone, s *server.Server) string {
			c, _, _ := called(t, p, s, phone.Outgoing{})
			got := make(chan int, 1)
			p.Do(func() { do(c, func(status int) { got <- status }) })
			return fmt.Sprint(<-got)
		}
	}
	cases := map[server.Quirk]struct {
		look          look
		with, without string
	}{
		"options-silent": {options, "none", "200"},
		"options-405":    {options, "405", "200"},
		"silent":         {options, "none", "200"},
		"refuse":         {options, "none", "200"},
		"date-missing": {func(t *testing.T, p *phone.Phone, s *server.Server) string {
			return fmt.Sprint(ask(t, p, s, "OPTIONS").Get("Date") == "")
		}, "true", "false"},
		"clock-wrong": {func(t *testing.T, p *phone.Phone, s *server.Server) string {
			at, err := time.Parse(phone.DateFormat, ask(t, p, s, "OPTIONS").Get("Date"))
			return fmt.Sprint(time.Until(at).Round(time.Minute), err)
		}, "26m0s <nil>", "0s <nil>"},
		"no-audio":     {audio, "false false", "true true"},
		"silent-audio": {audio, "true false", "true true"},
		"second-early-dialog": {func(t *testing.T, p *phone.Phone, s *server.Server) string {
			_, _, tags := called(t, p, s, phone.Outgoing{})
			return fmt.Sprint(len(tags))
		}, "2", "1"},
		"all-busy":         {invite, "486", "200"},
		"number-unknown":   {invite, "404", "200"},
		"100rel-required":  {invite, "421", "200"},
		"update-refused":   {modify(func(c *phone.Call, done func(int)) { c.Update(phone.SendRecv, done) }), "405", "200"},
		"reinvite-refused": {modify(func(c *phone.Call, done func(int)) { c.Reinvite(phone.SendOnly, done) }), "488", "200"},
		"codec-alaw-only":  {answer, "8 101", "8 0 101"},
		"codec-ulaw-only":  {answer, "0 101", "8 0 101"},
		"codec-g729-only":  {answer, "488", "8 0 101"},
		"dtmf-missing":     {answer, "8 0", "8 0 101"},
		"session-timer-small": {func(t *testing.T, p *phone.Phone, s *server.Server) string {
			_, m, _ := called(t, p, s, phone.Outgoing{Extra: []phone.Field{{Name: "Session-Expires", Value: "1800"}}})
			return status(m) + " " + m.Get("Min-SE")
		}, "422 7200", "200 "},
		"large-udp-lost": {func(t *testing.T, p *phone.Phone, s *server.Server) string {
			return status(ask(t, p, s, "OPTIONS", phone.Field{Name: "Subject", Value: strings.Repeat("x", 1300)}))
		}, "none", "200"},
	}
	for _, q := range server.Quirks() {
		if slices.Contains(elsewhere, q) {
			continue
		}
		if _, ok := cases[q]; !ok {
			t.Errorf("nobody looks at quirk %s", q)
		}
	}
	for q, c := range cases {
		t.Run(string(q), func(t *testing.T) {
			t.Parallel()
			for _, planted := range []bool{false, true} {
				cfg, want := server.Config{Manners: clean, RTP: true}, c.without
				if planted {
					cfg.Quirks, want = []server.Quirk{q}, c.with
				}
				p, err := phone.Listen(phone.Config{Addr: "127.0.31.3:0", T1: t1})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = p.Close() })
				p.Do(func() { _ = p.SetManners(phone.Manners{Codecs: clean.Codecs}) })
				if got := c.look(t, p, startServer(t, cfg)); got != want {
					t.Errorf("planted %v: %q, want %q", planted, got, want)
				}
			}
		})
	}
}

// TestQuirksGoAway: none planted is the healthy server again.
func TestQuirksGoAway(t *testing.T) {
	t.Parallel()
	s := startServer(t, server.Config{Quirks: []server.Quirk{"all-busy", "answer-slow"}})
	x := startIPBX(t, s.Addr(), nil)
	if r := ended(t, call(t, x, ipbx.CallSpec{})); r.Status != 486 {
		t.Errorf("planted: %+v", r)
	}
	if err := s.SetQuirks(); err != nil {
		t.Fatal(err)
	}
	c := call(t, x, ipbx.CallSpec{})
	answered(t, c)
	c.Hangup()
	ended(t, c)
	if s.SetQuirks("wishful") == nil {
		t.Error("an unknown quirk was planted")
	}
}
