package app

import (
	"log/slog"
	"strconv"
	"time"

	"releve/cmd/internal/text"
	"releve/router"
	"releve/router/control"
	"releve/router/licence"
)

// viewed writes into the journal what changed from the last view to v.
func (m *mind) viewed(v router.View) {
	m.mu.Lock()
	old, first := m.view, !m.viewedOnce
	m.view, m.viewedOnce = v, true
	if first || v.Active != old.Active {
		m.activeSince = time.Now()
	}
	began := m.moveBegan
	if (v.Phase == router.Switching || v.Phase == router.Returning) && old.Phase != v.Phase && !first {
		m.moveBegan = time.Now()
	}
	if v.Verifying && v.Verification > old.Verification { // a move's rulings raise the number without a round
		m.verifications++
	}
	if v.Phase == router.OnSecondary && old.Phase == router.Switching {
		m.switchovers++
	}
	m.mu.Unlock()
	if first {
		m.app.event(text.EventStateRestored, map[string]string{"server": v.Active.String(), "epoch": number(v.Epoch)})
		return
	}
	m.verified(old, v)
	m.releaseDead(old, v)
	if v.Phase != old.Phase {
		m.phased(old, v, began)
	}
}

func number(n uint64) string { return strconv.FormatUint(n, 10) }

func (m *mind) verified(old, v router.View) {
	switch {
	case v.Verifying && !old.Verifying:
		cause := "idle"
		if m.overflowed {
			cause = "overflow"
		} else if m.left == v.Active {
			cause = "unregistered"
		}
		m.app.event(text.EventVerificationStarted, map[string]string{"server": v.Active.String(), "cause": cause})
	case old.Verifying && !v.Verifying:
		m.app.event(text.EventVerificationEnded, map[string]string{"server": v.Active.String(), "verdict": v.Verdict.String()})
	}
}

// phased writes the change of phase; began is when the move began, zero when an
// earlier run began it.
func (m *mind) phased(old, v router.View, began time.Time) {
	from, to := v.Active.String(), v.Active.Other().String()
	p := map[string]string{
		"from": from, "to": to, "server": v.Active.String(), "reason": string(m.reasonOf(v)),
		"epoch": number(v.Epoch),
	}
	actor, note := m.ordering(old, v)
	switch v.Phase {
	case router.Switching:
		p["note"], p["risk"] = note, m.app.mirror.risk(time.Now())
		m.app.eventBy(actor, text.EventSwitchoverBegun, p)
	case router.Returning:
		p["note"] = note
		m.app.eventBy(actor, text.EventReturnBegun, p)
	case router.OnSecondary:
		p["from"], p["to"], p["risk"] = to, from, riskLine(m.app.mirror.atRisk.Load())
		m.settled(old, p, began, text.EventSwitchoverDone, router.Switching)
	case router.Normal:
		p["from"], p["to"] = to, from
		m.settled(old, p, began, text.EventReturnDone, router.Returning)
	case router.BothDown:
		m.app.event(text.EventBothDown, p)
	case router.Maintenance:
		m.app.eventBy(actor, text.EventMaintenanceStarted, map[string]string{"note": note})
	}
	if old.Phase == router.Maintenance {
		m.app.eventBy(actor, text.EventMaintenanceStopped, map[string]string{"note": note})
	}
	m.app.log.Log(m.life, levelOf(old.Phase, v.Phase), "phase", "from", old.Phase.String(), "to", v.Phase.String(), "active", v.Active.String(), "epoch", v.Epoch, "verdict", v.Verdict.String())
}

// lasted is a duration as events carry it; the catalogue writes it for people.
func lasted(since time.Time) string { return time.Since(since).Round(time.Millisecond).String() }

// levelOf: somebody shall look when the role moves or neither server serves; a
// verification that came and went is the daily course.
func levelOf(phases ...router.Phase) slog.Level {
	for _, p := range phases {
		if p == router.Switching || p == router.Returning || p == router.BothDown {
			return slog.LevelWarn
		}
	}
	return slog.LevelInfo
}

func (m *mind) settled(old router.View, p map[string]string, began time.Time, done string, moved router.Phase) {
	switch old.Phase {
	case moved:
		if !began.IsZero() {
			p["duration"] = lasted(began)
		}
		m.app.event(done, p)
	case router.BothDown:
		m.app.event(text.EventServingAgain, p)
	}
}

// reasonOf is why the role stands as it does.
func (m *mind) reasonOf(v router.View) router.Reason {
	if v.Phase == router.BothDown {
		return router.ReasonNotReady
	}
	return m.state.Row().Role.Reason
}

// binding is what the journal knows of the licence.
type binding struct {
	holder router.Server // who was bound last
	left   time.Time     // when a move away from it began; zero: none has
}

