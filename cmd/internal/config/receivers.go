package config

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"releve/cmd/internal/text"
	"releve/health/alarm"
	"releve/health/notify/snmp"
	"releve/health/notify/syslog"
	"releve/health/notify/webhook"
)

// SNMP is the supervisors that take traps; the zero SNMP sends none.
type SNMP struct {
	Version      string   // 2c or 3
	Targets      []string // host:port
	Community    Secret   // of 2c
	User         string   // of 3
	Auth         string   // protocol; SHA256
	AuthPassword Secret
	Priv         string // protocol; AES
	PrivPassword Secret
	EngineID     string // hexadecimal; "": one is made and kept
	Enterprise   string // object identifier of RELEVE-MIB; "": that of the playpen
	UTF8         bool   // ascii: false
	Inform       bool   // each is to be confirmed
	Least        alarm.Severity
	UrgentOnly   bool
}

// Webhook is one address that notices are posted to.
type Webhook struct {
	URL        string
	URLSecret  Secret // url_file or url_env, when the address itself is a secret
	Secret     Secret // of the signature
	Timeout    time.Duration
	CA         string // PEM file; "": the system's
	Least      alarm.Severity
	UrgentOnly bool
}

// Address is where to post, wherever it was written.
func (w *Webhook) Address() string {
	if w.URL != "" {
		return w.URL
	}
	return w.URLSecret.Value()
}

// Syslog is one collector.
type Syslog struct {
	Transport   string // udp, tcp or tls
	Address     string // host:port
	Facility    string
	SDID        string // of the structured data; "": syslog.DefaultSDID
	CA          string // PEM file; "": the system's
	Certificate string // PEM files: ours, where the collector wants one
	Key         string
	ServerName  string // in the collector's certificate; "": the host of Address
	Least       alarm.Severity
	UrgentOnly  bool
}

// minHookSecret bounds the secret of a signature from below, in bytes: RFC 2104
// §3 wants it as long as the hash, our choice is what people manage to type.
const minHookSecret = 16

func (r *reader) snmp(s *SNMP) take {
	return func(n *yaml.Node, path string) {
		r.mapping(n, path,
			field{"version", oneOf(r, &s.Version, plain("2c", "3")...)},
			field{"targets", r.hostPorts(&s.Targets)},
			field{"community", r.inlineSecret()},
			field{"community_file", r.path(&s.Community.File)},
			field{"community_env", r.str(&s.Community.Env)},
			field{"user", r.str(&s.User)},
			field{"auth", oneOf(r, &s.Auth, plain(snmp.AuthNames()...)...)},
			field{"auth_password", r.inlineSecret()},
			field{"auth_password_file", r.path(&s.AuthPassword.File)},
			field{"auth_password_env", r.str(&s.AuthPassword.Env)},
			field{"priv", oneOf(r, &s.Priv, plain(snmp.PrivNames()...)...)},
			field{"priv_password", r.inlineSecret()},
			field{"priv_password_file", r.path(&s.PrivPassword.File)},
			field{"priv_password_env", r.str(&s.PrivPassword.Env)},
			field{"engine_id", r.str(&s.EngineID)},
			field{"enterprise", r.str(&s.Enterprise)},
			field{"ascii", r.negated(&s.UTF8)},
			field{"inform", r.boolean(&s.Inform)},
			field{"min_severity", r.severity(&s.Least)},
			field{"urgent_only", r.boolean(&s.UrgentOnly)},
		)
	}
}

// negated reads the opposite of dst.
func (r *reader) negated(dst *bool) take {
	return func(n *yaml.Node, path string) {
		v := !*dst
		r.boolean(&v)(n, path)
		*dst = !v
	}
}

func (r *reader) hostPorts(dst *[]string) take {
	return func(n *yaml.Node, path string) {
		*dst = nil
		r.list(n, path, maxRecipients, func(e *yaml.Node, at string) {
			s := ""
			if r.hostPort(&s)(e, at); s != "" && !slices.Contains(*dst, s) {
				*dst = append(*dst, s)
			}
		})
	}
}

func (r *reader) webhooks(dst *[]Webhook) take {
	return func(n *yaml.Node, path string) {
		*dst = nil
		r.list(n, path, maxRecipients, func(e *yaml.Node, at string) {
			w := Webhook{Timeout: 5 * time.Second, Least: alarm.Warning}
			r.mapping(e, at,
				field{"url", r.str(&w.URL)},
				field{"url_file", r.path(&w.URLSecret.File)},
				field{"url_env", r.str(&w.URLSecret.Env)},
				field{"secret", r.inlineSecret()},
				field{"secret_file", r.path(&w.Secret.File)},
				field{"secret_env", r.str(&w.Secret.Env)},
				field{"timeout", r.duration(&w.Timeout, 100*time.Millisecond, time.Minute)},
				field{"ca_file", r.path(&w.CA)},
				field{"min_severity", r.severity(&w.Least)},
				field{"urgent_only", r.boolean(&w.UrgentOnly)},
			)
			*dst = append(*dst, w)
		})
	}
}

