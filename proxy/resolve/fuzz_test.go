package resolve

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/miekg/dns"

	"releve/proxy/transport"
)

// FuzzAnswer takes arbitrary bytes for what a DNS server sends to every question
// of a lookup. Nothing panics, and what comes of it stays within the bounds.
func FuzzAnswer(f *testing.F) {
	for _, records := range [][]string{
		{`example.com. 60 IN NAPTR 1 1 "s" "SIP+D2T" "" _sip._tcp.example.com.`},
		{"_sip._udp.example.com. 60 IN SRV 1 1 5060 pbx.example.com.", "pbx.example.com. 60 IN A 192.0.2.1"},
		{"example.com. 60 IN CNAME example.com."},
		{"example.com. 60 IN A 192.0.2.1", "example.com. 4294967295 IN AAAA 2001:db8::1"},
	} {
		m := new(dns.Msg).SetQuestion("example.com.", dns.TypeNAPTR)
		m.Response = true
		for _, r := range records {
			rr, err := dns.NewRR(r)
			if err != nil {
				f.Fatal(err)
			}
			m.Answer, m.Extra = append(m.Answer, rr), append(m.Extra, rr)
		}
		raw, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	now := time.Unix(1_000_000, 0)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > dns.MaxMsgSize {
			return
		}
		asked := 0 // as in a lookup
		l := func(q question) (answer, error) {
			if asked++; asked > maxQuestions {
				return answer{}, errServer
			}
			return answerOf(raw, q, now)
		}
		w := walk{ask: serially(l), local: func(string) bool { return false }, networks: []transport.Network{udp, tcp, tls}, ipv4: true, ipv6: true}
		for _, n := range []Name{{Host: "example.com"}, {Host: "example.com", Given: true}, {Host: "example.com", Port: 1}} {
			asked = 0
			set, _ := w.find(n)
			if len(set) > maxRecords {
				t.Fatalf("%d records in a set", len(set))
			}
			for _, target := range draw(set, func(n uint32) uint32 { return n - 1 }) {
				if !target.Addr.IsValid() || target.Addr.Port() == 0 {
					t.Fatalf("target %v", target)
				}
			}
		}
	})
}

// answerOf makes raw look like the answer to q and reads it, as the socket
// would: so that the fuzzer gets past the checks against forgery.
func answerOf(raw []byte, q question, now time.Time) (answer, error) {
	m := new(dns.Msg)
	if m.Unpack(raw) == nil {
		m.Id, m.Response, m.Opcode, m.Truncated, m.Rcode = 7, true, dns.OpcodeQuery, false, dns.RcodeSuccess
		m.Question = []dns.Question{{Name: q.name, Qtype: q.kind, Qclass: dns.ClassINET}}
		for _, section := range [][]dns.RR{m.Answer, m.Extra} {
			for i, rr := range section {
				if i%2 == 0 { // half of them as if they were meant
					rr.Header().Name = q.name
				}
			}
		}
		if packed, err := m.Pack(); err == nil {
			raw = packed
		}
	} else if len(raw) >= 12 {
		raw = append([]byte(nil), raw...)
		binary.BigEndian.PutUint16(raw, 7)
		raw[2] |= 0x80
	}
	m, err := match(raw, 7, q)
	if err != nil {
		return answer{}, err
	}
	a, err := read(m, q, now)
	if err == nil && (len(a.addrs) > maxRecords || len(a.srvs) > 4*maxRecords || len(a.naptrs) > maxRecords ||
		len(a.extra) > 4*maxRecords || a.expires.Before(now.Add(minTTL)) || a.expires.After(now.Add(maxTTL))) {
		panic("an answer beyond its bounds")
	}
	return a, err
}

// serially lets one question through at a time.
func serially(f func(question) (answer, error)) func(question) (answer, error) {
	turn := make(chan struct{}, 1)
	return func(q question) (answer, error) {
		turn <- struct{}{}
		defer func() { <-turn }()
		return f(q)
	}
}
