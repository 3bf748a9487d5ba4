package page

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"releve/testbed/ipbx"
	"releve/testbed/node"
	"releve/testbed/server"
)

const configuration = `site: "CH de Exemple"
language: fr
level: high-availability
wel_licences: [high-availability]
listen:
  - {address: "udp://%[1]s"}
keys: {file: %[2]s/keys}
ipbx:
  - {name: oxe, address: "sip:%[3]s", no_answer: 60s, max_grant: 60s}
servers:
  - {name: svi-a, role: primary, address: "sip:%[4]s", lines: 30, version: 5.3.6}
  - {name: svi-b, role: secondary, address: "sip:%[5]s", lines: 30, version: 5.3.6}
service_numbers: ["5000"]
registration:
  mode: pair
  expires: 60s
  users:
    svi-a: {aor: "sip:5001@%[6]s", username: "5001", password_file: %[2]s/5001}
    svi-b: {aor: "sip:5002@%[6]s", username: "5002", password_file: %[2]s/5002}
verification: {count: 3, spacing: 1s, timeout: 900ms, idle_interval: 1s}
store: {path: %[2]s/store}
contacts: {integrateur: "Téléphonie & Cie, 01 45 00 00 00", astreinte: "06 00 00 00 00"}
%[7]s
admin: {listen: "%[8]s", socket: %[2]s/admin.sock%[9]s}
`

// site is an installation with its alarm screen.
type site struct {
	dir     string
	base    string // of the screen
	ipbx    *ipbx.IPBX
	servers [2]*server.Server
	node    *node.Node
}

// host is a loopback address that another run, with another pid, does not use.
func host(n int) string {
	pid := os.Getpid()
	return fmt.Sprintf("127.84.%d.%d", pid%254+1, 32*(pid/254%7)+n+1)
}

func free(t *testing.T, network, host string) netip.AddrPort {
	t.Helper()
	var at net.Addr
	if network == "udp" {
		c, err := net.ListenPacket("udp", host+":0")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		at = c.LocalAddr()
	} else {
		l, err := net.Listen("tcp", host+":0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		at = l.Addr()
	}
	return netip.MustParseAddrPort(at.String())
}

// binary is Relève, built once.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "releve-page-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "releve")
	if said, err := exec.Command("go", "build", "-o", binary, "releve/cmd/releve").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the binary: %v\n%s\n", err, said)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// open starts everybody. sections are added to the configuration, admin to its
// section; scheme is that of the screen.
func open(t *testing.T, offset int, scheme, sections, admin string) *site {
	t.Helper()
	s := &site{dir: t.TempDir()}
	secrets := map[string]string{"5001": "un-secret", "5002": "un-autre"}
	for name, secret := range secrets {
		s.write(t, name, secret)
	}
	if err := os.Mkdir(filepath.Join(s.dir, "store"), 0o700); err != nil {
		t.Fatal(err)
	}
	listen, screen := free(t, "udp", host(offset)), free(t, "tcp", host(offset+1))
	var err error
	s.ipbx, err = ipbx.Start(ipbx.Config{
		Name: "oxe", Addr: host(offset+2) + ":0", Releve: listen, Registrar: ipbx.Registrar{Realm: "oxe", Users: secrets},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.ipbx.Close() })
	s.ipbx.StartOptions(time.Second)
	var at [2]string
	for i, name := range []string{"svi-a", "svi-b"} {
		s.servers[i], err = server.Start(server.Config{Name: name, Addr: host(offset+3+i) + ":0", Lines: 30, Releve: listen, User: "5000"})
		if err != nil {
			t.Fatal(err)
		}
		at[i] = s.servers[i].Addr().String()
		t.Cleanup(func() { _ = s.servers[i].Close() })
	}
	yaml := fmt.Sprintf(configuration, listen, s.dir, s.ipbx.Addr(), at[0], at[1], s.ipbx.Addr().Addr(), sections, screen, admin)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if s.node, err = node.Start(ctx, binary, s.dir, yaml); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(s.node.Pid(), syscall.SIGCONT) // a test may have ended while it was stopped
		if err := s.node.Stop(); err != nil {
			t.Errorf("the node ended badly: %v\n%s", err, s.node.Log())
		}
	})
	s.base = scheme + "://" + screen.String()
	return s
}

func (s *site) write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
