package postgres

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Crash ends the server at once, as pg_ctl stop -m immediate does: no farewell to
// its clients, recovery at the next start.
func (s *Server) Crash() {
	_ = s.cmd.Process.Signal(syscall.SIGQUIT)
	done := make(chan struct{})
	go func() { defer close(done); _ = s.cmd.Wait() }()
	late := time.NewTimer(10 * time.Second)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
		_ = s.cmd.Process.Kill()
		<-done
	}
}

// Revive starts a server that Crash ended, at the same port.
func (s *Server) Revive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	initdb, err := program("initdb")
	if err != nil {
		return err
	}
	owner, err := owner()
	if err != nil {
		return err
	}
	_ = os.Remove(filepath.Join(s.dir, "data", "postmaster.pid")) // its "ready" is of the former life
	return s.run(ctx, filepath.Dir(initdb), owner)
}

// Freeze stops the server and all that serve its clients where they are: the
// kernel goes on to acknowledge what is sent, and nobody answers. thaw lets them go
// on.
func (s *Server) Freeze() (thaw func()) {
	all := append([]int{s.Pid()}, offspring(s.Pid())...)
	for _, pid := range all {
		_ = syscall.Kill(pid, syscall.SIGSTOP)
	}
	return func() {
		for _, pid := range all {
			_ = syscall.Kill(pid, syscall.SIGCONT)
		}
	}
}

func offspring(pid int) (pids []int) {
	p := strconv.Itoa(pid)
	raw, _ := os.ReadFile("/proc/" + p + "/task/" + p + "/children")
	for f := range strings.FieldsSeq(string(raw)) {
		if n, err := strconv.Atoi(f); err == nil {
			pids = append(pids, n)
		}
	}
	return pids
}
