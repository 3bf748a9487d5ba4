package main

import (
	"context"
	"sync"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/db"
	"releve/router"
)

// node is the daemon's side of the socket: a site that switches when told to.
type node struct {
	mu     sync.Mutex
	status admin.Status
	result admin.Result
	slow   bool // accepted, and never finished
	got    []admin.Command
	reload admin.Reload
}

func (n *node) Reload(context.Context, admin.Asked) (admin.Reload, error) { return n.reload, nil }

func (n *node) Status(context.Context) admin.Status {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.status
}

func (n *node) Command(_ context.Context, c admin.Command) (admin.Result, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.got = append(n.got, c)
	if n.result.Accepted && !n.slow {
		switch c.Name {
		case admin.Switchover:
			n.status.Active, n.status.Phase = "secondary", "on-secondary"
		case admin.Return:
			n.status.Active, n.status.Phase = "primary", "normal"
		}
	}
	return n.result, nil
}

func (n *node) Calls(_ context.Context, filter string, _ int) ([]admin.CallInfo, error) {
	if filter == "none" {
		return nil, nil
	}
	return someCalls(), nil
}

func (n *node) Events(context.Context, time.Time, int) ([]db.Event, error) { return someEvents(), nil }

func (n *node) Explain(_ context.Context, at time.Time, want *admin.Settings) (admin.Explanation, error) {
	if at.Year() < 2000 {
		return admin.Explanation{}, &admin.Fault{Status: 404, Code: text.FaultNoVerification}
	}
	x := someExplanation()
	if want == nil {
		x.Replay = nil
	}
	return x, nil
}

func (n *node) Report(context.Context, time.Time) (admin.Report, error)  { return someReport(), nil }
func (n *node) Licence(context.Context) admin.Licence                    { return someLicence() }
func (n *node) Alarms(context.Context) []db.Alarm                        { return n.Status(context.Background()).Alarms }
func (n *node) Acknowledge(context.Context, admin.Acknowledgement) error { return nil }
func (n *node) Ready(context.Context) (bool, string)                     { return true, "" }
func (n *node) ConfigText() string                                       { return "site: \"old\"\n" }
func (n *node) Version() string                                          { return "1.0" }

func (n *node) Probe(_ context.Context, server string) (admin.Probe, error) {
	for _, p := range someProbes() {
		if p.Server == server {
			return p, nil
		}
	}
	return admin.Probe{}, &admin.Fault{Status: 404, Code: text.FaultUnknownServer}
}

func someStatus() admin.Status {
	return admin.Status{
		Site: "CH de Exemple", Level: "high-availability", Headline: text.Answering, Active: "primary",
		Since: noon.Add(-292 * time.Hour), Phase: "normal", Epoch: 4, Act: true, Reason: router.ReasonOperator,
		Servers: []admin.Server{
			{Name: "svp1", Role: "primary", State: admin.StateActive, Verdict: "HEALTHY", RTT: 3.2, Reserved: 4, Lines: 30, Reconciled: true, Calls: 4, Since: noon.Add(-292 * time.Hour), Stability: admin.Progress{K: 5, N: 5}},
			{Name: "svp2", Role: "secondary", State: admin.StatePassive, Verdict: "HEALTHY", RTT: 41, Lines: 30, Ready: true, Reconciled: true, Since: noon.Add(-90 * time.Second)},
		},
		IPBX:         []admin.IPBX{{Name: "oxe", Seen: true, Since: noon.Add(-time.Hour)}},
		Registration: admin.Registration{Mode: "pair", Holder: "primary", Phase: "bound", Until: noon.Add(40 * time.Second)},
		Mirror:       someMirror(),
		Counters:     admin.Counters{Offered: 412, Answered: 400, Dissuaded: 5, Cancelled: 7},
		Started:      noon.Add(-300 * time.Hour), Now: noon, Version: "1.0",
	}
}

