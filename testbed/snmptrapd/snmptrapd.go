// Package snmptrapd starts Debian's snmptrapd for a test: on a free port of
// loopback, with a configuration and a state of its own in a new folder, and
// reads what it received.
//
//	Start ─► listening ─► Lines, Await … ─► Stop
//
// A Receiver is safe for concurrent use; it is ended by its pid, and by the
// kernel when the thread that started it is gone.
package snmptrapd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Options of a Receiver.
type Options struct {
	Config  string   // lines of snmptrapd.conf
	MIBs    []string // folders of MIBs; none: object identifiers stay numbers
	Modules string   // which of them, as of snmptrapd -m; "": none
}

// Receiver is a running snmptrapd.
type Receiver struct {
	Target string // host:port

	dir  string
	cmd  *exec.Cmd
	done chan struct{}
	once sync.Once
}

const (
	startLimit = 2 * time.Minute
	poll       = 20 * time.Millisecond
)

// Start starts a receiver and waits until it listens. It needs Debian's
// snmptrapd.
func Start(ctx context.Context, o Options) (*Receiver, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	program, err := exec.LookPath("snmptrapd")
	if err != nil {
		if program = "/usr/sbin/snmptrapd"; !isFile(program) {
			return nil, errors.New("no snmptrapd: install it (bash testbed/install.sh snmptrapd)")
		}
	}
	r := &Receiver{done: make(chan struct{})}
	if r.dir, err = os.MkdirTemp("", "releve-snmptrapd-"); err != nil {
		return nil, err
	}
	if err := r.start(program, o); err != nil {
		_ = os.RemoveAll(r.dir)
		return nil, err
	}
	if err := r.await(ctx); err != nil {
		r.Stop()
		return nil, err
	}
	return r, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// format writes one line a notification: KIND|uptime|OID=value|…
const format = `%.4y-%.2m-%.2l %.2h:%.2j:%.2k %W|%V||%v\n`

func (r *Receiver) start(program string, o Options) error {
	conf := filepath.Join(r.dir, "snmptrapd.conf")
	if err := os.WriteFile(conf, []byte(o.Config+"\n"), 0o600); err != nil {
		return err
	}
	// Text, numbers, enumerations as words; one line whatever a value holds.
	args := []string{"-f", "-n", "-C", "-c", conf, "-Lf", r.log(), "-F", format}
	if len(o.MIBs) > 0 {
		args = append(args, "-M", strings.Join(o.MIBs, ":"), "-m", o.Modules, "-OQ")
	} else {
		args = append(args, "-M", r.dir, "-m", "", "-OQn")
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	r.Target = fmt.Sprintf("127.0.0.1:%d", port)
	r.cmd = exec.Command(program, append(args, "udp:"+r.Target)...)
	r.cmd.Dir = r.dir
	r.cmd.Env = []string{"PATH=/usr/bin:/bin", "SNMP_PERSISTENT_DIR=" + r.dir, "HOME=" + r.dir, "LC_ALL=C"}
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := r.cmd.Start(); err != nil {
		return fmt.Errorf("start snmptrapd: %w", err)
	}
	go func() { _ = r.cmd.Wait(); close(r.done) }()
	return nil
}

func (r *Receiver) log() string { return filepath.Join(r.dir, "log") }

// await waits until the port is bound.
func (r *Receiver) await(ctx context.Context) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		if bound(r.Target) {
			return nil
		}
		select {
		case <-tick.C:
		case <-r.done:
			return fmt.Errorf("snmptrapd ended at its start:\n%s", r.Log())
		case <-ctx.Done():
			return fmt.Errorf("snmptrapd does not listen: %w\n%s", ctx.Err(), r.Log())
		}
	}
}

// bound asks the kernel whether a UDP socket has the address.
func bound(target string) bool {
	raw, err := os.ReadFile("/proc/net/udp")
	addr, perr := net.ResolveUDPAddr("udp4", target)
	if err != nil || perr != nil {
		return false
	}
	ip := addr.IP.To4()
	return strings.Contains(string(raw), fmt.Sprintf(" %02X%02X%02X%02X:%04X ", ip[3], ip[2], ip[1], ip[0], addr.Port))
}

func freePort() (int, error) {
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port, nil
}

// Log is all it wrote.
func (r *Receiver) Log() string {
	raw, _ := os.ReadFile(r.log())
	return string(raw)
}

// Await waits until the log holds each of the texts, and returns it.
func (r *Receiver) Await(ctx context.Context, texts ...string) (string, error) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		log := r.Log()
		missing := ""
		for _, t := range texts {
			if !strings.Contains(log, t) {
				missing = t
			}
		}
		if missing == "" {
			return log, nil
		}
		select {
		case <-tick.C:
		case <-r.done:
			return log, fmt.Errorf("snmptrapd ended; it wrote:\n%s", log)
		case <-ctx.Done():
			return log, fmt.Errorf("snmptrapd received no %q: %w; it wrote:\n%s", missing, ctx.Err(), log)
		}
	}
}

// Stop ends it and removes its files.
func (r *Receiver) Stop() {
	r.once.Do(func() {
		_ = r.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-r.done:
		case <-time.After(5 * time.Second):
			_ = r.cmd.Process.Kill()
			<-r.done
		}
		_ = os.RemoveAll(r.dir)
	})
}
