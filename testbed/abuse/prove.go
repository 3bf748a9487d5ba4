package abuse

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// attack is one way to do harm.
type attack struct {
	name  string
	lasts time.Duration // about
	rule  rule          // for good calls while it lasts
	meets []string      // series that must rise
	run   func(ctx context.Context, s *site) (sent int, err error)
}

// bound is a limit of Relève: the series that counts it, and the alarm that must
// be raised once it counted.
type bound struct {
	series string
	number int
	object string // "": any
}

// bounds is every limit that others can meet. A series that rose without its
// alarm fails the attack, whether the attack was meant to meet it or not.
var bounds = []bound{
	{refused("new-calls"), 1065, ""},
	{refused("transactions"), 1062, "transactions"},
	{refused("dialogs"), 1062, "requests"},
	{refused("events"), 1062, "requests"},
	{refused("held-calls"), 1062, "held-calls"},
	{refused("message-size"), 1062, "message-size"},
	{refused("uri"), 1062, "uri"},
	{refused("line"), 1062, "line"},
	{refused("headers"), 1062, "headers"},
	{refused("vias"), 1062, "vias"},
	{sourceDropped("hostile"), 1064, "hostile"},
	{wire("refused"), 1061, ""},
	{wire("over-limit"), 1062, "connections"},
	{wire("dropped-limit"), 1062, "connections"},
	{wire("oversized"), 1062, "message-size"},
	{wire("dropped-queue"), 1062, "sockets"},
	{wire("dropped-full"), 1062, "sockets"},
	{wire("dropped-kernel"), 1062, "sockets"},
	{wire("slow-messages"), 1062, "slow-messages"},
	{wire("stuck-writers"), 1062, "unread"},
	{wire("vanished"), 1062, "unread"},
	{wire("handshakes-slow"), 1062, "handshakes"},
	{wire("handshakes-failed"), 1018, ""},
}

func refused(limit string) string { return `releve_refused_total{limit="` + limit + `"}` }
func wire(event string) string    { return `releve_wire_total{event="` + event + `"}` }
func sourceDropped(source string) string {
	return `releve_source_dropped_total{source="` + source + `"}`
}

// Row is what one attack came to.
type Row struct {
	Attack    string   `json:"attack"`
	Sent      int      `json:"sent"`
	Seconds   float64  `json:"seconds"`
	Calls     tally    `json:"calls"`
	PeakKB    int64    `json:"peak_rss_kb"`
	SettledMS int64    `json:"settled_ms"` // until goroutines and descriptors were back
	Alarms    int      `json:"bounds_met"` // each with its alarm
	Faults    []string `json:"faults,omitempty"`

	panics int // of the site, at its end
}

// Slack, our choice: the admin socket's own connections come and go.
const (
	goroutineSlack  = 8
	descriptorSlack = 6
	settleLimit     = 45 * time.Second // 30 s for a message, the grace, the tails of connections
	alarmLimit      = 30 * time.Second // counters are looked at once a second; a slow machine has time
)

