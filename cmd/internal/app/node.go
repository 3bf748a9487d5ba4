package app

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
	"releve/db"
	"releve/health/alarm"
	"releve/router"
	"releve/router/licence"
)

var _ admin.Node = (*App)(nil)

func (a *App) serveAdmin() error {
	door, err := admin.Listen(admin.Options{
		Socket: a.cfg().Admin.Socket, Node: a, Metrics: a.metrics(), Log: a.log,
		Looks: func(user string) bool { return slices.Contains(a.cfg().Admin.Readers, user) },
	})
	if err != nil {
		return err
	}
	a.door.Store(door)
	door.Start()
	a.stops = append(a.stops, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = door.Close(ctx)
	})
	a.serveScreen(door)
	return nil
}

// Status is the one-glance state.
func (a *App) Status(context.Context) admin.Status {
	m := a.mind
	m.mu.Lock()
	s, since := m.status, m.activeSince
	alarms := a.detailed(m.alarms.Active(), s.licence)
	k, n := int(s.view.Round), int(s.view.Of)
	switchovers, verifications := m.switchovers, m.verifications
	m.mu.Unlock()
	if !s.view.Verifying {
		k, n = 0, 0
	}
	out := admin.Status{
		Site: a.cfg().Site, Level: a.cfg().Level.String(), Headline: a.headline(s), Active: s.view.Active.String(),
		Since: since.UTC(), Reason: s.reason(), Phase: s.view.Phase.String(), Epoch: s.view.Epoch, Act: s.view.Act,
		Verification: admin.Progress{K: k, N: n}, Alarms: alarms, Started: a.started.UTC(), Now: time.Now().UTC(), Observed: s.at.UTC(),
		Version: a.options.Version, Counters: a.counters(switchovers, verifications),
		Contacts: admin.SiteContacts(a.cfg().Contacts), Data: a.secondaryData(), Exercise: a.exercise.running(),
		ReturnAt: s.returnAt,
	}
	for _, c := range a.cfg().Servers {
		out.Servers = append(out.Servers, a.serverStatus(c, s))
	}
	for i, x := range a.cfg().IPBX {
		out.IPBX = append(out.IPBX, a.ipbxStatus(i, x))
	}
	out.Registration, out.Mirror = registration(s.licence), a.mirrorStatus()
	out.Certificates = a.certificateStatus(out.Now)
	if s.licence.Mode == licence.Gate {
		out.Registration.Own = a.ownRegisters()
	}
	return out
}

func (a *App) headline(s snapshot) text.Headline {
	v := s.view
	works := s.verdicts[v.Active].Functional()
	switch {
	case v.Active != router.NoServer && !s.row.Known[v.Active]:
		return text.Unproven
	case a.nobody(s), v.Drained[v.Active]: // forced: the desk takes the calls, or nobody
		return text.Nobody
	case v.Verifying && !works:
		return text.Checking
	case v.Phase == router.Switching && !works: // the other one is not asked yet
		return text.Unproven
	case v.Active == router.Secondary:
		return text.OnSecondary
	}
	return text.Answering
}

// reason is why the role stands as it does, for the screen.
func (s *snapshot) reason() router.Reason {
	if s.view.Phase == router.BothDown {
		return router.ReasonBothDown
	}
	return s.row.Role.Reason
}

func (a *App) serverStatus(c config.Server, s snapshot) admin.Server {
	m := a.mind
	m.mu.Lock()
	last, since := m.last[c.Role], m.stateSince[c.Role]
	m.mu.Unlock()
	reserved, lines, exact := a.proxy.Dialogs.Lines(c.Role)
	out := admin.Server{
		Name: c.Name, Role: c.Role.String(), Address: shown(c.Address), Verdict: s.verdicts[c.Role].String(),
		Reserved: reserved, Lines: lines, Reconciled: exact, Calls: a.proxy.Dialogs.Calls(c.Role), Since: since,
		Stability: admin.Progress{K: min(int(s.good[c.Role]), 5), N: 5}, State: admin.StatePassive,
		Ready: c.Role != s.view.Active && s.ready, Host: [...]string{"unknown", "up", "down"}[s.host[c.Role]],
		Checks: checkStatus(m.checks().Latest(c.Role)), Version: c.Version.String(), Analogue: c.Analogue,
	}
	if s.view.Drained[c.Role] {
		out.Drained = a.marks.get().Drained[c.Role]
	}
	out.LinesMost, out.LinesFull = a.proxy.Dialogs.Learnt(c.Role)
	if k, ok := a.lastCall(c.Role); ok {
		out.Checks = append(out.Checks, k)
	}
	if last.answered() {
		out.RTT = float64(last.took.Microseconds()) / 1000
	}
	switch {
	case c.Role == s.view.Active:
		out.State = admin.StateActive
	case !last.at.IsZero() && (last.evidence == router.Silent || last.evidence == router.Refused):
		out.State = admin.StateDown
		if a.cfg().Level == router.Backup {
			out.State = admin.StateAbsent
		}
	}
	return out
}

