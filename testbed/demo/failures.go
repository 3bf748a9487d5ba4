package demo

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// killServer is SIGKILL; it returns the instant just before it.
func (d *demo) killServer(i int) time.Time {
	p := d.site.servers[i]
	at := time.Now()
	d.book.died(p.name, at)
	p.kill()
	return at
}

func (d *demo) restartServer(ctx context.Context, i int) error {
	if err := d.site.startServer(ctx, i); err != nil {
		return err
	}
	d.book.reborn(d.site.servers[i].name)
	return nil
}

// answeredOn counts conversations on a server; the book's lock is held.
func (b *book) answeredOn(name string) (n int) {
	for _, c := range b.calls {
		if !c.over && c.answeredBy == name {
			n++
		}
	}
	return n
}

// switchover: the primary dies under traffic.
func (d *demo) switchover(ctx context.Context) error {
	var talking int
	err := d.until(ctx, 10*time.Second, wantSteady, func() (bool, string) { // some of the traffic is in conversation
		talking = d.book.answeredOn(namePrimary)
		return talking >= 2, fmt.Sprintf("%d conversations", talking)
	})
	if err != nil {
		return err
	}
	pid := d.site.servers[0].cmd.Process.Pid
	at := d.killServer(0)
	d.line(primaryKilled, pid, talking)
	held, err := d.book.offer(ctx, 0)
	if err != nil {
		return err
	}
	shown, err := d.watchRounds(ctx, at)
	if err != nil {
		return err
	}
	if err := d.heardBy(ctx, held, patience, nameSecondary, wantHeldServed); err != nil {
		return err
	}
	err = d.await(ctx, 5*time.Second, wantHeldServed, func(s status) bool {
		return s.Phase == "on-secondary" && s.Active == "secondary" && s.Registration.Phase == "bound"
	})
	if err != nil {
		return err
	}
	if err := d.rounds(ctx, at, shown); err != nil {
		return err
	}
	if err := d.licenceFollowed(ctx, user1, user2, &d.sum.licence, wantSwitchMove); err != nil {
		return err
	}
	d.done(licenceMoved, user1, user2, d.took(d.sum.licence))
	d.done(heldServed, nameSecondary, d.took(held.waited()))
	d.sum.switchover = d.firstServed(nameSecondary).Sub(at)
	d.done(switchedIn, d.took(d.sum.switchover))
	if err := d.meanwhile(ctx, at, held.answeredAt); err != nil {
		return err
	}
	if err := d.traffic.release(ctx); err != nil { // nobody speaks on those any more
		return err
	}
	return d.finish(ctx, held, wantHeldServed)
}

// watchRounds shows the rounds as they are counted, until the role moves; it
// returns the last one shown.
func (d *demo) watchRounds(ctx context.Context, since time.Time) (shown int, err error) {
	return shown, d.await(ctx, patience, wantRounds, func(s status) bool {
		if v := s.Verification; v.K > shown {
			shown = v.K
			d.line(round, d.took(time.Since(since)), v.K, v.N, s.server(0).Verdict)
		}
		return s.Phase == "switching" || s.Phase == "on-secondary"
	})
}

// rounds shows those that passed too quickly to be seen, as the journal has
// them, and requires N rounds in a row before the move.
func (d *demo) rounds(ctx context.Context, since time.Time, shown int) error {
	journal, err := d.site.door.journal(ctx, since)
	if err != nil {
		return err
	}
	seen := ""
	for _, e := range journal {
		if e.Code == "switchover-begun" {
			break
		}
		if e.Code != "round" || e.Params["server"] != "primary" {
			continue
		}
		seen += e.Params["k"] + "/" + e.Params["n"] + " "
		if e.Params["k"] > strconv.Itoa(shown) { // one digit: N is 3
			d.line(round, d.took(e.Time.Sub(since)), e.Params["k"], e.Params["n"], e.Params["verdict"])
		}
	}
	return d.check(strings.HasSuffix(seen, "1/3 2/3 3/3 "), wantRounds, "%q", seen)
}

// licenceFollowed waits for the registrar's log to end with a move between the
// two users and measures it.
func (d *demo) licenceFollowed(ctx context.Context, from, to string, took *time.Duration, want line) error {
	return d.poll(ctx, 5*time.Second, want, func(ctx context.Context) (bool, string) {
		log, err := d.registrarLog(ctx)
		all := moves(intervals(log))
		if err != nil || len(all) == 0 {
			return false, fmt.Sprintf("%d moves, %v", len(all), err)
		}
		last := all[len(all)-1]
		*took = last.took
		return last.from == from && last.to == to && last.took >= 0, fmt.Sprintf("%+v", last)
	})
}

// firstServed is the instant of the first answer of a server.
func (d *demo) firstServed(name string) (first time.Time) {
	d.book.read(func() {
		for _, c := range d.book.calls {
			if c.answeredBy == name && (first.IsZero() || c.answeredAt.Before(first)) {
				first = c.answeredAt
			}
		}
	})
	return first
}

// meanwhile: every call offered during the outage is served by the secondary.
func (d *demo) meanwhile(ctx context.Context, from, to time.Time) error {
	n := 0
	err := d.until(ctx, patience, wantHeldServed, func() (bool, string) {
		n = 0
		for _, c := range d.book.calls {
			if c.offered.Before(from) || c.offered.After(to) {
				continue
			}
			if c.answeredBy != nameSecondary {
				return false, c.fate()
			}
			n++
		}
		return true, ""
	})
	if err == nil {
		d.done(cutCalls, n)
	}
	return err
}

