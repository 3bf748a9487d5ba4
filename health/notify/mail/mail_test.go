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
)

// script is a mail server that does what it is told: it answers each command by
// its first word, "" hangs, and cuts where nothing is written.
type script map[string]string

var good = script{
	"": "220 mail ready", "EHLO": "250-mail\r\n250 8BITMIME", "MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on", ".": "250 queued as 7", "QUIT": "221 bye",
}

func (s script) with(pairs ...string) script {
	out := script{}
	for k, v := range s {
		out[k] = v
	}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}

// serve listens on a loopback address of its own until the test ends.
func (s script) serve(t *testing.T) (address string, connections *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.18.2:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	connections = &atomic.Int32{}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			go s.talk(t, c)
		}
	}()
	return l.Addr().String(), connections
}

const hangs = "(hangs)"

func (s script) talk(t *testing.T, c net.Conn) {
	defer c.Close()
	answer := func(word string) bool {
		a, ok := s[word]
		if !ok {
			return false
		}
		if a == hangs {
			<-t.Context().Done()
			return false
		}
		_, err := fmt.Fprintf(c, "%s\r\n", a)
		return err == nil
	}
	if !answer("") {
		return
	}
	in := bufio.NewReader(c)
	data := false
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if data && word != "." {
			continue
		}
		data = word == "DATA"
		if !answer(word) {
			return
		}
	}
}

func try(t *testing.T, c Config, limit time.Duration) error {
	t.Helper()
	c.From, c.To = "releve@ch.example", "anne@ch.example"
	if c.Security == "" {
		c.Security = None
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	n, _, _ := incident()
	return s.Send(ctx, []notify.Notice{n})
}

// TestRelayThatHangs at each step: Send ends with its deadline and says where.
func TestRelayThatHangs(t *testing.T) {
	t.Parallel()
	for stage, where := range map[string]string{
		"": "greeting", "EHLO": "EHLO", "MAIL": "MAIL FROM", "RCPT": "RCPT TO", "DATA": "DATA", ".": "end of DATA",
	} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			address, _ := good.with(stage, hangs).serve(t)
			err := try(t, Config{Server: address}, 300*time.Millisecond)
			if err == nil || !strings.Contains(err.Error(), where+":") || !strings.Contains(err.Error(), "in time") || errors.Is(err, notify.ErrPermanent) {
				t.Errorf("%v", err)
			}
		})
	}
	t.Run("after it took the mail", func(t *testing.T) {
		t.Parallel()
		address, n := good.with("QUIT", hangs).serve(t)
		if err := try(t, Config{Server: address}, 300*time.Millisecond); err != nil || n.Load() != 1 {
			t.Errorf("it is delivered: %v", err)
		}
	})
	t.Run("TLS", func(t *testing.T) {
		t.Parallel()
		address, _ := good.with("", hangs).serve(t)
		if err := try(t, Config{Server: address, Security: Implicit}, 300*time.Millisecond); err == nil || !strings.Contains(err.Error(), "TLS:") {
			t.Errorf("%v", err)
		}
	})
}

// TestRelayThatRefuses: for now or for good, its words are told.
func TestRelayThatRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		stage, answer string
		permanent     bool
		say           string
	}{
		{"", "554 go away", true, "554"},
		{"", "421 too busy", false, "421"},
		{"EHLO", "550 who are you", true, "who are you"},
		{"MAIL", "553 sender rejected", true, "sender rejected"},
		{"RCPT", "451 greylisted", false, "greylisted"},
		{"DATA", "452 disk full", false, "disk full"},
		{".", "554 looks like spam", true, "looks like spam"},
	} {
		address, _ := good.with(c.stage, c.answer).serve(t)
		err := try(t, Config{Server: address}, 5*time.Second)
		if err == nil || errors.Is(err, notify.ErrPermanent) != c.permanent || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%q to %q: %v", c.answer, c.stage, err)
		}
	}
	if err := try(t, Config{Server: "127.0.18.3:9"}, 5*time.Second); err == nil || !strings.Contains(err.Error(), "connect:") {
		t.Errorf("nobody listens: %v", err)
	}
}

// TestRelayThatSpeaksGarbage: bounded, and told.
func TestRelayThatSpeaksGarbage(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"no code": "hello", "binary": "\x00\xff\xfe", "http": "HTTP/1.1 400 Bad Request", "endless line": strings.Repeat("x", 2*maxSaid),
		"endless answer": strings.Repeat("220-and\r\n", maxSaid/8),
	} {
		for _, stage := range []string{"", "EHLO", "RCPT"} {
			address, _ := good.with(stage, answer).serve(t)
			if err := try(t, Config{Server: address}, 5*time.Second); err == nil || len(err.Error()) > 2*maxSaid {
				t.Errorf("%s at %q: taken for an answer", name, stage)
			}
		}
	}
	cut := good.with()
	delete(cut, "DATA")
	address, _ := cut.serve(t)
	if err := try(t, Config{Server: address}, 5*time.Second); err == nil {
		t.Error("cut within, and delivered")
	}
}

// TestPasswordNeverInClear, and no mail without the TLS that was asked for.
func TestPasswordNeverInClear(t *testing.T) {
	t.Parallel()
	address, _ := good.with("EHLO", "250-mail\r\n250 AUTH PLAIN LOGIN").serve(t)
	for _, security := range []Security{None, Opportunistic} {
		err := try(t, Config{Server: address, Security: security, Username: "u", Password: "s3cret"}, 5*time.Second)
		if err == nil || !strings.Contains(err.Error(), "in clear") {
			t.Errorf("%s: %v", security, err)
		}
	}
	if err := try(t, Config{Server: address, Security: StartTLS}, 5*time.Second); err == nil || !strings.Contains(err.Error(), "does not offer STARTTLS") {
		t.Errorf("no STARTTLS: %v", err)
	}
	address, _ = good.with("EHLO", "250-mail\r\n250 AUTH CRAM-MD5", "AUTH", "334 PDE+").serve(t)
	if err := try(t, Config{Server: address, Username: "u", Password: "p"}, 300*time.Millisecond); err == nil || !strings.Contains(err.Error(), "AUTH") {
		t.Errorf("CRAM-MD5 is begun: %v", err)
	}
}

// TestTLSThatFailsIsNone: where TLS was a wish, an alarm that arrives is worth
// more; where it was a must, it is an error.
func TestTLSThatFailsIsNone(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{"454 4.7.0 TLS not available due to local problem", "220 go ahead\r\nno TLS here"} {
		address, n := good.with("EHLO", "250-mail\r\n250 STARTTLS", "STARTTLS", answer).serve(t)
		if err := try(t, Config{Server: address, Security: Opportunistic}, 5*time.Second); err != nil || n.Load() != 2 {
			t.Errorf("%q, a wish: %v after %d connections", answer, err, n.Load())
		}
		if err := try(t, Config{Server: address, Security: StartTLS}, 5*time.Second); err == nil || !strings.Contains(err.Error(), "STARTTLS") || n.Load() != 3 {
			t.Errorf("%q, a must: %v after %d connections", answer, err, n.Load())
		}
		if err := try(t, Config{Server: address, Security: Opportunistic, Username: "u", Password: "p"}, 5*time.Second); err == nil || n.Load() != 4 {
			t.Errorf("%q, with a password: %v after %d connections", answer, err, n.Load())
		}
	}
}
