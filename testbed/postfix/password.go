package postfix

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Service is a port on which nobody sends without a password.
type Service string

// The services: what each offers, and when.
const (
	Plain   Service = "plain"   // AUTH PLAIN, after STARTTLS alone
	Login   Service = "login"   // AUTH LOGIN, after STARTTLS alone
	Both    Service = "both"    // PLAIN LOGIN, with TLS from the beginning (port 465 of sites)
	Cram    Service = "cram"    // CRAM-MD5, without TLS
	Scram   Service = "scram"   // SCRAM-SHA-256 and the others, after STARTTLS alone
	Behind  Service = "behind"  // offers every way after STARTTLS, and can check PLAIN and LOGIN alone, by saslauthd
	InClear Service = "inclear" // PLAIN, without TLS
	Small   Service = "small"   // no password, no TLS, messages of 2000 bytes at most, names in EHLO fully qualified
)

// service is what Postfix and Cyrus SASL are told of one.
type service struct {
	name    Service
	ways    string // of Cyrus; "": nobody is asked for a password
	checker string
	options string
}

const (
	afterTLS = " -o smtpd_tls_auth_only=yes"
	noTLS    = " -o smtpd_tls_security_level=none"
)

var services = []service{
	{Plain, "PLAIN", "auxprop", afterTLS},
	{Login, "LOGIN", "auxprop", afterTLS},
	{Both, "PLAIN LOGIN", "auxprop", " -o smtpd_tls_wrappermode=yes"},
	{Cram, "CRAM-MD5", "auxprop", noTLS},
	{Scram, "SCRAM-SHA-256 PLAIN LOGIN", "auxprop", afterTLS},
	{Behind, "SCRAM-SHA-256 CRAM-MD5 PLAIN LOGIN", "saslauthd", afterTLS},
	{InClear, "PLAIN", "auxprop", noTLS},
	{Small, "", "", noTLS + " -o message_size_limit=2000 -o smtpd_helo_required=yes" +
		" -o smtpd_helo_restrictions=reject_invalid_helo_hostname,reject_non_fqdn_helo_hostname"},
}

// guarded are the lines of master.cf for the services.
func (s *Server) guarded(c Config, ports []string) string {
	if len(c.Users) == 0 {
		return ""
	}
	s.Services = map[Service]string{}
	var b strings.Builder
	for i, x := range services {
		s.Services[x.name] = net.JoinHostPort(c.Address, ports[i])
		fmt.Fprintf(&b, "%s inet n - n - - smtpd%s", s.Services[x.name], x.options)
		if x.ways != "" {
			fmt.Fprintf(&b, " -o smtpd_sasl_auth_enable=yes -o smtpd_sasl_path=%s -o smtpd_sasl_local_domain=%s"+
				" -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject", x.name, c.Domain)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// users writes the passwords (sasldb) and what Cyrus SASL is told of each
// service.
func (s *Server) users(c Config, gid int) error {
	if len(c.Users) == 0 {
		return nil
	}
	program, err := exec.LookPath("/usr/sbin/saslpasswd2")
	if err != nil {
		return errors.New("no saslpasswd2: install it (bash testbed/install.sh sasl2-bin libsasl2-modules)")
	}
	base := filepath.Join(s.dir, "etc", "sasldb")
	for name, password := range c.Users {
		name, domain, ok := strings.Cut(name, "@")
		if !ok {
			domain = c.Domain
		}
		cmd := exec.Command(program, "-p", "-c", "-f", base, "-u", domain, name)
		cmd.Stdin = strings.NewReader(password)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("saslpasswd2: %w: %s", err, out)
		}
	}
	if err := os.Chown(base, 0, gid); err != nil {
		return err
	}
	if err := os.Chmod(base, 0o640); err != nil {
		return err
	}
	if err := s.serveDirectory(c); err != nil {
		return err
	}
	for _, x := range services {
		conf := fmt.Sprintf("pwcheck_method: %s\nauxprop_plugin: sasldb\nsasldb_path: %s\nmech_list: %s\nsaslauthd_path: %s\nlog_level: 3\n",
			x.checker, base, x.ways, s.directory())
		if x.checker == "saslauthd" {
			conf = strings.Replace(conf, base, filepath.Join(s.dir, "none"), 1)
		}
		if err := os.WriteFile(filepath.Join(s.dir, "etc", "sasl", string(x.name)+".conf"), []byte(conf), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) directory() string { return filepath.Join(s.dir, "mail", "mux") }

// serveDirectory is the password daemon of a site whose passwords lie in a
// directory: it speaks as saslauthd does (four counted strings, one back), and
// knows the users.
func (s *Server) serveDirectory(c Config) error {
	l, err := net.Listen("unix", s.directory())
	if err != nil {
		return err
	}
	s.passwords = l
	if err := os.Chmod(s.directory(), 0o666); err != nil {
		return err
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go checkPassword(conn, c.Users)
		}
	}()
	return nil
}

func checkPassword(conn net.Conn, users map[string]string) {
	defer conn.Close()
	var asked [4]string // user, password, service, realm
	for i := range asked {
		var size uint16
		if binary.Read(conn, binary.BigEndian, &size) != nil {
			return
		}
		raw := make([]byte, size)
		if _, err := io.ReadFull(conn, raw); err != nil {
			return
		}
		asked[i] = string(raw)
	}
	answer := "NO"
	if want, ok := users[asked[0]]; ok && want == asked[1] {
		answer = "OK"
	}
	_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
}
