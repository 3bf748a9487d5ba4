// Package mail is the mail receiver of package notify: SMTP (RFC 5321) to a
// relay, with STARTTLS, implicit TLS, or none; with a password or without.
//
// A Sink writes to one recipient: when a relay refuses one of several, the others
// have theirs, and nobody has it twice. Each Send is one connection and one
// message, whatever the number of notices. The message is made by go-mail; the
// conversation is bounded here: by the deadline of Send, and by what a relay may
// say.
//
//	dial ─ [TLS] ─ EHLO ─ [STARTTLS] ─ [AUTH] ─ MAIL ─ RCPT ─ DATA ─ QUIT
//
// What a site's relay is, and what its operator wrote, do not always agree; our
// choices: Opportunistic goes in clear when TLS fails (a relay of before TLS 1.0,
// STARTTLS offered and then refused); SCRAM that fails is followed by PLAIN, under
// TLS alone (Cyrus offers every way, and can check PLAIN alone with saslauthd);
// the message is never longer than the relay says it takes (SIZE, RFC 1870).
//
// One incident is one thread: the first message of an incident has an
// identification that is made of the incident and the recipient, and the others
// refer to it (RFC 5322 §3.6.4). A Sink keeps no state but the last answer and is
// used by one goroutine at a time.
package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/wneessen/go-mail/smtp"

	"releve/health/notify"
)

// Security is how the connection is protected.
type Security string

// The ways. Opportunistic takes TLS where the relay offers it, without asking who
// it is (RFC 7435): on the network of a site, an alarm that arrives is worth more
// than a certificate that somebody forgot to renew.
const (
	None          Security = "none"
	Opportunistic Security = "opportunistic"
	StartTLS      Security = "starttls"
	Implicit      Security = "implicit"
)

// Config of a Sink.
type Config struct {
	Server   string // host:port
	Security Security
	TLS      *tls.Config // for StartTLS and Implicit; nil: the system's authorities, the host of Server
	Hello    string      // our name in EHLO; "": our address on this connection, as a literal (RFC 5321 §4.1.4)
	From     string      // address
	To       string      // address of the one recipient
	Username string      // "": no authentication
	Password string
	Domain   string // right side of message identifications; "": releve.invalid
}

// Sink sends to one recipient.
type Sink struct {
	c      Config
	plain  bool // PLAIN was taken where SCRAM was not
	answer atomic.Pointer[string]
}

// errSCRAM and errTLS mark what another conversation may do without.
var (
	errSCRAM = errors.New("SCRAM refused")
	errTLS   = errors.New("no TLS")
)

// manner is how one conversation is held.
type manner struct {
	clear bool // without TLS, though it is offered
	plain bool // without SCRAM
}

var (
	_ notify.Sink     = (*Sink)(nil)
	_ notify.Answerer = (*Sink)(nil)
)

// New returns a Sink; nothing is dialled before the first Send.
func New(c Config) (*Sink, error) {
	host, _, err := net.SplitHostPort(c.Server)
	if err != nil {
		return nil, fmt.Errorf("mail relay %q: %w; write host:port", c.Server, err)
	}
	if c.Domain == "" {
		c.Domain = "releve.invalid"
	}
	if c.TLS == nil {
		c.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	c.TLS = c.TLS.Clone()
	if c.TLS.ServerName == "" {
		c.TLS.ServerName = host
	}
	if c.Security == Opportunistic {
		c.TLS.InsecureSkipVerify, c.TLS.MinVersion = true, tls.VersionTLS10 // the way says so: the choice is TLS or none
	}
	return &Sink{c: c}, nil
}

// Answer implements notify.Answerer.
func (s *Sink) Answer() string {
	if a := s.answer.Load(); a != nil {
		return *a
	}
	return ""
}

// Send implements notify.Sink: all notices are one message.
func (s *Sink) Send(ctx context.Context, notices []notify.Notice) error {
	if len(notices) == 0 {
		return nil
	}
	answer, err := s.deliver(ctx, notices, manner{plain: s.plain})
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, errSCRAM):
		answer, err = s.deliver(ctx, notices, manner{plain: true})
		s.plain = err == nil
	case errors.Is(err, errTLS) && s.c.Security == Opportunistic && s.c.Username == "":
		answer, err = s.deliver(ctx, notices, manner{clear: true})
	}
	if err != nil {
		return s.explain(ctx, err)
	}
	s.answer.Store(&answer)
	return nil
}

// explain says at which step, and marks what the relay refuses for good.
func (s *Sink) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		if at := (*stepError)(nil); errors.As(err, &at) {
			err = &stepError{at.name, errSilent} // that we closed the connection is known
		}
		return fmt.Errorf("mail to %s by %s: the relay did not answer in time (%w)", s.c.To, s.c.Server, err)
	}
	err = fmt.Errorf("mail to %s by %s: %w", s.c.To, s.c.Server, err)
	var p *textproto.Error
	if errors.As(err, &p) && p.Code >= 500 && p.Code < 600 {
		return fmt.Errorf("%w: %w", notify.ErrPermanent, err)
	}
	return err
}

// step names where a conversation failed.
func step(name string, err error) error {
	if err == nil {
		return nil
	}
	return &stepError{name, err}
}

// stepError is where it failed, and why.
type stepError struct {
	name string
	err  error
}

func (e *stepError) Error() string { return e.name + ": " + e.err.Error() }
func (e *stepError) Unwrap() error { return e.err }

// errSilent is what is to be said of a relay that does not answer.
var errSilent = errors.New("nothing came")

