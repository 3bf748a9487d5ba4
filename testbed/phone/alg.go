package phone

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// alg is a SIP application layer gateway between us and the world, of the kind
// that harms: the Contact of every message that reaches us names the gateway,
// not the sender. One gateway address stands for one far address; what we send
// to it is passed on, what comes back is passed to us.
//
//	far ──Contact: far──▶ (rewritten: Contact: gateway) ──▶ us
//	far ◀── request of the dialog ── gateway ◀── us
type alg struct {
	p    *Phone
	conn *net.UDPConn
	far  netip.AddrPort // who we believe to be at the gateway; under the Phone's lock
}

// openALG opens the gateway once; it closes with the Phone.
func (p *Phone) openALG() error {
	if p.alg != nil || p.closed {
		return nil
	}
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(p.local.Addr(), 0)))
	if err != nil {
		return fmt.Errorf("open the gateway of %s: %w", p.local, err)
	}
	p.alg = &alg{p: p, conn: conn}
	p.reader.Add(1)
	go p.alg.pass()
	return nil
}

func (p *Phone) closeALG() {
	if p.alg != nil {
		_ = p.alg.conn.Close()
	}
}

func (g *alg) pass() {
	defer g.p.reader.Done()
	buf := make([]byte, 65535)
	for {
		n, from, err := g.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error of an earlier datagram
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		to := g.p.local
		if from == g.p.local {
			g.p.mu.Lock()
			to = g.far
			g.p.mu.Unlock()
		}
		if to.IsValid() {
			_, _ = g.conn.WriteToUDPAddrPort(buf[:n], to)
		}
	}
}

// rewrite puts the gateway in place of the sender's Contact.
func (p *Phone) rewrite(m *Message, from netip.AddrPort) {
	if !p.manners.ContactThrough || p.alg == nil {
		return
	}
	for i := range m.Fields {
		f := &m.Fields[i]
		uri := uriOf(f.Value)
		if !strings.EqualFold(f.Name, "Contact") || !strings.Contains(uri, ":") {
			continue
		}
		if to, err := Resolve(uri); err == nil {
			p.alg.far = to
		} else {
			p.alg.far = from
		}
		own := "sip:" + p.alg.conn.LocalAddr().String()
		if user := userOf(uri); user != "" {
			own = "sip:" + user + "@" + p.alg.conn.LocalAddr().String()
		}
		f.Value = strings.Replace(f.Value, uri, own, 1)
	}
}
