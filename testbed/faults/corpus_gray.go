package faults

import (
	"time"

	"releve/testbed/server"
)

// grayLasting is how long GRAY and DEGRADED must last in these situations, but
// one, which has the default of a minute.
const grayLasting = 10 * time.Second

// testCall places a call to a test number often enough for a situation.
const testCall = `checks: [{type: options}, {type: call, number: "2999", every: 5s, suspect: 3s, expect: audio}]`

// graying are those in which the primary answers OPTIONS and serves badly.
func graying() []situation {
	gone := func(name, state string, verdict string, m server.Mode, set settings) situation {
		set.lines = 60 // so that the calls of the load are next to nothing
		return situation{
			name: name, state: state, truth: MustSwitch, verdicts: []string{verdict}, set: set,
			notBefore: grayLasting, within: 45 * time.Second, script: until(45*time.Second, behaves(m)),
		}
	}
	all := []situation{
		gone("OPTIONS answered, INVITE silent", "gray", gray, server.Mode{Kind: server.OptionsOnly}, settings{}),
		gone("100 and nothing more", "gray", gray, server.Mode{Kind: server.Hundred}, settings{rate: 0.7}),
		gone("rings for ever", "gray", gray, server.Mode{Kind: server.NoAnswer}, settings{rate: 0.7}),
		gone("486 with nothing reserved", "gray", gray, server.Mode{Kind: server.AllBusy}, settings{}),
		gone("500 on all calls", "degraded", degraded, server.Mode{Kind: server.ServerError, Status: 500}, settings{}),
		gone("500 on all calls and OPTIONS", "degraded", degraded, server.Mode{Kind: server.ServerError, Status: 500, OptionsToo: true}, settings{}),
		gone("403 to the service number", "degraded", degraded, server.Mode{Kind: server.ServerError, Status: 403}, settings{}),
		gone("404 to the service number", "degraded", degraded, server.Mode{Kind: server.ServerError, Status: 404}, settings{}),
	}
	all[0].short = true
	// The swallowed calls alone would fill thirty lines.
	under := gone("100 and nothing more, under load", "gray", gray, server.Mode{Kind: server.Hundred}, settings{rate: 0.9, talk: 3 * time.Second})
	under.set.lines = 30
	all = append(all, under)
	return append(all,
		situation{
			name: "answers calls, but mute", state: "gray", truth: MustSwitch, verdicts: []string{gray}, only: "it hears no sound",
			set: settings{yaml: testCall, rtp: true, rate: 1}, notBefore: grayLasting, within: 60 * time.Second,
			script: each(wait(12*time.Second), until(60*time.Second, behaves(server.Mode{Kind: server.Mute}))),
		},
		situation{
			name: "answers OPTIONS and the test call is silent, nobody calls", state: "gray", truth: MustSwitch, verdicts: []string{gray}, only: "it places no test calls",
			set: settings{yaml: testCall, rtp: true, rate: 1}, notBefore: grayLasting, within: 100 * time.Second,
			script: each(wait(12*time.Second), callers(false), until(70*time.Second, each(behaves(server.Mode{Kind: server.OptionsOnly}), wait(30*time.Second), callers(true)))),
		},
		situation{
			name: "well, with test calls", state: "well", truth: MustNot, verdicts: []string{healthy}, only: "it places no test calls",
			set:    settings{yaml: testCall, rtp: true, rate: 1},
			script: each(wait(12*time.Second), lasts(12*time.Second, nothing, nothing)),
		},
		situation{
			name: "all lines busy, with test calls", state: "busy", truth: MustNot, verdicts: []string{busy}, only: "it places no test calls",
			set:    settings{yaml: testCall, rtp: true, rate: 3, lines: 8, talk: 6 * time.Second},
			script: each(wait(8*time.Second), lasts(20*time.Second, nothing, nothing)),
		},
		situation{
			name: "500 on a call in four", state: "well", truth: MustNot, verdicts: []string{healthy},
			script: lasts(25*time.Second, behaves(server.Mode{Kind: server.ServerError, Status: 500, Every: 4}), recovers),
		},
		situation{
			name: "INVITE silent for 5 s", state: "gray", truth: MustNot,
			script: lasts(5*time.Second, behaves(server.Mode{Kind: server.OptionsOnly}), recovers),
		},
		situation{
			name: "INVITE silent, lasting a minute", state: "gray", truth: MustSwitch, verdicts: []string{gray},
			set: settings{lasting: time.Minute, lines: 60}, notBefore: time.Minute, within: 90 * time.Second,
			script: until(90*time.Second, behaves(server.Mode{Kind: server.OptionsOnly})),
		},
		situation{
			name: "603 on every call: this call only", state: "well", truth: MustNot, verdicts: []string{healthy},
			script: lasts(15*time.Second, behaves(server.Mode{Kind: server.ServerError, Status: 603}), recovers),
		},
	)
}
