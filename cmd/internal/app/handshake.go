package app

import (
	"cmp"
	"sync"
	"time"

	"releve/cmd/internal/text"
	"releve/health/alarm"
	"releve/proxy/transport"
)

// refusals are the TLS handshakes that failed, by far end: as many entries as
// there are names in the configuration. Safe for concurrent use.
type refusals struct {
	mu sync.Mutex
	by map[string]refusal // guarded by mu
}

type refusal struct {
	count uint64
	cause string // of the last one
}

func (r *refusals) note(object, cause string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.by == nil {
		r.by = make(map[string]refusal)
	}
	r.by[object] = refusal{r.by[object].count + 1, cause}
}

// all is a copy.
func (r *refusals) all() map[string]refusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make(map[string]refusal, len(r.by))
	for k, v := range r.by {
		out[k] = v
	}
	return out
}

// handshakeFailed is a hook of the transport: it only notes.
func (a *App) handshakeFailed(f transport.Flow, err error) {
	a.mind.refusals.note(cmp.Or(a.proxy.FarEnd(f), node), err.Error())
}

// manyHandshakes is how many failed within a minute are told. Our choice: one is
// a restart, or somebody who tries; a far end with a wrong certificate repeats it,
// and is asked for OPTIONS every few seconds.
const manyHandshakes = 3

// countHandshakes raises and clears the alarm about each far end that TLS keeps
// away.
func (m *mind) countHandshakes(now time.Time) {
	c := &m.counted
	if c.handshakes == nil {
		c.handshakes = make(map[string]*damper)
	}
	for object, r := range m.refusals.all() {
		d := c.handshakes[object]
		if d == nil {
			d = &damper{}
			c.handshakes[object] = d
		}
		if !d.see(now, r.count, manyHandshakes) {
			continue
		}
		m.set(alarm.TLSFault, object, d.on)
		if d.on {
			m.app.event(text.EventTLSRefused, map[string]string{"object": object, "cause": r.cause})
		}
	}
}
