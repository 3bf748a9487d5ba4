package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"releve/router"
	"releve/router/control"
	"releve/router/licence"
	"releve/router/role"
)

// kind of a fault, or of an operator's act.
type kind uint8

const (
	serverFails kind = iota
	bothFail
	serverFreezes
	ipbxSilent
	ipbxRestarts
	wrongPassword
	registrarRefuses
	linkCut
	linkBursts
	linkLingers
	nodeIsolated
	storeInTrouble
	nodeCrashes
	nodePauses
	wallSteps
	surge
	proberFull
	moveAtRefresh // an operator moves the licence while a refresh is under way, late and out of order
	operates
	maintenance
	kinds
)

var kindText = [...]string{
	"server fails", "both servers fail", "server freezes", "ipbx silent", "ipbx restarts", "wrong password",
	"registrar refuses", "link cut", "link loses in bursts", "link delays and reorders", "node isolated",
	"store in trouble", "node crashes", "node pauses", "wall clock steps", "surge of calls", "prober has no room", "move at a refresh", "operator acts", "maintenance",
}

// fault is one entry of the plan.
type fault struct {
	kind    kind
	from    router.Instant
	lasts   time.Duration
	server  router.Server
	mode    mode
	ipbx    uint8
	link    int
	keeps   bool // ipbxRestarts: the bindings; nodePauses: the clock stands still
	one     int  // linkCut: direction, or both
	trouble storeTrouble
	crash   crashPlan
	command role.Command
	force   bool
	size    int
	status  uint16
}

func (f *fault) String() string {
	return fmt.Sprintf("%s at %.3f for %v (server %v %s, ipbx %d, link %d/%d, command %d, crash %+v, size %d)",
		kindText[f.kind], time.Duration(f.from).Seconds(), f.lasts, f.server, modeText[f.mode], f.ipbx, f.link, f.one, f.command, f.crash, f.size)
}

// drawPlan draws the faults of an episode: some about one moment, so that they
// meet, others on their own. At least one is a fault.
func drawPlan(r *rand.Rand, s *setting) []fault {
	focus := between(r, firstFault+20*time.Second, healAt-100*time.Second)
	plan := []fault{drawFault(r, s, mainKind(r), focus)}
	for range r.IntN(5) {
		at := between(r, firstFault, healAt-10*time.Second)
		if r.IntN(3) > 0 {
			at = max(firstFault, focus+between(r, -5*time.Second, 25*time.Second))
		}
		plan = append(plan, drawFault(r, s, moreKind(r), at))
	}
	slices.SortStableFunc(plan, func(a, b fault) int { return int(a.from - b.from) })
	return plan
}

func mainKind(r *rand.Rand) kind {
	switch n := r.IntN(20); {
	case n < 11:
		return serverFails
	case n < 13:
		return bothFail
	case n < 15:
		return linkCut
	case n < 16:
		return surge
	}
	return kind(r.IntN(int(operates))) // not an operator's act
}

func moreKind(r *rand.Rand) kind {
	switch n := r.IntN(10); {
	case n < 2:
		return nodeCrashes
	case n < 3:
		return storeInTrouble
	case n < 4:
		return moveAtRefresh
	}
	return kind(r.IntN(int(kinds)))
}

// refreshes: a REGISTER leaves. When a move is wanted at a refresh, its copies
// will linger, and the move comes before they are dead.
func (w *World) refreshes(n *node, f *licence.Effect) {
	if !n.atRefresh || f.Request != licence.Register {
		return
	}
	n.atRefresh = false
	l := &w.links[linkOfIPBX(f.IPBX)]
	l.lingering++
	w.after(30*time.Second, func() { l.lingering = max(l.lingering-1, 0) })
	command := role.Switchover
	if n.state.View().Active == router.Secondary {
		command = role.Return
	}
	w.after(between(w.clocks, 0, 9*time.Second), func() { w.operate(command, true) })
}

