// Command run plays the corpus of situations against a built releve, and
// against Kamailio beside it.
//
//	go run ./testbed/faults/run -binary bin/releve [-short] [-only NAME]
//
// The last line of its output is one JSON object (faults.Report). It exits with
// 1 when a switchover was wrong or missed, or a call lost. It needs root, for
// its hosts are network namespaces.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"releve/testbed/faults"
)

func main() {
	o := faults.Options{Out: os.Stdout}
	party := flag.String("party", "", "be a party: how this program starts itself")
	flag.StringVar(&o.Binary, "binary", "bin/releve", "releve to judge; build it first (make build)")
	flag.BoolVar(&o.Short, "short", false, "the short form: ten situations")
	flag.BoolVar(&o.Peer, "peer", true, "Kamailio beside it, but in the short form")
	flag.StringVar(&o.Only, "only", "", "situations whose name has this in it")
	flag.IntVar(&o.Workers, "workers", 8, "worlds at once")
	flag.Uint64Var(&o.Seed, "seed", 1, "of what the network loses")
	flag.Parse()
	o.Peer = o.Peer && !o.Short
	os.Exit(run(o, *party))
}

func run(o faults.Options, party string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if party != "" {
		if err := faults.RunParty(ctx, party, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
	var err error
	if o.Self, err = os.Executable(); err != nil {
		fmt.Fprintln(os.Stderr, "verdicts:", err)
		return 1
	}
	r, err := faults.Run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "verdicts:", err)
	}
	line, _ := json.Marshal(r) // numbers and truth values: it cannot fail
	fmt.Println(string(line))
	if err != nil || !r.Passed {
		return 1
	}
	return 0
}
