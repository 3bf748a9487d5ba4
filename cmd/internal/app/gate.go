package app

import (
	"bytes"
	"time"

	"releve/cmd/internal/text"
	"releve/health/alarm"
	"releve/proxy"
	"releve/proxy/register"
	"releve/router"
	"releve/router/control"
	"releve/router/licence"
)

// Mode gate: the servers' own REGISTERs, from the proxy to the licence and back.
//
//	proxy ─ Hooks.Register ─► registerAsked ─► licence ─► Send{Pass} ─► registrar ─► IPBX
//	  ▲                                           │                        │
//	  └───────────── AnswerRegister ◄── reply ◄───┴── Reply ◄── Answer ◄───┘

// notYet is when a server shall come again while nothing can be decided.
const notYet = 5 * time.Second

// gate is what package proxy knows of it; nil in another mode.
func (a *App) gate() *proxy.Gate {
	if a.cfg().Registration.Mode != licence.Gate {
		return nil
	}
	g := &proxy.Gate{}
	for i, x := range a.cfg().IPBX[:a.cfg().Registrars()] {
		g.Domains = append(g.Domains, proxy.Domain{Host: registrarHost(x.Address), IPBX: uint8(i)})
	}
	for s := router.Primary; s <= router.Secondary; s++ {
		if u, ok := a.cfg().UserOf(s); ok {
			g.Users[s] = u.AOR.User
			g.Domains = append(g.Domains, proxy.Domain{Host: registrarHost(u.AOR)}) // the first IPBX is its registrar, unless another was named above
		}
	}
	return g
}

// registerAsked is a hook of the proxy: under a shard's lock, so it only hands on.
func (m *mind) registerAsked(r proxy.Registration) {
	if !m.deciding() {
		m.app.proxy.AnswerRegister(proxy.RegisterReply{Ticket: r.Ticket, Status: 503, Retry: notYet})
		return
	}
	m.app.registrar.Take(register.Offer{Ticket: r.Ticket, URI: r.URI, Credentials: r.Credentials})
	m.post(control.Event{Kind: control.Registrar, Register: licence.Event{
		Kind: licence.ServerRegister, User: r.Server, IPBX: r.IPBX, Ticket: r.Ticket,
		Expires: r.Expires, Fetches: r.Fetches, Signed: len(r.Credentials) > 0,
	}})
}

// deciding says that the mind has read the store, and is not frozen.
func (m *mind) deciding() bool {
	select {
	case <-m.frozen:
		return false
	default:
	}
	select {
	case <-m.restored:
		return true
	default:
		return false
	}
}

// reply answers a server's REGISTER as the licence says.
func (m *mind) reply(f licence.Effect) {
	final := m.app.registrar.Answered(f.Ticket)
	r := proxy.RegisterReply{Ticket: f.Ticket, Status: f.Status, Expires: f.Expires, Retry: f.Retry}
	switch {
	case f.Relay:
		r.Status, r.Reason, r.Lines = relayed(f.Status, final)
	case f.Status == 200:
		r.Lines = authenticationInfo(final.Lines)
	}
	m.app.proxy.AnswerRegister(r)
}

// relayed is a final of the IPBX as its server gets it. Our choice: nothing that
// sends it elsewhere, past us: a redirection, and a 503, become 500 (RFC 3261
// §16.7(6)).
func relayed(status uint16, f register.Final) (uint16, string, [][]byte) {
	if status < 400 || status == 503 {
		return 500, "", f.Lines
	}
	return status, f.Reason, f.Lines
}

// authenticationInfo are the lines that tell the next nonce (RFC 7616 §3.5).
func authenticationInfo(lines [][]byte) (out [][]byte) {
	for _, l := range lines {
		if name, _, _ := bytes.Cut(l, []byte(":")); bytes.HasSuffix(name, []byte("Authentication-Info")) {
			out = append(out, l)
		}
	}
	return out
}

// owned tells that a server began or ceased to register here. At level backup
// the passive one may be off the network.
func (m *mind) owned(s router.Server, on bool) {
	code := text.EventServerUnregistered
	if on {
		code = text.EventServerRegistered
	}
	m.registers[s].shown = on
	if !on {
		m.left = s
	}
	m.app.event(code, map[string]string{"server": s.String()})
	absent := m.app.cfg().Level == router.Backup && s != m.state.View().Active
	m.set(alarm.Unregistered, s.String(), !on && !absent)
}

// firstRegister is how long the active server may take to register after our
// start, where nobody else can: twice what it is granted, so that each server that
// follows its grant has come.
func (m *mind) firstRegister() time.Duration { return 2 * m.app.cfg().Registration.Expires }

// awaitRegister raises the alarm about an active server that has not registered
// since the start, when its user is registered by nothing else.
func (m *mind) awaitRegister(now time.Time) {
	s := m.state.View().Active
	if m.app.cfg().Registration.Mode != licence.Gate || s == router.NoServer || m.registers[s].shown {
		return
	}
	if u, ok := m.app.cfg().UserOf(s); ok && !u.Password.Given() && now.Sub(m.app.started) > m.firstRegister() {
		m.raise(alarm.Unregistered, s.String())
	}
}
