package app

import (
	"context"
	"reflect"
	"strings"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
	"releve/health/probe"
	"releve/router"
	"releve/router/control"
)

// A reload, all or nothing:
//
//	file ─► faults? ─► keys of a restart? ─► sockets, names ─► loop: un-REGISTER what moves
//	          │              │                   │                    │ proven, or leavePatience
//	          └──────────────┴───────────────────┴─► nothing changed  ▼
//	                                     loop: configuration, proxy, registrar, mind, in one step
//
// Calls see the former settings or the new ones, never a mixture: proxy.Reload is
// one exchange between two messages of each shard. The loop performs the change
// itself, so no effect of the mind falls between its parts.

// leavePatience is how long a registrar that is left has to prove that nothing
// is bound there any more: three un-REGISTERs within registerLimit, and their
// answers. Our choice; what is not proven then is waited out, see router/licence.
const leavePatience = registerLimit + time.Second

// changing is a reload between its two steps. Owned by the loop.
type changing struct {
	next    *config.Config
	policy  control.Policy
	again   [router.Servers]bool
	by      time.Time
	plan    *probe.Plan   // of the checks; nil: they stay
	applied chan struct{} // closed
}

// reloads serves Options.Reload until the returned function is called.
func (a *App) reloads() (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case <-a.options.Reload:
				_, _ = a.Reload(ctx, admin.Asked{Actor: "SIGHUP", Lang: text.English}) // told by its event and in the log
			}
		}
	}()
	return func() { cancel(); <-done }
}

// Reload reads the file again and applies it whole, or changes nothing and says
// why. One at a time; ctx bounds the wait for the one before, and for the loop.
func (a *App) Reload(ctx context.Context, asked admin.Asked) (admin.Reload, error) {
	select {
	case a.reloading <- struct{}{}:
		defer func() { <-a.reloading }()
	case <-ctx.Done():
		return admin.Reload{Outcome: admin.ReloadBusy}, nil
	}
	file := a.cfg().File()
	out := admin.Reload{File: file}
	next, problems, err := config.Load(file, asked.Lang)
	out.Problems = problems
	if err != nil {
		out.Outcome = admin.ReloadFaulty
	} else {
		a.compare(ctx, next, &out)
	}
	a.told(asked.Actor, &out)
	return out, nil
}

// compare applies what differs, or says what keeps it from that.
func (a *App) compare(ctx context.Context, next *config.Config, out *admin.Reload) {
	changes, err := config.Compare(a.cfg(), next)
	out.Changes, out.Restart = changes, config.AtStart(changes)
	switch {
	case err != nil:
		out.Outcome, out.Cause = admin.ReloadFailed, firstLine(err.Error())
	case len(out.Restart) > 0:
		out.Outcome = admin.ReloadRestart
	case len(changes) == 0:
		out.Outcome = admin.ReloadApplied
	default:
		a.apply(ctx, next, out)
	}
}

// apply brings next into force.
func (a *App) apply(ctx context.Context, next *config.Config, out *admin.Reload) {
	if err := a.names.prepare(ctx, a.under(next)); err != nil {
		out.Outcome, out.Cause = admin.ReloadFailed, firstLine(err.Error())
		return
	}
	before := a.cfg()
	receivers, err := a.receivers(next)
	if err != nil {
		out.Outcome, out.Cause = admin.ReloadFailed, firstLine(err.Error())
		a.names.settle(a.under(before))
		return
	}
	c := &changing{next: next, policy: a.under(next).controlPolicy(), again: repeated(before, next), applied: make(chan struct{})}
	if !reflect.DeepEqual(before.Checks, next.Checks) || !reflect.DeepEqual(before.Servers, next.Servers) {
		plan, err := a.under(next).checkPlan()
		if err != nil {
			out.Outcome, out.Cause = admin.ReloadFailed, firstLine(err.Error())
			a.names.settle(a.under(before))
			return
		}
		c.plan = &plan
	}
	busy := false
	_, err = a.mind.request(ctx, request{do: func() { busy = !a.mind.begin(c) }, reply: make(chan []control.Effect, 1)})
	switch {
	case err != nil:
		out.Outcome, out.Cause = admin.ReloadFailed, firstLine(err.Error())
	case busy:
		out.Outcome = admin.ReloadBusy
	default:
		select {
		case <-c.applied:
			a.receive(receivers)
			out.Outcome, out.Elsewhere = admin.ReloadApplied, a.elsewhere()
		case <-a.mind.life.Done():
			out.Outcome, out.Cause = admin.ReloadFailed, errStopping.Error()
		case <-a.mind.frozen:
			out.Outcome, out.Cause = admin.ReloadFailed, errFrozen.Error()
		}
	}
	if out.Outcome != admin.ReloadApplied {
		next = before // what was prepared for it is not needed
	}
	a.names.settle(a.under(next))
}

