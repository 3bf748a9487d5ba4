package faults

import (
	"context"
	"net/netip"
	"time"

	"releve/testbed/lan"
	"releve/testbed/server"
)

// The names of the verdicts, as the journal has them.
const (
	healthy   = "HEALTHY"
	busy      = "BUSY"
	slow      = "SLOW"
	gray      = "GRAY"
	degraded  = "DEGRADED"
	deadApp   = "DEAD_APP"
	deadHost  = "DEAD_HOST"
	deadAlone = "DEAD_ALONE"
	isolated  = "SELF_ISOLATED"
	sick      = "SELF_SICK"
	ipbxFault = "IPBX_FAULT"
	restarted = "RESTARTED" // no verdict: the journal says that it lost its calls
)

// situations is the corpus in the order of its table.
func situations() []situation {
	var all []situation
	for _, part := range [][]situation{serving(), dying(), graying(), cutting(), pausing(), moving()} {
		all = append(all, part...)
	}
	return all
}

const (
	primary   = 0
	secondary = 1
)

// lasts lets a fault stand for d, then heals it by undo.
func lasts(d time.Duration, do, undo func(context.Context, *world) error) func(context.Context, *world) error {
	return func(ctx context.Context, w *world) error {
		w.fault()
		if err := do(ctx, w); err != nil {
			return err
		}
		if err := pause(ctx, d); err != nil {
			return err
		}
		err := undo(ctx, w)
		w.heal()
		return err
	}
}

// until lets a fault stand until the secondary serves, and looks on a while.
func until(within time.Duration, do func(context.Context, *world) error) func(context.Context, *world) error {
	return func(ctx context.Context, w *world) error {
		w.fault()
		if err := do(ctx, w); err != nil {
			return err
		}
		w.served(ctx, within)
		return pause(ctx, warm)
	}
}

// behaves changes the primary's mode.
func behaves(m server.Mode) func(context.Context, *world) error {
	return func(ctx context.Context, w *world) error { return w.mode(ctx, primary, m) }
}

// recovers makes it well again.
func recovers(ctx context.Context, w *world) error {
	return w.mode(ctx, primary, server.Mode{Kind: server.Healthy})
}

func nothing(context.Context, *world) error { return nil }

// link changes both ways between two hosts.
func link(a, b netip.Addr, k lan.Link) func(context.Context, *world) error {
	return func(_ context.Context, w *world) error { w.lan.Both(a, b, k); return nil }
}

// everyLink changes every way of the network.
func everyLink(k lan.Link) func(context.Context, *world) error {
	return func(_ context.Context, w *world) error {
		for a := range w.hosts {
			w.lan.Around(a, k)
		}
		return nil
	}
}

// each does several things in order.
func each(steps ...func(context.Context, *world) error) func(context.Context, *world) error {
	return func(ctx context.Context, w *world) error {
		for _, step := range steps {
			if err := step(ctx, w); err != nil {
				return err
			}
		}
		return nil
	}
}

// wait lets d go by.
func wait(d time.Duration) func(context.Context, *world) error {
	return func(ctx context.Context, _ *world) error { return pause(ctx, d) }
}

// kill ends a server's process; begin starts it anew on its address.
func kill(i int) func(context.Context, *world) error {
	return func(_ context.Context, w *world) error { w.servers[i].kill(); return nil }
}

func begin(i int) func(context.Context, *world) error {
	return func(ctx context.Context, w *world) error { return w.startServer(ctx, i) }
}

// stop pauses a server's process; proceed lets it go on.
func stop(i int) func(context.Context, *world) error {
	return func(_ context.Context, w *world) error { return w.servers[i].pause() }
}

func proceed(i int) func(context.Context, *world) error {
	return func(_ context.Context, w *world) error { return w.servers[i].resume() }
}

// callers lets nobody call any more, or again.
func callers(on bool) func(context.Context, *world) error {
	return func(_ context.Context, w *world) error { w.mute.Store(!on); return nil }
}
