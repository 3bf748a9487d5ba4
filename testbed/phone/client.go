package phone

import (
	"fmt"
	"net/netip"
	"time"
)

func clientKey(branch, method string) string { return branch + " " + method }

// client is one client transaction (RFC 3261 §17.1).
type client struct {
	p        *Phone
	key      string
	to       netip.AddrPort
	raw      []byte // the request as sent
	req      *Message
	invite   bool
	answered bool // a provisional came
	done     bool // a final came, or the time is over
	ack      []byte
	interval time.Duration
	resend   *Timer
	limit    *Timer // Timer B or F
	cancel   bool   // CANCEL wanted

	onResponse func(*Message) // each 1xx, the first final, every 2xx to INVITE
	onTimeout  func()
}

// start sends a request in a new client transaction. The Via is added here.
func (p *Phone) start(req *Message, to netip.AddrPort, onResponse func(*Message), onTimeout func()) *client {
	branch := p.newBranch()
	via := Field{"Via", fmt.Sprintf("SIP/2.0/UDP %s;branch=%s;rport", p.local, branch)}
	req.Fields = append([]Field{via}, req.Fields...)
	t := &client{
		p: p, key: clientKey(branch, req.Method), to: to, raw: req.bytes(), req: req,
		invite: req.Method == "INVITE", interval: p.cfg.T1,
		onResponse: onResponse, onTimeout: onTimeout,
	}
	p.clients[t.key] = t
	p.send(t.raw, to)
	t.resend = p.After(t.interval, t.again)
	t.limit = p.After(64*p.cfg.T1, t.expire)
	return t
}

// again is Timer A or E.
func (t *client) again() {
	if t.done || (t.invite && t.answered) {
		return
	}
	t.p.send(t.raw, t.to)
	t.interval *= 2
	if !t.invite && t.interval > 8*t.p.cfg.T1 {
		t.interval = 8 * t.p.cfg.T1
	}
	t.resend = t.p.After(t.interval, t.again)
}

func (t *client) expire() {
	if t.done {
		return
	}
	t.end()
	t.onTimeout()
}

// end closes the transaction and leaves its tail.
func (t *client) end() {
	t.done = true
	t.stop()
	t.raw, t.req = nil, nil // the tail needs only the key and the ACK
	t.p.keep(t.key, false)
}

func (t *client) stop() {
	t.resend.Stop()
	t.limit.Stop()
}

func (t *client) response(m *Message) {
	switch {
	case m.Status < 200:
		t.provisional(m)
	case t.invite && m.Status < 300:
		if !t.done {
			t.end()
		}
		t.onResponse(m) // each 2xx: the call sends ACK (RFC 3261 §13.2.2.4)
	case t.invite:
		t.refused(m)
	case !t.done:
		t.end()
		t.onResponse(m)
	}
}

func (t *client) provisional(m *Message) {
	if t.done {
		return
	}
	if !t.answered && t.invite {
		t.limit.Stop() // ringing may last; the caller cancels
	}
	t.answered = true
	t.onResponse(m)
	if t.cancel && !t.done {
		t.sendCancel()
	}
}

// refused sends ACK for each copy of a non-2xx final (RFC 3261 §17.1.1.2).
func (t *client) refused(m *Message) {
	first := !t.done
	if first {
		t.ack = t.ackFor(m.Get("To"))
		t.end()
	}
	if t.ack != nil { // nil: a 2xx, or the time-out, came before
		t.p.send(t.ack, t.to)
	}
	if first {
		t.onResponse(m)
	}
}

// ackFor builds the ACK of a non-2xx final (RFC 3261 §17.1.1.3).
func (t *client) ackFor(to string) []byte {
	ack := t.derived("ACK")
	ack.Set("To", to)
	return ack.bytes()
}

// derived builds ACK or CANCEL from the INVITE (RFC 3261 §9.1, §17.1.1.3).
func (t *client) derived(method string) *Message {
	m := &Message{Method: method, URI: t.req.URI}
	m.Add("Via", t.req.Get("Via"))
	for _, f := range t.req.Fields {
		switch f.Name {
		case "Route", "From", "To", "Call-ID", "Max-Forwards":
			m.Fields = append(m.Fields, f)
		}
	}
	n, _ := t.req.CSeq()
	m.Add("CSeq", fmt.Sprintf("%d %s", n, method))
	return m
}

// cancelInvite sends CANCEL now, or as soon as the first provisional comes
// (RFC 3261 §9.1).
func (t *client) cancelInvite() {
	if t.done || t.cancel {
		return
	}
	t.cancel = true
	if t.answered {
		t.sendCancel()
	}
}

func (t *client) sendCancel() {
	t.cancel = false
	p := t.p
	m := t.derived("CANCEL")
	c := &client{
		p: p, key: clientKey(m.branch(), "CANCEL"), to: t.to, raw: m.bytes(), req: m,
		interval: p.cfg.T1, onResponse: func(*Message) {}, onTimeout: func() {},
	}
	if p.clients[c.key] != nil {
		return
	}
	p.clients[c.key] = c
	p.send(c.raw, c.to)
	c.resend = p.After(c.interval, c.again)
	c.limit = p.After(64*p.cfg.T1, c.expire)
	// No final 64 × T1 after the CANCEL: the INVITE is over (RFC 3261 §9.1).
	t.limit = p.After(64*p.cfg.T1, t.expire)
}

// Request sends a request outside dialogs (OPTIONS, REGISTER, …) and reports
// its final response; nil: none came in time. Via is added.
func (p *Phone) Request(req *Message, to netip.AddrPort, done func(*Message)) {
	p.start(req, to, func(m *Message) {
		if m.Status >= 200 {
			done(m)
		}
	}, func() { done(nil) })
}

// NewRequest builds a request outside dialogs. from and toURI are URIs; callID
// "" makes a new one; cseq 0 is 1.
func (p *Phone) NewRequest(method, uri, from, toURI, callID string, cseq uint32) *Message {
	if callID == "" {
		callID = p.newTag() + "@" + p.local.Addr().String()
	}
	m := &Message{Method: method, URI: uri}
	m.Add("Max-Forwards", "70")
	m.Add("From", fmt.Sprintf("<%s>;tag=%s", from, p.newTag()))
	m.Add("To", fmt.Sprintf("<%s>", toURI))
	m.Add("Call-ID", callID)
	m.Add("CSeq", fmt.Sprintf("%d %s", max(cseq, 1), method))
	m.Add("User-Agent", p.cfg.Name)
	return m
}
