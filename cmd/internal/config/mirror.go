package config

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"releve/cmd/internal/text"
)

// Mirror is the mirrored database of Wel'Suite that is watched: nothing is ever
// changed in it, but for the heartbeat's own table, and that only when asked for.
// The zero Mirror watches nothing.
type Mirror struct {
	Main   Database // the database that Wel'Suite works on
	Mirror Database // its replica, at the secondary
	// MaxLag is 1 s–24 h, 30 s: above it the secondary is not ready.
	MaxLag   time.Duration
	Interval time.Duration // 500 ms–1 min, 2 s: between two looks
	Timeout  time.Duration // 100 ms–30 s, 1 s: of one question to one database
	// Heartbeat is the table of the heartbeat, created when it is missing; "": none
	// is written. MySQL is watched by it alone.
	Heartbeat string
	// Standby is the application_name by which the mirror connects to the main
	// (PostgreSQL); "": found by its address.
	Standby     string
	MaxWAL      Size // 4 GiB: log that replication slots keep on the main before that is told
	MaxDatabase Size // of all databases of one server before that is told; 0: it is not
}

// Database is one of the two.
type Database struct {
	URL      string // postgres:// or mysql://, without a password
	Password Secret // none: as the file of the driver (.pgpass) or the server says
}

// Size is a number of bytes.
type Size int64

var (
	sizeForm  = regexp.MustCompile(`^([1-9][0-9]{0,6}) ?(M|G|T)i?B$`)
	tableForm = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}(\.[a-z_][a-z0-9_]{0,62})?$`)
)

// maxStandby bounds a name of PostgreSQL, in bytes (NAMEDATALEN - 1).
const maxStandby = 63

// defaultHeartbeat is the table of `heartbeat: true`.
const defaultHeartbeat = "releve_heartbeat"

func defaultMirror() Mirror {
	return Mirror{MaxLag: 30 * time.Second, Interval: 2 * time.Second, Timeout: time.Second, MaxWAL: 4 << 30}
}

// Watched says that there is a mirror to watch.
func (m *Mirror) Watched() bool { return m.Main.URL != "" && m.Mirror.URL != "" }

// Scheme is the kind of database: postgres or mysql.
func (d *Database) Scheme() string {
	scheme, _, _ := strings.Cut(d.URL, "://")
	return strings.Replace(scheme, "postgresql", "postgres", 1)
}

// Address is host and port as people know it, without user and database.
func (d *Database) Address() string {
	u, err := url.Parse(d.URL)
	if err != nil {
		return ""
	}
	return u.Host
}

// String writes a size as the file does.
func (s Size) String() string {
	for _, u := range []struct {
		name  string
		bytes Size
	}{{"TB", 1 << 40}, {"GB", 1 << 30}} {
		if s >= u.bytes && s%u.bytes == 0 {
			return strconv.FormatInt(int64(s/u.bytes), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s>>20), 10) + "MB"
}

func (r *reader) mirror(m *Mirror) take {
	return func(n *yaml.Node, path string) {
		r.mapping(n, path,
			field{"main", r.database(&m.Main.URL)},
			field{"main_password", r.inlineSecret()},
			field{"main_password_file", r.path(&m.Main.Password.File)},
			field{"main_password_env", r.str(&m.Main.Password.Env)},
			field{"mirror", r.database(&m.Mirror.URL)},
			field{"mirror_password", r.inlineSecret()},
			field{"mirror_password_file", r.path(&m.Mirror.Password.File)},
			field{"mirror_password_env", r.str(&m.Mirror.Password.Env)},
			field{"max_lag", r.duration(&m.MaxLag, time.Second, 24*time.Hour)},
			field{"interval", r.duration(&m.Interval, 500*time.Millisecond, time.Minute)},
			field{"timeout", r.duration(&m.Timeout, 100*time.Millisecond, 30*time.Second)},
			field{"heartbeat", r.table(&m.Heartbeat)},
			field{"standby", r.atMost(&m.Standby, maxStandby)},
			field{"max_wal", r.size(&m.MaxWAL)},
			field{"max_database", r.size(&m.MaxDatabase)},
		)
	}
}

// inlineSecret refuses a password in the file; *** is what config show prints.
func (r *reader) inlineSecret() take {
	return func(n *yaml.Node, path string) {
		if n.Value != stars {
			r.fault(n, path, CodeInlineSecret, r.say.ConfigInlineSecret())
		}
	}
}

// database reads the URL of one of the two.
func (r *reader) database(dst *string) take {
	return func(n *yaml.Node, path string) {
		s := ""
		if r.atMost(&s, maxURL)(n, path); s == "" {
			return
		}
		u, err := url.Parse(s)
		switch {
		case err != nil || u.Hostname() == "" || u.Fragment != "" || strings.ContainsAny(u.Host, ",{"),
			!slices.Contains([]string{"postgres", "postgresql", "mysql"}, u.Scheme):
			r.fault(n, path, CodeURL, r.say.ConfigMirrorURL(path, s))
		case hasPassword(u):
			r.fault(n, path, CodeInlineSecret, r.say.ConfigInlineSecret())
		default:
			*dst = s
		}
	}
}

// table reads the name of the heartbeat's table: true is the usual one, false none.
func (r *reader) table(dst *string) take {
	return func(n *yaml.Node, path string) {
		s, ok := r.scalar(n, path)
		switch {
		case !ok:
		case s == "true":
			*dst = defaultHeartbeat
		case s == "false":
			*dst = ""
		case !tableForm.MatchString(s):
			r.fault(n, path, CodeMirrorTable, r.say.ConfigMirrorTable(path, s))
		default:
			*dst = s
		}
	}
}

// size reads a number of bytes: 500MB, 4GB.
func (r *reader) size(dst *Size) take {
	return func(n *yaml.Node, path string) {
		s, ok := r.scalar(n, path)
		if !ok {
			return
		}
		m := sizeForm.FindStringSubmatch(s)
		if m == nil {
			r.fault(n, path, CodeSize, r.say.ConfigBadSize(path, s))
			return
		}
		count, _ := strconv.ParseInt(m[1], 10, 64) // at most seven digits
		*dst = Size(count << map[string]int{"M": 20, "G": 30, "T": 40}[m[2]])
	}
}

// tree is nil where nothing is watched.
func (m *Mirror) tree() *yaml.Node {
	if m.Main.URL == "" && m.Mirror.URL == "" {
		return nil
	}
	p := newPairs()
	for _, d := range []struct {
		name string
		of   *Database
	}{{"main", &m.Main}, {"mirror", &m.Mirror}} {
		p.quoted(d.name, d.of.URL)
		if d.of.Password.Given() {
			p.quoted(d.name+"_password", stars)
		}
		p.plain(d.name+"_password_file", d.of.Password.File)
		p.plain(d.name+"_password_env", d.of.Password.Env)
	}
	p.plain("max_lag", text.Short(m.MaxLag))
	p.plain("interval", text.Short(m.Interval))
	p.plain("timeout", text.Short(m.Timeout))
	p.plain("heartbeat", m.Heartbeat)
	p.quoted("standby", m.Standby)
	p.plain("max_wal", m.MaxWAL.String())
	if m.MaxDatabase > 0 {
		p.plain("max_database", m.MaxDatabase.String())
	}
	return p.node
}
