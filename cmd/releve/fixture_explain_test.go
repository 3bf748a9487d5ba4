package main

import (
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/db"
	"releve/router"
)

func someExplanation() admin.Explanation {
	at := func(d time.Duration) time.Time { return noon.Add(-time.Hour + d) }
	refused := "sip=refused app=stuck host=up peer=unknown probe-failed"
	rounds := []admin.ExplainedRound{
		{At: at(20 * time.Millisecond), Verdict: "SLOW", Rule: 12, RTT: 412.5, Facts: "sip=ok app=none host=up peer=unknown latency-odd probe-failed"},
		{At: at(2 * time.Second), Verdict: "DEAD_APP", Rule: 3, K: 1, N: 3, Facts: refused, Checks: "ping OK, 2 ms; mysql FAILED, 1 ms, connection refused"},
		{At: at(4 * time.Second), Verdict: "DEAD_APP", Rule: 3, K: 2, N: 3, Facts: refused},
		{At: at(6 * time.Second), Verdict: "DEAD_APP", Rule: 3, K: 3, N: 3, Facts: refused},
	}
	extra := 2
	return admin.Explanation{
		Server: "primary", Cause: "overflow", Began: at(0), Ended: at(6 * time.Second), Verdict: "DEAD_APP", Rounds: rounds,
		After: []db.Event{{Time: at(6 * time.Second), Code: text.EventSwitchoverBegun, Params: map[string]string{"from": "primary", "to": "secondary", "reason": "dysfunction-confirmed"}}},
		Replay: &admin.Replay{
			Outcome: "open", Rounds: rounds[1:],
			Settings: admin.Settings{Count: 5, AloneExtra: &extra, Timeout: 300 * time.Millisecond, SwitchOn: []string{"dead"}},
		},
	}
}

func someReport() admin.Report {
	return admin.Report{
		Since: noon.Add(-30 * 24 * time.Hour), Until: noon, Site: "CH de Exemple", Verified: 14,
		Calls: []db.Tally{
			{Outcome: "answered", Reason: router.ReasonActiveServes, Calls: 18211, Held: 3},
			{Outcome: "answered", Reason: router.ReasonOutgoing, Outgoing: true, Calls: 902},
			{Outcome: "refused", Reason: router.ReasonObservation, WouldHave: router.ReasonServerBusy, Calls: 31},
			{Outcome: "cancelled", Reason: router.ReasonCallerCancelled, Calls: 77},
		},
		ByResult: []admin.Count{{Name: "BUSY", N: 12}, {Name: "DEAD_APP", N: 2}},
		Events: []db.Event{
			{Time: noon.Add(-26 * time.Hour), Code: text.EventObserved, Params: map[string]string{"server": "primary", "verdict": "DEAD_APP"}},
			{Time: noon.Add(-300 * time.Hour), Code: text.EventObserved, Params: map[string]string{"server": "primary", "verdict": "DEAD_APP"}},
		},
	}
}
