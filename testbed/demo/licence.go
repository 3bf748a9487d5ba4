package demo

import (
	"time"

	"releve/testbed/ipbx"
)

// interval is one stay of a binding at the registrar.
type interval struct {
	user     string
	from, to time.Time // to zero: it goes on
}

// intervals reads the registrar's log, oldest first. Pure.
func intervals(log []ipbx.BindingEvent) (out []interval) {
	live := map[string]int{} // by user and contact: index in out
	for _, e := range log {
		key := e.User + " " + e.Contact
		i, up := live[key]
		switch {
		case e.Kind == "bound" || e.Kind == "refreshed":
			if !up {
				live[key] = len(out)
				out = append(out, interval{user: e.User, from: e.At})
			}
		case up:
			out[i].to = e.At
			delete(live, key)
		}
	}
	return out
}

// move is one change of the licence's holder, as the registrar saw it.
type move struct {
	from, to string    // users
	left     time.Time // the old binding ended
	took     time.Duration
}

// moves lists the changes of holder; intervals that overlap give a negative
// took, which MostBindings sees as two bindings. Pure.
func moves(stays []interval) (out []move) {
	for i := 1; i < len(stays); i++ {
		a, b := stays[i-1], stays[i]
		if a.user == b.user || a.to.IsZero() {
			continue
		}
		out = append(out, move{a.user, b.user, a.to, b.from.Sub(a.to)})
	}
	return out
}

// switchovers counts the moves to the secondary's user, and those of them that
// began while the primary's process lived: by the outside view alone, whatever
// Relève says of itself. Pure.
func switchovers(all []move, deaths []death) (n, wrong int) {
	for _, m := range all {
		if m.to != user2 {
			continue
		}
		n++
		if !dead(namePrimary, m.left, deaths) {
			wrong++
		}
	}
	return n, wrong
}

func dead(server string, at time.Time, deaths []death) bool {
	for _, d := range deaths {
		if d.server == server && !at.Before(d.at) && (d.until.IsZero() || at.Before(d.until)) {
			return true
		}
	}
	return false
}
