package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"releve/cmd/internal/text"
)

// What the section says of itself; the file of base has a store of its own, which
// these replace.
func TestStoreSection(t *testing.T) {
	for name, c := range map[string]struct{ more, want string }{
		"one server":            {`postgres: "postgres://r@db.example:5432/releve?sslmode=verify-full"`, ""},
		"several":               {`postgres: "postgresql://r@a:5432,b:5433/releve?sslmode=verify-full&target_session_attrs=read-write"`, ""},
		"by host":               {`postgres: "postgres:///releve?host=/var/run/postgresql"`, ""},
		"unprotected":           {`postgres: "postgres://r@127.0.0.1,10.0.0.1/releve"`, "CFG-152 store.postgres"},
		"encrypted for anybody": {`postgres: "postgres://r@10.0.0.1/releve?sslmode=require"`, "CFG-152 store.postgres"},
		"on this machine":       {`postgres: "postgres://r@127.0.0.1/releve"`, ""},
		"no database":           {`postgres: "postgres://r@127.0.0.1"`, "CFG-070 store.postgres"},
		"no host":               {`postgres: "postgres:///releve"`, "CFG-070 store.postgres"},
		"another kind":          {`postgres: "mysql://r@127.0.0.1/releve"`, "CFG-070 store.postgres"},
		"its password":          {`postgres: "postgres://r:x@127.0.0.1/releve"`, "CFG-027 store.postgres"},
		"a password beside it":  {`postgres: "postgres://r@127.0.0.1/releve", password: x`, "CFG-027 store.password"},
		"a standby":             {`postgres: "postgres://r@127.0.0.1/releve?target_session_attrs=standby"`, "CFG-150 store.postgres"},
		"a schema":              {`postgres: "postgres://r@127.0.0.1/releve?search_path=site_a"`, ""},
		"two schemas":           {`postgres: "postgres://r@127.0.0.1/releve?search_path=a,b"`, "CFG-150 store.postgres"},
		"no such password":      {`postgres: "postgres://r@127.0.0.1/releve", password_file: /nowhere/x`, "CFG-028 store.password_file"},
		"a password of nothing": {`password_env: RELEVE_TEST_STORE`, "CFG-009 store.postgres"},
		"a node that is none":   {`postgres: "postgres://r@127.0.0.1/releve", take_over: principal`, "CFG-153 store.take_over"},
		"a node":                {`postgres: "postgres://r@127.0.0.1/releve", take_over: "0123456789abcdef"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := storeWith(t, t.TempDir(), c.more)
			if got := codes(problems); got != c.want {
				t.Errorf("%s, want %s\n%v", got, c.want, problems)
			}
		})
	}
}

func storeWith(t *testing.T, dir, more string) (*Config, []Problem) {
	t.Helper()
	path, at := file(t, "good_base.yaml")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := strings.Replace(string(raw), "store: {path: "+at+"}", "store: {path: "+dir+", "+more+"}", 1)
	if !strings.Contains(s, more) {
		t.Fatalf("the file has no store to replace:\n%s", s)
	}
	return Parse("f.yaml", []byte(s), text.English)
}

// A node that had its store in a file and is given PostgreSQL would begin there
// from nothing, whatever the file says of who is active.
func TestTwoStoresAreTwoTruths(t *testing.T) {
	dir := t.TempDir()
	const more = `postgres: "postgres://r@127.0.0.1/releve"`
	if _, problems := storeWith(t, dir, more); len(problems) > 0 {
		t.Fatal(problems)
	}
	if err := os.WriteFile(filepath.Join(dir, stateFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, problems := storeWith(t, dir, more); codes(problems) != "CFG-151 store.postgres" {
		t.Errorf("%v", problems)
	}
}

func TestStorePasswordIsNotShownAndNeedsARestart(t *testing.T) {
	t.Setenv("RELEVE_TEST_STORE", "hunter2")
	c, problems := storeWith(t, t.TempDir(), `postgres: "postgres://r@127.0.0.1/releve", password_env: RELEVE_TEST_STORE`)
	if len(problems) > 0 || c.Store.Password.Value() != "hunter2" {
		t.Fatalf("%v", problems)
	}
	if s := string(c.Show()); strings.Contains(s, "hunter2") || !strings.Contains(s, `password: "***"`) {
		t.Errorf("shown as\n%s", s)
	}
	changed := *c
	changed.Store.Password = Secret{Env: c.Store.Password.Env, value: "another"}
	changes, err := Compare(c, &changed)
	if err != nil || len(changes) != 1 || changes[0].Path != "store.password" || changes[0].Reach != Restart {
		t.Errorf("%v %v", changes, err)
	}
}

func writeSecret(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}
