package config

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"releve/cmd/internal/admin/password"
)

// Admin are the doors for operators: a Unix socket for the verbs, and the alarm
// screen over HTTP.
type Admin struct {
	Listen    netip.AddrPort // of the alarm screen, 127.0.0.1:8460; not valid (off): none
	Socket    string         // Unix socket, 0660; /run/releve/admin.sock
	TLS       AdminTLS       // needed when Listen is no loopback address
	Users     []AdminUser    // 0–100; needed when Listen is no loopback address
	Readers   []string       // system users, such as nagios, whom the socket lets look and not act, though its group lets them in
	WallToken string         // wall_token_file: opens the wallboard, to be looked at; "": none
}

// AdminTLS is what the alarm screen shows to browsers. The files are PEM and may
// change while Relève runs.
type AdminTLS struct {
	Certificate string // the chain, leaf first
	Key         string
}

// Roles of an AdminUser.
const (
	RoleReader   = "reader"   // looks
	RoleOperator = "operator" // acknowledges alarms, too
)

// AdminUser may log in at the alarm screen. The file is read again at each login.
type AdminUser struct {
	Name         string
	Role         string // reader or operator
	PasswordFile string // an argon2id hash, as releve user hash prints it
}

// Bounds of this section, our choices.
const (
	maxUserName  = 64 // characters
	shortestWall = 24 // characters of a wall token: it is no password that a person types
)

func defaultAdmin() Admin {
	return Admin{Listen: netip.MustParseAddrPort("127.0.0.1:8460"), Socket: "/run/releve/admin.sock"}
}

// Local says that only this machine reaches the alarm screen.
func (a Admin) Local() bool { return a.Listen.Addr().IsLoopback() }

// Secured says that browsers speak TLS with it.
func (a Admin) Secured() bool { return a.TLS != AdminTLS{} }

// LoginNeeded says that who has no session sees nothing.
func (a Admin) LoginNeeded() bool { return len(a.Users) > 0 || !a.Local() }

func (r *reader) admin(a *Admin) take {
	return func(n *yaml.Node, path string) {
		r.mapping(n, path,
			field{"listen", r.adminListen(&a.Listen)},
			field{"socket", r.path(&a.Socket)},
			field{"tls", func(n *yaml.Node, p string) {
				r.mapping(n, p, field{"certificate", r.path(&a.TLS.Certificate)}, field{"key", r.path(&a.TLS.Key)})
			}},
			field{"users", r.adminUsers(&a.Users)},
			field{"readers", r.readers(&a.Readers)},
			field{"wall_token_file", r.path(&a.WallToken)},
		)
	}
}

// adminListen reads an IP address with its port, or off.
func (r *reader) adminListen(dst *netip.AddrPort) take {
	return func(n *yaml.Node, path string) {
		s, ok := r.scalar(n, path)
		if !ok {
			return
		}
		if s == "off" {
			*dst = netip.AddrPort{}
			return
		}
		a, err := netip.ParseAddrPort(s)
		if err != nil || a.Port() == 0 || a.Addr().Zone() != "" {
			r.fault(n, path, CodeAdminListen, r.say.ConfigAdminListen(path, s))
			return
		}
		*dst = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	}
}

func (r *reader) adminUsers(dst *[]AdminUser) take {
	return func(n *yaml.Node, path string) {
		r.list(n, path, maxList, func(e *yaml.Node, at string) {
			u := AdminUser{Role: RoleReader}
			r.mapping(e, at,
				field{"name", r.userName(&u.Name)}, field{"role", oneOf(r, &u.Role, plain(RoleReader, RoleOperator)...)},
				field{"password_file", r.path(&u.PasswordFile)},
			)
			*dst = append(*dst, u)
		})
	}
}

func (r *reader) readers(dst *[]string) take {
	return func(n *yaml.Node, path string) {
		r.list(n, path, maxList, func(e *yaml.Node, at string) {
			name := ""
			if r.userName(&name)(e, at); name != "" {
				*dst = append(*dst, name)
			}
		})
	}
}

// userName reads a name as the journal writes it.
func (r *reader) userName(dst *string) take {
	return func(n *yaml.Node, path string) {
		if s, ok := r.scalar(n, path); ok && utf8.RuneCountInString(s) > maxUserName {
			r.fault(n, path, CodeAdminUser, r.say.ConfigAdminUserName(path, maxUserName))
		} else if ok {
			*dst = strings.TrimSpace(s)
		}
	}
}

