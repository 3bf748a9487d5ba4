package moves

import (
	"context"
	"errors"
	"fmt"
	"math"
	"syscall"
	"time"

	"releve/testbed/ipbx"
	"releve/testbed/server"
)

// step is something that happens during a move, at that long after its command.
type step struct {
	at time.Duration
	do func(ctx context.Context) error
}

// trouble is one way in which a move is disturbed.
type trouble struct {
	name    string
	weight  int                                 // of it in a deck
	automat bool                                // the primary fails, and nobody gives a command
	deaf    bool                                // the IPBX does not answer, or proves nothing, for a time
	fits    func(w *world) bool                 // nil: everywhere
	before  func(context.Context, *world) error // prepares it; nil: nothing
	net     func(*world) network                // during the move; nil: a good one
	steps   func(*world) []step                 // in order of their times; nil: none
	heal    func(context.Context, *world) error // nil: only the network
}

// between is a duration drawn so that short ones are as likely as long ones.
func (w *world) between(least, most time.Duration) time.Duration {
	f := w.random.Float64() * math.Log(float64(most)/float64(least))
	return time.Duration(float64(least) * math.Exp(f))
}

// instant is one of a move: while its messages are under way, or later.
func (w *world) instant() time.Duration { return w.between(time.Millisecond, 4*time.Second) }

// fence is how long a move may wait at a silent registrar, and a little more.
func (w *world) fence() time.Duration { return time.Duration(4+5+w.setting.grant+1+2) * time.Second }

func (w *world) lossy() network {
	return network{
		loss: w.random.Float64() * 0.3, twice: w.random.Float64() * 0.2,
		late: w.random.Float64() * 0.3, most: w.between(20*time.Millisecond, messageLife),
	}
}

// messageLife is the longest the relay holds a datagram back, less than T4 (RFC
// 3261 §17); registrarDown the shortest a registrar is down, which outlasts it: no
// message of before reaches the new life. Both are what package licence assumes.
const (
	messageLife   = 4500 * time.Millisecond
	registrarDown = 4600 * time.Millisecond
)

// troubles are all there are.
func troubles() []*trouble {
	kill := func(w *world) []step { return []step{{w.instant(), w.killed}} }
	return []*trouble{
		{name: "none", weight: 5, before: calm},
		{name: "loss", weight: 4, net: (*world).lossy},
		{name: "kill -9", weight: 5, steps: kill},
		{name: "kill -9 twice", weight: 2, steps: func(w *world) []step {
			first := w.instant()
			return []step{{first, w.killed}, {first + w.instant(), w.killed}}
		}},
		{name: "stop", weight: 2, steps: func(w *world) []step { return []step{{w.instant(), w.stopped}} }},
		{name: "registrar forgets", weight: 3, deaf: true, steps: func(w *world) []step { return []step{{w.instant(), w.reborn(false)}} }},
		{name: "registrar restarts", weight: 3, deaf: true, steps: func(w *world) []step { return []step{{w.instant(), w.reborn(true)}} }},
		{name: "silence", weight: 2, deaf: true, net: func(*world) network { return network{deaf: true} }, steps: heard},
		{name: "registrar silent", weight: 1, deaf: true, net: func(*world) network { return network{mute: true} }, steps: heard},
		{name: "silence, kill -9", weight: 2, deaf: true, net: func(*world) network { return network{deaf: true} }, steps: func(w *world) []step {
			at := w.between(time.Millisecond, w.fence())
			return []step{{at, w.killed}, {at + w.fence(), w.cleared}}
		}},
		{name: "short silence", weight: 3, deaf: true, net: func(*world) network { return network{deaf: true} }, steps: func(w *world) []step {
			return []step{{w.between(200*time.Millisecond, 8*time.Second), w.cleared}}
		}},
		{name: "refused", weight: 3, deaf: true, before: refused, steps: func(w *world) []step {
			return []step{{w.between(200*time.Millisecond, 6*time.Second), func(ctx context.Context) error { return w.reg.refuse(ctx, 0) }}}
		}},
		{name: "stale nonces", weight: 1, fits: isOurs, before: stale, steps: func(w *world) []step {
			return []step{{w.instant(), func(ctx context.Context) error { return stale(ctx, w) }}}
		}},
		{name: "423", weight: 1, fits: func(w *world) bool { return w.setting.grant > expires }, before: func(ctx context.Context, w *world) error {
			return w.reg.brief(ctx, w.setting.grant)
		}, heal: func(ctx context.Context, w *world) error { return w.reg.brief(ctx, 0) }},
		{name: "grants less", weight: 1, before: func(ctx context.Context, w *world) error {
			return errors.Join(w.reg.grant(ctx, 3), pause(ctx, 3*time.Second))
		}, heal: func(ctx context.Context, w *world) error { return w.reg.grant(ctx, w.setting.grant) }},
		{name: "lists nothing", weight: 2, deaf: true, fits: isOurs, before: func(ctx context.Context, w *world) error {
			return errors.Join(w.reg.(*ours).list(ipbx.ListOmit), pause(ctx, time.Duration(w.setting.grant)*time.Second)) // a refresh has met it
		}, heal: func(_ context.Context, w *world) error { return w.reg.(*ours).list(ipbx.ListAll) }},
		{name: "new password", weight: 1, fits: func(w *world) bool { return w.mode != gatePasses }, before: renamed, steps: func(w *world) []step {
			return []step{{w.between(50*time.Millisecond, 2*time.Second), w.stopped}}
		}},
		{name: "new password, reload", weight: 2, fits: func(w *world) bool { return w.mode != gatePasses }, before: reloaded},
		{name: "reload", weight: 1, steps: func(w *world) []step { return []step{{w.instant(), w.hangup}} }},
		{name: "other address", weight: 1, net: func(*world) network { return network{other: true} }},
		{name: "primary fails", weight: 3, automat: true, before: failed, heal: mended},
		{name: "primary fails, loss", weight: 1, automat: true, before: failed, heal: mended, net: (*world).lossy},
		{name: "primary fails, kill -9", weight: 2, automat: true, before: failed, heal: mended, steps: func(w *world) []step {
			return []step{{w.between(500*time.Millisecond, 6*time.Second), w.killed}}
		}},
		{name: "all at once", weight: 4, deaf: true, net: (*world).lossy, steps: func(w *world) []step {
			a, b := w.instant(), w.instant()
			return []step{{a, w.reborn(w.random.IntN(2) == 0)}, {a + b, w.killed}}
		}},
	}
}

