// Command run attacks a built releve while good calls pass through it.
//
//	go run ./testbed/abuse/run -binary bin/releve [-short] [-only NAME] [-seed 1]
//
// The last line of its output is one JSON object (abuse.Report). It exits with 1
// when a good call was lost, when memory, goroutines or descriptors did not stay
// within their bounds, or when a bound that was met told nobody.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"releve/testbed/abuse"
)

func main() {
	o := abuse.Options{Out: os.Stdout}
	flag.StringVar(&o.Binary, "binary", "bin/releve", "releve to attack; build it first (make build)")
	flag.BoolVar(&o.Short, "short", false, "the short form")
	flag.StringVar(&o.Only, "only", "", "attacks whose name contains this")
	flag.Uint64Var(&o.Seed, "seed", 1, "of the calls and of what is mutated")
	flag.Parse()
	os.Exit(run(o))
}

func run(o abuse.Options) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r, err := abuse.Run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "abuse:", err)
	}
	line, _ := json.Marshal(r) // numbers and truth values: it cannot fail
	fmt.Println(string(line))
	if err != nil || !r.Passed {
		return 1
	}
	return 0
}
