package sipp

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Result is what became of one flow.
type Result struct {
	Name string
	Err  error
	Took time.Duration
}

// Options of Run. Binary is the built releve. Only: flows whose name contains
// it, "" all. Beside: how many flows run at once, at least 1. Verbose: what a
// failed flow left, also in the table's lines.
type Options struct {
	Binary  string
	Only    string
	Beside  int
	Verbose bool
}

// Run plays the flows, prints a line for each, a table and one JSON object, and
// reports whether all passed.
func Run(ctx context.Context, o Options, out io.Writer) bool {
	var chosen []Flow
	for _, f := range All() {
		if strings.Contains(f.Name, o.Only) {
			chosen = append(chosen, f)
		}
	}
	results := play(ctx, chosen, o, out)
	failed := table(results, o, out)
	last, err := json.Marshal(map[string]int{"flows": len(results), "passed": len(results) - failed, "failed": failed})
	if err != nil {
		fmt.Fprintln(out, err)
		return false
	}
	fmt.Fprintln(out, string(last))
	return failed == 0 && len(results) > 0
}

// play runs the flows, Beside at a time, longest first as they are listed.
func play(ctx context.Context, flows []Flow, o Options, out io.Writer) []Result {
	type numbered struct {
		n int
		r Result
	}
	room := make(chan struct{}, max(o.Beside, 1))
	done := make(chan numbered)
	go func() {
		for n := range flows {
			room <- struct{}{}
			go func() {
				began := time.Now()
				err := flows[n].run(ctx, o.Binary, os.Getpid(), n)
				<-room
				done <- numbered{n, Result{flows[n].Name, err, time.Since(began)}}
			}()
		}
	}()
	results := make([]Result, len(flows))
	for range flows {
		d := <-done
		results[d.n] = d.r
		verdict := "ok"
		if d.r.Err != nil {
			verdict = "FAILED: " + firstLine(d.r.Err)
		}
		fmt.Fprintf(out, "%-34s %5.1f s  %s\n", d.r.Name, d.r.Took.Seconds(), verdict)
	}
	return results
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

func table(results []Result, o Options, out io.Writer) (failed int) {
	fmt.Fprintln(out)
	for _, r := range results {
		verdict := "passed"
		if r.Err != nil {
			verdict = "failed"
			failed++
		}
		fmt.Fprintf(out, "| %-34s | %-6s | %5.1f s |\n", r.Name, verdict, r.Took.Seconds())
	}
	for _, r := range results {
		if r.Err != nil && (o.Verbose || failed <= 3) {
			fmt.Fprintf(out, "\n=== %s\n%v\n", r.Name, r.Err)
		}
	}
	return failed
}
