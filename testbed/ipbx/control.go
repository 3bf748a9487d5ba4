package ipbx

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"releve/testbed/phone"
)

// maxRemembered bounds the calls that the control protocol can name.
const maxRemembered = 50_000

// Run starts an IPBX and serves the control protocol (phone.Line) on control
// until it ends, "quit" comes, or ctx ends. First the event "ready" goes out,
// with the addresses. Commands, all JSON, durations in nanoseconds:
//
//	call CallSpec → {"id"}            result {"id","wait"} → Result
//	hangup, cancel, history {"id"}    reinvite {"id","direction"} → {"status"}
//	load LoadSpec → Summary           stats → Stats
//	fault {"fault","late"}            restart {"keep_bindings"}
//	active {"member"}                 options {"every"} (0 stops)
//	registrar (fields to change)      drop-bindings
//	log → []BindingEvent              bindings → []Binding
//	overlap {"users"} → Overlap       quirks {"planted"} (none: away)
//	quit
func Run(ctx context.Context, cfg Config, control io.ReadWriter) error {
	ctl := phone.NewControl(control)
	cfg.OnEvent = func(e Event) { ctl.Emit(e.Kind, e) }
	x, err := Start(cfg)
	if err != nil {
		return err
	}
	ctl.Emit("ready", map[string]string{"addr": x.Addr().String(), "standby": x.StandbyAddr().String()})
	r := &remote{x: x, ctx: ctx, calls: map[int]*Call{}}
	return errors.Join(ctl.Serve(ctx, r.commands()), x.Close())
}

type remote struct {
	x   *IPBX
	ctx context.Context // of the process; a call outlives the command that placed it

	mu    sync.Mutex
	calls map[int]*Call
	last  int
}

func (r *remote) commands() map[string]phone.Command {
	return map[string]phone.Command{
		"call": r.call, "result": r.result, "hangup": r.hangup, "cancel": r.cancel,
		"history": r.history, "reinvite": r.reinvite, "load": r.load,
		"stats": func(context.Context, json.RawMessage) (any, error) { return r.x.Stats(), nil },
		"fault": r.fault, "restart": r.restart, "active": r.active, "options": r.options,
		"registrar":     r.registrar,
		"drop-bindings": func(context.Context, json.RawMessage) (any, error) { r.x.DropBindings(); return nil, nil },
		"log":           func(context.Context, json.RawMessage) (any, error) { return r.x.Log() },
		"bindings":      func(context.Context, json.RawMessage) (any, error) { return r.x.Bindings(), nil },
		"overlap":       r.overlap,
		"quirks":        r.quirks,
	}
}

// named are the arguments of commands about one call.
type named struct {
	ID        int             `json:"id"`
	Wait      bool            `json:"wait"`
	Direction phone.Direction `json:"direction"`
}

func (r *remote) find(args json.RawMessage) (*Call, named, error) {
	n, err := phone.Parse[named](args)
	if err != nil {
		return nil, n, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.calls[n.ID]; c != nil {
		return c, n, nil
	}
	return nil, n, fmt.Errorf("no call %d", n.ID)
}

func (r *remote) call(_ context.Context, args json.RawMessage) (any, error) {
	spec, err := phone.Parse[CallSpec](args)
	if err != nil {
		return nil, err
	}
	c, err := r.x.Call(r.ctx, spec)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	r.calls[r.last] = c
	delete(r.calls, r.last-maxRemembered)
	return named{ID: r.last}, nil
}

func (r *remote) result(ctx context.Context, args json.RawMessage) (any, error) {
	c, n, err := r.find(args)
	if err != nil {
		return nil, err
	}
	if n.Wait {
		return c.Wait(ctx)
	}
	return c.Result(), nil
}

func (r *remote) hangup(_ context.Context, args json.RawMessage) (any, error) {
	c, _, err := r.find(args)
	if err == nil {
		c.Hangup()
	}
	return nil, err
}

func (r *remote) cancel(_ context.Context, args json.RawMessage) (any, error) {
	c, _, err := r.find(args)
	if err == nil {
		c.Cancel()
	}
	return nil, err
}

func (r *remote) history(_ context.Context, args json.RawMessage) (any, error) {
	c, _, err := r.find(args)
	if err != nil {
		return nil, err
	}
	return c.History(), nil
}

func (r *remote) reinvite(ctx context.Context, args json.RawMessage) (any, error) {
	c, n, err := r.find(args)
	if err != nil {
		return nil, err
	}
	status, err := c.ReInvite(ctx, n.Direction)
	return map[string]int{"status": status}, err
}

func (r *remote) load(ctx context.Context, args json.RawMessage) (any, error) {
	spec, err := phone.Parse[LoadSpec](args)
	if err != nil {
		return nil, err
	}
	return r.x.Load(ctx, spec)
}

func (r *remote) fault(_ context.Context, args json.RawMessage) (any, error) {
	f, err := phone.Parse[struct {
		Fault Fault         `json:"fault"`
		Late  time.Duration `json:"late"`
	}](args)
	if err != nil {
		return nil, err
	}
	return nil, r.x.SetFault(f.Fault, f.Late)
}

func (r *remote) restart(_ context.Context, args json.RawMessage) (any, error) {
	f, err := phone.Parse[struct {
		Keep bool `json:"keep_bindings"`
	}](args)
	if err != nil {
		return nil, err
	}
	return nil, r.x.Restart(f.Keep)
}

func (r *remote) active(_ context.Context, args json.RawMessage) (any, error) {
	f, err := phone.Parse[struct {
		Member int `json:"member"`
	}](args)
	if err != nil {
		return nil, err
	}
	return nil, r.x.SetActive(f.Member)
}

func (r *remote) options(_ context.Context, args json.RawMessage) (any, error) {
	f, err := phone.Parse[struct {
		Every time.Duration `json:"every"`
	}](args)
	if err != nil {
		return nil, err
	}
	if f.Every <= 0 {
		r.x.StopOptions()
		return nil, nil
	}
	r.x.StartOptions(f.Every)
	return nil, nil
}

// registrar changes only the fields that the arguments name.
func (r *remote) registrar(_ context.Context, args json.RawMessage) (any, error) {
	var err error
	r.x.SetRegistrar(func(set *Registrar) {
		next := *set
		if err = json.Unmarshal(args, &next); err == nil {
			*set = next
		}
	})
	return nil, err
}

func (r *remote) overlap(_ context.Context, args json.RawMessage) (any, error) {
	f, err := phone.Parse[struct {
		Users []string `json:"users"`
	}](args)
	if err != nil {
		return nil, err
	}
	log, err := r.x.Log()
	if err != nil {
		return nil, err
	}
	return MostBindings(log, time.Now(), f.Users...), nil
}

func (r *remote) quirks(_ context.Context, args json.RawMessage) (any, error) {
	f, err := phone.Parse[struct {
		Planted []Quirk `json:"planted"`
	}](args)
	if err != nil {
		return nil, err
	}
	return nil, r.x.SetQuirks(f.Planted...)
}
