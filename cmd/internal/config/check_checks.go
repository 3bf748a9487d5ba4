package config

import (
	"crypto/x509"
	"fmt"

	"go.yaml.in/yaml/v3"

	"releve/cmd/internal/text"
)

func (k *checker) checksList() {
	options := 0
	names := map[string]bool{}
	for i := range k.Checks {
		c := &k.Checks[i]
		at := fmt.Sprintf("checks[%d]", i)
		if !k.sound(at + ".type") {
			return
		}
		if c.Type == "" {
			k.need(true, at+".type")
			return
		}
		if c.Type == "options" {
			options++
			continue
		}
		if c.Type == "call" {
			continue // callChecks
		}
		if names[c.Name] {
			k.fault(at+".name", CodeDuplicateName, k.say.ConfigDuplicateName(c.Name))
		}
		names[c.Name] = true
		k.check(c, at)
	}
	if options != 1 && k.sound("checks") {
		k.fault("checks", CodeOptionsCheck, k.say.ConfigOptionsCheck())
	}
}

// check: what this type of check cannot do without, and what can be read.
func (k *checker) check(c *Check, at string) {
	switch c.Type {
	case "tcp":
		k.need(c.Port == 0, at+".port")
	case "exec":
		k.need(len(c.Command) == 0, at+".command")
	case "http":
		k.need(c.URL == "", at+".url")
		if raw, ok := k.pem(at+".ca", c.CA); ok && !x509.NewCertPool().AppendCertsFromPEM(raw) {
			k.fault(at+".ca", CodeTLSFile, k.say.ConfigNoCertificate(at+".ca", c.CA))
		}
		if (c.Username != "") != c.Password.Given() && k.sound(at+".password") {
			k.need(true, at+map[bool]string{true: ".username", false: ".password_file"}[c.Username == ""])
		}
	case "sql":
		k.need(c.Database == "", at+".database")
		k.need(c.Query == "", at+".query")
		k.databaseTLS(at+".database", c.Database)
	}
	if c.Password.Given() {
		k.secret(&c.Password, at)
	}
	if c.Timeout >= c.Every && k.sound(at+".timeout", at+".every") {
		k.fault(at+".timeout", CodeOrder, k.say.ConfigOrder(at+".timeout", c.Timeout, at+".every", c.Every))
	}
	if c.Timeout > k.Verification.Timeout && k.sound(at+".timeout", "verification.timeout") {
		k.advise(at+".timeout", CodeCheckLate, k.say.ConfigCheckLate(c.Name, c.Timeout, k.Verification.Timeout))
	}
	if !c.NamesHost() && c.URL+c.Database != "" && len(k.Servers) > 1 && k.sound(at+".url", at+".database") {
		k.advise(at, CodeCheckShared, k.say.ConfigCheckShared(c.Name))
	}
}

func (k Check) tree() *yaml.Node {
	p := newPairs()
	p.plain("type", k.Type)
	p.quoted("name", k.Name)
	if k.Port != 0 {
		p.number("port", int(k.Port))
	}
	p.put("command", listNode(each(k.Command, quotedNode), true))
	p.quoted("url", k.URL)
	if k.Status != 0 {
		p.number("status", k.Status)
	}
	p.quoted("match", k.Match)
	p.plain("ca", k.CA)
	if k.Unproven {
		p.plain("verify", "false")
	}
	p.quoted("username", k.Username)
	p.quoted("database", k.Database)
	p.quoted("query", k.Query)
	p.quoted("expect", k.Expect)
	if k.Password.Given() {
		p.quoted("password", stars)
	}
	p.plain("password_file", k.Password.File)
	p.plain("password_env", k.Password.Env)
	if k.Type == "call" {
		k.callTree(p)
		return p.node
	}
	if k.Every != 0 {
		p.plain("every", text.Short(k.Every))
		p.plain("timeout", text.Short(k.Timeout))
	}
	return p.node
}
