package config

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"releve/cmd/internal/text"
	"releve/router"
)

// checker collects the faults between keys; used by one Check and dropped.
type checker struct {
	*Config
	say      text.Messages
	problems []Problem
}

// Check returns the faults between keys (single values are judged when they
// are read), reads the secrets of registration.users and looks whether the
// directories exist. A key whose value was refused is not judged again.
func (c *Config) Check(lang text.Lang) []Problem {
	k := &checker{Config: c, say: text.For(lang)}
	k.required()
	k.names()
	k.addresses()
	k.listeners()
	k.levels()
	k.licences()
	k.times()
	k.checksList()
	k.users()
	k.rescue()
	k.directories()
	return k.problems
}

// locate returns the place of path, or of the nearest section around it.
func (k *checker) locate(path string) place {
	for {
		if p, ok := k.at[path]; ok {
			return p
		}
		i := strings.LastIndexAny(path, ".[")
		if i < 0 {
			break
		}
		path = path[:i]
	}
	if k.at != nil {
		return place{1, 1}
	}
	return place{}
}

func (k *checker) add(path string, code Code, advice bool, message string) {
	if k.bad[path] {
		return
	}
	at := k.locate(path)
	k.problems = append(k.problems, Problem{
		File: k.file, Line: at.line, Col: at.col, Code: code, Path: path, Advice: advice, Message: message,
	})
}

func (k *checker) fault(path string, code Code, message string) { k.add(path, code, false, message) }

func (k *checker) advise(path string, code Code, message string) { k.add(path, code, true, message) }

// sound says that none of the paths, nor a section around them, was refused.
func (k *checker) sound(paths ...string) bool {
	for _, p := range paths {
		for p != "" {
			if k.bad[p] {
				return false
			}
			p = p[:max(0, strings.LastIndexAny(p, ".["))]
		}
	}
	return true
}

// need reports a missing key.
func (k *checker) need(missing bool, path string) {
	if missing && k.sound(path) {
		k.fault(path, CodeMissing, k.say.ConfigMissing(path))
	}
}

func (k *checker) required() {
	k.need(k.Site == "", "site")
	_, given := k.at["level"]
	k.need(k.at != nil && !given, "level")
	k.need(len(k.Listen) == 0, "listen")
	k.need(len(k.IPBX) == 0, "ipbx")
	k.need(len(k.Servers) == 0, "servers")
	for i, l := range k.Listen {
		k.need(!l.Address.IsValid(), fmt.Sprintf("listen[%d].address", i))
	}
	for i, x := range k.IPBX {
		k.need(x.Name == "", fmt.Sprintf("ipbx[%d].name", i))
		k.need(x.Address.IsZero(), fmt.Sprintf("ipbx[%d].address", i))
	}
	for i, s := range k.Servers {
		at := fmt.Sprintf("servers[%d]", i)
		k.need(s.Name == "", at+".name")
		k.need(s.Role == router.NoServer, at+".role")
		k.need(s.Address.IsZero(), at+".address")
		k.need(s.Lines == 0, at+".lines")
	}
}

// names: each server and each IPBX has its own.
func (k *checker) names() {
	taken := map[string]bool{}
	claim := func(name, path string) {
		if name != "" && taken[name] {
			k.fault(path, CodeDuplicateName, k.say.ConfigDuplicateName(name))
		}
		taken[name] = true
	}
	for i, x := range k.IPBX {
		claim(x.Name, fmt.Sprintf("ipbx[%d].name", i))
	}
	for i, s := range k.Servers {
		claim(s.Name, fmt.Sprintf("servers[%d].name", i))
	}
}

// addresses: no two parties share one, so that a source names its party.
func (k *checker) addresses() {
	taken := map[netip.AddrPort]string{}
	claim := func(a netip.AddrPort, path, owner string) {
		if !a.IsValid() {
			return
		}
		if other, ok := taken[a]; ok {
			k.fault(path, CodeDuplicateAddress, k.say.ConfigDuplicateAddress(a.String(), other))
			return
		}
		taken[a] = owner
	}
	for i, l := range k.Listen {
		if l.Transport == "udp" || l.Transport == "tls" || !k.listensUDP(l.Address) {
			claim(l.Address, fmt.Sprintf("listen[%d].address", i), fmt.Sprintf("listen[%d]", i))
		} else if k.repeated(i) {
			k.fault(fmt.Sprintf("listen[%d].address", i), CodeDuplicateAddress,
				k.say.ConfigDuplicateAddress(l.Transport+"://"+l.Address.String(), "listen"))
		}
	}
	for i, x := range k.IPBX {
		claim(x.Address.Addr, fmt.Sprintf("ipbx[%d].address", i), x.Name)
	}
	for i, s := range k.Servers {
		claim(s.Address.Addr, fmt.Sprintf("servers[%d].address", i), s.Name)
	}
	k.sources()
}