func drawFault(r *rand.Rand, s *setting, k kind, at time.Duration) fault {
	f := fault{kind: k, from: router.Instant(at), server: pick(r, router.Primary, router.Primary, router.Primary, router.Secondary)}
	f.lasts = pick(r, between(r, time.Second, 8*time.Second), between(r, 5*time.Second, 40*time.Second), between(r, 30*time.Second, 3*time.Minute))
	f.mode = pick(r, refuses, refuses, dead, dead, hung, grayMute, grayRings, gray486, gray500, broken500, slow, busy503)
	f.ipbx = uint8(r.IntN(int(s.policy.IPBXs)))
	f.link = pick(r, linkOfServer(router.Primary), linkOfServer(router.Primary), linkOfServer(router.Secondary), linkOfIPBX(f.ipbx))
	f.one, f.keeps, f.force = r.IntN(4), r.IntN(2) == 0, r.IntN(2) == 0
	f.trouble = pick(r, storeFails, storeUnknown, storeSlow, storeHangs)
	f.crash = crashPlan{armed: true, when: moment(r.IntN(int(moments))), skip: r.IntN(4)}
	f.command = pick(r, role.Switchover, role.Switchover, role.Return, role.Return, role.Verify)
	f.status = pick[uint16](r, 500, 503, 403, 480)
	f.size = s.lines + r.IntN(2*s.lines)
	switch k {
	case serverFails, bothFail:
		if (f.mode >= grayMute && f.mode <= broken500) && r.IntN(2) == 0 {
			f.lasts = between(r, 80*time.Second, 3*time.Minute) // long enough to count
			f.size = 24
		}
	case serverFreezes:
		f.lasts = between(r, 500*time.Millisecond, 30*time.Second)
	case ipbxRestarts:
		f.lasts = between(r, t4+time.Second, 20*time.Second)
	case wrongPassword:
		f.lasts = between(r, time.Second, 40*time.Second)
	case registrarRefuses, linkLingers, storeInTrouble:
		f.lasts = min(f.lasts, time.Minute)
	case moveAtRefresh:
		f.lasts = between(r, 40*time.Second, 90*time.Second)
	case nodeCrashes:
		f.lasts = between(r, 10*time.Second, 90*time.Second) // for its moment to come
	case nodePauses:
		f.lasts = between(r, 100*time.Millisecond, 15*time.Second)
	}
	f.lasts = min(f.lasts, healAt-time.Second-at)
	return f
}

// begin starts a fault.
func (w *World) begin(f *fault) {
	w.note('F', uint64(f.kind), uint64(f.lasts))
	if w.tracing() {
		w.logf("FAULT %v", f)
	}
	n := w.nodes[0]
	switch f.kind {
	case serverFails:
		w.failServer(f, f.server)
	case bothFail:
		w.failServer(f, router.Primary)
		w.failServer(f, router.Secondary)
	case serverFreezes:
		s := w.servers[f.server]
		s.frozenTo = w.now.Add(f.lasts)
		s.excuse()
	case ipbxSilent:
		w.ipbxs[f.ipbx].mute++
	case ipbxRestarts:
		w.ipbxs[f.ipbx].mute++
		w.ipbxs[f.ipbx].restart(f.keeps)
	case wrongPassword:
		w.ipbxs[f.ipbx].wrong++
	case registrarRefuses:
		w.ipbxs[f.ipbx].status = f.status
	case linkCut, linkBursts, linkLingers, nodeIsolated:
		w.troubleLinks(f, 1)
	case storeInTrouble:
		w.store.trouble = f.trouble
	case nodeCrashes:
		n.crash = f.crash
	case nodePauses:
		n.pause(f.lasts, f.keeps)
	case wallSteps:
		n.ahead = between(w.clocks, -time.Hour, time.Hour)
	case surge:
		w.surge(f)
	case proberFull:
		n.noProbes, n.muteProbes = true, f.keeps
	case moveAtRefresh:
		n.atRefresh = true
	case operates:
		w.operate(f.command, f.force)
	case maintenance:
		w.operate(role.MaintenanceStart, false)
	}
}

func (w *World) failServer(f *fault, x router.Server) {
	s := w.servers[x]
	s.become(f.mode)
	if f.mode.faulty() {
		s.excuse()
	}
	if f.size == 24 { // a gray server is found out by its calls
		for i := range f.size {
			w.offer(w.now.Add(time.Duration(i)*4*time.Second), router.NoServer)
		}
	}
}

