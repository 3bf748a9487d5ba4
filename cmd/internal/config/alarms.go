package config

import (
	"crypto/x509"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"releve/cmd/internal/text"
	"releve/health/alarm"
)

// Alarms is who is told of alarms, and how.
type Alarms struct {
	Remind time.Duration // 0 (never) or 5 min–24 h, 1 h: what is critical or major and not acknowledged is told again
	Delay  time.Duration // 0–5 min, 5 s: what is minor or less must stand so long before it is told
	Mail   Mail
	Hooks  Hooks

	SNMP     SNMP
	Webhooks []Webhook
	Syslogs  []Syslog
}

// Mail is the relay and the recipients; the zero Mail sends none.
type Mail struct {
	SMTP       string   // host:port of the relay
	From       string   // address
	To         []string // addresses, told all that is at least Least
	UrgentTo   []string // addresses, told night calls alone
	Security   string   // tls: none, opportunistic, starttls or implicit
	Username   string   // "": no authentication
	Password   Secret
	CA         string         // PEM file of who signs the relay's certificate; "": the system's
	ServerName string         // in the relay's certificate; "": the host of SMTP
	Hello      string         // our name in EHLO; "": the machine's when it is fully qualified, else its address
	Least      alarm.Severity // min_severity, warning
	Gather     time.Duration  // 0–1 min, 2 s: what happens within it goes in one mail
	Rate       int            // 1–1000, 20: mails to one recipient in ten minutes, then one digest
}

// Hooks are the programs of a directory; the zero Hooks run none.
type Hooks struct {
	Dir        string        // each executable file in it is run for each notice
	Timeout    time.Duration // 100 ms–1 min, 10 s
	Least      alarm.Severity
	UrgentOnly bool // night calls alone
}

// maxRecipients and maxHooks bound the receivers; our choice.
const (
	maxRecipients = 20
	maxHooks      = 10
)

func defaultAlarms() Alarms {
	return Alarms{
		Remind: time.Hour, Delay: 5 * time.Second,
		Mail:  Mail{Least: alarm.Warning, Gather: 2 * time.Second, Rate: 20},
		Hooks: Hooks{Timeout: 10 * time.Second, Least: alarm.Warning},
		SNMP:  SNMP{Auth: "SHA256", Priv: "AES", Least: alarm.Indeterminate},
	}
}

// settle gives what depends on another key: a password never travels in clear,
// and port 465 is TLS from the beginning (RFC 8314 §7.3).
func (m *Mail) settle() {
	switch {
	case m.Security != "" || m.SMTP == "":
	case strings.HasSuffix(m.SMTP, ":465"):
		m.Security = "implicit"
	case m.Username != "":
		m.Security = "starttls"
	default:
		m.Security = "opportunistic"
	}
}

func (r *reader) alarms(a *Alarms) take {
	return func(n *yaml.Node, path string) {
		r.mapping(n, path,
			field{"remind", r.remind(&a.Remind)},
			field{"delay", r.duration(&a.Delay, 0, 5*time.Minute)},
			field{"mail", r.mail(&a.Mail)},
			field{"hooks", r.hooks(&a.Hooks)},
			field{"snmp", r.snmp(&a.SNMP)},
			field{"webhook", r.webhooks(&a.Webhooks)},
			field{"syslog", r.syslogs(&a.Syslogs)},
		)
	}
}

// remind takes 0 for never.
func (r *reader) remind(dst *time.Duration) take {
	return func(n *yaml.Node, path string) {
		if d, err := time.ParseDuration(n.Value); err == nil && d == 0 {
			*dst = 0
			return
		}
		r.duration(dst, 5*time.Minute, 24*time.Hour)(n, path)
	}
}

// severity reads min_severity.
func (r *reader) severity(dst *alarm.Severity) take {
	return oneOf(r, dst, word[alarm.Severity]{name: "critical", value: alarm.Critical},
		word[alarm.Severity]{name: "major", value: alarm.Major}, word[alarm.Severity]{name: "minor", value: alarm.Minor},
		word[alarm.Severity]{name: "warning", value: alarm.Warning}, word[alarm.Severity]{name: "indeterminate", value: alarm.Indeterminate})
}