func onSecondary() admin.Status {
	s := someStatus()
	s.Headline, s.Active, s.Phase, s.Reason = text.OnSecondary, "secondary", "on-secondary", router.ReasonConfirmed
	s.Since, s.Act = noon.Add(-5*time.Minute), false
	s.Mirror = brokenMirror()
	s.Registration = admin.Registration{Mode: "pair", Holder: "secondary", Phase: "unreg", Leaving: "primary", Fence: noon.Add(52 * time.Minute)}
	s.Servers[0].State, s.Servers[0].Verdict, s.Servers[0].Stability = admin.StateDown, "DEAD_APP", admin.Progress{K: 2, N: 5}
	s.Servers[0].Calls, s.Servers[0].Reconciled = 1, false
	s.Servers[1].State = admin.StateActive
	s.IPBX[0].Seen = false
	s.Servers[0].Checks = []admin.ProbeCheck{
		{Name: "tcp 3306", Type: "tcp", State: "failed", Up: "down", At: noon.Add(-4 * time.Second), Note: "no answer in time"},
		{Name: "raid", Type: "exec", State: "warning", Up: "up", At: noon.Add(-2 * time.Second), Note: "RAID WARNING: one disk is missing"},
		{Name: "base", Type: "sql", State: "unknown", Note: "not run yet"},
		{Name: "call 2999", Type: "call", State: "failed", Up: "unknown", At: noon.Add(-12 * time.Second), Took: 3020, Call: &admin.TestCall{Cause: text.TestMute, Status: 200, Packets: 151, Lost: 2, Jitter: 0.4, Level: -71.2}},
		{Name: "call 2999", Type: "call", State: "unknown", Up: "unknown", At: noon.Add(-12 * time.Second), Took: 3, Call: &admin.TestCall{Cause: text.TestNotAccepted, Status: 404}},
	}
	s.Contacts = admin.SiteContacts{OnCall: "01 02 03 04 05", Integrator: "Intégrateur SA"}
	s.Alarms = []db.Alarm{
		{Number: 1005, Object: "secondary", Severity: "major", Raised: noon.Add(-5 * time.Minute)},
		{Number: 1001, Object: "primary", Severity: "major", Raised: noon.Add(-26 * time.Hour)},
		{Number: 1013, Object: "secondary / oxe", Severity: "critical", Raised: noon.Add(-time.Minute), Detail: "sip:5002@10.9.9.9"},
		{Number: 1062, Object: text.LimitRequests, Severity: "major", Raised: noon.Add(-time.Minute)},
	}
	return s
}

func verifying() admin.Status {
	s := someStatus()
	s.Phase, s.Verification = "verifying", admin.Progress{K: 2, N: 3}
	s.Registration = admin.Registration{Mode: "trunk"}
	s.Headline = text.Checking
	s.IPBX[0] = admin.IPBX{Name: "oxe"}
	s.Servers[1].Since, s.Servers[1].Ready, s.Servers[1].Verdict, s.Servers[1].RTT = time.Time{}, false, "UNKNOWN", 0
	return s
}

// nobodyServes: the password is refused, too.
func nobodyServes() admin.Status {
	s := someStatus()
	s.Headline, s.Phase, s.Reason = text.Nobody, "both-down", router.ReasonBothDown
	s.Registration = admin.Registration{Mode: "pair", Holder: "primary", Phase: "bound", Refused: true}
	return s
}

