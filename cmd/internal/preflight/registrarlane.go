package preflight

import (
	"context"
	"slices"
	"time"

	"releve/cmd/internal/text"
	"releve/proxy/message"
)

// Bounds of the registrations, our choice. askedFor is what Relève asks for.
const (
	registerLimit = 3 * time.Second
	askedFor      = 60
	shortest      = 1        // second: the expiry that is waited for
	longest       = 2 * 3600 // seconds: what Relève lets a registrar ask for, twice its max_grant
	expirySlack   = 400 * time.Millisecond
)

// book is the licensed users of a study, and how far it may go with them.
type book struct {
	r       *run
	f       far
	users   []*account
	ask     int // seconds; raised by a registrar that asks for more
	granted granted
	usable  bool // the primary's is registered now
	spoke   bool // the registrar answered
	trusted bool // the registrar tells who is registered
	since   time.Time
}

// login answers challenges of calls while a user is registered.
func (b *book) login() *login {
	if !b.usable {
		return nil
	}
	return b.users[0].login
}

// ofRegistrar are the findings of the registrar.
func ofRegistrar() []ID {
	return []ID{
		text.StudyRegistrar, text.StudyOccupied, text.StudyDigest, text.StudyListed, text.StudyGrant, text.StudyShortGrant,
		text.StudySecondContact, text.StudyUnregister, text.StudyExpiry, text.StudySecondary,
	}
}

func (b *book) note(found ...Finding) { b.r.enter(Registrar, b.f.Name, found...) }

// skip says why what was not found out was not; but for later.
func (b *book) skip(why text.StudyWhy, later ...ID) {
	b.r.mu.Lock()
	var missing []ID
	for _, id := range slices.DeleteFunc(ofRegistrar(), func(id ID) bool { return slices.Contains(later, id) }) {
		if !slices.ContainsFunc(b.r.findings, func(f Finding) bool { return f.ID == id && f.Subject == Registrar }) {
			missing = append(missing, id)
		}
	}
	b.r.mu.Unlock()
	for _, id := range missing {
		b.note(unseen(id, why))
	}
}

// register begins with the questions: who is registered? Only when nobody is, the
// first user is.
func (r *run) register(ctx context.Context, f far) *book {
	b := &book{r: r, f: f, ask: askedFor}
	for _, u := range r.plan.Users {
		b.users = append(b.users, r.account(f, u))
	}
	if len(b.users) == 0 {
		b.skip(text.WhyNoRegister)
		return b
	}
	if !b.free(ctx) {
		why := text.WhyNoAnswer
		switch {
		case b.has(text.StudyOccupied):
			why = text.WhyOccupied
		case b.spoke:
			why = text.WhyRefused
		}
		b.skip(why)
		return b
	}
	a := b.users[0]
	contact := a.contact(false)
	out := b.bind(ctx, a, contact)
	if s := out.final.status(); s < 200 || s >= 300 {
		b.note(judgeRegistration(a.login.user, out, a.first))
		if a.first != nil {
			b.note(judgeDigest(a.first))
		}
		b.skip(text.WhyRefused)
		return b
	}
	b.usable, b.since = true, time.Now()
	b.r.clock(f, out.final)
	b.note(judgeRegistration(a.login.user, out, a.first), judgeDigest(a.first))
	b.first(out, contact)
	if b.trusted {
		b.asked(ctx, a, contact)
	}
	return b
}

// bind registers for as long as Relève asks; a registrar that wants longer registrations
// (423) gets them, as from Relève (RFC 3261 §10.2.8).
func (b *book) bind(ctx context.Context, a *account, contact string) answered {
	out := a.bind(ctx, contact, b.ask)
	if least := atoi(out.final.get("Min-Expires")); out.final.status() == 423 && least > b.ask && least <= longest {
		b.ask = least
		out = a.bind(ctx, contact, b.ask)
	}
	return out
}