// moved writes the end of a licence move.
func (m *mind) moved(now licence.Status) {
	was := &m.bound
	switch {
	case now.Mode != licence.Pair && now.Mode != licence.Gate || now.Phase == licence.Idle:
	case now.Phase != licence.Bound && now.Phase != licence.Confirm: // confirm: the new user is bound
		if was.left.IsZero() {
			was.left = time.Now()
		}
	case was.holder != router.NoServer && was.holder != now.Holder:
		m.app.event(text.EventLicenceMoved, map[string]string{
			"from": was.holder.String(), "to": now.Holder.String(), "duration": lasted(was.left),
		})
		fallthrough
	default:
		*was = binding{holder: now.Holder}
	}
}

// readied writes whether the passive server could take over.
func (m *mind) readied(old, s snapshot) {
	if old.ready == s.ready || old.view.Active != s.view.Active {
		return
	}
	code := text.EventServerNotReady
	if s.ready {
		code = text.EventServerReady
	}
	m.app.event(code, map[string]string{"server": s.view.Active.Other().String()})
}

// journal writes a line that the mind asked for: a round, a switchover withheld.
func (m *mind) journal(e *control.Effect) {
	p := map[string]string{
		"server": e.Server.String(), "verdict": e.Verdict.String(), "reason": string(e.Reason),
		"k": strconv.Itoa(int(e.K)), "n": strconv.Itoa(int(e.N)),
	}
	switch e.Reason {
	case control.ReasonRound:
		p["rule"] = "R" + strconv.Itoa(int(e.Rule))
		delete(p, "k")
		delete(p, "n")
		if k, n := m.progress(e.Verdict); k > 0 {
			p["k"], p["n"] = strconv.Itoa(int(k)), strconv.Itoa(int(n))
		}
		p["checks"] = m.checksLine(e.Server)
		p["facts"] = e.Facts.String()
		if e.RTT > 0 {
			p["rtt"] = e.RTT.String()
		}
		m.app.event(text.EventRound, p)
	case router.ReasonObservation:
		p["server"] = m.state.View().Active.String() // the mind names the one that would have taken over
		m.app.event(text.EventObserved, p)
	case router.ReasonLevel, router.ReasonNotReady, router.ReasonIPBXUnseen, router.ReasonStoreDown, router.ReasonLeaseLost:
		p["server"] = m.state.View().Active.String()
		m.app.event(text.EventSwitchoverWithheld, p)
	case router.ReasonOrderLate:
		m.orderLate(e)
	case router.ReasonMoveFailed:
		p["to"] = e.Server.String()
		m.app.event(text.EventMoveFailed, p)
	}
}

// progress is k of n after the round that v judged; k 0: the round counts for
// nothing. A confirmation that moves nothing (observation, level) has cleared
// the count by now: the last view that was published tells what it was.
func (m *mind) progress(verdict router.Verdict) (k, n uint8) {
	m.mu.Lock()
	before := m.view
	m.mu.Unlock()
	now := m.state.View()
	switch {
	case now.Round > 0:
		return now.Round, now.Of
	case before.Verifying && m.app.cfg().Verification.Dead && verdict.Dead() && !now.Verifying && before.Round+1 >= before.Of:
		return before.Of, before.Of
	}
	return 0, 0
}

// deadWait is how long a silent server's calls are left alone: RTP does not
// pass us and may still flow.
const deadWait = 30 * time.Second

// releaseDead ends the calls of a server that a verification confirmed dead: at
// once when its own host says so, after a while when it is silent, never when
// nobody else could look (DEAD_ALONE).
func (m *mind) releaseDead(old, v router.View) {
	left := old.Active
	moved := v.Phase == router.Switching && old.Phase != router.Switching
	failed := v.Phase == router.BothDown && old.Phase != router.BothDown
	if m.app.cfg().DeadCalls != "release" || !moved && !failed {
		return
	}
	switch v.Verdict {
	case router.VerdictDeadApp, router.VerdictDeadHost:
	default:
		return
	}
	m.mu.Lock()
	refused := m.last[left].evidence == router.Refused
	m.mu.Unlock()
	if refused {
		m.later(func() { m.app.releaseCalls(left) })
		return
	}
	m.wait.Go(func() { m.do(func() { m.releaseLater(left) }) })
}

// releaseLater releases unless the server answers meanwhile.
func (m *mind) releaseLater(left router.Server) {
	timer := time.NewTimer(deadWait)
	defer timer.Stop()
	select {
	case <-m.life.Done():
		return
	case <-timer.C:
	}
	m.mu.Lock()
	e := m.last[left].evidence
	m.mu.Unlock()
	if e == router.Silent || e == router.Refused {
		m.app.releaseCalls(left)
	}
}

// releaseCalls ends the calls of a dead server towards the IPBX.
func (a *App) releaseCalls(s router.Server) {
	for _, b := range a.proxy.ReleaseCalls(s) {
		a.bye(b, `Q.850;cause=27;text="Voice server out of order"`)
	}
}
