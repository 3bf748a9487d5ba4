package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"releve/testbed/phone"
)

// nursery starts every child from one thread that lives as long as the demo:
// the kernel kills a child (Pdeathsig) when the thread that made it ends, so
// even a demo that is itself killed leaves nobody behind.
type nursery struct {
	jobs chan func()
	done chan struct{}

	mu   sync.Mutex // guards all
	born []*process
}

func newNursery() *nursery {
	n := &nursery{jobs: make(chan func()), done: make(chan struct{})}
	go func() {
		defer close(n.done)
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		for job := range n.jobs {
			job()
		}
	}()
	return n
}

// process is a child. Its pid is its own process group, so that Ctrl-C reaches
// the demo alone, which then ends its children in its own order.
type process struct {
	name   string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	remote *phone.Remote // parties only
	stdout *tail         // of an operator's verb
	stderr *tail
	done   chan struct{} // closed when it was reaped
	status error         // of Wait; read after done
}

func (n *nursery) start(name, path string, args []string, prepare func(*process) error) (*process, error) {
	p := &process{name: name, cmd: exec.Command(path, args...), stderr: &tail{}, done: make(chan struct{})}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.cmd.Stderr = p.stderr
	if err := prepare(p); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	started := make(chan error, 1)
	n.jobs <- func() { started <- p.cmd.Start() }
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	n.mu.Lock()
	n.born = append(n.born, p)
	n.mu.Unlock()
	return p, nil
}

// service starts a process that is not driven over pipes.
func (n *nursery) service(name, path string, args ...string) (*process, error) {
	p, err := n.start(name, path, args, func(*process) error { return nil })
	if err != nil {
		return nil, err
	}
	go p.reap(nil)
	return p, nil
}

// party starts a party with its configuration and waits for its address.
func (n *nursery) party(ctx context.Context, name, path, party string, cfg any, onEvent func(string, json.RawMessage)) (*process, string, error) {
	first, err := json.Marshal(cfg)
	if err != nil {
		return nil, "", fmt.Errorf("start %s: %w", name, err)
	}
	var stdout io.Reader
	p, err := n.start(name, path, []string{"demo", "--party", party}, func(p *process) (err error) {
		if p.stdin, err = p.cmd.StdinPipe(); err != nil {
			return err
		}
		stdout, err = p.cmd.StdoutPipe()
		return err
	})
	if err != nil {
		return nil, "", err
	}
	ready := make(chan string, 1)
	p.remote = phone.Drive(stdout, p.stdin, func(event string, data json.RawMessage) {
		if event != "ready" {
			if onEvent != nil {
				onEvent(event, data)
			}
			return
		}
		var at struct{ Addr string }
		_ = json.Unmarshal(data, &at) // an empty address fails below
		ready <- at.Addr
	})
	go p.reap(p.remote.Gone())
	if _, err := p.stdin.Write(append(first, '\n')); err != nil {
		return nil, "", fmt.Errorf("start %s: %w; it said: %s", name, err, p.stderr)
	}
	select {
	case addr := <-ready:
		return p, addr, nil
	case <-p.done:
		return nil, "", fmt.Errorf("start %s: it ended at once (%w); it said: %s", name, p.status, p.stderr)
	case <-ctx.Done():
		return nil, "", fmt.Errorf("start %s: %w", name, context.Cause(ctx))
	}
}

// reap waits for the end; read is closed when the pipe was read to its end,
// which must come before Wait closes it.
func (p *process) reap(read <-chan struct{}) {
	if read != nil {
		<-read
	}
	p.status = p.cmd.Wait()
	close(p.done)
}

// kill is SIGKILL by pid, and returns when the process is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	<-p.done
}

// errUntidy: a process had to be killed because it did not end when asked to.
var errUntidy = errors.New("it did not end when it was asked to")

// end asks the process to end and waits; it reports a bad exit.
func (p *process) end(limit time.Duration) error {
	if p.stdin != nil {
		_ = p.stdin.Close() // the end of its control ends a party
	} else {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
	}
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case <-p.done:
		return p.status
	case <-late.C:
		p.kill()
		return errUntidy
	}
}

// close kills whoever still lives and ends the thread.
func (n *nursery) close() {
	n.mu.Lock()
	born := n.born
	n.mu.Unlock()
	for _, p := range born {
		select {
		case <-p.done:
		default:
			p.kill()
		}
	}
	close(n.jobs)
	<-n.done
}

// maxTail bounds what is kept of a child's standard error, in bytes.
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
