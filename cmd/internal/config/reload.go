package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Reach is what it takes for a change to be in force.
type Reach string

// Live: between two calls, by releve reload. Restart: a new start, for a socket,
// the store or the identity of a place hangs on it.
const (
	Live    Reach = "live"
	Restart Reach = "restart"
)

// keysAtStart need a restart, with all that is below them. Indexes and the
// names of users are left out of a path here. Why each: sockets and what they
// carry (listen, media, dscp, tls, dns, the doors of admin and the limits that the sockets keep),
// what was opened once (keys, store, the hold prompt), and what records, alarms and the stored
// row are named or counted by (level, the names, roles and redundancy).
var keysAtStart = []string{
	"level", "listen", "dscp", "tls", "dns", "keys", "store", "admin.listen", "admin.socket", "admin.tls", "media", "overflow.hold_prompt",
	"ipbx.name", "ipbx.kind", "ipbx.redundancy", "servers.name", "servers.role", "registration.mode",
	"limits.connections", "limits.connections_per_source", "limits.message_size", "limits.strangers",
}

// keysLive are applied by a reload.
var keysLive = []string{
	"site", "language", "wel_licences", "service_numbers", "overflow", "verification", "checks", "dissuasion",
	"rescue", "dead_calls", "lost_calls", "contacts", "limits", "mirror", "backup_data", "drill", "alarms", "admin.users", "admin.readers", "admin.wall_token_file",
	"ipbx.address", "ipbx.sources", "ipbx.profile", "ipbx.no_answer", "ipbx.max_grant", "ipbx.identity",
	"ipbx.hold_signal", "ipbx.dissuasion", "ipbx.rewrite_contact", "ipbx.redirect_rescue", "ipbx.mark", "ipbx.large",
	"servers.address", "servers.lines", "servers.version", "servers.user", "servers.identity", "servers.large", "servers.machine", "servers.analogue",
	"registration.expires", "registration.users",
}

var placeInPath = regexp.MustCompile(`\[\d+\]`)

// keyOf is a path without indexes and names of users.
func keyOf(path string) string {
	const users = "registration.users"
	if strings.HasPrefix(path, users+".") {
		return users + path[strings.LastIndexByte(path, '.'):]
	}
	return placeInPath.ReplaceAllString(path, "")
}

// ReachOf is what a change at path takes. A key that nobody thought of needs a
// restart.
func ReachOf(path string) Reach {
	key := keyOf(path)
	below := func(k string) bool { return key == k || strings.HasPrefix(key, k+".") }
	if slices.ContainsFunc(keysAtStart, below) || !slices.ContainsFunc(keysLive, below) {
		return Restart
	}
	return Live
}

// Compare names what differs between two configurations in the order of their
// paths: Diff of what they show, and the passwords, which show nothing but that
// they changed.
func Compare(before, after *Config) ([]Change, error) {
	changes, err := Diff(before.Show(), after.Show())
	if err != nil {
		return nil, err
	}
	for _, u := range after.Registration.Users {
		path := join(join("registration.users", u.Name), "password")
		for _, old := range before.Registration.Users {
			known := slices.ContainsFunc(changes, func(c Change) bool { return c.Path == path })
			if old.Name == u.Name && old.Password.value != u.Password.value && !known {
				changes = append(changes, Change{Path: path, Old: stars, New: stars, Reach: Live})
			}
		}
	}
	for i := range min(len(before.Checks), len(after.Checks)) {
		path := fmt.Sprintf("checks[%d].password", i)
		known := slices.ContainsFunc(changes, func(c Change) bool { return c.Path == path })
		if before.Checks[i].Password.value != after.Checks[i].Password.value && !known {
			changes = append(changes, Change{Path: path, Old: stars, New: stars, Reach: Live})
		}
	}
	changes = mirrorPasswords(changes, &before.Mirror, &after.Mirror)
	changes = newSecret(changes, "alarms.mail.password", before.Alarms.Mail.Password, after.Alarms.Mail.Password)
	if !slices.ContainsFunc(changes, func(c Change) bool { return c.Path == "store.password" }) &&
		before.Store.Password.value != after.Store.Password.value {
		changes = append(changes, Change{Path: "store.password", Old: stars, New: stars, Reach: Restart})
	}
	changes = receiverSecrets(changes, &before.Alarms, &after.Alarms)
	slices.SortFunc(changes, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return changes, nil
}

func mirrorPasswords(changes []Change, before, after *Mirror) []Change {
	for _, x := range []struct {
		path     string
		old, now Secret
	}{{"mirror.main_password", before.Main.Password, after.Main.Password}, {"mirror.mirror_password", before.Mirror.Password, after.Mirror.Password}} {
		known := slices.ContainsFunc(changes, func(c Change) bool { return c.Path == x.path })
		if x.old.value != x.now.value && !known {
			changes = append(changes, Change{Path: x.path, Old: stars, New: stars, Reach: Live})
		}
	}
	return changes
}

// AtStart are the keys among changes that a reload cannot apply.
func AtStart(changes []Change) (paths []string) {
	for _, c := range changes {
		if c.Reach == Restart {
			paths = append(paths, c.Path)
		}
	}
	return paths
}

// Says says that the file has the key at path.
func (c *Config) Says(path string) bool { _, ok := c.at[path]; return ok }

// File is where this configuration was read; "": it was not.
func (c *Config) File() string { return c.file }

// newSecret adds that the password at path changed, unless that is known.
func newSecret(changes []Change, path string, before, after Secret) []Change {
	known := slices.ContainsFunc(changes, func(c Change) bool { return c.Path == path })
	if before.value == after.value || known {
		return changes
	}
	return append(changes, Change{Path: path, Old: stars, New: stars, Reach: Live})
}
