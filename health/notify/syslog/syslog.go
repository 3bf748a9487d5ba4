// Package syslog is the receiver of package notify that writes each notice to a
// collector as RFC 5424 says: over UDP (RFC 5426), TCP (RFC 6587 §3.4.1, octet
// counting) or TLS (RFC 5425).
//
//	<PRI>1 TIME HOST releve PID MSGID [alarm@… of RFC 5674][releve@PEN …] BOM text
//
// PRI is the facility and the severity that RFC 5674 §2 maps from X.733. The
// text is the sentence, what callers meet and what to do; what a machine wants is
// structured data, escaped (RFC 5424 §6.3.3). Messages are cut to a bound, the
// text first.
//
// No syslog transport confirms anything. Over TCP and TLS we say that nothing
// more comes and wait for the receiver to close as well: it has then read all; a
// reset, or no connection, is an error. Over UDP only a port that is closed is
// noticed. A Sink is used by one goroutine at a time and keeps no connection.
package syslog

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"releve/health/notify"
	"releve/health/notify/udp"
)

// Transports.
const (
	UDP = "udp"
	TCP = "tcp"
	TLS = "tls"
)

// Bounds of a message, in bytes: RFC 5426 §3.2 wants a datagram in one piece, and
// RFC 5424 §6.1 what every receiver should take.
const (
	maxDatagram = 1180
	maxStream   = 2048
)

// closeWait is how long a receiver may take to close after we have, our choice;
// some never do.
const closeWait = 2 * time.Second

// maxSaid bounds what a receiver may say before it closes, in bytes.
const maxSaid = 64 << 10

// Options of a Sink.
type Options struct {
	Transport string // UDP, TCP or TLS
	Address   string // host:port
	Facility  int    // 0 to 23, RFC 5424 §6.2.1
	SDID      string // of our structured data; "": DefaultSDID
	TLS       *tls.Config
}

// Sink writes to one collector.
type Sink struct {
	o      Options
	pid    string
	answer atomic.Pointer[string]
}

var (
	_ notify.Sink     = (*Sink)(nil)
	_ notify.Answerer = (*Sink)(nil)
)

// New returns a Sink; nothing is dialled before the first Send.
func New(o Options) (*Sink, error) {
	host, port, err := net.SplitHostPort(o.Address)
	if err != nil || host == "" || port == "" || port == "0" {
		return nil, fmt.Errorf("syslog receiver %q: write host:port", o.Address)
	}
	if o.SDID == "" {
		o.SDID = DefaultSDID
	}
	switch {
	case o.Transport != UDP && o.Transport != TCP && o.Transport != TLS:
		return nil, fmt.Errorf("syslog transport %q: udp, tcp or tls", o.Transport)
	case o.Facility < 0 || o.Facility > 23:
		return nil, fmt.Errorf("syslog facility %d: 0 to 23 (RFC 5424 §6.2.1)", o.Facility)
	}
	if err := CheckSDID(o.SDID); err != nil {
		return nil, err
	}
	if o.TLS == nil {
		o.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	o.TLS = o.TLS.Clone()
	if o.TLS.ServerName == "" {
		o.TLS.ServerName = host
	}
	return &Sink{o: o, pid: fmt.Sprint(os.Getpid())}, nil
}

// Confirmed: no syslog transport confirms.
func (s *Sink) Confirmed() bool { return false }

// Answer implements notify.Answerer.
func (s *Sink) Answer() string {
	if a := s.answer.Load(); a != nil {
		return *a
	}
	return ""
}

// Send implements notify.Sink: one message a notice, in order.
func (s *Sink) Send(ctx context.Context, notices []notify.Notice) error {
	if len(notices) == 0 {
		return nil
	}
	answer, err := s.deliver(ctx, notices)
	if err != nil {
		if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("syslog to %s: not done in time (%w)", s.o.Address, err)
		}
		return fmt.Errorf("syslog to %s: %w", s.o.Address, err)
	}
	s.answer.Store(&answer)
	return nil
}

func (s *Sink) deliver(ctx context.Context, notices []notify.Notice) (string, error) {
	conn, err := s.dial(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return "", err
		}
	}
	for _, n := range notices {
		if _, err := conn.Write(s.frame(n)); err != nil {
			return "", err
		}
	}
	if s.o.Transport == UDP {
		return "sent by UDP to " + s.o.Address + "; nothing confirms it: look at the collector", udp.Settle(ctx, conn)
	}
	return s.finish(ctx, conn)
}

func (s *Sink) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	if s.o.Transport == UDP {
		return d.DialContext(ctx, "udp", s.o.Address)
	}
	conn, err := d.DialContext(ctx, "tcp", s.o.Address)
	if err != nil || s.o.Transport == TCP {
		return conn, err
	}
	secure := tls.Client(conn, s.o.TLS)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return secure, nil
}

// frame is one message as its transport wants it.
func (s *Sink) frame(n notify.Notice) []byte {
	if s.o.Transport == UDP {
		return s.message(n, maxDatagram)
	}
	m := s.message(n, maxStream)
	return append(fmt.Appendf(nil, "%d ", len(m)), m...)
}

// finish says that nothing more comes (RFC 5425 §4.4: close_notify) and waits for
// the receiver to close. What it says is thrown away, to a bound.
func (s *Sink) finish(ctx context.Context, conn net.Conn) (string, error) {
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok {
		return "", errors.New("a connection that cannot be half closed")
	}
	if err := half.CloseWrite(); err != nil {
		return "", err
	}
	until, least := time.Now().Add(closeWait), error(nil)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
		until, least = deadline, context.DeadlineExceeded // too short a time to call it sent
	}
	if err := conn.SetReadDeadline(until); err != nil {
		return "", err
	}
	n, err := io.Copy(io.Discard, io.LimitReader(conn, maxSaid))
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "sent to " + s.o.Address + ", which leaves the connection open: nothing confirms it", least
	case err != nil:
		return "", fmt.Errorf("the receiver cut the connection: %w", err)
	case n == maxSaid:
		return "sent to " + s.o.Address + ", which answers without end: nothing confirms it", nil
	}
	return "read to its end by " + s.o.Address, nil
}

// facilities are the words of RFC 5424 §6.2.1 as syslog.conf writes them, at
// their numbers.
var facilities = strings.Fields("kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock local0 local1 local2 local3 local4 local5 local6 local7")

// Facilities are the words.
func Facilities() []string { return append([]string(nil), facilities...) }

// Facility is the number of a word; -1: there is none of that name.
func Facility(name string) int {
	for i, f := range facilities {
		if f == name {
			return i
		}
	}
	return -1
}
