package app

import (
	"time"

	"releve/cmd/internal/text"
	"releve/health/alarm"
	"releve/proxy/resolve"
)

// netwatch is what was last told of names. Owned by the mind's loop.
type netwatch struct {
	names map[resolve.Name]nameState
}

type nameState uint8

const (
	nameUntold nameState = iota
	nameFound
	nameStale
	nameLost
)

// watchNet tells the alarms about the names of far ends and about our
// certificate; once a second.
func (m *mind) watchNet(now time.Time) {
	for _, n := range m.app.names.watched {
		m.watchName(n)
	}
	m.certificates(now)
}

func (m *mind) watchName(n resolve.Name) {
	if m.net.names == nil {
		m.net.names = make(map[resolve.Name]nameState)
	}
	was, is := m.net.names[n], m.app.names.state(n)
	if was == is {
		return
	}
	m.net.names[n] = is
	m.set(alarm.NameStale, n.Host, is == nameStale)
	m.set(alarm.NameLost, n.Host, is == nameLost)
	switch code := [...]string{nameFound: text.EventNameFound, nameStale: text.EventNameStale, nameLost: text.EventNameLost}[is]; {
	case is == nameFound && was == nameUntold: // as it should be
	default:
		m.app.event(code, map[string]string{"name": n.Host})
	}
}

// state is how much is known of a name now.
func (n *names) state(name resolve.Name) nameState {
	switch _, ok := n.resolver.Targets(name); {
	case !ok:
		return nameLost
	case n.resolver.Failing(name):
		return nameStale
	}
	return nameFound
}
