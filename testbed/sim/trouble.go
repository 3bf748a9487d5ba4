package sim

import (
	"time"

	"releve/router"
	"releve/router/control"
	"releve/router/role"
)

// begin starts a fault.
func (w *World) begin(f *fault) {
	w.note('F', uint64(f.kind), uint64(f.lasts))
	if w.tracing() {
		w.logf("FAULT %v", f)
	}
	w.goals.reach(goalFault(f.kind))
	n := w.nodes[f.node%maxNodes]
	switch f.kind {
	case serverFails, serverRestarts:
		w.failServer(f, f.server)
	case bothFail:
		w.failServer(f, router.Primary)
		w.failServer(f, router.Secondary)
	case serverFreezes:
		s := w.servers[f.server]
		s.frozenTo = w.now.Add(f.lasts)
		s.excuse(everywhere)
	case ipbxSilent:
		w.ipbxs[f.ipbx].mute++
	case ipbxRestarts:
		w.ipbxs[f.ipbx].mute++
		w.ipbxs[f.ipbx].restart(f.keeps)
	case wrongPassword:
		w.ipbxs[f.ipbx].wrong++
	case registrarRefuses:
		w.ipbxs[f.ipbx].status = f.status
	case registrarDeaf:
		w.ipbxs[f.ipbx].deaf++
	case linkCut, linkBursts, linkLingers:
		w.troubleLinks(f, 1)
	case nodeIsolated:
		w.isolate(n, 1)
	case storeInTrouble:
		w.store.trouble = f.trouble
	case nodeCrashes:
		n.crash = f.crash
	case nodePauses:
		if n.pauses = f; f.one > 1 { // else at an effect to come
			n.pauses = nil
			n.pause(f.lasts, f.keeps)
		}
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
	case mirrorLags:
		w.mirror.behind++
	case mirrorUnseen:
		w.mirror.unseen++
	case drains:
		w.drain(f.server, f.force)
	case orderWaits:
		w.store.trouble = f.trouble
		w.after(between(w.clocks, 0, 300*time.Millisecond), func() { w.operate(f.command, true) })
	default:
		w.beginPair(f, n)
	}
}

// beginPair starts a fault that only two nodes have.
func (w *World) beginPair(f *fault, n *node) {
	switch f.kind {
	case storeCut:
		n.cut++
	case peerCut:
		w.between.cut(f.one, 1)
	case addressMoves:
		if n.well() && n.other().well() {
			w.moveAddress()
		}
	case addressTwice:
		w.twice = true
	case databaseJumps:
		w.store.until, w.store.jumped = w.now, true
	}
}

func (w *World) failServer(f *fault, x router.Server) {
	s := w.servers[x]
	s.become(f.mode)
	if f.mode.faulty() {
		s.excuse(everywhere)
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

// troubleLinks adds (by 1) or takes away (by -1) what a fault does to a link of
// one node, or of each.
func (w *World) troubleLinks(f *fault, by int) {
	for _, n := range w.nodes {
		if f.node != everywhere && f.node != n.index {
			continue
		}
		l := &n.links[f.link]
		switch {
		case f.kind == linkBursts:
			l.bursts += by
		case f.kind == linkLingers && !isServer(f.link):
			l.lingering += by
		case f.kind == linkCut:
			l.cut(f.one, by)
		}
	}
	if !isServer(f.link) {
		return
	}
	if s := w.servers[f.link]; by > 0 {
		s.excuse(f.node)
	} else {
		s.forgive(f.node)
	}
}

// pauseAt pauses the machine right after an effect: what it asked for is under
// way, and the answer finds it asleep.
func (n *node) pauseAt(f *control.Effect) {
	p := n.pauses
	if p == nil || n.w.now < n.pausedTo || f.Kind != [...]control.EffectKind{control.AskLease, control.Save, control.Register, control.Probe}[int(p.size)%4] {
		return
	}
	n.pauses = nil
	n.pause(min(p.lasts, n.w.set.heal.Sub(n.w.now)), p.keeps)
}

// finish ends a fault.
func (w *World) finish(f *fault) {
	if w.now >= w.set.heal {
		return
	}
	n := w.nodes[f.node%maxNodes]
	switch f.kind {
	case serverFails, serverRestarts:
		w.mendServer(f, f.server)
	case bothFail:
		w.mendServer(f, router.Primary)
		w.mendServer(f, router.Secondary)
	case serverFreezes:
		w.servers[f.server].forgive(everywhere)
	case ipbxSilent, ipbxRestarts:
		w.ipbxs[f.ipbx].mute--
	case wrongPassword:
		w.ipbxs[f.ipbx].wrong--
	case registrarRefuses:
		w.ipbxs[f.ipbx].status = 0
	case registrarDeaf:
		w.ipbxs[f.ipbx].deaf--
	case linkCut, linkBursts, linkLingers:
		w.troubleLinks(f, -1)
	case nodeIsolated:
		w.isolate(n, -1)
	case moveAtRefresh:
		n.atRefresh = false
	case storeInTrouble, orderWaits:
		w.store.trouble = storeWell
	case mirrorLags:
		w.mirror.behind--
	case mirrorUnseen:
		w.mirror.unseen--
	case drains:
		w.undrain(f.server)
	case proberFull:
		n.noProbes = false
	case nodePauses:
		n.pauses = nil
	case nodeCrashes:
		if n.up && n.crash.armed {
			n.die() // its moment never came
		}
	case maintenance:
		w.operate(role.MaintenanceStop, false)
	case storeCut:
		n.cut--
	case peerCut:
		w.between.cut(f.one, -1)
		w.betweenCutTo = w.now
	case addressTwice:
		w.twice = false
	}
}

func (w *World) mendServer(f *fault, x router.Server) {
	s := w.servers[x]
	if s.mode == f.mode {
		s.become(healthy)
	}
	if f.mode.faulty() {
		s.forgive(everywhere)
	}
}

// heal ends every fault there is.
func (w *World) heal() {
	w.logf("all faults end")
	w.note('H', 0, 0)
	w.mirror = mirror{}
	for x := router.Primary; x <= router.Secondary; x++ {
		s := w.servers[x]
		w.undrain(x)
		if s.mode != healthy && !w.stays(x) {
			s.become(healthy)
		}
		s.frozenTo = 0
		for i := range s.ground {
			s.ground[i].faults = 1
			s.forgive(i)
		}
	}
	w.bury()
	for _, b := range w.ipbxs {
		b.mute, b.wrong, b.deaf, b.status = 0, 0, 0, 0
	}
	w.store.trouble, w.twice, w.between, w.betweenCutTo = storeWell, false, link{}, w.now
	for _, n := range w.nodes {
		n.links, n.alone, n.cut = [linksOfNode]link{}, 0, 0
		n.crash, n.pauses, n.noProbes, n.atRefresh = crashPlan{}, nil, false, false
		n.boot()
	}
	w.addressFollows()
	w.after(20*time.Second, func() {
		if n := w.holder(); n != nil && n.state.Row().Role.Maintenance {
			w.operate(role.MaintenanceStop, false)
		}
	})
	if w.set.returns {
		w.after(time.Minute, func() { w.operate(role.Return, true) })
	}
}
