package sipp

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// restartFlows: Relève is killed in the middle of a call and started again; the
// call goes on by its Record-Route alone.
func restartFlows() []Flow {
	return []Flow{
		{Name: "killed-then-caller-hangs-up", Play: func(ctx context.Context, w *World) error {
			return killedInCall(ctx, w, Script{Name: "uac-answered", With: Params{"Pause": "2500"}})
		}, Want: restarted, Saw: []Count{received("primary", "BYE", 1)}},
		{Name: "killed-then-server-hangs-up", Primary: Script{Name: "uas-hangs-up", With: Params{"Pause": "2500"}}, Play: func(ctx context.Context, w *World) error {
			return killedInCall(ctx, w, Script{Name: "uac-hung-up"})
		}, Want: restarted, Saw: []Count{received("caller1", "BYE", 1)}},
		{Name: "killed-while-ringing", Primary: Script{Name: "uas-answer", With: Params{"Ring": "900"}}, Play: killedWhileRinging, Want: restarted, Saw: []Count{received("primary", "BYE", 1)}},
	}
}

// restarted: the record that the next start writes of a call it has only heard of.
var restarted = []string{"answered restarted primary 200"}

func killedInCall(ctx context.Context, w *World, s Script) error {
	p, err := w.dial(s)
	if err != nil {
		return err
	}
	if err := w.inProgress(ctx, 1); err != nil {
		return err
	}
	if err := w.party("primary").heard(ctx, "ACK"); err != nil {
		return err
	}
	w.kill()
	if err := w.launch(); err != nil {
		return err
	}
	return p.wait(ctx)
}

// killedWhileRinging: the 2xx finds its way by the signed branch alone.
func killedWhileRinging(ctx context.Context, w *World) error {
	p, err := w.dial(answered)
	if err != nil {
		return err
	}
	if err := p.heard(ctx, "SIP/2.0 180"); err != nil {
		return err
	}
	w.kill()
	if err := w.launch(); err != nil {
		return err
	}
	return p.wait(ctx)
}

// outgoing: the server at that address places a call through Relève.
func outgoing(ctx context.Context, w *World, server netip.AddrPort, s Script) error {
	at := netip.AddrPortFrom(server.Addr(), server.Port()+1)
	p, err := w.place("placed", s, at, w.net.releve, w.flow.Site.Transport)
	if err != nil {
		return err
	}
	return p.wait(ctx)
}

// inProgress waits until that many calls are in progress.
func (w *World) inProgress(ctx context.Context, n int) error {
	return w.until(ctx, 15*time.Second, fmt.Sprintf("%d calls in progress", n), func(s status) bool { return s.Counters.InProgress == n })
}

// heard waits until the party has received a message that begins so.
func (p *Party) heard(ctx context.Context, line string) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		trace, err := p.trace()
		if err != nil {
			return err
		}
		if slices.ContainsFunc(trace, func(m traced) bool { return !m.sent && len(m.line) >= len(line) && m.line[:len(line)] == line }) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s never received %s: %w\n%s", p.name, line, ctx.Err(), p.tail())
		}
	}
}
