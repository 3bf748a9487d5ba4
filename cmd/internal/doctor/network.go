package doctor

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"releve/cmd/internal/config"
	"releve/cmd/internal/export"
)

// askTime bounds one question to DNS.
const askTime = 3 * time.Second

// peer is somebody that calls go to.
type peer struct {
	name string
	uri  config.URI
}

func peers(c *config.Config) (out []peer) {
	for _, x := range c.IPBX {
		out = append(out, peer{x.Name, x.Address})
	}
	for _, s := range c.Servers {
		out = append(out, peer{s.Name, s.Address})
	}
	if !c.Rescue.IsZero() {
		out = append(out, peer{"rescue", c.Rescue})
	}
	return out
}

// ports tries each listening address; who has it, where it is taken.
func ports(c *config.Config, program string, running int) (out []Port) {
	for _, l := range c.Listen {
		out = append(out, try(carrier(l.Transport), l.Address, program, running, l.Transport))
	}
	if c.Admin.Listen.IsValid() {
		out = append(out, try("tcp", c.Admin.Listen, program, running, "admin tcp"))
	}
	return out
}

func carrier(transport string) string {
	if transport == "udp" {
		return "udp"
	}
	return "tcp"
}

func try(network string, at netip.AddrPort, program string, running int, shown string) Port {
	p := Port{Address: shown + " " + at.String(), State: Free}
	err := bind(network, at)
	switch {
	case err == nil:
	case errors.Is(err, syscall.EADDRINUSE):
		p.State = Taken
		if pid, name := holder(inodeOf(network, at)); pid != 0 {
			p.Holder, p.Ours = fmt.Sprintf("%s (%d)", name, pid), pid == running || name == program
		}
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		p.State = Absent
	case errors.Is(err, syscall.EACCES):
		p.State = Denied
	default:
		p.State, p.Why = Other, err.Error()
	}
	return p
}

func bind(network string, at netip.AddrPort) error {
	if network == "udp" {
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
		if err == nil {
			_ = c.Close()
		}
		return err
	}
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
	if err == nil {
		_ = l.Close()
	}
	return err
}

// inodeOf looks a bound address up in /proc/net; a socket on every address of
// the port holds it too.
func inodeOf(network string, at netip.AddrPort) string {
	wild := ""
	for _, file := range []string{network, network + "6"} {
		for line := range strings.Lines(contents("/proc/net/" + file)) {
			fields := strings.Fields(line)
			if len(fields) < 10 || network == "tcp" && fields[3] != "0A" { // 0A: LISTEN
				continue
			}
			local, ok := kernelAddress(fields[1])
			switch {
			case !ok || local.Port() != at.Port():
			case local.Addr() == at.Addr().Unmap():
				return fields[9]
			case local.Addr().IsUnspecified():
				wild = fields[9]
			}
		}
	}
	return wild
}

// kernelAddress reads "0100007F:13C4": words in the machine's byte order.
func kernelAddress(s string) (netip.AddrPort, bool) {
	host, port, _ := strings.Cut(s, ":")
	raw, err := hex.DecodeString(host)
	n, err2 := strconv.ParseUint(port, 16, 16)
	if err != nil || err2 != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(raw); i += 4 {
		binary.BigEndian.PutUint32(raw[i:], binary.NativeEndian.Uint32(raw[i:]))
	}
	a, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), ok
}

// mediaPorts tries the even ports for sound, when anything uses them.
func mediaPorts(c *config.Config) (m MediaFacts) {
	call, ok := c.TestCall()
	if (!ok || call.Expect != "audio") && c.Overflow.HoldPrompt == "" {
		return m
	}
	local, _ := c.MediaAt()
	m.Address = fmt.Sprintf("%s:%d-%d", local, c.Media.First, c.Media.Last)
	for port := int(c.Media.First+1) &^ 1; port <= int(c.Media.Last) && m.Count < 500; port += 2 {
		m.Count++
		if bind("udp", netip.AddrPortFrom(local, uint16(port))) == nil {
			m.Free++
		}
	}
	return m
}

// network asks DNS for every name, and the kernel for the way to every peer.
func network(ctx context.Context, c *config.Config, f *Facts) {
	resolver := net.DefaultResolver
	if len(c.DNS.Servers) > 0 {
		resolver = asking(c.DNS.Servers...)
	}
	var asked sync.WaitGroup
	known := map[string]*NameFacts{}
	for _, p := range peers(c) {
		if !p.uri.IsName() || known[p.uri.Host] != nil {
			continue
		}
		n := &NameFacts{Name: p.uri.Host}
		known[p.uri.Host] = n
		asked.Go(func() { resolve(ctx, resolver, p.uri, n) })
	}
	for _, host := range others(c) {
		if known[host] == nil {
			n := &NameFacts{Name: host}
			known[host] = n
			asked.Go(func() { resolve(ctx, resolver, config.URI{Host: host, Port: 1}, n) }) // no SRV: it is no SIP name
		}
	}
	var answers []ResolverFacts
	if len(known) > 0 {
		answers = make([]ResolverFacts, len(c.DNS.Servers))
		for i, s := range c.DNS.Servers {
			asked.Go(func() { answers[i] = answering(ctx, s) })
		}
	}
	asked.Wait()
	for _, n := range known {
		f.Names = append(f.Names, *n)
	}
	slices.SortFunc(f.Names, func(a, b NameFacts) int { return strings.Compare(a.Name, b.Name) })
	f.Resolvers = answers
	for _, p := range peers(c) {
		at := p.uri.Addr
		if n := known[p.uri.Host]; n != nil && len(n.Addresses) > 0 {
			at = netip.AddrPortFrom(n.Addresses[0], 5060)
		}
		if at.IsValid() {
			f.Paths = append(f.Paths, path(p.name, at))
		}
	}
}

