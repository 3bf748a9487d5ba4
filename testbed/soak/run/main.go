// Command run soaks a built releve: minutes of calls while everything around it
// fails in turn.
//
//	go run ./testbed/soak/run -binary bin/releve [-minutes 10] [-seed 1]
//
// The last line of its output is one JSON object (soak.Report). It exits with 1
// when a call was lost or when memory, goroutines or descriptors did not come
// back.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"releve/testbed/soak"
)

func main() {
	o := soak.Options{Out: os.Stdout}
	flag.StringVar(&o.Binary, "binary", "bin/releve", "releve to soak; build it first (make build)")
	flag.Float64Var(&o.Minutes, "minutes", 10, "minutes of calls and faults after the warm-up")
	flag.Uint64Var(&o.Seed, "seed", 1, "of the calls and of the order of the faults")
	flag.Parse()
	os.Exit(run(o))
}

func run(o soak.Options) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r, err := soak.Run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
	}
	line, _ := json.Marshal(r) // numbers and truth values: it cannot fail
	fmt.Println(string(line))
	if err != nil || !r.Passed {
		return 1
	}
	return 0
}