func (r *reader) mail(m *Mail) take {
	return func(n *yaml.Node, path string) {
		r.mapping(n, path,
			field{"smtp", r.hostPort(&m.SMTP)},
			field{"from", r.mailbox(&m.From)},
			field{"to", r.mailboxes(&m.To)},
			field{"urgent_to", r.mailboxes(&m.UrgentTo)},
			field{"tls", oneOf(r, &m.Security, plain("none", "opportunistic", "starttls", "implicit")...)},
			field{"username", r.str(&m.Username)},
			field{"password", r.inlineSecret()},
			field{"password_file", r.path(&m.Password.File)},
			field{"password_env", r.str(&m.Password.Env)},
			field{"ca_file", r.path(&m.CA)},
			field{"server_name", r.str(&m.ServerName)},
			field{"hello", r.helloName(&m.Hello)},
			field{"min_severity", r.severity(&m.Least)},
			field{"gather", r.duration(&m.Gather, 0, time.Minute)},
			field{"rate", r.whole(&m.Rate, 1, 1000)},
		)
	}
}

func (r *reader) hooks(h *Hooks) take {
	return func(n *yaml.Node, path string) {
		r.mapping(n, path,
			field{"dir", r.path(&h.Dir)},
			field{"timeout", r.duration(&h.Timeout, 100*time.Millisecond, time.Minute)},
			field{"min_severity", r.severity(&h.Least)},
			field{"urgent_only", r.boolean(&h.UrgentOnly)},
		)
	}
}

// hostPort reads host:port; the host is a name or an IP address.
func (r *reader) hostPort(dst *string) take {
	return func(n *yaml.Node, path string) {
		s, ok := r.scalar(n, path)
		if !ok {
			return
		}
		host, port, err := net.SplitHostPort(s)
		number, perr := strconv.ParseUint(port, 10, 16)
		_, aerr := netip.ParseAddr(host)
		if err != nil || perr != nil || number == 0 || aerr != nil && !plainName(host) {
			r.fault(n, path, CodeHostPort, r.say.ConfigHostPort(path, s))
			return
		}
		*dst = s
	}
}

// helloName reads a host name, or an address literal (RFC 5321 §4.1.3).
func (r *reader) helloName(dst *string) take {
	return func(n *yaml.Node, path string) {
		s, ok := r.scalar(n, path)
		if ok && !plainName(s) && !(strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]")) {
			r.fault(n, path, CodeHost, r.say.ConfigBadName(path, s))
			return
		}
		if ok {
			*dst = s
		}
	}
}

