package moves

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"releve/testbed/node"
	"releve/testbed/server"
)

const (
	tick     = 50 * time.Millisecond
	patience = 60 * time.Second // for what must come soon; a slow machine has time
)

// world is one installation and what goes wrong with it.
type world struct {
	setting
	place
	binary, dir string
	yaml        string
	random      *rand.Rand
	stated      time.Duration // by config check, before the start
	suffix      string        // of the passwords of now
	left        []*trouble    // of the deck

	releve  *node.Node // nil: it is down
	relay   *relay
	reg     registrar
	servers [2]*server.Server // primary, secondary

	kills, restarts, registrarRestarts int
	bases                              []time.Time // from when a fence may run: the command, and each start of Relève since
	idle                               bool        // the move has not begun: an automatic one, before its verification is over
}

func newWorld(ctx context.Context, s setting, p place, o Options, dir string) (w *world, err error) {
	w = &world{setting: s, place: p, binary: o.Binary, dir: dir, random: rand.New(rand.NewPCG(o.Seed, uint64(p.world)))}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return w, err
	}
	if err := w.openRegistrar(ctx); err != nil {
		return w, err
	}
	noise := rand.New(rand.NewPCG(o.Seed, uint64(1000+p.world)))
	if w.relay, err = newRelay(p.addr(hostFront), p.addr(hostSecond), p.addr(hostBack), p.at(hostRegistrar), noise); err != nil {
		return w, err
	}
	if o.Keep {
		if w.relay.trace, err = os.Create(filepath.Join(dir, "trace.sip")); err != nil {
			return w, err
		}
	}
	if err := writeSecrets(dir, ""); err != nil {
		return w, err
	}
	w.yaml = s.yaml(p, dir)
	if w.stated, err = stated(ctx, o.Binary, dir, w.yaml); err != nil {
		return w, err
	}
	if err := w.openServers(); err != nil {
		return w, err
	}
	return w, w.start()
}

func (w *world) openRegistrar(ctx context.Context) error {
	if !w.kamailio {
		r, err := startOurs(w.at(hostRegistrar), w.at(hostBack), time.Duration(w.grant)*time.Second)
		w.reg = r
		return err
	}
	r, err := startPeer(ctx, filepath.Join(w.dir, "kamailio"), w.addr(hostRegistrar), w.addr(hostBack), w.setting.grant, w.nonceLife)
	w.reg = r
	return err
}

