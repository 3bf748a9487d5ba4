// Package proxy is the SIP element: it receives messages, runs their
// transactions and response contexts, and sends what those decide.
//
// A message runs to completion in the goroutine that read it, under the mutex
// of its shard (chosen by Call-ID): transaction → admission of what is new →
// router.Route → fork.Step → bytes sent without blocking. A source beyond its
// rate is dropped before, unread. There is no goroutine and no channel per
// message, and nothing blocks under a shard's lock: what must wait (control,
// records, names) is handed over by non-blocking hooks and comes back as an
// event. A shard has one goroutine of its own for timers and posted events.
//
//	socket ─► Receive ─► bucket ─► scan ─► shard.mu ─► serverTx ─► gate ─► Route ─► fork.Step ─► perform ─► Wire.Send
//	                                                      ▲                                         │
//	                      timers, View, grants, names ────┘                   hooks ◄───────────────┘
//
// RFC 3261 §16–18 with RFC 6026, 4320, 3263, 3581, 5393, 5658, 3326, 3891; RFC 5806
// and 7044 where overflowed calls are marked.
package proxy

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"releve/proxy/admission"
	"releve/proxy/dialog"
	"releve/proxy/fork"
	"releve/proxy/message"
	"releve/proxy/resolve"
	"releve/proxy/transport"
	"releve/router"
)

// Wire is what the proxy needs of the sockets; *transport.Transport is one.
type Wire interface {
	// Send never blocks; an error means the message did not leave.
	Send(f transport.Flow, raw []byte) error
}

// Carrier is a Wire that says which connection took a message, the Conn of a Flow: what
// waits for a response ends with that one, and with no former one to the same peer.
type Carrier interface {
	Carry(f transport.Flow, raw []byte) (conn uint32, err error)
}

// Listener is one of our addresses.
type Listener struct {
	Network transport.Network
	SentBy  string // host:port in Via and Record-Route
	Entry   router.Entry
}

// Peer is a configured far end.
type Peer struct {
	Name    string
	Addr    netip.AddrPort // when it is configured by an address
	Network transport.Network
	// Listener is ours towards it, where that serves the network and family of
	// the address; else another one does.
	Listener uint8
	// Other is a second address of the same far end, tried when Addr fails; not
	// valid: there is none. Only beside Addr.
	Other netip.AddrPort
	Host  resolve.Name // when it is configured by a name; Host.Host empty: by Addr
	// LargeByTCP sends a request of more than 1,300 bytes over TCP, as RFC 3261
	// §18.1.1 wants, and over UDP when that is refused. False: over UDP, for a peer
	// that has no TCP.
	LargeByTCP bool

	of side // who it is; set by newSettings
}

// IPBX is one of the redundant IPBXs.
type IPBX struct {
	Peer
	Sources []netip.Addr // where its requests come from, besides Addr
	Manners Manners
	// Identity is the URI that calls of each server come from here; empty: nothing
	// is said of it. MapFrom puts it into From, for an IPBX that reads nothing else;
	// otherwise it is asserted (RFC 3325).
	Identity [router.Servers]string
	MapFrom  bool
}

// Server is one of the two voice servers.
type Server struct {
	Peer
	Lines int
	User  string // user part of the Request-URI towards it; empty: as received
	// Credentials of its licensed user answer the IPBX's challenges in its place;
	// zero: challenges are relayed.
	Credentials Credentials
}

// Config of a Proxy. Immutable once given to New or Reload.
type Config struct {
	Listeners      []Listener
	IPBXs          []IPBX
	Servers        [router.Servers]Server
	Policy         fork.Policy
	ServiceNumbers map[string]bool
	RescueURI      string        // empty: none
	Rescue         Peer          // the operators' desk: takes calls, places none
	Q850           int           // cause in the Reason of a dissuasion; 0: none
	LocalRegister  bool          // answer the servers' REGISTERs here (every mode but trunk)
	Gate           *Gate         // mode gate, with LocalRegister: what the licence says is answered; nil: another mode
	MaxDuration    time.Duration // a call in progress is forgotten after this; 0: 12 h
	Limits         Limits
	Keys           *message.Keys
	Names          Names // nil: every far end is configured by its address, and names in URIs are not followed
	Shards         int   // 0: 4
}