func someCalls() []admin.CallInfo {
	return []admin.CallInfo{
		{CallRecord: router.CallRecord{CallID: "b2@10.10.0.10", From: "0145678912", To: "5000", Server: "primary", Started: noon.Add(-20 * time.Second), Reason: router.ReasonActiveServes, Epoch: 4}, Live: true},
		{CallRecord: router.CallRecord{
			CallID: "a1@10.10.0.10", From: "+33612345678", To: "5000", Server: "secondary", Started: noon.Add(-30 * time.Hour),
			Outcome: "answered", Reason: router.ReasonDelivered, Status: 200, Held: 6200 * time.Millisecond, Setup: 7 * time.Second,
			Duration: 95 * time.Second, Verdict: "DEAD_APP", EndedBy: "caller", Epoch: 3,
		}},
		{CallRecord: router.CallRecord{
			CallID: "c3@10.10.0.10", From: "0145678913", To: "5000", Server: "primary", Started: noon.Add(-time.Minute), Outcome: "failed",
			Reason: router.ReasonPortRefused, WouldHave: router.ReasonPortRefused, Status: 500, Setup: time.Millisecond, Epoch: 4,
		}},
		{CallRecord: router.CallRecord{
			CallID: "d4@10.10.0.10", From: "0145678914", To: "5000", Server: "primary", Started: noon.Add(-time.Minute), Outcome: "answered",
			Reason: router.ReasonRestarted, Status: 200, EndedBy: "caller", Epoch: 4,
		}},
		{CallRecord: router.CallRecord{ // it waited for a line, long after the verification
			CallID: "e5@10.10.0.10", From: "0145678915", To: "5000", Server: "primary", Started: noon.Add(-time.Minute), Outcome: "cancelled",
			Reason: router.ReasonCallerCancelled, Status: 487, Held: 4 * time.Millisecond, Setup: 12 * time.Second, EndedBy: "caller", Epoch: 4,
		}},
	}
}

func someEvents() []db.Event {
	return []db.Event{
		{Time: noon.Add(2 * time.Second), Code: text.EventAlarmRaised, Params: map[string]string{"number": "1001", "object": "primary"}},
		{Time: noon.Add(time.Second), Code: text.EventLicenceMoved, Params: map[string]string{"from": "primary", "to": "secondary", "duration": "2.04s"}},
		{Time: noon, Code: text.EventSwitchoverDone, Params: map[string]string{"from": "primary", "to": "secondary", "duration": "412ms"}},
		{Time: noon.Add(-time.Second), Code: text.EventSwitchoverBegun, Params: map[string]string{"from": "primary", "to": "secondary", "reason": "operator", "note": "essai mensuel."}, Actor: "marie (uid 1000)"},
		{Time: noon.Add(-2 * time.Second), Code: text.EventRound, Params: map[string]string{"server": "primary", "verdict": "HEALTHY"}, Actor: "releve"},
		{Time: noon.Add(-48 * time.Hour), Code: text.EventStarted, Params: map[string]string{"version": "1.0"}, Actor: "releve"},
	}
}

func someLicence() admin.Licence {
	return admin.Licence{
		Mode: "pair", Phase: "unreg", Holder: "secondary", Leaving: "primary", Epoch: 5, Fence: noon.Add(time.Hour), WorstMove: 3614 * time.Second,
		GrantIPBX: "oxe2", MaxGrant: time.Hour, Grounds: "assumed", Waits: "fence", Proof: "fence",
		Grants: []admin.Grant{
			{IPBX: "oxe", Longest: time.Minute, Grounds: "learnt", Answers: "10.10.0.11:5060"},
			{IPBX: "oxe2", Longest: time.Hour, Grounds: "assumed"},
		},
		Bindings: []admin.Binding{
			{Role: "primary", User: "sip:5001@oxe", IPBX: "oxe", Possible: true, Granted: time.Minute, Until: noon.Add(30 * time.Second), Proves: true, Gone: noon.Add(32 * time.Second), Seen: noon.Add(-30 * time.Second)},
			{Role: "primary", User: "sip:5001@oxe2", IPBX: "oxe2", Possible: true, Gone: noon.Add(time.Hour), Elsewhere: noon.Add(time.Minute)},
			{Role: "secondary", User: "sip:5002@oxe", IPBX: "oxe", Refused: true, Foreign: true, Contacts: []admin.Contact{{URI: "sip:5002@10.9.9.9", Seen: noon.Add(-12 * time.Second)}}, Intruded: noon.Add(-3 * time.Minute)},
		},
		Own: []admin.OwnRegister{
			{Server: "svp1", Role: "primary", At: noon.Add(-20 * time.Second), Granted: time.Minute, Since: noon.Add(-3 * time.Hour), Until: noon.Add(40 * time.Second)},
			{Server: "svp2", Role: "secondary", At: noon.Add(-time.Hour), Gone: true},
			{Server: "svp2", Role: "secondary", At: noon.Add(-time.Hour), Granted: time.Minute, Gone: true},
		},
	}
}

