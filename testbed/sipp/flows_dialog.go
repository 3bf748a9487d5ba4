package sipp

import (
	"context"
	"fmt"
)

// dialogFlows: what happens inside a call, and messages that come twice.
func dialogFlows() []Flow {
	return []Flow{
		{Name: "reinvite", Alone: true, Primary: Script{Name: "uas-reinvite"}, Calls: []Script{{Name: "uac-reinvite"}}, Want: []string{served}},
		{
			Name: "update-info-message", Alone: true, Primary: Script{Name: "uas-requests"}, Calls: []Script{{Name: "uac-requests"}}, Want: []string{served},
			Saw: []Count{received("primary", "INFO", 1), received("caller1", "INFO", 1), received("primary", "MESSAGE", 1)},
		},
		{
			Name: "prack", Alone: true, Primary: Script{Name: "uas-prack"}, Calls: []Script{{Name: "uac-prack", With: Params{"Extra": "Supported: 100rel"}}}, Want: []string{served},
			Saw: []Count{received("primary", "PRACK", 1)},
		},
		{
			Name: "blind-transfer", Alone: true, Primary: Script{Name: "uas-refers", With: Params{"Refer": "<sip:2001@10.0.0.1>"}},
			Calls: []Script{{Name: "uac-referred", With: Params{"Pattern": "sip:2001@10.0.0.1"}}}, Want: []string{served},
			Saw: []Count{received("primary", "NOTIFY", 2), received("caller1", "REFER", 1)},
		},
		{
			Name: "attended-transfer-refer", Alone: true, Primary: Script{Name: "uas-refers", With: Params{"Refer": "<sip:2001@10.0.0.1?Replaces=abc%3Bto-tag%3D1%3Bfrom-tag%3D2>"}},
			Calls: []Script{{Name: "uac-referred", With: Params{"Pattern": "Replaces=abc%3Bto-tag%3D1%3Bfrom-tag%3D2"}}}, Want: []string{served},
		},
		{
			Name: "attended-transfer-replaces", Alone: true, Site: Site{Lines: 1}, Primary: Script{Name: "uas-hangs-up", With: Params{"Pause": "1500"}},
			Play: replaces, Want: []string{served, "answered replaces primary 200"}, Verifications: n(0),
			Saw: []Count{{Party: "primary", Line: "INVITE", With: "Replaces: replaced@sipp", Least: 1, Most: 1}},
		},
		{
			Name: "refer-refused", Alone: true, Primary: Script{Name: "uas-refer-refused"},
			Calls: []Script{{Name: "uac-refuses-refer"}}, Want: []string{served},
		},
		{Name: "bye-from-the-server", Alone: true, Primary: Script{Name: "uas-hangs-up"}, Calls: []Script{{Name: "uac-hung-up"}}, Want: []string{served}},
		{Name: "bye-glare", Alone: true, Primary: Script{Name: "uas-glare"}, Calls: []Script{{Name: "uac-glare"}}, Want: []string{served}},
		{
			Name: "invite-comes-three-times", Alone: true, Calls: []Script{{Name: "uac-duplicates", Loose: true}}, Want: []string{served},
			Saw: []Count{received("primary", "INVITE", 1)},
		},
		{
			Name: "bye-lost-at-the-server", Alone: true, Primary: Script{Name: "uas-slow-bye"}, Calls: []Script{answered}, Want: []string{served},
			Saw: []Count{{Party: "primary", Line: "BYE", Least: 2, Most: 3}},
		},
		{
			Name: "ack-lost", Alone: true, Primary: Script{Name: "uas-at-once"}, Calls: []Script{{Name: "uac-slow-ack"}}, Want: []string{served},
			Saw: []Count{{Party: "caller1", Line: "SIP/2.0 200", With: "INVITE", Least: 2, Most: 10}},
		},
		{
			Name: "ack-of-refusal-lost", Alone: true, Primary: Script{Name: "uas-refuse", With: Params{"Status": "603 Decline"}},
			Calls: []Script{{Name: "uac-refused-slow-ack", With: Params{"Code": "603"}}}, Want: []string{"refused this-call-only primary 603"},
			Saw: []Count{atLeast("caller1", false, "SIP/2.0 603", 2), received("primary", "ACK", 1)},
		},
		{
			Name: "invite-lost-at-the-server", Alone: true, Site: Site{Progress: 1900e6}, Primary: Script{Name: "uas-deaf-once"}, Calls: []Script{answered}, Want: []string{served},
			Saw: []Count{{Party: "primary", Line: "INVITE", Least: 2, Most: 3}},
		},
	}
}

// replaces: while a call holds the only line, an INVITE with Replaces goes to
// the server that owns it.
func replaces(ctx context.Context, w *World) error {
	first, err := w.dial(Script{Name: "uac-hung-up"}, "-cid_str", "replaced@sipp")
	if err != nil {
		return err
	}
	if err := w.inProgress(ctx, 1); err != nil {
		return err
	}
	header := fmt.Sprintf("Replaces: replaced@sipp;to-tag=s%d-1;from-tag=c%d-1", w.party("primary").cmd.Process.Pid, first.cmd.Process.Pid)
	if err := w.call(ctx, Script{Name: "uac-hung-up", With: Params{"Extra": header, "From": "200"}}); err != nil {
		return err
	}
	return first.wait(ctx)
}
