// Command run plays every Wel'Suite level against a built releve.
//
//	go run ./testbed/levels/run -binary bin/releve [-short]
//
// The last line of its output is one JSON object (levels.Report). It exits with 1
// when something that a level promises does not hold.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"releve/testbed/levels"
)

func main() {
	o := levels.Options{Out: os.Stdout}
	flag.StringVar(&o.Binary, "binary", "bin/releve", "releve to run; build it first (make build)")
	flag.BoolVar(&o.Short, "short", false, "the short form that CI runs")
	flag.Parse()
	os.Exit(run(o))
}

func run(o levels.Options) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if o.Binary, err = filepath.Abs(o.Binary); err != nil {
		fmt.Fprintln(os.Stderr, "levels:", err)
		return 1
	}
	r, err := levels.Run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "levels:", err)
	}
	line, _ := json.Marshal(r) // numbers: it cannot fail
	fmt.Println(string(line))
	if err != nil || !r.Good() {
		return 1
	}
	return 0
}
