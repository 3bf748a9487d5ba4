package sim

import (
	"time"

	"releve/router"
	"releve/router/licence"
)

// mode is how a voice server behaves.
type mode uint8

const (
	healthy    mode = iota
	slow            // answers, late
	busy503         // 503 with Retry-After to calls
	refuses         // the process is gone: its host answers with ICMP
	dead            // the host is gone
	hung            // the process says nothing, its host is up
	grayMute        // OPTIONS well; an INVITE gets no answer
	grayRings       // OPTIONS well; 100 and no more
	gray486         // OPTIONS well; every call is busy
	gray500         // OPTIONS well; every call fails
	grayMost        // OPTIONS well; two calls of three fail
	graySilent      // OPTIONS well; calls are answered, and nothing is to be heard
	broken500       // OPTIONS and calls fail
	graySome        // OPTIONS well; a quarter of the calls fails
)

var modeText = [...]string{"healthy", "slow", "busy", "refuses", "dead", "hung", "gray (mute)", "gray (rings)", "gray (486)", "gray (500)", "gray (500 mostly)", "gray (no sound)", "broken (500)", "gray (500 at times)"}

// faulty: a switchover may follow from it.
func (m mode) faulty() bool { return m >= refuses }

// gone: nothing that ran on it goes on.
func (m mode) gone() bool { return m == refuses || m == dead || m == hung }

// options is the answer to OPTIONS, and how long it takes.
func (m mode) options(w *World) (router.Evidence, time.Duration) {
	switch m {
	case refuses:
		return router.Refused, 0
	case dead, hung:
		return router.Silent, 0
	case broken500:
		return router.Err, time.Millisecond
	case slow:
		return router.OK, between(w.net, 100*time.Millisecond, 400*time.Millisecond)
	}
	return router.OK, time.Millisecond
}

// server is one voice server.
type server struct {
	w        *World
	which    router.Server
	mode     mode
	since    router.Instant // of mode
	lines    int
	inUse    int
	trials   int            // test calls that hold a line of our count
	frozenTo router.Instant // the virtual machine stands still until then
	legs     []*leg         // calls on it that have not ended
	clients  [licence.MaxIPBX]client

	ground  [everywhere + 1]ground // for a switchover away from it: as a node sees it, and for all
	unlucky [maxNodes]int          // rounds in a row that the network's random loss alone left a node without an answer
}

// maxNodes of a site.
const maxNodes = 2

// everywhere: a ground that does not depend on the node.
const everywhere = maxNodes

// ground counts the faults that are one.
type ground struct {
	faults    int
	since     router.Instant // without a gap
	excusedTo router.Instant // … and until when they are one after the last has ended
}

// arrives runs what a message does at the server; one that is frozen does it
// when it thaws.
func (s *server) arrives(do func()) {
	if s.frozenTo > s.w.now {
		s.w.at(s.frozenTo, func() { s.arrives(do) })
		return
	}
	do()
}

// excuse notes that the server, or the way of a node to it, is faulty until
// further notice; forgive, that it is so no more.
func (s *server) excuse(where int) {
	g := &s.ground[where]
	if !g.stands(s.w.now) {
		g.since = s.w.now
	}
	g.faults++
}

// memory: evidence of calls counts for 60 s, a fault lasts 60 s before it
// counts, and rounds take their time.
const memory = 150 * time.Second

func (s *server) forgive(where int) {
	g := &s.ground[where]
	g.faults--
	g.excusedTo = s.w.now.Add(memory)
}

func (g *ground) stands(now router.Instant) bool { return g.faults > 0 || now <= g.excusedTo }

// blamed: a switchover away from the server that node n makes has a ground.
func (s *server) blamed(n *node) bool {
	return s.ground[everywhere].stands(s.w.now) || s.ground[n.index].stands(s.w.now)
}

// lasts is how long the ground of node n has stood.
func (s *server) lasts(n *node) time.Duration {
	d := time.Duration(0)
	for _, where := range [...]int{everywhere, n.index} {
		if g := &s.ground[where]; g.stands(s.w.now) {
			d = max(d, s.w.now.Sub(g.since))
		}
	}
	return d
}

// recent is how long ago at most a fault ended that rounds of a dead server saw:
// they are few, and each looks for itself.
const recent = 45 * time.Second

// blamedLately: a verdict that is made of rounds alone has a ground.
func (s *server) blamedLately(n *node) bool {
	now := s.w.now.Add(memory - recent)
	slept := s.w.now.Sub(n.lastPause) < memory || n.pausedTo > s.w.now
	return slept || s.ground[everywhere].stands(now) || s.ground[n.index].stands(now)
}

// unheard enters a round of a well server: without an answer, by loss alone,
// or with one.
func (s *server) unheard(n *node, e router.Evidence) {
	if e != router.Silent || s.blamed(n) || n.links[linkOfServer(s.which)].severed() || s.mode.faulty() {
		s.unlucky[n.index] = 0
		return
	}
	s.unlucky[n.index]++
}

// become changes the mode. What ran on a process that is gone is gone.
func (s *server) become(m mode) {
	s.w.note('m', uint64(s.which), uint64(m))
	s.w.logf("%v becomes %s", s.which, modeText[m])
	repaired := s.mode.faulty() && !m.faulty() // started anew
	s.mode, s.since = m, s.w.now
	if m.gone() || repaired {
		legs := s.legs
		s.legs, s.inUse = nil, 0
		for _, l := range legs {
			l.serverGone()
		}
	}
}

// goneFor is how long nobody can have heard the server.
func (s *server) goneFor() time.Duration {
	if !s.mode.gone() {
		return 0
	}
	return s.w.now.Sub(s.since)
}

// invited is a new INVITE at the server.
func (s *server) invited(l *leg) {
	w := s.w
	switch s.mode {
	case dead, hung, grayMute:
		return
	case refuses:
		l.refused()
		return
	}
	l.known = true
	s.legs = append(s.legs, l)
	switch {
	case s.mode == busy503:
		l.final(503, true)
	case s.mode == gray500, s.mode == broken500:
		l.final(500, false)
	case s.mode == grayMost && chance(w.load, 0.67), s.mode == graySome && chance(w.load, 0.25):
		l.final(500, false)
	case s.mode == gray486:
		l.final(486, false)
	case s.mode == grayRings:
		l.line = s.take()
		l.provisional(100)
	case s.inUse >= s.lines:
		l.call.metFull = true
		w.goals.reach(goalLinesFull)
		l.final(486, false)
	case s.mode == slow:
		l.line = s.take()
		w.after(between(w.load, 100*time.Millisecond, time.Second), func() { l.provisional(100) })
		w.after(between(w.load, 2*time.Second, 5*time.Second), func() { l.final(200, false) })
	default:
		l.line = s.take()
		l.provisional(100)
		w.after(between(w.load, 10*time.Millisecond, 80*time.Millisecond), func() { l.provisional(180) })
		w.after(between(w.load, 100*time.Millisecond, 1500*time.Millisecond), func() { l.final(200, false) })
	}
}

func (s *server) take() bool { s.inUse++; return true }

// drop ends a leg at the server and frees its line.
func (s *server) drop(l *leg) {
	for i, o := range s.legs {
		if o == l {
			s.legs = append(s.legs[:i], s.legs[i+1:]...)
			break
		}
	}
	if l.line {
		l.line = false
		s.inUse--
	}
}
