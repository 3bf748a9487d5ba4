// Package postfix starts a mail server of its own for a test: Debian's postfix
// with its own configuration, queue and mailboxes in a new folder, on free ports
// of one loopback address: STARTTLS on the first, TLS from the beginning on the
// second, and, with users, one for each way that sites protect their relay with a
// password (Service). It sends nothing to anybody: what it takes, it keeps.
//
//	Start ─► Mails … ─► Stop
//
// It must be started by root, as postfix must. Server is used by one goroutine.
package postfix

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/mail"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Config of a Server.
type Config struct {
	Address     string // an address of 127.0.0.0/8
	Certificate string // PEM files
	Key         string
	Domain      string   // what it takes mail for
	Mailboxes   []string // left sides of the addresses that exist in Domain
	Later       []string // left sides that are refused for now (450)
	Policy      string   // host:port of a policy service, asked at RCPT TO of each recipient; "": none

	// Users who may send through the services with a password, and their
	// passwords: Debian's Cyrus SASL checks them.
	Users map[string]string
}

// Server is a running postfix.
type Server struct {
	SMTP  string // host:port, STARTTLS offered
	SMTPS string // host:port, TLS from the beginning

	Services map[Service]string // host:port of each, when there are users

	dir       string
	cmd       *exec.Cmd
	done      chan struct{}
	passwords net.Listener // nil: no users
}

// startLimit bounds how long it may take to answer.
const startLimit = 3 * time.Minute

// Start writes the configuration, starts postfix and waits until it answers.
func Start(ctx context.Context, c Config) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	program, err := exec.LookPath("/usr/sbin/postfix")
	if err != nil {
		return nil, errors.New("no postfix: install it (bash testbed/install.sh postfix)")
	}
	if os.Getuid() != 0 {
		return nil, errors.New("postfix is started by root alone: run this test as root")
	}
	s := &Server{}
	if s.dir, err = os.MkdirTemp("", "releve-postfix-"); err != nil {
		return nil, err
	}
	if err := s.write(c); err != nil {
		s.Stop()
		return nil, err
	}
	if err := s.run(ctx, program); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

const mainForm = `compatibility_level = 3.6
queue_directory = @DIR@/queue
data_directory = @DIR@/data
maillog_file = @DIR@/log/postfix.log
maillog_file_prefixes = @DIR@/log
import_environment = MAIL_CONFIG
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = mail.@DOMAIN@
mydestination =
local_recipient_maps =
alias_maps =
default_transport = error:nothing leaves this server
relay_transport = error:nothing leaves this server
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = @DOMAIN@
virtual_mailbox_base = @DIR@/mail
virtual_mailbox_maps = texthash:@DIR@/etc/mailboxes
virtual_uid_maps = static:@UID@
virtual_gid_maps = static:@GID@
virtual_minimum_uid = 1
smtpd_recipient_restrictions = check_recipient_access texthash:@DIR@/etc/later, @POLICY@permit_mynetworks, reject
smtpd_tls_cert_file = @CERTIFICATE@
smtpd_tls_key_file = @KEY@
smtpd_tls_security_level = may
smtpd_tls_session_cache_database =
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
smtp_host_lookup = native
`

const masterForm = `@ADDRESS@:@SMTPPORT@ inet n - n - - smtpd
@ADDRESS@:@SMTPSPORT@ inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
`