func (a *App) ipbxStatus(i int, x config.IPBX) admin.IPBX {
	out := admin.IPBX{Name: x.Name, Address: shown(x.Address), Gateway: x.Gateway}
	if at := a.proxy.Stats.IPBXAt[i].Load(); at != 0 {
		out.Since = a.proxy.Started().Add(time.Duration(at)).UTC()
		out.Seen = time.Since(out.Since) < 4*a.cfg().Verification.IdleInterval
	}
	return out
}

func modeName(m licence.Mode) string { return [...]string{"trunk", "gate", "pair", "hold"}[m] }

func phaseName(p licence.Phase) string {
	return [...]string{"idle", "bound", "drain", "unreg", "claim", "confirm"}[p]
}

func registration(l licence.Status) admin.Registration {
	r := admin.Registration{Mode: modeName(l.Mode), Holder: l.Holder.String(), Phase: phaseName(l.Phase)}
	if l.Fence > 0 && l.Leaving != router.NoServer {
		r.Leaving, r.Fence = l.Leaving.String(), time.Now().Add(l.Fence).UTC()
	}
	for i := range l.IPBXs {
		b := l.Bindings[l.Holder][i]
		r.Refused = r.Refused || b.Refused
		if b.Up {
			r.Until = time.Now().Add(b.Remaining).UTC()
		}
	}
	return r
}

func (a *App) counters(switchovers, verifications uint64) admin.Counters {
	st := &a.proxy.Stats
	of := func(o router.Outcome) uint64 { return st.Outcomes[o].Load() }
	return admin.Counters{
		Offered: st.Offered.Load(), Answered: of(router.Answered), Dissuaded: of(router.Dissuaded),
		Cancelled: of(router.Cancelled), Rescued: of(router.Rescued), Refused: of(router.RefusedByPeer),
		Failed: of(router.Failed), Lost: of(router.Lost), InProgress: uint64(a.proxy.Dialogs.Len()),
		Held: st.Held.Load(), Switchovers: switchovers, Verifications: verifications,
	}
}

// Calls returns calls in progress, then records.
func (a *App) Calls(ctx context.Context, filter string, limit int) ([]admin.CallInfo, error) {
	var out []admin.CallInfo
	for _, c := range a.proxy.Dialogs.Live() {
		r := c.Record
		r.Duration = a.proxy.Now().Sub(c.Answered)
		if matches(&r, filter) && len(out) < limit {
			out = append(out, admin.CallInfo{CallRecord: r, Live: true})
		}
	}
	if err := a.settleRecords(ctx); err != nil {
		return nil, err
	}
	stored, err := a.store.calls(ctx, filter, limit-len(out))
	if err != nil {
		return nil, err
	}
	for _, r := range stored {
		out = append(out, admin.CallInfo{CallRecord: r})
	}
	return out, nil
}

// settleRecords makes what was recorded so far readable from the store.
func (a *App) settleRecords(ctx context.Context) error {
	if _, err := a.store.use(); err != nil || a.mind.inTrouble(storeAway) {
		return unread(err)
	}
	err := a.records.settle(ctx, a.store)
	if err == nil || ctx.Err() != nil || errors.Is(err, errNoRecords) {
		return err
	}
	return unread(err)
}

// unread: the store does not answer; it is known what that is, and told.
func unread(err error) error {
	return &admin.Fault{Status: http.StatusServiceUnavailable, Code: text.FaultStore, Detail: cause(err)}
}

// Events returns the newest lines of the journal.
func (a *App) Events(ctx context.Context, since time.Time, limit int) ([]db.Event, error) {
	if err := a.settleRecords(ctx); err != nil {
		return nil, err
	}
	return a.store.events(ctx, since, limit)
}

