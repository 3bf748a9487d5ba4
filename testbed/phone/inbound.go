package phone

import (
	"net/netip"
	"time"
)

// Inbound is one request received, with its server transaction (RFC 3261
// §17.2).
type Inbound struct {
	Request *Message
	From    netip.AddrPort // where it came from

	p        *Phone
	key      string
	reply    netip.AddrPort
	last     []byte
	status   int // of last; 0: nothing sent
	acked    bool
	ignored  bool // swallow its CANCEL too
	interval time.Duration
	resend   *Timer
	limit    *Timer
	tag      string
	call     *Call // INVITE
	onLost   func()
}

func (p *Phone) request(m *Message, from netip.AddrPort) {
	vias := m.Values("Via")
	method := m.Method
	if method == "ACK" {
		method = "INVITE"
	}
	host, _ := sentBy(vias[0])
	key := m.branch() + " " + host + " " + method
	known := p.servers[key]
	if m.Method == "ACK" {
		p.ack(m, known)
		return
	}
	if known != nil {
		if known.status != 0 {
			p.send(known.last, known.reply)
		}
		return
	}
	r := &Inbound{Request: m, From: from, p: p, key: key, reply: replyTo(vias[0], from), interval: p.cfg.T1}
	p.servers[key] = r
	p.treat(r, host)
}

func (p *Phone) treat(r *Inbound, host string) {
	m := r.Request
	switch {
	case m.Method == "CANCEL":
		p.cancelled(r, m.branch()+" "+host+" INVITE")
	case m.ToTag() != "":
		p.inDialog(r)
	case m.Method == "INVITE":
		p.incoming(r)
	default:
		p.outOfDialog(r)
	}
}

func (p *Phone) outOfDialog(r *Inbound) {
	if r.Request.Method == "OPTIONS" {
		p.stats.ReceivedOPTIONS++
	}
	switch {
	case r.Request.Method == "OPTIONS" && p.optioned(r):
	case p.cfg.OnRequest != nil:
		p.cfg.OnRequest(r)
	case r.Request.Method == "OPTIONS":
		r.Reply(200)
	default:
		r.Reply(405)
	}
}

func (p *Phone) cancelled(r *Inbound, key string) {
	t := p.servers[key]
	if t == nil {
		p.stats.NoDialog++
		r.Reply(481)
		return
	}
	if t.ignored {
		r.Drop()
		return
	}
	r.tag = t.tag
	r.Reply(200)
	if t.status < 200 && t.call != nil {
		t.call.cancelled()
	} // else the final is out: CANCEL has no effect (RFC 3261 §9.2)
}

func (p *Phone) ack(m *Message, known *Inbound) {
	if known != nil && known.status >= 300 {
		known.ackArrived()
		return
	}
	if c := p.calls[m.CallID()+" "+m.ToTag()]; c != nil {
		c.ackArrived(m)
		return
	}
	p.stats.StrayACKs++
}

// Reply answers with status and the given further headers.
func (r *Inbound) Reply(status int, extra ...Field) { r.ReplyBody(status, nil, extra...) }

// ReplyBody answers with status, further headers and an SDP body (nil: none).
func (r *Inbound) ReplyBody(status int, body []byte, extra ...Field) {
	if r.status >= 200 {
		return
	}
	if r.tag == "" {
		r.tag = r.p.newTag()
	}
	m := response(r.Request, status, r.tag)
	m.Add("Server", r.p.cfg.Name)
	m.Fields = append(m.Fields, extra...)
	r.p.dated(m)
	if body != nil {
		m.Add("Content-Type", "application/sdp")
		m.Body = body
	}
	r.last, r.status = m.bytes(), status
	r.p.send(r.last, r.reply)
	if status < 200 {
		return
	}
	if r.Request.Method != "INVITE" {
		r.p.keep(r.key, true)
		return
	}
	r.resend = r.p.After(r.interval, r.again)
	r.limit = r.p.After(64*r.p.cfg.T1, r.lost)
}

// Now is the time by the clock of who was asked.
func (r *Inbound) Now() time.Time { return r.p.Now() }

// Drop leaves the request without an answer, as a process that hangs; copies
// are swallowed too.
func (r *Inbound) Drop() { r.p.keep(r.key, true) }

// again is Timer G, and the repetition of a 2xx (RFC 3261 §13.3.1.4).
func (r *Inbound) again() {
	if r.acked {
		return
	}
	r.p.send(r.last, r.reply)
	r.interval = min(2*r.interval, 8*r.p.cfg.T1)
	r.resend = r.p.After(r.interval, r.again)
}

func (r *Inbound) ackArrived() {
	if r.acked {
		return
	}
	r.acked = true
	r.stop()
	r.Request, r.call = nil, nil // the tail needs only the key and the last response
	r.p.keep(r.key, true)
}

func (r *Inbound) lost() {
	if r.acked {
		return
	}
	r.stop()
	r.p.keep(r.key, true)
	if r.onLost != nil {
		r.onLost()
	}
}

func (r *Inbound) stop() {
	r.resend.Stop()
	r.limit.Stop()
}

// Respondable reports whether no final response was sent yet.
func (r *Inbound) respondable() bool { return r.status < 200 }
