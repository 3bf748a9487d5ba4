// Package webhook is the receiver of package notify that posts each notice to an
// address of the site's: a chat, a ticket desk, a telephone platform.
//
//	POST /… HTTP/1.1
//	Content-Type: application/json
//	Idempotency-Key: the notice's id, the same at each retry
//	X-Releve-Event: raised
//	X-Releve-Signature: t=1785000000,v1=HEX
//
// The body is the Notice as JSON. v1 is HMAC-SHA256, by the shared secret, of
// the timestamp as written, a full stop, and the body; a receiver refuses a
// timestamp older than five minutes and what it has seen with the same id.
//
// 2xx is delivered. A redirect is followed nowhere: an alarm with its signature
// is for whom the configuration names. 3xx and 4xx are refusals for good, but for
// 408, 425 and 429; everything else is tried again soon, or when Retry-After (RFC
// 9110 §10.2.3) says, five minutes at most. What the receiver says
// is read to a bound. A Sink is used by one goroutine at a time and keeps no
// connection.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"releve/health/notify"
)

// Bounds of what a receiver may say, in bytes.
const (
	maxHeader = 16 << 10
	maxBody   = 4 << 10
	maxLine   = 200 // of it, in an answer or an error
)

// Options of a Sink.
type Options struct {
	URL     string // https://… or http://…
	Secret  []byte // of the signature; empty: none is made
	Timeout time.Duration
	TLS     *tls.Config // nil: the system's authorities
	Agent   string      // User-Agent; "": releve
}

// Sink posts to one address.
type Sink struct {
	o      Options
	about  string // the address, without what may be secret in it
	client *http.Client
	answer atomic.Pointer[string]
}

var (
	_ notify.Sink     = (*Sink)(nil)
	_ notify.Answerer = (*Sink)(nil)
)

// CheckURL refuses an address that nothing can be posted to, or that holds a
// password.
func CheckURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("this is no address: write https://host/path") // the error would quote all of it
	case u.Scheme != "https" && u.Scheme != "http", u.Host == "", u.Hostname() == "", u.Opaque != "":
		return errors.New("write https://host/path")
	case u.User != nil:
		return errors.New("an address holds no password: use the signature")
	}
	return nil
}

// New returns a Sink; nothing is dialled before the first Send.
func New(o Options) (*Sink, error) {
	if err := CheckURL(o.URL); err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	if o.Timeout <= 0 {
		return nil, errors.New("webhook: without a timeout a receiver could hang for ever")
	}
	if o.Agent == "" {
		o.Agent = "releve"
	}
	u, _ := url.Parse(o.URL) // checked
	dialer := &net.Dialer{Timeout: o.Timeout}
	return &Sink{o: o, about: "webhook " + u.Host, client: &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSClientConfig: o.TLS,
			TLSHandshakeTimeout: o.Timeout, ResponseHeaderTimeout: o.Timeout, MaxResponseHeaderBytes: maxHeader,
			DisableKeepAlives: true, DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Answer implements notify.Answerer.
func (s *Sink) Answer() string {
	if a := s.answer.Load(); a != nil {
		return *a
	}
	return ""
}

// Send implements notify.Sink: one request a notice, in order.
func (s *Sink) Send(ctx context.Context, notices []notify.Notice) error {
	for _, n := range notices {
		if err := s.post(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sink) post(ctx context.Context, n notify.Notice) error {
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	body, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("write the notice: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.o.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: the address cannot be used", s.about)
	}
	r.GetBody = nil // a request that was sent is not sent again by package http
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", s.o.Agent)
	r.Header.Set("Idempotency-Key", oneLine(n.ID))
	r.Header.Set("X-Releve-Event", oneLine(string(n.Kind)))
	if len(s.o.Secret) > 0 {
		r.Header.Set("X-Releve-Signature", Sign(s.o.Secret, time.Now(), body))
	}
	answer, err := s.client.Do(r)
	if err != nil {
		return s.explain(ctx, err)
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, maxBody)) // the status has decided already
	return s.judge(answer, said)
}

// Sign is the value of X-Releve-Signature.
func Sign(secret []byte, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// judge reads the status.
func (s *Sink) judge(r *http.Response, said []byte) error {
	line := strings.TrimSpace(strconv.Itoa(r.StatusCode) + " " + firstLine(said))
	switch code := r.StatusCode; {
	case code >= 200 && code < 300:
		s.answer.Store(&line)
		return nil
	case code >= 300 && code < 400:
		to := ""
		if u, err := r.Location(); err == nil {
			to = " to " + oneLine(u.Scheme+"://"+u.Host)
		}
		return fmt.Errorf("%w: %s redirects (%d)%s, and is not followed: write the right address in url", notify.ErrPermanent, s.about, code, to)
	case code == http.StatusGone:
		return fmt.Errorf("%w: %s is gone for good (410): take it out of the configuration", notify.ErrPermanent, s.about)
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code >= 500:
		err := fmt.Errorf("%s answered %s", s.about, line)
		if after := retryAfter(r.Header.Get("Retry-After"), time.Now()); after > 0 {
			return &notify.Later{After: after, Err: fmt.Errorf("%s asks to wait (%v): %w", s.about, after, err)}
		}
		return err
	}
	return fmt.Errorf("%w: %s answered %s", notify.ErrPermanent, s.about, line)
}

// retryAfter reads seconds or a date; 0: none, or nothing that can be read.
func retryAfter(v string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, at.Sub(now)).Round(time.Second)
	}
	return 0
}

// explain names the receiver and not the address, which may be a secret.
func (s *Sink) explain(ctx context.Context, err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s did not answer within %v", s.about, s.o.Timeout)
	}
	return fmt.Errorf("%s: %w", s.about, err)
}

func firstLine(said []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(said)), "\n")
	return oneLine(line)
}

// oneLine is text without control characters, of at most maxLine bytes or so.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s[:min(len(s), maxLine)], ""))
	return strings.TrimSpace(s)
}
