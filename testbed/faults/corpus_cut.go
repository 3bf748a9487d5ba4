package faults

import (
	"context"
	"net/netip"
	"time"

	"releve/testbed/lan"
)

// cutting are those of the network and of the IPBX.
func cutting() []situation {
	cut, whole := lan.Link{Cut: true}, lan.Link{}
	oneWay := func(from, to netip.Addr, k lan.Link) func(context.Context, *world) error {
		return func(_ context.Context, w *world) error { w.lan.Set(from, to, k); return nil }
	}
	servers := func(k lan.Link) func(context.Context, *world) error {
		return each(link(hostHop, hostPrimary, k), link(hostHop, hostSecondary, k))
	}
	trunk := func(k lan.Link) func(context.Context, *world) error {
		return func(_ context.Context, w *world) error {
			w.lan.Both(hostHop, hostIPBX, k)
			w.cutOff(k.Cut)
			return nil
		}
	}
	whole3 := func(k lan.Link) func(context.Context, *world) error { return each(servers(k), trunk(k)) }
	return []situation{
		{
			name: "our link to both servers cut", state: "own network", truth: MustNot, verdicts: []string{deadAlone, sick},
			script: lasts(15*time.Second, servers(cut), servers(whole)),
		},
		{
			name: "our link to the IPBX cut", state: "IPBX", truth: MustNot, verdicts: []string{ipbxFault}, short: true,
			script: lasts(20*time.Second, each(callers(false), wait(3*time.Second), trunk(cut)), each(trunk(whole), callers(true), wait(8*time.Second))),
		},
		{
			name: "all our links cut", state: "own network", truth: MustNot, verdicts: []string{isolated, sick}, short: true,
			script: lasts(20*time.Second, each(callers(false), wait(3*time.Second), whole3(cut)), each(whole3(whole), callers(true), wait(8*time.Second))),
		},
		{
			name: "all our links cut, callers call on", state: "own network", truth: MustNot, verdicts: []string{isolated, sick},
			script: lasts(12*time.Second, whole3(cut), each(whole3(whole), wait(8*time.Second))),
		},
		{
			name: "IPBX gone", state: "IPBX", truth: MustNot, verdicts: []string{ipbxFault},
			script: lasts(20*time.Second,
				each(callers(false), wait(3*time.Second), ipbxLink(cut)), each(ipbxLink(whole), callers(true), wait(8*time.Second))),
		},
		{
			name: "IPBX restarted, its bindings lost", state: "IPBX", truth: MustNot,
			script: lasts(12*time.Second, each(callers(false), wait(3*time.Second), restartIPBX, callers(true)), nothing),
		},
		{
			name: "room lost: IPBX and primary gone", state: "room lost", truth: May,
			script: lasts(20*time.Second,
				each(callers(false), wait(3*time.Second), ipbxLink(cut), primaryLink(cut)),
				each(ipbxLink(whole), primaryLink(whole), callers(true), wait(8*time.Second))),
		},
		{
			name: "burst of loss, 1 s", state: "own network", truth: MustNot,
			script: lasts(time.Second, everyLink(cut), each(everyLink(whole), wait(8*time.Second))),
		},
		{
			name: "burst of loss, 3 s", state: "own network", truth: MustNot,
			script: lasts(3*time.Second, everyLink(cut), each(everyLink(whole), wait(8*time.Second))),
		},
		{
			name: "burst of loss, 8 s", state: "own network", truth: MustNot,
			script: lasts(8*time.Second, everyLink(cut), each(everyLink(whole), wait(8*time.Second))),
		},
		{
			name: "burst of loss to the primary, 3 s", state: "path", truth: MustNot,
			script: lasts(3*time.Second, link(hostHop, hostPrimary, cut), each(link(hostHop, hostPrimary, whole), wait(8*time.Second))),
		},
		{
			name: "30 % loss to the primary", state: "path", truth: MustNot,
			script: lasts(25*time.Second, link(hostHop, hostPrimary, lan.Link{Loss: 0.3}), each(link(hostHop, hostPrimary, whole), wait(4*time.Second))),
		},
		{
			name: "nothing reaches the primary", state: "dead host", truth: MustSwitch, verdicts: []string{deadAlone, deadHost},
			script: until(standardWithin, oneWay(hostHop, hostPrimary, cut)),
		},
		{
			name: "nothing comes from the primary", state: "dead host", truth: MustSwitch, verdicts: []string{deadAlone, deadHost},
			script: until(standardWithin, oneWay(hostPrimary, hostHop, cut)),
		},
	}
}

func ipbxLink(k lan.Link) func(context.Context, *world) error {
	return func(_ context.Context, w *world) error {
		w.lan.Around(hostIPBX, k)
		w.cutOff(k.Cut)
		return nil
	}
}

func primaryLink(k lan.Link) func(context.Context, *world) error {
	return func(_ context.Context, w *world) error { w.lan.Around(hostPrimary, k); return nil }
}

func restartIPBX(ctx context.Context, w *world) error {
	return w.ipbx.Do(ctx, "restart", map[string]bool{"keep_bindings": false}, nil)
}
