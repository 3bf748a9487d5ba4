package preflight

import (
	"context"
	"slices"
	"time"

	"releve/cmd/internal/text"
)

// expiry binds for a second, or as briefly as the registrar has it, and looks whether
// the end is enforced.
func (b *book) expiry(ctx context.Context, a *account, contact string) {
	out := a.bind(ctx, contact, shortest)
	s := out.final.status()
	if s == 423 {
		a.bound = nil
		least := atoi(out.final.get("Min-Expires"))
		b.note(judgeShortGrant(granted{asked: shortest, min: max(least, 1)}))
		if b.r.plan.Wait < time.Duration(least)*time.Second+expirySlack {
			b.note(unseen(text.StudyExpiry, text.WhyNotAsked))
			return
		}
		out = a.bind(ctx, contact, least)
		s = out.final.status()
	}
	if s < 200 || s >= 300 {
		return
	}
	got := -1
	if c, ok := lists(listed(out.final), contact); ok {
		got = c.Expires
	}
	if s == 200 && !b.has(text.StudyShortGrant) {
		b.note(judgeShortGrant(granted{asked: shortest, got: got}))
	}
	term := time.Duration(got) * time.Second
	if got < 0 || term > max(2*time.Second, b.r.plan.Wait) {
		b.note(unseen(text.StudyExpiry, text.WhyNotAsked))
		a.release(ctx, contact)
		return
	}
	b.outlast(ctx, a, contact, term)
}

func (b *book) has(id ID) bool {
	b.r.mu.Lock()
	defer b.r.mu.Unlock()
	return slices.ContainsFunc(b.r.findings, func(f Finding) bool { return f.ID == id && f.Subject == Registrar })
}

// outlast waits until a binding must have expired; a second of grace, since registrars
// sweep once a second.
func (b *book) outlast(ctx context.Context, a *account, contact string, term time.Duration) {
	pause(ctx, term+expirySlack)
	_, late := lists(listed(a.send(ctx, "", 0).final), contact)
	if late {
		pause(ctx, time.Second)
		_, late = lists(listed(a.send(ctx, "", 0).final), contact)
	}
	if ctx.Err() != nil { // it was not outlasted: the end of the study takes it back
		b.note(unseen(text.StudyExpiry, text.WhyInterrupt))
		return
	}
	f := seen(text.StudyExpiry, OK, "granted", secondsOf(term), "late", secondsOf(expirySlack+time.Second))
	if late {
		f.State = NoGo
		a.release(ctx, contact)
	} else {
		a.bound = nil
	}
	b.note(f)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
