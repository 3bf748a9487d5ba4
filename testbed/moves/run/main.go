// Command run moves the licence between two servers hundreds of times while
// everything around a built releve fails, and asks the registrars what they saw.
//
//	go run ./testbed/moves/run -binary bin/releve [-moves 500] [-seed 1] [-short] [-keep] [-world N] [-only TROUBLE]
//
// The last line of its output is one JSON object (moves.Report). It exits with
// 1 when both users were ever bound at once, when a move did not end, or when
// one waited longer than releve config check had said.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"releve/testbed/moves"
)

func main() {
	o := moves.Options{Out: os.Stdout}
	flag.StringVar(&o.Binary, "binary", "bin/releve", "releve to try; build it first (make build)")
	flag.IntVar(&o.Moves, "moves", 0, "moves to make; 0: 500, or 20 in the short form")
	flag.Uint64Var(&o.Seed, "seed", 0, "of the troubles; 0: one of its own, which is printed")
	flag.BoolVar(&o.Short, "short", false, "the short form")
	flag.BoolVar(&o.Keep, "keep", false, "leave the directories in place, with a trace of every datagram")
	flag.IntVar(&o.World, "world", -1, "this world alone; -1: all")
	flag.StringVar(&o.Only, "only", "", "this trouble alone, e.g. loss")
	flag.Parse()
	if o.Moves == 0 {
		if o.Moves = 500; o.Short {
			o.Moves = 20
		}
	}
	if o.Seed == 0 {
		o.Seed = uint64(time.Now().UnixNano() % 1_000_000)
	}
	os.Exit(run(o))
}

func run(o moves.Options) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r, err := moves.Run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "moves:", err)
	}
	line, _ := json.Marshal(r) // numbers and words: it cannot fail
	fmt.Println(string(line))
	if err != nil || !r.Passed {
		return 1
	}
	return 0
}
