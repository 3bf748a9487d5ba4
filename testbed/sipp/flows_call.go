package sipp

import (
	"context"
	"time"
)

// callFlows: the rows of the call table that need no verification, and CANCEL.
func callFlows() []Flow {
	return []Flow{
		{
			Name: "answered", Calls: []Script{answered}, Want: []string{served}, Verifications: n(0),
			Saw: []Count{received("primary", "INVITE", 1), received("primary", "ACK", 1), received("primary", "BYE", 1), received("caller1", "SIP/2.0 180", 1), received("caller1", "SIP/2.0 100", 1)},
		},
		relayed("relayed-404", "404 Not Found", "404", "7777", "", "refused this-call-only primary 404"),
		relayed("relayed-404-service-number", "404 Not Found", "404", "5000", "", "refused misprovisioned primary 404"),
		relayed("relayed-603", "603 Decline", "603", "5000", "", "refused this-call-only primary 603"),
		relayed("relayed-302", "302 Moved Temporarily", "302", "5000", "", "refused this-call-only primary 302"),
		relayed("relayed-401", "401 Unauthorized", "401", "5000", `WWW-Authenticate: Digest realm="wel", nonce="1"`, "refused this-call-only primary 401"),
		{
			Name: "503-retry-after", Site: Site{Budget: time.Second}, Alone: true,
			Primary: Script{Name: "uas-refuse", With: Params{"Status": "503 Service Unavailable", "Extra": "Retry-After: 10"}},
			Calls:   []Script{dissuaded()}, Want: []string{"dissuaded server-busy primary 486"}, Verifications: n(0),
		},
		{
			Name: "cancel-before-18x", Alone: true,
			Primary: Script{Name: "uas-cancelled", With: Params{"Ring": "350", "Status": "180 Ringing"}},
			Calls:   []Script{{Name: "uac-cancel", With: Params{"Pause": "100", "Code": "487"}}},
			Want:    []string{"cancelled caller-cancelled primary 487"},
			Saw:     []Count{received("primary", "CANCEL", 1)},
		},
		{
			Name: "cancel-after-18x", Alone: true,
			Primary: Script{Name: "uas-cancelled", With: Params{"Ring": "10", "Status": "180 Ringing"}},
			Calls:   []Script{{Name: "uac-cancel-ringing", With: Params{"Pause": "500", "Code": "487"}}},
			Want:    []string{"cancelled caller-cancelled primary 487"},
			Saw:     []Count{received("primary", "CANCEL", 1), received("caller1", "SIP/2.0 180", 1)},
		},
		{
			Name: "cancel-comes-twice", Alone: true,
			Primary: Script{Name: "uas-cancelled", With: Params{"Ring": "10", "Status": "180 Ringing"}},
			Calls:   []Script{{Name: "uac-cancel-twice", With: Params{"Code": "487"}, Loose: true}},
			Want:    []string{"cancelled caller-cancelled primary 487"},
			Saw:     []Count{received("primary", "CANCEL", 1)},
		},
		{
			Name: "cancel-crossing-200", Alone: true,
			Primary: Script{Name: "uas-answers-cancel", With: Params{"Status": "180 Ringing"}},
			Calls:   []Script{{Name: "uac-cancel-crossing"}},
			Want:    []string{served},
		},
		{
			Name: "max-forwards-0", Alone: true,
			Calls: []Script{{Name: "uac-refused", With: Params{"Forwards": "0", "Code": "483"}}},
			Saw:   []Count{received("primary", "INVITE", 0)},
		},
		{
			Name: "options-from-ipbx", Alone: true,
			Calls: []Script{{Name: "uac-options", With: Params{"Code": "200"}}, {Name: "uac-options", With: Params{"Code": "200", "Forwards": "0"}}},
		},
		{
			Name: "message-relayed", Alone: true, Primary: Script{Name: "uas-message"},
			Calls: []Script{{Name: "uac-message", With: Params{"Code": "200"}}},
			Saw:   []Count{received("primary", "MESSAGE", 1)},
		},
		{
			Name: "outgoing-active", Play: func(ctx context.Context, w *World) error {
				return outgoing(ctx, w, w.net.primary, Script{Name: "uac-answered", With: Params{"To": "2001"}})
			},
			Want: []string{"answered outgoing primary 200"},
			Saw:  []Count{received("desk", "INVITE", 1), received("desk", "BYE", 1)},
		},
		{
			Name: "outgoing-ended-by-the-ipbx", Alone: true, Desk: Script{Name: "uas-hangs-up"},
			Play: func(ctx context.Context, w *World) error {
				return outgoing(ctx, w, w.net.primary, Script{Name: "uac-hung-up", With: Params{"To": "2001"}})
			},
			Want: []string{"answered outgoing primary 200"},
			Saw:  []Count{received("placed", "BYE", 1)},
		},
		{
			Name: "outgoing-refused-by-the-ipbx", Alone: true, Desk: Script{Name: "uas-refuse"},
			Play: func(ctx context.Context, w *World) error {
				return outgoing(ctx, w, w.net.primary, Script{Name: "uac-refused", With: Params{"To": "2001"}})
			},
			Want: []string{"refused outgoing primary 486"},
		},
		{
			Name: "outgoing-passive", Play: func(ctx context.Context, w *World) error {
				if err := outgoing(ctx, w, w.net.secondary, Script{Name: "uac-refused", With: Params{"To": "2001", "Code": "403"}}); err != nil {
					return err
				}
				return w.until(ctx, 15*time.Second, "an alarm about the passive server's call", func(s status) bool { return len(s.Alarms) > 0 })
			},
			Want: []string{"failed passive-outgoing secondary 403"},
			Saw:  []Count{received("desk", "INVITE", 0)},
		},
	}
}

// relayed: a final that concerns this call alone goes up as it is.
func relayed(name, status, code, to, extra, want string) Flow {
	with := Params{"Code": code, "To": to}
	if extra != "" {
		with["Header"], with["Pattern"] = "WWW-Authenticate", "realm=.wel."
	}
	return Flow{
		Name: name, Alone: true, Primary: Script{Name: "uas-refuse", With: Params{"Status": status, "Extra": extra}},
		Calls: []Script{{Name: "uac-refused", With: with}}, Want: []string{want}, Verifications: n(0),
		Saw: []Count{received("primary", "INVITE", 1), received("primary", "ACK", 1)},
	}
}
