package sipp

// transportFlows: TCP, both at once, IPv6.
func transportFlows() []Flow {
	return []Flow{
		{Name: "tcp-both-sides", Alone: true, Site: Site{Transport: "tcp", Caller: "tcp"}, Calls: []Script{answered}, Want: []string{served}},
		{
			Name: "udp-to-tcp", Alone: true, Site: Site{Transport: "tcp"}, Calls: []Script{answered}, Want: []string{served},
			Saw: []Count{{Party: "primary", Line: "INVITE", With: "transport=tcp;lr", Least: 1, Most: 1}},
		},
		{Name: "tcp-to-udp", Alone: true, Site: Site{Caller: "tcp"}, Calls: []Script{answered}, Want: []string{served}},
		{Name: "udp-to-tcp-bye-from-the-server", Alone: true, Site: Site{Transport: "tcp"}, Primary: Script{Name: "uas-hangs-up"}, Calls: []Script{{Name: "uac-hung-up"}}, Want: []string{served}},
		{Name: "ipv6", Alone: true, Site: Site{IPv6: true}, Calls: []Script{answered}, Want: []string{served}},
		{Name: "user-rewritten", Alone: true, Site: Site{User: "5001"}, Calls: []Script{answered}, Want: []string{served}, Saw: []Count{received("primary", "INVITE sip:5001@", 1)}},
	}
}
