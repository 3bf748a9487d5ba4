package register

import (
	"bytes"
	"slices"

	"releve/proxy/agent"
	"releve/proxy/digest"
	"releve/proxy/message"
	"releve/router/licence"
)

// Offer is a server's own REGISTER that waits for its answer (mode gate), as far
// as the IPBX is to see it.
type Offer struct {
	Ticket      uint32
	URI         string   // Request-URI: what its credentials were made for
	Credentials [][]byte // whole lines; none: it has shown nothing yet
}

// Final is what the IPBX said to the REGISTER that an Offer led to.
type Final struct {
	Status uint16 // 0: it said nothing
	Reason string
	Lines  [][]byte // the header lines that are the server's: challenges, Min-Expires, Retry-After, Authentication-Info
}

// maxOffers bounds those that are remembered; the oldest is forgotten. Our
// choice: more than package proxy keeps open.
const maxOffers = 1024

// waiting is an Offer with what became of it.
type waiting struct {
	Offer
	final Final
}

// passes keeps what the servers' REGISTERs carry. Guarded by Registrar.mu.
type passes struct {
	offers  map[uint32]*waiting
	order   []uint32
	dropped uint64
	shown   map[slot][]string // the nonces of the challenge that went to this server and was not answered yet
}

func newPasses() passes {
	return passes{offers: make(map[uint32]*waiting), shown: make(map[slot][]string)}
}

// Take remembers an Offer until Answered.
func (r *Registrar) Take(o Offer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := &r.passes
	if len(p.order) >= maxOffers {
		delete(p.offers, p.order[0])
		p.order = p.order[1:]
		p.dropped++
	}
	p.offers[o.Ticket] = &waiting{Offer: o}
	p.order = append(p.order, o.Ticket)
}

// Answered is what the IPBX said to it; the Offer is forgotten.
func (r *Registrar) Answered(ticket uint32) Final {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := &r.passes
	w := p.offers[ticket]
	if w == nil {
		return Final{}
	}
	delete(p.offers, ticket)
	p.order = slices.DeleteFunc(p.order, func(t uint32) bool { return t == ticket })
	return w.final
}

// Offers are how many wait, how many may, and how many were forgotten for it.
func (r *Registrar) Offers() (now, most int, dropped uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.passes.offers), maxOffers, r.passes.dropped
}

// carry puts the credentials of a server's REGISTER on ours, with the Request-URI
// that they were made for (RFC 7616 §3.4.6: the registrar compares them).
func (r *Registrar) carry(e licence.Effect, q *agent.Request) (carried [][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.passes.offers[e.Ticket]
	if w == nil || len(w.Credentials) == 0 {
		return nil
	}
	q.URI = w.URI
	q.Extra = append(q.Extra, w.Credentials...)
	return w.Credentials
}

// passed keeps the final for the server, and reads its challenge: stale says
// that the credentials shown were no wrong password.
func (r *Registrar) passed(e licence.Effect, res agent.Result, carried [][]byte) (stale bool) {
	final := Final{Status: res.Status, Reason: reasonOf(res), Lines: forServer(res)}
	challenges := challengesOf(res)
	r.mu.Lock()
	defer r.mu.Unlock()
	k := slot{e.User, e.IPBX}
	if w := r.passes.offers[e.Ticket]; w != nil {
		w.final = final
	}
	stale = r.passes.old(k, carried)
	delete(r.passes.shown, k)
	for _, c := range challenges {
		stale = stale || c.Stale
		r.passes.shown[k] = append(r.passes.shown[k], c.Nonce)
	}
	return stale
}

// old says that credentials do not answer the challenge that their server was
// shown last. Our choice: many phones show the nonce that served before, and
// many registrars take each one once and do not call it stale; only an answer to
// a fresh challenge that is refused is a wrong password.
func (p *passes) old(k slot, carried [][]byte) bool {
	for _, line := range carried {
		_, value, _ := bytes.Cut(line, []byte(":"))
		if slices.Contains(p.shown[k], digest.NonceOf(value)) {
			return false
		}
	}
	return true
}

// challengesOf are the challenges of a 401 or 407 that can be read.
func challengesOf(res agent.Result) (all []digest.Challenge) {
	name := ""
	switch res.Status {
	case 401:
		name = "WWW-Authenticate"
	case 407:
		name = "Proxy-Authenticate"
	default:
		return nil
	}
	for v := range message.Fields(res.Raw, res.Head, name) {
		if cs, err := digest.ParseChallenges(v); err == nil {
			all = append(all, cs...)
		}
	}
	return all
}

// forServer are the header lines of a final that its server shall see, in their
// order and neither joined nor changed (RFC 3261 §22.3); folds become spaces.
func forServer(res agent.Result) (lines [][]byte) {
	for _, name := range [...]string{
		"WWW-Authenticate", "Proxy-Authenticate", "Authentication-Info", "Proxy-Authentication-Info",
		"Min-Expires", "Retry-After", "Warning",
	} {
		for v := range message.Fields(res.Raw, res.Head, name) {
			line, err := message.Line(name, string(bytes.Join(bytes.Fields(v), []byte(" "))))
			if bytes.IndexByte(v, '\n') < 0 {
				line, err = message.Line(name, string(v))
			}
			if err == nil {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// reasonOf is the phrase of a status line.
func reasonOf(res agent.Result) string {
	line, _, _ := bytes.Cut(res.Raw[res.Head.Start:], []byte("\r\n"))
	if words := bytes.SplitN(line, []byte(" "), 3); len(words) == 3 {
		return string(words[2])
	}
	return ""
}