// mailForm accepts the addresses that sites use: no quotes, no comments, ASCII
// (RFC 5321 §4.1.2, Dot-string).
var mailForm = regexp.MustCompile(`^[A-Za-z0-9!#$%&'*+/=?^_{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_{|}~-]+)*@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)

func (r *reader) mailbox(dst *string) take {
	return func(n *yaml.Node, path string) {
		s, ok := r.scalar(n, path)
		if !ok {
			return
		}
		if len(s) > 254 || strings.IndexByte(s, '@') > 64 || !mailForm.MatchString(s) {
			r.fault(n, path, CodeMailbox, r.say.ConfigMailbox(path, s))
			return
		}
		*dst = s
	}
}

func (r *reader) mailboxes(dst *[]string) take {
	return func(n *yaml.Node, path string) {
		*dst = nil
		r.list(n, path, maxRecipients, func(e *yaml.Node, at string) {
			s := ""
			if r.mailbox(&s)(e, at); s != "" && !slices.Contains(*dst, s) {
				*dst = append(*dst, s)
			}
		})
	}
}

// mail: a relay needs an address of ours and somebody to write to.
func (k *checker) mail() {
	m := &k.Alarms.Mail
	if m.SMTP == "" && m.From == "" && len(m.To)+len(m.UrgentTo) == 0 {
		return
	}
	k.need(m.SMTP == "", "alarms.mail.smtp")
	k.need(m.From == "", "alarms.mail.from")
	k.need(len(m.To)+len(m.UrgentTo) == 0, "alarms.mail.to")
	if (m.Username != "") != m.Password.Given() && k.sound("alarms.mail.password", "alarms.mail.username") {
		k.need(true, map[bool]string{true: "alarms.mail.username", false: "alarms.mail.password_file"}[m.Username == ""])
	}
	if m.Password.Given() {
		k.secret(&m.Password, "alarms.mail")
	}
	if m.Username != "" && (m.Security == "none" || m.Security == "opportunistic") {
		k.fault("alarms.mail.tls", CodeClearPassword, k.say.ConfigClearPassword("alarms.mail.tls"))
	}
	if raw, ok := k.pem("alarms.mail.ca_file", m.CA); ok && !x509.NewCertPool().AppendCertsFromPEM(raw) {
		k.fault("alarms.mail.ca_file", CodeTLSFile, k.say.ConfigNoCertificate("alarms.mail.ca_file", m.CA))
	}
}

// hooks: the directory is there, what is in it can be run, and nobody but its
// owner can put something else in its place: the supervision may be in the group.
func (k *checker) hooks() {
	h := &k.Alarms.Hooks
	const at = "alarms.hooks.dir"
	if h.Dir == "" || !k.sound(at) {
		return
	}
	info, err := os.Stat(h.Dir)
	if err == nil && !info.IsDir() {
		err = os.ErrInvalid
	}
	if err != nil {
		k.fault(at, CodeHook, k.say.ConfigHookDir(h.Dir, k.say.Cause(plainCause(err))))
		return
	}
	if info.Mode().Perm()&0o022 != 0 {
		k.fault(at, CodeHookOpen, k.say.ConfigHookOpen(h.Dir))
	}
	programs, idle, err := h.read()
	if err != nil {
		k.fault(at, CodeHook, k.say.ConfigHookDir(h.Dir, k.say.Cause(plainCause(err))))
		return
	}
	for _, name := range idle {
		k.advise(at, CodeHookIdle, k.say.ConfigHookIdle(filepath.Join(h.Dir, name)))
	}
	for _, p := range programs {
		if info, err := os.Stat(p); err == nil && info.Mode().Perm()&0o022 != 0 {
			k.fault(at, CodeHookOpen, k.say.ConfigHookOpen(p))
		}
	}
	switch {
	case len(programs) > maxHooks:
		k.fault(at, CodeTooMany, k.say.ConfigTooMany(at, maxHooks))
	case len(programs) == 0:
		k.fault(at, CodeHook, k.say.ConfigNoHook(h.Dir))
	}
}

// Programs are the programs of the directory, by name.
func (h *Hooks) Programs() ([]string, error) {
	if h.Dir == "" {
		return nil, nil
	}
	programs, _, err := h.read()
	return programs[:min(len(programs), maxHooks)], err
}

// read finds what is executable, and what looks like a program and is not. What
// editors and packages leave behind is passed over.
func (h *Hooks) read() (programs, idle []string, err error) {
	entries, err := os.ReadDir(h.Dir)
	for _, e := range entries {
		name := e.Name()
		info, serr := os.Stat(filepath.Join(h.Dir, name))
		if strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") || strings.Contains(name, ".dpkg-") ||
			serr == nil && info.IsDir() || strings.HasPrefix(strings.ToUpper(name), "README") {
			continue
		}
		if serr != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
			idle = append(idle, name)
			continue
		}
		programs = append(programs, filepath.Join(h.Dir, name))
	}
	return programs, idle, err
}

func (a *Alarms) tree() *yaml.Node {
	p := newPairs()
	p.plain("remind", text.Short(a.Remind))
	p.plain("delay", text.Short(a.Delay))
	if a.Mail.SMTP != "" {
		p.put("mail", a.Mail.tree())
	}
	if h := a.Hooks; h.Dir != "" {
		one := newPairs()
		one.plain("dir", h.Dir)
		one.plain("timeout", text.Short(h.Timeout))
		one.plain("min_severity", string(h.Least))
		one.plain("urgent_only", strconv.FormatBool(h.UrgentOnly))
		p.put("hooks", one.node)
	}
	if len(a.SNMP.Targets) > 0 {
		p.put("snmp", a.SNMP.tree())
	}
	p.put("webhook", listNode(each(a.Webhooks, Webhook.tree), false))
	p.put("syslog", listNode(each(a.Syslogs, Syslog.tree), false))
	return p.node
}

func (m *Mail) tree() *yaml.Node {
	p := newPairs()
	p.quoted("smtp", m.SMTP)
	p.quoted("from", m.From)
	p.put("to", listNode(each(m.To, quotedNode), true))
	p.put("urgent_to", listNode(each(m.UrgentTo, quotedNode), true))
	p.plain("tls", m.Security)
	p.quoted("username", m.Username)
	if m.Password.Given() {
		p.quoted("password", stars)
	}
	p.plain("password_file", m.Password.File)
	p.plain("password_env", m.Password.Env)
	p.plain("ca_file", m.CA)
	p.quoted("server_name", m.ServerName)
	p.quoted("hello", m.Hello)
	p.plain("min_severity", string(m.Least))
	p.plain("gather", text.Short(m.Gather))
	p.number("rate", m.Rate)
	return p.node
}
