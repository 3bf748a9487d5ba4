// Package nrpe starts Debian's NRPE server for a test, on a free port of one
// loopback address, and asks it as a supervisor does, by check_nrpe.
//
//	Start ─► Ask … ─► Stop
//
// The server runs its commands as Debian has them run: by the user nagios. It must
// be started by root. A Server is used by one goroutine and ended by its pid.
package nrpe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// User is who runs the commands.
const User = "nagios"

const (
	server = "/usr/sbin/nrpe"
	asker  = "/usr/lib/nagios/plugins/check_nrpe"

	startLimit = 30 * time.Second
)

// Server is a running NRPE.
type Server struct {
	host, port string
	dir        string
	cmd        *exec.Cmd
	done       chan struct{}
}

// Start writes nrpe.cfg with the lines (command[NAME]=…), starts the server and
// waits until it listens.
func Start(ctx context.Context, address string, lines ...string) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for _, program := range []string{server, asker} {
		if _, err := os.Stat(program); err != nil {
			return nil, fmt.Errorf("no %s: install it (bash testbed/install.sh nagios-nrpe-server nagios-nrpe-plugin)", program)
		}
	}
	if os.Getuid() != 0 {
		return nil, errors.New("NRPE changes to the user nagios, which root alone may: run this test as root")
	}
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		return nil, err
	}
	s := &Server{done: make(chan struct{})}
	s.host, s.port, _ = net.SplitHostPort(l.Addr().String())
	_ = l.Close()
	if s.dir, err = os.MkdirTemp("", "releve-nrpe-"); err != nil {
		return nil, err
	}
	if err := s.start(ctx, lines); err != nil {
		_ = os.RemoveAll(s.dir)
		return nil, err
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, lines []string) error {
	file := filepath.Join(s.dir, "nrpe.cfg")
	config := fmt.Sprintf("pid_file=%s/pid\nserver_address=%s\nserver_port=%s\nnrpe_user=%s\nnrpe_group=%s\nallowed_hosts=127.0.0.0/8\ncommand_timeout=60\n%s\n",
		s.dir, s.host, s.port, User, User, strings.Join(lines, "\n"))
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		return err
	}
	if err := os.Chmod(s.dir, 0o755); err != nil {
		return err
	}
	s.cmd = exec.Command(server, "-c", file, "-f")
	said := &bytes.Buffer{}
	s.cmd.Stdout, s.cmd.Stderr = said, said
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start NRPE: %w", err)
	}
	go func() { _ = s.cmd.Wait(); close(s.done) }()
	for {
		var d net.Dialer
		if c, err := d.DialContext(ctx, "tcp", net.JoinHostPort(s.host, s.port)); err == nil {
			return c.Close()
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-s.done:
			return fmt.Errorf("NRPE ended at once: %s", said)
		case <-ctx.Done():
			s.Stop()
			return fmt.Errorf("NRPE does not listen: %w", ctx.Err())
		}
	}
}

// Ask runs check_nrpe for one command: what a supervisor shows, and the state.
func (s *Server) Ask(ctx context.Context, command string) (said string, code int, err error) {
	cmd := exec.CommandContext(ctx, asker, "-H", s.host, "-p", s.port, "-t", "30", "-c", command)
	out, err := cmd.Output()
	var x *exec.ExitError
	if err != nil && !errors.As(err, &x) {
		return "", 0, err
	}
	return string(out), cmd.ProcessState.ExitCode(), nil
}

// Stop ends the server.
func (s *Server) Stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(5 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.done
	}
	_ = os.RemoveAll(s.dir)
}
