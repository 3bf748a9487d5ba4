package ipbx

import (
	"slices"
	"time"
)

// Overlap is what MostBindings found.
type Overlap struct {
	Bindings int           // most bindings in force at one moment
	Users    int           // most users with a binding at one moment
	Lasted   time.Duration // how long, in all, two or more of the users were bound
}

// MostBindings computes from the log how many bindings of the given users (of
// all, when none is given) were in force at one moment. A log that is still
// open is taken to last until now. Pure.
func MostBindings(log []BindingEvent, now time.Time, users ...string) Overlap {
	var o Overlap
	live := map[string]map[string]bool{}
	var since time.Time // two users are bound since
	for _, e := range log {
		if len(users) > 0 && !slices.Contains(users, e.User) {
			continue
		}
		before := bound(live)
		if live[e.User] == nil {
			live[e.User] = map[string]bool{}
		}
		switch e.Kind {
		case "bound", "refreshed":
			live[e.User][e.Contact] = true
		default:
			delete(live[e.User], e.Contact)
		}
		after := bound(live)
		switch {
		case before < 2 && after >= 2:
			since = e.At
		case before >= 2 && after < 2:
			o.Lasted += e.At.Sub(since)
		}
		o.Users = max(o.Users, after)
		o.Bindings = max(o.Bindings, contacts(live))
	}
	if bound(live) >= 2 {
		o.Lasted += now.Sub(since)
	}
	return o
}

func bound(live map[string]map[string]bool) (n int) {
	for _, contacts := range live {
		if len(contacts) > 0 {
			n++
		}
	}
	return n
}

func contacts(live map[string]map[string]bool) (n int) {
	for _, contacts := range live {
		n += len(contacts)
	}
	return n
}

// MaxBindingsAtOnce returns the most bindings of the given users that were in
// force at one moment; -1 when the log is incomplete, so that no check passes
// on a part of it.
func (x *IPBX) MaxBindingsAtOnce(users ...string) int {
	log, err := x.Log()
	if err != nil {
		return -1
	}
	return MostBindings(log, time.Now(), users...).Bindings
}
