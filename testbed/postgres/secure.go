package postgres

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"releve/testbed/tlstest"
)

// Secure has the server speak TLS, and take everybody but its own user over nothing
// else: with a password, and with a certificate of authority too who is named in
// certified.
func (s *Server) Secure(ctx context.Context, pair tlstest.Pair, authority string, certified ...string) error {
	owner, err := owner()
	if err != nil {
		return err
	}
	data := filepath.Join(s.dir, "data")
	for name, from := range map[string]string{"server.crt": pair.Certificate, "server.key": pair.Key, "root.crt": authority} {
		raw, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		to := filepath.Join(data, name)
		if err := os.WriteFile(to, raw, 0o600); err != nil {
			return err
		}
		if owner != nil {
			if err := os.Chown(to, int(owner.Uid), int(owner.Gid)); err != nil {
				return err
			}
		}
	}
	rules := fmt.Sprintf("hostnossl all %[1]s 127.0.0.1/32 scram-sha-256\nhostnossl replication %[1]s 127.0.0.1/32 scram-sha-256\n", s.User)
	for _, name := range certified {
		rules += fmt.Sprintf("hostssl all %s 127.0.0.1/32 scram-sha-256 clientcert=verify-full\n", name)
	}
	if err := os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte(rules+"hostssl all all 127.0.0.1/32 scram-sha-256\n"), 0o600); err != nil {
		return err
	}
	if err := s.Do(ctx, "alter system set ssl_ca_file = 'root.crt'", "alter system set ssl = on", "select pg_reload_conf()"); err != nil {
		return err
	}
	return await(ctx, "TLS", func() bool {
		on, err := s.Ask(ctx, "select setting from pg_settings where name = 'ssl'")
		return err == nil && on == "on"
	})
}
