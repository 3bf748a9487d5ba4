package explore

import (
	"hash/maphash"
	"time"

	"releve/router"
	"releve/router/control"
	"releve/router/licence"
	"releve/router/role"
)

// mind is the code under test, package control, made fast to walk: states are
// kept once, canonical, and known by a number; what a state does on an event is
// computed once by the real Step, and remembered.
//
// Probes are answered within the step that makes them, with the truth: what
// lossy probes do to a verdict is the simulator's matter. So the board of
// evidence follows the world tick by tick, and rounds confirm what is so.
type mind struct {
	policy control.Policy
	seeds  [2]maphash.Seed
	ids    map[key]uint32
	states []control.State
	about  []facts
	events map[control.Event]uint32
	memo   map[question]answer

	shapes []control.Row // rows without their numbers
	shape  map[control.Row]uint32
}

// row is a stored row: what it says, by number, and the numbers that only rise.
type row struct {
	shape         uint32
	role, licence uint64
	cseq          [router.Servers]uint32
}

// pack returns r as a row.
func (m *mind) pack(r control.Row) row {
	out := row{role: r.Role.Epoch, licence: r.Licence.Epoch, cseq: r.Licence.CSeq}
	r.Role.Epoch, r.Licence.Epoch, r.Licence.CSeq = 0, 0, [router.Servers]uint32{}
	id, ok := m.shape[r]
	if !ok {
		id = uint32(len(m.shapes))
		m.shape[r] = id
		m.shapes = append(m.shapes, r)
	}
	out.shape = id
	return out
}

// full is the row again.
func (m *mind) full(r row) control.Row {
	out := m.shapes[r.shape]
	out.Role.Epoch, out.Licence.Epoch, out.Licence.CSeq = r.role, r.licence, r.cseq
	return out
}

// less takes base d out of r.
func (r row) less(d control.Base) row {
	r.role -= d.Licence.Epoch
	r.licence -= d.Licence.Epoch
	return r
}

// env is what probes see.
type env struct {
	server [router.Servers]condition
}

// condition of a server.
type condition uint8

const (
	well condition = iota
	dead
	busy
)

type question struct {
	id, event  uint32
	mono, high time.Duration
	env        env
}

// answer is what came of one event: a canonical state, what its numbers moved
// by, and what is to be done, with numbers as before the event.
type answer struct {
	id      uint32
	base    control.Base
	effects []control.Effect
	began   router.Reason // a role change was begun: why
	to      router.Phase  // and which
	rounds  uint8         // switchable rounds judged since …
	broke   bool          // … another verdict, if one was
}

// facts about a state, for the checks.
type facts struct {
	holds, idles bool
	keeps        bool // its bindings alive, and nothing else
	role         role.Row
	fence        [router.Servers][licence.MaxIPBX]time.Duration // until no binding can exist, by its reckoning
}

func newMind(p control.Policy) *mind {
	m := &mind{policy: p, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, ids: map[key]uint32{}, events: map[control.Event]uint32{}, memo: map[question]answer{}, shape: map[control.Row]uint32{}}
	m.id(control.New(p, 0).Canon(router.Clock{}).Ranked())
	return m
}

func (m *mind) id(s control.State) uint32 {
	h := key{maphash.Comparable(m.seeds[0], s), maphash.Comparable(m.seeds[1], s)}
	if id, ok := m.ids[h]; ok {
		return id
	}
	id := uint32(len(m.states))
	m.ids[h] = id
	m.states = append(m.states, s)
	v := s.Licence(router.Clock{})
	f := facts{holds: s.Holds(router.Clock{}), idles: s.Idles(), keeps: v.Keeps, role: s.Row().Role}
	for x := range f.fence {
		for i, b := range v.Bindings[x] {
			f.fence[x][i] = max(b.Fence, b.Elsewhere)
		}
	}
	m.about = append(m.about, f)
	return id
}

// step is what state id does on e when mono and high have passed.
func (m *mind) step(id uint32, mono, high time.Duration, e control.Event, env env) answer {
	ev, ok := m.events[e]
	if !ok {
		ev = uint32(len(m.events))
		m.events[e] = ev
	}
	q := question{id, ev, mono, high, env}
	if a, ok := m.memo[q]; ok {
		return a
	}
	a := m.compute(q, e)
	m.memo[q] = a
	return a
}

func (m *mind) compute(q question, e control.Event) answer {
	s := m.states[q.id]
	before := s.Row().Role
	now := router.Clock{Mono: router.Instant(q.mono), High: router.Instant(q.high)}
	var a answer
	todo := []control.Event{e}
	for len(todo) > 0 {
		next := todo[0]
		todo = todo[1:]
		for _, f := range s.Step(now, next, nil) {
			if r, ok := probed(f, q.env); ok {
				todo = append(todo, r)
				continue
			}
			a.take(f)
		}
		if row := s.Row().Role; row.Epoch > before.Epoch && e.Kind != control.Boot && e.Kind != control.LeaseDone {
			a.began, a.to = row.Reason, row.Phase
			before = row
		}
	}
	a.base = s.Base()
	a.id = m.id(s.Canon(now).Ranked())
	return a
}

// take keeps the effects that the world performs.
func (a *answer) take(f control.Effect) {
	switch f.Kind {
	case control.Save, control.Register, control.AskLease, control.Reply, control.Own:
		a.effects = append(a.effects, f)
	case control.Record:
		if f.Reason != control.ReasonRound {
			return
		}
		if f.Verdict.Switchable() {
			a.rounds++
		} else {
			a.rounds, a.broke = 0, true
		}
	}
}

// probed is the result of a probe.
func probed(f control.Effect, env env) (control.Event, bool) {
	switch f.Kind {
	case control.Probe:
		e := [...]router.Evidence{well: router.OK, dead: router.Refused, busy: router.Busy}[env.server[f.Server]]
		return control.Event{Kind: control.ProbeDone, Server: f.Server, Round: f.Round, Evidence: e}, true
	case control.ProbeIPBX:
		return control.Event{Kind: control.IPBXProbe, IPBX: f.IPBX, Round: f.Round, Evidence: router.OK}, true
	}
	return control.Event{}, false
}
