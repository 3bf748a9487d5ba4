package demo

import (
	"context"
	"fmt"
	"time"
)

// conversations are the calls that Relève's death must not touch.
type conversations struct {
	byCaller *call // its caller will hang up
	byServer *call // the server will
	outgoing int   // placed by the server, which will hang up
}

// releveKilled: SIGKILL in mid-call, restart, BYE in both directions.
func (d *demo) releveKilled(ctx context.Context) error {
	var talk conversations
	var err error
	for _, c := range []**call{&talk.byCaller, &talk.byServer} {
		if *c, err = d.converse(ctx, namePrimary, wantByes); err != nil {
			return err
		}
	}
	if talk.outgoing, err = d.callOut(ctx, 0); err != nil {
		return err
	}
	before, err := d.site.door.status(ctx)
	if err != nil {
		return err
	}
	log, err := d.registrarLog(ctx)
	if err != nil {
		return err
	}
	began, err := d.restartReleve(ctx)
	if err != nil {
		return err
	}
	var after status
	err = d.await(ctx, 10*time.Second, wantRestart, func(s status) bool {
		after = s
		return s.Phase == "normal" && s.Active == "primary" && s.Registration.Phase == "bound"
	})
	if err != nil {
		return err
	}
	took := time.Since(began)
	if err := d.check(after.Active == before.Active && after.Epoch == before.Epoch, wantRestart, "%s; before: %s", after, before); err != nil {
		return err
	}
	if err := d.sameLicence(ctx, len(intervals(log))); err != nil {
		return err
	}
	d.done(releveBack, d.took(took), namePrimary, after.Epoch, user1) // after.Phase normal: it is the primary
	return d.byes(ctx, talk)
}

// restartReleve kills Relève between two set-ups; the traffic goes on at once,
// so that calls come while nobody listens.
func (d *demo) restartReleve(ctx context.Context) (began time.Time, err error) {
	limit, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var talking int
	pid := d.site.releve.cmd.Process.Pid
	killed := d.traffic.quiet(limit, func() {
		began = time.Now()
		d.site.releve.kill()
		d.book.read(func() { talking = d.book.open() })
	})
	if !killed {
		return began, d.missed(wantQuiet, context.Cause(limit).Error())
	}
	d.line(releveKilled, pid, talking)
	err = d.until(ctx, 5*time.Second, wantTraffic, func() (bool, string) { // a caller finds nobody
		return d.book.settingUp() > 0, "no call was offered while Relève was away"
	})
	if err != nil {
		return began, err
	}
	return began, d.site.startReleve()
}

// sameLicence: the registrar saw no new stay and no end of one.
func (d *demo) sameLicence(ctx context.Context, before int) error {
	log, err := d.registrarLog(ctx)
	if err != nil {
		return err
	}
	stays := intervals(log)
	last := stays[len(stays)-1]
	return d.check(len(stays) == before && last.user == user1 && last.to.IsZero(), wantSameLicence,
		"%d stays of a binding, %d before; the last: %+v", len(stays), before, last)
}

// byes ends the conversations that outlived Relève, from either side.
func (d *demo) byes(ctx context.Context, talk conversations) error {
	if err := d.finish(ctx, talk.byCaller, wantByes); err != nil {
		return err
	}
	if err := d.endedAt(ctx, 0, talk.byCaller.from, "bye-received", wantByes); err != nil {
		return err
	}
	primary := d.site.servers[0].remote
	if err := primary.Do(ctx, "release", map[string]string{"from": talk.byServer.from}, nil); err != nil {
		return d.missed(wantByes, err.Error())
	}
	err := d.until(ctx, 5*time.Second, wantByes, func() (bool, string) {
		return talk.byServer.over && talk.byServer.result.Cause == "bye-received", talk.byServer.fate()
	})
	if err != nil {
		return err
	}
	if err := primary.Do(ctx, "hangup", byID{ID: talk.outgoing}, nil); err != nil {
		return err
	}
	err = d.poll(ctx, 5*time.Second, wantByes, func(ctx context.Context) (bool, string) {
		open, err := d.openAtIPBX(ctx)
		return err == nil && open == 0, fmt.Sprintf("%d outgoing calls still open at the IPBX, %v", open, err)
	})
	if err == nil {
		d.done(byesPassed)
	}
	return err
}
