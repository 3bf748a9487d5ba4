package moves

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// network is how the way between Relève and its registrar is.
type network struct {
	loss  float64       // probability that a datagram is lost, each way
	twice float64       // that it comes twice
	late  float64       // that it (or its double) comes late, behind others
	most  time.Duration // how late at most
	deaf  bool          // nothing passes
	mute  bool          // no REGISTER passes
	other bool          // answers come from the IPBX's second address
}

// claim is a REGISTER that asks for a binding, as it left Relève.
type claim struct {
	user string
	at   time.Time
}

// maxClaims bounds the claims remembered of one move.
const maxClaims = 10_000

// relay carries datagrams between Relève and a registrar and fails as told. It
// says nothing itself and changes nothing. Safe for concurrent use.
type relay struct {
	front, second, back *net.UDPConn
	registrar           netip.AddrPort
	done                sync.WaitGroup

	mu     sync.Mutex // guards what follows
	random *rand.Rand
	net    network
	peer   netip.AddrPort // Relève
	claims []claim
	closed bool
	trace  io.Writer // nil: none
}

// newRelay opens the IPBX's address, its second address, and the one from which
// it speaks to the registrar, all at port 5060: a registrar that ignores rport
// reaches it too.
func newRelay(front, second, back netip.Addr, registrar netip.AddrPort, random *rand.Rand) (*relay, error) {
	r := &relay{registrar: registrar, random: random}
	for _, s := range []struct {
		at   netip.Addr
		conn **net.UDPConn
	}{{front, &r.front}, {second, &r.second}, {back, &r.back}} {
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(s.at, 5060)))
		if err != nil {
			r.close()
			return nil, fmt.Errorf("open the relay: %w", err)
		}
		*s.conn = conn
	}
	r.done.Add(3)
	go r.read(r.front, r.up)
	go r.read(r.second, r.up)
	go r.read(r.back, r.down)
	return r, nil
}

func (r *relay) close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	for _, c := range []*net.UDPConn{r.front, r.second, r.back} {
		if c != nil {
			_ = c.Close()
		}
	}
	r.done.Wait()
}

func (r *relay) read(conn *net.UDPConn, pass func([]byte, netip.AddrPort)) {
	defer r.done.Done()
	buf := make([]byte, 65535)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error of an earlier datagram: the registrar is down
		}
		pass(bytes.Clone(buf[:n]), netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
	}
}

// up carries what comes from Relève.
func (r *relay) up(raw []byte, from netip.AddrPort) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.peer = from
	register := bytes.HasPrefix(raw, []byte("REGISTER "))
	if user, ok := claims(raw); register && ok && len(r.claims) < maxClaims {
		r.claims = append(r.claims, claim{user, time.Now()})
	}
	r.carry(">", raw, register, func() { _, _ = r.back.WriteToUDPAddrPort(raw, r.registrar) }) // lost, as UDP may
}

// down carries what comes from the registrar.
func (r *relay) down(raw []byte, from netip.AddrPort) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if from.Addr() != r.registrar.Addr() || !r.peer.IsValid() {
		return
	}
	conn, peer := r.front, r.peer
	if r.net.other {
		conn = r.second
	}
	register := bytes.Contains(raw, []byte(" REGISTER\r\n"))
	r.carry("<", raw, register, func() { _, _ = conn.WriteToUDPAddrPort(raw, peer) })
}

// carry sends a datagram as the network of the moment would.
func (r *relay) carry(way string, raw []byte, register bool, send func()) {
	n := r.net
	if n.deaf || n.mute && register || r.random.Float64() < n.loss {
		r.note(way, "lost", raw)
		return
	}
	copies := 1
	if r.random.Float64() < n.twice {
		copies = 2
	}
	for range copies {
		if n.most > 0 && r.random.Float64() < n.late {
			late := time.Duration(r.random.Int64N(int64(n.most)))
			r.note(way, fmt.Sprintf("in %s", late.Round(time.Millisecond)), raw)
			time.AfterFunc(late, send)
			continue
		}
		r.note(way, "", raw)
		send()
	}
}

// note writes a datagram and its fate down.
func (r *relay) note(way, fate string, raw []byte) {
	if r.trace != nil {
		fmt.Fprintf(r.trace, "%s %s %s\n%s", time.Now().Format(stamp), way, fate, raw) // a page for who looks; its loss costs nothing
	}
}

// set changes the network from now on.
func (r *relay) set(n network) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.net = n
}

// watch forgets the claims seen so far.
func (r *relay) watch() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.claims = nil
}

// seen are the claims since watch.
func (r *relay) seen() []claim {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.claims)
}

// claims says whose binding a REGISTER asks for: one with a Contact and an
// expiry that is not 0.
func claims(raw []byte) (user string, ok bool) {
	expires := []byte("1")
	contact := false
	for line := range bytes.Lines(raw) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch value = bytes.TrimSpace(value); string(name) {
		case "To":
			_, value, _ = bytes.Cut(value, []byte("sip:"))
			value, _, _ = bytes.Cut(value, []byte("@"))
			user = string(value)
		case "Contact":
			contact = !bytes.Contains(value, []byte(";expires=0"))
		case "Expires":
			expires = value
		}
	}
	return user, contact && string(expires) != "0"
}
