// Command run plays the SIPp flows against a built releve.
//
//	go run ./testbed/sipp/run [-only NAME] [-v] [-binary PATH] [-beside N]
//
// The last line of its output is one JSON object with flows, passed, failed.
// It exits with 1 when a flow fails.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"releve/testbed/sipp"
)

func main() {
	o := sipp.Options{}
	flag.StringVar(&o.Only, "only", "", "flows whose name contains this")
	flag.BoolVar(&o.Verbose, "v", false, "print what every failed flow left")
	flag.StringVar(&o.Binary, "binary", "", "releve to test; empty: built now")
	flag.IntVar(&o.Beside, "beside", 3, "flows at once")
	flag.Parse()
	os.Exit(run(o))
}

func run(o sipp.Options) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if o.Binary == "" {
		dir, err := os.MkdirTemp("", "releve-build-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		o.Binary = filepath.Join(dir, "releve")
		build := exec.CommandContext(ctx, "go", "build", "-o", o.Binary, "./cmd/releve")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "build releve:", err)
			return 1
		}
	}
	if !sipp.Run(ctx, o, os.Stdout) {
		return 1
	}
	return 0
}
