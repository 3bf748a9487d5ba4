package levels

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"releve/testbed/ipbx"
	"releve/testbed/node"
	"releve/testbed/postgres"
	"releve/testbed/server"
)

// The addresses that the examples use, by the last byte that a run gives them.
var hosts = map[string]int{
	"10.20.0.5": 9, "10.10.0.10": 1, "10.10.0.11": 2, "10.10.0.20": 3, "10.10.0.30": 4, "10.30.0.21": 21, "10.30.0.22": 22,
}

// lines is how many calls a voice server of the examples takes.
const lines = 30

// site is one installation. Open fills it, in the order of the fields.
type site struct {
	binary, example string // of docs/examples
	number          int    // of this site in the run: its part of loopback
	dir             string

	ipbx      *ipbx.IPBX // the first, with a stand-by where the example has one
	second    *ipbx.IPBX // the redundant one; nil: none
	gateway   *ipbx.IPBX // nil: none
	told      *receivers // of its alarms; nil: none
	databases *postgres.Pair
	principal *server.Server
	secours   *server.Server // nil: none, or not switched on
	node      *node.Node
}

func (s *site) host(last int) string {
	return fmt.Sprintf("127.%d.%d.%d", 101+s.number, os.Getpid()%250+1, last)
}

func (s *site) at(last int) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(s.host(last)), 5060)
}

// passwords of the licensed users at the IPBX.
var passwords = map[string]string{"5001": "un", "5002": "deux"}

// open starts everybody but the secondary, then the node on the example with
// more in place of what it names (old, new, old, new, …).
func (s *site) open(ctx context.Context, more ...string) error {
	raw, err := os.ReadFile(filepath.Join("docs", "examples", s.example+".yaml"))
	if err != nil {
		return fmt.Errorf("read the example: %w; run it at the top of the repository", err)
	}
	text := string(raw)
	for i := 0; i+1 < len(more); i += 2 {
		if !strings.Contains(text, more[i]) {
			return fmt.Errorf("the example %s does not say %q", s.example, more[i])
		}
	}
	if s.dir, err = os.MkdirTemp("", "releve-levels-"); err != nil {
		return err
	}
	secrets := filepath.Join(s.dir, "secrets")
	if err := os.Mkdir(secrets, 0o700); err != nil {
		return err
	}
	words := maps.Clone(passwords)
	if s.databases != nil {
		words["mirror"] = s.databases.Main.Password
		more = append(more, s.exampleURL(text, "main"), s.databases.Main.URL("127.0.0.1", "postgres"),
			s.exampleURL(text, "mirror"), s.databases.Mirror.URL("127.0.0.1", "postgres"))
	}
	if s.told != nil {
		words["webhook"] = "un secret partagé avec la supervision"
		more = append(more, s.exampleReceivers()...)
	}
	for name, word := range words {
		if err := os.WriteFile(filepath.Join(secrets, name), []byte(word), 0o600); err != nil {
			return err
		}
	}
	if err := s.parties(text); err != nil {
		return err
	}
	for example, last := range hosts {
		more = append(more, example, s.host(last))
	}
	more = append(more, "/etc/releve/secrets", secrets, "/var/lib/releve", filepath.Join(s.dir, "store"),
		"{socket: /run/releve/admin.sock", fmt.Sprintf("{listen: %q, socket: %s", s.screen(), node.Socket(s.dir)))
	s.node, err = node.Start(ctx, s.binary, s.dir, strings.NewReplacer(more...).Replace(text))
	return err
}

// parties starts the IPBXs that the example names, and the primary.
func (s *site) parties(example string) (err error) {
	standby := ""
	if strings.Contains(example, "redundancy: main-standby") {
		standby = s.at(2).String()
	}
	registrar := ipbx.Registrar{Realm: "levels", Users: passwords, MaxGrant: 2 * time.Minute}
	s.ipbx, err = ipbx.Start(ipbx.Config{Name: "ipbx", Addr: s.at(1).String(), Standby: standby, Releve: s.at(9), Registrar: registrar})
	if err == nil && strings.Contains(example, "10.10.0.20") {
		s.second, err = ipbx.Start(ipbx.Config{Name: "ipbx2", Addr: s.at(3).String(), Releve: s.at(9), Registrar: registrar})
	}
	if err == nil && strings.Contains(example, "10.10.0.30") {
		s.gateway, err = ipbx.Start(ipbx.Config{Name: "gateway", Addr: s.at(4).String(), Releve: s.at(9)})
	}
	if err == nil {
		s.principal, err = s.server("principal", 21)
	}
	return err
}

// screen is where the alarm screen is.
func (s *site) screen() string { return s.host(9) + ":8460" }

// exampleURL is the database that the example names under key.
func (s *site) exampleURL(example, key string) string {
	_, rest, _ := strings.Cut(example, "  "+key+": \"")
	url, _, _ := strings.Cut(rest, "\"")
	return url
}

func (s *site) server(name string, last int) (*server.Server, error) {
	return server.Start(server.Config{Name: name, Addr: s.at(last).String(), Lines: lines, Releve: s.at(9), User: "5000", RTP: true})
}

// switchOn starts the secondary.
func (s *site) switchOn() (err error) {
	s.secours, err = s.server("secours", 22)
	return err
}

// switchOff ends it as its power switch does.
func (s *site) switchOff() error {
	defer func() { s.secours = nil }()
	return s.secours.Close()
}

func (s *site) close() error {
	var errs []error
	if s.node != nil {
		errs = append(errs, s.node.Stop())
	}
	for _, x := range []*ipbx.IPBX{s.ipbx, s.second, s.gateway} {
		if x != nil {
			errs = append(errs, x.Close())
		}
	}
	for _, v := range []*server.Server{s.principal, s.secours} {
		if v != nil {
			errs = append(errs, v.Close())
		}
	}
	if s.databases != nil {
		s.databases.Stop()
	}
	if s.told != nil {
		errs = append(errs, s.told.cut())
	}
	if s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}