// asked looks whether a REGISTER that only asks tells of the binding too: it is what
// proves a departure.
func (b *book) asked(ctx context.Context, a *account, contact string) {
	if _, ok := lists(listed(a.send(ctx, "", 0).final), contact); !ok {
		b.trusted = false
		b.relist("partial")
	}
}

// free asks for each user who is registered; a study that is not sure registers nobody.
func (b *book) free(ctx context.Context) bool {
	for i, a := range b.users {
		out := a.send(ctx, "", 0)
		s := out.final.status()
		b.spoke = b.spoke || s != 0
		if s < 200 || s >= 300 {
			if i == 0 {
				b.note(judgeRegistration(a.login.user, out, a.first))
			} else {
				b.note(seen(text.StudyOccupied, Reservation, "case", "hidden"))
			}
			if a.first != nil {
				b.note(judgeDigest(a.first))
			}
			return false
		}
		if all := listed(out.final); len(all) > 0 {
			b.note(seen(text.StudyOccupied, Reservation, "user", a.login.user.AOR, "contact", string(all[0].URI)))
			return false
		}
	}
	b.note(seen(text.StudyOccupied, OK))
	return true
}

// first judges the 2xx of the first registration.
func (b *book) first(out answered, contact string) {
	all := listed(out.final)
	c, ok := lists(all, contact)
	b.granted = granted{asked: askedFor, got: c.Expires}
	if b.ask > askedFor {
		b.granted.min = b.ask
	}
	if !ok || c.Expires < 0 {
		b.granted.got = out.final.head.Expires // of the whole response
	}
	switch {
	case ok && len(all) > 1:
		other := all[slices.IndexFunc(all, func(v message.ContactValue) bool { return !message.SameURI(v.URI, []byte(contact)) })]
		b.note(seen(text.StudyListed, Reservation, "case", "foreign", "contact", string(other.URI)))
	case ok:
		b.trusted = true
		b.note(seen(text.StudyListed, OK))
	case len(all) == 1:
		b.r.enter(IPBX, b.f.Name, seen(text.StudyContact, Reservation, "case", "changed", "sent", contact, "got", string(all[0].URI)))
		b.note(seen(text.StudyListed, Reservation))
	default:
		b.note(seen(text.StudyListed, Reservation))
	}
	b.note(judgeGrant(b.granted))
}

// probe tries the registrar's habits with the first user, and un-registers it.
func (b *book) probe(ctx context.Context) {
	if !b.usable {
		return
	}
	a := b.users[0]
	one, two := a.contact(false), a.contact(true)
	frozen := b.trusted && b.frozen(ctx, a, one)
	if b.trusted {
		b.secondContact(ctx, a, one, two)
	} else {
		b.note(unseen(text.StudySecondContact, text.WhyUnlisted))
	}
	b.unregister(ctx, a, one)
	switch {
	case frozen:
		b.note(seen(text.StudyExpiry, Reservation, "case", "frozen", "granted", number(b.granted.got)))
	case b.trusted && len(a.bound) == 0:
		b.expiry(ctx, a, one)
	}
	why := text.WhyNoAnswer
	if !b.trusted {
		why = text.WhyUnlisted
	}
	b.skip(why, text.StudySecondary)
}

// countdown is how long a binding is watched growing shorter: two seconds of the
// registrar's, which counts whole ones.
const countdown = 2100 * time.Millisecond

// frozen says that the time left of a binding does not grow shorter: this registrar
// does not look at the clock.
func (b *book) frozen(ctx context.Context, a *account, contact string) bool {
	if b.granted.got < 5 {
		return false
	}
	pause(ctx, countdown-time.Since(b.since))
	c, ok := lists(listed(a.send(ctx, "", 0).final), contact)
	return ok && c.Expires >= b.granted.got && ctx.Err() == nil
}

