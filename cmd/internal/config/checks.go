package config

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Check is one check of a round: what tells whether a server is there and
// serves. {host} stands for the server: in URL and Database the host of its
// address as the file has it (in brackets when IPv6), in Command the IP address
// that Relève uses at that moment.
type Check struct {
	Type    string
	Name    string        // shown; when the file gives none: the type and what it asks
	Every   time.Duration // 1 s–1 h, verification.idle_interval: between two runs while nothing is wrong
	Timeout time.Duration // 100 ms–30 s, verification.timeout: of one run

	Port    uint16   // tcp
	Command []string // exec: a Nagios plugin (exit 0–3) and its arguments

	URL      string // http
	Status   int    // http: 100–599; 0: any 2xx
	Match    string // http: a regular expression (RE2) that the body holds; "": the body is not read
	CA       string // http: PEM file of who signs the certificate; "": the system's
	Unproven bool   // http, verify: false: the certificate is not verified
	Username string // http: of basic authentication

	Database string // sql: URL whose scheme names the driver
	Query    string // sql
	Expect   string // sql: the first column of the first row; "": any row will do

	Password Secret // http, sql

	// call: a test call to Number; Every 5 s–1 h, 5 min; Expect: audio (default) or answer.
	Number  string
	Suspect time.Duration // 2 s–5 min, 20 s: between two calls while something is wrong
	Within  time.Duration // 1–30 s, 8 s: from the INVITE to audible sound, or to the answer
	Passive bool          // the passive server answers test calls, too
}

// Limits of what a check may be given, our choice.
const (
	maxURL   = 2048
	maxQuery = 4096
)

// hostMark stands for the server's host.
const hostMark = "{host}"

// NamesHost says whether the check asks the server's own host: only then does
// it prove anything of that host.
func (k Check) NamesHost() bool {
	switch k.Type {
	case "http":
		return strings.Contains(k.URL, hostMark)
	case "sql":
		return strings.Contains(k.Database, hostMark)
	}
	return true
}

// CommandAt returns the exec check's command for the server at host.
func (k Check) CommandAt(host string) []string {
	out := make([]string, len(k.Command))
	for i, word := range k.Command {
		out[i] = strings.NewReplacer(hostMark, host, "{address}", host).Replace(word)
	}
	return out
}

// AddressFor returns url (URL or Database) for server s.
func AddressFor(url string, s Server) string {
	host := s.Address.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return strings.ReplaceAll(url, hostMark, host)
}

// label is the Name of a check that was given none.
func (k Check) label() string {
	switch k.Type {
	case "tcp":
		return "tcp " + strconv.Itoa(int(k.Port))
	case "exec":
		if len(k.Command) > 0 {
			return filepath.Base(k.Command[0])
		}
	case "sql":
		if u, err := url.Parse(strings.ReplaceAll(k.Database, hostMark, "host")); err == nil {
			return "sql " + strings.TrimPrefix(u.Path, "/")
		}
	case "http":
		if u, err := url.Parse(strings.ReplaceAll(k.URL, hostMark, "host")); err == nil {
			return "http " + u.Port() + u.Path
		}
	}
	return k.Type
}

// settleChecks gives each check what the file left out.
func (c *Config) settleChecks() {
	taken := map[string]bool{}
	for i := range c.Checks {
		k := &c.Checks[i]
		if k.Type == "options" || k.Type == "" || k.Type == "call" {
			continue
		}
		if k.Every == 0 {
			k.Every = max(c.Verification.IdleInterval, k.Timeout+c.Verification.IdleInterval/4)
		}
		if k.Timeout == 0 {
			k.Timeout = min(c.Verification.Timeout, k.Every/2)
		}
		if k.Name == "" {
			k.Name = strings.TrimSpace(k.label())
			for n := 2; taken[k.Name]; n++ {
				k.Name = fmt.Sprintf("%s #%d", strings.TrimSpace(k.label()), n)
			}
		}
		taken[k.Name] = true
	}
}

func (r *reader) checks(dst *[]Check) take {
	return func(n *yaml.Node, path string) {
		*dst = nil
		r.list(n, path, 16, func(e *yaml.Node, at string) {
			*dst = append(*dst, r.check(e, at))
		})
	}
}

// checkTypes are those that this version runs.
var checkTypes = []string{"options", "call", "tcp", "http", "sql", "exec"}

func (r *reader) check(n *yaml.Node, path string) Check {
	k := Check{}
	// The type first: which keys are allowed depends on it.
	known := false
	if t := valueOf(n, "type"); t != nil && slices.Contains(checkTypes, t.Value) {
		k.Type, known = t.Value, true
	}
	if k.Type == "call" {
		k.callDefaults()
	}
	of := func(types, key string, read take) field {
		return field{key, func(n *yaml.Node, p string) {
			switch {
			case !known: // the type itself is refused; its keys are not judged
			case !slices.Contains(strings.Fields(types), k.Type):
				r.fault(n, p, CodeKeyUnused, r.say.ConfigKeyUnused(key, k.Type))
			default:
				read(n, p)
			}
		}}
	}
	r.mapping(n, path, r.checkFields(&k, of)...)
	if _, given := r.at[join(path, "suspect")]; !given {
		k.Suspect = min(k.Suspect, k.Every)
	}
	return k
}

