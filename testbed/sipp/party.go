package sipp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Party is one SIPp process with one scenario.
type Party struct {
	name   string
	script Script
	dir    string
	cmd    *exec.Cmd
	done   chan struct{} // closed when the process has ended
	dead   bool          // killed on purpose: its exit code says nothing
	paused bool
}

// callLimit is the longest a caller may take; a waiting party has no limit of
// its own but that of its flow.
const callLimit = 40 * time.Second

// startParty runs SIPp at local. remote is Relève for a caller; invalid for a
// party that waits for calls.
func startParty(dir, name string, s Script, local, remote netip.AddrPort, transport string, more ...string) (*Party, error) {
	file, err := s.write(dir, name)
	if err != nil {
		return nil, fmt.Errorf("write scenario %s: %w", s.Name, err)
	}
	behaviour := "all,-bye"
	if s.Loose {
		behaviour = "none"
	}
	args := []string{
		"-sf", file, "-i", local.Addr().String(), "-p", fmt.Sprint(local.Port()), "-bind_local", "-nostdin", "-default_behaviors", behaviour,
		"-trace_msg", "-message_file", filepath.Join(dir, name+".msg"),
		"-trace_err", "-error_file", filepath.Join(dir, name+".err"), "-skip_rlimit",
	}
	if transport == "tcp" {
		args = append(args, "-t", "t1")
	}
	if remote.IsValid() {
		args = append(args, "-m", "1", "-timeout", fmt.Sprint(int(callLimit.Seconds())), "-timeout_error", remote.String())
	}
	p := &Party{name: name, script: s, dir: dir, done: make(chan struct{})}
	p.cmd = exec.Command("sipp", append(args, more...)...)
	p.cmd.Dir = dir
	out, err := os.Create(filepath.Join(dir, name+".out"))
	if err != nil {
		return nil, err
	}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	if err := p.cmd.Start(); err != nil {
		_ = out.Close()
		return nil, fmt.Errorf("start sipp: %w; install Debian's sip-tester", err)
	}
	go func() {
		_ = p.cmd.Wait() // the exit code is read from ProcessState
		_ = out.Close()
		close(p.done)
	}()
	return p, nil
}

func (p *Party) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// wait blocks until the process ends by itself and judges its exit code.
func (p *Party) wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.judge()
	case <-ctx.Done():
		p.kill()
		return fmt.Errorf("%s (%s) did not end: %w\n%s", p.name, p.script.Name, ctx.Err(), p.tail())
	}
}

func (p *Party) judge() error {
	if code := p.cmd.ProcessState.ExitCode(); code != 0 && !p.dead {
		return fmt.Errorf("%s (%s): sipp says %d\n%s", p.name, p.script.Name, code, p.tail())
	}
	return nil
}

// leave asks a waiting party to end once its calls are over (SIGUSR1), and
// fails when one of them never is.
func (p *Party) leave(ctx context.Context) error {
	if !p.running() {
		return p.judge()
	}
	p.resume()
	_ = p.cmd.Process.Signal(syscall.SIGUSR1)
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	return p.wait(ctx)
}

// kill ends the process as a power cut does.
func (p *Party) kill() {
	p.dead = true
	if p.running() {
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// pause stops the process as a hypervisor pauses a machine: its socket stays
// and nothing answers.
func (p *Party) pause() {
	p.paused = true
	_ = p.cmd.Process.Signal(syscall.SIGSTOP)
}

func (p *Party) resume() {
	if p.paused {
		p.paused = false
		_ = p.cmd.Process.Signal(syscall.SIGCONT)
	}
}

// traced is one message of a SIPp trace.
type traced struct {
	sent bool
	line string // first line
	text string
}

// trace reads what this party sent and received so far.
func (p *Party) trace() ([]traced, error) {
	raw, err := os.ReadFile(filepath.Join(p.dir, p.name+".msg"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil // nothing was sent or received
	}
	if err != nil {
		return nil, err
	}
	var out []traced
	for _, part := range bytes.Split(raw, []byte("-----------------------------------------------"))[1:] {
		head, text, ok := strings.Cut(string(part), "\n\n")
		if !ok {
			continue
		}
		line, _, _ := strings.Cut(text, "\n")
		switch {
		case strings.Contains(head, "Unexpected"): // written a second time
		case strings.Contains(head, "message sent"):
			out = append(out, traced{true, strings.TrimSpace(line), text})
		case strings.Contains(head, "message received"):
			out = append(out, traced{false, strings.TrimSpace(line), text})
		}
	}
	return out, nil
}

// tail is the end of what the process left, for a failure.
func (p *Party) tail() string {
	var out strings.Builder
	for _, suffix := range []string{".out", ".err", ".msg"} {
		raw, err := os.ReadFile(filepath.Join(p.dir, p.name+suffix))
		if err != nil {
			continue
		}
		if len(raw) > 3000 {
			raw = raw[len(raw)-3000:]
		}
		fmt.Fprintf(&out, "--- end of %s%s\n%s\n", p.name, suffix, raw)
	}
	return out.String()
}
