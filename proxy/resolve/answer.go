package resolve

import (
	"cmp"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"releve/proxy/transport"
)

// question is one DNS question, class IN: a name in lower case with its final
// dot, and a type.
type question struct {
	name string
	kind uint16
}

// ask makes a question of a host or service name in any form.
func ask(name string, kind uint16) question { return question{dns.CanonicalName(name), kind} }

// answer is what the servers said to a question. It never changes once made.
type answer struct {
	addrs   []netip.Addr // A or AAAA
	srvs    []srv
	naptrs  []naptr             // those RFC 3263 defines, in the order of RFC 3403 §4.1
	next    string              // the end of a CNAME chain that has still to be asked for
	proven  bool                // nothing there, says the zone's SOA
	local   bool                // the hosts file says it: not kept when it no longer does
	expires time.Time           // by the clock of the cache
	extra   map[question]answer // from the additional section, in bailiwick
}

// absent: the name or the record type does not exist.
func (a answer) absent() bool {
	return len(a.addrs) == 0 && len(a.srvs) == 0 && len(a.naptrs) == 0 && a.next == ""
}

type srv struct {
	priority, weight, port uint16
	host                   string
}

type naptr struct {
	order, preference uint16
	network           transport.Network
	replacement       string
}

// Bounds and times, our choices unless a section is named.
const (
	maxRecords  = 16 // used of one answer
	minTTL      = time.Second
	maxTTL      = time.Hour
	minNegative = 5 * time.Second
	maxNegative = time.Minute // RFC 2308 §5 allows hours; a name just created must not wait for them
	maxCNAME    = 8
)

// Why a server's message is not an answer.
var (
	errForeign   = errors.New("not an answer to this question") // keep waiting
	errTruncated = errors.New("answer truncated")               // ask over TCP
	errNoEDNS    = errors.New("server does not know EDNS0")     // ask without
	errServer    = errors.New("server failed to answer")        // ask the next
)

// match reports whether raw is a response to q sent with id: anything else on
// the socket is forged or late and is not looked at (RFC 5452 §9.1). A server
// that refuses the query as such may leave the question out.
func match(raw []byte, id uint16, q question) (*dns.Msg, error) {
	if len(raw) < 12 || binary.BigEndian.Uint16(raw) != id || raw[2]&0x80 == 0 {
		return nil, errForeign
	}
	m := new(dns.Msg)
	if err := m.Unpack(raw); err != nil && !m.Truncated {
		return nil, errForeign
	}
	if m.Opcode != dns.OpcodeQuery {
		return nil, errForeign
	}
	if len(m.Question) == 0 && m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
		return m, nil
	}
	if len(m.Question) != 1 || m.Question[0].Qtype != q.kind || m.Question[0].Qclass != dns.ClassINET ||
		dns.CanonicalName(m.Question[0].Name) != q.name {
		return nil, errForeign
	}
	return m, nil
}

// read turns a matching message into an answer.
func read(m *dns.Msg, q question, now time.Time) (answer, error) {
	switch {
	case m.Rcode == dns.RcodeFormatError, m.Rcode == dns.RcodeNotImplemented, m.Rcode == dns.RcodeBadVers:
		return answer{}, errNoEDNS // RFC 6891 §7
	case m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError:
		return answer{}, errServer
	case m.Truncated:
		return answer{}, errTruncated
	}
	a := collect(m.Answer, q, now)
	expires, proven := negative(m.Ns, now)
	if a.absent() || m.Rcode == dns.RcodeNameError || a.next != "" && proven {
		// Also for the end of a CNAME chain (RFC 2308 §2.1, §2.2).
		return answer{expires: expires, proven: proven}, nil
	}
	a.extra = additional(m.Extra, q, now)
	return a, nil
}

// collect takes the records of q from a section, following CNAMEs within it.
func collect(section []dns.RR, q question, now time.Time) answer {
	owner, ttl := q.name, maxTTL
	for range maxCNAME {
		i := slices.IndexFunc(section, func(rr dns.RR) bool { return is(rr, question{owner, dns.TypeCNAME}) })
		if i < 0 {
			break
		}
		ttl = min(ttl, lifetime(section[i]))
		owner = dns.CanonicalName(section[i].(*dns.CNAME).Target)
	}
	var a answer
	for _, rr := range section {
		if is(rr, question{owner, q.kind}) && a.add(rr) {
			ttl = min(ttl, lifetime(rr))
		}
	}
	slices.SortStableFunc(a.naptrs, func(x, y naptr) int {
		return cmp.Or(cmp.Compare(x.order, y.order), cmp.Compare(x.preference, y.preference))
	})
	if owner != q.name && a.absent() {
		a.next = owner
	}
	a.expires = now.Add(max(ttl, minTTL))
	return a
}

