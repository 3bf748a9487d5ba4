package proxy

import (
	"bytes"
	"strconv"
	"time"

	"releve/proxy/message"
	"releve/proxy/transaction"
	"releve/proxy/transport"
	"releve/router"
)

// Gate makes the servers' own REGISTERs the licence's matter (mode gate):
//
//	REGISTER ─► §10.3 ─► server transaction ─► Hooks.Register ─► … ─► AnswerRegister ─► final
//	              │            │ 100 after 3.5 s (UDP), repeats absorbed
//	              └► 4xx       └► nobody answered within answerWithin ─► 504
type Gate struct {
	// Users are the user parts of the servers' licensed addresses-of-record; empty:
	// this server registers nobody.
	Users [router.Servers]string
	// Domains are what a Request-URI or To may name besides us.
	Domains []Domain
}

// Domain is a registrar's domain.
type Domain struct {
	Host string // an IPv6 address in brackets
	IPBX uint8  // whose it is
}

// Registration is a server's own REGISTER that waits for AnswerRegister. It
// holds copies.
type Registration struct {
	Ticket  uint32 // names the transaction; not 0
	Server  router.Server
	IPBX    uint8         // which the Request-URI or To names, else 0
	URI     string        // Request-URI as received
	Expires time.Duration // the longest asked for; 0: it leaves; an hour when nothing was said
	Fetches bool          // no Contact: it only asks (RFC 3261 §10.2.3)
	// Credentials are its Authorization and Proxy-Authorization lines as received,
	// folds undone.
	Credentials [][]byte
}

// RegisterReply is the final for a Registration.
type RegisterReply struct {
	Ticket  uint32
	Status  uint16        // 200–699
	Reason  string        // empty: the usual one
	Expires time.Duration // 200: each Contact gets what it asked for, at most this
	Retry   time.Duration // Retry-After; 0: none
	Lines   [][]byte      // whole header lines: challenges
}

// defaultExpires is what a REGISTER asks for that says nothing (RFC 3261
// §10.2.1.1 leaves it to the registrar; §20.19 speaks of an hour).
const defaultExpires = 3600

// answerWithin is how long a server's REGISTER waits for AnswerRegister: our
// choice, longer than two transactions at the IPBX take, shorter than Timer F of
// the server.
const answerWithin = 20 * time.Second

// maxRegistrations bounds those that wait, in one shard.
const maxRegistrations = 64

// registration is a server's REGISTER that waits.
type registration struct {
	ticket   uint32
	by       router.Instant // it is answered 504 then; Never: it was answered
	server   router.Server
	fetches  bool
	contacts []askedContact
}

// askedContact is one binding that a REGISTER asks for, in seconds; 0: its removal.
type askedContact struct {
	uri     string
	expires int
}

// registrar answers a server's own REGISTER in mode gate, or hands it on, in the
// order of RFC 3261 §10.3. The Contacts were read before: they are whole.
func (s *shard) registrar(now router.Instant, key uint64, f transport.Flow, from side, raw []byte, h *message.Head) {
	p := s.p
	ipbx, status := p.registersAt(from.server(), raw, h)
	if status != 0 {
		p.answerStateless(f, raw, h, status, phrase(uint16(status)))
		return
	}
	if len(s.registrations) >= maxRegistrations || p.hooks.Register == nil {
		p.refused(BoundRegistrations)
		p.unavailable(f, raw, h)
		return
	}
	c := s.newContext(now, key, f, from, raw, h)
	s.current = c
	c.reg = &registration{ticket: s.ticket(), by: now.Add(answerWithin), server: from.server()}
	r := Registration{
		Ticket: c.reg.ticket, Server: from.server(), IPBX: ipbx, URI: string(h.URI.Of(raw)),
		Credentials: credentialLines(raw, h),
	}
	c.reg.contacts, r.Expires = askedFor(raw, h)
	r.Fetches = r.Expires < 0
	c.reg.fetches, r.Expires = r.Fetches, max(r.Expires, 0)
	s.registrations[c.reg.ticket] = c
	c.arm()
	p.hooks.Register(r)
}

// ticket is a number that leads back to this shard.
func (s *shard) ticket() uint32 {
	n := uint32(len(s.p.shards))
	for {
		s.lastTicket++
		t := s.lastTicket*n + uint32(s.index)
		if _, taken := s.registrations[t]; t != 0 && !taken {
			return t
		}
	}
}

// registersAt is where a REGISTER of server is meant for, and 0; or what it is
// refused with: 404 for a domain (RFC 3261 §10.3(1)) or a user (§10.3(5)) that is
// nobody's here, 403 for the other server's user (§10.3(4)).
func (p *Proxy) registersAt(server router.Server, raw []byte, h *message.Head) (ipbx uint8, status int) {
	gate := p.cfg().Gate
	at, ours, known := gate.domain(p, h.URI.Of(raw))
	if !known {
		return 0, 404
	}
	to, ok := message.ParseURI(uriOf(h.To.Of(raw)))
	if !ok {
		return 0, 400
	}
	toAt, toOurs, known := gate.domain(p, uriOf(h.To.Of(raw)))
	switch {
	case !known:
		return 0, 404
	case ours && !toOurs:
		at = toAt
	}
	for s := router.Primary; s <= router.Secondary; s++ {
		switch {
		case gate.Users[s] == "" || !sameUser(to.User, gate.Users[s]):
		case s == server:
			return at, 0
		default:
			status = 403
		}
	}
	if status == 0 {
		status = 404
	}
	return 0, status
}

