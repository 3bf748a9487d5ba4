package transport

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A refused peer is reported, and only that one; strangers are still heard.
func TestRefusedPeerAlone(t *testing.T) {
	for _, ip := range []struct{ name, us, healthy, dead, stranger string }{
		{"IPv4", "127.0.32.1:0", "127.0.32.2:0", "127.0.32.3:0", "127.0.32.4:0"},
		{"IPv6", "[::1]:0", "[::1]:0", "[::1]:0", "[::1]:0"},
		{"IPv4 on an IPv6 wildcard", "[::]:0", "127.0.32.5:0", "127.0.32.6:0", "127.0.32.7:0"},
		{"IPv4 wildcard", "0.0.0.0:0", "127.0.32.8:0", "127.0.32.9:0", "127.0.32.10:0"},
	} {
		t.Run(ip.name, func(t *testing.T) {
			healthy, healthyAt := party(t, ip.healthy)
			dead, deadAt := party(t, ip.dead)
			stranger, strangerAt := party(t, ip.stranger)
			c := onUDP(ip.us)
			c.Listen[0].Advertise = "releve.example"
			c.Peers = []Peer{{Addr: healthyAt}, {Addr: deadAt}}
			r := newRecorder()
			tr := start(t, c, r)
			if k := tr.Counters(); k.PeersConnected != 2 || k.PeersWaiting != 0 {
				t.Fatalf("%d peers connected, %d waiting", k.PeersConnected, k.PeersWaiting)
			}
			_ = dead.Close()

			send(t, tr, healthyAt, "to healthy")
			send(t, tr, deadAt, "to dead")
			all := r.count(t, 1)
			if want := (heard{flow: Flow{Remote: deadAt}, failed: true, cause: PortUnreachable}); all[0] != want {
				t.Fatalf("heard %+v, want %+v", all[0], want)
			}
			back := expect(t, healthy, "to healthy")
			write(t, healthy, back, "from healthy")
			write(t, stranger, back, "from stranger")
			r.wait(t, "both", func(all []heard) bool {
				return has(all, healthyAt, "from healthy") && has(all, strangerAt, "from stranger")
			})
			send(t, tr, strangerAt, "to stranger")
			if from := expect(t, stranger, "to stranger"); from != back {
				t.Fatalf("the stranger is answered from %s, the peer from %s", from, back)
			}
			// It comes back: the error of the past does not swallow a message.
			revived, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(deadAt))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = revived.Close() }()
			_ = revived.SetDeadline(time.Now().Add(10 * time.Second))
			send(t, tr, deadAt, "again")
			expect(t, revived, "again")
			if k := tr.Counters(); k.PortUnreachable != 1 || k.HostUnreachable != 0 || k.Sent != 4 || k.ReadErrors != 0 {
				t.Errorf("counters %+v", k)
			}
		})
	}
}

// Every refusal is noticed, by the reader or by a sender, and no datagram to a
// peer that lives again is lost to a pending error.
func TestRefusedWhileSending(t *testing.T) {
	dead, deadAt := party(t, "127.0.32.11:0")
	_ = dead.Close()
	c := onUDP("127.0.32.12:0")
	c.Peers = []Peer{{Addr: deadAt}}
	r := newRecorder()
	tr := start(t, c, r)
	msgs := []Outgoing{}
	for range 40 {
		msgs = append(msgs, Outgoing{Flow{Remote: deadAt}, []byte("OPTIONS")})
	}
	tr.SendBatch(msgs)
	for _, h := range r.count(t, 1) {
		if !h.failed || h.cause != PortUnreachable {
			t.Fatalf("heard %+v", h)
		}
	}
}

func TestStrangerRefusedGivesNothing(t *testing.T) {
	gone, goneAt := party(t, "127.0.32.13:0")
	_ = gone.Close()
	friend, friendAt := party(t, "127.0.32.14:0")
	c := onUDP("127.0.32.15:0")
	c.Peers = []Peer{{Addr: friendAt}}
	r := newRecorder()
	tr := start(t, c, r)
	send(t, tr, goneAt, "x")
	send(t, tr, friendAt, "ping me")
	write(t, friend, expect(t, friend, "ping me"), "here")
	if all := r.count(t, 1); len(all) != 1 || all[0].failed {
		t.Fatalf("heard %+v", all)
	}
}