func is(rr dns.RR, q question) bool {
	h := rr.Header()
	return h.Rrtype == q.kind && h.Class == dns.ClassINET && dns.CanonicalName(h.Name) == q.name
}

// lifetime is the TTL of a record; one with the top bit set is 0 (RFC 2181 §8).
func lifetime(rr dns.RR) time.Duration {
	ttl := rr.Header().Ttl
	if ttl > 1<<31-1 {
		return 0
	}
	return time.Duration(ttl) * time.Second
}

// add files one record of the type asked for; false: of no use to us, or too
// many of them. Of up to 64 SRV records walk.service keeps the first 16 by priority.
func (a *answer) add(rr dns.RR) bool {
	switch rr := rr.(type) {
	case *dns.A:
		return a.addAddr(rr.A.To4())
	case *dns.AAAA:
		return a.addAddr(rr.AAAA.To16())
	case *dns.SRV:
		if len(a.srvs) >= 4*maxRecords {
			return false
		}
		a.srvs = append(a.srvs, srv{rr.Priority, rr.Weight, rr.Port, dns.CanonicalName(rr.Target)})
		return true
	case *dns.NAPTR:
		return a.addNAPTR(rr)
	}
	return false
}

func (a *answer) addAddr(raw []byte) bool {
	addr, ok := netip.AddrFromSlice(raw)
	addr = addr.Unmap()
	if !ok || addr.IsUnspecified() || addr.IsMulticast() || len(a.addrs) >= maxRecords || slices.Contains(a.addrs, addr) {
		return false
	}
	a.addrs = append(a.addrs, addr)
	return true
}

// services are the NAPTR services of SIP and what they mean to us (RFC 3263 §4.1).
func serviceNetwork(s string) (transport.Network, bool) {
	switch strings.ToUpper(s) {
	case "SIP+D2U":
		return transport.UDP, true
	case "SIP+D2T":
		return transport.TCP, true
	case "SIPS+D2T":
		return transport.TLS, true
	}
	return 0, false
}

// addNAPTR takes what leads to an SRV record: flag "s", a replacement, no
// regular expression (RFC 3263 §4.1 defines no other for SIP).
func (a *answer) addNAPTR(rr *dns.NAPTR) bool {
	network, ok := serviceNetwork(rr.Service)
	if !ok || !strings.EqualFold(rr.Flags, "s") || rr.Regexp != "" || rr.Replacement == "." || len(a.naptrs) >= maxRecords {
		return false
	}
	a.naptrs = append(a.naptrs, naptr{rr.Order, rr.Preference, network, dns.CanonicalName(rr.Replacement)})
	return true
}

// negative is how long nothing may be believed, and whether the zone said so:
// the lesser of the SOA's own TTL and its minimum (RFC 2308 §5), within our bounds.
func negative(authority []dns.RR, now time.Time) (expires time.Time, proven bool) {
	for _, rr := range authority {
		soa, ok := rr.(*dns.SOA)
		if ok && soa.Hdr.Class == dns.ClassINET {
			ttl := min(lifetime(rr), time.Duration(soa.Minttl)*time.Second)
			return now.Add(min(max(ttl, minNegative), maxNegative)), true
		}
	}
	return now.Add(minNegative), false
}

// additional is what came along unasked and may be believed: records of the
// domain that was asked about. A server of one domain has no say on another
// (RFC 2181 §5.4.1, RFC 5452 §6).
func additional(section []dns.RR, q question, now time.Time) map[question]answer {
	if q.kind != dns.TypeSRV && q.kind != dns.TypeNAPTR {
		return nil
	}
	domain := bailiwick(q.name)
	var out map[question]answer
	section = section[:min(len(section), 4*maxRecords)]
	for _, rr := range section {
		h := rr.Header()
		extra := question{dns.CanonicalName(h.Name), h.Rrtype}
		switch h.Rrtype {
		case dns.TypeA, dns.TypeAAAA, dns.TypeSRV:
		default:
			continue
		}
		if _, known := out[extra]; known || !dns.IsSubDomain(domain, extra.name) {
			continue
		}
		if a := collect(section, extra, now); !a.absent() && a.next == "" {
			if out == nil {
				out = make(map[question]answer)
			}
			out[extra] = a
		}
	}
	return out
}

// bailiwick is the domain a service name belongs to: the name without its
// labels that begin with an underscore (RFC 2782).
func bailiwick(name string) string {
	for strings.HasPrefix(name, "_") {
		_, rest, _ := strings.Cut(name, ".")
		name = rest
	}
	return name
}
