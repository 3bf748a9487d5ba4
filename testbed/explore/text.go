package explore

import (
	"fmt"
	"strings"

	"releve/router"
	"releve/router/control"
)

// Text is one line of a trace.
func (s *Space) text(w *World) string {
	var t strings.Builder
	for i := range int(s.Policy.IPBXs) {
		fmt.Fprintf(&t, "ipbx{primary %d, secondary %d} ", w.ipbx[i].ttl[router.Primary], w.ipbx[i].ttl[router.Secondary])
	}
	fmt.Fprintf(&t, "store{%s}", rowText(*s.mind.shapes.at(w.store.row.shape)))
	for _, m := range w.net[:w.n] {
		fmt.Fprintf(&t, " %s", m)
	}
	fmt.Fprintf(&t, " servers{%s, %s}", w.serverText(router.Primary), w.serverText(router.Secondary))
	if w.order != 0 {
		fmt.Fprintf(&t, " order{%d ticks old}", w.order-1)
	}
	if s.Budget.Mirrors > 0 {
		fmt.Fprintf(&t, " mirror{%s}", [...]string{"unknown", "well", "behind"}[w.mirror])
	}
	for n := range s.Nodes {
		fmt.Fprintf(&t, " %s", s.seatText(w, n))
	}
	return t.String()
}

func (w *World) serverText(x router.Server) string {
	t := [...]string{well: "well", dead: "dead", busy: "busy", absent: "absent"}[w.server[x]]
	if w.drained[x] {
		t += " drained"
	}
	return t
}

func (s *Space) seatText(w *World, n int) string {
	v := &w.node[n]
	t := fmt.Sprintf("node%d", n)
	switch f := s.mind.about.at(v.id); {
	case !v.up:
		t += " down"
	case f.holds:
		t += fmt.Sprintf(" acts(%v)", f.role.Phase)
	case f.keeps:
		t += " keeps"
	default:
		t += " idle"
	}
	if v.save.open {
		t += fmt.Sprintf(" saving{%s}", rowText(*s.mind.shapes.at(v.save.row.shape)))
	}
	if v.cut {
		t += " cut off"
	}
	if v.asleep != awake {
		t += fmt.Sprintf(" asleep for %d", v.pending)
	}
	if s.Nodes == 2 && int(w.addr) == n {
		t += " has the address"
	}
	return t
}

func rowText(r control.Row) string {
	l := &r.Licence
	phase := [...]string{"idle", "bound", "drain", "unreg", "claim", "confirm"}[l.Phase]
	t := fmt.Sprintf("%v, %s %v", r.Role.Phase, phase, l.Holder)
	for x := router.Primary; x <= router.Secondary; x++ {
		for i := range l.Possible[x] {
			if l.Possible[x][i] {
				t += fmt.Sprintf(", %v@%d?", x, i)
			}
		}
	}
	return t
}

func (m message) String() string {
	name := [...]string{"REGISTER", "un-REGISTER", "fetch"}[m.req]
	if m.reply {
		return fmt.Sprintf("←%d(%s %v@%d)", m.status, name, m.user, m.ipbx)
	}
	return fmt.Sprintf("→%s(%v@%d)", name, m.user, m.ipbx)
}
