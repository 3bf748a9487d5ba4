package config

import (
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Store is where Relève remembers: role, licence, alarms, records and the journal.
type Store struct {
	// Path is a directory, /var/lib/releve: of the store itself (state.db), unless
	// Postgres is given, and of what is this machine's in any case (the spool, the
	// calls in progress, the name of this node).
	Path string
	// Postgres is the URL of a PostgreSQL database that holds the store, without a
	// password; "": SQLite in Path.
	Postgres string
	Password Secret // none: as .pgpass or the server says
	// TakeOver is the node whose role and licence this one goes on with: the name of
	// a machine that was replaced; "": its own alone.
	TakeOver string
}

var (
	nodeForm   = regexp.MustCompile(`^[0-9a-f]{16}$`)
	schemaForm = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)
)

func (r *reader) store(s *Store) take {
	return func(n *yaml.Node, path string) {
		r.mapping(n, path,
			field{"path", r.path(&s.Path)},
			field{"postgres", r.storeURL(&s.Postgres)},
			field{"password", r.inlineSecret()},
			field{"password_file", r.path(&s.Password.File)},
			field{"password_env", r.str(&s.Password.Env)},
			field{"take_over", r.nodeName(&s.TakeOver)},
		)
	}
}

// storeURL reads postgres://user@host[:port][,host[:port]…]/database[?…].
func (r *reader) storeURL(dst *string) take {
	return func(n *yaml.Node, path string) {
		s := ""
		if r.atMost(&s, maxURL)(n, path); s == "" {
			return
		}
		u, err := url.Parse(s)
		switch {
		case err != nil, u.Scheme != "postgres" && u.Scheme != "postgresql", len(storeHosts(u)) == 0, u.Fragment != "",
			strings.Trim(u.Path, "/") == "" && !u.Query().Has("dbname"):
			r.fault(n, path, CodeURL, r.say.ConfigStoreURL(path, s))
		case hasPassword(u):
			r.fault(n, path, CodeInlineSecret, r.say.ConfigInlineSecret())
		case !slices.Contains([]string{"", "read-write", "primary", "any"}, u.Query().Get("target_session_attrs")):
			r.fault(n, path, CodeStoreURL, r.say.ConfigStoreStandby("target_session_attrs="+u.Query().Get("target_session_attrs")))
		case u.Query().Has("search_path") && !schemaForm.MatchString(u.Query().Get("search_path")):
			r.fault(n, path, CodeStoreURL, r.say.ConfigStoreSchema(u.Query().Get("search_path")))
		default:
			*dst = s
		}
	}
}

func (r *reader) nodeName(dst *string) take {
	return func(n *yaml.Node, path string) {
		switch s, ok := r.scalar(n, path); {
		case !ok:
		case !nodeForm.MatchString(s):
			r.fault(n, path, CodeStoreNode, r.say.ConfigStoreNode(path, s))
		default:
			*dst = s
		}
	}
}

// storeHosts are the servers that a URL names, each without its port.
func storeHosts(u *url.URL) (hosts []string) {
	for one := range strings.SplitSeq(u.Host, ",") {
		if h := (&url.URL{Host: one}).Hostname(); h != "" {
			hosts = append(hosts, h)
		}
	}
	for one := range strings.SplitSeq(u.Query().Get("host"), ",") {
		if one != "" {
			hosts = append(hosts, one)
		}
	}
	return hosts
}

// stateFile is the store in Path, of a node without PostgreSQL.
const stateFile = "state.db"

func (k *checker) store() {
	s := &k.Store
	if s.Postgres == "" {
		k.need(s.Password.Given() || s.TakeOver != "", "store.postgres")
		return
	}
	if s.Password.Given() {
		k.secretAt(&s.Password, "store.password", "store.password_file", "store.password_env")
	}
	k.databaseTLS("store.postgres", s.Postgres)
	if file := filepath.Join(s.Path, stateFile); k.sound("store.path") {
		if _, err := os.Stat(file); err == nil {
			k.fault("store.postgres", CodeStoreTwo, k.say.ConfigStoreTwo(file))
		}
	}
	if u, err := url.Parse(s.Postgres); err == nil && k.sound("store.postgres") && bare(u) {
		k.advise("store.postgres", CodeStoreBare, k.say.ConfigStoreBare())
	}
}

// bare: numbers and the password travel to another machine, readable or to whoever
// takes its place.
func bare(u *url.URL) bool {
	if slices.Contains([]string{"verify-full", "verify-ca"}, u.Query().Get("sslmode")) {
		return false
	}
	return slices.ContainsFunc(storeHosts(u), func(h string) bool {
		a, err := netip.ParseAddr(h)
		return h != "localhost" && !strings.HasPrefix(h, "/") && (err != nil || !a.IsLoopback())
	})
}

func (s *Store) tree() *yaml.Node {
	p := newPairs()
	p.plain("path", s.Path)
	p.quoted("postgres", s.Postgres)
	if s.Password.Given() {
		p.quoted("password", stars)
	}
	p.plain("password_file", s.Password.File)
	p.plain("password_env", s.Password.Env)
	p.quoted("take_over", s.TakeOver)
	return p.node
}
