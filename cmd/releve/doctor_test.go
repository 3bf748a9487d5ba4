package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/doctor"
	"releve/cmd/internal/text"
	"releve/testbed/tlstest"
)

// doctorFile is a site whose parties are on loopback; each test breaks one thing.
const doctorFile = `
site: "test"
level: base
listen: [{address: %q, advertise: 127.0.45.1}]
keys: {file: %[2]s/keys}
ipbx: [{name: oxe, address: %[3]q, sources: [127.0.45.2]}]
servers: [{name: vocal, role: primary, address: "sip:127.0.45.3:5060;transport=%[4]s", lines: 8}]
dns: {servers: ["127.0.45.9:53"], timeout: 200ms}
store: {path: %[5]s}
admin: {listen: off, socket: %[2]s/admin.sock}
%[6]s`

type doctorSite struct {
	dir, listen, ipbx, store, more string
}

func (s *doctorSite) write(t *testing.T) string {
	t.Helper()
	if s.dir == "" {
		s.dir = t.TempDir()
	}
	if s.store == "" {
		s.store = s.dir
	}
	transport := strings.SplitN(s.listen, ":", 2)[0]
	if s.ipbx == "" {
		s.ipbx = "sip:127.0.45.2:5060;transport=" + transport
	}
	path := filepath.Join(s.dir, "releve.yaml")
	body := fmt.Sprintf(doctorFile, s.listen, s.dir, s.ipbx, transport, s.store, s.more)
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// looked runs the verb and returns its findings.
func looked(t *testing.T, path string) (result, []shownFinding) {
	t.Helper()
	r := exec(t, "en", "", "doctor", "-c", path, "-o", "json")
	var out shownDoctor
	if err := json.Unmarshal([]byte(r.out), &out); err != nil {
		t.Fatalf("%v\n%s%s", err, r.out, r.err)
	}
	return r, out.Findings
}

func finding(t *testing.T, all []shownFinding, id text.DoctorID) shownFinding {
	t.Helper()
	i := slices.IndexFunc(all, func(f shownFinding) bool { return f.ID == id })
	if i < 0 {
		t.Fatalf("no finding %s in %+v", id, all)
	}
	return all[i]
}

func wants(t *testing.T, all []shownFinding, id text.DoctorID, state text.StudyState, says string) {
	t.Helper()
	if f := finding(t, all, id); f.State != state || !strings.Contains(f.Seen, says) || state == text.StudyNoGo && f.Do == "" {
		t.Errorf("%s: %s %q, want %s with %q", id, f.State, f.Seen, state, says)
	}
}

func TestDoctorSeesATakenPort(t *testing.T) {
	t.Parallel()
	other, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP("127.0.45.1")})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	path := (&doctorSite{listen: "udp://" + other.LocalAddr().String()}).write(t)
	// The holder is this very program: it is taken for Relève, unless its name is
	// another one. A foreign one is a shell that holds the socket.
	_, all := looked(t, path)
	wants(t, all, text.DoctorListen, text.StudyOK, "held by Relève")

	file, err := other.File()
	if err != nil {
		t.Fatal(err)
	}
	hold := osexec.Command("sleep", "60")
	hold.ExtraFiles = []*os.File{file}
	if err := hold.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = hold.Process.Kill(); _ = hold.Wait() }()
	_ = file.Close()
	_ = other.Close()
	r, all := looked(t, path)
	wants(t, all, text.DoctorListen, text.StudyNoGo, "sleep (")
	if r.code != doctor.ExitNoGo {
		t.Errorf("exit %d", r.code)
	}
	if said := exec(t, "fr", "", "diagnostic", "-c", path); !strings.Contains(said.out, "prise par sleep") || !strings.Contains(said.out, "Que faire") {
		t.Error(said.out)
	}
}

func TestDoctorSeesAForeignAddressAndAName(t *testing.T) {
	t.Parallel()
	path := (&doctorSite{listen: "udp://192.0.2.77:5060", ipbx: "sip:nobody.invalid;transport=udp"}).write(t)
	r, all := looked(t, path)
	wants(t, all, text.DoctorListen, text.StudyNoGo, "does not have the address")
	wants(t, all, text.DoctorNames, text.StudyNoGo, "nobody.invalid leads nowhere")
	wants(t, all, text.DoctorResolver, text.StudyNoGo, "127.0.45.9:53 does not answer")
	wants(t, all, text.DoctorStore, text.StudyInfo, "no database yet")
	wants(t, all, text.DoctorHardening, text.StudyUnknown, "does not run")
	if r.code != doctor.ExitNoGo {
		t.Errorf("exit %d", r.code)
	}
}

