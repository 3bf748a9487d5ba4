// Package mariadb starts MariaDB servers of its own for a test: new data in a new
// folder, on a free port of loopback, run by who is not root; and a pair of them,
// the second replicating the first (GTID). They keep nothing and end with Stop.
package mariadb

import (
	"context"
	"database/sql"
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

	"github.com/go-sql-driver/mysql"

	"releve/testbed/tlstest"
)

// Server is a running MariaDB. Root may come in over loopback with Password.
type Server struct {
	Port     int
	Password string

	dir    string
	id     int // server-id
	cmd    *exec.Cmd
	secure []string // options, since Secure
}

// Pair is a main and the mirror that replicates it. Its methods are for one
// goroutine.
type Pair struct {
	Main, Mirror *Server
}

// startLimit bounds how long a pair may take, on a slow machine.
const startLimit = 3 * time.Minute

// StartPair makes two servers, each with a database named database, the second
// replicating the first. It needs Debian's mariadb-server, and, run as root, a
// user mysql or nobody.
func StartPair(ctx context.Context, database string) (*Pair, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	p := &Pair{}
	for _, s := range []struct {
		to *(*Server)
		id int
	}{{&p.Main, 1}, {&p.Mirror, 2}} {
		server, err := start(ctx, s.id)
		if err != nil {
			p.Stop()
			return nil, err
		}
		*s.to = server
	}
	err := p.Main.Do(ctx, "create user copy@'127.0.0.1' identified by 'copy'", "grant replication slave on *.* to copy@'127.0.0.1'")
	if err == nil {
		err = p.Mirror.Do(ctx, fmt.Sprintf("change master to master_host='127.0.0.1', master_port=%d, master_user='copy', master_password='copy', master_use_gtid=slave_pos, master_connect_retry=1", p.Main.Port),
			"start slave", "set global read_only = 1")
	}
	if err == nil {
		err = p.Main.Do(ctx, "create database "+database)
	}
	if err == nil {
		err = p.await(ctx, database)
	}
	if err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

// await waits until the mirror has what the main has.
func (p *Pair) await(ctx context.Context, database string) error {
	for {
		if n, err := p.Mirror.Ask(ctx, "select count(*) from information_schema.schemata where schema_name = '"+database+"'"); err == nil && n == "1" {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(p.Mirror.dir, "log"))
			return fmt.Errorf("the mirror did not follow: %w\n%s", ctx.Err(), log)
		}
	}
}

// Cut stops the replication, Mend starts it again.
func (p *Pair) Cut(ctx context.Context) error { return p.Mirror.Do(ctx, "stop slave") }

// Mend ends Cut.
func (p *Pair) Mend(ctx context.Context) error { return p.Mirror.Do(ctx, "start slave") }

// Stop ends both and removes their files.
func (p *Pair) Stop() {
	for _, s := range []*Server{p.Mirror, p.Main} {
		if s != nil {
			s.Stop()
		}
	}
}

// Start makes one server, with a database named database. It needs what StartPair
// needs.
func Start(ctx context.Context, database string) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	s, err := start(ctx, 1)
	if err != nil {
		return nil, err
	}
	if err := s.Do(ctx, "create database "+database); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// Secure starts the server again with TLS.
func (s *Server) Secure(ctx context.Context, pair tlstest.Pair, authority string) error {
	owner, err := owner()
	if err != nil {
		return err
	}
	s.secure = nil
	for option, from := range map[string]string{"ssl-cert": pair.Certificate, "ssl-key": pair.Key, "ssl-ca": authority} {
		raw, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		to := filepath.Join(s.dir, option)
		if err := os.WriteFile(to, raw, 0o600); err != nil {
			return err
		}
		if owner != nil {
			if err := os.Chown(to, int(owner.Uid), int(owner.Gid)); err != nil {
				return err
			}
		}
		s.secure = append(s.secure, "--"+option+"="+to)
	}
	s.Kill()
	return s.Restart(ctx)
}

