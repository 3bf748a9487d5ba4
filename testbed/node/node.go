// Package node runs the built binary as its user does: a configuration file, a
// directory of its own, a process of its own; and reads what it costs and what
// it counts.
//
//	Start ─► serving ─► Metrics, Usage, Status … ─► Stop (SIGTERM) or Kill (SIGKILL)
//
// A Node belongs to one goroutine; its readings may be asked from any. The
// process is ended by its pid, and the kernel ends it when the thread that
// started it is gone.
package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Node is one running binary.
type Node struct {
	dir  string
	cmd  *exec.Cmd
	done chan struct{}
	err  error // of Wait; read after done
	http *http.Client
}

// poll is how often Start asks whether calls are served.
const poll = 20 * time.Millisecond

// Start writes yaml to a file of dir, starts the binary on it and returns when
// it serves. The file must put the admin socket at Socket(dir).
func Start(ctx context.Context, binary, dir, yaml string) (*Node, error) {
	n, err := Launch(binary, dir, yaml)
	if err != nil {
		return nil, err
	}
	if err := n.ready(ctx); err != nil {
		_ = n.Kill()
		return nil, fmt.Errorf("%w; it said:\n%s", err, n.Log())
	}
	return n, nil
}

// Launch is Start that does not wait: for a node that has nobody to send calls
// to, or one that shall be killed while it starts.
func Launch(binary, dir, yaml string) (*Node, error) {
	file, log := filepath.Join(dir, "releve.yaml"), filepath.Join(dir, "releve.log")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		return nil, fmt.Errorf("write the configuration: %w", err)
	}
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	defer out.Close()
	n := &Node{dir: dir, cmd: exec.Command(binary, "serve", "-c", file), done: make(chan struct{})}
	n.cmd.Stdout, n.cmd.Stderr = out, out
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", Socket(dir))
	}
	n.http = &http.Client{Transport: &http.Transport{DialContext: dial}, Timeout: 5 * time.Second}
	if err := n.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w; build it first (make build)", binary, err)
	}
	go func() { n.err = n.cmd.Wait(); close(n.done) }()
	return n, nil
}

// Socket is where a node in dir has its admin socket.
func Socket(dir string) string { return filepath.Join(dir, "admin.sock") }

func (n *Node) ready(ctx context.Context) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		if _, err := n.get(ctx, "/readyz"); err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-n.done:
			return fmt.Errorf("the node ended at its start: %w", n.err)
		case <-ctx.Done():
			return fmt.Errorf("wait until the node serves: %w", ctx.Err())
		}
	}
}

func (n *Node) get(ctx context.Context, path string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://releve"+path, nil)
	if err != nil {
		return nil, err
	}
	a, err := n.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("ask the node: %w", err)
	}
	defer a.Body.Close()
	body, err := io.ReadAll(io.LimitReader(a.Body, 8<<20))
	if err != nil {
		return nil, fmt.Errorf("ask the node: %w", err)
	}
	if a.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask the node %s: status %d: %s", path, a.StatusCode, body)
	}
	return body, nil
}

// JSON reads a page of the admin API into v.
func (n *Node) JSON(ctx context.Context, path string, v any) error {
	body, err := n.get(ctx, path)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, v)
}

// Metrics are the node's series, by name with labels as exposed.
func (n *Node) Metrics(ctx context.Context) (map[string]float64, error) {
	body, err := n.get(ctx, "/metrics")
	if err != nil {
		return nil, err
	}
	out := make(map[string]float64)
	for line := range strings.Lines(string(body)) {
		line = strings.TrimSpace(line)
		i := strings.LastIndexByte(line, ' ')
		if i < 0 || line[0] == '#' {
			continue
		}
		v, err := strconv.ParseFloat(line[i+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("read the metric %q: %w", line, err)
		}
		out[line[:i]] = v
	}
	return out, nil
}

// Usage is what the process holds of the machine.
type Usage struct {
	RSS  int64 // resident set, bytes
	Peak int64 // the largest resident set since the start, bytes
	FDs  int   // open descriptors
}

// Usage reads /proc.
func (n *Node) Usage() (u Usage, err error) {
	proc := "/proc/" + strconv.Itoa(n.Pid())
	status, err := os.ReadFile(proc + "/status")
	if err != nil {
		return u, fmt.Errorf("read the memory of the node: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		f := strings.Fields(value)
		if len(f) != 2 || f[1] != "kB" {
			continue
		}
		kb, _ := strconv.ParseInt(f[0], 10, 64) // 0 is refused below
		switch name {
		case "VmRSS":
			u.RSS = kb << 10
		case "VmHWM":
			u.Peak = kb << 10
		}
	}
	open, err := os.ReadDir(proc + "/fd")
	if err != nil {
		return u, fmt.Errorf("read the descriptors of the node: %w", err)
	}
	u.FDs = len(open)
	if u.RSS == 0 || u.Peak == 0 {
		return u, errors.New("read the memory of the node: /proc names none")
	}
	return u, nil
}

// Pid is the process.
func (n *Node) Pid() int { return n.cmd.Process.Pid }

// Done is closed when the process ended.
func (n *Node) Done() <-chan struct{} { return n.done }

// Log is the end of what it printed.
func (n *Node) Log() string {
	raw, err := os.ReadFile(filepath.Join(n.dir, "releve.log"))
	if err != nil {
		return err.Error()
	}
	return string(raw[max(0, len(raw)-4000):])
}

// stopLimit is what an orderly end may take.
const stopLimit = 15 * time.Second

// Stop ends it by SIGTERM; an error when it does not end well.
func (n *Node) Stop() error {
	n.http.CloseIdleConnections()
	_ = n.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	late := time.NewTimer(stopLimit)
	defer late.Stop()
	select {
	case <-n.done:
		return n.err
	case <-late.C:
		_ = n.Kill()
		return fmt.Errorf("the node did not end within %s of SIGTERM; it said:\n%s", stopLimit, n.Log())
	}
}

// Kill ends it by SIGKILL and waits until it is gone.
func (n *Node) Kill() error {
	n.http.CloseIdleConnections()
	err := n.cmd.Process.Kill()
	<-n.done
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// Verb runs an operator's verb of the same binary against this node and
// returns what it printed; the error names a bad exit.
func (n *Node) Verb(ctx context.Context, args ...string) ([]byte, error) {
	args = append(args, "--socket", Socket(n.dir))
	out, err := exec.CommandContext(ctx, n.cmd.Path, args...).CombinedOutput()
	if err != nil {
		return out, fmt.Errorf("releve %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return out, nil
}
