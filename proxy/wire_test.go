package proxy

import (
	"bytes"
	stdcontext "context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"releve/proxy/agent"
	"releve/proxy/fork"
	"releve/proxy/message"
	"releve/proxy/transport"
	"releve/router"
	"releve/testbed/wire"
)

// The harness: the real Proxy and the real agent on an in-memory network, in a
// synctest bubble. The parties are scripted and speak in message bytes; what
// they receive is kept per address until take. Every test ends with the checks
// of settle: whatever the flow, nothing is left behind.

const ms = time.Millisecond

func at(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

var (
	addrIBX       = at("10.0.0.1:5060")
	addrIBX2      = at("10.0.0.2:5060")
	addrPrimary   = at("10.0.1.1:5060")
	addrSecondary = at("10.0.1.2:5060")
	addrUs        = at("10.0.0.5:5060")
	addrOverflow  = at("10.0.0.5:5070")
	addrStranger  = at("192.0.2.66:5060")
)

// got is one message as a party received it.
type got struct {
	at   time.Duration // since the start of the test
	from netip.AddrPort
	raw  string
}

// bed is one test's world.
type bed struct {
	*testing.T
	net   *wire.Net
	party *wire.Party
	conn  atomic.Uint32 // which takes what goes by a stream; 0: that is not said
	p     *Proxy
	agent *agent.Agent
	cfg   Config
	start time.Time

	ibx, ibx2, primary, secondary, stranger *peer

	mu          sync.Mutex // guards what follows
	inbox       map[netip.AddrPort][]got
	records     []router.CallRecord
	overflows   int
	faults      []string
	passive     []router.Server
	granted     []int
	registering []Registration
	atOnce      RegisterReply    // given by the Register hook itself; Status 0: none is
	credentials []string         // "primary@0 refused"
	onHold      func()           // called by the Overflow hook
	onSend      func(raw []byte) // called before each message of ours

	full    atomic.Bool // our socket buffer takes nothing
	offered uint64      // by proxies of this bed that were stopped
	panics  uint64      // expected
	lost    bool        // a call was lost on purpose (restart): its record need not come
}

// peer is a scripted party.
type peer struct {
	b    *bed
	name string
	end  *wire.Endpoint
	addr netip.AddrPort
}

// setting changes the configuration of a bed.
type setting func(*Config)

func testKeys() *message.Keys {
	k, err := message.ParseKeys(message.AppendKey(nil, 1, bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		panic(err)
	}
	return k
}

func testConfig() Config {
	peer := func(name string, a netip.AddrPort) Peer { return Peer{Name: name, Addr: a} }
	return Config{
		Listeners: []Listener{
			{SentBy: addrUs.String()},
			{Network: transport.TCP, SentBy: addrUs.String()},
			{SentBy: addrOverflow.String(), Entry: router.OverflowEntry},
		},
		IPBXs: []IPBX{{Peer: peer("oxe", addrIBX)}, {Peer: peer("oxe-b", addrIBX2)}},
		Servers: [router.Servers]Server{
			router.Primary:   {Peer: peer("principal", addrPrimary), Lines: 8, User: "5001"},
			router.Secondary: {Peer: peer("secours", addrSecondary), Lines: 8, User: "5002"},
		},
		Policy: fork.Policy{
			ProgressTimeout: 2 * time.Second, AnswerTimeout: 8 * time.Second, HoldBudget: 20 * time.Second,
			TimerC: 181 * time.Second, Round: 2 * time.Second, Requeue: true, RejectStatus: 486,
			Automatic: true, IPBXs: 2,
		},
		ServiceNumbers: map[string]bool{"5000": true},
		Q850:           17, LocalRegister: true, Keys: testKeys(), Shards: 2,
	}
}

// normalView: the primary serves and nothing runs.
func normalView() router.View {
	return router.View{Epoch: 1, Phase: router.Normal, Active: router.Primary, Act: true}
}

// relayOnly: a view in which nothing is held, so that RFC 3261 shows bare.
func observing(c *Config) { c.Policy.Automatic = false }

func withDesk(c *Config) {
	c.RescueURI, c.Rescue, c.Policy.Rescue = "sip:9@10.0.0.2:5060", Peer{Name: "desk", Addr: addrIBX2}, true
}

// run runs f in a bubble and checks afterwards that nothing is left.
func run(t *testing.T, f func(b *bed), settings ...setting) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, settings...)
		defer b.close()
		f(b)
		if !t.Failed() {
			b.settle()
		}
	})
}

func (b *bed) close() {
	b.p.Close()
	b.agent.Close()
	b.net.Close()
}