// admin: a screen that the network reaches asks who looks at it, and nobody
// listens in.
func (k *checker) admin() {
	a := k.Admin
	k.adminTLS()
	taken := map[string]bool{}
	for i, u := range a.Users {
		k.adminUser(fmt.Sprintf("admin.users[%d]", i), u, taken)
	}
	k.wallToken()
	if !a.Listen.IsValid() || !k.sound("admin.listen") {
		return
	}
	if !a.Local() {
		if len(a.Users) == 0 && k.sound("admin.users") {
			k.fault("admin.listen", CodeAdminOpen, k.say.ConfigAdminOpen(a.Listen.String(), "admin.users"))
		}
		if !a.Secured() && k.sound("admin.tls") {
			k.fault("admin.listen", CodeAdminOpen, k.say.ConfigAdminOpen(a.Listen.String(), "admin.tls"))
		}
	}
	for i, l := range k.Listen {
		if l.Transport != "udp" && l.Address == a.Listen {
			k.fault("admin.listen", CodeDuplicateAddress, k.say.ConfigDuplicateAddress(a.Listen.String(), fmt.Sprintf("listen[%d]", i)))
		}
	}
}

func (k *checker) adminTLS() {
	t := k.Admin.TLS
	if !k.Admin.Secured() || !k.sound("admin.tls.certificate", "admin.tls.key") {
		return
	}
	k.need(t.Certificate == "", "admin.tls.certificate")
	k.need(t.Key == "", "admin.tls.key")
	k.keyPair("admin.tls", t.Certificate, t.Key)
}

// adminUser: a name of its own, and a hash that can be read now.
func (k *checker) adminUser(at string, u AdminUser, taken map[string]bool) {
	k.need(u.Name == "", at+".name")
	k.need(u.PasswordFile == "", at+".password_file")
	if u.Name != "" && taken[u.Name] {
		k.fault(at+".name", CodeAdminUser, k.say.ConfigAdminUserTwice(u.Name))
	}
	taken[u.Name] = true
	path := at + ".password_file"
	if u.PasswordFile == "" || !k.sound(path) {
		return
	}
	raw, ok := k.secretFile(path, u.PasswordFile)
	if !ok {
		return
	}
	if _, err := password.Parse(raw); err != nil {
		k.fault(path, CodeAdminPassword, k.say.ConfigAdminPassword(u.Name, u.PasswordFile))
	}
}

func (k *checker) wallToken() {
	const path = "admin.wall_token_file"
	if k.Admin.WallToken == "" || !k.sound(path) {
		return
	}
	raw, ok := k.secretFile(path, k.Admin.WallToken)
	if ok && !WallTokenSound(raw) {
		k.fault(path, CodeWallToken, k.say.ConfigWallToken(k.Admin.WallToken, shortestWall))
	}
}

// WallTokenSound says that a wall token is long enough, and goes into a URL and a
// cookie as it is.
func WallTokenSound(s string) bool {
	s = strings.TrimSpace(s)
	return len(s) >= shortestWall && len(s) <= 256 &&
		strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// secretFile reads a file that nobody else should.
func (k *checker) secretFile(path, file string) (string, bool) {
	raw, err := readBounded(file, maxSecret)
	if err != nil {
		k.fault(path, CodeSecret, k.say.ConfigTLSFile(path, file, k.say.Cause(plainCause(err))))
		return "", false
	}
	if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o004 != 0 {
		k.advise(path, CodeSecretOpen, k.say.ConfigSecretOpen(file))
	}
	return string(raw), true
}

func (a Admin) tree() *yaml.Node {
	p := newPairs()
	if a.Listen.IsValid() {
		p.quoted("listen", a.Listen.String())
	} else {
		p.plain("listen", "off")
	}
	p.plain("socket", a.Socket)
	if a.Secured() {
		t := newPairs()
		t.plain("certificate", a.TLS.Certificate)
		t.plain("key", a.TLS.Key)
		p.put("tls", t.node)
	}
	p.put("users", listNode(each(a.Users, func(u AdminUser) *yaml.Node {
		one := newPairs()
		one.quoted("name", u.Name)
		one.plain("role", u.Role)
		one.plain("password_file", u.PasswordFile)
		return one.node
	}), false))
	p.put("readers", listNode(each(a.Readers, quotedNode), true))
	p.plain("wall_token_file", a.WallToken)
	return p.node
}
