package abuse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// chapter runs the attacks of one site, then stops the load and asks that
// nothing is left.
func (r *Report) chapter(ctx context.Context, o Options, n int, c chapter) (err error) {
	var list []attack
	for _, a := range c.attacks {
		if strings.Contains(a.name, o.Only) {
			list = append(list, a)
		}
	}
	if len(list) == 0 {
		return nil
	}
	s := &site{kind: c.kind, net: byte(n)}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.open(ctx, o.Binary, o.Seed); err != nil {
		return err
	}
	if err := s.warm(ctx); err != nil {
		return err
	}
	fmt.Fprintf(o.Out, "site %s: %d calls a second, %d KiB, %d goroutines, %d descriptors\n", c.name, rate, s.base.RSS>>10, s.base.goroutines, s.base.FDs)
	for _, a := range list {
		row, err := s.prove(ctx, a, maxRSS)
		r.add(o.Out, row)
		if err != nil {
			return fmt.Errorf("attack %q: %w", a.name, err)
		}
	}
	row, err := s.quiet(ctx)
	r.add(o.Out, row)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Seconds = max(r.Seconds, s.recovered.Seconds())
	return err
}

// inProgress are the series that count what must end with the calls.
var inProgress = []string{"releve_calls_active", "releve_calls_waiting", `releve_lines_reserved{server="primary"}`, `releve_lines_reserved{server="secondary"}`}

// leftLimit is how long what attacks left may linger: a call whose caller never
// acknowledged ends after 64*T1 at the server (RFC 3261 §13.3.1.4), its BYE takes
// as long at most.
const leftLimit = 70 * time.Second

// quiet stops the load and waits until no call is left.
func (s *site) quiet(ctx context.Context) (r Row, err error) {
	r.Attack = "afterwards, " + s.name
	start := time.Now()
	s.rest()
	for {
		now, err := s.read(ctx)
		if err != nil {
			return r, errors.Join(err, s.alive())
		}
		left := ""
		for _, name := range inProgress {
			if n := now.series[name]; n != 0 {
				left += fmt.Sprintf(" %s %v", name, n)
			}
		}
		r.PeakKB, r.panics = now.Peak>>10, int(now.series["releve_faults_total"])
		if left == "" && now.goroutines <= s.base.goroutines+goroutineSlack {
			break
		}
		if time.Since(start) > leftLimit {
			r.Faults = append(r.Faults, fmt.Sprintf("left after %v:%s, %d goroutines (%d before)%s", leftLimit, left, now.goroutines, s.base.goroutines, s.live(ctx)))
			break
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return r, err
		}
	}
	r.SettledMS = time.Since(start).Milliseconds()
	return r, nil
}

// live names the calls in progress, for the report.
func (s *site) live(ctx context.Context) (all string) {
	var calls []map[string]any
	if err := s.node.JSON(ctx, "/api/v1/calls?limit=1000", &calls); err != nil {
		return err.Error()
	}
	for _, c := range calls {
		if c["live"] == true && len(all) < 2000 {
			all += fmt.Sprintf("\n      %v", c)
		}
	}
	return all
}

const columns = "%-40s %7s %6s %6s %6s %5s %5s %7s %7s %7s %7s  %s\n"

// add counts a row and prints it.
func (r *Report) add(out io.Writer, row Row) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.Rows) == 0 {
		fmt.Fprintf(out, columns, "attack", "sent", "s", "calls", "shed", "lost", "in-d.", "broken", "MiB", "settled", "bounds", "")
	}
	r.Rows = append(r.Rows, row)
	verdict := "ok"
	if len(row.Faults) > 0 {
		verdict = "FAILED"
	}
	n := func(v int) string { return fmt.Sprint(v) }
	fmt.Fprintf(out, columns, row.Attack, n(row.Sent), fmt.Sprintf("%.1f", row.Seconds), n(row.Calls.Offered), n(row.Calls.Shed), n(row.Calls.Lost),
		n(row.Calls.InDialog), n(row.Calls.Broken), fmt.Sprintf("%.1f", float64(row.PeakKB)/1024), fmt.Sprintf("%.1fs", float64(row.SettledMS)/1000), n(row.Alarms), verdict)
	for _, f := range row.Faults {
		fmt.Fprintln(out, "    "+f)
	}
	if row.Sent > 0 {
		r.Floods++
	}
	r.Sent += row.Sent
	r.Calls += row.Calls.Offered
	r.Answered += row.Calls.Answered
	r.Shed += row.Calls.Shed
	r.Lost += row.Calls.Lost
	r.InDialog += row.Calls.InDialog
	r.Broken += row.Calls.Broken
	r.Bounds += row.Alarms
	r.Panics += row.panics
	r.MaxRSS = max(r.MaxRSS, row.PeakKB)
	if len(row.Faults) > 0 {
		r.Failed++
		r.Passed, r.Recovered = false, false
	}
}
