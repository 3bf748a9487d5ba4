package postgres

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Pair is a main database and the mirror that streams from it, with what can go
// wrong between them. Its methods are for one goroutine.
type Pair struct {
	Main, Mirror *Server

	conninfo string // where the mirror looks for its main, while it is cut
}

// slot keeps the log that the mirror has not had yet.
const slot = "mirror"

// StartPair makes a main, copies it (pg_basebackup) and waits until the copy
// streams.
func StartPair(ctx context.Context) (*Pair, error) {
	main, err := Start(ctx)
	if err != nil {
		return nil, err
	}
	p := &Pair{Main: main}
	if err := p.follow(ctx); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

// follow makes the mirror.
func (p *Pair) follow(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	bin, owner, err := means()
	if err != nil {
		return err
	}
	m := &Server{User: p.Main.User, Password: p.Main.Password}
	if m.dir, err = os.MkdirTemp("", "releve-postgres-"); err != nil {
		return err
	}
	p.Mirror = m
	if owner != nil {
		if err := os.Chown(m.dir, int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	copying := exec.CommandContext(ctx, filepath.Join(bin, "pg_basebackup"), "-D", filepath.Join(m.dir, "data"), "-R", "-X", "stream",
		"-c", "fast", "--no-sync", "-C", "-S", slot, "-d", p.Main.URL("127.0.0.1", "postgres"))
	copying.Env = append(os.Environ(), "PGPASSWORD="+p.Main.Password)
	copying.SysProcAttr, copying.Dir = &syscall.SysProcAttr{Credential: owner}, m.dir
	if out, err := copying.CombinedOutput(); err != nil {
		return fmt.Errorf("pg_basebackup: %w\n%s", err, out)
	}
	if m.Port, err = freePort(); err != nil {
		return err
	}
	if err := m.run(ctx, bin, owner); err != nil {
		return err
	}
	return p.AwaitStreaming(ctx)
}

// means are where PostgreSQL's programs are, and who runs them.
func means() (bin string, cred *syscall.Credential, err error) {
	path, err := program("pg_basebackup")
	if err != nil {
		return "", nil, err
	}
	cred, err = owner()
	return filepath.Dir(path), cred, err
}

// AwaitStreaming waits until the main says that the mirror streams.
func (p *Pair) AwaitStreaming(ctx context.Context) error {
	return await(ctx, "the mirror to stream", func() bool {
		n, err := p.Main.Ask(ctx, "select count(*) from pg_stat_replication where state = 'streaming'")
		return err == nil && n == "1"
	})
}

// Pause stops the replay: the mirror receives, and shows nothing of it.
func (p *Pair) Pause(ctx context.Context) error {
	return p.Mirror.Do(ctx, "select pg_wal_replay_pause()")
}

// Resume ends Pause.
func (p *Pair) Resume(ctx context.Context) error {
	return p.Mirror.Do(ctx, "select pg_wal_replay_resume()")
}

// Cut ends the stream: the mirror looks for its main where nobody listens.
func (p *Pair) Cut(ctx context.Context) error {
	conninfo, err := p.Mirror.Ask(ctx, "show primary_conninfo")
	if err != nil {
		return err
	}
	p.conninfo = conninfo
	if err := p.Mirror.Do(ctx, "alter system set primary_conninfo = 'host=127.0.0.1 port=1 connect_timeout=1'", "select pg_reload_conf()"); err != nil {
		return err
	}
	return await(ctx, "the stream to end", func() bool {
		n, err := p.Main.Ask(ctx, "select count(*) from pg_stat_replication")
		return err == nil && n == "0"
	})
}

// Mend ends Cut.
func (p *Pair) Mend(ctx context.Context) error {
	return p.Mirror.Do(ctx, "alter system set primary_conninfo = '"+strings.ReplaceAll(p.conninfo, "'", "''")+"'", "select pg_reload_conf()")
}

// Freeze stops the mirror's receiver where it is (SIGSTOP), as a network that has
// swallowed the connection would; thaw lets it go on.
func (p *Pair) Freeze(ctx context.Context) (thaw func(), err error) {
	s, err := p.Mirror.Ask(ctx, "select pid from pg_stat_wal_receiver")
	if err != nil {
		return nil, err
	}
	pid, err := strconv.Atoi(s)
	if err != nil {
		return nil, fmt.Errorf("no receiver runs: %q", s)
	}
	return func() { _ = syscall.Kill(pid, syscall.SIGCONT) }, syscall.Kill(pid, syscall.SIGSTOP)
}

// Promote makes the mirror a main of its own.
func (p *Pair) Promote(ctx context.Context) error {
	return p.Mirror.Do(ctx, "select pg_promote(true, 30)")
}

// Break removes log that the mirror needs: it can never catch up by itself.
func (p *Pair) Break(ctx context.Context) error {
	if err := p.Cut(ctx); err != nil {
		return err
	}
	if err := p.Main.Do(ctx, "alter system set max_slot_wal_keep_size = '1MB'", "select pg_reload_conf()"); err != nil {
		return err
	}
	return await(ctx, "the slot to be lost", func() bool {
		if p.Main.Do(ctx, "select pg_logical_emit_message(false, 'x', repeat('x', 100000))", "select pg_switch_wal()", "checkpoint") != nil {
			return false
		}
		state, err := p.Main.Ask(ctx, "select wal_status from pg_replication_slots")
		return err == nil && state == "lost"
	})
}

// Stop ends both and removes their files.
func (p *Pair) Stop() {
	if p.Mirror != nil {
		p.Mirror.Stop()
	}
	p.Main.Stop()
}

// Kill ends the server and its children by SIGKILL, as a power cut would.
func (s *Server) Kill() {
	children := s.children()
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	for _, pid := range children {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	for _, pid := range children { // until then they hold the cluster's memory
		for runs(pid) {
			time.Sleep(time.Millisecond)
		}
	}
}

// runs: a zombie that nobody has waited for holds nothing.
func runs(pid int) bool {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, state, found := strings.Cut(string(raw), ") ")
	return err == nil && found && !strings.HasPrefix(state, "Z")
}

func (s *Server) children() (pids []int) {
	pid := strconv.Itoa(s.cmd.Process.Pid)
	raw, _ := os.ReadFile("/proc/" + pid + "/task/" + pid + "/children")
	for f := range strings.FieldsSeq(string(raw)) {
		if n, err := strconv.Atoi(f); err == nil {
			pids = append(pids, n)
		}
	}
	return pids
}

// Hang stops the server where it is: its port takes connections, and nobody
// answers there. Its children go on with what they have. Resume ends it.
func (s *Server) Hang() (resume func()) {
	_ = s.cmd.Process.Signal(syscall.SIGSTOP)
	return func() { _ = s.cmd.Process.Signal(syscall.SIGCONT) }
}

// Restart starts a server that Kill ended.
func (s *Server) Restart(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	bin, owner, err := means()
	if err != nil {
		return err
	}
	_ = os.Remove(filepath.Join(s.dir, "data", "postmaster.pid")) // its "ready" is of the former life
	return s.run(ctx, bin, owner)
}

// Do runs statements, each in a transaction of its own.
func (s *Server) Do(ctx context.Context, statements ...string) error {
	for _, q := range statements {
		if _, err := s.Ask(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// Ask runs one statement as the superuser and returns the first column of the
// first row, "" when there is none.
func (s *Server) Ask(ctx context.Context, statement string) (string, error) {
	return s.AskIn(ctx, "postgres", statement)
}

// AskIn is Ask in another database.
func (s *Server) AskIn(ctx context.Context, database, statement string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	config, err := pgconn.ParseConfig(s.URL("127.0.0.1", database))
	if err != nil {
		return "", err
	}
	config.Password = s.Password
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	results, err := conn.Exec(ctx, statement).ReadAll()
	if err != nil {
		return "", fmt.Errorf("%s: %w", statement, err)
	}
	for _, r := range results {
		if len(r.Rows) > 0 && len(r.Rows[0]) > 0 {
			return string(r.Rows[0][0]), nil
		}
	}
	return "", nil
}

// await asks until it is so.
func await(ctx context.Context, what string, so func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waited for %s: %w", what, ctx.Err())
		}
	}
	return nil
}
