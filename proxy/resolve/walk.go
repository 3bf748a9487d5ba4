package resolve

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"releve/proxy/transport"
)

// walk is the procedure of RFC 3263 §4 for one name. It knows neither socket
// nor cache: ask tells the answer to one question, or an error when no server
// has one and nothing older may stand for it. ask is called concurrently for
// the addresses of a set.
type walk struct {
	ask      func(question) (answer, error)
	local    func(host string) bool // the hosts file knows it
	networks []transport.Network    // we can send over, in our order
	ipv4     bool
	ipv6     bool
}

// find returns the set n leads to; empty: nowhere, and the zones said so. An
// error tells that some question had no answer; the set is then what could be
// found all the same.
func (w *walk) find(n Name) ([]service, error) {
	switch {
	case n.Port != 0:
		// An explicit port: no NAPTR, no SRV (RFC 3263 §4.2).
		return w.hosts(n)
	case w.local(n.Host):
		// Our choice: who wrote the name there said where it leads.
		return w.hosts(n)
	case n.Given:
		return w.given(n)
	}
	set, there, err := w.naptr(n)
	if len(set) > 0 {
		return set, err
	}
	set, probed, failed := w.probe(n)
	err = cmp.Or(err, failed)
	if len(set) > 0 || there || probed {
		return set, err
	}
	return w.fallback(n, err)
}

// given: the transport is known, SRV tells the hosts; without SRV, the host
// itself on the default port (RFC 3263 §4.2).
func (w *walk) given(n Name) ([]service, error) {
	set, there, err := w.service(prefix(n.Network)+n.Host, n.Network)
	if there {
		return set, err
	}
	return w.fallback(n, err)
}

// fallback asks for the host itself: there is no SRV, or (err) no server says
// whether there is. The latter is our choice: a name server without a way out
// refuses what it does not hold and still knows the host; a set found so is
// marked as failing and looked up again soon.
func (w *walk) fallback(n Name, err error) ([]service, error) {
	set, failed := w.hosts(n)
	return set, cmp.Or(err, failed)
}

// prefix is the SRV name of a transport (RFC 3263 §4.1).
func prefix(t transport.Network) string {
	return [...]string{"_sip._udp.", "_sip._tcp.", "_sips._tcp."}[t]
}

// naptr takes the transport the domain prefers among those we have (RFC 3263
// §4.1; sips considers TLS only). The next record serves only when the one
// before leads to no address: our choice. A NAPTR question that no server
// answers counts as no NAPTR: boxes that do not know the type fail or stay
// silent, and SRV behind them works; a server that is really down fails the
// next question too. there: an SRV set exists, so the host itself is not asked.
func (w *walk) naptr(n Name) (set []service, there bool, err error) {
	a, _ := w.follow(ask(n.Host, dns.TypeNAPTR))
	for _, r := range a.naptrs {
		if !w.serves(r.network, n) {
			continue
		}
		found, present, failed := w.service(r.replacement, r.network)
		there, err = there || present, cmp.Or(err, failed)
		if len(found) > 0 {
			return found, true, err
		}
	}
	return nil, there, err
}

// probe asks for the SRV records of each transport we have, in our order, and
// takes the first that leads to an address (RFC 3263 §4.1).
func (w *walk) probe(n Name) (set []service, there bool, err error) {
	for _, t := range w.order(n) {
		found, present, failed := w.service(prefix(t)+n.Host, t)
		there, err = there || present, cmp.Or(err, failed)
		if len(found) > 0 {
			return found, true, err
		}
	}
	return nil, there, err
}

// order is the transports that may serve n.
func (w *walk) order(n Name) []transport.Network {
	if n.Secure {
		return []transport.Network{transport.TLS}
	}
	return w.networks
}

func (w *walk) serves(t transport.Network, n Name) bool { return slices.Contains(w.order(n), t) }

// service reads one SRV set and the addresses of its hosts. there: the set
// exists, be it to say that there is no such service (target ".", RFC 2782).
func (w *walk) service(name string, t transport.Network) (set []service, there bool, err error) {
	a, err := w.follow(ask(name, dns.TypeSRV))
	if err != nil || len(a.srvs) == 0 {
		return nil, false, err
	}
	srvs := slices.Clone(a.srvs)
	slices.SortStableFunc(srvs, func(x, y srv) int { return cmp.Compare(x.priority, y.priority) })
	srvs = slices.DeleteFunc(srvs, func(s srv) bool { return s.host == "." || s.port == 0 })
	srvs = srvs[:min(len(srvs), maxRecords)]
	found := make([]service, len(srvs))
	faults := make([]error, len(srvs))
	inParallel(len(srvs), func(i int) {
		s := srvs[i]
		found[i] = service{priority: s.priority, weight: s.weight}
		found[i].targets, faults[i] = w.addresses(s.host, s.port, t)
	})
	for i, s := range found {
		if err = cmp.Or(err, faults[i]); len(s.targets) > 0 {
			set = append(set, s)
		}
	}
	byPriority(set)
	return set, true, err
}

// hosts is the set of a name without SRV: its addresses.
func (w *walk) hosts(n Name) ([]service, error) {
	targets, err := w.addresses(n.Host, n.port(), n.Network)
	if len(targets) == 0 {
		return nil, err
	}
	return []service{{targets: targets}}, err
}

// addresses are those of one host in the families we have a listener for. A
// numeric SRV target is illegal (RFC 2782) and meant as it reads.
func (w *walk) addresses(host string, port uint16, t transport.Network) ([]Target, error) {
	if a, ok := address(strings.TrimSuffix(host, ".")); ok {
		return []Target{{netip.AddrPortFrom(a.Unmap(), port), t}}, nil
	}
	var found [2][]Target
	var faults [2]error
	inParallel(2, func(i int) {
		if kind := [...]uint16{dns.TypeAAAA, dns.TypeA}[i]; w.family(kind) {
			var a answer
			a, faults[i] = w.follow(ask(host, kind))
			for _, addr := range a.addrs {
				found[i] = append(found[i], Target{netip.AddrPortFrom(addr, port), t})
			}
		}
	})
	return interleave(found[0], found[1]), cmp.Or(faults[0], faults[1])
}

func (w *walk) family(kind uint16) bool {
	return kind == dns.TypeAAAA && w.ipv6 || kind == dns.TypeA && w.ipv4
}

// follow asks on where a CNAME chain leaves the answer, at most 8 times; a
// longer or circular one leads nowhere.
func (w *walk) follow(q question) (answer, error) {
	for range maxCNAME {
		a, err := w.ask(q)
		if err != nil || a.next == "" {
			return a, err
		}
		q.name = a.next
	}
	return answer{}, nil
}

// inParallel runs f(0) … f(n-1) at once; n is at most 16.
func inParallel(n int, f func(int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}
