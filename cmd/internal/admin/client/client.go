// Package client is what the verbs of the command line know of a running
// Relève: the admin API over its Unix socket.
//
// A Client keeps no state but its idle connections and is safe for concurrent
// use. Errors are ErrUnreachable (nobody answers), *admin.Fault (the daemon
// refused the request) or what went wrong on the way.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/db"
)

// ErrUnreachable: nobody answers on the socket.
var ErrUnreachable = errors.New("no releve answers on the socket")

// maxAnswer bounds an answer, in bytes, our choice: 1000 records with room.
const maxAnswer = 8 << 20

// Client asks one socket in one language.
type Client struct {
	socket string
	lang   text.Lang
	http   *http.Client
}

// New returns a Client of the daemon on socket; faults come in lang.
func New(socket string, lang text.Lang) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
	return &Client{
		socket: socket, lang: lang,
		http: &http.Client{Transport: &http.Transport{DialContext: dial, MaxIdleConns: 1}, Timeout: time.Minute},
	}
}

// Close drops the idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Status asks for the one-glance state.
func (c *Client) Status(ctx context.Context) (s admin.Status, err error) {
	return s, c.get(ctx, "/api/v1/status", nil, &s)
}

// Calls asks for calls in progress and records, newest first.
func (c *Client) Calls(ctx context.Context, filter string, limit int) (calls []admin.CallInfo, err error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if filter != "" {
		q.Set("filter", filter)
	}
	return calls, c.get(ctx, "/api/v1/calls", q, &calls)
}

// Events asks for the journal, newest first; a zero since is all of it.
func (c *Client) Events(ctx context.Context, since time.Time, limit int) (events []db.Event, err error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if !since.IsZero() {
		q.Set("since", since.UTC().Format(time.RFC3339Nano))
	}
	return events, c.get(ctx, "/api/v1/events", q, &events)
}

// Licence asks for the registration in full.
func (c *Client) Licence(ctx context.Context) (l admin.Licence, err error) {
	return l, c.get(ctx, "/api/v1/licence", nil, &l)
}

// Explain asks for the newest verification begun by at (zero: now); tried are the
// settings to try out on it, as the query of the API names them, "" as configured.
func (c *Client) Explain(ctx context.Context, at time.Time, tried map[string]string) (x admin.Explanation, err error) {
	q := url.Values{}
	if !at.IsZero() {
		q.Set("at", at.UTC().Format(time.RFC3339Nano))
	}
	for name, value := range tried {
		if value != "" {
			q.Set(name, value)
		}
	}
	return x, c.get(ctx, "/api/v1/verdicts", q, &x)
}

// Report asks for a summary of what happened since a moment.
func (c *Client) Report(ctx context.Context, since time.Time) (r admin.Report, err error) {
	return r, c.get(ctx, "/api/v1/report", url.Values{"since": {since.UTC().Format(time.RFC3339Nano)}}, &r)
}

// Alarms asks for the alarm table.
func (c *Client) Alarms(ctx context.Context) (alarms []db.Alarm, err error) {
	return alarms, c.get(ctx, "/api/v1/alarms", nil, &alarms)
}

// Probe runs one round at server (a name or a role) now.
func (c *Client) Probe(ctx context.Context, server string) (p admin.Probe, err error) {
	return p, c.post(ctx, "/api/v1/servers/"+url.PathEscape(server)+"/probes", nil, &p)
}

// Command sends an operator's act.
func (c *Client) Command(ctx context.Context, cmd admin.Command) (r admin.Result, err error) {
	return r, c.post(ctx, "/api/v1/commands", cmd, &r)
}

// RecordProcedure has the node keep the record of a run; the answer is sealed.
func (c *Client) RecordProcedure(ctx context.Context, p admin.Procedure) (kept admin.Procedure, err error) {
	return kept, c.post(ctx, "/api/v1/procedures", p, &kept)
}

// Procedures asks for past runs, newest first.
func (c *Client) Procedures(ctx context.Context, limit int) (runs []admin.Procedure, err error) {
	return runs, c.get(ctx, "/api/v1/procedures", url.Values{"limit": {strconv.Itoa(limit)}}, &runs)
}

// Exercise tells how a drill goes.
func (c *Client) Exercise(ctx context.Context, n admin.ExerciseNote) error {
	return c.post(ctx, "/api/v1/exercise", n, &n)
}

// Acknowledge takes an alarm; the answer is the alarms that stand.
func (c *Client) Acknowledge(ctx context.Context, a admin.Acknowledgement) (out []db.Alarm, err error) {
	return out, c.post(ctx, "/api/v1/alarms/"+strconv.Itoa(int(a.Number))+"/ack", a, &out)
}

// Reload has the file read again.
func (c *Client) Reload(ctx context.Context) (r admin.Reload, err error) {
	return r, c.post(ctx, "/api/v1/config/reloads", nil, &r)
}

// Ready asks whether the node may take calls.
func (c *Client) Ready(ctx context.Context) (r admin.Readiness, err error) {
	return r, c.get(ctx, "/readyz", nil, &r)
}

// Version asks for the daemon's version.
func (c *Client) Version(ctx context.Context) (string, error) {
	var v struct {
		Version string `json:"version"`
	}
	err := c.get(ctx, "/api/v1/version", nil, &v)
	return v.Version, err
}

// Config asks for the effective running configuration.
func (c *Client) Config(ctx context.Context) ([]byte, error) {
	raw, _, err := c.do(ctx, http.MethodGet, "/api/v1/config/running", nil)
	return raw, err
}

func (c *Client) get(ctx context.Context, path string, q url.Values, into any) error {
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return c.decode(ctx, http.MethodGet, path, nil, into)
}

func (c *Client) post(ctx context.Context, path string, body, into any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	return c.decode(ctx, http.MethodPost, path, raw, into)
}

func (c *Client) decode(ctx context.Context, method, path string, body []byte, into any) error {
	raw, _, err := c.do(ctx, method, path, body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("read the daemon's answer (is it of another version?): %w", err)
	}
	return nil
}

// do sends one request and returns the body of a served one. 503 of /readyz is
// an answer, not a fault: its type is application/json.
func (c *Client) do(ctx context.Context, method, path string, body []byte) ([]byte, int, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://releve"+path, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	r.Header.Set("Accept-Language", string(text.For(c.lang).Lang()))
	r.Header.Set("Content-Type", "application/json")
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, 0, c.explain(err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, 0, fmt.Errorf("read the daemon's answer: %w", err)
	case len(raw) > maxAnswer:
		return nil, 0, fmt.Errorf("the daemon's answer is longer than %d bytes: ask for fewer lines", maxAnswer)
	case answer.Header.Get("Content-Type") == "application/problem+json":
		f := &admin.Fault{}
		if err := json.Unmarshal(raw, f); err != nil {
			return nil, 0, fmt.Errorf("read the daemon's refusal (%s): %w", answer.Status, err)
		}
		return nil, answer.StatusCode, f
	case answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusServiceUnavailable:
		return nil, answer.StatusCode, fmt.Errorf("the daemon answered %s", answer.Status)
	}
	return raw, answer.StatusCode, nil
}

// explain tells that nobody is there from everything else.
func (c *Client) explain(err error) error {
	for _, gone := range []error{syscall.ECONNREFUSED, fs.ErrNotExist, fs.ErrPermission} {
		if errors.Is(err, gone) {
			return fmt.Errorf("%w %s: %w", ErrUnreachable, c.socket, gone)
		}
	}
	return fmt.Errorf("ask the daemon on %s: %w", c.socket, err)
}