// Hooks are called by the proxy, under a shard's lock: they must not block and
// must not call back.
type Hooks struct {
	Overflow    func(s router.Server)                  // a call was held; coalesce
	Served      func(s router.Server)                  // answered a call while a verification runs
	Record      func(r router.CallRecord)              // a call ended
	PassiveCall func(s router.Server)                  // 403: a passive server placed a call
	Registered  func(s router.Server, expires int)     // a server's own REGISTER was answered here
	Register    func(r Registration)                   // Gate: a server's own REGISTER waits for AnswerRegister
	Own         func(raw []byte, h *message.Head) bool // a response to a request of our own; true: taken
	// Asked is a request with one of our tags in To: the status that answers it when it
	// is of a call that we placed ourselves; 0: it is none.
	Asked func(raw []byte, h *message.Head) int
	// Dismiss: ACK and BYE this 2xx; again: it lacks its ACK alone, for it was
	// dismissed before, or belongs to a call that goes on.
	// Copies what it keeps.
	Dismiss func(f transport.Flow, invite, ok []byte, again bool)
	// Credentials says whether an IPBX took those of a server's user: refused, or
	// taken for the first time since the start or since that.
	Credentials func(s router.Server, ipbx uint8, refused bool)
	// Prompt plays the hold prompt to whom this SDP offer describes: the SDP answer, nil
	// when it cannot be played, and what ends it.
	Prompt func(offer []byte) (answer []byte, stop func())
	Fault  func(what, call string) // a panic ended this call; empty: it ended one message
}

// Proxy is the SIP element. Safe for concurrent use.
type Proxy struct {
	current atomic.Pointer[settings] // replaced whole by Reload, under every shard's mutex
	wire    Wire
	carrier Carrier // the Wire, when it is one; nil: it is not
	hooks   Hooks
	start   time.Time
	own     []netip.AddrPort // by listener: its address as in Via and Record-Route
	roster  atomic.Pointer[roster]
	seed    maphash.Seed
	view    atomic.Pointer[router.View]
	shards  []*shard
	Dialogs *dialog.Table
	Stats   Stats
	heads   sync.Pool // of *message.Head: one would be allocated for each message

	gate                   *admission.Gate
	sources                []admission.Bucket // by sourceOf
	dropped                []atomic.Uint64    // likewise: messages beyond its rate
	pings                  admission.Bucket   // OPTIONS for us
	held                   atomic.Int64       // calls held now
	spared                 []atomic.Int64     // by sourceOf: the instant until which it asked for a pause
	strangerRate, pingRate admission.Rate

	accounts accounts

	wait sync.WaitGroup

	rosterMu sync.Mutex // guards replacing roster
	stop     chan struct{}
}

// New returns a Proxy that routes by view; Start runs its timers.
func New(cfg Config, wire Wire, view router.View, hooks Hooks) *Proxy {
	if cfg.Shards == 0 {
		cfg.Shards = 4
	}
	set := newSettings(cfg)
	var limits dialog.Limits
	for s := range cfg.Servers {
		limits.Lines[s] = cfg.Servers[s].Lines
	}
	p := &Proxy{
		hooks: hooks, start: time.Now(), seed: maphash.MakeSeed(),
		Dialogs: dialog.New(limits), stop: make(chan struct{}), accounts: newAccounts(),
	}
	p.SetWire(wire)
	p.current.Store(set)
	p.rates()
	p.heads.New = func() any { return new(message.Head) }
	for i := range cfg.Listeners {
		a, _ := hostPort([]byte(cfg.Listeners[i].SentBy), cfg.Listeners[i].Network)
		p.own = append(p.own, a)
	}
	p.firstRoster()
	p.view.Store(&view)
	for i := range cfg.Shards {
		p.shards = append(p.shards, newShard(p, i))
	}
	return p
}

// SetWire replaces the sockets; before Start only.
func (p *Proxy) SetWire(w Wire) {
	p.wire = w
	p.carrier, _ = w.(Carrier)
}

// Start runs the shards' timers until Close.
func (p *Proxy) Start() {
	for _, s := range p.shards {
		p.wait.Go(s.run)
	}
	p.wait.Go(p.sweep)
}

// Close stops the timers. Transactions in progress are dropped; dialogs go on
// by their Record-Route at the next start.
func (p *Proxy) Close() {
	close(p.stop)
	p.wait.Wait()
}

// View is what calls are routed by at present.
func (p *Proxy) View() router.View { return *p.view.Load() }

// SetView publishes a new view and wakes each shard once for its held calls.
func (p *Proxy) SetView(v router.View) {
	p.view.Store(&v)
	for _, s := range p.shards {
		s.ruled.Store(true)
		s.signal()
	}
}