// Licence is the state of the registration in full.
func (a *App) Licence(context.Context) admin.Licence {
	a.mind.mu.Lock()
	l, by := a.mind.status.licence, a.mind.status.view.MoveBy
	alarms := a.mind.alarms.Active()
	a.mind.mu.Unlock()
	out := admin.Licence{
		Mode: modeName(l.Mode), Phase: phaseName(l.Phase), Holder: l.Holder.String(), Leaving: l.Leaving.String(),
		Epoch: l.Epoch, Waits: string(l.Waits), Proof: proofOf(l, by),
	}
	a.grants(l, &out)
	if l.Fence > 0 {
		out.Fence = time.Now().Add(l.Fence).UTC()
	}
	for s := router.Primary; s <= router.Secondary; s++ {
		u, ok := a.cfg().UserOf(s)
		if !ok || l.Mode == licence.Hold && s != router.Primary {
			continue
		}
		for i := range l.IPBXs {
			b := l.Bindings[s][i]
			row := admin.Binding{
				Role: s.String(), User: u.AOR.AOR(), IPBX: a.cfg().IPBX[i].Name, Possible: b.Possible,
				Granted: b.Granted, Refused: b.Refused, Unkept: b.Unkept, Foreign: b.Foreign > 0 || b.Overlap,
				Contacts: a.intruders(s, i, b.Overlap && b.Foreign == 0), Intruded: since(alarms, a.intruder(s, i)),
				Proves: b.Proves, Seen: a.listedAt(s, i),
			}
			if b.Possible {
				row.Gone = time.Now().Add(b.Fence).UTC()
			}
			if b.Elsewhere > 0 {
				row.Elsewhere = time.Now().Add(b.Elsewhere).UTC()
			}
			if b.Up {
				row.Until = time.Now().Add(b.Remaining).UTC()
			}
			out.Bindings = append(out.Bindings, row)
		}
	}
	out.Own = a.ownRegisters()
	return out
}

// since is when the alarm about a binding that nobody should have was raised.
func since(alarms []db.Alarm, object string) time.Time {
	for _, x := range alarms {
		if alarm.Number(x.Number) == alarm.ForeignBinding && x.Object == object {
			return x.Raised
		}
	}
	return time.Time{}
}

// grants says what each IPBX is reckoned to grant, and what the worst move is
// with it.
func (a *App) grants(l licence.Status, out *admin.Licence) {
	for i, x := range a.cfg().IPBX[:a.cfg().Registrars()] {
		g := admin.Grant{IPBX: x.Name, Longest: l.Grants[i], Grounds: string(x.Granted)}
		switch {
		case g.Longest == 0: // nothing is decided yet
			g.Longest = x.MaxGrant
		case l.Learnt[i] > 0:
			g.Grounds = "learnt"
		}
		if g.Longest > out.MaxGrant {
			out.GrantIPBX, out.MaxGrant, out.Grounds = g.IPBX, g.Longest, g.Grounds
		}
		if at := a.registrar.Answerer(uint8(i)); at.IsValid() {
			g.Answers = at.String()
		}
		out.Grants = append(out.Grants, g)
	}
	out.WorstMove = a.cfg().WorstMoveWith(out.MaxGrant)
}

// proofOf is how the absence of who leaves will be known: by the lists of every
// IPBX that may have it; else by the fence, and when proof is no longer to be
// expected (by: View.MoveBy).
func proofOf(l licence.Status, by router.Instant) string {
	switch {
	case l.Leaving == router.NoServer:
		return ""
	case by != 0:
		return "fence"
	}
	for i := range l.IPBXs {
		if b := l.Bindings[l.Leaving][i]; b.Elsewhere > 0 || b.Possible && !b.Proves {
			return "fence"
		}
	}
	return "list"
}

// Probe runs one round now.
func (a *App) Probe(ctx context.Context, name string) (admin.Probe, error) {
	for _, c := range a.cfg().Servers {
		if named(c, name) {
			return a.probeServer(ctx, c)
		}
	}
	return admin.Probe{}, &admin.Fault{Status: 404, Code: text.FaultUnknownServer, Detail: name}
}

// Ready says whether a call would be treated now.
func (a *App) Ready(context.Context) (bool, string) {
	v := a.proxy.View()
	if v.Phase == router.BothDown && a.cfg().Rescue.IsZero() {
		return false, "neither server answers and no rescue is configured"
	}
	if v.Drained[v.Active] && a.cfg().Rescue.IsZero() {
		return false, "the active server is drained and no rescue is configured"
	}
	a.mind.mu.Lock()
	known := a.mind.status.row.Known
	a.mind.mu.Unlock()
	if !known[router.Primary] && !known[router.Secondary] {
		return false, "no voice server has answered yet"
	}
	return true, v.Phase.String()
}

// ConfigText is the running configuration.
func (a *App) ConfigText() string { return string(a.cfg().Show()) }

// Version is the version of this build.
func (a *App) Version() string { return a.options.Version }