func gateOwn() []admin.OwnRegister {
	return []admin.OwnRegister{
		{Server: "svp1", Role: "primary", At: noon.Add(-20 * time.Second), Granted: time.Minute, Since: noon.Add(-3 * time.Hour), Until: noon.Add(40 * time.Second)},
		{Server: "svp2", Role: "secondary", At: noon.Add(-time.Hour), Granted: time.Minute, Gone: true},
	}
}

// gateLicence is an OXE that grants half an hour at least, and proves nothing.
func gateLicence() admin.Licence {
	return admin.Licence{
		Mode: "gate", Phase: "unreg", Holder: "secondary", Leaving: "primary", Epoch: 5, Fence: noon.Add(12 * time.Minute),
		WorstMove: 1838 * time.Second, GrantIPBX: "oxe", MaxGrant: 30 * time.Minute, Grounds: "stated", Waits: "fence", Proof: "list",
		Grants: []admin.Grant{{IPBX: "oxe", Longest: 30 * time.Minute, Grounds: "stated", Answers: "10.10.0.10:5060"}},
		Bindings: []admin.Binding{
			{Role: "primary", User: "sip:5001@oxe", IPBX: "oxe", Possible: true, Gone: noon.Add(12 * time.Minute), Seen: noon.Add(-4 * time.Second)},
			{Role: "secondary", User: "sip:5002@oxe", IPBX: "oxe"},
		},
		Own: gateOwn(),
	}
}

func gateStatus() admin.Status {
	s := someStatus()
	s.Registration.Mode, s.Registration.Own = "gate", gateOwn()
	return s
}

func refusedLicence() admin.Licence {
	return admin.Licence{
		Mode: "pair", Phase: "bound", Holder: "primary", Leaving: "none", Epoch: 5, WorstMove: time.Minute, GrantIPBX: "oxe", MaxGrant: 45 * time.Second, Grounds: "learnt",
		Bindings: []admin.Binding{{Role: "primary", User: "sip:5001@oxe", IPBX: "oxe", Possible: true, Refused: true, Unkept: true}},
	}
}

func someProbes() []admin.Probe {
	return []admin.Probe{
		{Server: "svp1", Role: "primary", Verdict: "HEALTHY", SIP: "ok", Status: 200, RTT: 3.25, Checks: []admin.ProbeCheck{{Name: "tcp 3306", Type: "tcp", State: "ok", Up: "up", Took: 1, Note: "connected"}, {Name: "console", Type: "http", State: "failed", Up: "up", Took: 12, Note: "answered 500 Internal Server Error, not 2xx"}}},
		{Server: "svp2", Role: "secondary", Verdict: "DEAD_ALONE", SIP: "silent", Checks: []admin.ProbeCheck{{Name: "check_ping", Type: "exec", State: "unknown", Up: "unknown", Took: 1000, Note: "check_ping did not end in time and was killed"}}},
	}
}

func (n *node) RecordProcedure(_ context.Context, p admin.Procedure) (admin.Procedure, error) {
	p.ID, p.Actor, p.Intact = "20261123-120000-"+p.Name, "marie (uid 1000)", true
	return p, nil
}
func (n *node) Procedures(context.Context, int) ([]admin.Procedure, error) { return nil, nil }
func (n *node) Exercise(context.Context, admin.ExerciseNote) error         { return nil }
