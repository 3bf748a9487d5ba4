package postgres

import (
	"context"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// Freeze stops the server and all that serve its clients where they are: the
// kernel goes on to acknowledge what is sent, and nobody answers. thaw lets them go
// on.
func (s *Server) Freeze() (thaw func()) {
	all := append([]int{s.Pid()}, s.children()...)
	for _, pid := range all {
		_ = syscall.Kill(pid, syscall.SIGSTOP)
	}
	return func() {
		for _, pid := range all {
			_ = syscall.Kill(pid, syscall.SIGCONT)
		}
	}
}

// Begin runs a statement in a transaction that commit ends: until then it holds
// what it changed.
func (s *Server) Begin(ctx context.Context, statement string) (commit func(context.Context) error, err error) {
	config, err := pgconn.ParseConfig(s.URL("127.0.0.1", "postgres"))
	if err != nil {
		return nil, err
	}
	config.Password = s.Password
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "begin; "+statement).ReadAll(); err != nil {
		_ = conn.Close(ctx)
		return nil, err
	}
	return func(ctx context.Context) error {
		defer conn.Close(ctx)
		_, err := conn.Exec(ctx, "commit").ReadAll()
		return err
	}, nil
}