// write makes the folder: etc, queue, data, mail.
func (s *Server) write(c Config) error {
	owner, err := user.Lookup("postfix")
	if err != nil {
		return fmt.Errorf("find postfix' own user: %w", err)
	}
	uid, _ := strconv.Atoi(owner.Uid)
	gid, _ := strconv.Atoi(owner.Gid)
	if err := os.Chmod(s.dir, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"etc", "etc/sasl", "queue", "data", "mail", "log"} {
		if err := os.Mkdir(filepath.Join(s.dir, name), 0o755); err != nil {
			return err
		}
	}
	for _, name := range []string{"data", "mail"} {
		if err := os.Chown(filepath.Join(s.dir, name), uid, gid); err != nil {
			return err
		}
	}
	ports, err := freePorts(c.Address, 2+len(services))
	if err != nil {
		return err
	}
	policy := ""
	if c.Policy != "" {
		policy = "check_policy_service inet:" + c.Policy + ", "
	}
	s.SMTP, s.SMTPS = net.JoinHostPort(c.Address, ports[0]), net.JoinHostPort(c.Address, ports[1])
	fill := strings.NewReplacer("@DIR@", s.dir, "@ADDRESS@", c.Address, "@DOMAIN@", c.Domain, "@UID@", owner.Uid, "@GID@", owner.Gid,
		"@CERTIFICATE@", c.Certificate, "@KEY@", c.Key, "@SMTPPORT@", ports[0], "@SMTPSPORT@", ports[1], "@POLICY@", policy)
	var mailboxes, later strings.Builder
	for _, m := range c.Mailboxes {
		fmt.Fprintf(&mailboxes, "%s@%s %s/\n", m, c.Domain, m)
	}
	for _, m := range c.Later {
		fmt.Fprintf(&later, "%s@%s 450 4.2.0 come back later\n", m, c.Domain)
	}
	for name, content := range map[string]string{
		"main.cf": fill.Replace(mainForm), "master.cf": fill.Replace(masterForm) + s.guarded(c, ports[2:]), "mailboxes": mailboxes.String(), "later": later.String(),
	} {
		if err := os.WriteFile(filepath.Join(s.dir, "etc", name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return s.users(c, gid)
}

// run starts the master in the foreground and waits for its greeting.
func (s *Server) run(ctx context.Context, program string) error {
	s.cmd = exec.Command(program, "-c", filepath.Join(s.dir, "etc"), "start-fg")
	out, err := os.Create(filepath.Join(s.dir, "log", "start"))
	if err != nil {
		return err
	}
	defer out.Close()
	s.cmd.Stdout, s.cmd.Stderr = out, out
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.done = make(chan struct{})
	go func() { defer close(s.done); _ = s.cmd.Wait() }()
	for {
		if s.greets(ctx) {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-s.done:
			return fmt.Errorf("postfix ended at once:\n%s", s.Log())
		case <-ctx.Done():
			return fmt.Errorf("postfix did not answer: %w\n%s", ctx.Err(), s.Log())
		}
	}
}

func (s *Server) greets(ctx context.Context) bool {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", s.SMTP)
	if err != nil {
		return false
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	line, err := bufio.NewReader(c).ReadString('\n')
	_, _ = io.WriteString(c, "QUIT\r\n")
	return err == nil && strings.HasPrefix(line, "220 ")
}

// Log is what postfix wrote.
func (s *Server) Log() string {
	start, _ := os.ReadFile(filepath.Join(s.dir, "log", "start"))
	log, _ := os.ReadFile(filepath.Join(s.dir, "log", "postfix.log"))
	return string(start) + string(log)
}

// Mail is one message in a mailbox.
type Mail struct {
	Header mail.Header
	Body   string // as it was sent: its transfer encoding is not undone
}

// Mails are what a mailbox holds, in the order they were delivered.
func (s *Server) Mails(mailbox string) ([]Mail, error) {
	var out []Mail
	paths, err := filepath.Glob(filepath.Join(s.dir, "mail", mailbox, "new", "*"))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(paths, byDelivery)
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		m, err := mail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			return nil, fmt.Errorf("read a mail of %s: %w\n%s", mailbox, err, raw)
		}
		body, err := io.ReadAll(m.Body)
		if err != nil {
			return nil, err
		}
		out = append(out, Mail{m.Header, string(body)})
	}
	return out, nil
}

// byDelivery compares two files of a maildir by when they were written.
func byDelivery(a, b string) int {
	at := func(path string) time.Time {
		info, err := os.Stat(path)
		if err != nil {
			return time.Time{}
		}
		return info.ModTime()
	}
	return at(a).Compare(at(b))
}

// Stop ends postfix and removes its folder.
func (s *Server) Stop() {
	if s.cmd != nil && s.cmd.Process != nil {
		s.signal(syscall.SIGTERM)
		select {
		case <-s.done:
		case <-time.After(10 * time.Second):
			s.signal(syscall.SIGKILL)
			_ = s.cmd.Process.Kill()
			<-s.done
		}
	}
	if s.passwords != nil {
		_ = s.passwords.Close()
	}
	_ = os.RemoveAll(s.dir)
}

// signal reaches the master, which the starter may have left: its own file says
// who it is.
func (s *Server) signal(sig syscall.Signal) {
	raw, err := os.ReadFile(filepath.Join(s.dir, "queue", "pid", "master.pid"))
	if pid, perr := strconv.Atoi(strings.TrimSpace(string(raw))); err == nil && perr == nil && pid > 1 {
		_ = syscall.Kill(-pid, sig) // its daemons, too
		_ = syscall.Kill(pid, sig)
		return
	}
	_ = s.cmd.Process.Signal(sig)
}

func freePorts(address string, n int) ([]string, error) {
	var ports []string
	for range n {
		l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
		if err != nil {
			return nil, err
		}
		defer l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		ports = append(ports, port)
	}
	return ports, nil
}