// domain tells whose domain a URI names; ours: it names one of our addresses,
// and no IPBX.
func (g *Gate) domain(p *Proxy, uri []byte) (ipbx uint8, ours, known bool) {
	u, ok := message.ParseURI(uri)
	if !ok {
		return 0, false, false
	}
	for _, d := range g.Domains {
		if bytes.EqualFold(u.Host, []byte(d.Host)) {
			return d.IPBX, false, true
		}
	}
	ours = p.ours(uri) || p.ourHost(u.Host)
	return 0, ours, ours
}

// ourHost reports whether a host is one of our advertised addresses: an
// address-of-record has no port (RFC 3261 §10.2).
func (p *Proxy) ourHost(host []byte) bool {
	for _, a := range p.own {
		if string(bytes.Trim(host, "[]")) == a.Addr().String() {
			return true
		}
	}
	return false
}

// sameUser compares user parts as RFC 3261 §19.1.4 does, escapes and all.
func sameUser(a []byte, b string) bool {
	return message.SameURI([]byte("sip:"+string(a)+"@h"), []byte("sip:"+b+"@h"))
}

// askedFor are the Contacts of a REGISTER and the longest expiry among them;
// -1 s: it has none.
func askedFor(raw []byte, h *message.Head) (out []askedContact, longest time.Duration) {
	longest = -time.Second
	for c := range message.ContactList(raw, h) {
		a := askedContact{expires: c.Expires}
		switch {
		case a.expires >= 0:
		case h.Expires >= 0:
			a.expires = h.Expires
		default:
			a.expires = defaultExpires
		}
		if !c.Star {
			a.uri = string(c.URI)
		}
		out = append(out, a)
		longest = max(longest, time.Duration(a.expires)*time.Second)
	}
	return out, longest
}

// credentialLines are the credentials of a request, whole and in its order; one
// that cannot be written on one line is left out.
func credentialLines(raw []byte, h *message.Head) (out [][]byte) {
	for _, name := range [...]string{"Authorization", "Proxy-Authorization"} {
		for v := range message.Fields(raw, h, name) {
			if line, err := message.Line(name, unfolded(v)); err == nil {
				out = append(out, line)
			}
		}
	}
	return out
}

// unfolded is a value with each fold as one space (RFC 3261 §7.3.1).
func unfolded(v []byte) string {
	if bytes.IndexByte(v, '\r') < 0 && bytes.IndexByte(v, '\n') < 0 {
		return string(v)
	}
	var out []byte
	for line := range bytes.SplitSeq(v, []byte("\n")) {
		if len(out) > 0 {
			out = append(out, ' ')
		}
		out = append(out, bytes.Trim(line, " \t\r")...)
	}
	return string(out)
}

// AnswerRegister answers the Registration of a Ticket. It never blocks, and may
// be called from Hooks.Register. One that was answered already, or waited too
// long, is gone: nothing happens.
func (p *Proxy) AnswerRegister(r RegisterReply) {
	s := p.shards[r.Ticket%uint32(len(p.shards))]
	s.post(posted{kind: postRegistered, reply: &r})
}

// registered answers a REGISTER that waits.
func (s *shard) registered(now router.Instant, r *RegisterReply) {
	c := s.registrations[r.Ticket]
	if c == nil || r.Status < 200 || r.Status > 699 {
		return
	}
	delete(s.registrations, r.Ticket)
	s.current = c
	c.finalRegister(now, r)
	c.arm()
}

func (c *context) finalRegister(now router.Instant, r *RegisterReply) {
	c.reg.by = router.Never
	if c.server.Phase > transaction.Proceeding {
		return
	}
	lines, granted := r.Lines[:len(r.Lines):len(r.Lines)], 0
	if r.Status < 300 {
		for _, a := range c.reg.contacts {
			expires := min(a.expires, int(r.Expires/time.Second))
			granted = max(granted, expires)
			if a.uri == "" || expires == 0 {
				continue
			}
			if line, err := message.Line("Contact", "<"+a.uri+">;expires="+strconv.Itoa(expires)); err == nil {
				lines = append(lines, line)
			}
		}
	}
	if r.Retry > 0 {
		seconds := int64((r.Retry + time.Second - 1) / time.Second)
		lines = append(lines, append(strconv.AppendInt([]byte("Retry-After: "), seconds, 10), "\r\n"...))
	}
	reason := r.Reason
	if reason == "" {
		reason = phrase(r.Status)
	}
	c.send(now, r.Status, c.stamp.AppendResponse(c.s.buf[:0], c.raw, &c.head, int(r.Status), reason, c.tag(), lines...))
	if p := c.s.p; r.Status < 300 && !c.reg.fetches && p.hooks.Registered != nil {
		p.hooks.Registered(c.reg.server, granted)
	}
}

// overdue answers a REGISTER that nobody answered (RFC 3261 §21.5.5; never 408,
// RFC 4320 §4.2).
func (c *context) overdue(now router.Instant) {
	if c.reg != nil && c.reg.by <= now {
		delete(c.s.registrations, c.reg.ticket)
		c.finalRegister(now, &RegisterReply{Status: 504})
	}
}