// deliver holds one conversation and returns what the relay said of the message.
func (s *Sink) deliver(ctx context.Context, notices []notify.Notice, how manner) (string, error) {
	conn, err := s.dial(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // whatever is waited for
	c, err := s.greet(conn, how)
	if err != nil {
		return "", err
	}
	message, err := s.message(notices, room(c))
	if err != nil {
		return "", fmt.Errorf("write the mail: %w", err)
	}
	if err := step("MAIL FROM", c.Mail("<"+s.c.From+">")); err != nil {
		return "", err
	}
	if err := step("RCPT TO", c.Rcpt("<"+s.c.To+">")); err != nil {
		return "", err
	}
	w, err := c.Data()
	if err != nil {
		return "", step("DATA", err)
	}
	if _, err := w.Write(message); err != nil {
		return "", step("DATA", err)
	}
	if err := w.Close(); err != nil {
		return "", step("end of DATA", err)
	}
	_ = c.Quit() // it is the relay's from here on
	if d, ok := w.(*smtp.DataCloser); ok {
		return "250 " + d.ServerResponse(), nil
	}
	return "250", nil
}

// room is how long a message the relay takes, in bytes: every relay takes 64 KB
// (RFC 5321 §4.5.3.1.7), one that says less means it (RFC 1870 §4; 0: no limit).
func room(c *smtp.Client) int {
	_, said := c.Extension("SIZE")
	if n, err := strconv.Atoi(said); err == nil && n > 0 {
		return min(n, maxMessage)
	}
	return maxMessage
}

// dial connects, with TLS at once where that is the way.
func (s *Sink) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", s.c.Server)
	if err != nil {
		return nil, step("connect", err)
	}
	bounded := &bounded{Conn: conn, left: maxSaid}
	if s.c.Security != Implicit {
		return bounded, nil
	}
	secure := tls.Client(bounded, s.c.TLS)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, step("TLS", err)
	}
	return secure, nil
}

// greet says EHLO, protects the connection and proves who we are.
func (s *Sink) greet(conn net.Conn, how manner) (*smtp.Client, error) {
	c, err := smtp.NewClient(conn, s.c.TLS.ServerName)
	if err != nil {
		return nil, step("greeting", err)
	}
	c.SkipSMTPUTF8(true) // no address of ours needs it
	if err := c.Hello(s.hello(conn)); err != nil {
		return nil, step("EHLO", err)
	}
	secured := s.c.Security == Implicit
	if s.c.Security == StartTLS || s.c.Security == Opportunistic && !how.clear {
		switch offered, _ := c.Extension("STARTTLS"); {
		case offered:
			if err := c.StartTLS(s.c.TLS); err != nil {
				return nil, fmt.Errorf("%w%w", hidden{errTLS}, step("STARTTLS", err))
			}
			secured = true
		case s.c.Security == StartTLS:
			return nil, errors.New("the relay does not offer STARTTLS: see its settings, or choose another value of tls")
		}
	}
	if s.c.Username == "" {
		return c, nil
	}
	return c, s.prove(c, secured, how)
}

// hello is our name: relays refuse one that is not fully qualified, and take an
// address literal (RFC 5321 §4.1.3).
func (s *Sink) hello(conn net.Conn) string {
	if s.c.Hello != "" {
		return s.c.Hello
	}
	at, ok := conn.LocalAddr().(*net.TCPAddr)
	switch {
	case !ok:
		return "localhost"
	case at.IP.To4() != nil:
		return "[" + at.IP.To4().String() + "]"
	}
	return "[IPv6:" + at.IP.String() + "]"
}

// hidden is an error that is found and not read.
type hidden struct{ error }

func (hidden) Error() string   { return "" }
func (h hidden) Unwrap() error { return h.error }

// prove authenticates by the best way that the relay offers; a password in clear
// needs TLS.
func (s *Sink) prove(c *smtp.Client, secured bool, how manner) error {
	_, offered := c.Extension("AUTH")
	ways := strings.Fields(strings.ToUpper(offered))
	simple := secured && (slices.Contains(ways, "PLAIN") || slices.Contains(ways, "LOGIN"))
	if slices.Contains(ways, "SCRAM-SHA-256") && !(how.plain && simple) {
		err := step("AUTH", c.Auth(smtp.ScramSHA256Auth(s.c.Username, s.c.Password)))
		if err != nil && simple {
			return fmt.Errorf("%w%w", hidden{errSCRAM}, err)
		}
		return err
	}
	for _, way := range ways {
		switch {
		case way == "PLAIN" && secured:
			return step("AUTH", c.Auth(smtp.PlainAuth("", s.c.Username, s.c.Password, s.c.TLS.ServerName, false)))
		case way == "LOGIN" && secured:
			return step("AUTH", c.Auth(smtp.LoginAuth(s.c.Username, s.c.Password, s.c.TLS.ServerName, false)))
		}
	}
	for _, way := range ways {
		if way == "CRAM-MD5" {
			return step("AUTH", c.Auth(smtp.CRAMMD5Auth(s.c.Username, s.c.Password)))
		}
	}
	if !secured {
		return errors.New("AUTH: the password would travel in clear: set tls to starttls or implicit")
	}
	return fmt.Errorf("AUTH: the relay offers no way that is known here (%s)", strings.Join(ways, ", "))
}

// maxSaid bounds what a relay may say in one conversation, in bytes.
const maxSaid = 256 << 10

// bounded is a connection whose far end may not talk for ever.
type bounded struct {
	net.Conn
	left int
}

// Read ends with an error once too much was said.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("the relay said more than %d bytes: %w", maxSaid, io.ErrUnexpectedEOF)
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
