package ipbx

import (
	"fmt"
	"slices"
	"strings"
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

// SetRegistrar changes the registrar's settings; bindings stay.
func (x *IPBX) SetRegistrar(change func(*Registrar)) {
	x.reg.mu.Lock()
	defer x.reg.mu.Unlock()
	change(&x.reg.set)
}

// DropBindings forgets every binding at once, as a restart of the registrar.
func (x *IPBX) DropBindings() { x.reg.restart(false) }

// ForgetNonces makes every nonce given so far a stale one.
func (x *IPBX) ForgetNonces() { x.reg.restart(true) }

// Bindings returns those in force, by user.
func (x *IPBX) Bindings() []Binding {
	x.reg.mu.Lock()
	defer x.reg.mu.Unlock()
	var out []Binding
	for user, bindings := range x.reg.bindings {
		for _, b := range bindings {
			out = append(out, Binding{user, b.contact, b.until})
		}
	}
	slices.SortFunc(out, func(a, b Binding) int {
		return strings.Compare(a.User+" "+a.Contact, b.User+" "+b.Contact)
	})
	return out
}

// Registers counts REGISTER requests seen, answered or not.
func (x *IPBX) Registers() int {
	x.reg.mu.Lock()
	defer x.reg.mu.Unlock()
	return x.reg.requests
}

// RegistersOf counts those of one user; of maxUsers users at most.
func (x *IPBX) RegistersOf(user string) int {
	x.reg.mu.Lock()
	defer x.reg.mu.Unlock()
	return x.reg.byUser[user]
}

// Log returns every change of a binding, oldest first. An error says that the
// log's bound was reached and changes are missing.
func (x *IPBX) Log() ([]BindingEvent, error) {
	x.reg.mu.Lock()
	defer x.reg.mu.Unlock()
	log := slices.Clone(x.reg.log)
	if x.reg.dropped > 0 {
		return log, fmt.Errorf("the log of bindings is full: %d changes are missing", x.reg.dropped)
	}
	return log, nil
}
