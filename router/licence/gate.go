package licence

import (
	"time"

	"releve/router"
)

// retryHere is when a server is asked to come again that this node cannot serve
// now (our choice).
const retryHere = 5 * time.Second

// passLimit is how long a server's REGISTER waits for its answer: two
// transactions at the IPBX, a challenge or a Min-Expires between them. Its own
// transaction ends after 32 s (RFC 3261 §17.1.2.2, Timer F).
func (s *State) passLimit() time.Duration { return 2*s.p.Txn + t4 }

// pass is a server's own REGISTER that waits for the IPBX's final.
type pass struct {
	open    bool
	signed  bool // it carries an Authorization
	ticket  uint32
	expires time.Duration
	by      router.Instant // Mono: it is answered 504 then
}

// own is a server's registration at us.
type own struct {
	on    bool
	until router.Instant // Mono: it has not been refreshed
}

func (p *pass) reply(x router.Server, i int, status uint16, wait time.Duration) Effect {
	f := Effect{Kind: Reply, User: x, IPBX: uint8(i), Ticket: p.ticket, Status: status}
	if status == 503 {
		f.Retry = wait
	} else {
		f.Expires = wait
	}
	return f
}

// serverRegister takes a server's own REGISTER. It is answered here, or it is
// passed on and answered with what the IPBX says.
func (s *State) serverRegister(now router.Clock, e Event, out []Effect) []Effect {
	if e.User < router.Primary || e.User > router.Secondary || e.IPBX >= MaxIPBX || s.p.Mode == Trunk {
		return out
	}
	x, i := e.User, int(e.IPBX)
	p := pass{open: true, signed: e.Signed, ticket: e.Ticket, expires: e.Expires, by: now.Mono.Add(s.passLimit())}
	if !s.acts {
		return append(out, p.reply(x, i, 503, retryHere))
	}
	if !s.forwards(x, i) || e.Fetches || e.Expires <= 0 {
		granted := s.grantHere(x, e)
		if !e.Fetches {
			out = s.registersHere(now, x, granted, out)
		}
		return append(out, p.reply(x, i, 200, granted))
	}
	l := &s.line[x][i]
	if wait := l.next.Sub(now.Mono); wait > 0 && l.wrongs > 0 {
		return append(out, p.reply(x, i, 503, wait)) // RFC 3261 §22.1: not again with what was just rejected
	}
	if l.pass.open { // its client has given that one up (RFC 3261 §10.2)
		out = append(out, l.pass.reply(x, i, 500, 0))
	}
	l.pass, l.next = p, now.Mono
	return out
}

// forwards says that a REGISTER of x's server goes on to IPBX i.
func (s *State) forwards(x router.Server, i int) bool {
	if mutant == 11 {
		return s.passes(x)
	}
	return s.passes(x) && x == s.subject() && i < int(s.p.IPBXs) && s.mayRegister(x) && !s.leave[i]
}

// grantHere is what a server is granted whose REGISTER is answered here: never
// more than asked (RFC 3261 §10.3(7)) nor than we ask of the IPBX, so that its
// disappearance shows. A server whose Authorization will be needed is called
// back sooner, three times as often (our choice): a move waits for its next
// REGISTER.
func (s *State) grantHere(x router.Server, e Event) time.Duration {
	limit := s.p.Expires
	if s.passes(x) {
		limit /= 3
	}
	return min(max(e.Expires, 0), limit)
}

// registersHere notes a server's registration at us: it was granted that much,
// and a message of its own may take T4.
func (s *State) registersHere(now router.Clock, x router.Server, granted time.Duration, out []Effect) []Effect {
	on := granted > 0
	s.own[x].until = now.Mono.Add(granted + t4)
	if !on {
		s.own[x].until = 0
	}
	return s.tellOwn(x, on, out)
}

func (s *State) tellOwn(x router.Server, on bool, out []Effect) []Effect {
	if s.own[x].on == on {
		return out
	}
	s.own[x].on = on
	return append(out, Effect{Kind: Own, User: x, On: on})
}

// ownExpires: a registration that was not refreshed is gone.
func (s *State) ownExpires(now router.Clock, x router.Server, out []Effect) []Effect {
	if !s.own[x].on || now.Mono < s.own[x].until {
		return out
	}
	s.own[x].until = 0
	return s.tellOwn(x, false, out)
}

// overdue answers a server's REGISTER that waited too long.
func (s *State) overdue(now router.Clock, x router.Server, i int, out []Effect) []Effect {
	p := &s.line[x][i].pass
	if !p.open || now.Mono < p.by {
		return out
	}
	out = append(out, p.reply(x, i, 504, 0))
	*p = pass{}
	return out
}

// settlePasses answers here what cannot go on any more: the roles have moved.
func (s *State) settlePasses(now router.Clock, out []Effect) []Effect {
	for x := router.Primary; x <= router.Secondary; x++ {
		for i := range s.line[x] {
			l := &s.line[x][i]
			if !l.pass.open || s.forwards(x, i) || l.state == sent && l.req == Register {
				continue
			}
			s.drop(x, i)
			granted := min(l.pass.expires, s.p.Expires/3)
			out = s.registersHere(now, x, granted, out)
			out = append(out, l.pass.reply(x, i, 200, granted))
			l.pass = pass{}
		}
	}
	return out
}

// replies tells the server what became of its REGISTER. A 2xx grants it no more
// than the IPBX granted us; any other final goes back as it came.
func (s *State) replies(now router.Clock, x router.Server, i int, e Event, out []Effect) []Effect {
	p := &s.line[x][i].pass
	if !p.open {
		return out
	}
	f := p.reply(x, i, e.Status, 0)
	if e.Status < 300 {
		f.Status, f.Expires = 200, min(p.expires, s.p.Expires)
		if g := s.line[x][i].granted; g > 0 {
			f.Expires = min(f.Expires, g)
		}
		out = s.registersHere(now, x, f.Expires, out)
	} else {
		f.Relay, f.Retry = true, 0
	}
	*p = pass{}
	return append(out, f)
}
