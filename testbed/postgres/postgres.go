// Package postgres starts a PostgreSQL of its own for a test: a new cluster in a
// new folder, on a free port of loopback, run by who is not root. It keeps
// nothing and ends with Stop.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// Server is a running PostgreSQL.
type Server struct {
	Port     int
	User     string // superuser, by password
	Password string

	dir string
	cmd *exec.Cmd
}

// startLimit bounds how long a cluster may take to be made and to answer.
const startLimit = 3 * time.Minute

// Start makes a cluster and waits until it listens. It needs Debian's
// postgresql, and, run as root, a user postgres or nobody.
func Start(ctx context.Context) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	initdb, err := program("initdb")
	if err != nil {
		return nil, err
	}
	s := &Server{User: "releve", Password: "s3cret"}
	if s.dir, err = os.MkdirTemp("", "releve-postgres-"); err != nil {
		return nil, err
	}
	if err := s.start(ctx, initdb); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, initdb string) error {
	owner, err := owner()
	if err != nil {
		return err
	}
	pass := filepath.Join(s.dir, "password")
	if err := os.WriteFile(pass, []byte(s.Password), 0o644); err != nil {
		return err
	}
	if owner != nil {
		if err := os.Chown(s.dir, int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	data := filepath.Join(s.dir, "data")
	create := exec.CommandContext(ctx, initdb, "-D", data, "-U", s.User, "-A", "scram-sha-256", "--pwfile", pass, "--no-sync", "--wal-segsize=1", "-E", "UTF8", "--locale=C")
	create.SysProcAttr, create.Dir = &syscall.SysProcAttr{Credential: owner}, s.dir
	if out, err := create.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if s.Port, err = freePort(); err != nil {
		return err
	}
	return s.run(ctx, filepath.Dir(initdb), owner)
}

// run starts the cluster's server and waits for it.
func (s *Server) run(ctx context.Context, bin string, owner *syscall.Credential) error {
	s.cmd = exec.Command(filepath.Join(bin, "postgres"), "-D", filepath.Join(s.dir, "data"), "-p", strconv.Itoa(s.Port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="+s.dir, "-c", "fsync=off", "-c", "max_connections=20",
		"-c", "wal_retrieve_retry_interval=200ms") // a mirror looks for its main again at once
	s.cmd.SysProcAttr, s.cmd.Dir = &syscall.SysProcAttr{Credential: owner, Pdeathsig: syscall.SIGKILL}, s.dir
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	return s.await(ctx)
}

// await waits until the server says that it is ready: it listens a little before.
func (s *Server) await(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	pidfile := filepath.Join(s.dir, "data", "postmaster.pid")
	for {
		raw, _ := os.ReadFile(pidfile)
		if len(raw) > 0 && containsReady(raw) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("postgres did not become ready: %w\n%s", ctx.Err(), log)
		}
	}
}

// containsReady reads the eighth line of postmaster.pid (PostgreSQL ≥ 10).
func containsReady(pidfile []byte) bool {
	lines := 0
	start := 0
	for i, b := range pidfile {
		if b == '\n' {
			lines++
			if lines == 8 {
				return len(pidfile[start:i]) >= 5 && string(pidfile[start:start+5]) == "ready"
			}
			start = i + 1
		}
	}
	return false
}

// URL is where a database of the cluster is, without the password.
func (s *Server) URL(host, database string) string {
	return fmt.Sprintf("postgres://%s@%s:%d/%s?sslmode=disable", s.User, host, s.Port, database)
}

// Pid is the server's first process.
func (s *Server) Pid() int { return s.cmd.Process.Pid }

// Stop ends the server and removes its files.
func (s *Server) Stop() {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Signal(syscall.SIGINT) // fast shutdown
		done := make(chan struct{})
		go func() { defer close(done); _ = s.cmd.Wait() }()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			_ = s.cmd.Process.Kill()
			<-done
		}
	}
	_ = os.RemoveAll(s.dir)
}

// program finds a program of the newest PostgreSQL installed.
func program(name string) (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) > 0 {
		return found[len(found)-1], nil
	}
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return "", errors.New("no " + name + ": install postgresql (bash testbed/install.sh postgresql)")
}

// owner is who runs it: PostgreSQL refuses root. nil: who we are.
func owner() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.ParseUint(u.Uid, 10, 32)
			gid, _ := strconv.ParseUint(u.Gid, 10, 32)
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("run as root without a user postgres or nobody to run PostgreSQL as")
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
