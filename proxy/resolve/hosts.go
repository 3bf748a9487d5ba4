package resolve

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Bounds and times of the hosts file, our choices.
const (
	maxHostsBytes = 1 << 20          // what is behind is not read: the file of an ad blocker
	maxHostAddrs  = 64               // of one name, both families
	hostsTTL      = 10 * time.Second // how long an answer from it lives
)

// hosts is what /etc/hosts says (hosts(5)), read again when it changed.
type hosts struct {
	mu      sync.Mutex // guards what follows
	path    string
	looked  time.Time
	written time.Time // modification time and size of what was read
	size    int64
	names   map[string][]netip.Addr // by name in lower case, in the order of the file
}

// find returns the addresses of a name among the families given, at most 16.
// One that is there in other families only is left to DNS.
func (h *hosts) find(name string, ipv4, ipv6 bool, now time.Time) (addrs []netip.Addr) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.look(now)
	for _, a := range h.names[strings.TrimSuffix(name, ".")] {
		if (a.Is4() && ipv4 || a.Is6() && ipv6) && len(addrs) < maxRecords {
			addrs = append(addrs, a)
		}
	}
	return addrs
}

// look reads the file when it is another than before. One that cannot be read
// changes nothing, one that is gone knows no names. mu is held.
func (h *hosts) look(now time.Time) {
	if !h.looked.IsZero() && now.Sub(h.looked) < reread {
		return
	}
	h.looked = now
	at, err := os.Stat(h.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		h.names, h.written, h.size = nil, time.Time{}, 0
		return
	case err != nil || at.ModTime().Equal(h.written) && at.Size() == h.size:
		return
	}
	f, err := os.Open(h.path)
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	if names, err := readHosts(io.LimitReader(f, maxHostsBytes)); err == nil {
		h.names, h.written, h.size = names, at.ModTime(), at.Size()
	}
}

// readHosts reads lines of an address and names. What is neither is passed over,
// and so is an address with a zone: no peer is configured by one.
func readHosts(r io.Reader) (map[string][]netip.Addr, error) {
	names := make(map[string][]netip.Addr)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxHostsBytes+1)
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		a, err := netip.ParseAddr(words[0])
		if err != nil || a.Zone() != "" || a.IsUnspecified() {
			continue
		}
		for _, name := range words[1:] {
			name = strings.ToLower(strings.TrimSuffix(name, "."))
			if a := a.Unmap(); len(names[name]) < maxHostAddrs && !slices.Contains(names[name], a) {
				names[name] = append(names[name], a)
			}
		}
	}
	return names, lines.Err()
}

// listed answers an address question from the hosts file; false: it does not
// know the name. The other family of a name that is there is proven absent.
func (l *lookup) listed(q question) (answer, bool) {
	c := &l.r.config
	if q.kind != dns.TypeA && q.kind != dns.TypeAAAA {
		return answer{}, false
	}
	now := c.Now()
	all := l.r.hosts.find(q.name, c.IPv4, c.IPv6, now)
	if len(all) == 0 {
		return answer{}, false
	}
	all = slices.DeleteFunc(all, func(a netip.Addr) bool { return a.Is4() != (q.kind == dns.TypeA) })
	return answer{addrs: all, proven: true, local: true, expires: now.Add(hostsTTL)}, true
}

// local reports whether the hosts file knows a host.
func (l *lookup) local(host string) bool {
	c := &l.r.config
	return len(l.r.hosts.find(host, c.IPv4, c.IPv6, c.Now())) > 0
}
