package moves

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"releve/testbed/kamailio"
)

// peer is Kamailio as registrar, a process of its own.
type peer struct {
	dir    string
	site   kamailio.Site // as its next life finds it
	cmd    *exec.Cmd
	reader sync.WaitGroup

	mu    sync.Mutex // guards the ledger
	truth ledger
	last  time.Time // of its lines: two processes of it speak, each in its order
}

func startPeer(ctx context.Context, dir string, at, releve netip.Addr, grant, nonceLife int) (*peer, error) {
	p := &peer{dir: dir, site: kamailio.Site{
		Addr: at, Releve: releve, Trunk: "sip:" + releve.String(), Grant: grant, Least: grant, NonceLife: nonceLife, Stored: true,
	}}
	return p, p.up(ctx)
}

// up starts the process and returns when it answers.
func (p *peer) up(ctx context.Context) error {
	argv, err := kamailio.Write(p.dir, p.site)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(p.dir, "kamailio.out"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL} // ours to end, with its children
	read, write := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = write, write
	if err := p.cmd.Start(); err != nil {
		_ = file.Close()
		return fmt.Errorf("start kamailio: %w; install it with testbed/install.sh", err)
	}
	p.reader.Add(1)
	go func() {
		defer p.reader.Done()
		defer file.Close()
		p.listen(io.TeeReader(read, file))
	}()
	go func() {
		_ = p.cmd.Wait() // how it ended is asked of nobody
		_ = write.Close()
	}()
	limit, cancel := context.WithTimeoutCause(ctx, patience, errors.New("kamailio does not answer"))
	defer cancel()
	return until(limit, func() bool {
		_, err := kamailio.Ask(limit, p.dir, "core.version")
		return err == nil
	})
}

// listen takes what it says of its bindings.
func (p *peer) listen(from io.Reader) {
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		if s, ok := kamailio.Bound(lines.Text()); ok {
			p.take(s)
		}
	}
	_, _ = io.Copy(io.Discard, from) // a line too long ends the scanner, not the process
}

func (p *peer) take(s kamailio.State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.At.Before(p.last) {
		return // overtaken by what the other process said
	}
	p.last = s.At
	for _, user := range users {
		if end, held := s.Until[user]; held {
			p.truth.hold(s.At, user, end)
		} else {
			p.truth.free(s.At, user)
		}
	}
}

// down ends the process: orderly, and its bindings are on disk; or killed, and
// they are gone with it.
func (p *peer) down(keep bool) error {
	signal := syscall.SIGKILL
	if keep {
		signal = syscall.SIGTERM
	}
	group := -p.cmd.Process.Pid
	if !keep {
		_ = syscall.Kill(group, signal)
	} else {
		_ = p.cmd.Process.Signal(signal)
	}
	late := time.AfterFunc(patience, func() { _ = syscall.Kill(group, syscall.SIGKILL) })
	p.reader.Wait()
	late.Stop()
	_ = syscall.Kill(group, syscall.SIGKILL) // children that outlived it
	if keep {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, user := range users {
		p.truth.free(time.Now(), user)
	}
	return kamailio.Empty(p.dir) // of an earlier orderly end
}

func (p *peer) spans() ([]Span, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.truth.spans), nil
}

func (p *peer) bound() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.truth.bound(time.Now())
}

func (p *peer) refuse(ctx context.Context, status int) error {
	fault := "none"
	if status != 0 {
		fault = strconv.Itoa(status)
	}
	return kamailio.Set(ctx, p.dir, "fault", fault)
}

func (p *peer) grant(ctx context.Context, seconds int) error {
	p.site.Grant, p.site.Least = seconds, seconds
	for _, name := range []string{"min_expires", "max_expires"} {
		if _, err := kamailio.Ask(ctx, p.dir, "cfg.set_now_int", "registrar", name, strconv.Itoa(seconds)); err != nil {
			return err
		}
	}
	return nil
}

func (p *peer) brief(ctx context.Context, seconds int) error {
	if seconds == 0 {
		return p.refuse(ctx, 0)
	}
	if err := kamailio.Set(ctx, p.dir, "brief", strconv.Itoa(seconds)); err != nil {
		return err
	}
	return kamailio.Set(ctx, p.dir, "fault", "brief")
}

func (p *peer) password(ctx context.Context, suffix string) error {
	p.site.Suffix = suffix
	return kamailio.Set(ctx, p.dir, "suffix", suffix)
}

func (p *peer) close() error { return p.down(false) }
