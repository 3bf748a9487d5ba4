package main

import (
	"context"
	"errors"
	"io"
	"os/signal"
	"syscall"
)

// outlives has the loss of the terminal (a broken ssh, a closed window, the end of the
// pipe behind us) end what runs as Ctrl-C does, instead of killing it: a procedure
// keeps its record, and a drill goes back to the primary.
func (c *cli) outlives(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP, syscall.SIGPIPE)
	c.keys.Reset(interruptible{ctx, c.in}) // nothing was read yet
	return ctx, stop
}

// errInterrupted: Ctrl-C while something was asked.
var errInterrupted = errors.New("interrupted")

// interruptible is an input whose reading ends with ctx: a terminal gives nothing
// until Enter, and Ctrl-C must not wait for that. What it was reading then is left
// to the process's end.
type interruptible struct {
	ctx context.Context
	in  io.Reader
}

func (r interruptible) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, errInterrupted
	}
	type read struct {
		bytes []byte
		err   error
	}
	came := make(chan read, 1)
	go func() {
		own := make([]byte, len(p))
		n, err := r.in.Read(own)
		came <- read{own[:n], err}
	}()
	select {
	case got := <-came:
		return copy(p, got.bytes), got.err
	case <-r.ctx.Done():
		return 0, errInterrupted
	}
}