// secondContact registers another address for the same user, both ours.
func (b *book) secondContact(ctx context.Context, a *account, one, two string) {
	out := a.bind(ctx, two, b.ask)
	s := out.final.status()
	if s < 200 || s >= 300 {
		a.bound = slices.DeleteFunc(a.bound, func(c string) bool { return c == two })
		b.note(seen(text.StudySecondContact, Reservation, "case", "refused", "status", number(s)))
		return
	}
	now := listed(a.send(ctx, "", 0).final)
	_, first := lists(now, one)
	_, second := lists(now, two)
	after := listed(a.release(ctx, two).final)
	_, still := lists(after, one)
	if still && !first { // the first was there all along
		first = true
		b.relist("partial")
	} else if all := listed(out.final); len(all) == 1 && first && second {
		b.relist("partial")
	}
	switch {
	case first && second:
		b.note(seen(text.StudySecondContact, OK))
	case second:
		b.note(seen(text.StudySecondContact, Info))
		a.bound = slices.DeleteFunc(a.bound, func(c string) bool { return c == one })
	default:
		b.note(seen(text.StudySecondContact, Reservation, "case", "kept"))
	}
}

// relist changes what was said of the list.
func (b *book) relist(name string) {
	b.r.mu.Lock()
	defer b.r.mu.Unlock()
	for i, f := range b.r.findings {
		if f.ID == text.StudyListed && f.Subject == Registrar {
			b.r.findings[i].State, b.r.findings[i].Values = Reservation, map[string]string{"case": name}
		}
	}
}

// unregister takes the binding back and looks whether it went.
func (b *book) unregister(ctx context.Context, a *account, contact string) {
	if !slices.Contains(a.bound, contact) { // replaced by the second: bind it again
		if s := a.bind(ctx, contact, b.ask).final.status(); s < 200 || s >= 300 {
			return
		}
	}
	out := a.release(ctx, contact)
	s := out.final.status()
	switch {
	case s == 0:
		b.note(seen(text.StudyUnregister, NoGo, "case", "silent"))
		return
	case s >= 300:
		b.note(seen(text.StudyUnregister, NoGo, "case", "refused", "status", number(s)))
		return
	}
	_, told := lists(listed(out.final), contact)
	_, asked := lists(listed(a.send(ctx, "", 0).final), contact)
	switch {
	case told || asked:
		a.bound = append(a.bound, contact) // the end of the study tries once more
		b.note(seen(text.StudyUnregister, NoGo, "status", number(s)))
	case !b.trusted:
		b.note(unseen(text.StudyUnregister, text.WhyUnlisted))
	default:
		b.note(seen(text.StudyUnregister, OK))
	}
}

// secondary registers the second user alone, when the first is proven gone, and calls
// the number.
func (b *book) secondary(ctx context.Context, t *through) {
	if len(b.users) == 0 {
		return
	}
	defer b.skip(text.WhyNoRegister)
	switch {
	case len(b.users) < 2 || !b.usable:
		return
	case t.r.plan.CallNumber == "":
		b.note(unseen(text.StudySecondary, text.WhyNoNumber))
		return
	case !t.back:
		b.note(unseen(text.StudySecondary, text.WhyNoCall))
		return
	case !b.trusted || len(b.users[0].bound) > 0 || !b.gone(ctx):
		b.note(unseen(text.StudySecondary, text.WhyForeign))
		return
	}
	a := b.users[1]
	out := b.bind(ctx, a, a.contact(false))
	if s := out.final.status(); s < 200 || s >= 300 {
		b.note(judgeRegistration(a.login.user, out, a.first), unseen(text.StudySecondary, text.WhyRefused))
		return
	}
	t.login = a.login
	got := t.refused(ctx, 486)
	a.release(ctx, a.contact(false))
	f := seen(text.StudySecondary, OK, "secondary", a.login.user.AOR, "number", t.r.plan.CallNumber, "status", number(got.final))
	if got.times == 0 {
		f.State = NoGo
	}
	b.note(f)
}

// gone proves that the first user is bound nowhere.
func (b *book) gone(ctx context.Context) bool {
	out := b.users[0].send(ctx, "", 0)
	s := out.final.status()
	return s >= 200 && s < 300 && len(listed(out.final)) == 0
}
