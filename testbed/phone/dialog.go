package phone

import (
	"fmt"
	"net/netip"
)

// Dialog is one dialog of a call (RFC 3261 §12); a call placed may have several
// early ones, one per To tag.
type Dialog struct {
	p             *Phone
	callID        string
	local, remote string // From and To values of our requests, with tags
	remoteTag     string
	target        string   // the peer's Contact URI
	routes        []string // Route set, in the order of our requests
	cseq          uint32   // of our last request
	remoteCSeq    uint32   // of the peer's last request
	lastRSeq      uint32   // of the last reliable provisional that got its PRACK
}

// uacDialog makes the dialog that a response to our INVITE established; the
// Route set is Record-Route in reverse (RFC 3261 §12.1.2).
func (p *Phone) uacDialog(invite, m *Message) *Dialog {
	n, _ := invite.CSeq()
	d := &Dialog{
		p: p, callID: m.CallID(), local: invite.Get("From"), remote: m.Get("To"),
		remoteTag: m.ToTag(), cseq: n,
	}
	d.learn(m)
	return d
}

func (d *Dialog) learn(m *Message) {
	if contact := m.Values("Contact"); len(contact) > 0 {
		d.target = uriOf(contact[0])
	}
	rr := m.Values("Record-Route")
	d.routes = d.routes[:0]
	if d.p.manners.IgnoreRecordRoute {
		return
	}
	for i := len(rr) - 1; i >= 0; i-- {
		d.routes = append(d.routes, rr[i])
	}
}

// uasDialog makes the dialog of an INVITE received (RFC 3261 §12.1.1).
func (p *Phone) uasDialog(invite *Message, tag string) *Dialog {
	n, _ := invite.CSeq()
	d := &Dialog{
		p: p, callID: invite.CallID(), local: invite.Get("To") + ";tag=" + tag,
		remote: invite.Get("From"), remoteTag: invite.FromTag(),
		remoteCSeq: n,
	}
	if !p.manners.IgnoreRecordRoute {
		d.routes = invite.Values("Record-Route")
	}
	if contact := invite.Values("Contact"); len(contact) > 0 {
		d.target = uriOf(contact[0])
	}
	return d
}

// request builds the next request of the dialog (RFC 3261 §12.2.1.1; every
// Route is taken as a loose one).
func (d *Dialog) request(method string) *Message {
	d.cseq++
	return d.numbered(method, d.cseq)
}

func (d *Dialog) numbered(method string, cseq uint32) *Message {
	m := &Message{Method: method, URI: d.target}
	m.Add("Max-Forwards", "70")
	for _, r := range d.routes {
		m.Add("Route", r)
	}
	m.Add("From", d.local)
	m.Add("To", d.remote)
	m.Add("Call-ID", d.callID)
	m.Add("CSeq", fmt.Sprintf("%d %s", cseq, method))
	m.Add("Contact", d.p.contact())
	m.Add("User-Agent", d.p.cfg.Name)
	return m
}

func (d *Dialog) destination() (netip.AddrPort, error) {
	if len(d.routes) > 0 {
		return Resolve(uriOf(d.routes[0]))
	}
	return Resolve(d.target)
}

// sendACK acknowledges a 2xx; a new branch, no transaction (RFC 3261 §13.2.2.4).
func (d *Dialog) sendACK(cseq uint32, body []byte) {
	to, err := d.destination()
	if err != nil {
		d.p.stats.SendErrors++
		return
	}
	m := d.numbered("ACK", cseq)
	if body != nil {
		m.Add("Content-Type", "application/sdp")
		m.Body = body
	}
	via := Field{"Via", fmt.Sprintf("SIP/2.0/UDP %s;branch=%s;rport", d.p.local, d.p.newBranch())}
	m.Fields = append([]Field{via}, m.Fields...)
	d.p.send(m.bytes(), to)
}

// transact sends a request of the dialog; done gets the final response, nil
// when none came in time or the peer has no usable address.
func (d *Dialog) transact(m *Message, done func(*Message)) {
	to, err := d.destination()
	if err != nil {
		d.p.stats.SendErrors++
		done(nil)
		return
	}
	d.p.start(m, to, func(r *Message) {
		if r.Status >= 200 {
			done(r)
		}
	}, func() { done(nil) })
}