func (w *World) surge(f *fault) {
	for range f.size {
		w.offer(w.now.Add(between(w.load, 0, 6*time.Second)), router.NoServer)
	}
}

// troubleLinks adds (by 1) or takes away (by -1) what a fault does to links.
// While a node is cut off from everything, no server is to blame.
func (w *World) troubleLinks(f *fault, by int) {
	for i := range w.links {
		l := &w.links[i]
		switch isServer := i > 0 && i < int(router.Servers); {
		case f.kind == nodeIsolated:
			l.there += by
			l.back += by
			continue
		case i != f.link:
			continue
		case f.kind == linkBursts:
			l.bursts += by
		case f.kind == linkLingers && !isServer:
			l.lingering += by
		case f.kind == linkCut:
			l.cut(f.one, by)
		}
		if i > 0 && i < int(router.Servers) {
			w.blame(w.servers[i], by)
		}
	}
}

// cut: one way, the other, or both.
func (l *link) cut(which, by int) {
	if which != 1 {
		l.there += by
	}
	if which != 2 {
		l.back += by
	}
}

func (w *World) blame(s *server, by int) {
	if by > 0 {
		s.excuse()
		return
	}
	s.forgive()
}

func (w *World) operate(c role.Command, force bool) {
	n := w.nodes[0]
	if n.up && n.pausedTo <= w.now {
		w.logf("operator: command %d force %v", c, force)
		n.feed(control.Event{Kind: control.Operate, Command: c, Force: force})
	}
}

// finish ends a fault.
func (w *World) finish(f *fault) {
	if w.now >= w.set.heal {
		return
	}
	switch f.kind {
	case serverFails:
		w.mendServer(f, f.server)
	case bothFail:
		w.mendServer(f, router.Primary)
		w.mendServer(f, router.Secondary)
	case serverFreezes:
		w.servers[f.server].forgive()
	case ipbxSilent, ipbxRestarts:
		w.ipbxs[f.ipbx].mute--
	case wrongPassword:
		w.ipbxs[f.ipbx].wrong--
	case registrarRefuses:
		w.ipbxs[f.ipbx].status = 0
	case linkCut, linkBursts, linkLingers, nodeIsolated:
		w.troubleLinks(f, -1)
	case moveAtRefresh:
		w.nodes[0].atRefresh = false
	case storeInTrouble:
		w.store.trouble = storeWell
	case proberFull:
		w.nodes[0].noProbes = false
	case nodeCrashes:
		if n := w.nodes[0]; n.up && n.crash.armed {
			n.die() // its moment never came
		}
	case maintenance:
		w.operate(role.MaintenanceStop, false)
	}
}

func (w *World) mendServer(f *fault, x router.Server) {
	s := w.servers[x]
	if s.mode == f.mode {
		s.become(healthy)
	}
	if f.mode.faulty() {
		s.forgive()
	}
}

// restartNode starts the process again.
func (w *World) restartNode() {
	if n := w.nodes[0]; !n.up {
		n.boot()
	}
}

// heal ends every fault there is.
func (w *World) heal() {
	w.logf("all faults end")
	w.note('H', 0, 0)
	for x := router.Primary; x <= router.Secondary; x++ {
		s := w.servers[x]
		if s.mode != healthy {
			s.become(healthy)
		}
		s.frozenTo, s.faults = 0, 1
		s.forgive()
	}
	for _, b := range w.ipbxs {
		b.mute, b.wrong, b.status = 0, 0, 0
	}
	for i := range w.links {
		w.links[i] = link{}
	}
	w.store.trouble = storeWell
	n := w.nodes[0]
	n.crash, n.noProbes, n.atRefresh = crashPlan{}, false, false
	if !n.up {
		n.boot()
	}
	w.after(20*time.Second, func() {
		if n.state.Row().Role.Maintenance {
			w.operate(role.MaintenanceStop, false)
		}
	})
	if w.set.returns {
		w.after(time.Minute, func() { w.operate(role.Return, true) })
	}
}