// calm outlasts what an earlier trouble left on its way: Relève takes no proof
// while a REGISTER without an answer may still arrive.
func calm(ctx context.Context, _ *world) error { return pause(ctx, 10*time.Second) }

func isOurs(w *world) bool { return !w.kamailio }

func stale(_ context.Context, w *world) error { return w.reg.(*ours).stale() }

// heard: the network is good again when a fence has passed.
func heard(w *world) []step { return []step{{w.fence(), w.cleared}} }

func refused(ctx context.Context, w *world) error {
	all := []int{403, 404, 500, 503}
	return w.reg.refuse(ctx, all[w.random.IntN(len(all))])
}

// renamed: the IPBX has new passwords, and so have Relève's files; the one that
// runs knows the old ones.
func renamed(ctx context.Context, w *world) error {
	w.suffix = fmt.Sprintf("-%d", w.random.IntN(1_000_000))
	return errors.Join(w.reg.password(ctx, w.suffix), writeSecrets(w.dir, w.suffix))
}

// reloaded: the operator has the new passwords read at once.
func reloaded(ctx context.Context, w *world) error {
	if err := renamed(ctx, w); err != nil {
		return err
	}
	_, err := w.releve.Verb(ctx, "reload")
	return err
}

// hangup asks for a reload in mid-move, which may be refused and changes nothing.
func (w *world) hangup(context.Context) error {
	if w.releve == nil {
		return nil
	}
	return syscall.Kill(w.releve.Pid(), syscall.SIGHUP)
}

func failed(_ context.Context, w *world) error {
	how := []server.Kind{server.Killed, server.Silent}
	return w.servers[0].SetMode(server.Mode{Kind: how[w.random.IntN(len(how))]})
}

func mended(_ context.Context, w *world) error {
	return w.servers[0].SetMode(server.Mode{Kind: server.Healthy})
}

// killed is kill -9, and a new start at once or a little later.
func (w *world) killed(ctx context.Context) error { return w.again(ctx, w.kill) }

// stopped is SIGTERM, and a new start.
func (w *world) stopped(ctx context.Context) error { return w.again(ctx, w.stop) }

func (w *world) again(ctx context.Context, end func() error) error {
	wait := w.between(time.Millisecond, 2*time.Second)
	return errors.Join(end(), pause(ctx, wait), w.start())
}

// reborn is a restart of the registrar.
func (w *world) reborn(keep bool) func(context.Context) error {
	down := registrarDown + w.between(time.Millisecond, 3*time.Second)
	return func(ctx context.Context) error {
		w.registrarRestarts++
		return errors.Join(w.reg.down(keep), pause(ctx, down), w.reg.up(ctx))
	}
}

func (w *world) cleared(context.Context) error {
	w.relay.set(network{})
	return nil
}

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
