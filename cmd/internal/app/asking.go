package app

import (
	"time"

	"releve/proxy"
	"releve/proxy/agent"
	"releve/proxy/dialog"
	"releve/router"
)

// Calls in progress are asked after, so that a lost BYE or a server that came
// back without its calls holds no line. Our choices.
const (
	askEvery   = 5 * time.Minute // each call, at both ends
	askLimit   = 2 * time.Second // for the answer; silence says nothing of the call
	askFew     = 20              // calls a second at least, when so many are due
	askSoonest = time.Minute     // between two looks at a server whose lines are all taken
	askMinAge  = 10 * time.Second
)

// askCalls asks after the calls that are due.
func (a *App) askCalls() {
	if a.cfg().LostCalls != "release" {
		return
	}
	n := max(askFew, a.proxy.Dialogs.Len()/int(askEvery/time.Second)*2)
	for _, q := range a.proxy.Asks(askEvery, n) {
		a.agent.Do(agent.Request{
			Method: "OPTIONS", URI: q.Leg.Target, From: q.Leg.From, To: q.Leg.To, CallID: q.CallID, CSeq: q.Leg.CSeq, InDialog: true,
			Routes: q.Leg.Routes, Flow: q.Leg.Flow, Timeout: askLimit,
		}, func(r agent.Result) { a.heard(q, r) })
	}
}

// heard takes the answer of one end; the other end of a call that it has lost
// is told that the call is over.
func (a *App) heard(q proxy.Ask, r agent.Result) {
	if r.Failure != agent.NoFailure {
		return
	}
	bye, gone := a.proxy.Heard(q, r.Status)
	if !gone {
		return
	}
	text := "Call lost by the voice server"
	if q.End == dialog.AtIPBX {
		text = "Call lost by the IPBX"
	}
	a.bye(bye, `SIP;cause=481;text="`+text+`"`)
}

// bye ends a call at one of its ends.
func (a *App) bye(b proxy.Bye, why string) {
	a.agent.Bye(b.Leg.Flow, b.Leg.Target, b.Leg.From, b.Leg.To, b.CallID, b.Leg.CSeq, b.Leg.Routes, why,
		func(r agent.Result) [][]byte {
			return a.proxy.Answer(b.Leg.Flow, b.Server, "BYE", b.Leg.Target, r.Raw, r.Head)
		})
}

// suspect looks sooner at the calls of a server whose lines are all taken: one
// of them may have ended unseen.
func (m *mind) suspect(s router.Server, now time.Time) {
	if now.Sub(m.suspected[s]) < askSoonest {
		return
	}
	m.suspected[s] = now
	m.app.proxy.Dialogs.Suspect(s, m.app.proxy.Now().Add(-askMinAge), m.app.proxy.Now())
}
