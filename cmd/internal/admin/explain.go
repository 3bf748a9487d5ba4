package admin

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"releve/cmd/internal/text"
	"releve/db"
)

// Settings are those of a verification that can be tried out on stored evidence.
// A zero field, or an empty SwitchOn, is as configured.
type Settings struct {
	Count      int           `json:"count"`
	AloneExtra *int          `json:"alone_extra,omitempty"` // nil: as configured
	Timeout    time.Duration `json:"timeout_ns"`
	SwitchOn   []string      `json:"switch_on"` // of dead, gray, degraded
}

// Explanation is one verification with the evidence of its rounds.
type Explanation struct {
	Server  string           `json:"server"` // role
	Cause   string           `json:"cause"`  // overflow, idle, unregistered or operator
	Began   time.Time        `json:"began"`
	Ended   time.Time        `json:"ended"`   // zero: it runs
	Verdict string           `json:"verdict"` // as router.Verdict; empty: it runs
	Rounds  []ExplainedRound `json:"rounds"`
	After   []db.Event       `json:"after"` // what followed from it: switchover, none and why
	Replay  *Replay          `json:"replay,omitempty"`
}

// ExplainedRound is one round.
type ExplainedRound struct {
	At      time.Time `json:"at"`
	Verdict string    `json:"verdict"`
	Rule    int       `json:"rule"` // 0–14, the rule that matched
	K       int       `json:"k"`    // the count after it; N 0: it counts for nothing
	N       int       `json:"n"`
	RTT     float64   `json:"rtt_ms"` // of its OPTIONS; 0: no answer
	Facts   string    `json:"facts"`  // as health.Facts; empty: an older version wrote it
	Checks  string    `json:"checks"` // the results of the checks, for people
}

// Replay is what other settings would have decided on the same evidence.
type Replay struct {
	Settings Settings         `json:"settings"` // those tried, complete
	Outcome  string           `json:"outcome"`  // confirmed, refused or open (more rounds would have been made)
	Rounds   []ExplainedRound `json:"rounds"`   // up to the one that decides
}

// Report is a summary of a period: what was done and, in observation, what would
// have been.
type Report struct {
	Since    time.Time  `json:"since"`
	Until    time.Time  `json:"until"`
	Act      bool       `json:"act"`   // now
	Level    string     `json:"level"` // now: only high-availability acts by itself
	Site     string     `json:"site"`
	Calls    []db.Tally `json:"calls"`
	Events   []db.Event `json:"events"`    // switchovers made, withheld and observed, returns, both down; newest first
	Cut      bool       `json:"cut"`       // there are more events than are listed
	Verified int        `json:"verified"`  // verifications begun
	ByResult []Count    `json:"by_result"` // their verdicts
}

// Count is how often a thing was.
type Count struct {
	Name string `json:"name"`
	N    int    `json:"n"`
}

// explain answers GET /api/v1/verdicts.
func (d *Door) explain(ctx context.Context, r *http.Request) (any, error) {
	q := r.URL.Query()
	at := time.Now()
	if s := q.Get("at"); s != "" {
		var err error
		if at, err = time.Parse(time.RFC3339Nano, s); err != nil {
			return nil, bad(text.FaultSince)
		}
	}
	if len(q) == 0 || len(q) == 1 && q.Has("at") {
		return d.node.Explain(ctx, at, nil)
	}
	want, ok := settings(q.Get)
	if !ok {
		return nil, bad(text.FaultSettings)
	}
	return d.node.Explain(ctx, at, want)
}

// settings reads what is to be tried out.
func settings(get func(string) string) (*Settings, bool) {
	s := &Settings{}
	whole := func(name string, least int, to *int) bool {
		if get(name) == "" {
			return true
		}
		n, err := strconv.Atoi(get(name))
		*to = n
		return err == nil && n >= least && n <= 10
	}
	if !whole("count", 1, &s.Count) {
		return nil, false
	}
	if get("alone_extra") != "" {
		s.AloneExtra = new(int)
		if !whole("alone_extra", 0, s.AloneExtra) {
			return nil, false
		}
	}
	if t := get("timeout"); t != "" {
		var err error
		if s.Timeout, err = time.ParseDuration(t); err != nil || s.Timeout <= 0 {
			return nil, false
		}
	}
	if on := get("switch_on"); on != "" {
		s.SwitchOn = strings.Split(on, ",")
		for _, word := range s.SwitchOn {
			if word != "dead" && word != "gray" && word != "degraded" {
				return nil, false
			}
		}
	}
	return s, true
}

// report answers GET /api/v1/report.
func (d *Door) report(ctx context.Context, r *http.Request) (any, error) {
	since, err := time.Parse(time.RFC3339Nano, r.URL.Query().Get("since"))
	if err != nil {
		return nil, bad(text.FaultSince)
	}
	return d.node.Report(ctx, since)
}