// Now is the instant of the proxy's own clock, as in View.RuledAt.
func (p *Proxy) Now() router.Instant { return router.Instant(time.Since(p.start)) }

// Started is the wall clock at instant zero.
func (p *Proxy) Started() time.Time { return p.start }

// Receive takes one message from the wire (transport.Handler).
func (p *Proxy) Receive(f transport.Flow, raw []byte) {
	defer p.survive()
	h := p.heads.Get().(*message.Head)
	p.receive(f, raw, h)
	p.heads.Put(h)
}

// survive keeps a panic outside any call, while a message is read or handed on,
// from ending more than that message.
func (p *Proxy) survive() {
	if r := recover(); r != nil {
		p.Caught(r, "")
	}
}

func (p *Proxy) receive(f transport.Flow, raw []byte, h *message.Head) {
	now := p.Now()
	from := p.side(f)
	if p.flooded(now, from) {
		return
	}
	raw, result, fault := message.Scan(raw, h)
	if result == message.OK && h.ContentLength < 0 && f.Network.Reliable() {
		result, fault = endless(h)
	}
	p.Stats.seen(from, now)
	if h.Request && from.kind == fromStranger {
		p.Stats.Strangers.Add(1) // responses are matched by branch, whoever sent them (RFC 3261 §17.1.3)
		return
	}
	if result == message.OK && from.kind == fromIPBX && (!h.Request || h.Method == message.INVITE) {
		p.heardAt(from.index, f.Remote.Addr())
	}
	switch result {
	case message.KeepAlive:
		return
	case message.Drop:
		p.Stats.Malformed.Add(1)
		return
	case message.Bad:
		p.Stats.Malformed.Add(1)
		if h.Request && h.Method != message.ACK && !h.Via.Empty() {
			p.answerStateless(f, raw, h, int(fault.Status), fault.Reason)
		}
		return
	}
	if !h.Request && !p.inserted(h.SentBy.Of(raw)) {
		p.Stats.Stray.Add(1) // RFC 3261 §18.1.2
		return
	}
	if !h.Request && p.hooks.Own != nil && p.hooks.Own(raw, h) {
		return
	}
	if !h.Request && h.Vias < 2 && h.Method != message.CANCEL {
		p.Stats.Stray.Add(1) // no Via of a caller is left: never forwarded (RFC 3261 §16.7(3))
		return
	}
	s := p.shards[p.hash(h.CallID.Of(raw))%uint64(len(p.shards))]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.guard(func() {
		if h.Request {
			s.request(now, f, from, raw, h)
		} else {
			s.response(now, f, raw, h)
		}
	})
	s.load.Store(s.size())
}

// endless refuses a message of a stream without Content-Length: nobody knows
// where it ends, so its body is not to be passed on cut off (RFC 3261 §18.3).
func endless(h *message.Head) (message.Result, message.Fault) {
	if !h.Request || h.Method == message.ACK {
		return message.Drop, message.Fault{}
	}
	return message.Bad, message.Fault{Status: 400, Reason: "Missing Content-Length"}
}

// Held is the number of calls held now.
func (p *Proxy) Held() int64 { return p.held.Load() }

// Ours reports whether a Route or Record-Route value is one of our addresses.
func (p *Proxy) Ours(value []byte) bool { return p.ours(uriOf(value)) }

// Failed takes a transport error (transport.Handler).
func (p *Proxy) Failed(f transport.Flow, c transport.Cause) {
	for _, s := range p.shards {
		s.post(posted{kind: postFailed, flow: f, cause: c})
	}
}

func (p *Proxy) hash(b []byte) uint64 { return maphash.Bytes(p.seed, b) }

// sweepEvery is how often calls are looked for that ended unseen.
const sweepEvery = 15 * time.Second

// sweep forgets calls that lasted longer than MaxDuration, or whose session
// timer ran out, so that a lost BYE never holds a line for ever.
func (p *Proxy) sweep() {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-tick.C:
		}
		p.expire(p.Now())
	}
}

func (p *Proxy) expire(now router.Instant) {
	defer p.survive()
	for _, k := range p.Dialogs.Expired(now.Add(-p.cfg().MaxDuration)) {
		p.endCall(k, now, router.ReasonMaxDuration, byReleve)
	}
	for _, k := range p.Dialogs.Lapsed(now) {
		p.endCall(k, now, router.ReasonSessionExpired, byReleve)
	}
}
