package nameserver

import (
	"net"
	"time"

	"github.com/miekg/dns"
)

// serve is the handler of the sockets.
func (s *Server) serve(w dns.ResponseWriter, query *dns.Msg) {
	_, udp := w.RemoteAddr().(*net.UDPAddr)
	for _, m := range s.answer(query, udp) {
		_ = w.WriteMsg(m)
	}
}

// answer counts a query, waits as told and returns what to send, in order.
func (s *Server) answer(query *dns.Msg, udp bool) []*dns.Msg {
	if len(query.Question) != 1 {
		return []*dns.Msg{new(dns.Msg).SetRcode(query, dns.RcodeFormatError)}
	}
	q := query.Question[0]
	k := key{dns.CanonicalName(q.Name), q.Qtype}
	s.mu.Lock()
	s.asked[k]++
	b, ok := s.special[k]
	if !ok {
		b = s.usual
	}
	reply := s.reply(query, k, b, udp)
	s.mu.Unlock()
	if b.Delay > 0 {
		late := time.NewTimer(b.Delay)
		defer late.Stop()
		select {
		case <-late.C:
		case <-s.done.Done():
			return nil
		}
	}
	var out []*dns.Msg
	if b.Forge != nil {
		out = b.Forge(query)
	}
	if !b.Silent {
		out = append(out, reply)
	}
	return out
}

func (s *Server) reply(query *dns.Msg, k key, b Behaviour, udp bool) *dns.Msg {
	m := new(dns.Msg).SetReply(query)
	opt := query.IsEdns0()
	if b.NoEDNS && opt != nil {
		return m.SetRcode(query, dns.RcodeFormatError)
	}
	m.RecursionAvailable = true
	size := dns.MinMsgSize
	if opt != nil {
		size = max(size, int(opt.UDPSize()))
		m.SetEdns0(uint16(size), false)
	}
	if b.Rcode != dns.RcodeSuccess {
		m.Rcode = b.Rcode
		return m
	}
	s.fill(m, k, b)
	if udp && b.Truncate {
		m.Truncated, m.Answer, m.Ns, m.Extra = true, nil, nil, nil
	} else if udp {
		m.Truncate(size)
	}
	return m
}

// fill answers from the records: the CNAME chain, then the type asked for.
func (s *Server) fill(m *dns.Msg, k key, b Behaviour) {
	owner := k.name
	for range 16 {
		alias := s.find(key{owner, dns.TypeCNAME})
		if len(alias) == 0 || k.kind == dns.TypeCNAME {
			break
		}
		m.Answer = append(m.Answer, alias[0])
		if b.NoChase {
			return
		}
		owner = dns.CanonicalName(alias[0].(*dns.CNAME).Target)
	}
	found := s.find(key{owner, k.kind})
	m.Answer = append(m.Answer, found...)
	if len(found) == 0 {
		if len(s.records[owner]) == 0 {
			m.Rcode = dns.RcodeNameError
		}
		if !b.NoSOA {
			m.Ns = append(m.Ns, s.soa(owner))
		}
	}
	if b.Additional {
		s.attach(m, found)
	}
}

// attach puts into the additional section what the records lead to.
func (s *Server) attach(m *dns.Msg, found []dns.RR) {
	for _, rr := range found {
		switch rr := rr.(type) {
		case *dns.SRV:
			m.Extra = append(m.Extra, s.find(key{dns.CanonicalName(rr.Target), dns.TypeA})...)
			m.Extra = append(m.Extra, s.find(key{dns.CanonicalName(rr.Target), dns.TypeAAAA})...)
		case *dns.NAPTR:
			services := s.find(key{dns.CanonicalName(rr.Replacement), dns.TypeSRV})
			m.Extra = append(m.Extra, services...)
			s.attach(m, services)
		}
	}
}

func (s *Server) find(k key) []dns.RR {
	var out []dns.RR
	for _, rr := range s.records[k.name] {
		if rr.Header().Rrtype == k.kind {
			out = append(out, rr)
		}
	}
	return out
}

// soa is the authority of a negative answer: the last two labels are the zone.
func (s *Server) soa(owner string) dns.RR {
	zone := owner
	if i, start := dns.PrevLabel(owner, 2); !start {
		zone = owner[i:]
	}
	return &dns.SOA{
		Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: s.negative},
		Ns:  "ns." + zone, Mbox: "hostmaster." + zone,
		Serial: 1, Refresh: 3600, Retry: 600, Expire: 86400, Minttl: s.negative,
	}
}
