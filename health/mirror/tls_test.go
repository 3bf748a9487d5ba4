package mirror

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"releve/testbed/mariadb"
	"releve/testbed/postgres"
	"releve/testbed/tlstest"
)

// papers are an authority of the site's own, a server's certificate for 127.0.0.1
// and one for our account, and an authority that nobody here believes.
type papers struct {
	ca, strangers    string
	server, account  tlstest.Pair
	foreign, another tlstest.Pair // an account's by the strange authority; of another account
}

func newPapers(t *testing.T) (p papers) {
	t.Helper()
	dir := t.TempDir()
	own, err := tlstest.NewAuthority(dir, "ca")
	must(t, err)
	other, err := tlstest.NewAuthority(dir, "strangers")
	must(t, err)
	p.ca, p.strangers = own.File, other.File
	p.server, err = own.Issue(tlstest.Leaf{Name: "server", SANs: []string{"127.0.0.1"}})
	must(t, err)
	p.account, err = own.Issue(tlstest.Leaf{Name: "account", CommonName: "certified"})
	must(t, err)
	p.another, err = own.Issue(tlstest.Leaf{Name: "another", CommonName: "somebody"})
	must(t, err)
	p.foreign, err = other.Issue(tlstest.Leaf{Name: "foreign", CommonName: "certified"})
	must(t, err)
	return p
}

// secured is one address of a database, and what a look at it must find.
type secured struct {
	name, url string
	password  string
	reach     Reach
	untrusted bool
	cause     string // a part of what is said
}

// looks asks each address once, as a watch does.
func looks(t *testing.T, all []secured) {
	t.Helper()
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) {
			c := &Config{Timeout: 10 * time.Second}
			from := newSource(c, &Database{URL: s.url, Password: s.password}, false, &mirrorAt{})
			defer from.close()
			ctx, cancel := context.WithTimeout(t.Context(), c.Timeout)
			defer cancel()
			a := from.ask(ctx, 0)
			if a.Reach != s.reach || a.Untrusted != s.untrusted || !strings.Contains(a.Cause, s.cause) {
				t.Errorf("%v, untrusted %v, %q; want %v, %v, %q", a.Reach, a.Untrusted, a.Cause, s.reach, s.untrusted, s.cause)
			}
			if s.password != "" && strings.Contains(a.Cause, s.password) {
				t.Errorf("the password is told: %q", a.Cause)
			}
		})
	}
}

func TestPostgresOverTLS(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	p := newPapers(t)
	s, err := postgres.Start(ctx)
	must(t, err)
	defer s.Stop()
	must(t, s.Do(ctx, "create role watch login password 'w4tchword'", "create role certified login password 'w4tchword'"))
	at := func(user, host, more string) string {
		return fmt.Sprintf("postgres://%s@%s:%d/postgres?connect_timeout=10&%s", user, host, s.Port, more)
	}
	looks(t, []secured{{"a server that speaks none", at("watch", "127.0.0.1", "sslmode=require"), "w4tchword", Denied, true, "refused TLS"}})
	must(t, s.Secure(ctx, p.server, p.ca, "certified"))
	full := "sslmode=verify-full&sslrootcert="
	with := func(c tlstest.Pair) string {
		return full + p.ca + "&sslcert=" + c.Certificate + "&sslkey=" + c.Key
	}
	looks(t, []secured{
		{"own authority, right name", at("watch", "127.0.0.1", full+p.ca), "w4tchword", Up, false, ""},
		{"wrong name", at("watch", "localhost", full+p.ca), "w4tchword", Denied, true, "match localhost"},
		{"wrong name, the name is not asked for", at("watch", "localhost", "sslmode=verify-ca&sslrootcert="+p.ca), "w4tchword", Up, false, ""},
		{"authority that did not sign", at("watch", "127.0.0.1", full+p.strangers), "w4tchword", Denied, true, "unknown authority"},
		{"the system's authorities", at("watch", "127.0.0.1", "sslmode=verify-full"), "w4tchword", Denied, true, "x509"},
		{"in clear", at("watch", "127.0.0.1", "sslmode=disable"), "w4tchword", Denied, false, "no encryption"},
		{"wrong password", at("watch", "127.0.0.1", full+p.ca), "wr0ngword", Denied, false, "password authentication failed"},
		{"certificate of the account", at("certified", "127.0.0.1", with(p.account)), "w4tchword", Up, false, ""},
		{"no certificate where one is asked for", at("certified", "127.0.0.1", full+p.ca), "w4tchword", Denied, false, "certificate"},
		{"certificate of another account", at("certified", "127.0.0.1", with(p.another)), "w4tchword", Denied, false, "authentication failed"},
		{"certificate of a strange authority", at("certified", "127.0.0.1", with(p.foreign)), "w4tchword", Denied, false, "certificate"},
		{"no such file", at("watch", "127.0.0.1", full+filepath.Join(t.TempDir(), "none.pem")), "w4tchword", Ours, false, "none.pem"},
	})
	renewal(t, at("watch", "127.0.0.1", full), "w4tchword", p)
}