func newBed(t *testing.T, settings ...setting) *bed {
	b := &bed{T: t, start: time.Now(), inbox: make(map[netip.AddrPort][]got), cfg: testConfig()}
	for _, s := range settings {
		s(&b.cfg)
	}
	b.net = wire.New(wire.Config{Watch: b.watch})
	listen := make([]transport.Listener, len(b.cfg.Listeners))
	for i, l := range b.cfg.Listeners {
		listen[i] = transport.Listener{Network: l.Network, Addr: at(l.SentBy)}
	}
	peers := []transport.Peer{{Addr: addrIBX}, {Addr: addrIBX2}, {Addr: addrPrimary}, {Addr: addrSecondary}}
	party, err := b.net.Attach(transport.Config{Listen: listen, Peers: peers}, b)
	if err != nil {
		t.Fatal(err)
	}
	b.party = party
	b.startProxy(normalView())
	b.ibx, b.ibx2 = b.peer("ibx", transport.UDP, addrIBX), b.peer("ibx2", transport.UDP, addrIBX2)
	b.primary, b.secondary = b.peer("primary", transport.UDP, addrPrimary), b.peer("secondary", transport.UDP, addrSecondary)
	b.stranger = b.peer("stranger", transport.UDP, addrStranger)
	return b
}

func (b *bed) startProxy(v router.View) {
	b.agent = agent.New(b.party, func(l uint8) string { return b.cfg.Listeners[l].SentBy })
	b.p = New(b.cfg, b, v, b.hooks())
	b.p.Start()
}

// restart replaces the proxy by a new one with the same keys and an empty memory.
func (b *bed) restart() {
	synctest.Wait()
	b.p.Close()
	b.agent.Close()
	b.offered += b.p.Stats.Offered.Load()
	b.lost = true
	b.startProxy(b.p.View())
}

func (b *bed) hooks() Hooks {
	locked := func(f func()) { b.mu.Lock(); defer b.mu.Unlock(); f() }
	return Hooks{
		Overflow: func(router.Server) {
			b.mu.Lock()
			b.overflows++
			f := b.onHold
			b.mu.Unlock()
			if f != nil {
				f()
			}
		},
		Record:      func(r router.CallRecord) { locked(func() { b.records = append(b.records, r) }) },
		PassiveCall: func(s router.Server) { locked(func() { b.passive = append(b.passive, s) }) },
		Register: func(r Registration) {
			if reply := b.atOnce; reply.Status != 0 {
				reply.Ticket = r.Ticket
				b.p.AnswerRegister(reply)
			}
			locked(func() { b.registering = append(b.registering, r) })
		},
		Registered: func(_ router.Server, e int) { locked(func() { b.granted = append(b.granted, e) }) },
		Own:        func(raw []byte, h *message.Head) bool { return b.agent.Response(raw, h) },
		Dismiss: func(f transport.Flow, invite, ok []byte, again bool) {
			invite, ok = append([]byte(nil), invite...), append([]byte(nil), ok...)
			answer := func(uri string, r agent.Result) [][]byte {
				return b.p.Answer(f, b.p.View().Active, "BYE", uri, r.Raw, r.Head)
			}
			go b.agent.Dismiss(f, invite, ok, again, b.p.Ours, answer)
		},
		Credentials: func(s router.Server, ipbx uint8, refused bool) {
			what := fmt.Sprintf("%s@%d taken", s, ipbx)
			if refused {
				what = fmt.Sprintf("%s@%d refused", s, ipbx)
			}
			locked(func() { b.credentials = append(b.credentials, what) })
		},
		Fault: func(what, _ string) { locked(func() { b.faults = append(b.faults, what) }) },
	}
}

// Receive and Failed are what app does.
func (b *bed) Receive(f transport.Flow, raw []byte) { b.p.Receive(f, raw) }

// Send is the Wire of the proxy.
func (b *bed) Send(f transport.Flow, raw []byte) error {
	if b.full.Load() {
		return transport.ErrFull
	}
	b.mu.Lock()
	sending := b.onSend
	b.mu.Unlock()
	if sending != nil {
		sending(raw)
	}
	return b.party.Send(f, raw)
}

// Carry is Send by the connection that the test says.
func (b *bed) Carry(f transport.Flow, raw []byte) (uint32, error) {
	return b.conn.Load(), b.Send(f, raw)
}

func (b *bed) Failed(f transport.Flow, c transport.Cause) {
	b.p.Failed(f, c)
	b.agent.Failed(f, c)
}

func (b *bed) peer(name string, n transport.Network, a netip.AddrPort) *peer {
	e, err := b.net.Endpoint(n, a)
	if err != nil {
		b.Fatal(err)
	}
	return &peer{b: b, name: name, end: e, addr: a}
}