func start(ctx context.Context, id int) (s *Server, err error) {
	s = &Server{Password: "s3cret", id: id}
	install, err := exec.LookPath("mariadb-install-db")
	if err != nil {
		return nil, errors.New("no mariadb-install-db: install mariadb-server (bash testbed/install.sh mariadb-server)")
	}
	if s.dir, err = os.MkdirTemp("", "releve-mariadb-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.Stop()
			s = nil
		}
	}()
	owner, err := owner()
	if err != nil {
		return s, err
	}
	if owner != nil {
		if err := os.Chown(s.dir, int(owner.Uid), int(owner.Gid)); err != nil {
			return s, err
		}
	}
	// A tmpdir of its own: a server that starts removes every "#sql" file there, those of
	// another test's servers too.
	making := exec.CommandContext(ctx, install, "--no-defaults", "--datadir="+filepath.Join(s.dir, "data"), "--auth-root-authentication-method=normal",
		"--tmpdir="+s.dir, "--skip-test-db", "--innodb-flush-log-at-trx-commit=0")
	making.SysProcAttr, making.Dir = &syscall.SysProcAttr{Credential: owner}, s.dir
	if out, err := making.CombinedOutput(); err != nil {
		return s, fmt.Errorf("mariadb-install-db: %w\n%s", err, out)
	}
	first := filepath.Join(s.dir, "first.sql")
	if err := os.WriteFile(first, []byte("set sql_log_bin=0;\ncreate or replace user root@'127.0.0.1' identified by '"+s.Password+"';\ngrant all on *.* to root@'127.0.0.1' with grant option;\n"), 0o644); err != nil {
		return s, err
	}
	if s.Port, err = freePort(); err != nil {
		return s, err
	}
	return s, s.run(ctx, owner, "--init-file="+first)
}

func (s *Server) run(ctx context.Context, owner *syscall.Credential, more ...string) error {
	program := "/usr/sbin/mariadbd"
	if path, err := exec.LookPath("mariadbd"); err == nil {
		program = path
	}
	s.cmd = exec.Command(program, append([]string{
		"--no-defaults", "--datadir=" + filepath.Join(s.dir, "data"), "--tmpdir=" + s.dir, "--port=" + strconv.Itoa(s.Port),
		"--bind-address=127.0.0.1", "--socket=" + filepath.Join(s.dir, "socket"), "--pid-file=" + filepath.Join(s.dir, "pid"),
		"--server-id=" + strconv.Itoa(s.id), "--log-bin=binlog", "--gtid-strict-mode=1", "--innodb-buffer-pool-size=16M",
		"--innodb-log-file-size=4M", "--innodb-flush-log-at-trx-commit=0", "--sync-binlog=0", "--skip-name-resolve",
	}, append(more, s.secure...)...)...)
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
	for {
		if _, err := s.Ask(ctx, "select 1"); err == nil {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("mariadb did not become ready: %w\n%s", ctx.Err(), log)
		}
	}
}

// Address is host and port.
func (s *Server) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)) }

// Do runs statements as root.
func (s *Server) Do(ctx context.Context, statements ...string) error {
	return s.with(ctx, func(db *sql.Conn) error {
		for _, q := range statements {
			if _, err := db.ExecContext(ctx, q); err != nil {
				return fmt.Errorf("%s: %w", q, err)
			}
		}
		return nil
	})
}

// Ask returns the one column of the one row.
func (s *Server) Ask(ctx context.Context, query string) (out string, err error) {
	err = s.with(ctx, func(db *sql.Conn) error { return db.QueryRowContext(ctx, query).Scan(&out) })
	return out, err
}

func (s *Server) with(ctx context.Context, do func(*sql.Conn) error) error {
	c := mysql.NewConfig()
	c.User, c.Passwd, c.Net, c.Addr, c.Timeout, c.Logger = "root", s.Password, "tcp", s.Address(), time.Second, &mysql.NopLogger{}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return err
	}
	pool := sql.OpenDB(connector)
	defer pool.Close()
	conn, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return do(conn)
}

// Kill ends the server by SIGKILL, as a power cut would.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// Restart starts a server that Kill ended.
func (s *Server) Restart(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	owner, err := owner()
	if err != nil {
		return err
	}
	return s.run(ctx, owner)
}

// Stop ends the server and removes its files.
func (s *Server) Stop() {
	if s.cmd != nil && s.cmd.Process != nil {
		s.Kill()
	}
	_ = os.RemoveAll(s.dir)
}

// owner is who runs it: MariaDB refuses root. nil: who we are.
func owner() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"mysql", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.ParseUint(u.Uid, 10, 32)
			gid, _ := strconv.ParseUint(u.Gid, 10, 32)
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("run as root without a user mysql or nobody to run MariaDB as")
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
