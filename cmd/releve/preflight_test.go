package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"releve/cmd/internal/preflight"
	"releve/cmd/internal/text"
	"releve/testbed/ipbx"
	"releve/testbed/phone"
)

// studied starts an IPBX whose number 5000 leads to the study's address.
func studied(t *testing.T) (x *ipbx.IPBX, local netip.AddrPort) {
	t.Helper()
	for n := os.Getpid() % 250; ; n = (n + 1) % 250 {
		addr := func(host byte) netip.AddrPort {
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 63, byte(n), host}), 5060)
		}
		held, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr(250)))
		if err != nil {
			continue // another run has this network
		}
		t.Cleanup(func() { _ = held.Close() })
		local = addr(9)
		x, err = ipbx.Start(ipbx.Config{
			Name: "pbx", Addr: addr(1).String(), Releve: local, RTP: true, Service: []string{"5000"}, Extensions: []ipbx.Extension{{Pattern: "20??"}},
			Manners: phone.Manners{Codecs: []string{phone.ALaw, phone.MuLaw, phone.TelephoneEvent}, Date: true, SessionExpires: 30 * time.Minute, Refresher: "uas"},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = x.Close() })
		return x, local
	}
}

func inFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// answered is a file of answers that stand against nothing.
func answered(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, id := range text.AskedIDs() {
		answer := "oui"
		if id == text.AskAnalogue {
			answer = "non"
		}
		fmt.Fprintf(&b, "%s: %s\n", id, answer)
	}
	return inFile(t, "answers.yaml", b.String())
}

func TestPreflightByOptionsAlone(t *testing.T) {
	t.Parallel()
	x, local := studied(t)
	if err := x.SetQuirks("record-route-ignored"); err != nil {
		t.Fatal(err)
	}
	file := inFile(t, "releve.yaml", fmt.Sprintf(`site: "CH de Test"
level: base
listen: [{address: "udp://10.20.0.5:5060"}]
keys: {file: %[1]s/keys}
ipbx:
  - name: pbx # le nôtre
    address: "sip:%[2]s"
servers: [{name: vocal, role: primary, address: "sip:10.30.0.21:5062", lines: 8}]
store: {path: %[1]s}
`, t.TempDir(), x.Addr()))
	group := uint32(os.Getegid())
	if os.Geteuid() == 0 { // as the package installs it: root:releve
		group = 4242
	}
	if err := errors.Join(os.Chown(file, -1, int(group)), os.Chmod(file, 0o640)); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(file)
	page := filepath.Join(t.TempDir(), "etude.html")
	r := exec(t, "fr_FR.UTF-8", "", "faisabilite", "--ipbx", "sip:"+x.Addr().String(), "--local", local.String(), "--call-number", "5000",
		"--answers", answered(t), "--yes", "--report", page, "--write", file, "--site", "CH de Test", "-o", "json")
	var s preflight.Study
	if err := json.Unmarshal([]byte(r.out), &s); err != nil {
		t.Fatalf("%v: %s%s", err, r.out, r.err)
	}
	found := slices.ContainsFunc(s.Reasons, func(x preflight.Reason) bool { return x.Finding == text.StudyRecordRoute })
	if r.code != 1 || s.Verdict != preflight.Reservations || !found {
		t.Errorf("exit %d, %s, %v", r.code, s.Verdict, s.Reasons)
	}
	if s.Took > 5*time.Second {
		t.Logf("the study took %v", s.Took) // the machine is slow; the bar is the proof's
	}
	if raw, err := os.ReadFile(page); err != nil || !strings.Contains(string(raw), "CH de Test") || !strings.Contains(string(raw), "<html lang=\"fr\"") {
		t.Errorf("the page: %v", err)
	}
	raw, _ := os.ReadFile(file)
	if !strings.Contains(string(raw), "  - name: pbx # le nôtre\n") || !strings.Contains(string(raw), "    rewrite_contact: true\n") {
		t.Errorf("the file:\n%s", raw)
	}
	if st, _ := os.Stat(file); st.Sys().(*syscall.Stat_t).Gid != group || st.Mode().Perm() != 0o640 {
		t.Errorf("the service reads the file no more: %v, group %d", st.Mode(), st.Sys().(*syscall.Stat_t).Gid)
	}
	if was, err := os.ReadFile(file + ".bak"); err != nil || string(was) != string(before) {
		t.Errorf("what the file said is lost: %v", err)
	}
	if !strings.Contains(r.err, "+     rewrite_contact: true") {
		t.Errorf("the change was not shown:\n%s", r.err)
	}
}

// TestPreflightAsksBefore: without consent nobody is called, and nothing is written.
func TestPreflightAsksBefore(t *testing.T) {
	t.Parallel()
	x, local := studied(t)
	for _, typed := range []string{"", "non\n"} {
		r := exec(t, "en_GB.UTF-8", typed, "preflight", "--ipbx", "sip:"+x.Addr().String(), "--local", local.String(), "--call-number", "5000", "-o", "text")
		if x.Stats().Incoming != 0 {
			t.Fatal("somebody was called without consent")
		}
		if !strings.Contains(r.err, "dial 5000 through the IPBX") || !strings.Contains(r.out, "Nobody was called.") || r.code != 1 {
			t.Errorf("exit %d\n%s\n%s", r.code, r.err, r.out)
		}
	}
	r := exec(t, "en_GB.UTF-8", "yes\noui\nno\n", "preflight", "--ipbx", "sip:"+x.Addr().String(), "--local", local.String(), "--call-number", "5000")
	if x.Stats().Incoming == 0 || !strings.Contains(r.out, "GO") {
		t.Errorf("with consent nobody was called:\n%s%s", r.out, r.err)
	}
	if r.code != 2 || !strings.Contains(r.out, "no (no-go)") { // the second question: no licence
		t.Errorf("exit %d: the answers do not count:\n%s", r.code, r.out)
	}
}

func TestPreflightUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--primary", "10.0.0.1"},
		{"--ipbx", "sip:127.0.0.1:5999", "--call-number", "5000;x=y"},
		{"--ipbx", "sip:127.0.0.1:5999", "--register", "nobody"},
		{"--ipbx", "sip:127.0.0.1:5999", "--local", "here"},
		{"--ipbx", "sip:127.0.0.1:5999", "--wait", "3h"},
		{"--ipbx", "sip:127.0.0.1:5999", "--answers", inFile(t, "a.yaml", "antivrus: oui\n")},
		{"--ipbx", "sip:127.0.0.1:5999", "-o", "pdf"},
		{},
	} {
		if r := exec(t, "en_GB.UTF-8", "", append([]string{"preflight"}, args...)...); r.code != exitUsage || r.err == "" {
			t.Errorf("%v: exit %d, %q", args, r.code, r.err)
		}
	}
	// A port that another program reads at is not shared with it.
	held, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	r := exec(t, "en_GB.UTF-8", "", "preflight", "--ipbx", "sip:127.0.0.1:5999", "--local", held.LocalAddr().String())
	if r.code != 3 || !strings.Contains(r.err, "is taken") {
		t.Errorf("exit %d, %q", r.code, r.err)
	}
	// An address of another machine is no busy port.
	r = exec(t, "en_GB.UTF-8", "", "preflight", "--ipbx", "sip:127.0.0.1:5999", "--local", "198.51.100.77:5060")
	if r.code != 3 || !strings.Contains(r.err, "no address of this machine") {
		t.Errorf("exit %d, %q", r.code, r.err)
	}
}
