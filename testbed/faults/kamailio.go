package faults

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"releve/testbed/ipbx"
	"releve/testbed/server"
)

//go:embed kamailio.cfg
var kamailioConfig string

// kamailio is the peer.
type kamailio struct {
	*process
	dir string
}

// registrations are its two remote registrations; flags 1: disabled.
const registrations = `id(int,auto) l_uuid(string) l_username(string) l_domain(string) r_username(string) r_domain(string) realm(string) auth_username(string) auth_password(string) auth_ha1(string,null) auth_proxy(string) expires(int) flags(int) reg_delay(int) contact_addr(string) socket(string,null)
1:5001:5001:10.87.0.9:5001:10.87.0.1:faults:5001:` + secret + `::sip\:10.87.0.1\:5060:60:0:0:10.87.0.9\:5060:
2:5002:5002:10.87.0.9:5002:10.87.0.1:faults:5002:` + secret + `::sip\:10.87.0.1\:5060:60:1:0:10.87.0.9\:5060:
`

func (k *kamailio) begin(ctx context.Context, w *world) error {
	k.dir = filepath.Join(w.dir, "kamailio")
	if err := k.write(); err != nil {
		return fmt.Errorf("configure kamailio: %w", err)
	}
	if err := k.restart(ctx, w); err != nil {
		return err
	}
	return k.home(ctx, w)
}

func (k *kamailio) write() error {
	modules, err := filepath.Glob("/usr/lib/*/kamailio/modules")
	if err != nil || len(modules) == 0 {
		return errors.New("no /usr/lib/*/kamailio/modules; install kamailio")
	}
	const tables = "/usr/share/kamailio/dbtext/kamailio"
	version, err := os.ReadFile(filepath.Join(tables, "version"))
	if err != nil {
		return fmt.Errorf("%w; install kamailio", err)
	}
	t, err := template.New("kamailio.cfg").Parse(kamailioConfig)
	if err != nil {
		return err
	}
	var config strings.Builder
	if err := t.Execute(&config, map[string]string{"Dir": k.dir, "Modules": modules[0] + "/"}); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(k.dir, "tables"), 0o755); err != nil {
		return err
	}
	for name, body := range map[string]string{
		"kamailio.cfg": config.String(), "tables/uacreg": registrations, "tables/version": string(version),
		"dispatcher.list": "1 sip:10.87.0.2:5060 0 10\n1 sip:10.87.0.3:5060 0 5\n",
	} {
		if err := os.WriteFile(filepath.Join(k.dir, name), []byte(body), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (k *kamailio) restart(ctx context.Context, w *world) (err error) {
	k.process, err = start(w.hosts[hostHop], "kamailio", "kamailio",
		[]string{"-DD", "-E", "-f", filepath.Join(k.dir, "kamailio.cfg"), "-Y", k.dir, "-m", "64", "-M", "8"}, nil)
	if err != nil {
		return err
	}
	go k.reap(nil)
	return k.await(ctx, w, "kamailio runs", func(string, map[string]bool) bool { return true })
}

// home waits until the primary is up by its dispatcher and registered; it goes
// back by itself.
func (k *kamailio) home(ctx context.Context, w *world) error {
	return k.await(ctx, w, "kamailio serves with the primary", func(list string, users map[string]bool) bool {
		return strings.Count(list, "FLAGS: AP") == 2 && users[user1] && !users[user2]
	})
}

func (k *kamailio) await(ctx context.Context, w *world, what string, ok func(list string, users map[string]bool) bool) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		list, users, err := k.look(ctx, w)
		if err == nil && ok(list, users) {
			return nil
		}
		select {
		case <-tick.C:
		case <-k.done:
			return fmt.Errorf("wait until %s: %w", what, errGone)
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w; last seen %v %v %s", what, context.Cause(ctx), err, users, list)
		}
	}
}

// look asks its dispatcher, and the registrar.
func (k *kamailio) look(ctx context.Context, w *world) (list string, users map[string]bool, err error) {
	said, err := exec.CommandContext(ctx, "kamcmd", "-s", "unix:"+filepath.Join(k.dir, "ctl"), "dispatcher.list").CombinedOutput()
	if err != nil {
		return string(said), nil, fmt.Errorf("kamcmd: %w", err)
	}
	var bindings []ipbx.Binding
	if err := w.ipbx.Do(ctx, "bindings", nil, &bindings); err != nil {
		return string(said), nil, err
	}
	users = map[string]bool{}
	for _, b := range bindings {
		users[b.User] = true
	}
	return string(said), users, nil
}

// moved counts how often the calls went over to the second destination: once
// for each run of answers by the secondary, and at least once when a call was
// presented to it at all.
func (k *kamailio) moved(ctx context.Context, w *world) (n int, err error) {
	last := ""
	w.book.mu.Lock()
	for _, a := range w.book.answers {
		if a.by == nameSecondary && last != a.by {
			n++
		}
		last = a.by
	}
	w.book.mu.Unlock()
	var s server.Stats
	select {
	case <-w.servers[secondary].done: // the situation killed it
		return n, nil
	default:
	}
	if err := w.servers[secondary].Do(ctx, "stats", nil, &s); err != nil {
		return n, err
	}
	if s.Invites > 0 && n == 0 {
		n = 1
	}
	return n, nil
}

// verdicts: it reaches none; a destination is up or down.
func (k *kamailio) verdicts(context.Context, *world) ([]said, error) { return nil, nil }

func (k *kamailio) finish() error {
	if k.process != nil {
		_ = k.resume() // a stopped process does not end
		k.kill()
	}
	return nil
}

func (k *kamailio) log() string {
	if k.process == nil {
		return "(not started)"
	}
	return k.said.String()
}
