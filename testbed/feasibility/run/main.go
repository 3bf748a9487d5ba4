// Command run plants each quirk and asks a built releve to find it.
//
//	go run ./testbed/feasibility/run -binary bin/releve [-short] [-only NAME] [-parallel N] [-keep] [-kamailio=false]
//
// The last line of its output is one JSON object (feasibility.Result). It exits
// with 1 when a quirk is not found, or a site without one is not GO.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"releve/testbed/feasibility"
)

func main() {
	binary := flag.String("binary", "bin/releve", "releve to try; build it first (make build)")
	o := feasibility.Options{Out: os.Stdout}
	flag.BoolVar(&o.Short, "short", false, "the short form")
	flag.StringVar(&o.Only, "only", "", "cases whose name holds this, e.g. 'ipbx options'")
	flag.IntVar(&o.Parallel, "parallel", 0, "worlds at once; 0: 12")
	flag.BoolVar(&o.Keep, "keep", false, "print every finding of the studies that did not find theirs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	r, err := feasibility.Prove(ctx, *binary, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "feasibility:", err)
	}
	line, _ := json.Marshal(r) // numbers: it cannot fail
	fmt.Println(string(line))
	if err != nil || !r.Passed {
		os.Exit(1)
	}
}