func TestJudge(t *testing.T) {
	v4, router := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.254")
	v6 := netip.MustParseAddr("2001:db8::1")
	for _, c := range []struct {
		name   string
		e      sockError
		peer   netip.Addr
		cause  Cause
		failed bool
	}{
		{"port, from the peer", sockError{unix.ECONNREFUSED, originICMP, 3, 3, v4}, v4, PortUnreachable, true},
		{"port, from a firewall", sockError{unix.ECONNREFUSED, originICMP, 3, 3, router}, v4, HostUnreachable, true},
		{"port, from nobody", sockError{unix.ECONNREFUSED, originICMP, 3, 3, netip.Addr{}}, v4, HostUnreachable, true},
		{"host", sockError{unix.EHOSTUNREACH, originICMP, 3, 1, router}, v4, HostUnreachable, true},
		{"prohibited, from the peer", sockError{unix.EACCES, originICMP, 3, 13, v4}, v4, HostUnreachable, true},
		{"protocol, from the peer", sockError{unix.ENOPROTOOPT, originICMP, 3, 2, v4}, v4, HostUnreachable, true},
		{"parameter problem", sockError{unix.EPROTO, originICMP, 12, 0, v4}, v4, HostUnreachable, true},
		{"time exceeded", sockError{unix.EHOSTUNREACH, originICMP, 11, 0, router}, v4, 0, false},
		{"source quench", sockError{0, originICMP, 4, 0, v4}, v4, 0, false},
		{"fragmentation needed", sockError{unix.EMSGSIZE, originICMP, 3, 4, router}, v4, 0, false},
		{"IPv6 port, from the peer", sockError{unix.ECONNREFUSED, originICMP6, 1, 4, v6}, v6, PortUnreachable, true},
		{"IPv6 port, from a router", sockError{unix.ECONNREFUSED, originICMP6, 1, 4, router}, v6, HostUnreachable, true},
		{"IPv6 no route", sockError{unix.ENETUNREACH, originICMP6, 1, 0, router}, v6, HostUnreachable, true},
		{"IPv6 too big", sockError{unix.EMSGSIZE, originICMP6, 2, 0, router}, v6, 0, false},
		{"IPv6 time exceeded", sockError{unix.EHOSTUNREACH, originICMP6, 3, 0, router}, v6, 0, false},
		{"local, no neighbour", sockError{unix.EHOSTUNREACH, originLocal, 0, 0, netip.Addr{}}, v4, HostUnreachable, true},
		{"local, too big", sockError{unix.EMSGSIZE, originLocal, 0, 0, netip.Addr{}}, v4, 0, false},
	} {
		if cause, failed := c.e.judge(c.peer); cause != c.cause || failed != c.failed {
			t.Errorf("%s: %s %v, want %s %v", c.name, cause, failed, c.cause, c.failed)
		}
	}
}

