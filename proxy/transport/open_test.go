package transport

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// heard is one call of a Handler.
type heard struct {
	flow   Flow
	raw    string
	failed bool
	cause  Cause
}

// recorder is a Handler that keeps what it is told.
type recorder struct {
	mu      sync.Mutex
	all     []heard
	changed chan struct{}
	receive func(f Flow, raw []byte) // also called, if set
}

func newRecorder() *recorder { return &recorder{changed: make(chan struct{}, 1)} }

func (r *recorder) Receive(f Flow, raw []byte) {
	if r.receive != nil {
		r.receive(f, raw)
	}
	r.add(heard{flow: f, raw: string(raw)})
}

func (r *recorder) Failed(f Flow, c Cause) { r.add(heard{flow: f, failed: true, cause: c}) }

func (r *recorder) add(h heard) {
	r.mu.Lock()
	r.all = append(r.all, h)
	r.mu.Unlock()
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

func (r *recorder) list() []heard {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

// wait returns all once ok holds of it.
func (r *recorder) wait(t *testing.T, what string, ok func(all []heard) bool) []heard {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		if all := r.list(); ok(all) {
			return all
		}
		select {
		case <-r.changed:
		case <-deadline:
			t.Fatalf("%s: not within 10 s; heard %+v", what, r.list())
		}
	}
}

// count waits for n messages.
func (r *recorder) count(t *testing.T, n int) []heard {
	t.Helper()
	return r.wait(t, "messages", func(all []heard) bool { return len(all) >= n })
}

// until polls a condition that no event announces.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 10 s", what)
		}
	}
}

func addr(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// start opens and starts a transport that the test closes.
func start(t *testing.T, c Config, h Handler) *Transport { return startWith(t, c, h, defaultLimits()) }

func startWith(t *testing.T, c Config, h Handler, l limits) *Transport {
	t.Helper()
	tr, err := open(c, h, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	tr.Start()
	return tr
}

func onUDP(a string) Config { return Config{Listen: []Listener{{Network: UDP, Addr: addr(a)}}} }
func onTCP(a string) Config { return Config{Listen: []Listener{{Network: TCP, Addr: addr(a)}}} }

// party opens a plain UDP socket of another party.
func party(t *testing.T, a string) (*net.UDPConn, netip.AddrPort) {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr(a)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return c, c.LocalAddr().(*net.UDPAddr).AddrPort()
}

func TestConfigRefused(t *testing.T) {
	udp := Listener{Network: UDP, Addr: addr("127.0.0.1:0")}
	secured := newSite(t).on("127.0.0.1:0").TLS
	for _, c := range []struct {
		name, want string
		config     Config
	}{
		{"no listener", "0 listeners", Config{}},
		{"no certificate", "give tls.certificate", Config{Listen: []Listener{{Network: TLS, Addr: udp.Addr}}}},
		{"no network", "none of udp", Config{Listen: []Listener{{Network: 3, Addr: udp.Addr}}}},
		{"no address", "give host and port", Config{Listen: []Listener{{Network: UDP}}}},
		{"wildcard", "advertise must say", Config{Listen: []Listener{{Network: UDP, Addr: addr("0.0.0.0:0")}}}},
		{"peer without listener", "no listener 1", Config{Listen: []Listener{udp}, Peers: []Peer{{Addr: addr("127.0.0.2:5060"), Listener: 1}}}},
		{"families", "family", Config{Listen: []Listener{udp}, Peers: []Peer{{Addr: addr("[::1]:5060"), Listener: 0}}}},
		{"peer without port", "host and port", Config{Listen: []Listener{udp}, Peers: []Peer{{Addr: addr("127.0.0.2:0"), Listener: 0}}}},
		{"peer's domain", "no domain", Config{Listen: []Listener{{Network: TLS, Addr: udp.Addr}}, TLS: secured, Peers: []Peer{{Addr: addr("127.0.0.2:5061"), Domain: "*.example"}}}},
		{"message size", "1300", Config{Listen: []Listener{udp}, MaxMessage: 70000}},
	} {
		tr, err := New(c.config, newRecorder())
		if err == nil {
			tr.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

// A second process on the same address would get half of the datagrams.
func TestSecondStartRefused(t *testing.T) {
	far, to := party(t, "127.0.31.2:0")
	defer func() { _ = far.Close() }()
	c := onUDP("127.0.31.1:0")
	c.Peers = []Peer{{Addr: to}}
	first := start(t, c, newRecorder())
	if got := first.Counters().PeersConnected; got != 1 {
		t.Fatalf("%d peers connected, want 1", got)
	}
	c.Listen[0].Addr = first.Addr(0)
	if second, err := New(c, newRecorder()); err == nil {
		second.Close()
		t.Fatal("a second transport on the same address was accepted")
	}
}

func TestSentBy(t *testing.T) {
	for _, c := range []struct{ advertise, addr, want string }{
		{"", "10.0.0.5:5060", "10.0.0.5:5060"},
		{"", "[2001:db8::5]:5070", "[2001:db8::5]:5070"},
		{"10.20.0.5", "0.0.0.0:5060", "10.20.0.5"},
		{"10.20.0.5", "0.0.0.0:5070", "10.20.0.5:5070"},
		{"10.20.0.5:5099", "0.0.0.0:5070", "10.20.0.5:5099"},
		{"2001:db8::5", "[::]:5060", "[2001:db8::5]"},
		{"[2001:db8::5]", "[::]:5070", "[2001:db8::5]:5070"},
		{"[2001:db8::5]:5099", "[::]:5070", "[2001:db8::5]:5099"},
		{"releve.example", "0.0.0.0:5070", "releve.example:5070"},
	} {
		if got := sentBy(UDP, c.advertise, addr(c.addr)); got != c.want {
			t.Errorf("sentBy(%q, %s) = %q, want %q", c.advertise, c.addr, got, c.want)
		}
	}
}

func TestClosed(t *testing.T) {
	c := Config{Listen: []Listener{{Network: UDP, Addr: addr("127.0.31.3:0")}, {Network: TCP, Addr: addr("127.0.31.3:0")}}}
	for _, started := range []bool{false, true} {
		tr, err := New(c, newRecorder())
		if err != nil {
			t.Fatal(err)
		}
		if started {
			tr.Start()
		}
		tr.Close()
		tr.Close()
		for i, n := range []Network{UDP, TCP} {
			f := Flow{Listener: uint8(i), Network: n, Remote: addr("127.0.31.4:9")}
			if err := tr.Send(f, []byte("x")); err != ErrClosed {
				t.Errorf("started %v: Send on %s after Close: %v, want ErrClosed", started, n, err)
			}
		}
	}
}