// others are the names of the configuration beside the SIP ones.
func others(c *config.Config) (out []string) {
	addresses := append([]string{c.Mirror.Main.URL, c.Mirror.Mirror.URL, c.Alarms.Mail.SMTP, c.Store.Postgres}, c.Alarms.SNMP.Targets...)
	for i := range c.Alarms.Webhooks {
		addresses = append(addresses, c.Alarms.Webhooks[i].Address())
	}
	for _, s := range c.Alarms.Syslogs {
		addresses = append(addresses, s.Address)
	}
	for _, address := range addresses {
		for _, host := range export.Hosts(address) {
			if _, err := netip.ParseAddr(host); err != nil {
				out = append(out, host)
			}
		}
	}
	return out
}

// asking is a resolver that asks the given servers, one after the other.
func asking(servers ...netip.AddrPort) *net.Resolver {
	var mu sync.Mutex
	next := 0
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		mu.Lock()
		s := servers[next%len(servers)]
		next++
		mu.Unlock()
		var d net.Dialer
		return d.DialContext(ctx, network, s.String())
	}}
}

// resolve finds the addresses of a name: its own, or those of its SRV records
// (RFC 3263 §4.2).
func resolve(ctx context.Context, r *net.Resolver, u config.URI, n *NameFacts) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	start := time.Now()
	defer func() { n.Took = time.Since(start) }()
	var err error
	if u.Port == 0 {
		for _, service := range [][2]string{{"sips", "tcp"}, {"sip", "tcp"}, {"sip", "udp"}} {
			_, records, srvErr := r.LookupSRV(ctx, service[0], service[1], u.Host)
			for _, record := range records {
				found, _ := r.LookupNetIP(ctx, "ip", strings.TrimSuffix(record.Target, "."))
				n.add(found)
			}
			err = srvErr
		}
	}
	found, hostErr := r.LookupNetIP(ctx, "ip", u.Host)
	n.add(found)
	if len(n.Addresses) > 0 {
		return
	}
	if hostErr != nil {
		err = hostErr
	}
	n.Why = plainDNS(err)
}

func (n *NameFacts) add(found []netip.Addr) {
	for _, a := range found {
		if a = a.Unmap(); !slices.Contains(n.Addresses, a) {
			n.Addresses = append(n.Addresses, a)
		}
	}
}

func plainDNS(err error) string {
	var d *net.DNSError
	switch {
	case errors.As(err, &d):
		return d.Err
	case err != nil:
		return err.Error()
	}
	return "-"
}

// answering asks one server; whatever it says, it answers.
func answering(ctx context.Context, s netip.AddrPort) ResolverFacts {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	start := time.Now()
	_, err := asking(s).LookupNS(ctx, ".")
	out := ResolverFacts{Server: s.String(), Took: time.Since(start)}
	var d *net.DNSError
	out.Silent = err != nil && !(errors.As(err, &d) && d.IsNotFound) && !strings.Contains(err.Error(), "server misbehaving")
	return out
}

// path asks the kernel's routing table; nothing is sent.
func path(name string, at netip.AddrPort) PathFacts {
	p := PathFacts{Peer: name, Address: at.Addr().String()}
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(at))
	if err != nil {
		var call *os.SyscallError
		if errors.As(err, &call) {
			err = call.Err
		}
		p.Why = err.Error()
		return p
	}
	defer c.Close()
	local := c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
	p.Local = local.String()
	p.Interface = interfaceOf(local)
	raw, err := c.SyscallConn()
	if err != nil {
		return p
	}
	_ = raw.Control(func(fd uintptr) {
		level, option := unix.IPPROTO_IP, unix.IP_MTU
		if at.Addr().Is6() && !at.Addr().Is4In6() {
			level, option = unix.IPPROTO_IPV6, unix.IPV6_MTU
		}
		if mtu, err := unix.GetsockoptInt(int(fd), level, option); err == nil {
			p.MTU = mtu
		}
	})
	return p
}

func interfaceOf(a netip.Addr) string {
	all, _ := net.Interfaces()
	for _, i := range all {
		addresses, _ := i.Addrs()
		for _, have := range addresses {
			if n, ok := have.(*net.IPNet); ok {
				if ip, ok := netip.AddrFromSlice(n.IP); ok && (ip.Unmap() == a || a.IsLoopback() && i.Flags&net.FlagLoopback != 0) {
					return i.Name
				}
			}
		}
	}
	return "?"
}