// An authority's file that was wrong is read again: nobody reloads in the middle of
// the night.
func renewal(t *testing.T, url, password string, p papers) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	copyFile(t, p.strangers, file)
	c := &Config{Timeout: 10 * time.Second}
	from := newSource(c, &Database{URL: url + file, Password: password}, false, &mirrorAt{})
	defer from.close()
	if a := from.ask(t.Context(), 0); !a.Untrusted {
		t.Errorf("%+v", a)
	}
	copyFile(t, p.ca, file)
	from.ask(t.Context(), 0) // with what was read before
	if a := from.ask(t.Context(), 0); a.Reach != Up {
		t.Errorf("after the renewal: %+v", a)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	must(t, err)
	must(t, os.WriteFile(to, raw, 0o600))
}

func TestMariaDBOverTLS(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	p := newPapers(t)
	s, err := mariadb.Start(ctx, "welsuite")
	must(t, err)
	defer s.Stop()
	must(t, s.Do(ctx, "create user watch@'127.0.0.1' identified by 'w4tchword' require ssl",
		"create user certified@'127.0.0.1' identified by 'w4tchword' require subject '/CN=certified'"))
	at := func(user, host, more string) string {
		return fmt.Sprintf("mysql://%s@%s:%d/?%s", user, host, s.Port, more)
	}
	looks(t, []secured{{"a server that speaks none", at("watch", "127.0.0.1", "tls=true&ssl-ca="+p.ca), "w4tchword", Denied, true, "does not support TLS"}})
	must(t, s.Secure(ctx, p.server, p.ca))
	with := func(c tlstest.Pair) string {
		return "ssl-ca=" + p.ca + "&ssl-cert=" + c.Certificate + "&ssl-key=" + c.Key
	}
	looks(t, []secured{
		{"own authority, right name", at("watch", "127.0.0.1", "tls=true&ssl-ca="+p.ca), "w4tchword", Up, false, ""},
		{"an authority says TLS", at("watch", "127.0.0.1", "ssl-ca="+p.ca), "w4tchword", Up, false, ""},
		{"wrong name", at("watch", "localhost", "tls=true&ssl-ca="+p.ca), "w4tchword", Denied, true, "match localhost"},
		{"authority that did not sign", at("watch", "127.0.0.1", "tls=true&ssl-ca="+p.strangers), "w4tchword", Denied, true, "unknown authority"},
		{"the system's authorities", at("watch", "127.0.0.1", "tls=true"), "w4tchword", Denied, true, "x509"},
		{"nothing is verified", at("watch", "localhost", "tls=skip-verify"), "w4tchword", Up, false, ""},
		{"in clear", at("watch", "127.0.0.1", ""), "w4tchword", Denied, false, "Access denied"},
		{"wrong password", at("watch", "127.0.0.1", "tls=true&ssl-ca="+p.ca), "wr0ngword", Denied, false, "Access denied"},
		{"certificate of the account", at("certified", "127.0.0.1", with(p.account)), "w4tchword", Up, false, ""},
		{"no certificate where one is asked for", at("certified", "127.0.0.1", "ssl-ca="+p.ca), "w4tchword", Denied, false, "Access denied"},
		{"certificate of a strange authority", at("certified", "127.0.0.1", with(p.foreign)), "w4tchword", Denied, true, "tls: "},
		{"no such file", at("watch", "127.0.0.1", "ssl-ca="+filepath.Join(t.TempDir(), "none.pem")), "w4tchword", Ours, false, "none.pem"},
	})
	renewal(t, at("watch", "127.0.0.1", "ssl-ca="), "w4tchword", p)
}
