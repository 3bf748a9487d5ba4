// Command run prints the conformance table: every rule of docs/conformance.md,
// the tests that name it, and what they said; and sends the torture messages to
// the built binary.
//
//	go run ./testbed/conformance/run [-binary bin/releve] [-torture]
//
// It runs from the top of the repository. The last line of its output is one
// JSON object with rules, passed, failed, not_done and policy. It exits with 1
// when a rule that must be proven is not.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"releve/testbed/conformance"
)

func main() {
	page := flag.String("page", "docs/conformance.md", "the page whose tables are proven")
	binary := flag.String("binary", "bin/releve", "the built releve that gets the torture messages")
	only := flag.Bool("torture", false, "the torture messages alone; the rules count as they are without tests")
	flag.Parse()
	os.Exit(run(*page, *binary, *only))
}

func run(file, binary string, only bool) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	text, err := os.ReadFile(file)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%v; run from the top of the repository\n", err)
		return 1
	}
	page, err := conformance.ParsePage(string(text))
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", file, err)
		return 1
	}
	if only {
		page.Rows = nil
	}
	report := prove(ctx, binary, page, only)
	if err := report.Print(os.Stdout); err != nil || !report.OK() {
		return 1
	}
	return 0
}

// prove runs the torture messages beside the tests: most of their time is
// waiting for connections and transactions to end.
func prove(ctx context.Context, binary string, page *conformance.Page, only bool) *conformance.Report {
	var torture []conformance.Test
	var broken error
	done := make(chan struct{})
	go func() {
		defer close(done)
		torture, broken = conformance.Torture(ctx, binary, page)
	}()
	var tests []conformance.Test
	var faults []string
	if !only {
		var err error
		if tests, faults, err = conformance.RunTests(ctx, "."); err != nil {
			faults = append(faults, err.Error())
		}
	}
	<-done
	report := conformance.Join(page, tests, torture)
	report.Faults = append(report.Faults, faults...)
	if broken != nil {
		report.Faults = append(report.Faults, "torture: "+broken.Error())
	}
	return report
}
