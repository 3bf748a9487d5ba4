package demo

import (
	"context"
	"fmt"
	"time"

	"releve/testbed/ipbx"
	"releve/testbed/server"
)

// heardBy waits until a call is answered by name and heard.
func (d *demo) heardBy(ctx context.Context, c *call, limit time.Duration, name string, want line) error {
	err := d.until(ctx, limit, want, func() (bool, string) {
		return c.answeredBy == name, c.fate()
	})
	if err != nil {
		return err
	}
	return d.poll(ctx, 2*time.Second, want, func(ctx context.Context) (bool, string) {
		r, err := d.book.look(ctx, c)
		return err == nil && r.Audible > 0, fmt.Sprintf("%+v %v", r, err)
	})
}

// fate tells a call in words; the book's lock is held.
func (c *call) fate() string {
	switch {
	case c.over:
		return fmt.Sprintf("call %s: %s %d by %q, %s, audible packets %d", c.from, c.result.Outcome, c.result.Status, c.result.AnsweredBy, c.result.Cause, c.result.Audible)
	case c.answeredAt.IsZero():
		return fmt.Sprintf("call %s: no final after %s", c.from, time.Since(c.offered).Round(time.Millisecond))
	}
	return fmt.Sprintf("call %s: answered by %q", c.from, c.answeredBy)
}

func (c *call) waited() time.Duration { return c.answeredAt.Sub(c.offered) }

// converse offers a call and waits until name answers and is heard.
func (d *demo) converse(ctx context.Context, name string, want line) (*call, error) {
	c, err := d.book.offer(ctx, 0)
	if err != nil {
		return nil, err
	}
	return c, d.heardBy(ctx, c, patience, name, want)
}

// finish hangs a call up and waits for its end.
func (d *demo) finish(ctx context.Context, c *call, want line) error {
	if err := d.book.hangup(ctx, c); err != nil {
		return err
	}
	return d.until(ctx, 5*time.Second, want, func() (bool, string) { return c.over, c.fate() })
}

// callOut lets server i call an extension; the call stays until hung up.
func (d *demo) callOut(ctx context.Context, i int) (id int, err error) {
	p := d.site.servers[i]
	var placed struct{ ID int }
	if err := p.remote.Do(ctx, "place", server.PlaceSpec{To: internal}, &placed); err != nil {
		return 0, err
	}
	return placed.ID, d.poll(ctx, 5*time.Second, wantOutgoing, func(ctx context.Context) (bool, string) {
		o, err := d.outcome(ctx, p, placed.ID)
		return err == nil && o.Status == 200 && o.AnsweredBy == nameIPBX && o.Audible > 0, fmt.Sprintf("%+v %v", o, err)
	})
}

func (d *demo) outcome(ctx context.Context, p *process, id int) (o server.Outcome, err error) {
	return o, p.remote.Do(ctx, "placed", byID{ID: id}, &o)
}

// outgoing checks the calls and transfers of the active server, and the refusal
// of the passive one.
func (d *demo) outgoing(ctx context.Context, active int, passive bool) error {
	name := d.site.servers[active].name
	id, err := d.callOut(ctx, active)
	if err != nil {
		return err
	}
	if err := d.site.servers[active].remote.Do(ctx, "hangup", byID{ID: id}, nil); err != nil {
		return err
	}
	d.done(outgoingDone, name, internal)
	if passive {
		if err := d.passiveRefused(ctx, 1-active); err != nil {
			return err
		}
	}
	for _, attended := range []bool{false, true} {
		if err := d.transfer(ctx, active, attended); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) passiveRefused(ctx context.Context, i int) error {
	p := d.site.servers[i]
	var placed struct{ ID int }
	if err := p.remote.Do(ctx, "place", server.PlaceSpec{To: internal}, &placed); err != nil {
		return err
	}
	err := d.poll(ctx, 5*time.Second, wantPassive, func(ctx context.Context) (bool, string) {
		o, err := d.outcome(ctx, p, placed.ID)
		return err == nil && o.Status == 403, fmt.Sprintf("%+v %v", o, err)
	})
	if err == nil {
		d.done(passiveRefused, p.name)
	}
	return err
}

// transfer lets the server hand a caller on to an extension, whom the caller
// must then hear.
func (d *demo) transfer(ctx context.Context, i int, attended bool) error {
	p := d.site.servers[i]
	c, err := d.converse(ctx, p.name, wantTransfer)
	if err != nil {
		return err
	}
	err = d.poll(ctx, 2*time.Second, wantTransfer, func(ctx context.Context) (bool, string) {
		err := p.remote.Do(ctx, "transfer", map[string]any{
			"from": c.from, "to": "sip:" + internal + "@" + d.site.ipbxAddr, "attended": attended,
		}, nil)
		return err == nil, fmt.Sprint(err)
	})
	if err != nil {
		return err
	}
	if err := d.transferred(ctx, c, attended); err != nil {
		return err
	}
	if attended {
		d.done(attendedDone, p.name, internal)
	} else {
		d.done(blindDone, p.name, internal)
	}
	return d.finish(ctx, c, wantTransfer)
}

// transferred: the new leg is answered by the IPBX's extension, and speech went
// on after that.
func (d *demo) transferred(ctx context.Context, c *call, attended bool) error {
	before := -1
	want := ipbx.Transfer{To: internal, Attended: attended, Status: 200, Server: nameIPBX}
	return d.poll(ctx, 5*time.Second, wantTransfer, func(ctx context.Context) (bool, string) {
		r, err := d.book.look(ctx, c)
		if err != nil || len(r.Transfers) != 1 || r.Transfers[0] != want {
			return false, fmt.Sprintf("%+v %v", r, err)
		}
		if before < 0 {
			before = r.Audible
		}
		return r.Audible > before, fmt.Sprintf("%+v", r)
	})
}

// seenBy finds the server's own record of a call from that number.
func (d *demo) seenBy(ctx context.Context, i int, from string) (server.Seen, error) {
	var all struct{ Calls []server.Seen }
	if err := d.site.servers[i].remote.Do(ctx, "calls", nil, &all); err != nil {
		return server.Seen{}, err
	}
	for k := len(all.Calls) - 1; k >= 0; k-- {
		if all.Calls[k].From == from {
			return all.Calls[k], nil
		}
	}
	return server.Seen{}, fmt.Errorf("%s never saw a call from %s", d.site.servers[i].name, from)
}

// endedAt waits until server i has the call from that number as ended by BYE.
func (d *demo) endedAt(ctx context.Context, i int, from, how string, want line) error {
	return d.poll(ctx, 5*time.Second, want, func(ctx context.Context) (bool, string) {
		s, err := d.seenBy(ctx, i, from)
		return err == nil && s.Ended == how, fmt.Sprintf("%+v %v", s, err)
	})
}

// registrarLog is every change of a binding, from the IPBX.
func (d *demo) registrarLog(ctx context.Context) (log []ipbx.BindingEvent, err error) {
	return log, d.site.ipbx.remote.Do(ctx, "log", nil, &log)
}