// onSecondary: outgoing calls and transfers after the switchover.
func (d *demo) onSecondary(ctx context.Context) error { return d.outgoing(ctx, 1, false) }

// primaryReturns: the primary is back and stable, and that alone changes
// nothing.
func (d *demo) primaryReturns(ctx context.Context) (err error) {
	if d.kept, err = d.converse(ctx, nameSecondary, wantStill); err != nil {
		return err
	}
	began := time.Now()
	if err := d.restartServer(ctx, 0); err != nil {
		return err
	}
	d.line(primaryBack, d.site.servers[0].cmd.Process.Pid)
	var last status
	moved := false
	err = d.await(ctx, 15*time.Second, wantBack, func(s status) bool {
		last, moved = s, moved || s.Active != "secondary" || s.Phase == "returning"
		return moved || s.server(0).Stability.K == s.server(0).Stability.N && s.server(0).Stability.N > 0
	})
	if err != nil {
		return err
	}
	served, elsewhere := 0, ""
	d.book.read(func() {
		for _, c := range d.book.calls {
			switch {
			case c.offered.Before(began) || c.answeredAt.IsZero():
			case c.answeredBy == nameSecondary:
				served++
			default:
				elsewhere = c.fate()
			}
		}
	})
	if err := d.check(!moved && elsewhere == "" && served > 0, wantStill, "%s %s", last, elsewhere); err != nil {
		return err
	}
	d.done(nothingMoved, last.server(0).Stability.K, last.server(0).Stability.N, d.took(time.Since(began)), served)
	return d.passiveRefused(ctx, 0)
}

// operatorReturns: the verb, as an operator types it.
func (d *demo) operatorReturns(ctx context.Context) error {
	p, err := d.site.operator("return", "-y", "--force", "--reason", "demo")
	if err != nil {
		return err
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		return d.missed(wantReturn, context.Cause(ctx).Error())
	}
	said := strings.TrimSpace(p.stdout.String())
	if err := d.check(p.status == nil, wantReturn, "%v: %s %s", p.status, said, p.stderr); err != nil {
		return err
	}
	d.line(returnSaid, said)
	c, err := d.converse(ctx, namePrimary, wantReturn)
	if err != nil {
		return err
	}
	if err := d.licenceFollowed(ctx, user2, user1, &d.sum.back, wantReturnMove); err != nil {
		return err
	}
	d.done(returned, namePrimary, d.took(d.sum.back))
	if err := d.finish(ctx, c, wantReturn); err != nil {
		return err
	}
	return d.keptOn(ctx)
}

// keptOn: the conversation begun on the secondary is still heard, and its BYE
// reaches the secondary.
func (d *demo) keptOn(ctx context.Context) error {
	before := -1
	err := d.poll(ctx, 2*time.Second, wantKept, func(ctx context.Context) (bool, string) {
		r, err := d.book.look(ctx, d.kept)
		if err != nil || r.Cause != "" {
			return false, fmt.Sprintf("%+v %v", r, err)
		}
		if before < 0 {
			before = r.Audible
		}
		return r.Audible > before, fmt.Sprintf("%+v", r)
	})
	if err != nil {
		return err
	}
	if err := d.finish(ctx, d.kept, wantKept); err != nil {
		return err
	}
	if err := d.endedAt(ctx, 1, d.kept.from, "bye-received", wantKept); err != nil {
		return err
	}
	d.done(keptAlive)
	return nil
}

// bothDown: the secondary dies, then the primary; the desk answers.
func (d *demo) bothDown(ctx context.Context) error {
	at := d.killServer(1)
	err := d.await(ctx, 10*time.Second, wantDown, func(s status) bool {
		return s.server(1).State == "down" && !s.server(1).Ready
	})
	if err != nil {
		return err
	}
	d.done(secondaryKilled, d.took(time.Since(at)))
	d.killServer(0)
	d.line(bothKilled)
	c, err := d.converse(ctx, nameIPBX, wantRescued)
	if err != nil {
		return err
	}
	d.done(rescued, deskNo, d.took(c.waited()))
	if err := d.traffic.release(ctx); err != nil {
		return err
	}
	if err := d.finish(ctx, c, wantRescued); err != nil {
		return err
	}
	return d.serveAgain(ctx)
}

func (d *demo) serveAgain(ctx context.Context) error {
	began := time.Now()
	for i := range d.site.servers {
		if err := d.restartServer(ctx, i); err != nil {
			return err
		}
	}
	err := d.await(ctx, 15*time.Second, wantServing, func(s status) bool {
		return s.Phase == "normal" && s.Active == "primary"
	})
	if err != nil {
		return err
	}
	c, err := d.converse(ctx, namePrimary, wantServing)
	if err != nil {
		return err
	}
	d.done(serversBack, namePrimary, d.took(time.Since(began)))
	return d.finish(ctx, c, wantServing)
}

// operator runs a verb of the command line as a child.
func (s *site) operator(args ...string) (*process, error) {
	args = append(args, "--socket", s.socket(), "--lang", string(s.lang))
	p, err := s.nursery.start("operator", s.self, args, func(p *process) error {
		p.stdout = &tail{}
		p.cmd.Stdout = p.stdout
		return nil
	})
	if err != nil {
		return nil, err
	}
	go p.reap(nil)
	return p, nil
}