func (w *world) openServers() (err error) {
	for i, user := range users {
		c := server.Config{
			Name: "wel", Addr: w.at(hostServers + i).String(), Lines: 8, Releve: w.at(hostReleve), User: user,
		}
		if w.mode != pair {
			c.Register = server.Register{
				AOR: "sip:" + user + "@" + w.addr(hostFront).String(), Username: user, Password: secret(user, ""),
				Expires: expires * time.Second, Every: 2 * time.Second,
			}
		}
		if w.servers[i], err = server.Start(c); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) close() error {
	var errs []error
	if w.releve != nil {
		errs = append(errs, w.releve.Kill())
	}
	for _, s := range w.servers {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	if w.reg != nil {
		errs = append(errs, w.reg.close())
	}
	if w.relay != nil {
		w.relay.close()
	}
	return errors.Join(errs...)
}

// start runs Relève; whatever fence it knows of begins anew.
func (w *world) start() (err error) {
	if !w.idle {
		w.bases = append(w.bases, time.Now())
	}
	w.releve, err = node.Launch(w.binary, w.dir, w.yaml)
	return err
}

// kill is kill -9; stop is SIGTERM. Both do nothing to a Relève that is down.
func (w *world) kill() error {
	if w.releve == nil {
		return nil
	}
	err := w.releve.Kill()
	w.releve, w.kills = nil, w.kills+1
	return err
}

func (w *world) stop() error {
	if w.releve == nil {
		return nil
	}
	err := w.releve.Stop()
	w.releve, w.restarts = nil, w.restarts+1
	return err
}

// state is the part of `releve status` that a move looks at.
type state struct {
	Active  string `json:"active"`
	Phase   string `json:"phase"`
	Servers []struct {
		Role    string `json:"role"`
		Verdict string `json:"verdict"`
		Ready   bool   `json:"ready"`
	} `json:"servers"`
	Registration struct {
		Holder string `json:"holder"`
		Phase  string `json:"phase"`
	} `json:"registration"`
}

var roles = [2]string{"primary", "secondary"}

// rests says that this server is active and nothing moves.
func (s state) rests(which int) bool {
	return s.Active == roles[which] && s.Phase == []string{"normal", "on-secondary"}[which]
}

// moves says that the licence is being moved.
func (s state) moves() bool { return s.Phase == "switching" || s.Phase == "returning" }

// still says that nothing moves.
func (s state) still() bool { return s.Phase == "normal" || s.Phase == "on-secondary" }

// ready says that both servers are known good, and the passive one may take over.
func (s state) ready() bool {
	for _, v := range s.Servers {
		if v.Verdict != "HEALTHY" || v.Role != s.Active && !v.Ready {
			return false
		}
	}
	return len(s.Servers) == 2
}

func (w *world) status(ctx context.Context) (s state, err error) {
	if w.releve == nil {
		return s, errors.New("releve is down")
	}
	return s, w.releve.JSON(ctx, "/api/v1/status", &s)
}

// alone says that the registrar binds the user of this server and no other.
func (w *world) alone(which int) bool { return slices.Equal(w.reg.bound(), []string{users[which]}) }

// settled waits until which is active and its user bound alone, and the other
// server may take over.
func (w *world) settled(ctx context.Context, which int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 3*patience, errors.New("the world does not settle"))
	defer cancel()
	var last state
	err := until(ctx, func() bool {
		s, err := w.status(ctx)
		if err == nil {
			last = s
		}
		return err == nil && s.rests(which) && s.ready() && w.alone(which)
	})
	if err != nil {
		return fmt.Errorf("%w: %s active wanted; status %+v, the registrar binds %v", err, roles[which], last, w.reg.bound())
	}
	return nil
}

// sees ends a world with what must never be: a stranger registers the passive
// user with the right password. A measure that misses it is blind.
func (w *world) sees(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 3*patience, errors.New("an overlap of our own making is not seen"))
	defer cancel()
	var now state
	if err := until(ctx, func() (ok bool) {
		var err error
		now, err = w.status(ctx)
		return err == nil && now.still() && len(w.reg.bound()) == 1
	}); err != nil {
		return err
	}
	user := users[1]
	if now.Active == roles[1] {
		user = users[0]
	}
	rogue, err := server.Start(server.Config{
		Name: "stranger", Addr: w.at(hostStranger).String(), Lines: 1, Releve: w.at(hostRegistrar), User: user,
		Register: server.Register{
			AOR: "sip:" + user + "@" + w.addr(hostFront).String(), Username: user, Password: secret(user, w.suffix),
			Expires: expires * time.Second, Every: time.Second,
		},
	})
	if err != nil {
		return err
	}
	defer func() { _ = rogue.Close() }() // it has said what it had to
	return until(ctx, func() bool {
		spans, err := w.reg.spans()
		all, _ := overlap(spans, time.Now())
		return err == nil && all > 0
	})
}

// picture is what is known when something went wrong.
func (w *world) picture(ctx context.Context) string {
	var b strings.Builder
	fmt.Fprintf(&b, "the registrar binds %v\n", w.reg.bound())
	if w.releve == nil {
		return b.String() + "releve is down\n"
	}
	for _, verb := range []string{"status", "licence", "events"} {
		said, _ := w.releve.Verb(ctx, verb) // its exit code tells the state, too
		fmt.Fprintf(&b, "--- releve %s\n%s\n", verb, said)
	}
	fmt.Fprintf(&b, "--- its log\n%s\n", w.releve.Log())
	return b.String()
}

// until polls cond until it holds or ctx ends.
func until(ctx context.Context, cond func() bool) error {
	t := time.NewTicker(tick)
	defer t.Stop()
	for !cond() {
		select {
		case <-t.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
