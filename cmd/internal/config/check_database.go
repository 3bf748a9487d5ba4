package config

import (
	"crypto/x509"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

// databaseTLS judges how an address says that the way to a database is encrypted, of
// either kind: its words, its files, and that what is given is used. A word that was
// mistyped would otherwise be sent to the server as a setting of its own, and a
// connection that nobody verifies would look like one that is.
func (k *checker) databaseTLS(path, address string) {
	if address == "" || !k.sound(path) {
		return
	}
	u, err := url.Parse(strings.ReplaceAll(address, hostMark, "host"))
	if err != nil {
		return // the reader has said so
	}
	form, settings := postgresTLS, u.Query()
	if u.Scheme == "mysql" {
		form = mysqlTLS
	}
	for key, values := range settings {
		if form.unknown(key, values[0]) {
			k.fault(path, CodeDatabaseTLS, k.say.ConfigDatabaseTLS(path, key+"="+values[0], form.words()))
			return
		}
	}
	ca, certificate, key := settings.Get(form.ca), settings.Get(form.certificate), settings.Get(form.key)
	if ca != "" && slices.Contains(form.unverified, settings.Get(form.mode)) {
		k.fault(path, CodeDatabaseTLS, k.say.ConfigDatabaseUnverified(path, form.ca, form.verified))
		return
	}
	if (certificate == "") != (key == "") {
		k.fault(path, CodeDatabaseTLS, k.say.ConfigDatabaseHalf(path, form.certificate, form.key))
		return
	}
	k.databaseFiles(path, ca, certificate, key)
}

// databaseFiles: each is there, and what it should be.
func (k *checker) databaseFiles(path, ca, certificate, key string) {
	for _, file := range []string{ca, certificate, key} {
		if file != "" && file != systemCA && !filepath.IsAbs(file) {
			k.fault(path, CodeAbsolute, k.say.ConfigAbsolute(path, file))
			return
		}
	}
	if ca != systemCA {
		if raw, ok := k.pem(path, ca); ok && !x509.NewCertPool().AppendCertsFromPEM(raw) {
			k.fault(path, CodeTLSFile, k.say.ConfigNoCertificate(path, ca))
		}
	}
	chain, okCertificate := k.pem(path, certificate)
	private, okKey := k.pem(path, key)
	if okCertificate && okKey && k.holdsCertificate(path, certificate, chain) && k.holdsKey(path, key, private) {
		k.pair(path, certificate, key, chain, private)
	}
}

// systemCA is libpq's word for the system's authorities (sslrootcert=system).
const systemCA = "system"

// tlsForm is how addresses of one kind of database write it.
type tlsForm struct {
	mode, ca, certificate, key string
	modes                      []string // of mode
	unverified                 []string // of them, those that verify nobody
	verified                   string   // the setting that does
	closed                     bool     // no other key may stand in an address
}

var (
	postgresTLS = tlsForm{
		mode: "sslmode", ca: "sslrootcert", certificate: "sslcert", key: "sslkey",
		modes:      []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"},
		unverified: []string{"", "disable", "allow", "prefer"}, verified: "sslmode=verify-full",
	}
	mysqlTLS = tlsForm{
		mode: "tls", ca: "ssl-ca", certificate: "ssl-cert", key: "ssl-key",
		modes:      []string{"true", "skip-verify", "preferred", "false"},
		unverified: []string{"skip-verify", "preferred", "false"}, verified: "tls=true", closed: true,
	}
)

// unknown: PostgreSQL takes settings of its server besides, none of which begins with
// ssl; sslsni, sslnegotiation and sslcertmode are libpq's, too.
func (f tlsForm) unknown(key, value string) bool {
	switch key {
	case f.mode:
		return !slices.Contains(f.modes, value)
	case f.ca, f.certificate, f.key:
		return value == ""
	case "sslsni", "sslnegotiation", "sslcertmode":
		return f.closed
	}
	return f.closed || strings.HasPrefix(key, "ssl") || strings.HasPrefix(key, "tls")
}

func (f tlsForm) words() string {
	return f.mode + "=" + strings.Join(f.modes, "|") + ", " + f.ca + ", " + f.certificate + ", " + f.key
}

// databaseKey is the file of our private key that an address names; "": none.
func databaseKey(address string) string {
	u, err := url.Parse(address)
	if err != nil || !slices.Contains([]string{"postgres", "postgresql", "mysql"}, u.Scheme) {
		return ""
	}
	return u.Query().Get(postgresTLS.key) + u.Query().Get(mysqlTLS.key)
}
