package proxy

import (
	"sync/atomic"

	"releve/proxy/admission"
	"releve/proxy/message"
	"releve/proxy/transport"
	"releve/router"
)

// Limits bound what others can make the proxy do and hold. What is over one is
// refused or dropped and counted in Stats.Refused.
type Limits struct {
	CallsPerSecond int // new calls admitted, a second's worth at once; 0: no limit
	SourceRate     int // messages a second of one source; 0: no limit
	SourceBurst    int // of them at once; 0: one second's worth
	MessageSize    int // bytes of a request; 0: what a datagram holds
	Headers        int // header lines of a request, up to message.MaxLines; 0: 256
	Vias           int // Via values of a request; 0: 70, where Max-Forwards begins
	URI            int // bytes of a Request-URI; 0: 2048
	Line           int // bytes of one header line of a request; 0: 16,384
	Transactions   int // requests in progress; 0: 200,000
	HeldCalls      int // calls held at once; 0: 1000
}

func (l *Limits) complete() {
	or := func(v *int, other int) {
		if *v == 0 {
			*v = other
		}
	}
	or(&l.MessageSize, message.MaxMessage)
	or(&l.Headers, 256)
	or(&l.Vias, 70)
	or(&l.URI, 2048)
	or(&l.Line, 16<<10)
	or(&l.Transactions, 200_000)
	or(&l.HeldCalls, 1000)
}

// Bound names a limit of the call path, for its counter and its alarm.
type Bound uint8

// BoundSource: messages of one source. BoundCalls: new calls and other new
// requests. BoundTransactions: requests in progress. BoundDialogs: calls in
// progress. BoundHeld: calls held at once. BoundMessage, BoundURI, BoundLine: the
// size of a message, of its Request-URI, of one line. BoundHeaders, BoundVias: how
// many it has.
// BoundEvents: events posted to a shard. BoundRegistrations: servers' REGISTERs
// that wait (mode gate). BoundPings: OPTIONS for Relève itself.
const (
	BoundSource Bound = iota
	BoundCalls
	BoundTransactions
	BoundDialogs
	BoundHeld
	BoundMessage
	BoundURI
	BoundLine
	BoundHeaders
	BoundVias
	BoundEvents
	BoundRegistrations
	BoundPings
	Bounds
)

func (b Bound) String() string {
	return [...]string{"source-rate", "new-calls", "transactions", "dialogs", "held-calls", "message-size", "uri", "line", "headers", "vias", "events", "registrations", "pings"}[b]
}

// refused counts one refusal of a limit.
func (p *Proxy) refused(b Bound) { p.Stats.Refused[b].Add(1) }

// sourceOf is the place of a far end in Proxy.sources. Our choice: a source is a
// configured peer with all its addresses; strangers are one source together.
func (p *Proxy) sourceOf(from side) int {
	switch from.kind {
	case fromServer:
		return int(from.index)
	case fromIPBX:
		return int(router.Servers) + int(from.index)
	case fromDesk:
		return len(p.sources) - 1
	}
	return 0
}

// strangerRate is how many messages of strangers are read at all, a second. Our
// choice: enough to tell an integrator whose address is missing from the file,
// nothing for a scanner.
const strangerRate = 20

// flooded reports that a source sends more than its share: the message is
// dropped unread. A hard guard for the process, far above what admission lets
// through: an INVITE flood is shed there, and its source's BYEs are served.
func (p *Proxy) flooded(now router.Instant, from side) bool {
	r := p.cfg().sourceRate
	if from.kind == fromStranger {
		r = p.strangerRate
	}
	if p.sources[p.sourceOf(from)].Take(now, r) {
		return false
	}
	p.refused(BoundSource)
	p.dropped[p.sourceOf(from)].Add(1)
	return true
}

// Flooding is what one source sent beyond its rate.
type Flooding struct {
	Name    string // of the peer
	Dropped uint64 // messages, since the start
}

// Floods tells it of every configured peer. Strangers are not among them: they
// are another matter, and what they send beyond strangerRate is nobody's loss.
func (p *Proxy) Floods() (out []Flooding) {
	add := func(from side, name string) {
		out = append(out, Flooding{name, p.dropped[p.sourceOf(from)].Load()})
	}
	for i := range p.cfg().IPBXs {
		add(side{fromIPBX, uint8(i)}, p.cfg().IPBXs[i].Name)
	}
	for s := router.Primary; s <= router.Secondary; s++ {
		if p.cfg().Servers[s].Name != "" {
			add(side{fromServer, uint8(s)}, p.cfg().Servers[s].Name)
		}
	}
	add(side{kind: fromDesk}, "rescue") // always: a reload may give it
	return out
}

// Refuse answers a request of a stranger with 403 (our choice: only when the
// operator wants it; else strangers hear nothing). Nothing is kept, few are
// answered, and nobody can be made a target: the answer goes to where the
// datagram came from, whatever its Via says, and is at most twice as long
// (RFC 3261 §26.1.5).
func (p *Proxy) Refuse(f transport.Flow, raw []byte) {
	defer p.survive()
	p.Stats.Strangers.Add(1)
	if p.flooded(p.Now(), side{}) {
		return
	}
	var h message.Head
	read, result, _ := message.Scan(raw, &h)
	if result != message.OK || !h.Request || h.Method == message.ACK {
		return
	}
	tag := ownTag + "x"
	out := stamp(f, read, &h).AppendResponse(nil, read, &h, 403, phrase(403), tag)
	if len(out) > 2*len(raw) {
		return
	}
	if len(out) == 0 || p.wire.Send(f, out) != nil {
		p.Stats.Unsent.Add(1)
	}
}

// roomToHold takes a place among the held calls.
func (p *Proxy) roomToHold() bool {
	if p.held.Add(1) <= int64(p.cfg().Limits.HeldCalls) {
		return true
	}
	p.held.Add(-1)
	p.refused(BoundHeld)
	return false
}

// oversize is the refusal of a request that is larger than it may be, in whole
// or in part; 0: it is not (RFC 3261 §21.4.12, §21.5.7).
func (p *Proxy) oversize(h *message.Head) (b Bound, status int, reason string) {
	l := &p.cfg().Limits
	switch {
	case h.End-h.Start > min(l.MessageSize, message.MaxMessage-addition):
		return BoundMessage, 513, phrase(513) // with our Via and Record-Route it would be no datagram
	case int(h.URI.Len) > l.URI:
		return BoundURI, 414, phrase(414)
	case int(h.LongestLine) > l.Line:
		return BoundLine, 400, "Header Line Too Long"
	case int(h.Lines) > l.Headers:
		return BoundHeaders, 400, "Too Many Header Lines"
	case int(h.Vias) > l.Vias:
		return BoundVias, 400, "Too Many Vias"
	}
	return Bounds, 0, ""
}

// rates prepares the buckets of the sources.
func (p *Proxy) rates() {
	l := &p.cfg().Limits
	p.strangerRate = admission.PerSecond(strangerRate, 0)
	p.pingRate = admission.PerSecond(pingRate, 0)
	n := int(router.Servers) + len(p.cfg().IPBXs) + 1 // and the desk
	p.gate = admission.NewGate(l.CallsPerSecond, n)
	p.spared, p.dropped, p.sources = make([]atomic.Int64, n), make([]atomic.Uint64, n), make([]admission.Bucket, n)
}
