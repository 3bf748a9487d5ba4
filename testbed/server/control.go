package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"releve/testbed/phone"
)

// maxRemembered bounds the placed calls that the control protocol can name.
const maxRemembered = 50_000

// Run starts a server and serves the control protocol (phone.Line) on control
// until it ends, "quit" comes, or ctx ends. First the event "ready" goes out,
// with the address. Commands, all JSON, durations in nanoseconds:
//
//	mode Mode          stats → Stats      calls → {"calls","forgotten"}
//	place PlaceSpec → {"id"}              placed {"id","wait"} → Outcome
//	hangup {"id"}      unregister         quirks {"planted"} (none: away)
//	quit
//	transfer {"from","to","attended"}     release {"from"}
func Run(ctx context.Context, cfg Config, control io.ReadWriter) error {
	ctl := phone.NewControl(control)
	cfg.OnEvent = func(e Event) { ctl.Emit(e.Kind, e) }
	s, err := Start(cfg)
	if err != nil {
		return err
	}
	ctl.Emit("ready", map[string]string{"addr": s.Addr().String()})
	r := &remote{s: s, placed: map[int]*Placed{}}
	return errors.Join(ctl.Serve(ctx, r.commands()), s.Close())
}

// Outcome is a placed call as the control protocol tells it.
type Outcome struct {
	Status     int    `json:"status"`
	AnsweredBy string `json:"answered_by"`
	Cause      string `json:"cause"` // empty: it goes on
	Packets    int    `json:"packets"`
	Audible    int    `json:"audible"`
}

type remote struct {
	s      *Server
	mu     sync.Mutex
	placed map[int]*Placed
	last   int
}

func (r *remote) commands() map[string]phone.Command {
	return map[string]phone.Command{
		"mode":  r.mode,
		"stats": func(context.Context, json.RawMessage) (any, error) { return r.s.Stats(), nil },
		"calls": r.calls, "place": r.place, "placed": r.outcome, "hangup": r.hangup,
		"transfer": r.transfer, "release": r.release, "quirks": r.quirks,
		"unregister": func(context.Context, json.RawMessage) (any, error) { r.s.Unregister(); return nil, nil },
	}
}

func (r *remote) mode(_ context.Context, args json.RawMessage) (any, error) {
	m, err := phone.Parse[Mode](args)
	if err != nil {
		return nil, err
	}
	return nil, r.s.SetMode(m)
}

func (r *remote) calls(context.Context, json.RawMessage) (any, error) {
	calls, forgotten := r.s.Calls()
	return struct {
		Calls     []Seen `json:"calls"`
		Forgotten int    `json:"forgotten"`
	}{calls, forgotten}, nil
}

// named are the arguments of commands about one placed call.
type named struct {
	ID   int  `json:"id"`
	Wait bool `json:"wait"`
}

func (r *remote) place(_ context.Context, args json.RawMessage) (any, error) {
	spec, err := phone.Parse[PlaceSpec](args)
	if err != nil {
		return nil, err
	}
	c, err := r.s.Place(spec)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	r.placed[r.last] = c
	delete(r.placed, r.last-maxRemembered)
	return named{ID: r.last}, nil
}

func (r *remote) find(args json.RawMessage) (*Placed, named, error) {
	n, err := phone.Parse[named](args)
	if err != nil {
		return nil, n, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.placed[n.ID]; c != nil {
		return c, n, nil
	}
	return nil, n, fmt.Errorf("no placed call %d", n.ID)
}

func (r *remote) outcome(ctx context.Context, args json.RawMessage) (any, error) {
	c, n, err := r.find(args)
	if err != nil {
		return nil, err
	}
	if n.Wait {
		if _, err := c.Ended(ctx); err != nil {
			return nil, err
		}
	}
	out := Outcome{Status: c.Status(), AnsweredBy: c.AnsweredBy()}
	r.s.p.Do(func() { out.Cause = c.c.Cause() })
	heard := c.Heard()
	out.Packets, out.Audible = heard.Packets, heard.Audible
	return out, nil
}

// caller names a call received by the number of its caller.
type caller struct {
	From string `json:"from"`
	Transfer
}

func (r *remote) transfer(_ context.Context, args json.RawMessage) (any, error) {
	c, err := phone.Parse[caller](args)
	if err != nil {
		return nil, err
	}
	return nil, r.s.TransferCaller(c.From, c.Transfer)
}

func (r *remote) release(_ context.Context, args json.RawMessage) (any, error) {
	c, err := phone.Parse[caller](args)
	if err != nil {
		return nil, err
	}
	return nil, r.s.HangupCaller(c.From)
}

func (r *remote) hangup(_ context.Context, args json.RawMessage) (any, error) {
	c, _, err := r.find(args)
	if err == nil {
		c.Hangup()
	}
	return nil, err
}

func (r *remote) quirks(_ context.Context, args json.RawMessage) (any, error) {
	q, err := phone.Parse[struct {
		Planted []Quirk `json:"planted"`
	}](args)
	if err != nil {
		return nil, err
	}
	return nil, r.s.SetQuirks(q.Planted...)
}
