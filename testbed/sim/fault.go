package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"releve/router"
	"releve/router/role"
)

// kind of a fault, or of an operator's act.
type kind uint8

const (
	serverFails kind = iota
	bothFail
	serverFreezes
	serverRestarts // quickly, its calls lost
	ipbxSilent
	ipbxRestarts
	wrongPassword
	registrarRefuses
	registrarDeaf
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
	mirrorLags    // or is no mirror any more
	mirrorUnseen  // with the main database, say
	storeCut
	peerCut
	addressMoves
	addressTwice
	databaseJumps
	operates
	maintenance
	drains     // an operator wants no new calls on a server
	orderWaits // an operator's order meets a store that is in trouble
	kinds
)

var kindText = [...]string{
	"server fails", "both servers fail", "server freezes", "server restarts", "ipbx silent", "ipbx restarts", "wrong password",
	"registrar refuses", "registrar deaf", "link cut", "link loses in bursts", "link delays and reorders", "node isolated",
	"store in trouble", "node crashes", "node pauses", "wall clock steps", "surge of calls", "prober has no room", "move at a refresh",
	"mirror lags", "mirror unseen",
	"node cut from the store", "nodes cut from one another", "address moves", "address claimed twice", "database's clock jumps",
	"operator acts", "maintenance", "server drained", "order waits for the store",
}

// pairs: the kinds that take two nodes.
func (k kind) pairs() bool { return k >= storeCut && k <= databaseJumps }

// fault is one entry of the plan.
type fault struct {
	kind    kind
	from    router.Instant
	lasts   time.Duration
	node    int // everywhere: every one of them, where that makes sense
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
	return fmt.Sprintf("%s at %.3f for %v (node %d, server %v %s, ipbx %d, link %d/%d, command %d, crash %+v, size %d)",
		kindText[f.kind], time.Duration(f.from).Seconds(), f.lasts, f.node, f.server, modeText[f.mode], f.ipbx, f.link, f.one, f.command, f.crash, f.size)
}

// drawPlan draws the faults of an episode: some about one moment, so that they
// meet, others on their own. At least one is a fault.
func drawPlan(r *rand.Rand, s *setting) []fault {
	focus := between(r, firstFault+20*time.Second, healAt-100*time.Second)
	plan := []fault{drawFault(r, s, mainKind(r, s), focus)}
	for range r.IntN(5) {
		at := between(r, firstFault, healAt-10*time.Second)
		if r.IntN(3) > 0 {
			at = max(firstFault, focus+between(r, -5*time.Second, 25*time.Second))
		}
		plan = append(plan, drawFault(r, s, moreKind(r, s), at))
	}
	slices.SortStableFunc(plan, func(a, b fault) int { return int(a.from - b.from) })
	return plan
}

func mainKind(r *rand.Rand, s *setting) kind {
	switch n := r.IntN(20); {
	case n < 10:
		return serverFails
	case n < 12:
		return bothFail
	case n < 14:
		return linkCut
	case n < 15:
		return surge
	}
	return anyKind(r, s, operates) // not an operator's act
}

func moreKind(r *rand.Rand, s *setting) kind {
	switch n := r.IntN(10); {
	case n < 2:
		return nodeCrashes
	case n < 3:
		return storeInTrouble
	case n < 4:
		return moveAtRefresh
	case n < 5:
		return pick(r, mirrorLags, mirrorLags, mirrorUnseen, drains, orderWaits)
	}
	return anyKind(r, s, kinds)
}

// anyKind is one below limit that the site can have.
func anyKind(r *rand.Rand, s *setting, limit kind) kind {
	for {
		if k := kind(r.IntN(int(limit))); s.nodes > 1 || !k.pairs() {
			return k
		}
	}
}

func drawFault(r *rand.Rand, s *setting, k kind, at time.Duration) fault {
	f := fault{kind: k, from: router.Instant(at), node: drawNode(r, s), server: pick(r, router.Primary, router.Primary, router.Primary, router.Secondary)}
	f.lasts = pick(r, between(r, time.Second, 8*time.Second), between(r, 5*time.Second, 40*time.Second), between(r, 30*time.Second, 3*time.Minute))
	f.mode = pick(r, refuses, refuses, dead, dead, hung, grayMute, grayRings, gray486, gray500, grayMost, graySilent, graySilent, broken500, graySome, slow, busy503)
	f.ipbx = uint8(r.IntN(int(s.policy.IPBXs)))
	f.link = pick(r, linkOfServer(router.Primary), linkOfServer(router.Primary), linkOfServer(router.Secondary), linkOfIPBX(f.ipbx))
	f.one, f.keeps, f.force = r.IntN(4), r.IntN(2) == 0, r.IntN(2) == 0
	f.trouble = 1 + storeTrouble(r.IntN(int(storeTroubles)-1))
	f.crash = crashPlan{armed: true, when: moment(r.IntN(int(moments))), skip: r.IntN(4)}
	f.command = pick(r, role.Switchover, role.Switchover, role.Return, role.Return, role.Verify)
	f.status = pick[uint16](r, 500, 503, 403, 404, 480)
	f.size = s.lines + r.IntN(2*s.lines)
	switch k {
	case serverFails, bothFail:
		if (f.mode >= grayMute && f.mode <= broken500) && r.IntN(2) == 0 {
			f.lasts = between(r, 80*time.Second, 3*time.Minute) // long enough to count
			f.size = 24
		}
	case serverFreezes:
		f.lasts = between(r, 500*time.Millisecond, pick(r, 5*time.Second, 30*time.Second, 120*time.Second))
	case serverRestarts:
		f.lasts, f.mode = between(r, 300*time.Millisecond, 5*time.Second), refuses
	case ipbxRestarts:
		f.lasts = between(r, t4+time.Second, 20*time.Second)
	case wrongPassword:
		f.lasts = between(r, time.Second, 40*time.Second)
	case registrarRefuses, registrarDeaf, linkLingers, storeInTrouble:
		f.lasts = min(f.lasts, time.Minute)
	case drains:
		f.server = pick(r, router.Secondary, router.Secondary, router.Primary)
	case orderWaits:
		f.lasts, f.command = between(r, time.Second, 40*time.Second), pick(r, role.Switchover, role.Return)
	case moveAtRefresh:
		f.lasts = between(r, 40*time.Second, 90*time.Second)
	case nodeCrashes:
		f.lasts = between(r, 10*time.Second, 90*time.Second) // for its moment to come
	case nodePauses:
		f.lasts = between(r, 100*time.Millisecond, pick(r, 3*time.Second, 15*time.Second, 120*time.Second))
	case linkCut, linkBursts:
		if s.nodes > 1 && r.IntN(2) == 0 {
			f.node = everywhere
		}
	}
	f.lasts = min(f.lasts, healAt-time.Second-at)
	return f
}

// drawNode: mostly the node that acts as long as nothing is wrong.
func drawNode(r *rand.Rand, s *setting) int {
	if s.nodes > 1 && r.IntN(3) == 0 {
		return 1
	}
	return 0
}
