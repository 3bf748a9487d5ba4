package app

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
	"releve/db"
	"releve/health/alarm"
	"releve/proxy/agent"
	"releve/proxy/transport"
	"releve/router"
	"releve/router/control"
	"releve/router/licence"
)

// probed is the last OPTIONS of a server, for the screens.
type probed struct {
	at       time.Time
	took     time.Duration
	evidence router.Evidence
}

// perform does one effect of the mind.
func (m *mind) perform(e *control.Effect) {
	switch e.Kind {
	case control.Probe:
		m.probe(e.Server, e.Round)
	case control.ProbeIPBX:
		m.probeIPBX(e.IPBX, e.Round)
	case control.PlaceCall:
		m.placeCall(e.Server)
	case control.Save:
		m.saves <- *e // room for one: the mind has one save in flight
	case control.Register:
		m.register(e.Register)
	case control.Reply:
		m.reply(e.Register)
	case control.Own:
		m.owned(e.Server, e.On)
	case control.Publish:
		m.app.proxy.SetView(e.View)
		m.viewed(e.View)
	case control.Alarm:
		m.alarmed(e)
	case control.Record:
		m.journal(e)
	case control.AskLease:
		m.app.log.Error("an effect that this build cannot perform", "kind", e.Kind)
	}
}

// kept is r without what is valid only within its callback.
func kept(r agent.Result) agent.Result {
	r.Raw, r.Head = nil, nil
	return r
}

