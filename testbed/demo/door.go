package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// door asks the running Relève over its admin socket; it knows only what the
// story reads. Safe for concurrent use.
type door struct{ http *http.Client }

func newDoor(socket string) *door {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
	return &door{&http.Client{Transport: &http.Transport{DialContext: dial}, Timeout: 5 * time.Second}}
}

func (d *door) close() { d.http.CloseIdleConnections() }

// status is what the story reads of GET /api/v1/status.
type status struct {
	Active       string         `json:"active"`
	Phase        string         `json:"phase"`
	Epoch        uint64         `json:"epoch"`
	Servers      []serverStatus `json:"servers"`
	Verification struct {
		K int `json:"k"`
		N int `json:"n"`
	} `json:"verification"`
	Registration struct {
		Holder string `json:"holder"`
		Phase  string `json:"phase"`
	} `json:"registration"`
	Counters struct {
		Held        uint64 `json:"calls_held"`
		Switchovers uint64 `json:"switchovers"`
	} `json:"counters"`
}

type serverStatus struct {
	State     string `json:"state"`
	Verdict   string `json:"verdict"`
	Reserved  int    `json:"lines_reserved"`
	Ready     bool   `json:"ready"`
	Calls     int    `json:"calls"`
	Stability struct {
		K int `json:"k"`
		N int `json:"n"`
	} `json:"stability"`
}

// server returns server i (0 primary, 1 secondary); zero when it is not listed.
func (s status) server(i int) serverStatus {
	if i < len(s.Servers) {
		return s.Servers[i]
	}
	return serverStatus{}
}

func (s status) String() string {
	return fmt.Sprintf("phase %s, active %s, epoch %d, licence %s (%s), servers %+v",
		s.Phase, s.Active, s.Epoch, s.Registration.Holder, s.Registration.Phase, s.Servers)
}

// event is a line of the journal.
type event struct {
	Time   time.Time         `json:"time"`
	Code   string            `json:"code"`
	Params map[string]string `json:"params"`
}

func (d *door) status(ctx context.Context) (s status, err error) {
	return s, d.get(ctx, "/api/v1/status", &s)
}

// journal returns the lines since an instant, oldest first.
func (d *door) journal(ctx context.Context, since time.Time) ([]event, error) {
	var newest []event
	q := url.Values{"limit": {"1000"}, "since": {since.UTC().Format(time.RFC3339Nano)}}
	if err := d.get(ctx, "/api/v1/events?"+q.Encode(), &newest); err != nil {
		return nil, err
	}
	for i, j := 0, len(newest)-1; i < j; i, j = i+1, j-1 {
		newest[i], newest[j] = newest[j], newest[i]
	}
	return newest, nil
}

func (d *door) get(ctx context.Context, path string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://releve"+path, nil)
	if err != nil {
		return err
	}
	answer, err := d.http.Do(r)
	if err != nil {
		return fmt.Errorf("ask Relève: %w", err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 8<<20))
	if err != nil {
		return fmt.Errorf("ask Relève: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("ask Relève %s: %s", path, body)
	}
	return json.Unmarshal(body, into)
}
