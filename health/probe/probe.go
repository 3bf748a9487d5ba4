// Package probe runs the checks of a round that are not SIP: a TCP connection,
// any Nagios plugin. They tell whether the host is there.
//
// Each check is bounded by the context it is given; a plugin that outlives it
// is killed with its children. Safe for concurrent use.
package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"releve/health"
)

// maxOutput bounds what is kept of a plugin's output, in bytes.
const maxOutput = 4096

// Check is one configured check of a host.
type Check struct {
	Type    string   // tcp or exec
	Port    uint16   // tcp
	Command []string // exec: program and arguments
}

// Result of one check.
type Result struct {
	Type string
	Up   health.Presence // Unknown: the check itself could not run
	Took time.Duration
	Note string // first line of a plugin's output, or the error
}

// Run runs all checks at host in parallel until ctx ends and returns their
// results and what they say together: Up when one is up, Down when all are
// down, Unknown when none could tell (or none is configured).
func Run(ctx context.Context, host netip.Addr, checks []Check) (health.Presence, []Result) {
	results := make([]Result, len(checks))
	var wait sync.WaitGroup
	for i, c := range checks {
		wait.Go(func() {
			began := time.Now()
			results[i] = c.run(ctx, host)
			results[i].Type, results[i].Took = c.Type, time.Since(began)
		})
	}
	wait.Wait()
	return together(results), results
}

func together(results []Result) health.Presence {
	sum := health.Unknown
	for _, r := range results {
		switch r.Up {
		case health.Up:
			return health.Up
		case health.Down:
			sum = health.Down
		}
	}
	return sum
}

func (c Check) run(ctx context.Context, host netip.Addr) Result {
	if c.Type == "tcp" {
		return dial(ctx, netip.AddrPortFrom(host, c.Port))
	}
	return plugin(ctx, c.Command)
}

// dial: a connection is up; so is a refusal, for the host answered it.
func dial(ctx context.Context, to netip.AddrPort) Result {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", to.String())
	switch {
	case err == nil:
		_ = conn.Close()
		return Result{Up: health.Up, Note: "connected to " + to.String()}
	case errors.Is(err, syscall.ECONNREFUSED):
		return Result{Up: health.Up, Note: "the host refused the connection to " + to.String()}
	}
	return Result{Up: health.Down, Note: err.Error()}
}

// plugin runs a Monitoring Plugin: exit 0 and 1 are up, 2 is down, 3 and
// anything else cannot tell.
func plugin(ctx context.Context, command []string) Result {
	if len(command) == 0 {
		return Result{Note: "no command is configured for this check"}
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	var out bounded
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 100 * time.Millisecond
	err := cmd.Run()
	note := out.firstLine()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return Result{Note: fmt.Sprintf("%s did not end in time: give it a shorter time-out", command[0])}
	case err == nil:
		return Result{Up: health.Up, Note: note}
	case errors.As(err, &exit) && exit.ExitCode() == 1:
		return Result{Up: health.Up, Note: note}
	case errors.As(err, &exit) && exit.ExitCode() == 2:
		return Result{Up: health.Down, Note: note}
	case errors.As(err, &exit):
		return Result{Note: note}
	}
	return Result{Note: fmt.Sprintf("cannot run %s: %v", command[0], err)}
}

// bounded keeps the first maxOutput bytes.
type bounded struct{ b bytes.Buffer }

func (w *bounded) Write(p []byte) (int, error) {
	if room := maxOutput - w.b.Len(); room > 0 {
		w.b.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (w *bounded) firstLine() string {
	line, _, _ := strings.Cut(w.b.String(), "\n")
	return line
}
