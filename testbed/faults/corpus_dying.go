package faults

import (
	"context"
	"time"

	"releve/testbed/lan"
)

// tcpCheck asks a port that nobody has open: a refusal is an answer of the host.
const tcpCheck = `checks: [{type: options}, {type: tcp, port: 3306}]`

// The plainest two, which the short form times.
const (
	nameKilled = "process killed under load"
	nameSilent = "host dead under load"
)

// dying are those in which a process or a host is gone, for good or a moment.
func dying() []situation {
	cut, whole := lan.Link{Cut: true}, lan.Link{}
	dead := func(k lan.Link) func(context.Context, *world) error {
		return func(_ context.Context, w *world) error { w.lan.Around(hostPrimary, k); return nil }
	}
	return []situation{
		{
			name: "process killed, idle", state: "dead process", truth: MustSwitch, verdicts: []string{deadApp},
			set: settings{rate: 0.2}, within: 25 * time.Second,
			script: until(25*time.Second, kill(primary)),
		},
		{
			name: nameKilled, state: "dead process", truth: MustSwitch, verdicts: []string{deadApp}, short: true,
			script: until(standardWithin, kill(primary)),
		},
		{
			name: "process killed during call set-ups", state: "dead process", truth: MustSwitch, verdicts: []string{deadApp},
			set:    settings{welcome: 1500 * time.Millisecond, rate: 4, lines: 30},
			script: until(standardWithin, kill(primary)),
		},
		{
			name: "switchover while many calls are held", state: "dead process", truth: MustSwitch, verdicts: []string{deadApp},
			set:    settings{rate: 12, lines: 40},
			script: until(standardWithin, kill(primary)),
		},
		{
			name: "process killed, restarted within 1 s", state: "restart", truth: MustNot, short: true,
			script: lasts(8*time.Second, each(kill(primary), wait(700*time.Millisecond), begin(primary), backWithin(1500*time.Millisecond)), nothing),
		},
		{
			name: "process killed, restarted after 3 s", state: "restart", truth: May,
			script: lasts(8*time.Second, each(kill(primary), wait(3*time.Second), begin(primary)), nothing),
		},
		{
			name: "restarted and lost its calls", state: "restart", truth: MustNot, verdicts: []string{restarted},
			set:    settings{talk: 4 * time.Second, lines: 30},
			script: lasts(8*time.Second, each(kill(primary), wait(300*time.Millisecond), begin(primary), backWithin(1500*time.Millisecond)), nothing),
		},
		{
			name: "process flapping", state: "restart", truth: May,
			script: lasts(3*time.Second, each(
				kill(primary), wait(500*time.Millisecond), begin(primary), wait(1500*time.Millisecond),
				kill(primary), wait(500*time.Millisecond), begin(primary), wait(1500*time.Millisecond),
				kill(primary), wait(500*time.Millisecond), begin(primary), wait(1500*time.Millisecond),
				kill(primary), wait(500*time.Millisecond), begin(primary)), nothing),
		},
		{
			name: "TCP trunk reset, back at once", state: "restart", truth: MustNot, only: "the peer speaks UDP here",
			set:    settings{tcp: true},
			script: lasts(8*time.Second, each(killFront, wait(300*time.Millisecond), beginFront, backWithin(1500*time.Millisecond)), nothing),
		},
		{
			name: "TCP trunk reset, port closed", state: "dead process", truth: MustSwitch, verdicts: []string{deadApp}, only: "the peer speaks UDP here",
			set:    settings{tcp: true},
			script: until(standardWithin, killFront),
		},
		{
			name: "process hangs", state: "dead process", truth: MustSwitch, verdicts: []string{deadAlone, deadApp},
			script: until(standardWithin, stop(primary)),
		},
		{
			name: "process hangs, its host answers TCP", state: "dead process", truth: MustSwitch, verdicts: []string{deadApp}, only: "it has no other check than OPTIONS",
			set:    settings{yaml: tcpCheck},
			script: until(standardWithin, stop(primary)),
		},
		{
			name: "host dead, no answer over TCP either", state: "dead host", truth: MustSwitch, verdicts: []string{deadAlone, deadHost}, only: "it has no other check than OPTIONS",
			set:    settings{yaml: tcpCheck},
			script: until(standardWithin, dead(cut)),
		},
		{
			name: "a plugin says critical, calls are served", state: "well", truth: MustNot, verdicts: []string{healthy}, only: "it runs no plugins",
			set:    settings{yaml: `checks: [{type: options}, {type: exec, command: ["/bin/sh", "-c", "exit 2"]}]`},
			script: lasts(12*time.Second, nothing, nothing),
		},
		{
			name: "host dead, idle", state: "dead host", truth: MustSwitch, verdicts: []string{deadAlone, deadHost},
			set: settings{rate: 0.2}, within: 30 * time.Second,
			script: until(30*time.Second, dead(cut)),
		},
		{
			name: nameSilent, state: "dead host", truth: MustSwitch, verdicts: []string{deadAlone, deadHost}, short: true,
			script: until(standardWithin, dead(cut)),
		},
		{
			name: "host dead, the router says so", state: "dead host", truth: MustSwitch, verdicts: []string{deadAlone, deadHost},
			script: until(standardWithin, dead(lan.Link{Unreachable: true})),
		},
		{
			name: "host reboots: silent 14 s, refuses 3 s, is back", state: "dead host", truth: MustSwitch, verdicts: []string{deadAlone, deadHost},
			script: lasts(4*time.Second, each(dead(cut), wait(14*time.Second), kill(primary), dead(whole), wait(3*time.Second), begin(primary)), nothing),
		},
		{
			name: "busy, then dead", state: "dead process", truth: MustSwitch, verdicts: []string{deadApp},
			set:    settings{lines: 8, talk: 5 * time.Second, rate: 4},
			script: each(wait(8*time.Second), until(standardWithin, kill(primary))),
		},
		{
			name: "both servers down", state: "both down", truth: MustNot, verdicts: []string{deadApp},
			script: lasts(10*time.Second, each(kill(secondary), kill(primary)), each(begin(secondary), begin(primary))),
		},
		{
			name: "secondary dead", state: "well", truth: MustNot, verdicts: []string{healthy},
			script: lasts(12*time.Second, kill(secondary), begin(secondary)),
		},
		{
			name: "secondary dead, then primary dead", state: "both down", truth: MustNot, verdicts: []string{deadApp},
			script: lasts(10*time.Second, each(kill(secondary), wait(8*time.Second), kill(primary)), begin(primary)),
		},
		{
			name: "secondary not ready when the primary dies, ready later", state: "dead process", truth: MustSwitch, verdicts: []string{deadApp},
			within: 40 * time.Second,
			script: each(kill(secondary), wait(8*time.Second), until(40*time.Second, each(kill(primary), wait(5*time.Second), begin(secondary)))),
		},
	}
}

// backWithin: a machine so starved that the restart took longer has another
// situation than the one meant; a switchover is no fault then.
func backWithin(d time.Duration) func(context.Context, *world) error {
	return func(_ context.Context, w *world) error {
		if time.Since(w.faulted) > d {
			w.may = true
		}
		return nil
	}
}

func killFront(_ context.Context, w *world) error { w.front.kill(); return nil }

func beginFront(ctx context.Context, w *world) error { return w.startFront(ctx) }
