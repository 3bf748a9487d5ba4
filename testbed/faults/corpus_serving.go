package faults

import (
	"time"

	"releve/testbed/lan"
	"releve/testbed/server"
)

// serving are those in which the primary serves, or could not do better.
func serving() []situation {
	return []situation{
		{
			name: "normal", state: "well", truth: MustNot, verdicts: []string{healthy}, short: true,
			script: lasts(8*time.Second, nothing, nothing),
		},
		{
			name: "all lines busy by our count", state: "busy", truth: MustNot, verdicts: []string{busy}, short: true,
			set:    settings{lines: 8, talk: 6 * time.Second, rate: 4},
			script: lasts(14*time.Second, nothing, nothing),
		},
		{
			name: "all lines busy: 486 before our count is full", state: "busy", truth: MustNot, verdicts: []string{busy},
			set:    settings{lines: 16, real: 8, talk: 6 * time.Second, rate: 4},
			script: lasts(14*time.Second, nothing, nothing),
		},
		{
			name: "all lines busy, at the overflow entry", state: "busy", truth: MustNot, verdicts: []string{busy, healthy},
			set:    settings{lines: 8, talk: 6 * time.Second, rate: 4, overflow: true},
			script: lasts(14*time.Second, nothing, nothing),
		},
		{
			name: "all busy: 503 with Retry-After", state: "busy", truth: MustNot, verdicts: []string{busy},
			script: lasts(12*time.Second, behaves(server.Mode{Kind: server.ServerError, Status: 503, RetryAfter: 2 * time.Second}), recovers),
		},
		{
			name: "busy hour, 5 % loss", state: "busy", truth: MustNot, verdicts: []string{busy}, short: true,
			set:    settings{lines: 8, talk: 4 * time.Second, rate: 4},
			script: lasts(20*time.Second, everyLink(lan.Link{Loss: 0.05}), everyLink(lan.Link{})),
		},
		{
			name: "slow answers: 300 to 700 ms", state: "slow", truth: MustNot, verdicts: []string{slow, healthy},
			script: lasts(15*time.Second, behaves(server.Mode{Kind: server.Slow, Least: 300 * time.Millisecond, Most: 700 * time.Millisecond}), recovers),
		},
		{
			name: "latency step to 250 ms", state: "slow", truth: MustNot, verdicts: []string{slow},
			// Eight probes make a history to be out of.
			script: each(wait(45*time.Second), lasts(12*time.Second, link(hostHop, hostPrimary, lan.Link{Delay: 125 * time.Millisecond}), link(hostHop, hostPrimary, lan.Link{}))),
		},
		{
			name: "so slow that answers come after the verification began", state: "slow", truth: MustNot, verdicts: []string{slow},
			script: lasts(15*time.Second, behaves(server.Mode{Kind: server.Slow, Least: 1200 * time.Millisecond, Most: 1300 * time.Millisecond}), recovers),
		},
		{
			name: "rings 9 s at plausible occupancy", state: "busy", truth: MustNot, verdicts: []string{busy, healthy, gray},
			set:    settings{welcome: 9 * time.Second, talk: 4 * time.Second, rate: 0.7, lines: 20},
			script: lasts(25*time.Second, nothing, nothing),
		},
		{
			name: "duplicated and overtaking packets", state: "well", truth: MustNot, verdicts: []string{healthy, slow},
			script: lasts(15*time.Second, everyLink(lan.Link{Duplicate: 0.3, Delay: 2 * time.Millisecond, Jitter: 60 * time.Millisecond}), everyLink(lan.Link{})),
		},
	}
}
