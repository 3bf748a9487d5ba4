package control

import (
	"testing"
	"time"

	"releve/router"
	"releve/router/licence"
	"releve/router/role"
)

// An operator's return waited for a fence, or for a server that registers itself,
// for ever, though the primary had died meanwhile: nobody was registered, and the
// secondary was well.
func TestAReturnToAServerThatDiesMeanwhileIsTakenBack(t *testing.T) {
	for name, away := range map[string]struct {
		lasts time.Duration
		phase router.Phase
	}{
		"one lost round": {4 * time.Second, router.Returning},
		"for good":       {time.Hour, router.OnSecondary},
	} {
		n := start(t, licence.Pair)
		n.run(30 * time.Second)
		n.feed(Event{Kind: Operate, Command: role.Switchover})
		n.run(30 * time.Second)
		n.deaf = true // nothing can be proven: the fence is an hour
		n.feed(Event{Kind: Operate, Command: role.Return, Force: true})
		n.run(7 * time.Second)
		if v := n.s.View(); v.Phase != router.Returning {
			t.Fatalf("%s: %+v", name, v)
		}
		n.alive[router.Primary] = false
		n.run(min(away.lasts, 30*time.Second))
		n.alive[router.Primary] = away.lasts < time.Minute
		if v := n.s.View(); v.Phase != away.phase || v.Active != router.Secondary || n.maxBound > 1 {
			t.Errorf("%s: %+v", name, v)
		}
		n.deaf = away.lasts < time.Minute
		n.run(20 * time.Second)
		if !n.bound[router.Secondary] || n.bound[router.Primary] || n.store.Role.Phase != away.phase {
			t.Errorf("%s: bound %v, stored %+v", name, n.bound, n.store.Role)
		}
	}
}
