// Package hook is the receiver of package notify that runs a program of the
// site's for each notice: an SMS gateway, a dry contact, a telephone that rings.
//
// A program is run without a shell, in a process group of its own, as
//
//	PROGRAM EVENT CODE SEVERITY      (raised 1002 critical)
//
// with the Notice as one line of JSON on its standard input. It gets nothing of
// our environment, is killed with all it started when its time is over, and what
// it says is kept to a few lines. One that somebody else may change is not run:
// what it would run, runs with our rights, and sees our secrets. Exit 0: it was told; anything else: it is run
// again later. A Sink is used by one goroutine at a time.
package hook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"releve/health/notify"
)

// maxOutput bounds what is kept of a program's output, in bytes.
const maxOutput = 4096

// environment is all that a program is given of ours.
var environment = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "HOME=/"}

// Sink runs one program.
type Sink struct {
	program string
	limit   time.Duration
	answer  atomic.Pointer[string]
}

var (
	_ notify.Sink     = (*Sink)(nil)
	_ notify.Answerer = (*Sink)(nil)
)

// New returns a Sink that runs the program at path, at most limit a notice.
func New(path string, limit time.Duration) *Sink { return &Sink{program: path, limit: limit} }

// Answer implements notify.Answerer: the first line that the program printed.
func (s *Sink) Answer() string {
	if a := s.answer.Load(); a != nil {
		return *a
	}
	return ""
}

// Send implements notify.Sink: the program is run once for each notice, in order.
func (s *Sink) Send(ctx context.Context, notices []notify.Notice) error {
	for _, n := range notices {
		if err := s.run(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sink) run(ctx context.Context, n notify.Notice) error {
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	input, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("write the notice: %w", err)
	}
	name := filepath.Base(s.program)
	if err := trusted(s.program, uint32(os.Geteuid())); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, s.program, string(n.Kind), strconv.Itoa(int(n.Number)), n.Severity)
	out := &bounded{}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(append(input, '\n')), out, out
	cmd.Env, cmd.Dir = environment, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 100 * time.Millisecond // a child that left the group may hold the pipe
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("run %s: %w", name, err)
	}
	endGroup(cmd.Process.Pid)
	err = cmd.Wait()
	line := out.firstLine()
	switch status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus); {
	case ctx.Err() != nil:
		return fmt.Errorf("%s did not end within %v and was killed", name, s.limit)
	case status.Signaled():
		return fmt.Errorf("%s was ended by a signal: %v", name, status.Signal())
	case status.ExitStatus() != 0:
		return fmt.Errorf("%s ended with %d: %s", name, status.ExitStatus(), line)
	case err != nil && !errors.Is(err, exec.ErrWaitDelay) && !errors.Is(err, syscall.EPIPE): // it need not read
		return fmt.Errorf("run %s: %w", name, err)
	}
	s.answer.Store(&line)
	return nil
}

// trusted refuses a program that others than root and ourselves may change: it
// belongs to one of the two, and neither group nor others may write to it or to
// the directory where it lies. Asked before each run, for what config check has
// seen may have changed since.
func trusted(path string, self uint32) error {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("run %s: %w", filepath.Base(path), plainly(err))
	}
	for _, p := range []string{real, filepath.Dir(real), filepath.Dir(path)} {
		var st unix.Stat_t
		if err := unix.Stat(p, &st); err != nil {
			return fmt.Errorf("run %s: %w", filepath.Base(path), err)
		}
		sticky := st.Mode&unix.S_IFMT == unix.S_IFDIR && st.Mode&unix.S_ISVTX != 0 // what lies there is changed by its owner alone
		if st.Mode&0o022 != 0 && !sticky {
			return fmt.Errorf("%s can be changed by others: chmod go-w", p)
		}
		if st.Uid != 0 && st.Uid != self {
			return fmt.Errorf("%s belongs to user %d, neither root nor Relève's own: chown root", p, st.Uid)
		}
	}
	return nil
}

// plainly is a path error without its path.
func plainly(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// endGroup waits until the program has ended and kills what it left behind in its
// group, before the program is reaped: until then the group's number is not
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

// bounded keeps the first maxOutput bytes. Stdout and Stderr are the same writer,
// so that package exec makes one goroutine of both.
type bounded struct{ b bytes.Buffer }

// Write takes everything.
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
