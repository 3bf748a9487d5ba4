package app

import (
	"sync"

	"releve/router/control"
)

// results carries to the loop what must not be lost: the end of a save, of a
// REGISTER, of a probe. The mind waits for each of them, and would wait for ever
// for one that a full channel refused.
//
// It has no limit of its own and needs none: each entry answers one effect, and
// the mind has one save, one REGISTER per user and IPBX, and one probe per
// target and interval under way; or is a server's own REGISTER, of which package
// proxy keeps a bounded number open.
type results struct {
	mu   sync.Mutex
	list []control.Event // guarded by mu
}

func (r *results) add(e control.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, e)
}

// take returns what came, in order, and empties the list.
func (r *results) take() []control.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.list
	r.list = nil
	return out
}
