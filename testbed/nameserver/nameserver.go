// Package nameserver is a DNS server inside a test: authoritative for whatever
// records it is given, over UDP and TCP on a loopback address or over an
// in-memory wire (Dial), and able to misbehave on demand.
//
//	ns, err := nameserver.Start("127.0.0.1:0")
//	defer ns.Close()
//	ns.Set("_sip._udp.example.com. 60 IN SRV 10 5 5060 sip1.example.com.",
//	       "sip1.example.com. 60 IN A 127.0.0.21")
//	ns.Behave(nameserver.Behaviour{Silent: true})
//
// Records, behaviour and counts may be changed and read at any time, from any
// goroutine; one mutex guards them, held while an answer is made and not while
// it is delayed or sent.
package nameserver

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Behaviour is how a server answers. The zero Behaviour is a good server.
type Behaviour struct {
	Silent     bool          // no answer at all
	Rcode      int           // this code, such as dns.RcodeServerFailure, and no records; 0: a true answer
	Delay      time.Duration // before the answer
	Truncate   bool          // over UDP: TC and no records
	NoEDNS     bool          // FORMERR to a query with EDNS0, as very old servers
	NoSOA      bool          // negative answers without the zone's SOA
	NoChase    bool          // a CNAME is answered without what it leads to
	Additional bool          // addresses of SRV targets and SRV of NAPTR in the additional section
	// Forge makes messages sent before the true answer, from the same address.
	Forge func(query *dns.Msg) []*dns.Msg
}

// Server is one name server. Make it with New or Start.
type Server struct {
	mu       sync.Mutex // guards what follows
	records  map[string][]dns.RR
	usual    Behaviour
	special  map[key]Behaviour
	asked    map[key]int
	negative uint32 // minimum of the SOA, s

	done   context.Context
	end    context.CancelFunc
	wg     sync.WaitGroup
	addr   netip.AddrPort
	listen []*dns.Server
}

type key struct {
	name string
	kind uint16
}

// New returns a server without sockets: reach it with Dial.
func New() *Server {
	s := &Server{
		records: make(map[string][]dns.RR), special: make(map[key]Behaviour),
		asked: make(map[key]int), negative: 30,
	}
	s.done, s.end = context.WithCancel(context.Background())
	return s
}

// Start returns a server that listens on addr over UDP and TCP, with port 0 on
// one free port for both.
func Start(addr string) (*Server, error) {
	s := New()
	var err error
	for range 10 { // the port the kernel chose for UDP may be taken for TCP
		if err = s.open(addr); err == nil {
			return s, nil
		}
	}
	return nil, fmt.Errorf("start the test name server on %s: %w", addr, err)
}

func (s *Server) open(addr string) error {
	udp, err := net.ListenPacket("udp", addr)
	if err != nil {
		return err
	}
	tcp, err := net.Listen("tcp", udp.LocalAddr().String())
	if err != nil {
		udp.Close()
		return err
	}
	s.addr = udp.LocalAddr().(*net.UDPAddr).AddrPort()
	up := make(chan struct{}, 2)
	for _, l := range []*dns.Server{{PacketConn: udp}, {Listener: tcp}} {
		l.Handler = dns.HandlerFunc(s.serve)
		l.NotifyStartedFunc = func() { up <- struct{}{} }
		s.listen = append(s.listen, l)
		s.wg.Go(func() { _ = l.ActivateAndServe() })
	}
	<-up
	<-up
	return nil
}

// Addr is where a started server listens.
func (s *Server) Addr() netip.AddrPort { return s.addr }

// Close ends the sockets and every answer in progress.
func (s *Server) Close() {
	s.mu.Lock()
	s.end()
	s.mu.Unlock()
	for _, l := range s.listen {
		_ = l.Shutdown()
	}
	s.wg.Wait()
}

// Set adds records, in the form of a zone file; the first of an owner and type
// replaces those of that owner and type. A malformed record is a fault of the
// test and panics.
func (s *Server) Set(records ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := make(map[key]bool)
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil || rr == nil {
			panic(fmt.Sprintf("record %q: %v", text, err))
		}
		k := key{dns.CanonicalName(rr.Header().Name), rr.Header().Rrtype}
		if !fresh[k] {
			s.remove(k)
		}
		fresh[k] = true
		s.records[k.name] = append(s.records[k.name], rr)
	}
}

// Remove takes away the records of a name, of one type or (dns.TypeANY) all.
func (s *Server) Remove(name string, kind uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(key{dns.CanonicalName(name), kind})
}

func (s *Server) remove(k key) {
	var kept []dns.RR
	for _, rr := range s.records[k.name] {
		if k.kind != dns.TypeANY && rr.Header().Rrtype != k.kind {
			kept = append(kept, rr)
		}
	}
	if s.records[k.name] = kept; kept == nil {
		delete(s.records, k.name)
	}
}

// Negative sets how long a negative answer may be kept, in seconds (30).
func (s *Server) Negative(seconds uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.negative = seconds
}

// Behave sets how the server answers from now on.
func (s *Server) Behave(b Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.usual = b
}

// BehaveFor sets how it answers one question, instead of the usual.
func (s *Server) BehaveFor(name string, kind uint16, b Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.special[key{dns.CanonicalName(name), kind}] = b
}

// Queries counts the queries for a name and type received so far, each
// transmission, over UDP and TCP.
func (s *Server) Queries(name string, kind uint16) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[key{dns.CanonicalName(name), kind}]
}

// Total counts all queries received so far.
func (s *Server) Total() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, asked := range s.asked {
		n += asked
	}
	return n
}