// noted keeps a result for the screens. One that says nothing (we could not
// send) changes nothing there.
func (m *mind) noted(s router.Server, p probed) {
	if p.evidence == router.NoEvidence {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if last := m.last[s]; last.at.IsZero() || last.answered() != p.answered() {
		m.stateSince[s] = p.at.UTC()
	}
	m.last[s] = p
}

func (p probed) answered() bool { return p.evidence == router.OK || p.evidence == router.Busy }

// hostOf is the address that checks are run at: the first of a far end's; not
// valid when none is known.
func hostOf(flows []transport.Flow) netip.Addr {
	if len(flows) == 0 {
		return netip.Addr{}
	}
	return flows[0].Remote.Addr()
}

// options sends one OPTIONS with our own limit, never Timer F: to the first
// address of a far end, and to the others in turn within that limit.
func (m *mind) options(u config.URI, flows []transport.Flow, done func(agent.Result)) {
	if len(flows) == 0 {
		done(agent.Result{Failure: agent.NoAddress})
		return
	}
	host := shown(u)
	us := m.app.ownURI(flows[0].Listener, "", false)
	m.app.agent.Do(agent.Request{
		Method: "OPTIONS", URI: "sip:" + host + transportParam(flows[0].Network),
		From: "<sip:releve@" + m.app.cfg().Listen[flows[0].Listener].Advertise.String() + ">", To: "<sip:" + host + ">",
		Contact: "<" + us + ">", Extra: [][]byte{[]byte("Accept: application/sdp\r\n")},
		Flow: flows[0], Others: flows[1:], Timeout: m.app.cfg().Verification.Timeout,
	}, done)
}

// evidenceOf reads the answer to OPTIONS: any answer is a live SIP stack; what
// was not answered is never counted as an answer (no local 408).
func evidenceOf(r agent.Result) router.Evidence {
	switch r.Failure {
	case agent.Refused:
		return router.Refused
	case agent.TLSFailed:
		return router.ConfigFault
	case agent.TimedOut, agent.Unreachable:
		return router.Silent
	case agent.Forbidden, agent.Overload, agent.NoAddress, agent.OwnNetwork:
		return router.NoEvidence
	}
	switch {
	case r.Status == 503 && r.RetryAfter, r.Status == 486, r.Status == 480, r.Status == 600:
		return router.Busy
	case r.Status >= 500 && r.Status < 600 && r.Status != 501 && r.Status != 505:
		return router.Err
	case r.Status == 408:
		return router.Err
	}
	return router.OK
}

func (m *mind) probeIPBX(i uint8, round uint64) {
	x := m.app.cfg().IPBX[i]
	m.options(x.Address, m.app.proxy.IPBXFlows(i), func(r agent.Result) {
		e := router.Silent
		switch r.Failure {
		case agent.NoFailure:
			e = router.OK
		case agent.Refused:
			e = router.Refused
		}
		m.post(control.Event{Kind: control.IPBXProbe, IPBX: i, Round: round, Evidence: e, RTT: r.Took})
	})
}

// register performs a REGISTER; each transmission asks whether it still may.
func (m *mind) register(f licence.Effect) {
	allowed := func() bool { return m.clock.now().High <= f.NotAfter }
	m.app.registrar.Send(f, registerLimit, allowed, func(e licence.Event) {
		m.answeredBy(f.IPBX)
		m.post(control.Event{Kind: control.Registrar, Register: e})
	})
}

// answeredBy tells the journal when the other machine of a main/stand-by pair
// answers now.
func (m *mind) answeredBy(ipbx uint8) {
	at := m.app.registrar.Answerer(ipbx)
	m.mu.Lock()
	was := m.answerer[ipbx]
	m.answerer[ipbx] = at
	m.mu.Unlock()
	if x := m.app.cfg().IPBX[ipbx]; x.MainStandby && was.IsValid() && at != was {
		m.app.event(text.EventIPBXMember, map[string]string{"ipbx": x.Name, "from": was.String(), "to": at.String()})
	}
}

// node is the object of alarms about ourselves.
const node = "relève"

// alarmed enters an alarm edge and tells the journal.
func (m *mind) alarmed(e *control.Effect) {
	switch n := alarm.Number(e.Alarm); n {
	case alarm.NobodyServes: // watchNobody knows more
		return
	case alarm.StoreDown: // so does troubled: a save that went through is not all
		if e.On || m.inTrouble(^trouble(0)) {
			return
		}
	case alarm.ServerSilent:
		m.silent[e.Server] = e.On
	}
	if changed := m.set(alarm.Number(e.Alarm), m.objectOf(e), e.On); changed && alarm.Number(e.Alarm) == alarm.ForeignBinding {
		m.intruded(e)
	}
}

// intruded tells the journal who is registered that nobody should have, or for
// how long somebody was.
func (m *mind) intruded(e *control.Effect) {
	u, _ := m.app.cfg().UserOf(e.Server)
	p := map[string]string{"user": u.AOR.AOR(), "ipbx": m.app.cfg().IPBX[e.IPBX].Name}
	if !e.On {
		p["duration"] = e.Lasted.Round(time.Second).String()
		m.app.event(text.EventForeignGone, p)
		return
	}
	p["contacts"] = uris(m.app.intruders(e.Server, e.IPBX, e.Foreign == 0))
	m.app.event(text.EventForeignBinding, p)
}

// objectOf names what an alarm is about; two things never share a name, or the
// end of one would end the alarm of the other.
func (m *mind) objectOf(e *control.Effect) string {
	ipbx := ""
	if int(e.IPBX) < len(m.app.cfg().IPBX) {
		ipbx = m.app.cfg().IPBX[e.IPBX].Name
	}
	n := alarm.Number(e.Alarm)
	registration := n >= alarm.BindingLapsing && n <= alarm.GrantTooLong || n == alarm.BindingUnkept
	switch {
	case alarm.Number(e.Alarm) == alarm.IPBXSilent:
		return ipbx
	case e.Server == router.NoServer || aboutSite(alarm.Number(e.Alarm)):
		return node
	case registration && (m.app.cfg().Registrars() > 1 || n == alarm.ForeignBinding):
		return e.Server.String() + " / " + ipbx
	}
	return e.Server.String()
}

// aboutSite: there is one of it at a site, whichever server it names.
func aboutSite(n alarm.Number) bool {
	return n == alarm.NobodyServes || n == alarm.Switched || n == alarm.ReturnPossible
}

// raise reports whether that is new.
func (m *mind) raise(n alarm.Number, object string) bool {
	isNew := m.change(func(t *alarm.Table) bool { return t.Raise(time.Now(), n, object) })
	if isNew {
		m.app.event(text.EventAlarmRaised, alarmParams(n, object))
	}
	return isNew
}

// change changes the table; the lock is given back whatever happens.
func (m *mind) change(f func(t *alarm.Table) bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	changed := f(m.alarms)
	m.announce(time.Now())
	return changed
}

// clearAlarm reports whether it stood.
func (m *mind) clearAlarm(n alarm.Number, object string) bool {
	stood := m.change(func(t *alarm.Table) bool { return t.Clear(time.Now(), n, object) })
	if stood {
		m.app.event(text.EventAlarmCleared, alarmParams(n, object))
	}
	return stood
}

func alarmParams(n alarm.Number, object string) map[string]string {
	return map[string]string{"number": strconv.Itoa(int(n)), "object": object}
}

func (a *App) event(code string, params map[string]string) { a.eventBy("releve", code, params) }

func (a *App) eventBy(actor, code string, params map[string]string) {
	a.records.Event(db.Event{Time: time.Now(), Code: code, Params: params, Actor: actor})
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
