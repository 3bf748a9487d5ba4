package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"releve/health"
)

// maxOutput bounds what is kept of a plugin's output, in bytes.
const maxOutput = 4096

// environment is all that a plugin is given of ours: no secret of Relève's, and
// words in English whatever the machine speaks.
var environment = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C", "LC_ALL=C", "HOME=/"}

// plugin runs a Monitoring Plugin: exit 0 is OK, 1 a warning, 2 a failure, 3 and
// anything else cannot tell. No shell, a process group of its own, and nothing of
// it outlives the run.
func (c *Check) plugin(ctx context.Context, t Target) Result {
	if len(c.Command) == 0 {
		return Result{State: Unknown, Note: "no command is configured for this check"}
	}
	words := make([]string, len(c.Command))
	mark := strings.NewReplacer("{host}", t.Addr.String(), "{address}", t.Addr.String())
	for i, w := range c.Command {
		words[i] = mark.Replace(w)
	}
	program := filepath.Base(words[0])
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	out := &bounded{}
	cmd.Stdout, cmd.Stderr, cmd.Env, cmd.Dir = out, out, environment, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 100 * time.Millisecond // a child that left the group may hold the pipe
	if err := cmd.Start(); err != nil {
		return Result{State: Unknown, Note: fmt.Sprintf("cannot run %s: %v", program, inner(err))}
	}
	endGroup(cmd.Process.Pid)
	err := cmd.Wait()
	if ctx.Err() != nil {
		return Result{State: Unknown, Note: program + " did not end in time and was killed"}
	}
	return judged(program, out.firstLine(), cmd.ProcessState.Sys(), err)
}

// inner is err without the path, which is known.
func inner(err error) error {
	if e := errors.Unwrap(err); e != nil {
		return e
	}
	return err
}

// endGroup waits until the plugin has ended and kills what it left behind in
// its group, before the plugin is reaped: until then the group's number is not
// anybody else's.
func endGroup(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	_ = syscall.Kill(-pid, syscall.SIGKILL) // nobody is left: nothing to do
}

// judged reads how a plugin ended.
func judged(program, note string, sys any, err error) Result {
	status, ok := sys.(syscall.WaitStatus)
	switch {
	case !ok || err != nil && errors.Is(err, exec.ErrWaitDelay) && !status.Exited():
		return Result{State: Unknown, Note: fmt.Sprintf("%s: %v", program, err)}
	case status.Signaled():
		return Result{State: Unknown, Note: fmt.Sprintf("%s was ended by a signal: %v", program, status.Signal())}
	}
	if note == "" {
		note = fmt.Sprintf("%s printed nothing, exit %d", program, status.ExitStatus())
	}
	switch status.ExitStatus() {
	case 0:
		return Result{State: OK, Up: health.Up, Note: note}
	case 1:
		return Result{State: Warning, Up: health.Up, Note: note}
	case 2:
		return Result{State: Failed, Up: health.Down, Note: note}
	}
	return Result{State: Unknown, Note: note}
}

// bounded keeps the first maxOutput bytes. Stdout and Stderr are the same
// writer, so that package exec makes one goroutine of both.
type bounded struct{ b bytes.Buffer }

func (w *bounded) Write(p []byte) (int, error) {
	if room := maxOutput - w.b.Len(); room > 0 {
		w.b.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (w *bounded) firstLine() string {
	line, _, _ := strings.Cut(strings.TrimLeft(w.b.String(), "\r\n"), "\n")
	return strings.TrimSpace(line)
}
