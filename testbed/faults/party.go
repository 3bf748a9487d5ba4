package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"

	"releve/testbed/lan"
	"releve/testbed/phone"
)

// process is a child on a host. The kernel ends it with the host's thread.
type process struct {
	name string
	cmd  *exec.Cmd
	said *tail
	done chan struct{} // closed when it was reaped
}

// start starts a program on a host, in a process group of its own. attach, when
// given, takes its pipes before it runs, and returns what must be read to its
// end before it is reaped.
func start(h *lan.Host, name, path string, args []string, attach func(*exec.Cmd) error) (*process, error) {
	p := &process{name: name, cmd: exec.Command(path, args...), said: &tail{}, done: make(chan struct{})}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.cmd.Stderr = p.said
	if attach != nil {
		if err := attach(p.cmd); err != nil {
			return nil, fmt.Errorf("start %s: %w", name, err)
		}
	} else {
		p.cmd.Stdout = p.said
	}
	if err := h.Do(p.cmd.Start); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

// reap waits for the end; read is closed when its pipe was read to the end.
func (p *process) reap(read <-chan struct{}) {
	if read != nil {
		<-read
	}
	_ = p.cmd.Wait() // how it ended is of no interest: mostly it was killed
	close(p.done)
}

// kill is SIGKILL to the process and what it started; it returns when the
// process is gone.
func (p *process) kill() {
	if p == nil {
		return
	}
	select {
	case <-p.done:
		return
	default:
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // it may be ending by itself
	<-p.done
}

// pause is SIGSTOP, resume SIGCONT, to the process and what it started.
func (p *process) pause() error  { return p.signal(syscall.SIGSTOP) }
func (p *process) resume() error { return p.signal(syscall.SIGCONT) }

func (p *process) signal(s syscall.Signal) error {
	if err := syscall.Kill(-p.cmd.Process.Pid, s); err != nil {
		return fmt.Errorf("signal %s: %w", p.name, err)
	}
	return nil
}

// party is a process that is driven over its pipes (phone.Line).
type party struct {
	*process
	*phone.Remote
}

// startParty starts a party of this program (--party) and waits until it
// listens; onEvent gets its events.
func startParty(ctx context.Context, h *lan.Host, self, kind string, cfg any, onEvent func(string, json.RawMessage)) (*party, error) {
	first, err := json.Marshal(cfg)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", kind, err)
	}
	var stdin io.WriteCloser
	var stdout io.Reader
	p, err := start(h, kind, self, []string{"-party", kind}, func(c *exec.Cmd) (err error) {
		if stdin, err = c.StdinPipe(); err != nil {
			return err
		}
		stdout, err = c.StdoutPipe()
		return err
	})
	if err != nil {
		return nil, err
	}
	ready := make(chan struct{})
	remote := phone.Drive(stdout, stdin, func(event string, data json.RawMessage) {
		switch {
		case event == "ready":
			close(ready)
		case onEvent != nil:
			onEvent(event, data)
		}
	})
	go p.reap(remote.Gone())
	if _, err := stdin.Write(append(first, '\n')); err != nil {
		p.kill()
		return nil, fmt.Errorf("start %s: %w; it said: %s", kind, err, p.said)
	}
	select {
	case <-ready:
		return &party{p, remote}, nil
	case <-p.done:
		return nil, fmt.Errorf("start %s: it ended at once; it said: %s", kind, p.said)
	case <-ctx.Done():
		p.kill()
		return nil, fmt.Errorf("start %s: %w; it said: %s", kind, context.Cause(ctx), p.said)
	}
}

var errGone = errors.New("its process ended")

// maxTail bounds what is kept of what a child said, in bytes.
const maxTail = 16 << 10

// tail keeps the end of what was written. Safe for concurrent use.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if over := len(t.buf) - maxTail; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.buf))
}