// repeated says that an earlier listener has the transport and address of i.
func (k *checker) repeated(i int) bool {
	for _, l := range k.Listen[:i] {
		if l.Transport == k.Listen[i].Transport && l.Address == k.Listen[i].Address {
			return true
		}
	}
	return false
}

// listensUDP says that the same address is listened on over UDP too, which is
// ordinary and no duplicate.
func (k *checker) listensUDP(a netip.AddrPort) bool {
	for _, l := range k.Listen {
		if l.Transport == "udp" && l.Address == a {
			return true
		}
	}
	return false
}

// sources: a server's address among an IPBX's sources would make the server's
// calls look like the IPBX's, unless both share the host on different ports.
func (k *checker) sources() {
	for i, x := range k.IPBX {
		for j, a := range x.Sources {
			for _, s := range k.Servers {
				if a == s.Address.Addr.Addr() && a != x.Address.Addr.Addr() {
					k.fault(fmt.Sprintf("ipbx[%d].sources[%d]", i, j), CodeSourceShared,
						k.say.ConfigSourceShared(a.String(), s.Name))
				}
			}
		}
	}
}

// spoken names a transport, and the family of an address when it is IPv6.
func spoken(transport string, a netip.AddrPort) string {
	if a.IsValid() && !a.Addr().Unmap().Is4() {
		return transport + "/IPv6"
	}
	return transport
}

// listeners: a party's transport and address family need a listener of ours,
// so that each can reach the other; 0.0.0.0 is no address to show to others.
func (k *checker) listeners() {
	have, inline := map[string]bool{}, len(k.Listen) == 0
	for i, l := range k.Listen {
		have[spoken(l.Transport, l.Address)] = true
		inline = inline || l.Entry == router.Inline
		at := fmt.Sprintf("listen[%d].advertise", i)
		if l.Address.IsValid() && l.Advertise.Addr().IsUnspecified() && k.sound(at) {
			k.fault(at, CodeAdvertise, k.say.ConfigAdvertise(l.Address.String()))
		}
	}
	if !inline {
		k.advise("listen", CodeNoInline, k.say.ConfigNoInline())
	}
	if len(k.Listen) == 0 || have[""] {
		return
	}
	need := func(u URI, path, name string) {
		network := u.Network()
		if network == "" {
			return // a name without a transport: DNS says which
		}
		reach := have[network] || have[network+"/IPv6"]
		if u.Addr.IsValid() {
			network = spoken(network, u.Addr)
			reach = have[network]
		}
		if !u.IsZero() && !reach {
			k.fault(path, CodeNoListener, k.say.ConfigNoListener(network, name))
		}
	}
	for i, x := range k.IPBX {
		need(x.Address, fmt.Sprintf("ipbx[%d].address", i), x.Name)
	}
	for i, s := range k.Servers {
		need(s.Address, fmt.Sprintf("servers[%d].address", i), s.Name)
	}
}

// levels: how many servers, which licence, which version.
func (k *checker) levels() {
	if len(k.Servers) == 0 || !k.sound("level", "servers") {
		return
	}
	var count [router.Servers]int
	for i, s := range k.Servers {
		if !k.sound(fmt.Sprintf("servers[%d].role", i)) {
			return
		}
		count[s.Role]++
	}
	if count[router.Primary] != 1 {
		k.fault("servers", CodeRoles, k.say.ConfigOnePrimary(count[router.Primary]))
	}
	switch two := k.Level >= router.Backup; {
	case two && count[router.Secondary] != 1:
		k.fault("servers", CodeRoles, k.say.ConfigOneSecondary(k.Level.String(), count[router.Secondary]))
	case !two && count[router.Secondary] > 0:
		k.fault("servers", CodeNoSecondary, k.say.ConfigNoSecondary(k.Level.String()))
	}
}

