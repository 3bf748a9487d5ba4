package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"releve/cmd/internal/text"
)

// siteFile writes a configuration of level base that listens on listen.
func siteFile(t *testing.T, listen string) (path, dir string) {
	t.Helper()
	dir = t.TempDir()
	path = filepath.Join(dir, "releve.yaml")
	body := fmt.Sprintf(`
site: "test"
level: base
listen: [{address: %q, advertise: 127.0.46.1}]
keys: {file: %[2]s/keys}
ipbx: [{name: oxe, address: "sip:127.0.46.2:5060;transport=%[3]s"}]
servers: [{name: vocal, role: primary, address: "sip:127.0.46.3:5060;transport=%[3]s", lines: 8}]
store: {path: %[2]s}
admin: {socket: %[2]s/admin.sock}
`, listen, dir, listen[:3])
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, dir
}

// refused runs serve in both languages and wants a failure that says what to do.
func refused(t *testing.T, path, address, french, english string) {
	t.Helper()
	for lang, want := range map[string]string{"fr": french, "en": english} {
		r := exec(t, lang, "", "serve", "-c", path)
		if r.code == exitDone || !strings.Contains(r.err, want) || !strings.Contains(r.err, address) {
			t.Errorf("%s: exit %d\n%s", lang, r.code, r.err)
		}
	}
}

func TestServeOnATakenUDPPort(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.46.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	path, _ := siteFile(t, "udp://"+c.LocalAddr().String())
	refused(t, path, "udp "+c.LocalAddr().String(), "est déjà prise par un autre programme", "is taken by another program")
}

func TestServeOnATakenTCPPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.46.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	path, _ := siteFile(t, "tcp://"+l.Addr().String())
	refused(t, path, "tcp "+l.Addr().String(), "est déjà prise par un autre programme", "is taken by another program")
}

// 192.0.2.0/24 is reserved for documentation (RFC 5737): no machine has it.
func TestServeOnAnAddressOfAnotherMachine(t *testing.T) {
	path, _ := siteFile(t, "udp://192.0.2.1:5060")
	refused(t, path, "udp 192.0.2.1:5060", "n'a pas l'adresse", "does not have the address")
}

// A port below 1024 is denied to another user than root, and to nobody who runs
// these tests as root: the error is made here. That of the admin socket keeps
// its own words.
func TestServeOnADeniedPort(t *testing.T) {
	c := &cli{m: text.For(text.English)}
	denied := os.NewSyscallError("bind", syscall.EACCES)
	for _, a := range []struct {
		at   net.Addr
		port bool
	}{
		{&net.UDPAddr{IP: net.IPv4(10, 0, 0, 5), Port: 506}, true},
		{&net.TCPAddr{IP: net.IPv4(10, 0, 0, 5), Port: 506}, true},
		{&net.UnixAddr{Name: "/run/releve/admin.sock", Net: "unix"}, false},
	} {
		err := c.started(fmt.Errorf("listen: %w", &net.OpError{Op: "listen", Addr: a.at, Err: denied}))
		said := strings.Contains(err.Error(), "CAP_NET_BIND_SERVICE") && strings.Contains(err.Error(), a.at.String())
		if said != a.port {
			t.Errorf("%s: %v", a.at, err)
		}
	}
}

func TestSecondServeWithTheSameData(t *testing.T) {
	path, dir := siteFile(t, "udp://127.0.46.1:5060")
	if err := os.Mkdir(filepath.Join(dir, "spool"), 0o700); err != nil {
		t.Fatal(err)
	}
	lock, err := os.Create(filepath.Join(dir, "spool", "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	refused(t, path, "", "une autre Relève tourne déjà", "another Relève is running")
}
