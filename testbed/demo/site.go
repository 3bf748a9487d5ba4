package demo

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"releve/testbed/ipbx"
	"releve/testbed/server"
)

// The numbers of the site; our choices: small enough for a story of a minute,
// large enough that a waiting list (lines/4) has room for several callers.
const (
	lines      = 12
	holdBudget = 6 * time.Second
	spacing    = time.Second // the fast setting that the bars use
	count      = 3
)

// The names and numbers that the parties are known by.
const (
	namePrimary   = "principal"
	nameSecondary = "secours"
	nameIPBX      = "ipbx"
	nameReleve    = "releve"

	service  = "5000"
	user1    = "5001" // the primary's licensed user
	user2    = "5002" // the secondary's
	deskNo   = "9"
	internal = "2001" // an extension of the IPBX
)

const configuration = `# Relève, demo
site: "Démonstration"
language: %[8]s
level: high-availability
wel_licences: [high-availability]
listen:
  - {address: "udp://%[1]s"}
keys: {file: %[2]s/keys}
ipbx:
  - {name: ipbx, address: "sip:%[3]s", no_answer: 60s, max_grant: 60s}
servers:
  - {name: principal, role: primary, address: "sip:%[4]s", lines: %[6]d, version: 5.3.6}
  - {name: secours, role: secondary, address: "sip:%[5]s", lines: %[6]d, version: 5.3.6}
service_numbers: ["5000"]
registration:
  mode: pair
  expires: 60s
  users:
    principal: {aor: "sip:5001@%[7]s", username: "5001", password_file: %[2]s/5001}
    secours: {aor: "sip:5002@%[7]s", username: "5002", password_file: %[2]s/5002}
overflow: {progress_timeout: 1s, answer_timeout: 4s, hold_budget: %[9]s}
verification: {count: %[10]d, spacing: %[11]s, timeout: 900ms, idle_interval: 1s}
rescue: "sip:9@%[3]s"
store: {path: %[2]s/store}
admin: {listen: "%[12]s", socket: %[2]s/admin.sock}
`

// site is the whole installation: every party a process, on loopback addresses
// of its own.
type site struct {
	self    string // path of this program
	dir     string
	lang    Lang
	nursery *nursery

	address  netip.AddrPort // Relève's
	screen   netip.AddrPort // of the alarm screen
	ipbx     *process
	ipbxAddr string
	servers  [2]*process // primary, secondary; a killed one stays until it is started again
	addrs    [2]string
	releve   *process
	door     *door
}

// host is a loopback address that another demo, with another pid, does not use.
func host(pid, n int) string {
	return fmt.Sprintf("127.83.%d.%d", pid%254+1, 4*(pid/254%60)+n+1)
}

// free asks the kernel for a UDP port of the host.
func free(host string) (netip.AddrPort, error) {
	c, err := net.ListenPacket("udp", host+":0")
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("find a free port on %s: %w", host, err)
	}
	defer c.Close()
	return netip.ParseAddrPort(c.LocalAddr().String())
}

// freeTCP is free for TCP.
func freeTCP(host string) (netip.AddrPort, error) {
	l, err := net.Listen("tcp", host+":0")
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("find a free port on %s: %w", host, err)
	}
	defer l.Close()
	return netip.ParseAddrPort(l.Addr().String())
}

// open starts every party, then Relève.
func (s *site) open(ctx context.Context, onEvent func(string, json.RawMessage)) (err error) {
	pid := os.Getpid()
	if s.address, err = free(host(pid, 0)); err != nil {
		return err
	}
	if s.screen, err = freeTCP(host(pid, 0)); err != nil {
		return err
	}
	secrets := map[string]string{user1: rand.Text(), user2: rand.Text()}
	for name, secret := range secrets {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(secret), 0o600); err != nil {
			return fmt.Errorf("write a password of the demo: %w", err)
		}
	}
	s.ipbx, s.ipbxAddr, err = s.nursery.party(ctx, nameIPBX, s.self, partyIPBX, ipbx.Config{
		Name: nameIPBX, Addr: host(pid, 1) + ":0", Releve: s.address, RTP: true, Rescue: deskNo,
		Registrar: ipbx.Registrar{Realm: "demo", Users: secrets},
	}, onEvent)
	if err != nil {
		return err
	}
	for i := range s.servers {
		s.addrs[i] = host(pid, 2+i) + ":0"
		if err := s.startServer(ctx, i); err != nil {
			return err
		}
	}
	if err := s.configure(); err != nil {
		return err
	}
	s.door = newDoor(s.socket())
	return s.startReleve()
}

func (s *site) file() string   { return filepath.Join(s.dir, "releve.yaml") }
func (s *site) socket() string { return filepath.Join(s.dir, "admin.sock") }

func (s *site) configure() error {
	if err := os.Mkdir(filepath.Join(s.dir, "store"), 0o700); err != nil {
		return fmt.Errorf("make the store of the demo: %w", err)
	}
	registrar := netip.MustParseAddrPort(s.ipbxAddr).Addr()
	body := fmt.Sprintf(configuration, s.address, s.dir, s.ipbxAddr, s.addrs[0], s.addrs[1], lines,
		registrar, s.lang, holdBudget, count, spacing, s.screen)
	if err := os.WriteFile(s.file(), []byte(body), 0o600); err != nil {
		return fmt.Errorf("write the configuration of the demo: %w", err)
	}
	return nil
}

// startServer starts server i on its address; the first time the kernel
// chooses the port, a restart keeps it.
func (s *site) startServer(ctx context.Context, i int) (err error) {
	names, parties := [2]string{namePrimary, nameSecondary}, [2]string{partyPrimary, partySecondary}
	s.servers[i], s.addrs[i], err = s.nursery.party(ctx, names[i], s.self, parties[i], server.Config{
		Name: names[i], Addr: s.addrs[i], Lines: lines, Releve: s.address, User: service, RTP: true,
	}, nil)
	return err
}

func (s *site) startReleve() (err error) {
	s.releve, err = s.nursery.service(nameReleve, s.self, "serve", "-c", s.file(), "--lang", string(s.lang))
	return err
}

// close leaves no process and no file behind.
func (s *site) close() {
	s.nursery.close()
	if s.door != nil {
		s.door.close()
	}
	_ = os.RemoveAll(s.dir)
}
