// Command releve is the whole product: the service (serve) and the verbs that
// ask it over its Unix socket.
//
// Exit codes: 0 done; 1 refused, degraded or different; 2 service down; 3 the
// daemon does not answer; 4 already so; 5 accepted, not finished; 64 wrong
// usage; 78 faulty configuration. Each verb's help names its own.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// version is set by the build (-ldflags "-X main.version=…").
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], terminal{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Getenv,
	})
	stop()
	os.Exit(code)
}
