package soak

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"releve/testbed/ipbx"
	"releve/testbed/node"
	"releve/testbed/server"
)

// The numbers of the site; our choices: lines enough for the load below, and
// limits that no call of the load meets by itself.
const (
	lines   = 60
	service = "5000"
	desk    = "9"
)

const configuration = `site: soak
language: en
level: high-availability
wel_licences: [high-availability]
listen:
  - {address: "udp://%[1]s"}
  - {address: "tcp://%[1]s"}
keys: {file: %[2]s/keys}
ipbx:
  - {name: ipbx, address: "sip:%[3]s", no_answer: 60s, max_grant: 60s}
servers:
  - {name: principal, role: primary, address: "sip:%[4]s", lines: %[6]d, version: 5.3.6}
  - {name: secours, role: secondary, address: "sip:%[5]s", lines: %[6]d, version: 5.3.6}
service_numbers: ["5000"]
registration:
  mode: pair
  expires: 30s
  users:
    principal: {aor: "sip:5001@%[7]s", username: "5001", password_file: %[2]s/5001}
    secours: {aor: "sip:5002@%[7]s", username: "5002", password_file: %[2]s/5002}
overflow: {progress_timeout: 1s, answer_timeout: 3s, hold_budget: 8s}
verification: {count: 3, spacing: 1s, timeout: 900ms, idle_interval: 1s}
rescue: "sip:9@%[3]s"
store: {path: %[2]s/store}
admin: {socket: %[2]s/admin.sock}
`

// site is the installation under test.
type site struct {
	binary, dir string
	node        *node.Node
	releve      netip.AddrPort
	ipbx        *ipbx.IPBX
	servers     [2]*server.Server // primary, secondary
	sick        atomic.Bool       // a server fails at present
}

// active is the server that serves now; the primary when the node does not say.
func (s *site) active(ctx context.Context) *server.Server {
	var now status
	if err := s.node.JSON(ctx, "/api/v1/status", &now); err == nil && now.Active == "secondary" {
		return s.servers[1]
	}
	return s.servers[0]
}

func (s *site) open(ctx context.Context) (err error) {
	host := func(n int) string { return fmt.Sprintf("127.87.%d.%d", os.Getpid()%250+1, n) }
	s.releve = netip.AddrPortFrom(netip.MustParseAddr(host(9)), 5060)
	users := map[string]string{"5001": "un", "5002": "deux"}
	for user, secret := range users {
		if err := os.WriteFile(filepath.Join(s.dir, user), []byte(secret), 0o600); err != nil {
			return fmt.Errorf("write a password: %w", err)
		}
	}
	s.ipbx, err = ipbx.Start(ipbx.Config{
		Name: "ipbx", Addr: host(1) + ":5060", Releve: s.releve, Rescue: desk,
		Registrar: ipbx.Registrar{Realm: "soak", Users: users},
	})
	if err != nil {
		return err
	}
	for i, name := range []string{"principal", "secours"} {
		s.servers[i], err = server.Start(server.Config{
			Name: name, Addr: host(2+i) + ":5060", Lines: lines, Releve: s.releve, User: service,
		})
		if err != nil {
			return err
		}
	}
	yaml := fmt.Sprintf(configuration, s.releve, s.dir, s.ipbx.Addr(), s.servers[0].Addr(), s.servers[1].Addr(),
		lines, s.ipbx.Addr().Addr())
	s.node, err = node.Start(ctx, s.binary, s.dir, yaml)
	return err
}

func (s *site) close() error {
	var errs []error
	if s.node != nil {
		errs = append(errs, s.node.Stop())
	}
	if s.ipbx != nil {
		errs = append(errs, s.ipbx.Close())
	}
	for _, v := range s.servers {
		if v != nil {
			errs = append(errs, v.Close())
		}
	}
	return errors.Join(errs...)
}

// status is what the soak reads of the node's status.
type status struct {
	Active string `json:"active"`
	Phase  string `json:"phase"`

	Counters struct {
		Switchovers int `json:"switchovers"`
	} `json:"counters"`
}

// home brings the site back to normal: the operator's return, once the primary
// is well.
func (s *site) home(ctx context.Context) error {
	return until(ctx, func() (bool, error) {
		var now status
		if err := s.node.JSON(ctx, "/api/v1/status", &now); err != nil {
			return false, err
		}
		if now.Phase == "normal" {
			return true, nil
		}
		if now.Phase != "on-secondary" {
			return false, nil
		}
		// A refusal (the primary is not seen well yet) is tried again.
		_, _ = s.node.Verb(ctx, "return", "--force", "--yes", "--reason", "soak", "--wait", "5s")
		return false, nil
	}, "the site is normal again")
}

// until polls cond until it holds or ctx ends.
func until(ctx context.Context, cond func() (bool, error), what string) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := cond()
		if err != nil || ok {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w", what, context.Cause(ctx))
		}
	}
}

// sum adds the series whose name begins with prefix.
func sum(metrics map[string]float64, prefix string) (n float64) {
	for name, v := range metrics {
		if strings.HasPrefix(name, prefix) {
			n += v
		}
	}
	return n
}
