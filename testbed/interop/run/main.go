// Command run plays Relève against the SIP programs of Debian.
//
//	go run ./testbed/interop/run [-only ROW] [-action NAME] [-short] [-keep] [-binary PATH] [-beside N]
//
// The last line of its output is one JSON object with pairs, passed, failed,
// not_applicable. It exits with 1 when a cell fails or a program is missing.
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

	"releve/testbed/interop"
)

func main() {
	o := interop.Options{}
	flag.StringVar(&o.Only, "only", "", "rows whose name contains this")
	action := flag.String("action", "", "this action only")
	flag.BoolVar(&o.Short, "short", false, "the short form")
	flag.BoolVar(&o.Keep, "keep", false, "leave the directories in place")
	flag.StringVar(&o.Binary, "binary", "", "releve to test; empty: built now")
	flag.IntVar(&o.Beside, "beside", 2, "rows at once")
	flag.Parse()
	o.Action = interop.Action(*action)
	os.Exit(run(o))
}

func run(o interop.Options) int {
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
	if !interop.Run(ctx, o, os.Stdout) {
		return 1
	}
	return 0
}