func TestParseSockError(t *testing.T) {
	b := binary.NativeEndian.AppendUint32(nil, uint32(unix.ECONNREFUSED))
	b = append(b, originICMP, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	bare := b
	b = binary.NativeEndian.AppendUint16(b[:16:16], unix.AF_INET)
	b = append(b, 0, 0, 192, 0, 2, 1)
	want := sockError{unix.ECONNREFUSED, originICMP, 3, 3, netip.MustParseAddr("192.0.2.1")}
	if e, ok := parseSockError(b); !ok || e != want {
		t.Errorf("parsed %+v %v, want %+v", e, ok, want)
	}
	want.offender = netip.Addr{}
	if e, ok := parseSockError(bare); !ok || e != want {
		t.Errorf("without offender: %+v %v, want %+v", e, ok, want)
	}
	if _, ok := parseSockError(b[:15]); ok {
		t.Error("a short structure was parsed")
	}
}

func TestDatagramsNotHandedOver(t *testing.T) {
	friend, friendAt := party(t, "127.0.33.1:0")
	enemy, _ := party(t, "127.0.33.2:0")
	c := onUDP("127.0.33.3:0")
	c.MaxMessage = 1300
	c.Allow = func(a netip.Addr) bool { return a == friendAt.Addr() }
	r := newRecorder()
	tr := start(t, c, r)
	write(t, enemy, tr.Addr(0), "INVITE from a refused source")
	until(t, "refusal", func() bool { return tr.Counters().Refused == 1 })
	for _, s := range []string{"\r\n\r\n", "\x00\x00\x00\x00", "", "\r\n", "x", strings.Repeat("y", 1301)} {
		write(t, friend, tr.Addr(0), s)
	}
	fits := strings.Repeat("z", 1300)
	write(t, friend, tr.Addr(0), fits)
	if all := r.count(t, 1); len(all) != 1 || all[0].raw != fits {
		t.Fatalf("heard %+v", all)
	}
	k := tr.Counters()
	if k.KeepAlives != 2 || k.Runts != 3 || k.Oversized != 1 || k.Received != 1 || k.Refused != 1 {
		t.Errorf("counters %+v", k)
	}
}

// What a stranger sends reaches Config.Stranger alone, and only what came whole.
func TestStranger(t *testing.T) {
	friend, friendAt := party(t, "127.0.33.11:0")
	enemy, enemyAt := party(t, "127.0.33.12:0")
	heard := make(chan Flow, 8)
	c := onUDP("127.0.33.13:0")
	c.MaxMessage = 1300
	c.Allow = func(a netip.Addr) bool { return a == friendAt.Addr() }
	c.Stranger = func(f Flow, raw []byte) {
		if string(raw) == "hello" {
			heard <- f
		}
	}
	r := newRecorder()
	tr := start(t, c, r)
	write(t, enemy, tr.Addr(0), strings.Repeat("y", 1301))
	write(t, enemy, tr.Addr(0), "hello")
	if f := <-heard; f.Remote != enemyAt || f.Network != UDP {
		t.Errorf("from %+v", f)
	}
	write(t, friend, tr.Addr(0), "friend")
	if all := r.count(t, 1); len(all) != 1 || all[0].raw != "friend" {
		t.Errorf("the handler heard %+v", all)
	}
	if k := tr.Counters(); k.Refused != 2 || len(heard) != 0 {
		t.Errorf("%d refused, %d more heard", k.Refused, len(heard))
	}
}

func TestBatches(t *testing.T) {
	peer, peerAt := party(t, "127.0.33.4:0")
	other, otherAt := party(t, "127.0.33.5:0")
	var batches atomic.Int64
	c := onUDP("127.0.33.6:0")
	c.Peers = []Peer{{Addr: peerAt}}
	c.AfterBatch = func(uint8) { batches.Add(1) }
	r := newRecorder()
	tr, err := New(c, r)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	var msgs []Outgoing
	for i := range 150 {
		to := peerAt
		if i%3 == 0 {
			to = otherAt
		}
		msgs = append(msgs, Outgoing{Flow{Remote: to}, fmt.Appendf(nil, "message %d", i)})
	}
	msgs = append(msgs, Outgoing{Flow{Listener: 7, Remote: peerAt}, []byte("no such listener")}, Outgoing{Flow{Remote: peerAt}, nil})
	tr.SendBatch(msgs)
	for i := range 150 {
		if i%3 == 0 {
			expect(t, other, fmt.Sprintf("message %d", i))
		} else {
			expect(t, peer, fmt.Sprintf("message %d", i))
		}
	}
	if k := tr.Counters(); k.Sent != 150 || k.DroppedInvalid != 2 {
		t.Fatalf("counters %+v", k)
	}
	// What waits in the kernel is taken many at a time, in order.
	for i := range 100 {
		write(t, peer, tr.Addr(0), fmt.Sprintf("answer %d", i))
	}
	tr.Start()
	all := r.count(t, 100)
	for i, h := range all {
		if h.raw != fmt.Sprintf("answer %d", i) || h.flow != (Flow{Remote: peerAt}) {
			t.Fatalf("message %d is %+v", i, h)
		}
	}
	until(t, "four batches", func() bool { return batches.Load() >= 4 })
	if n := batches.Load(); n > 8 {
		t.Errorf("100 waiting datagrams came in %d batches of at most %d", n, batch)
	}
}

// What a socket heard before it was connected keeps its real source.
func TestPeerComesAndGoes(t *testing.T) {
	peer, peerAt := party(t, "127.0.33.7:0")
	r := newRecorder()
	tr := start(t, onUDP("127.0.33.8:0"), r)
	write(t, peer, tr.Addr(0), "before")
	r.count(t, 1)
	if err := tr.AddPeer(Peer{Addr: peerAt}); err != nil {
		t.Fatal(err)
	}
	write(t, peer, tr.Addr(0), "while")
	r.count(t, 2)
	tr.RemovePeer(Peer{Addr: peerAt})
	write(t, peer, tr.Addr(0), "after")
	for i, h := range r.count(t, 3) {
		if want := (heard{flow: Flow{Remote: peerAt}, raw: []string{"before", "while", "after"}[i]}); h != want {
			t.Errorf("heard %+v, want %+v", h, want)
		}
	}
	if k := tr.Counters(); k.Received != 3 || k.PeersConnected != 0 {
		t.Errorf("counters %+v", k)
	}
}

// A peer without a route waits, and is connected when there is one.
func TestPeerWithoutRoute(t *testing.T) {
	l := defaultLimits()
	l.peerRetry = time.Millisecond
	c := onUDP("127.0.33.9:0")
	c.Peers = []Peer{{Addr: addr("192.0.2.1:5060")}} // from a loopback address: no route
	tr := startWith(t, c, newRecorder(), l)
	if k := tr.Counters(); k.PeersWaiting+k.PeersConnected != 1 {
		t.Fatalf("counters %+v", k)
	}
	if err := tr.AddPeer(Peer{Addr: addr("127.0.33.9:9")}); err != nil || tr.Counters().PeersConnected == 0 {
		t.Fatalf("a peer beside it is not connected: %v", err)
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	peer, peerAt := party(t, "127.0.33.10:0")
	c := onUDP("127.0.33.11:0")
	c.Peers = []Peer{{Addr: peerAt}}
	got := make(chan struct{}, 1)
	h := &echo{got: got}
	_, h.other = party(t, "127.0.33.12:0")
	tr, err := New(c, h)
	if err != nil {
		t.Fatal(err)
	}
	h.tr = tr
	tr.Start()
	defer tr.Close()
	to, msg, in := tr.Addr(0), []byte("OPTIONS sip:x SIP/2.0\r\n\r\n"), make([]byte, 100)
	round := func() { // one datagram in, its echo out, both through the transport
		if _, err := peer.WriteToUDPAddrPort(msg, to); err != nil {
			t.Fatal(err)
		}
		<-got
		if _, _, err := peer.ReadFromUDPAddrPort(in); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(500, round); n >= 1 && !raceEnabled {
		t.Errorf("%v allocations per datagram received and sent", n)
	}
	h.stranger.Store(true) // now as a batch, to the peer and to a stranger
	if n := testing.AllocsPerRun(500, round); n >= 1 && !raceEnabled {
		t.Errorf("%v allocations per datagram received and batch sent", n)
	}
}

// echo sends back what it gets.
type echo struct {
	tr       *Transport
	got      chan struct{}
	stranger atomic.Bool
	other    netip.AddrPort
	batch    [3]Outgoing
}

func (e *echo) Receive(f Flow, raw []byte) {
	if e.stranger.Load() {
		e.batch = [3]Outgoing{{f, raw}, {Flow{Remote: e.other}, raw}, {Flow{Remote: e.other}, raw}}
		e.tr.SendBatch(e.batch[:])
	} else {
		_ = e.tr.Send(f, raw) // the test misses it when it fails
	}
	e.got <- struct{}{}
}
func (e *echo) Failed(Flow, Cause) {}

func send(t *testing.T, tr *Transport, to netip.AddrPort, raw string) {
	t.Helper()
	if err := tr.Send(Flow{Remote: to}, []byte(raw)); err != nil {
		t.Fatalf("send to %s: %v", to, err)
	}
}

func write(t *testing.T, c *net.UDPConn, to netip.AddrPort, raw string) {
	t.Helper()
	if to.Addr().IsUnspecified() {
		t.Fatal("not an address to write to")
	}
	if _, err := c.WriteToUDPAddrPort([]byte(raw), to); err != nil {
		t.Fatal(err)
	}
}

// expect reads one datagram and returns its source.
func expect(t *testing.T, c *net.UDPConn, want string) netip.AddrPort {
	t.Helper()
	b := make([]byte, maxDatagram)
	n, from, err := c.ReadFromUDPAddrPort(b)
	if err != nil || string(b[:n]) != want {
		t.Fatalf("read %q, %v; want %q", b[:n], err, want)
	}
	return normal(from)
}

func has(all []heard, from netip.AddrPort, raw string) bool {
	for _, h := range all {
		if h.flow.Remote == normal(from) && h.raw == raw {
			return true
		}
	}
	return false
}
