package config

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"releve/testbed/tlstest"
)

// How the way to a database is encrypted is judged before the start: each word, each
// file, and that what is given is used.
func TestDatabaseTLS(t *testing.T) {
	dir := t.TempDir()
	authority, err := tlstest.NewAuthority(dir, "ca")
	if err != nil {
		t.Fatal(err)
	}
	own, err := authority.Issue(tlstest.Leaf{Name: "releve", CommonName: "releve", NotAfter: time.Now().AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	other, err := authority.Issue(tlstest.Leaf{Name: "other"})
	if err != nil {
		t.Fatal(err)
	}
	ca, cert, key := authority.File, own.Certificate, own.Key
	for settings, want := range map[string]string{
		"postgres ?sslmode=verify-full&sslrootcert=" + ca:                                     "",
		"postgres ?sslmode=verify-full&sslrootcert=system":                                    "",
		"postgres ?sslmode=require":                                                           "",
		"postgres ?statement_timeout=5s":                                                      "",
		"postgres ?sslmode=verify-full&sslcert=" + cert + "&sslkey=" + key:                    "",
		"postgres ?sslmode=verify-ful&sslrootcert=" + ca:                                      "CFG-116",
		"postgres ?sslmod=verify-full":                                                        "CFG-116",
		"postgres ?sslrootcert=" + ca:                                                         "CFG-116", // prefer verifies nobody
		"postgres ?sslmode=verify-full&sslcert=" + cert:                                       "CFG-116",
		"postgres ?sslmode=verify-full&sslrootcert=/nowhere/ca.pem":                           "CFG-052",
		"postgres ?sslmode=verify-full&sslrootcert=" + key:                                    "CFG-052",
		"postgres ?sslmode=verify-full&sslrootcert=ca.pem":                                    "CFG-047",
		"postgres ?sslmode=verify-full&sslcert=" + cert + "&sslkey=" + other.Key:              "CFG-052",
		"postgres ?sslmode=verify-full&sslcert=" + cert + "&sslkey=" + key + "&sslpassword=x": "CFG-027",
		"mysql ?tls=true": "",
		"mysql ?ssl-ca=" + ca + "&ssl-cert=" + cert + "&ssl-key=" + key: "",
		"mysql ?tls=verify-full":              "CFG-116",
		"mysql ?sslmode=verify-full":          "CFG-116",
		"mysql ?timeout=3s":                   "CFG-116",
		"mysql ?tls=skip-verify&ssl-ca=" + ca: "CFG-116",
		"mysql ?ssl-cert=" + cert:             "CFG-116",
		"mysql ?ssl-ca=/nowhere/ca.pem":       "CFG-052",
	} {
		scheme, settings, _ := strings.Cut(settings, " ")
		t.Run(scheme+strings.ReplaceAll(settings, dir, ""), func(t *testing.T) {
			more := ""
			if scheme == "mysql" {
				more = ", heartbeat: true"
			}
			c, problems := baseWith(t, "mirroring", `mirror: {main: "`+scheme+`://r@10.0.0.1/w`+settings+`", mirror: "`+scheme+`://r@10.0.0.2/w"`+more+"}")
			if want != "" {
				want += " mirror.main"
			}
			if got := codes(problems); got != want {
				t.Fatalf("%s, want %s\n%v", got, want, problems)
			}
			if strings.Contains(settings, own.Key) && want == "" && !slices.Contains(c.SecretFiles(), own.Key) {
				t.Errorf("%s is no secret: %v", filepath.Base(own.Key), c.SecretFiles())
			}
		})
	}
}
