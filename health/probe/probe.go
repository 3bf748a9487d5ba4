// Package probe runs the checks of a server that are not SIP: a TCP connection,
// an HTTP answer, a question to its database, any Nagios plugin. They tell
// whether its host is there, and what an operator wants to know beside.
//
//	every, or a round ──► watch (one goroutine per server and check) ──► Result
//	                                                    │
//	     Round.Results: what is there by its end ◄──────┴──► Report: idle, and late
//
// A check says two things. Its State is whether what was asked for holds: OK,
// Warning, Failed, Unknown. Its Up is what that proves of the server's host: an
// HTTP 500, a refused connection or a wrong password fail the check, and show
// that the host is there (rule R6 tells a hung process from a dead machine by
// it); silence is Down; what could not be asked is Unknown. The answer of another
// host (a URL without {host}) proves nothing.
//
// Everything is bounded: each run by its own time-out, a plugin by being killed
// with its process group, what is read by maxBody, maxMessage and maxOutput, the
// plugins at once by maxPlugins, goroutines by one per check. A round never waits:
// what is not there is Unknown.
//
// Each watch owns its result under its Runner's mutex. Safe for concurrent use.
package probe

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"releve/health"
)

// State says whether what a check asks for holds. The values are those of the
// Nagios plugins.
type State uint8

// Warning counts as OK. Unknown: the check could not ask.
const (
	OK State = iota
	Warning
	Failed
	Unknown
)

func (s State) String() string { return [...]string{"ok", "warning", "failed", "unknown"}[s] }

// Check is one configured check of one server. Immutable.
type Check struct {
	Type    string // tcp, http, sql or exec
	Name    string
	Every   time.Duration // between idle runs
	Timeout time.Duration // of one run
	OfHost  bool          // it asks the server's own host: Up and Down are of that host

	Port uint16 // tcp

	// exec: program and arguments; {host} and {address} become the server's IP
	// address.
	Command []string

	URL      string // http, sql: with the server's host in it
	Username string // http: of basic authentication; "": none
	Password string // http, sql
	Status   int    // http: 0: any 2xx
	Match    *regexp.Regexp
	Roots    *x509.CertPool // http: nil: the system's
	Unproven bool           // http: the certificate is not verified

	Query  string // sql
	Expect string // sql: "": any row will do

	// Driver answers sql; nil: PostgreSQL.
	Driver Driver
}

// Target is the server that a check is run at.
type Target struct {
	Host string     // as the file names it: an IP address or a name
	Addr netip.Addr // the one in use
}

// Dial connects, and knows the server's name without asking DNS: what
// resolved it for SIP resolved it for us.
func (t Target) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err == nil && host == t.Host {
		address = net.JoinHostPort(t.Addr.String(), port)
	}
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}

// Result of one run.
type Result struct {
	Name  string
	Type  string
	State State
	Up    health.Presence // of the server's host
	At    time.Time       // when it ended; zero: it never ran
	Took  time.Duration
	Note  string // one printable line, at most maxNote bytes
}

// maxNote bounds a Note, our choice: a line of a screen and a half.
const maxNote = 200

// lateness is how far beyond its time-out a run may end before its result
// means nothing: this machine, not the server, was away. Our choice.
const lateness = 500 * time.Millisecond

// Run runs the check once at t, until its time-out or the end of ctx.
func (c *Check) Run(ctx context.Context, t Target) Result {
	began := time.Now()
	limit, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	var r Result
	switch c.Type {
	case "tcp":
		r = c.dial(limit, t)
	case "http":
		r = c.get(limit, t)
	case "sql":
		r = c.ask(limit, t)
	default:
		r = c.plugin(limit, t)
	}
	r.Name, r.Type, r.At, r.Took = c.Name, c.Type, time.Now(), time.Since(began)
	if r.Took > c.Timeout+lateness || ctx.Err() != nil {
		r.State, r.Up, r.Note = Unknown, health.Unknown, "this machine was busy or paused: "+r.Note
	}
	if !c.OfHost {
		r.Up = health.Unknown
	}
	r.Note = plain(r.Note)
	return r
}

// dial: a connection is what was asked for; a refusal fails, and shows the host.
func (c *Check) dial(ctx context.Context, t Target) Result {
	to := netip.AddrPortFrom(t.Addr, c.Port).String()
	conn, err := t.Dial(ctx, "tcp", to)
	if err != nil {
		return unreached(err)
	}
	_ = conn.Close()
	return Result{State: OK, Up: health.Up, Note: "connected to " + to}
}

// unreached reads the error of a connection that did not come about, or ended.
// What our own side refused or could not do proves nothing of the server.
func unreached(err error) Result {
	note := cause(err)
	switch {
	case Ours(err):
		return Result{State: Unknown, Note: note}
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET):
		return Result{State: Failed, Up: health.Up, Note: note}
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return Result{State: Unknown, Note: note}
	}
	return Result{State: Failed, Up: health.Down, Note: note}
}

// Ours reports whether err is of our own side: no route or link of ours, a
// firewall of ours, no descriptor, no buffer. It never speaks of the far end.
func Ours(err error) bool {
	for _, e := range []syscall.Errno{
		syscall.ENETUNREACH, syscall.ENETDOWN, syscall.ENODEV, syscall.EADDRNOTAVAIL,
		syscall.EPERM, syscall.EACCES, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// cause is err without the words that the result says already.
func cause(err error) string {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return "no answer in time"
	}
	return err.Error()
}

// plain is the first line of s, printable, valid UTF-8, at most maxNote bytes.
func plain(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if len(s) <= maxNote {
		return s
	}
	s = s[:maxNote-len("…")]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + "…"
}