// prove runs an attack and asks for everything.
func (s *site) prove(ctx context.Context, a attack, maxRSS int64) (r Row, err error) {
	r.Attack = a.name
	fault := func(format string, args ...any) { r.Faults = append(r.Faults, fmt.Sprintf(format, args...)) }
	// 5 resets the peak to what is resident now (proc(5), clear_refs).
	if err := os.WriteFile("/proc/"+strconv.Itoa(s.node.Pid())+"/clear_refs", []byte("5"), 0); err != nil {
		return r, fmt.Errorf("reset the peak of memory: %w", err)
	}
	before, err := s.read(ctx)
	if err != nil {
		return r, err
	}
	start := time.Now()
	endHeld := s.load.hold(a.lasts)
	sent, err := a.run(ctx, s)
	endHeld()
	end := time.Now()
	r.Sent, r.Seconds = sent, end.Sub(start).Round(100*time.Millisecond).Seconds()
	if err != nil {
		fault("%v", err)
	}
	limit, cancel := context.WithTimeout(ctx, 2*answerLimit)
	defer cancel()
	if r.Calls, err = s.load.between(limit, start, end, a.rule); err != nil {
		fault("%v", err)
	}
	if r.Calls.Lost+r.Calls.Broken > 0 {
		fault("%d good calls lost, %d broken: %s", r.Calls.Lost, r.Calls.Broken, strings.Join(r.Calls.examples, "; "))
	}
	if r.Calls.Answered == 0 {
		fault("no good call was answered: nothing was proven")
	}
	after, err := s.settle(ctx)
	if err != nil {
		return r, err
	}
	r.SettledMS = time.Since(end).Milliseconds()
	if n := after.goroutines - s.base.goroutines; n > goroutineSlack {
		fault("%d goroutines more than before", n)
	}
	if n := after.FDs - s.base.FDs; n > descriptorSlack {
		fault("%d descriptors more than before", n)
	}
	if r.PeakKB = after.Peak >> 10; after.Peak > maxRSS {
		fault("%d KiB resident, more than %d", r.PeakKB, maxRSS>>10)
	}
	if n := after.series["releve_faults_total"]; n > 0 {
		fault("%v panics", n)
	}
	for _, t := range s.trunks {
		select {
		case <-t.ended:
			fault("the %s trunk of the good peer was ended", t.network)
		default:
		}
	}
	for _, m := range a.meets {
		if after.series[m] <= before.series[m] {
			fault("%s did not rise: %v", m, after.series[m])
		}
	}
	n, missing, err := s.told(ctx, before, after)
	if err != nil {
		return r, err
	}
	r.Alarms = n
	for _, m := range missing {
		fault("%s", m)
	}
	return r, s.alive()
}

func (s *site) alive() error {
	select {
	case <-s.node.Done():
		return fmt.Errorf("the node ended; it said:\n%s", s.node.Log())
	default:
		return nil
	}
}

// settle waits until goroutines and descriptors are back at the base.
func (s *site) settle(ctx context.Context) (reading, error) {
	limit := time.Now().Add(settleLimit)
	for {
		r, err := s.read(ctx)
		if err != nil {
			return r, errors.Join(err, s.alive())
		}
		back := r.goroutines <= s.base.goroutines+goroutineSlack && r.FDs <= s.base.FDs+descriptorSlack
		if back || time.Now().After(limit) {
			return r, nil
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return r, err
		}
	}
}

// told asks for the alarm of every bound that was met between two readings: how
// many were, and what is missing.
func (s *site) told(ctx context.Context, before, after reading) (met int, missing []string, err error) {
	limit := time.Now().Add(alarmLimit)
	for {
		raised, err := s.alarms(ctx)
		if err != nil {
			return 0, nil, err
		}
		met, missing = 0, nil
		for _, b := range bounds {
			n, known := after.series[b.series]
			switch {
			case n <= before.series[b.series]:
				if !known && !strings.Contains(b.series, "source=") {
					missing = append(missing, "no series "+b.series)
				}
			case b.in(raised):
				met++
			case b.number == 1018 && n-before.series[b.series] < fewHandshakes, b.number == 1061 && n-before.series[b.series] < fewStrangers:
			default:
				missing = append(missing, fmt.Sprintf("%s rose by %v and alarm %d (%s) is not raised", b.series, n-before.series[b.series], b.number, b.object))
			}
		}
		if len(missing) == 0 || time.Now().After(limit) {
			return met, missing, nil
		}
		if err := pause(ctx, 300*time.Millisecond); err != nil {
			return met, missing, err
		}
	}
}

// Below these, within a minute, Relève tells nobody.
const (
	fewHandshakes = 3
	fewStrangers  = 3
)

func (b bound) in(raised []alarm) bool {
	for _, a := range raised {
		if a.Number == b.number && (b.object == "" || a.Object == b.object) {
			return true
		}
	}
	return false
}
