package licence

import "releve/router"

// Another configuration, in the scenarios:
//
//	> leave site=b                 what moves is removed
//	> left                         whether it is
//	> exchange 0                   IPBX 0 is another one from now on
//	> rename primary               what is bound is a user's that the primary no longer has
//	> reconfigure site=b [again]   again: the primary's password is another one

func (w *world) configured(f []string) error {
	switch f[0] {
	case "leave":
		before := w.policy
		if err := w.set(f[1:]); err != nil {
			return err
		}
		p := w.policy
		w.policy = before
		w.perform(w.node.Leave(w.clock(), w.node.Moves(p), nil))
	case "left":
		w.logf("left %v", w.node.Left())
	case "exchange":
		i := int(f[1][0] - '0')
		w.former = append(w.former, w.ipbx[i])
		w.ipbx[i] = &registrar{member: 2, served: map[served]Event{}}
		w.flying = [router.Servers][MaxIPBX]uint32{}
	case "rename":
		x := servers[f[1]]
		for _, b := range w.ipbx {
			old := &registrar{renamed: true}
			old.expiry[x], b.expiry[x] = b.expiry[x], 0
			w.former = append(w.former, old)
		}
		w.flying = [router.Servers][MaxIPBX]uint32{}
	case "reconfigure":
		var again [router.Servers]bool
		if last := len(f) - 1; f[last] == "again" {
			again[router.Primary], f = true, f[:last]
		}
		if err := w.set(f[1:]); err != nil {
			return err
		}
		w.perform(w.node.Reconfigure(w.clock(), w.policy, again, nil))
	}
	return nil
}

// boundElsewhere: the other server is bound, here or where the configuration no
// longer names it: with x that makes two.
func (w *world) boundElsewhere(x router.Server) bool {
	for _, b := range w.ipbx {
		if b.expiry[x.Other()] > w.now {
			return true
		}
	}
	for _, b := range w.former {
		if b.expiry[x.Other()] > w.now {
			return true
		}
	}
	return false
}
