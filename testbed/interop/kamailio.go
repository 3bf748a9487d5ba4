package interop

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

//go:embed kamailio.cfg
var kamailioConfig string

// modules of Kamailio stand under the directory of the machine's architecture.
const modules = "/usr/lib/*/kamailio/modules"

// kamailio is the IPBX of a row.
type kamailio struct{ *process }

func startKamailio(n network, dir string, r *row, cert *certificates) (*kamailio, error) {
	found, err := filepath.Glob(modules)
	if err != nil || len(found) == 0 {
		return nil, fmt.Errorf("no %s; install kamailio", modules)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	file, err := os.Create(filepath.Join(dir, "kamailio.cfg"))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	values := map[string]string{
		"Addr": n.addr(hostIPBX).String(), "ReleveAddr": n.addr(hostReleve).String(),
		"Trunk": uri("", n.at(hostReleve), r.trunk), "Dir": dir, "Modules": found[0] + "/",
		"Policy": cmp.Or(r.policy, "replace"), "Fault": cmp.Or(r.fault, "none"), "NonceLife": fmt.Sprint(cmp.Or(r.nonceLife, 300)), "Grant": fmt.Sprint(cmp.Or(r.grant, 120)),
	}
	if cert != nil {
		values["Key"], values["Certificate"], values["CA"] = cert.ipbxKey, cert.ipbx, cert.ca
	}
	t, err := template.New("kamailio.cfg").Parse(kamailioConfig)
	if err != nil {
		return nil, err
	}
	if err := t.Execute(file, values); err != nil {
		return nil, err
	}
	p, err := start("kamailio", dir, "kamailio", "-DD", "-E", "-f", file.Name(), "-Y", dir)
	return &kamailio{p}, err
}

// rpc asks the running Kamailio over its own socket.
func (k *kamailio) rpc(ctx context.Context, words ...string) (string, error) {
	said, err := exec.CommandContext(ctx, "kamcmd", append([]string{"-s", "unix:" + k.dir + "/ctl"}, words...)...).CombinedOutput()
	if err != nil || strings.HasPrefix(string(said), "error:") { // its exit code does not tell
		return "", fmt.Errorf("kamcmd %s: %w: %s", strings.Join(words, " "), err, said)
	}
	return string(said), nil
}

// set changes how the registrar behaves from now on.
func (k *kamailio) set(ctx context.Context, knob, value string) error {
	_, err := k.rpc(ctx, "htable.sets", "knob", knob, "s:"+value) // s: a string, even of digits
	return err
}

// forget removes every binding of a user, as an IPBX that lost its memory.
func (k *kamailio) forget(ctx context.Context, user string) error {
	_, err := k.rpc(ctx, "ul.rm", "location", "s:"+user)
	return err
}

var (
	aor     = regexp.MustCompile(`AoR:\s*(\S+)`)
	contact = regexp.MustCompile(`Address:\s*(\S+)`)
)

// bindings lists the contacts of each user (ul.dump).
func (k *kamailio) bindings(ctx context.Context) (map[string][]string, error) {
	said, err := k.rpc(ctx, "ul.dump")
	if err != nil {
		return nil, err
	}
	out := make(map[string][]string)
	user := ""
	for line := range strings.Lines(said) {
		if m := aor.FindStringSubmatch(line); m != nil {
			user = m[1]
		}
		if m := contact.FindStringSubmatch(line); m != nil {
			out[user] = append(out[user], m[1])
		}
	}
	return out, nil
}

// bound waits until user has exactly these contacts.
func (k *kamailio) bound(ctx context.Context, user string, contacts ...string) error {
	for {
		b, err := k.bindings(ctx)
		if err == nil {
			slices.Sort(b[user])
			slices.Sort(contacts)
			if slices.Equal(b[user], contacts) {
				return nil
			}
		}
		if !pause(ctx, interval) {
			return errors.Join(fmt.Errorf("kamailio binds %s to %v, wanted %v", user, b[user], contacts), err)
		}
	}
}

// registered waits until user has a contact.
func (k *kamailio) registered(ctx context.Context, user string) error {
	for {
		b, err := k.bindings(ctx)
		if err == nil && len(b[user]) > 0 {
			return nil
		}
		if !pause(ctx, interval) {
			return errors.Join(fmt.Errorf("%s is not registered at kamailio", user), err)
		}
	}
}

// both is a moment at which the two licensed users were bound, as the registrar
// itself noted it after each change.
var both = regexp.MustCompile(`BOUND 5001=1 5002=1.*`)

// overlapped fails when the registrar ever had both users bound.
func (k *kamailio) overlapped() error {
	if m := both.FindString(k.said.since(0)); m != "" {
		return fmt.Errorf("both licensed users were bound at once: %s", m)
	}
	return nil
}
