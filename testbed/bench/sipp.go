package main

import (
	"context"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

//go:embed load/uac.xml
var callerScenario []byte

//go:embed load/uas.xml
var serverScenario []byte

// common to every SIPp: no keyboard, wide socket buffers, a fine clock.
var common = []string{"-nostdin", "-buff_size", "4194304", "-timer_resol", "1", "-p", "5060"}

func (b *bench) scenario(name string, text []byte) (string, error) {
	path := filepath.Join(b.dir, name)
	return path, os.WriteFile(path, text, 0o600)
}

// sippServer starts a voice server.
func (b *bench) sippServer(host string) (*process, error) {
	file, err := b.scenario("uas.xml", serverScenario)
	if err != nil {
		return nil, err
	}
	return b.spawn("server", "sipp", append([]string{callerHost + sipPort, "-sf", file, "-i", host, "-f", "600"}, common...)...)
}

// outcome is what SIPp counted.
type outcome struct {
	ok              int
	retransmissions int
	elapsed         time.Duration // first call to last
	errors          string        // the first complaints
}

// sippCaller places calls that last length and waits for their end.
func (b *bench) sippCaller(ctx context.Context, to string, calls, rate int, length time.Duration) (outcome, error) {
	p, err := b.callerProcess(to, calls, rate, length)
	if err != nil {
		return outcome{}, err
	}
	return b.callerEnd(ctx, p, calls, rate, length)
}

func (b *bench) callerProcess(to string, calls, rate int, length time.Duration) (*process, error) {
	file, err := b.scenario("uac.xml", callerScenario)
	if err != nil {
		return nil, err
	}
	for _, old := range []string{"uac.csv", "uac.err"} {
		if err := os.Remove(filepath.Join(b.dir, old)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	return b.spawn("caller", "sipp", append([]string{
		to, "-sf", file, "-i", callerHost, "-r", strconv.Itoa(rate), "-m", strconv.Itoa(calls), "-l", strconv.Itoa(calls + 1),
		"-d", strconv.FormatInt(length.Milliseconds(), 10), "-pause_msg_ign",
		"-trace_stat", "-stf", filepath.Join(b.dir, "uac.csv"), "-fd", "1",
		"-trace_err", "-error_file", filepath.Join(b.dir, "uac.err"), "-f", "600",
	}, common...)...)
}

// callerEnd waits for the calls; a call that hears nothing ends by itself
// within 64*T1, so 45 s above the plan is a fault.
func (b *bench) callerEnd(ctx context.Context, p *process, calls, rate int, length time.Duration) (outcome, error) {
	limit := time.Duration(calls/rate)*time.Second + length + 45*time.Second
	select {
	case <-p.done:
	case <-ctx.Done():
		p.end()
		return outcome{}, ctx.Err()
	case <-time.After(limit):
		p.end()
		return outcome{}, fmt.Errorf("sipp is not done after %s\n%s", limit, p.output())
	}
	var status *exec.ExitError
	if p.err != nil && (!errors.As(p.err, &status) || status.ExitCode() != 1) { // 1: a call failed
		return outcome{}, fmt.Errorf("sipp: %w\n%s", p.err, p.output())
	}
	return readOutcome(filepath.Join(b.dir, "uac.csv"), filepath.Join(b.dir, "uac.err"))
}

// readOutcome reads SIPp's statistics: a header, then a line a second, the last
// at the end; columns (C) are cumulative.
func readOutcome(stats, errs string) (outcome, error) {
	raw, err := os.ReadFile(stats)
	if err != nil {
		return outcome{}, fmt.Errorf("sipp left no statistics: %w", err)
	}
	in := csv.NewReader(strings.NewReader(string(raw)))
	in.Comma, in.FieldsPerRecord, in.LazyQuotes = ';', -1, true
	lines, err := in.ReadAll()
	if err != nil || len(lines) < 2 {
		return outcome{}, fmt.Errorf("sipp's statistics have %d lines: %w", len(lines), err)
	}
	o := outcome{}
	ints := map[string]*int{"SuccessfulCall(C)": &o.ok, "Retransmissions(C)": &o.retransmissions}
	last := lines[len(lines)-1]
	var from, to float64
	for i, name := range lines[0] {
		if i >= len(last) {
			break
		}
		if dst := ints[name]; dst != nil {
			if *dst, err = strconv.Atoi(last[i]); err != nil {
				return o, fmt.Errorf("sipp's %s: %w", name, err)
			}
			delete(ints, name)
		}
		switch name {
		case "StartTime":
			from, err = epoch(last[i])
		case "CurrentTime":
			to, err = epoch(last[i])
		}
		if err != nil {
			return o, err
		}
	}
	if len(ints) > 0 || from == 0 || to <= from {
		return o, fmt.Errorf("sipp's statistics lack a column: %v, from %f to %f", ints, from, to)
	}
	o.elapsed = time.Duration((to - from) * float64(time.Second))
	if raw, err := os.ReadFile(errs); err == nil {
		o.errors = complaints(string(raw))
	}
	return o, nil
}

// complaints are the first events of SIPp's error file that cost a call; what
// comes outside a call (the OPTIONS of a candidate that probes its IPBX) or
// after it costs none.
func complaints(text string) string {
	const events, length = 3, 600 // printed at most, and bytes of each
	var out strings.Builder
	n := 0
	for _, e := range eventStart.Split(text, -1)[1:] {
		if !strings.HasPrefix(e, "Discarding") && !strings.HasPrefix(e, "Dead call") && n < events {
			out.WriteString("sipp: " + strings.TrimSpace(e[:min(len(e), length)]) + "\n")
			n++
		}
	}
	return out.String()
}

// eventStart is the time stamp that begins each event.
var eventStart = regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\d\t[^\t]*\t[\d.]*: `)

// epoch reads "DATE\tTIME\tSECONDS".
func epoch(s string) (float64, error) {
	f := strings.Fields(s)
	if len(f) == 0 {
		return 0, fmt.Errorf("sipp's time %q is empty", s)
	}
	return strconv.ParseFloat(f[len(f)-1], 64)
}
