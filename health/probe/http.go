package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"releve/health"
)

// maxBody bounds what is read of a body, and of the headers before it, in
// bytes; our choice: a page that says how it is says it at its beginning.
const maxBody = 64 << 10

// get: one GET over one connection of its own; a redirect is the answer, and is
// not followed; no proxy of the environment stands between.
func (c *Check) get(ctx context.Context, t Target) Result {
	transport := &http.Transport{
		DialContext: t.Dial, DisableKeepAlives: true, DisableCompression: true,
		MaxResponseHeaderBytes: maxBody, ResponseHeaderTimeout: c.Timeout, TLSHandshakeTimeout: c.Timeout,
		TLSClientConfig: &tls.Config{RootCAs: c.Roots, InsecureSkipVerify: c.Unproven}, // verify: false is the operator's word
	}
	defer transport.CloseIdleConnections()
	client := http.Client{
		Transport: transport, Timeout: c.Timeout + time.Second, // ctx ends before
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL, nil)
	if err != nil {
		return Result{State: Unknown, Note: cause(err)}
	}
	request.Header.Set("User-Agent", "releve")
	if c.Username != "" {
		request.SetBasicAuth(c.Username, c.Password)
	}
	answer, err := client.Do(request)
	if err != nil {
		return notHTTP(err)
	}
	defer answer.Body.Close()
	return c.read(answer)
}

// notHTTP: a certificate that does not fit, or something that is no HTTP, was
// sent by a host that is there.
func notHTTP(err error) Result {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without the URL, which is known
	}
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	r := unreached(err)
	switch {
	case errors.As(err, &certificate), errors.As(err, &record), errors.As(err, &alert):
		r.State, r.Up = Failed, health.Up
	case r.Up == health.Down && !timedOut(err) && !unconnected(err):
		r.Up = health.Up
	}
	return r
}

// read judges status and body.
func (c *Check) read(answer *http.Response) Result {
	r := Result{State: Failed, Up: health.Up, Note: "answered " + answer.Status}
	switch {
	case c.Status != 0 && answer.StatusCode != c.Status:
		r.Note += fmt.Sprintf(", not %d", c.Status)
		return r
	case c.Status == 0 && answer.StatusCode/100 != 2:
		r.Note += ", not 2xx"
		return r
	case c.Match == nil:
		r.State = OK
		return r
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxBody))
	if c.Match.Match(body) {
		r.State = OK
		return r
	}
	r.Note += fmt.Sprintf(", and nothing in %d bytes matches", len(body))
	if err != nil {
		r.Note += ": " + cause(err)
	}
	return r
}