// watch keeps what every party receives, and checks each message of ours.
func (b *bed) watch(now time.Time, from, to netip.AddrPort, raw []byte) {
	for i := range b.cfg.Listeners {
		if to == at(b.cfg.Listeners[i].SentBy) {
			return
		}
	}
	var h message.Head
	malformed := bytes.HasPrefix(raw, []byte("SIP/2.0 400")) // what was malformed may be missing there too
	if _, r, f := message.Scan(raw, &h); !malformed && (r != message.OK || h.End != len(raw)) {
		b.Errorf("a message to %s does not scan: %v %+v\n%s", to, r, f, raw)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inbox[to] = append(b.inbox[to], got{now.Sub(b.start), from, string(raw)})
}

// view publishes a change of the present view.
func (b *bed) view(change func(v *router.View)) {
	v := b.p.View()
	change(&v)
	b.p.SetView(v)
	synctest.Wait()
}

func (b *bed) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (b *bed) now() time.Duration { return time.Since(b.start) }

// send sends to our first listener.
func (p *peer) send(raw string) { p.sendTo(addrUs, raw) }

func (p *peer) sendTo(to netip.AddrPort, raw string) {
	p.b.Helper()
	if err := p.end.Send(to, []byte(raw)); err != nil {
		p.b.Fatal(err)
	}
	synctest.Wait()
}

// all takes everything received so far.
func (p *peer) all() []got {
	synctest.Wait()
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	m := p.b.inbox[p.addr]
	p.b.inbox[p.addr] = nil
	return m
}

// take takes the next message, whose start line must begin with one of want:
// "INVITE sip:…", "180", "200".
func (p *peer) take(want string) string {
	p.b.Helper()
	synctest.Wait()
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	m := p.b.inbox[p.addr]
	if len(m) == 0 {
		p.b.Fatalf("%s received nothing, want %s", p.name, want)
	}
	p.b.inbox[p.addr] = m[1:]
	if line := startLine(m[0].raw); !strings.HasPrefix(strings.TrimPrefix(line, "SIP/2.0 "), want) {
		p.b.Fatalf("%s received %q, want %s", p.name, line, want)
	}
	return m[0].raw
}

// silent fails when something was received.
func (p *peer) silent() {
	p.b.Helper()
	if m := p.all(); len(m) > 0 {
		p.b.Fatalf("%s received %q, want nothing", p.name, startLine(m[0].raw))
	}
}

// instants takes all and tells when each start line with prefix arrived.
func (p *peer) instants(prefix string) (out []time.Duration) {
	for _, m := range p.all() {
		if strings.HasPrefix(strings.TrimPrefix(startLine(m.raw), "SIP/2.0 "), prefix) {
			out = append(out, m.at)
		}
	}
	return out
}

// settle lets all clocks of RFC 3261 run out and checks that nothing is left:
// no context, no line, no waiting call, one record for each offered call.
func (b *bed) settle() {
	b.Helper()
	b.pass(5 * time.Minute)
	for _, s := range b.p.shards {
		s.mu.Lock()
		if n := len(s.registrations); n != 0 {
			b.Errorf("shard %d is left with %d REGISTERs that wait", s.index, n)
		}
		left := fmt.Sprintf("servers %d, clients %d, calling %d, byID %d, timers %d, tails %d",
			len(s.servers), len(s.clients), len(s.calling), len(s.byID), len(s.timers.h), s.tails.len())
		s.mu.Unlock()
		if left != "servers 0, clients 0, calling 0, byID 0, timers 0, tails 0" {
			b.Errorf("shard %d is left with %s", s.index, left)
		}
	}
	for s := router.Primary; s <= router.Secondary; s++ {
		if n, _, _ := b.p.Dialogs.Lines(s); n != 0 || b.p.Dialogs.Waiting(s) != 0 {
			b.Errorf("%s is left with %d lines and %d waiting calls", s, n, b.p.Dialogs.Waiting(s))
		}
	}
	if n := b.p.Dialogs.Len(); n != 0 {
		b.Errorf("%d calls are left in the table", n)
	}
	if n := b.p.Stats.Panics.Load(); n != b.panics {
		b.Errorf("%d panics, want %d: %v", n, b.panics, b.faults)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := b.offered + b.p.Stats.Offered.Load(); !b.lost && n != uint64(len(b.records)) {
		b.Errorf("%d calls offered, %d recorded", n, len(b.records))
	}
}

// record is the last call record.
func (b *bed) record() router.CallRecord {
	b.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.records) == 0 {
		b.Fatal("no call record")
	}
	return b.records[len(b.records)-1]
}

// lines checks how many lines of the primary and the secondary are reserved.
func (b *bed) lines(primary, secondary int) {
	b.Helper()
	synctest.Wait()
	p, _, _ := b.p.Dialogs.Lines(router.Primary)
	s, _, _ := b.p.Dialogs.Lines(router.Secondary)
	if p != primary || s != secondary {
		b.Fatalf("lines %d and %d are reserved, want %d and %d", p, s, primary, secondary)
	}
	if d := b.p.Dialogs.Doubted(router.Primary); d > p {
		b.Fatalf("%d lines are doubted, and %d reserved", d, p)
	}
}

// want fails with what was got.
func want[T comparable](b *bed, what string, is, should T) {
	b.Helper()
	if is != should {
		b.Fatalf("%s: %v, want %v", what, is, should)
	}
}

// takeStream takes what a party of a stream received, with its flow.
func (b *bed) takeStream(p *peer) wire.Message {
	b.Helper()
	synctest.Wait()
	ctx, cancel := stdcontext.WithTimeout(b.Context(), time.Millisecond)
	defer cancel()
	m, err := p.end.RecvMessage(ctx)
	if err != nil {
		b.Fatal(err)
	}
	return m
}

// rotated is a key file whose previous key is that of testKeys.
func rotated() *message.Keys {
	file := message.AppendKey(nil, 2, bytes.Repeat([]byte{9}, 32))
	k, err := message.ParseKeys(message.AppendKey(file, 1, bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		panic(err)
	}
	return k
}