func (r *reader) syslogs(dst *[]Syslog) take {
	return func(n *yaml.Node, path string) {
		*dst = nil
		r.list(n, path, maxRecipients, func(e *yaml.Node, at string) {
			s := Syslog{Facility: "local3", Least: alarm.Indeterminate}
			r.mapping(e, at,
				field{"address", r.collector(&s)},
				field{"facility", oneOf(r, &s.Facility, plain(syslog.Facilities()...)...)},
				field{"sd_id", r.str(&s.SDID)},
				field{"ca_file", r.path(&s.CA)},
				field{"certificate", r.path(&s.Certificate)},
				field{"key", r.path(&s.Key)},
				field{"server_name", r.str(&s.ServerName)},
				field{"min_severity", r.severity(&s.Least)},
				field{"urgent_only", r.boolean(&s.UrgentOnly)},
			)
			*dst = append(*dst, s)
		})
	}
}

// collector reads udp://host:port, tcp:// or tls://.
func (r *reader) collector(s *Syslog) take {
	return func(n *yaml.Node, path string) {
		v, ok := r.scalar(n, path)
		if !ok {
			return
		}
		transport, rest, _ := strings.Cut(v, "://")
		if !slices.Contains([]string{syslog.UDP, syslog.TCP, syslog.TLS}, transport) {
			r.fault(n, path, CodeHostPort, r.say.ConfigCollector(path, v))
			return
		}
		plain := *n
		plain.Value = rest
		if r.hostPort(&s.Address)(&plain, path); s.Address != "" {
			s.Transport = transport
		}
	}
}

// snmp: what each version needs, and nothing of the other.
func (k *checker) snmp() {
	s := &k.Alarms.SNMP
	const at = "alarms.snmp"
	if s.Version == "" && len(s.Targets) == 0 && s.User == "" && !s.Community.Given() {
		return
	}
	k.need(s.Version == "", at+".version")
	k.need(len(s.Targets) == 0, at+".targets")
	if s.Enterprise != "" && snmp.CheckRoot(s.Enterprise) != nil {
		k.fault(at+".enterprise", CodeOID, k.say.ConfigOID(at+".enterprise", s.Enterprise))
	}
	if _, err := snmp.ParseEngineID(s.EngineID); s.EngineID != "" && err != nil {
		k.fault(at+".engine_id", CodeEngineID, k.say.ConfigEngineID(at+".engine_id", s.EngineID))
	}
	switch s.Version {
	case "2c":
		k.secretAt(&s.Community, at+".community", at+".community_file", at+".community_env")
		k.atMost(at+".community_file", s.Community.value, snmp.MaxCommunity)
		k.unused(s.User != "", at+".user", "2c")
		k.unused(s.AuthPassword.Given(), at+".auth_password_file", "2c")
		k.unused(s.PrivPassword.Given(), at+".priv_password_file", "2c")
	case "3":
		k.unused(s.Community.Given(), at+".community_file", "3")
		k.need(s.User == "", at+".user")
		k.atMost(at+".user", s.User, snmp.MaxUser)
		k.snmpPassword(&s.AuthPassword, at+".auth_password")
		k.snmpPassword(&s.PrivPassword, at+".priv_password")
		k.need(s.PrivPassword.Given() && !s.AuthPassword.Given(), at+".auth_password_file")
	}
}

// snmpPassword: RFC 3414 §11.2 wants eight characters.
func (k *checker) snmpPassword(s *Secret, path string) {
	if !s.Given() {
		return
	}
	k.secretAt(s, path, path+"_file", path+"_env")
	if v := s.value; v != "" && len(v) < snmp.MinPassword {
		k.fault(path+"_file", CodeShortSecret, k.say.ConfigShortSecret(path, snmp.MinPassword))
	}
}

func (k *checker) atMost(path, value string, most int) {
	if len(value) > most && k.sound(path) {
		k.fault(path, CodeRange, k.say.ConfigTooLong(path, most))
	}
}

// unused: a key of the other version would do nothing.
func (k *checker) unused(given bool, path, version string) {
	if given && k.sound(path) {
		k.fault(path, CodeOtherVersion, k.say.ConfigOtherVersion(path, version))
	}
}

func (k *checker) webhooks() {
	for i := range k.Alarms.Webhooks {
		w := &k.Alarms.Webhooks[i]
		at := fmt.Sprintf("alarms.webhook[%d]", i)
		switch {
		case !k.sound(at+".url", at+".url_file", at+".url_env"):
		case w.URL != "" && w.URLSecret.Given():
			k.fault(at, CodeSecretSource, k.say.ConfigSecretSource(at+".url"))
		case w.URL == "" && !w.URLSecret.Given():
			k.need(true, at+".url")
		case w.URL == "":
			k.secretAt(&w.URLSecret, at+".url", at+".url_file", at+".url_env")
			if w.URLSecret.value != "" && webhook.CheckURL(w.URLSecret.value) != nil {
				k.fault(at+".url_file", CodeHookURL, k.say.ConfigHookURL(at+".url_file"))
			}
		case webhook.CheckURL(w.URL) != nil:
			k.fault(at+".url", CodeHookURL, k.say.ConfigHookURL(at+".url"))
		case strings.Contains(w.URL, "?"):
			k.advise(at+".url", CodeURLToken, k.say.ConfigURLToken(at+".url"))
		}
		if w.Secret.Given() {
			k.secretAt(&w.Secret, at+".secret", at+".secret_file", at+".secret_env")
			if v := w.Secret.value; v != "" && len(v) < minHookSecret {
				k.fault(at+".secret_file", CodeShortSecret, k.say.ConfigShortSecret(at+".secret", minHookSecret))
			}
		}
		k.authority(at+".ca_file", w.CA)
	}
}

