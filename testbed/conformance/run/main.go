// Command run prints the conformance table: every rule of docs/conformance.md,
// the tests that name it, and what they said.
//
//	go run ./testbed/conformance/run [-page docs/conformance.md]
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
	flag.Parse()
	os.Exit(run(*page))
}

func run(file string) int {
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
	tests, faults, err := conformance.RunTests(ctx, ".")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	report := conformance.Join(page, tests, nil)
	report.Faults = append(report.Faults, faults...)
	if err := report.Print(os.Stdout); err != nil || !report.OK() {
		return 1
	}
	return 0
}