// checkFields are the keys of a check, each with the types that have it.
func (r *reader) checkFields(k *Check, of func(types, key string, read take) field) []field {
	var words []word[string]
	for _, t := range checkTypes {
		words = append(words, word[string]{name: t})
	}
	return []field{
		{"type", oneOf(r, new(string), words...)},
		of("tcp http sql exec", "name", r.checkName(&k.Name)),
		of("tcp http sql exec call", "every", r.every(k)),
		of("tcp http sql exec", "timeout", r.duration(&k.Timeout, 100*time.Millisecond, 30*time.Second)),
		of("tcp", "port", func(n *yaml.Node, p string) {
			port := 0
			r.whole(&port, 1, 65_535)(n, p)
			k.Port = uint16(port)
		}),
		of("exec", "command", r.command(&k.Command)),
		of("http", "url", r.address(&k.URL, "http", "https")),
		of("http", "status", r.whole(&k.Status, 100, 599)),
		of("http", "match", r.pattern(&k.Match)),
		of("http", "ca", r.path(&k.CA)),
		of("http", "verify", func(n *yaml.Node, p string) {
			verify := !k.Unproven
			r.boolean(&verify)(n, p)
			k.Unproven = !verify
		}),
		of("http", "username", r.str(&k.Username)),
		of("sql", "database", r.address(&k.Database, "postgres", "postgresql")),
		of("sql", "query", r.atMost(&k.Query, maxQuery)),
		of("sql call", "expect", r.expected(k)),
		of("call", "number", r.digits(&k.Number, plainNumber)),
		of("call", "suspect", r.duration(&k.Suspect, 2*time.Second, 5*time.Minute)),
		of("call", "within", r.duration(&k.Within, time.Second, 30*time.Second)),
		of("call", "passive", r.boolean(&k.Passive)),
		of("http sql", "password", func(n *yaml.Node, p string) {
			if n.Value != stars { // *** is what config show prints
				r.fault(n, p, CodeInlineSecret, r.say.ConfigInlineSecret())
			}
		}),
		of("http sql", "password_file", r.path(&k.Password.File)),
		of("http sql", "password_env", r.str(&k.Password.Env)),
	}
}

// every: a test call takes a line.
func (r *reader) every(k *Check) take {
	return func(n *yaml.Node, path string) {
		least := time.Second
		if k.Type == "call" {
			least = 5 * time.Second
		}
		r.duration(&k.Every, least, time.Hour)(n, path)
	}
}

func (r *reader) expected(k *Check) take {
	return func(n *yaml.Node, path string) {
		if k.Type == "call" {
			oneOf(r, &k.Expect, plain("audio", "answer")...)(n, path)
			return
		}
		r.atMost(&k.Expect, maxQuery)(n, path)
	}
}

// checkName reads a short name: it stands on screens, in metrics and in alarms.
func (r *reader) checkName(dst *string) take {
	return func(n *yaml.Node, path string) {
		s := ""
		if r.quotable(&s)(n, path); len(s) > 40 {
			r.fault(n, path, CodeRange, r.say.ConfigTooLong(path, 40))
			return
		}
		*dst = s
	}
}

func (r *reader) atMost(dst *string, limit int) take {
	return func(n *yaml.Node, path string) {
		s, ok := r.scalar(n, path)
		if ok && len(s) > limit {
			r.fault(n, path, CodeRange, r.say.ConfigTooLong(path, limit))
			return
		}
		*dst = s
	}
}

// address reads a URL of one of the schemes; {host} may stand for its host. A
// password in it is refused as any other in the file.
func (r *reader) address(dst *string, schemes ...string) take {
	return func(n *yaml.Node, path string) {
		s := ""
		if r.atMost(&s, maxURL)(n, path); s == "" {
			return
		}
		u, err := url.Parse(strings.ReplaceAll(s, hostMark, "192.0.2.1"))
		switch {
		case err != nil || u.Hostname() == "" || !slices.Contains(schemes, u.Scheme) || u.Fragment != "":
			r.fault(n, path, CodeURL, r.say.ConfigURL(path, s, schemes))
			return
		case hasPassword(u):
			r.fault(n, path, CodeInlineSecret, r.say.ConfigInlineSecret())
			return
		}
		*dst = s
	}
}

func hasPassword(u *url.URL) bool {
	_, set := u.User.Password()
	return set || u.Query().Has("password") || u.Query().Has("sslpassword")
}

func (r *reader) pattern(dst *string) take {
	return func(n *yaml.Node, path string) {
		s := ""
		if r.atMost(&s, maxQuery)(n, path); s == "" {
			return
		}
		if _, err := regexp.Compile(s); err != nil {
			r.fault(n, path, CodePattern, r.say.ConfigPattern(path, strings.TrimPrefix(err.Error(), "error parsing regexp: ")))
			return
		}
		*dst = s
	}
}

// valueOf returns the value of key in the mapping n, nil when there is none.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func (r *reader) command(dst *[]string) take {
	return func(n *yaml.Node, path string) {
		r.list(n, path, 32, func(e *yaml.Node, at string) {
			var s string
			if len(*dst) == 0 {
				r.path(&s)(e, at)
			} else {
				r.str(&s)(e, at)
			}
			*dst = append(*dst, s)
		})
	}
}
