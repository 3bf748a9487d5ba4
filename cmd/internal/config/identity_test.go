package config

import (
	"strings"
	"testing"

	"releve/cmd/internal/text"
	"releve/router"
	"releve/router/licence"
)

// TestIdentityOf: what the file says, and the URI that the IPBX is shown.
func TestIdentityOf(t *testing.T) {
	users := []User{{Name: "p", AOR: URI{User: "5001", Host: "ipbx.example"}}}
	for _, c := range []struct {
		written string
		mode    licence.Mode
		want    string
	}{
		{"", licence.Pair, ""},
		{"licence", licence.Pair, "sip:5001@ipbx.example"},
		{"licence", licence.Trunk, ""},
		{"0145000001", licence.Pair, "sip:0145000001@ipbx.example"},
		{"+33145000001", licence.Trunk, "sip:+33145000001@10.0.0.1"},
		{"*31#", licence.Trunk, "sip:*31%23@10.0.0.1"},
		{"sip:accueil@site.example", licence.Pair, "sip:accueil@site.example"},
	} {
		x, _ := parseURI("sip:10.0.0.1:5062;transport=tcp")
		cfg := Config{
			IPBX:         []IPBX{{Name: "x", Address: x}},
			Servers:      []Server{{Name: "p", Role: router.Primary, Identity: c.written}},
			Registration: Registration{Mode: c.mode, Users: users},
		}
		if got := cfg.IdentityOf(router.Primary, 0); got != c.want {
			t.Errorf("%q in mode %d: %q, want %q", c.written, c.mode, got, c.want)
		}
		if got := cfg.IdentityOf(router.Secondary, 0); got != "" {
			t.Errorf("a server that is not there: %q", got)
		}
	}
}

// TestIdentityFromWithoutIdentity: a key that changes nothing is told.
func TestIdentityFromWithoutIdentity(t *testing.T) {
	for _, c := range []struct {
		identity string
		told     bool
	}{{"", true}, {"5001", false}} {
		cfg := Default()
		cfg.IPBX = []IPBX{{Name: "x", MapFrom: true}}
		cfg.Servers = []Server{{Name: "p", Role: router.Primary, Identity: c.identity}}
		told := false
		for _, p := range cfg.Check(text.French) {
			told = told || p.Code == CodeIdentityUnused && p.Advice && strings.Contains(p.Message, "identity: from")
		}
		if told != c.told {
			t.Errorf("identity %q: told %v", c.identity, told)
		}
	}
}

// TestIdentityOfLicenceWithoutUser: in trunk nobody is registered.
func TestIdentityOfLicenceWithoutUser(t *testing.T) {
	cfg := Default()
	cfg.Servers = []Server{{Name: "p", Role: router.Primary, Identity: OfLicence}}
	for _, p := range cfg.Check(text.French) {
		if p.Code == CodeIdentity && p.Path == "servers[0].identity" && !p.Advice {
			return
		}
	}
	t.Error("licence was taken for an identity without a user")
}
