package wire

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"releve/proxy/transport"
)

// sender is what the proxy asks of a transport; both must have it.
type sender interface {
	Send(f transport.Flow, raw []byte) error
	SendBatch(msgs []transport.Outgoing)
	SentBy(listener int) string
	Addr(listener int) netip.AddrPort
}

var (
	_ sender = (*transport.Transport)(nil)
	_ sender = (*Party)(nil)
)

const ms = time.Millisecond

func at(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

var (
	ibx, us, server = at("10.0.0.1:5060"), at("10.0.0.2:5060"), at("10.0.0.3:5060")
	udp             = transport.Config{Listen: []transport.Listener{{Network: transport.UDP, Addr: us}}}
)

// party notes what it is told, with the time since the start, and echoes.
type party struct {
	start time.Time
	me    *Party
	log   []string
	kept  []byte
}

func (p *party) Receive(f transport.Flow, raw []byte) {
	p.log = append(p.log, fmt.Sprintf("%v %s %s %s", time.Since(p.start), f.Network, f.Remote, raw))
	p.kept = raw
	if text, ok := strings.CutPrefix(string(raw), "echo "); ok {
		_ = p.me.Send(f, []byte(text)) // the test misses it when it fails
	}
}

func (p *party) Failed(f transport.Flow, c transport.Cause) {
	p.log = append(p.log, fmt.Sprintf("%v %s %s failed: %s", time.Since(p.start), f.Network, f.Remote, c))
}

func attach(t *testing.T, n *Net, c transport.Config) *party {
	t.Helper()
	p := &party{start: time.Now()}
	me, err := n.Attach(c, p)
	if err != nil {
		t.Fatal(err)
	}
	p.me = me
	return p
}

func endpoint(t *testing.T, n *Net, network transport.Network, a netip.AddrPort) *Endpoint {
	t.Helper()
	e, err := n.Endpoint(network, a)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func recv(t *testing.T, e *Endpoint, want string) netip.AddrPort {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	from, raw, err := e.Recv(ctx)
	if err != nil || string(raw) != want {
		t.Fatalf("received %q, %v; want %q", raw, err, want)
	}
	return from
}

// say sends and fails the test when that fails.
func say(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, p *party, lines ...string) {
	t.Helper()
	synctest.Wait()
	if !slices.Equal(p.log, lines) {
		t.Fatalf("got\n%s\nwant\n%s", strings.Join(p.log, "\n"), strings.Join(lines, "\n"))
	}
}

func bubble(t *testing.T, c Config, f func(t *testing.T, n *Net)) {
	synctest.Test(t, func(t *testing.T) {
		n := New(c)
		defer n.Close()
		f(t, n)
	})
}

func TestDatagrams(t *testing.T) {
	bubble(t, Config{Latency: 5 * ms}, func(t *testing.T, n *Net) {
		var after []uint8
		c := transport.Config{
			Listen: []transport.Listener{
				{Network: transport.UDP, Addr: us, Advertise: "releve.example"},
				{Network: transport.UDP, Addr: at("10.0.0.2:5070")},
			},
			Allow:      func(a netip.Addr) bool { return a == ibx.Addr() },
			AfterBatch: func(l uint8) { after = append(after, l) },
		}
		p := attach(t, n, c)
		e, enemy := endpoint(t, n, transport.UDP, ibx), endpoint(t, n, transport.UDP, server)
		say(t, e.Send(us, []byte("echo one")))
		say(t, enemy.Send(us, []byte("refused source")))
		if from := recv(t, e, "one"); from != us || time.Since(p.start) != 10*ms {
			t.Fatalf("answered from %s after %v", from, time.Since(p.start))
		}
		say(t, e.Send(at("10.0.0.2:5070"), []byte("echo two")))
		if from := recv(t, e, "two"); from != at("10.0.0.2:5070") {
			t.Fatalf("answered from %s", from)
		}
		want(t, p, "5ms UDP 10.0.0.1:5060 echo one", "15ms UDP 10.0.0.1:5060 echo two")
		if !slices.Equal(after, []uint8{0, 1}) {
			t.Errorf("AfterBatch for %v", after)
		}
		if strings.Trim(string(p.kept), "!") != "" {
			t.Errorf("kept bytes read %q", p.kept)
		}
		if p.me.SentBy(0) != "releve.example" || p.me.SentBy(1) != "10.0.0.2:5070" || p.me.Addr(0) != us {
			t.Error("addresses", p.me.SentBy(0), p.me.SentBy(1), p.me.Addr(0))
		}
		if _, err := n.Attach(c, p); err == nil {
			t.Error("an address was given twice")
		}
	})
}

func TestRefusedOnlyForPeers(t *testing.T) {
	bubble(t, Config{Latency: 5 * ms}, func(t *testing.T, n *Net) {
		c := udp
		c.Peers = []transport.Peer{{Addr: server}}
		p := attach(t, n, c)
		to, stranger := transport.Flow{Remote: server}, transport.Flow{Remote: at("10.0.0.9:5060")}
		say(t, p.me.Send(to, []byte("nobody there")))
		say(t, p.me.Send(stranger, []byte("nobody there")))
		time.Sleep(20 * ms)
		e := endpoint(t, n, transport.UDP, server)
		say(t, p.me.Send(to, []byte("hello")))
		recv(t, e, "hello")
		n.Refuse(server)
		say(t, p.me.Send(to, []byte("killed")))
		time.Sleep(15 * ms)
		n.Accept(server)
		n.Down(server.Addr())
		say(t, p.me.Send(to, []byte("switched off")))
		time.Sleep(10 * ms)
		n.Up(server.Addr())
		n.CutOneWay(us.Addr(), server.Addr())
		say(t, p.me.Send(to, []byte("cut")))
		say(t, e.Send(us, []byte("the other way")))
		time.Sleep(10 * ms)
		n.Heal(us.Addr(), server.Addr())
		say(t, p.me.Send(to, []byte("healed")))
		recv(t, e, "healed")
		e.Close()
		say(t, p.me.Send(to, []byte("closed")))
		time.Sleep(10 * ms)
		want(t, p,
			"10ms UDP 10.0.0.3:5060 failed: port unreachable",
			"35ms UDP 10.0.0.3:5060 failed: port unreachable",
			"55ms UDP 10.0.0.3:5060 the other way",
			"75ms UDP 10.0.0.3:5060 failed: port unreachable")
		if s := n.Stats(); s.Refused != 4 || s.Cut != 2 || s.Delivered != 3 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestFirstInFirstOut(t *testing.T) {
	bubble(t, Config{Seed: 1, Latency: 5 * ms, Jitter: 50 * ms}, func(t *testing.T, n *Net) {
		a, b := endpoint(t, n, transport.UDP, ibx), endpoint(t, n, transport.UDP, server)
		for i := range 100 {
			say(t, a.Send(server, fmt.Append(nil, i)))
			time.Sleep(ms)
		}
		for i := range 100 {
			recv(t, b, fmt.Sprint(i))
		}
	})
}

// The same seed gives the same run, another one another, whatever two parties
// that send at once make of the order of their goroutines.
func TestSeeded(t *testing.T) {
	run := func(seed uint64) (log []string, s Stats) {
		c := Config{
			Seed: seed, Latency: 5 * ms, Jitter: 3 * ms, Loss: 0.1, Duplicate: 0.1, Reorder: 0.1,
			Watch: func(at time.Time, from, _ netip.AddrPort, raw []byte) {
				log = append(log, fmt.Sprintf("%d %s %s", at.UnixNano(), from, raw))
			},
		}
		bubble(t, c, func(t *testing.T, n *Net) {
			endpoint(t, n, transport.UDP, us)
			for _, from := range []netip.AddrPort{ibx, server} {
				e := endpoint(t, n, transport.UDP, from)
				go func() {
					for i := range 500 {
						_ = e.Send(us, fmt.Append(nil, i)) // missing in the log when it fails
						time.Sleep(ms)
					}
				}()
			}
			time.Sleep(time.Second)
			s = n.Stats()
		})
		return log, s
	}
	first, s := run(7)
	for range 3 {
		if again, _ := run(7); !slices.Equal(first, again) {
			t.Fatal("two runs of one seed differ")
		}
	}
	if other, _ := run(8); slices.Equal(first, other) {
		t.Fatal("two seeds give one run")
	}
	if s.Delivered+s.Lost != 1000+s.Duplicated {
		t.Errorf("packets do not add up: %+v", s)
	}
	for name, n := range map[string]uint64{"lost": s.Lost, "duplicated": s.Duplicated, "reordered": s.Reordered} {
		if n < 60 || n > 140 {
			t.Errorf("%d of 1000 %s, want about 100", n, name)
		}
	}
}

func TestStreams(t *testing.T) {
	hard := Config{Seed: 3, Latency: 5 * ms, Jitter: 20 * ms, Loss: 0.5, Duplicate: 0.5, Reorder: 0.5}
	bubble(t, hard, func(t *testing.T, n *Net) {
		c := udp
		c.Listen = []transport.Listener{{Network: transport.TCP, Addr: us}}
		p := attach(t, n, c)
		e := endpoint(t, n, transport.TCP, server)
		to := transport.Flow{Network: transport.TCP, Remote: server}
		for i := range 50 {
			say(t, p.me.Send(to, fmt.Append(nil, i)))
		}
		var m Message
		for i := range 50 {
			var err error
			if m, err = e.RecvMessage(t.Context()); err != nil || string(m.Raw) != fmt.Sprint(i) {
				t.Fatalf("message %d is %q, %v", i, m.Raw, err)
			}
		}
		if m.From.Addr() != us.Addr() || m.From.Port() == us.Port() || m.Flow.Conn == 0 {
			t.Fatalf("dialed from %s, flow %+v", m.From, m.Flow)
		}
		say(t, e.SendFlow(m.Flow, []byte("echo back")))
		recv(t, e, "back")
		if len(p.log) != 1 {
			t.Fatalf("heard %q", p.log)
		}
	})
}

func TestStreamsThatEnd(t *testing.T) {
	bubble(t, Config{Latency: 5 * ms}, func(t *testing.T, n *Net) {
		c := udp
		c.Listen = []transport.Listener{{Network: transport.TCP, Addr: us}}
		p := attach(t, n, c)
		to := transport.Flow{Network: transport.TCP, Remote: server}
		say(t, p.me.Send(to, []byte("refused"))) // told after the dial: 15 ms
		time.Sleep(time.Second)
		e := endpoint(t, n, transport.TCP, server)
		say(t, p.me.Send(to, []byte("one")))
		recv(t, e, "one")
		n.Cut(us.Addr(), server.Addr())
		say(t, p.me.Send(to, []byte("two")))
		say(t, p.me.Send(to, []byte("three")))
		time.Sleep(2 * time.Second)
		n.Heal(us.Addr(), server.Addr()) // soon enough: nothing is lost
		recv(t, e, "two")
		recv(t, e, "three")
		n.Refuse(server) // killed
		time.Sleep(time.Second)
		n.Accept(server)
		n.Down(server.Addr())
		say(t, p.me.Send(to, []byte("dial in vain")))
		time.Sleep(5 * time.Second)
		n.Up(server.Addr())
		say(t, p.me.Send(to, []byte("four")))
		recv(t, e, "four")
		n.Down(server.Addr())
		say(t, p.me.Send(to, []byte("lost")))
		time.Sleep(9 * time.Second)
		synctest.Wait()
		causes := make([]string, 0, len(p.log))
		for _, l := range p.log {
			_, cause, _ := strings.Cut(l, "failed: ")
			causes = append(causes, cause)
		}
		if want := []string{"port unreachable", "port unreachable", "host unreachable", "connection lost"}; !slices.Equal(causes, want) {
			t.Fatalf("told %q, want %q", p.log, want)
		}
	})
}

// A dead process: what it sends is refused, those who dialed it are told.
func TestClose(t *testing.T) {
	bubble(t, Config{Latency: 5 * ms}, func(t *testing.T, n *Net) {
		c := udp
		c.Listen = []transport.Listener{{Network: transport.TCP, Addr: us}, {Network: transport.UDP, Addr: us}}
		p := attach(t, n, c)
		tcp, dgram := endpoint(t, n, transport.TCP, ibx), endpoint(t, n, transport.UDP, ibx)
		say(t, tcp.Send(us, []byte("echo hello")))
		recv(t, tcp, "hello")
		p.me.Close()
		say(t, dgram.Send(us, []byte("anybody?")))
		time.Sleep(time.Second)
		for name, e := range map[string]*Endpoint{"stream": tcp, "datagram": dgram} {
			if got := e.Failures(); !slices.Equal(got, []transport.Cause{transport.PortUnreachable}) {
				t.Errorf("%s: told %v", name, got)
			}
		}
		if err := p.me.Send(transport.Flow{Remote: ibx, Network: transport.TCP}, []byte("x")); err != transport.ErrClosed {
			t.Errorf("Send after Close: %v", err)
		}
	})
}
