package sipp

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// door asks the admin socket, as the command line does.
type door struct{ http *http.Client }

func newDoor(socket string) *door {
	return &door{&http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}}
}

// status is the part of /api/v1/status that flows look at.
type status struct {
	Active  string `json:"active"`
	Phase   string `json:"phase"`
	Servers []struct {
		Role     string `json:"role"`
		Verdict  string `json:"verdict"`
		Reserved int    `json:"lines_reserved"`
		Ready    bool   `json:"ready"`
		Calls    int    `json:"calls"`
	} `json:"servers"`
	Registration struct {
		Holder string `json:"holder"`
		Phase  string `json:"phase"`
	} `json:"registration"`
	Verification struct{ K, N int } `json:"verification"`
	Counters     struct {
		InProgress    int `json:"calls_in_progress"`
		Held          int `json:"calls_held"`
		Lost          int `json:"calls_lost"`
		Switchovers   int `json:"switchovers"`
		Verifications int `json:"verifications"`
	} `json:"counters"`
	Alarms []struct {
		Number  int    `json:"number"`
		Subject string `json:"subject"`
	} `json:"alarms"`
}

// record is the part of a call record that flows look at.
type record struct {
	CallID   string `json:"call_id"`
	Live     bool   `json:"live"`
	Outcome  string `json:"outcome"`
	Reason   string `json:"reason"`
	Server   string `json:"server"`
	Status   int    `json:"status"`
	EndedBy  string `json:"ended_by"`
	Attempts int    `json:"attempts"`
}

func (r record) String() string {
	return fmt.Sprintf("%s %s %s %d", r.Outcome, r.Reason, r.Server, r.Status)
}

func (d *door) read(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://releve"+path, nil)
	if err != nil {
		return nil, err
	}
	answer, err := d.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, 8<<20))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, raw)
	}
	return raw, err
}

func (d *door) status(ctx context.Context) (s status, err error) {
	raw, err := d.read(ctx, "/api/v1/status")
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(raw, &s)
}

func (d *door) calls(ctx context.Context) (r []record, err error) {
	raw, err := d.read(ctx, "/api/v1/calls?limit=100")
	if err != nil {
		return nil, err
	}
	return r, json.Unmarshal(raw, &r)
}

// counter reads one series without labels of /metrics.
func (d *door) counter(ctx context.Context, name string) (int, error) {
	raw, err := d.read(ctx, "/metrics")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return int(f), err
		}
	}
	return 0, fmt.Errorf("no series %s in /metrics", name)
}

func (d *door) command(ctx context.Context, body string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://releve/api/v1/commands", strings.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := d.http.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return err
	}
	var r struct {
		Accepted bool   `json:"accepted"`
		Reason   string `json:"reason"`
	}
	if err := json.Unmarshal(raw, &r); err != nil || !r.Accepted {
		return fmt.Errorf("command %s refused: %s", body, raw)
	}
	return nil
}
