package config

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"releve/router"
)

// OfLicence as a server's identity is the address of record of its licensed user.
const OfLicence = "licence"

// identity reads who a server's calls come from.
func (r *reader) identity(dst *string) take {
	return func(n *yaml.Node, path string) {
		s, ok := r.scalar(n, path)
		if !ok {
			return
		}
		u, uri := parseURI(s)
		if s != OfLicence && !plainNumber(s) && (!uri || u.User == "") {
			r.fault(n, path, CodeIdentity, r.say.ConfigBadIdentity(path, s))
			return
		}
		if n.Tag != "!!str" {
			r.advise(n, path, CodeUnquoted, r.say.ConfigUnquoted(path, s))
		}
		*dst = s
	}
}

// identityName is the word of the file.
func identityName(mapFrom bool) string {
	if mapFrom {
		return "from"
	}
	return "asserted"
}

// IdentityOf is the URI that calls of a server come from at IPBX i; "": none. A
// number is one at the domain of the server's licensed user, else at the IPBX.
func (c *Config) IdentityOf(role router.Server, i int) string {
	s, _ := c.Server(role)
	u, licensed := c.UserOf(role)
	switch {
	case s.Identity == "":
		return ""
	case s.Identity == OfLicence && licensed:
		return u.AOR.AOR()
	case s.Identity == OfLicence:
		return ""
	case !plainNumber(s.Identity):
		return s.Identity
	}
	at := c.IPBX[i].Address
	if licensed {
		at = u.AOR
	}
	at.User = strings.ReplaceAll(s.Identity, "#", "%23") // RFC 3261 §25.1
	return at.AOR()
}

// identities: one that says licence has a licensed user, and an IPBX that reads From
// is told something.
func (k *checker) identities() {
	said := false
	for i, s := range k.Servers {
		at := fmt.Sprintf("servers[%d].identity", i)
		said = said || s.Identity != "" || k.bad[at]
		if s.Identity != OfLicence || !k.sound("registration", "servers") {
			continue
		}
		if _, ok := k.UserOf(s.Role); !ok {
			k.fault(at, CodeIdentity, k.say.ConfigIdentityUser(at))
		}
	}
	for i, x := range k.IPBX {
		if x.MapFrom && !said {
			k.advise(fmt.Sprintf("ipbx[%d].identity", i), CodeIdentityUnused, k.say.ConfigIdentityUnused())
		}
	}
}
