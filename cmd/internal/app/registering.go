package app

import (
	"strings"
	"sync/atomic"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/db"
	"releve/health/alarm"
	"releve/router"
	"releve/router/licence"
)

// registering is the last REGISTER that a server sent us for itself. It decides
// nothing: what is registered at the IPBX is Relève's matter.
type registering struct {
	at      atomic.Int64 // Unix nanoseconds; 0: none yet
	granted atomic.Int64 // seconds; 0: it left
	since   atomic.Int64 // Unix nanoseconds: it comes without a gap; 0: it does not
	shown   bool         // owned by the loop: the journal says that it registers
}

// registered is a hook of the proxy: it only notes.
func (m *mind) registered(s router.Server, granted int) {
	r, now := &m.registers[s], time.Now()
	switch {
	case granted == 0:
		r.since.Store(0)
	case r.since.Load() == 0 || !r.stands(now):
		r.since.Store(now.UnixNano())
	}
	r.granted.Store(int64(granted))
	r.at.Store(now.UnixNano())
}

// stands: it did not say that it leaves, and less than twice what it was granted
// went by (our choice: one lost refresh is nothing).
func (r *registering) stands(now time.Time) bool {
	at, granted := r.last()
	return !at.IsZero() && granted > 0 && now.Sub(at) < 2*granted
}

// last returns when the last one came, zero for never, and for how long it holds.
func (r *registering) last() (at time.Time, granted time.Duration) {
	if n := r.at.Load(); n != 0 {
		at = time.Unix(0, n)
	}
	return at, time.Duration(r.granted.Load()) * time.Second
}

// lookForRegisters tells the journal when a server begins to register here, and
// when it stops. In mode gate the licence knows, and says Own.
func (m *mind) lookForRegisters(now time.Time) {
	if m.app.cfg().Registration.Mode == licence.Gate {
		return
	}
	for _, s := range [...]router.Server{router.Primary, router.Secondary} {
		r := &m.registers[s]
		does := r.stands(now)
		if does == r.shown {
			continue
		}
		r.shown = does
		code := text.EventServerUnregistered
		if does {
			code = text.EventServerRegistered
		}
		m.app.event(code, map[string]string{"server": s.String()})
	}
}

// ownRegisters are the servers that registered here, for the licence verb.
func (a *App) ownRegisters() (out []admin.OwnRegister) {
	for _, c := range a.cfg().Servers {
		r := &a.mind.registers[c.Role]
		at, granted := r.last()
		if at.IsZero() {
			continue
		}
		o := admin.OwnRegister{Server: c.Name, Role: c.Role.String(), At: at.UTC(), Granted: granted, Gone: !r.stands(time.Now())}
		if !o.Gone {
			o.Since, o.Until = time.Unix(0, r.since.Load()).UTC(), at.Add(granted).UTC()
		}
		out = append(out, o)
	}
	return out
}

// listedAt is when an IPBX last listed the bindings of a user; zero: never.
func (a *App) listedAt(user router.Server, ipbx uint8) time.Time {
	if at := a.registrar.Listed(user, ipbx); !at.IsZero() {
		return at.UTC()
	}
	return time.Time{}
}

// intruders are the Contacts of a user at an IPBX that nobody should have, as
// last stated: those that are not ours; all, where the user shall have none.
func (a *App) intruders(user router.Server, ipbx uint8, all bool) (out []admin.Contact) {
	for _, b := range a.registrar.Bindings() {
		if b.User == user && b.IPBX == ipbx && b.Expires != 0 && (all || !b.Ours) {
			out = append(out, admin.Contact{URI: b.URI, Seen: b.Seen.UTC()})
		}
	}
	return out
}

func uris(contacts []admin.Contact) string {
	out := make([]string, 0, len(contacts))
	for _, c := range contacts {
		out = append(out, c.URI)
	}
	return strings.Join(out, ", ")
}

// intruder is the object of the alarm about a binding that nobody should have.
func (a *App) intruder(user router.Server, ipbx uint8) string {
	return user.String() + " / " + a.cfg().IPBX[ipbx].Name
}

// detailed gives the alarms what is known besides: of a binding that nobody
// should have, whose Contact it is.
func (a *App) detailed(alarms []db.Alarm, l licence.Status) []db.Alarm {
	for n := range alarms {
		number := alarm.Number(alarms[n].Number)
		if d := a.mirrorDetail(number, alarms[n].Cleared.IsZero()); d != "" {
			alarms[n].Detail = d
		}
		if number == alarm.StoreDown && alarms[n].Cleared.IsZero() {
			alarms[n].Detail = a.mind.storeCause
		}
		if number == alarm.SinkDown && alarms[n].Cleared.IsZero() {
			alarms[n].Detail = a.sinkCause(alarms[n].Object)
		}
		if number != alarm.ForeignBinding {
			continue
		}
		for s := router.Primary; s <= router.Secondary; s++ {
			for i := range a.cfg().Registrars() {
				if alarms[n].Object == a.intruder(s, uint8(i)) {
					alarms[n].Detail = uris(a.intruders(s, uint8(i), l.Bindings[s][i].Foreign == 0))
				}
			}
		}
	}
	return alarms
}

// credentials is a hook of the proxy, under a shard's lock: what an IPBX makes of the
// password of a server's calls.
func (m *mind) credentials(s router.Server, ipbx uint8, refused bool) {
	object := s.String() + " / " + m.app.cfg().IPBX[ipbx].Name
	m.later(func() { m.set(alarm.PasswordRefused, object, refused) })
}
