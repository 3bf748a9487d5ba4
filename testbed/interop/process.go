package interop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is one program that runs in a directory that is also its HOME.
type process struct {
	name  string
	dir   string
	cmd   *exec.Cmd
	stdin io.WriteCloser
	said  *output
	logs  []string // files it writes itself, shown when a cell fails
	done  chan struct{}
}

// start runs argv. Everything it prints goes to said and to NAME.out in dir.
func start(name, dir string, argv ...string) (*process, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	file, err := os.Create(filepath.Join(dir, name+".out"))
	if err != nil {
		return nil, err
	}
	p := &process{name: name, dir: dir, said: newOutput(file), done: make(chan struct{})}
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Dir = dir
	p.cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir+"/.config", "XDG_DATA_HOME="+dir+"/.local/share", "LANG=C.UTF-8")
	p.cmd.Stdout, p.cmd.Stderr = p.said, p.said
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL} // ours to end, with its children
	if p.stdin, err = p.cmd.StdinPipe(); err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("start %s: %w; install it with testbed/install.sh", argv[0], err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended stands in ProcessState
		_ = file.Close()
		close(p.done)
	}()
	return p, nil
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// kill ends the process and its children as a power cut does.
func (p *process) kill() {
	if p.running() {
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.done
	}
}

// leave asks it to end, and ends it after limit.
func (p *process) leave(limit time.Duration) {
	if !p.running() {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(limit):
		p.kill()
	}
}

// write gives it a line on its standard input.
func (p *process) write(line string) error {
	if !p.running() {
		return fmt.Errorf("%s has ended (%s)", p.name, p.cmd.ProcessState)
	}
	p.said.note("> " + line)
	_, err := io.WriteString(p.stdin, line+"\n")
	return err
}

// tail is the end of what it printed and logged.
func (p *process) tail(bytes int) string {
	var b strings.Builder
	for _, path := range append([]string{filepath.Join(p.dir, p.name+".out")}, p.logs...) {
		raw, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			raw = []byte(err.Error())
		}
		fmt.Fprintf(&b, "--- end of %s\n%s\n", filepath.Base(path), raw[max(0, len(raw)-bytes):])
	}
	return b.String()
}

// follow adds what the process writes into a file of its own to what it says.
func (p *process) follow(path string) error {
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	go func() {
		defer file.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := file.Read(buf)
			if n > 0 {
				p.said.add(buf[:n])
				continue
			}
			if err != io.EOF || !p.running() {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	return nil
}

// output is what a process printed, to wait on.
type output struct {
	mu   sync.Mutex
	text []byte
	more chan struct{} // closed and replaced at each write
	file io.Writer
}

func newOutput(file io.Writer) *output { return &output{file: file, more: make(chan struct{})} }

func (o *output) Write(b []byte) (int, error) {
	o.add(b)
	return o.file.Write(b)
}

// add takes text that stands in a file already.
func (o *output) add(b []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, b...)
	close(o.more)
	o.more = make(chan struct{})
}

// note adds a line of ours, so that a log reads in order.
func (o *output) note(line string) { _, _ = o.Write([]byte("\n" + line + "\n")) } // a log that cannot be written is seen when it is read

// mark is the present end of the output: wait looks behind it.
func (o *output) mark() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.text)
}

// since is what was printed after mark.
func (o *output) since(mark int) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text[min(mark, len(o.text)):])
}

// wait returns the submatches of the first text behind mark that matches.
func (o *output) wait(ctx context.Context, mark int, what *regexp.Regexp) ([]string, error) {
	for {
		o.mu.Lock()
		m := what.FindSubmatch(o.text[min(mark, len(o.text)):])
		more := o.more
		o.mu.Unlock()
		if m != nil {
			out := make([]string, len(m))
			for i := range m {
				out[i] = string(m[i])
			}
			return out, nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return nil, fmt.Errorf("nothing like %q was printed: %w", what, context.Cause(ctx))
		}
	}
}
