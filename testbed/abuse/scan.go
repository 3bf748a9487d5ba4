package abuse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// scanLimit bounds one run of a scanner: svcrack does not end by itself while
// something answers.
const scanLimit = 6 * time.Second

// tool runs a program of Debian's, to its end or to the limit, when it is ended
// by its pid, and returns what it printed. Its status is not looked at: scanners
// have their own ideas of it.
func tool(ctx context.Context, dir, name string, args ...string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%w: apt-get install sipvicious sipsak", err)
	}
	limit, cancel := context.WithTimeout(ctx, scanLimit)
	defer cancel()
	c := exec.CommandContext(limit, path, args...)
	c.Dir, c.Env = dir, []string{"HOME=" + dir, "PATH=/usr/bin:/bin", "LANG=C.UTF-8"}
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err = c.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) && limit.Err() == nil {
		return out.String(), fmt.Errorf("run %s: %w", name, err)
	}
	return out.String(), nil
}

// scannerAt is where Debian's svwar and svcrack send from, whatever -b says.
var scannerAt = netip.MustParseAddr("127.0.0.1")

// scan runs sipvicious: what is there, who is there, what a password is. 5001
// and 5002 are users of the site, 5000 its number; none of the others exists.
func scan(ctx context.Context, s *site) (sent int, err error) {
	releve := s.releve.Addr().String()
	for _, run := range [][]string{
		{"svmap", "-m", "OPTIONS"},
		{"svmap", "-m", "REGISTER"},
		{"svwar", "--force", "-m", "REGISTER", "-e", "4998-5003"},
		{"svwar", "--force", "-m", "OPTIONS", "-e", "4998-5003"},
		{"svcrack", "-u", "5001", "-r", "1-200"},
	} {
		if run[0] == "svmap" {
			run = append(run, "-b", scannerAt.String())
		}
		out, err := tool(ctx, s.dir, run[0], append(run[1:], releve)...)
		if err != nil {
			return sent, err
		}
		sent++
		if what := s.learned(run[0], out); what != "" {
			return sent, fmt.Errorf("%s learned %s:\n%s", strings.Join(run, " "), what, out)
		}
	}
	return sent, s.alike(ctx)
}

// learned is what a scanner found out; "": nothing.
func (s *site) learned(name, out string) string {
	silent := strings.Contains(out, "found nothing")
	switch {
	case name == "svmap" && silent == (s.known || s.refuse):
		return "something else than whether anybody is there"
	case name == "svmap" && !silent && !strings.Contains(out, "| unknown "):
		return "who we are"
	case strings.Contains(out, "exists"), strings.Contains(out, "| Extension"):
		return "who exists"
	case strings.Contains(out, "| Password"), strings.Contains(out, "password for"):
		return "a password"
	case strings.Contains(out, "Traceback"):
		return "nothing: it crashed, and proved nothing"
	}
	return ""
}

// alike asks for users that exist and for others, and compares the answers.
func (s *site) alike(ctx context.Context) error {
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(scannerAt, 0)))
	if err != nil {
		return err
	}
	defer c.Close()
	methods := []string{"REGISTER", "OPTIONS"}
	if !s.known { // those of an IPBX go on to the server, whose answers are its own
		methods = append(methods, "SUBSCRIBE", "MESSAGE")
	}
	for _, method := range methods {
		first := ""
		for i, user := range []string{"5001", "5002", "4999", "admin"} {
			if err := pause(ctx, 100*time.Millisecond); err != nil { // strangers are told only so many a second
				return err
			}
			got, err := s.ask(c, method, user)
			if err != nil {
				return err
			}
			if i == 0 {
				first = got
			}
			switch {
			case got != first:
				return fmt.Errorf("%s tells %s from 5001:\n%s\n%s", method, user, first, got)
			case (got == "") != !(s.known || s.refuse):
				return fmt.Errorf("%s for %s: answered %q", method, user, got)
			}
		}
	}
	return nil
}

// ask sends one request and returns the answer with what is its own taken out;
// "" when none came.
func (s *site) ask(c *net.UDPConn, method, user string) (string, error) {
	r := newRequest(method, "UDP", c.LocalAddr().(*net.UDPAddr).AddrPort(), s.releve, user)
	r.caller = user
	if method == "REGISTER" {
		r.uri = "sip:" + s.releve.Addr().String()
	}
	raw := r.bytes()
	if _, err := c.WriteToUDPAddrPort(raw, s.releve); err != nil {
		return "", err
	}
	_ = c.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
	buf := make([]byte, 4096)
	n, _, err := c.ReadFromUDPAddrPort(buf)
	if err != nil {
		return "", nil // silence
	}
	got := string(buf[:n])
	m, err := parseDatagram(buf[:n])
	if err != nil {
		return "", err
	}
	for _, name := range []string{"Server", "User-Agent"} {
		if v := m.value(name); v != "" {
			return "", fmt.Errorf("%s is answered with %s: %s", method, name, v)
		}
	}
	_, tag, _ := strings.Cut(m.value("To"), "tag=")
	for _, own := range []string{r.callID, r.branch, r.fromTag, tag, user} {
		if own != "" {
			got = strings.ReplaceAll(got, own, "*")
		}
	}
	return got, nil
}

// sipsak floods Relève with the real tool's OPTIONS, as a stranger.
func sipsak(ctx context.Context, s *site) (sent int, err error) {
	if _, err := tool(ctx, s.dir, "sipsak", "-F", "-s", "sip:"+service+"@"+s.releve.String()); err != nil {
		return 0, err
	}
	_, err = tool(ctx, s.dir, "sipsak", "-R", "-s", "sip:"+service+"@"+s.releve.String())
	return 2, err
}