// licences: levels above base need their option and Wel'Suite 5.3.6.
func (k *checker) licences() {
	if k.Level == router.Base || !k.sound("level") {
		return
	}
	bought := false
	for _, l := range k.WelLicences {
		bought = bought || l == k.Level
	}
	if !bought && k.sound("wel_licences") {
		k.fault("wel_licences", CodeLicence, k.say.ConfigLicence(k.Level.String()))
	}
	for i, s := range k.Servers {
		at := fmt.Sprintf("servers[%d].version", i)
		if s.Version.Before(oldestAboveBase) && k.sound(at) {
			k.fault(at, CodeTooOld, k.say.ConfigVersion(s.Name, s.Version.String(), k.Level.String()))
		}
	}
	if k.Level == router.HighAvailability {
		k.advise("level", CodeMirror, k.say.ConfigMirrorUnwatched())
	}
}

// times: each clock ends before the one around it.
func (k *checker) times() {
	o, v := k.Overflow, k.Verification
	order := func(less string, a time.Duration, more string, b time.Duration) {
		if a >= b && k.sound(less, more) {
			k.fault(less, CodeOrder, k.say.ConfigOrder(less, a, more, b))
		}
	}
	order("overflow.progress_timeout", o.ProgressTimeout, "overflow.answer_timeout", o.AnswerTimeout)
	order("verification.timeout", v.Timeout, "verification.spacing", v.Spacing)
	for i, x := range k.IPBX {
		at := fmt.Sprintf("ipbx[%d].no_answer", i)
		if o.AnswerTimeout+o.HoldBudget >= x.NoAnswer && k.sound(at, "overflow.answer_timeout", "overflow.hold_budget") {
			k.fault(at, CodeNoAnswer, k.say.ConfigNoAnswer(x.Name, o.AnswerTimeout, o.HoldBudget, x.NoAnswer))
		}
	}
	if !k.Automatic() || !v.Act {
		return
	}
	longest := time.Duration(v.Count+v.AloneExtra-1)*v.Spacing + v.Timeout
	if o.HoldBudget < longest && k.sound("overflow.hold_budget", "verification") {
		k.advise("overflow.hold_budget", CodeHoldShort, k.say.ConfigHoldShort(o.HoldBudget, longest))
	}
	if !v.Dead && !v.Gray && !v.Degraded && k.sound("verification.switch_on") {
		k.advise("verification.switch_on", CodeNoSwitchOn, k.say.ConfigNoSwitchOn())
	}
}

func (k *checker) checksList() {
	options := 0
	for i, c := range k.Checks {
		at := fmt.Sprintf("checks[%d]", i)
		if !k.sound(at + ".type") {
			return
		}
		switch c.Type {
		case "":
			k.need(true, at+".type")
			return
		case "options":
			options++
		case "tcp":
			k.need(c.Port == 0, at+".port")
		case "exec":
			k.need(len(c.Command) == 0, at+".command")
		}
	}
	if options != 1 && k.sound("checks") {
		k.fault("checks", CodeOptionsCheck, k.say.ConfigOptionsCheck())
	}
}

// rescue: the operators' desk is at the IPBX. A host that is the name of a
// configured IPBX means its address.
func (k *checker) rescue() {
	u := &k.Rescue
	if u.IsZero() {
		return
	}
	for _, x := range k.IPBX {
		if u.IsName() && u.Host == x.Name && !x.Address.IsZero() {
			user := u.User
			*u = x.Address
			u.User = user
		}
	}
	switch {
	case u.User == "":
		k.fault("rescue", CodeSIP, k.say.ConfigNeedUser("rescue", u.String()))
	case k.ownAddress(u.Addr):
		k.fault("rescue", CodeRescueLoop, k.say.ConfigRescueLoop(u.Addr.String()))
	}
}

// ownAddress says that a is a voice server or one of our listeners.
func (k *checker) ownAddress(a netip.AddrPort) bool {
	for _, s := range k.Servers {
		if s.Address.Addr == a {
			return true
		}
	}
	for _, l := range k.Listen {
		if l.Address == a || l.Advertise == a {
			return true
		}
	}
	return false
}
