package resolve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// muted is how long a server that was silent is asked last: our choice, long
// enough that a dead first server does not cost each call a timeout.
const muted = 30 * time.Second

// reread is how often resolv.conf is looked at, at most.
const reread = 5 * time.Second

// servers are the name servers in the order to ask.
type servers struct {
	mu      sync.Mutex // guards what follows
	path    string     // of resolv.conf; "": the list is configured
	list    []netip.AddrPort
	quiet   map[netip.AddrPort]time.Time // silent servers and when they are first again
	looked  time.Time
	written time.Time // modification time of what was read
}

func (s *servers) open(c Config) error {
	s.quiet = make(map[netip.AddrPort]time.Time)
	if len(c.Servers) > 0 {
		s.list = append(s.list, c.Servers...)
		return nil
	}
	s.path, s.looked = c.ResolvConf, c.Now()
	if at, err := os.Stat(s.path); err == nil {
		s.written = at.ModTime()
	}
	list, err := readConf(s.path)
	s.list = list
	return err
}

// readConf returns the servers of a resolv.conf, at most 8.
func readConf(path string) ([]netip.AddrPort, error) {
	local := []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:53")}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return local, nil
	}
	var conf *dns.ClientConfig
	if err == nil {
		conf, err = dns.ClientConfigFromReader(bytes.NewReader(text))
	}
	if err != nil {
		return nil, fmt.Errorf("read name servers: %w; mend %s or set dns.servers", err, path)
	}
	port, err := strconv.ParseUint(conf.Port, 10, 16)
	if err != nil {
		port = 53
	}
	var list []netip.AddrPort
	for _, s := range conf.Servers {
		if a, err := netip.ParseAddr(s); err == nil && len(list) < maxServers {
			list = append(list, netip.AddrPortFrom(a, uint16(port)))
		}
	}
	if len(list) == 0 {
		return local, nil
	}
	return list, nil
}

// ordered is the servers to ask now: silent ones last. A resolv.conf that
// changed is read again (DHCP writes it); one that cannot be read changes nothing.
func (s *servers) ordered(now time.Time) []netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.path != "" && now.Sub(s.looked) >= reread {
		s.looked = now
		if at, err := os.Stat(s.path); err == nil && !at.ModTime().Equal(s.written) {
			if list, err := readConf(s.path); err == nil {
				s.list, s.written = list, at.ModTime()
				clear(s.quiet)
			}
		}
	}
	first := make([]netip.AddrPort, 0, len(s.list))
	var last []netip.AddrPort
	for _, a := range s.list {
		if now.Before(s.quiet[a]) {
			last = append(last, a)
		} else {
			first = append(first, a)
		}
	}
	return append(first, last...)
}

// heard files whether a server answered.
func (s *servers) heard(a netip.AddrPort, answered bool, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if answered {
		delete(s.quiet, a)
	} else {
		s.quiet[a] = now.Add(muted)
	}
}

// query asks the servers in turn until one answers. silent: not one said
// anything, so that asking more is a waste of the caller's time.
func (r *Resolver) query(ctx context.Context, q question) (a answer, silent bool, err error) {
	silent, err = true, errServer
	list := r.servers.ordered(r.config.Now())
	for i, server := range list {
		if ctx.Err() != nil {
			return answer{}, silent, ctx.Err()
		}
		wait := r.config.Timeout
		if i < len(list)-1 {
			wait /= 2
		}
		a, err = r.queryServer(ctx, wait, server, q)
		said := err == nil || errors.Is(err, errServer)
		if ctx.Err() == nil { // else it was we who gave up
			r.servers.heard(server, said, r.config.Now())
		}
		if err == nil {
			return a, false, nil
		}
		silent = silent && !said
	}
	return answer{}, silent, err
}

// queryServer puts one question to one server: UDP with EDNS0, without it when
// the server does not know it, TCP when the answer is cut or the socket is
// flooded with forgeries.
func (r *Resolver) queryServer(ctx context.Context, wait time.Duration, server netip.AddrPort, q question) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	network, edns := "udp", true
	for {
		m, err := r.exchange(ctx, network, server, q, edns)
		if errors.Is(err, errTruncated) && network == "udp" {
			network = "tcp"
			continue
		}
		if err != nil && network == "tcp" {
			return answer{}, errServer // it spoke over UDP
		}
		if err != nil {
			return answer{}, err
		}
		a, err := read(m, q, r.config.Now())
		switch {
		case errors.Is(err, errNoEDNS) && edns:
			edns = false
		case errors.Is(err, errTruncated) && network == "udp":
			network = "tcp"
		case errors.Is(err, errNoEDNS), errors.Is(err, errTruncated):
			return answer{}, errServer
		default:
			return a, err
		}
	}
}

// exchange sends one query on a socket of its own, hence from a port of the
// kernel's choice, under a random id (RFC 5452 §9.2), and waits for the answer.
func (r *Resolver) exchange(ctx context.Context, network string, server netip.AddrPort, q question, edns bool) (*dns.Msg, error) {
	select {
	case r.sockets <- struct{}{}:
		defer func() { <-r.sockets }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	r.queries.Add(1)
	conn, err := r.config.Dial(ctx, network, server.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	// A lookup that is given up must not sit in a Read.
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	id := dns.Id()
	raw, err := pack(q, id, edns)
	if err != nil {
		return nil, err
	}
	if network == "tcp" {
		return r.stream(conn, raw, id, q)
	}
	return r.datagram(ctx, conn, raw, id, q)
}

// pack writes a query that asks for recursion, with an EDNS0 size of 1,232
// bytes: what crosses every network in one piece.
func pack(q question, id uint16, edns bool) ([]byte, error) {
	m := new(dns.Msg)
	m.Id, m.RecursionDesired = id, true
	m.Question = []dns.Question{{Name: q.name, Qtype: q.kind, Qclass: dns.ClassINET}}
	if edns {
		m.SetEdns0(ednsSize, false)
	}
	return m.Pack()
}

const (
	ednsSize    = 1232
	maxForeign  = 32 // datagrams that match nothing, then TCP
	maxDatagram = 4096
)

// datagram sends twice at most, for a datagram may be lost, and reads until
// something matches.
func (r *Resolver) datagram(ctx context.Context, conn net.Conn, raw []byte, id uint16, q question) (*dns.Msg, error) {
	end, _ := ctx.Deadline()
	again := time.Now().Add(time.Until(end) / 2)
	if _, err := conn.Write(raw); err != nil {
		return nil, err
	}
	conn.SetReadDeadline(again)
	buf := make([]byte, maxDatagram)
	for foreign := 0; foreign < maxForeign; {
		n, err := conn.Read(buf)
		switch {
		case err != nil && ctx.Err() == nil && errors.Is(err, os.ErrDeadlineExceeded) && !again.IsZero():
			again = time.Time{}
			if _, err := conn.Write(raw); err != nil {
				return nil, err
			}
			conn.SetReadDeadline(end)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			continue
		case err != nil:
			return nil, err
		}
		m, err := match(buf[:n], id, q)
		if err == nil {
			return m, nil
		}
		foreign++
		r.spoofed.Add(1)
	}
	return nil, errTruncated
}