// under is a as far as settings are made of its configuration, with another one.
func (a *App) under(c *config.Config) *App {
	other := &App{keys: a.keys, names: a.names, proxy: a.proxy, mind: a.mind, started: a.started}
	other.current.Store(c)
	return other
}

// repeated are the servers whose user's credentials are others.
func repeated(before, next *config.Config) (again [router.Servers]bool) {
	for s := router.Primary; s <= router.Secondary; s++ {
		old, _ := before.UserOf(s)
		u, ok := next.UserOf(s)
		again[s] = ok && (old.Username != u.Username || old.Password.Value() != u.Password.Value())
	}
	return again
}

// elsewhere: a former registrar may still hold a binding.
func (a *App) elsewhere() bool {
	a.mind.mu.Lock()
	defer a.mind.mu.Unlock()
	for _, of := range a.mind.status.licence.Bindings {
		for _, b := range of {
			if b.Elsewhere > 0 {
				return true
			}
		}
	}
	return false
}

// told writes what became of a reload into the journal and the log.
func (a *App) told(actor string, r *admin.Reload) {
	about := map[string]string{"file": r.File}
	switch r.Outcome {
	case admin.ReloadApplied:
		about["changes"] = number(uint64(len(r.Changes)))
		a.eventBy(actor, text.EventConfigLoaded, about)
		a.log.Info("configuration reloaded", "file", r.File, "changes", len(r.Changes), "by", actor)
		return
	case admin.ReloadFaulty:
		faults := 0
		for _, p := range r.Problems {
			if !p.Advice {
				faults++
				a.log.Error("configuration refused", "problem", p.String())
			}
		}
		about["problems"] = number(uint64(faults))
		a.eventBy(actor, text.EventConfigRefused, about)
		return
	case admin.ReloadRestart:
		about["keys"] = strings.NewReplacer("[", ".", "]", "").Replace(strings.Join(r.Restart, ", ")) // brackets are the catalogue's
		a.eventBy(actor, text.EventConfigRestart, about)
	default:
		about["cause"] = r.Cause
		if r.Outcome == admin.ReloadBusy {
			about["cause"] = "a switchover, a return or another reload is under way"
		}
		a.eventBy(actor, text.EventConfigPut, about)
	}
	a.log.Error("configuration not applied", "file", r.File, "why", r.Outcome, "keys", strings.Join(r.Restart, ", "), "cause", r.Cause, "by", actor)
}

// begin is the first step, on the loop; false: a move of the licence is under
// way, and this would be another one.
func (m *mind) begin(c *changing) bool {
	if m.changing != nil {
		return false
	}
	if m.booted && m.state.Moving() && m.state.Relocates(c.policy) {
		return false
	}
	c.by = time.Now().Add(leavePatience)
	m.changing = c
	effects, waits := m.state.Leave(m.clock.now(), c.policy, nil)
	m.performAll(effects)
	if !waits {
		c.by = time.Time{}
	}
	m.changeOn()
	return true
}

// changeOn takes the second step when nothing has to be waited for any more.
func (m *mind) changeOn() {
	c := m.changing
	if c == nil || time.Now().Before(c.by) && !m.state.Left() {
		return
	}
	m.changing = nil
	m.sample() // what the former servers did is theirs
	for _, e := range m.results.take() {
		m.step(e)
	}
	a := m.app
	before := a.cfg()
	a.current.Store(c.next)
	a.proxy.Reload(a.proxyConfig())
	a.registrar.Reconfigure(a.licensedUsers(), a.registrars())
	if c.plan != nil {
		m.rerun(*c.plan)
	}
	a.mirror.reload(before, c.next)
	m.forgetProbes(before, c.next)
	m.performAll(m.state.Reconfigure(m.clock.now(), c.policy, c.again, nil))
	m.picture()
	close(c.applied)
}

func (m *mind) performAll(effects []control.Effect) {
	m.left = router.NoServer
	m.moved(m.state.Licence(m.clock.now()))
	for i := range effects {
		m.perform(&effects[i])
	}
}

// forgetProbes: what a server answered at another address is not shown of this
// one.
func (m *mind) forgetProbes(before, next *config.Config) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for s := router.Primary; s <= router.Secondary; s++ {
		old, _ := before.Server(s)
		if now, ok := next.Server(s); ok && now.Address != old.Address {
			m.last[s] = probed{}
		}
	}
}

// longestPause is how long the loop sleeps at most.
func (m *mind) longestPause() time.Duration {
	if m.changing != nil {
		return max(time.Until(m.changing.by), minPause)
	}
	return time.Minute
}