func (k *checker) syslogs() {
	for i := range k.Alarms.Syslogs {
		s := &k.Alarms.Syslogs[i]
		at := fmt.Sprintf("alarms.syslog[%d]", i)
		k.need(s.Address == "", at+".address")
		if s.SDID != "" && syslog.CheckSDID(s.SDID) != nil {
			k.fault(at+".sd_id", CodeSDID, k.say.ConfigSDID(at+".sd_id", s.SDID))
		}
		k.authority(at+".ca_file", s.CA)
		if s.Certificate == "" && s.Key == "" {
			continue
		}
		k.need(s.Certificate == "", at+".certificate")
		k.need(s.Key == "", at+".key")
		if s.Certificate != "" && s.Key != "" {
			k.keyPair(at, s.Certificate, s.Key)
		}
	}
}

// authority: a file that holds a certificate.
func (k *checker) authority(path, file string) {
	if raw, ok := k.pem(path, file); ok && !x509.NewCertPool().AppendCertsFromPEM(raw) {
		k.fault(path, CodeTLSFile, k.say.ConfigNoCertificate(path, file))
	}
}

func (s *SNMP) tree() *yaml.Node {
	p := newPairs()
	p.quoted("version", s.Version)
	p.put("targets", listNode(each(s.Targets, quotedNode), true))
	p.secret("community", s.Community)
	p.quoted("user", s.User)
	if s.AuthPassword.Given() {
		p.plain("auth", s.Auth)
	}
	p.secret("auth_password", s.AuthPassword)
	if s.PrivPassword.Given() {
		p.plain("priv", s.Priv)
	}
	p.secret("priv_password", s.PrivPassword)
	p.quoted("engine_id", s.EngineID)
	p.quoted("enterprise", s.Enterprise)
	p.plain("ascii", strconv.FormatBool(!s.UTF8))
	p.plain("inform", strconv.FormatBool(s.Inform))
	p.whom(s.Least, s.UrgentOnly)
	return p.node
}

func (w Webhook) tree() *yaml.Node {
	p := newPairs()
	p.quoted("url", w.URL)
	p.plain("url_file", w.URLSecret.File)
	p.plain("url_env", w.URLSecret.Env)
	p.secret("secret", w.Secret)
	p.plain("timeout", text.Short(w.Timeout))
	p.plain("ca_file", w.CA)
	p.whom(w.Least, w.UrgentOnly)
	return p.node
}

func (s Syslog) tree() *yaml.Node {
	p := newPairs()
	if s.Address != "" {
		p.quoted("address", s.Transport+"://"+s.Address)
	}
	p.plain("facility", s.Facility)
	p.quoted("sd_id", s.SDID)
	p.plain("ca_file", s.CA)
	p.plain("certificate", s.Certificate)
	p.plain("key", s.Key)
	p.quoted("server_name", s.ServerName)
	p.whom(s.Least, s.UrgentOnly)
	return p.node
}

// secret puts where a secret comes from, and stars for itself.
func (p pairs) secret(key string, s Secret) {
	if s.Given() {
		p.quoted(key, stars)
	}
	p.plain(key+"_file", s.File)
	p.plain(key+"_env", s.Env)
}

// whom puts which notices a receiver takes.
func (p pairs) whom(least alarm.Severity, urgentOnly bool) {
	p.plain("min_severity", string(least))
	p.plain("urgent_only", strconv.FormatBool(urgentOnly))
}

// receiverSecrets adds the secrets that changed though nothing else shows it.
func receiverSecrets(changes []Change, before, after *Alarms) []Change {
	b, a := &before.SNMP, &after.SNMP
	changes = newSecret(changes, "alarms.snmp.community", b.Community, a.Community)
	changes = newSecret(changes, "alarms.snmp.auth_password", b.AuthPassword, a.AuthPassword)
	changes = newSecret(changes, "alarms.snmp.priv_password", b.PrivPassword, a.PrivPassword)
	for i := range min(len(before.Webhooks), len(after.Webhooks)) {
		at := fmt.Sprintf("alarms.webhook[%d]", i)
		changes = newSecret(changes, at+".secret", before.Webhooks[i].Secret, after.Webhooks[i].Secret)
		changes = newSecret(changes, at+".url", before.Webhooks[i].URLSecret, after.Webhooks[i].URLSecret)
	}
	return changes
}