func TestDoctorSeesAnExpiredCertificate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ca, err := tlstest.NewAuthority(dir, "ca")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		leaf  tlstest.Leaf
		state text.StudyState
		says  string
	}{
		{tlstest.Leaf{Name: "old", CommonName: "old.example", NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-time.Hour)}, text.StudyNoGo, "old.example ended on"},
		{tlstest.Leaf{Name: "soon", CommonName: "soon.example", SANs: []string{"127.0.45.1"}}, text.StudyReservation, "soon.example ends on"},
	} {
		pair, err := ca.Issue(c.leaf)
		if err != nil {
			t.Fatal(err)
		}
		path := (&doctorSite{listen: "tls://127.0.45.4:5061", more: fmt.Sprintf("tls: {certificate: %s, key: %s, ca: %s}", pair.Certificate, pair.Key, ca.File)}).write(t)
		_, all := looked(t, path)
		wants(t, all, text.DoctorCertificate, c.state, c.says)
	}
}

func TestDoctorSeesADirectoryThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	s := &doctorSite{listen: "udp://127.0.45.5:5060", dir: t.TempDir()}
	s.store = filepath.Join(s.dir, "store")
	if err := os.WriteFile(s.store, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r, all := looked(t, s.write(t))
	wants(t, all, text.DoctorWritable, text.StudyNoGo, "not a directory")
	if r.code != doctor.ExitNoGo {
		t.Errorf("exit %d", r.code)
	}
}

// TestDoctorSeesAFullDisk fills a small file system of its own.
func TestDoctorSeesAFullDisk(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Fatal("root is needed: the test mounts a small tmpfs in a namespace of its own")
	}
	s := &doctorSite{listen: "udp://127.0.45.6:5060", dir: t.TempDir()}
	s.store = filepath.Join(s.dir, "small")
	if err := os.Mkdir(s.store, 0o700); err != nil {
		t.Fatal(err)
	}
	out := asShell(t, fmt.Sprintf(`mount -t tmpfs -o size=64k tmpfs %[1]s && { head -c 1000000 /dev/zero > %[1]s/fill 2>/dev/null; exec "$0" doctor --lang en -c %[2]s; }`, s.store, s.write(t)), true)
	for _, want := range []string{"no space left on device", "0 MB free"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q:\n%s", want, out)
		}
	}
}

func TestDoctorSeesFewDescriptors(t *testing.T) {
	t.Parallel()
	s := &doctorSite{listen: "udp://127.0.45.7:5060"}
	out := asShell(t, fmt.Sprintf(`ulimit -n 200; exec "$0" doctor --lang en -c %s`, s.write(t)), false)
	if !strings.Contains(out, "200 allowed, 1512 would be needed") || !strings.Contains(out, "LimitNOFILE") {
		t.Error(out)
	}
}

// asShell runs a script whose $0 is releve; private: in a mount namespace of its
// own. The verb's exit code is not 0: something is wrong, as the test wants it.
func asShell(t *testing.T, script string, private bool) string {
	t.Helper()
	args := []string{"sh", "-c", script, os.Args[0]}
	if private {
		args = append([]string{"unshare", "--mount", "--propagation", "private"}, args...)
	}
	c := osexec.Command(args[0], args[1:]...)
	c.Env = append(os.Environ(), asReleve+"=1")
	out, err := c.CombinedOutput()
	if err == nil {
		t.Errorf("doctor finds nothing wrong:\n%s", out)
	}
	return string(out)
}

func TestDoctorWithoutConfiguration(t *testing.T) {
	t.Parallel()
	if r := exec(t, "fr", "", "doctor", "-c", filepath.Join(t.TempDir(), "none.yaml")); r.code != doctor.ExitUnable || !strings.Contains(r.err, "releve config init") {
		t.Errorf("%+v", r)
	}
}

func TestDoctorSeesKeysAndPasswords(t *testing.T) {
	t.Parallel()
	s := &doctorSite{listen: "udp://127.0.45.8:5060", dir: t.TempDir()}
	s.more = fmt.Sprintf("registration: {mode: pair, users: {vocal: {aor: \"sip:5001@127.0.45.2\", password_file: %s/5001}}}", s.dir)
	for name, mode := range map[string]os.FileMode{"keys": 0o644, "5001": 0o644} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte("secret\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	r, all := looked(t, s.write(t))
	wants(t, all, text.DoctorKeys, text.StudyNoGo, "others can read it")
	wants(t, all, text.DoctorSecrets, text.StudyReservation, "readable by everybody")
	if strings.Contains(r.out, "secret\"") {
		t.Error("a password was printed")
	}
}
