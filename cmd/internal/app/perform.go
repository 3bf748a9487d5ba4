package app

import (
	"context"
	"strconv"
	"strings"
	"time"

	"releve/cmd/internal/config"
	"releve/db"
	"releve/health"
	"releve/health/alarm"
	"releve/health/probe"
	"releve/proxy"
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
	case control.Save:
		m.saves <- *e // room for one: the mind has one save in flight
	case control.Register:
		m.register(e.Register)
	case control.Publish:
		m.app.proxy.SetView(e.View)
		m.viewed(e.View)
	case control.Alarm:
		m.alarmed(e)
	case control.Record:
		m.journal(e)
	}
}

// probe runs one round at a server: OPTIONS and the checks in parallel.
func (m *mind) probe(s router.Server, round uint64) {
	server, ok := m.app.cfg.Server(s)
	if !ok {
		return
	}
	peer := m.app.peerOf(server.Name, server.Address)
	checks := m.checks(server)
	done := func(r agent.Result, host health.Presence) {
		e := evidenceOf(r)
		m.mu.Lock()
		if up := func(e router.Evidence) bool { return e == router.OK || e == router.Busy }; m.last[s].at.IsZero() || up(m.last[s].evidence) != up(e) {
			m.stateSince[s] = time.Now().UTC()
		}
		m.last[s] = probed{time.Now(), r.Took, e}
		m.mu.Unlock()
		m.post(control.Event{Kind: control.ProbeDone, Server: s, Round: round, Evidence: e, RTT: r.Took, Host: host})
	}
	if len(checks) == 0 {
		m.options(peer, func(r agent.Result) { done(r, health.Unknown) })
		return
	}
	results := make(chan agent.Result, 1)
	m.options(peer, func(r agent.Result) {
		results <- agent.Result{Failure: r.Failure, Status: r.Status, Took: r.Took, RetryAfter: r.RetryAfter}
	})
	m.wait.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), m.app.cfg.Verification.Timeout)
		defer cancel()
		host, _ := probe.Run(ctx, peer.Addr.Addr(), checks)
		done(<-results, host)
	})
}

func (m *mind) checks(s config.Server) (out []probe.Check) {
	for _, c := range m.app.cfg.Checks {
		switch c.Type {
		case "tcp":
			out = append(out, probe.Check{Type: "tcp", Port: c.Port})
		case "exec":
			out = append(out, probe.Check{Type: "exec", Command: c.CommandFor(s)})
		}
	}
	return out
}

// options sends one OPTIONS with our own limit, never Timer F.
func (m *mind) options(p proxy.Peer, done func(agent.Result)) {
	host := p.Addr.String()
	us := m.app.advertised().String()
	m.app.agent.Do(agent.Request{
		Method: "OPTIONS", URI: "sip:" + host, From: "<sip:releve@" + us + ">", To: "<sip:" + host + ">",
		Contact: "<sip:" + us + ">", Extra: [][]byte{[]byte("Accept: application/sdp\r\n")},
		Flow:    transport.Flow{Listener: p.Listener, Network: p.Network, Remote: p.Addr},
		Timeout: m.app.cfg.Verification.Timeout,
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
	case agent.Forbidden, agent.Overload:
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
	x := m.app.cfg.IPBX[i]
	m.options(m.app.peerOf(x.Name, x.Address), func(r agent.Result) {
		e := router.Silent
		if r.Failure == agent.NoFailure || r.Failure == agent.Refused {
			e = router.OK // a refusal is sight of its host
		}
		m.post(control.Event{Kind: control.IPBXProbe, IPBX: i, Round: round, Evidence: e, RTT: r.Took})
	})
}

// register performs a REGISTER; each transmission asks whether it still may.
func (m *mind) register(f licence.Effect) {
	allowed := func() bool { return m.clock().High <= f.NotAfter }
	m.app.registrar.Send(f, 4*time.Second, allowed, func(e licence.Event) {
		m.post(control.Event{Kind: control.Registrar, Register: e})
	})
}

// alarmed enters an alarm edge and tells the journal.
func (m *mind) alarmed(e *control.Effect) {
	object := e.Server.String()
	if e.Server == router.NoServer {
		object = "relève"
	}
	if e.On {
		m.raise(alarm.Number(e.Alarm), object)
		return
	}
	m.clearAlarm(alarm.Number(e.Alarm), object)
}

func (m *mind) raise(n alarm.Number, object string) {
	m.mu.Lock()
	changed := m.alarms.Raise(time.Now(), n, object)
	m.mu.Unlock()
	if changed {
		m.app.event("alarm-raised", map[string]string{"number": strconv.Itoa(int(n)), "object": object})
	}
}

func (m *mind) clearAlarm(n alarm.Number, object string) {
	m.mu.Lock()
	changed := m.alarms.Clear(time.Now(), n, object)
	m.mu.Unlock()
	if changed {
		m.app.event("alarm-cleared", map[string]string{"number": strconv.Itoa(int(n)), "object": object})
	}
}

func (a *App) event(code string, params map[string]string) { a.eventBy("releve", code, params) }

func (a *App) eventBy(actor, code string, params map[string]string) {
	a.spool.Event(db.Event{Time: time.Now(), Code: code, Params: params, Actor: actor})
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
