package preflight

import (
	"context"
	"crypto/rand"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"releve/cmd/internal/text"
	"releve/proxy/message"
	"releve/proxy/transport"
)

// Bounds of what is asked without a call, our choice: a far end gets some twenty
// OPTIONS in a second, fewer than a guard against floods objects to.
const (
	reachLimit   = 2 * time.Second
	seriesLength = 12
	seriesStep   = 75 * time.Millisecond
	largeLimit   = 1700 * time.Millisecond // two transmissions and their answers
)

// reachLane asks a far end with OPTIONS: life, addresses, round trips, sizes.
func (r *run) reachLane(ctx context.Context, f far) {
	first := r.s.ask(ctx, r.options(f, f.at, reachLimit, 0))
	r.note(f, excused(f, judgeOptions(f.Subject, first)))
	if first.final == nil {
		for _, id := range []ID{text.StudyNAT, text.StudyRoundTrip, text.StudyJitter, text.StudyLoss, text.StudyLarge} {
			r.note(f, unseen(id, text.WhyNoAnswer))
		}
		return
	}
	r.clock(f, first.final)
	r.note(f, r.judgeWay(f, first))
	var all sync.WaitGroup
	all.Go(func() { r.note(f, judgeSeries(r.series(ctx, f))...) })
	if f.at.Network == transport.UDP {
		all.Go(func() { r.note(f, judgeLarge(r.sizes(ctx, f))) })
	}
	all.Wait()
}

// excused makes to know of the silence of who may be off the network.
func excused(f far, x Finding) Finding {
	if f.Absent && x.State == NoGo && (x.Values["case"] == "silent" || x.Values["case"] == "refused") {
		return seen(x.ID, Info, "case", "absent", "number", x.Values["number"])
	}
	return x
}

// options is one OPTIONS of ours, padded to at least size bytes.
func (r *run) options(f far, to transport.Flow, limit time.Duration, size int) asking {
	uri := "sip:" + hostPort(f.URI)
	if f.Secure {
		uri = "sips:" + hostPort(f.URI)
	}
	q := asking{to: to, limit: limit, req: message.Request{
		Method: "OPTIONS", URI: uri, From: "<sip:releve@" + r.s.addr.Addr().String() + ">;tag=" + newTag(), To: "<" + uri + ">",
		CallID: rand.Text(), CSeq: 1, Contact: r.s.contact(to), Extra: lines("Accept", "application/sdp", "Allow", allow),
	}}
	q.req.Via = r.s.via(to, newBranch())
	const padding = 200
	for n := len(message.AppendRequest(nil, &q.req)); n < size; n += padding {
		q.req.Extra = append(q.req.Extra, line("X-Releve-Padding", strings.Repeat("p", min(padding, size-n+20))))
	}
	return q
}

// series sends OPTIONS without repeats: 0 stands for a lost one.
func (r *run) series(ctx context.Context, f far) []time.Duration {
	trips := make([]time.Duration, seriesLength)
	var all sync.WaitGroup
	tick := time.NewTicker(seriesStep)
	defer tick.Stop()
	for i := range trips {
		all.Go(func() {
			q := r.options(f, f.at, time.Second, 0)
			q.once = true
			if a := r.s.ask(ctx, q); a.final != nil {
				trips[i] = max(a.took, 1)
			}
		})
		select {
		case <-tick.C:
		case <-ctx.Done():
			all.Wait()
			return trips[:i+1]
		}
	}
	all.Wait()
	return trips
}

// sizes asks with growing messages over UDP, and with the largest over TCP.
func (r *run) sizes(ctx context.Context, f far) reach {
	out := reach{sizes: []int{1200, 1400, 3000}}
	out.answered = make([]bool, len(out.sizes))
	var all sync.WaitGroup
	for i, n := range out.sizes {
		all.Go(func() { out.answered[i] = r.s.ask(ctx, r.options(f, f.at, largeLimit, n)).final != nil })
	}
	all.Go(func() {
		a := r.s.ask(ctx, r.options(f, flowTo(transport.TCP, f.at.Remote), largeLimit, out.sizes[len(out.sizes)-1]))
		out.tcp = a.final.status()
	})
	all.Wait()
	return out
}

// judgeWay compares what we sent with what came back: a router, or an ALG, that
// rewrites shows there. An answer that leaves from elsewhere than where we ask passes
// no firewall that keeps state.
func (r *run) judgeWay(f far, a answered) Finding {
	m := a.final
	if at := m.flow.Remote; m.flow.Network == transport.UDP && at != f.at.Remote {
		name := "port"
		if at.Addr() != f.at.Remote.Addr() {
			name = "address"
		}
		if name == "port" || !slices.Contains(f.Sources, at.Addr()) {
			return seen(text.StudyNAT, Reservation, "case", name, "asked", f.at.Remote.String(), "from", at.String())
		}
	}
	var sent message.Head
	raw, _, _ := message.Scan(a.sent, &sent)
	for _, c := range []struct {
		header    string
		put, back []byte
	}{
		{"Via", sent.SentBy.Of(raw), m.head.SentBy.Of(m.raw)},
		{"Call-ID", sent.CallID.Of(raw), m.head.CallID.Of(m.raw)},
		{"From", sent.From.Of(raw), m.head.From.Of(m.raw)},
	} {
		if strings.TrimSpace(string(c.put)) != strings.TrimSpace(string(c.back)) {
			return seen(text.StudyNAT, Reservation, "case", "alg", "header", c.header, "sent", string(c.put), "got", string(c.back))
		}
	}
	local := r.s.tr.Addr(int(m.flow.Listener))
	if m.flow.Network != transport.UDP {
		local = r.s.addr
	}
	at, ok := seenAt(m, local)
	if !ok {
		return seen(text.StudyNAT, OK, "seen", local.String())
	}
	same := at == local || m.flow.Network != transport.UDP && at.Addr() == local.Addr()
	if !same {
		return seen(text.StudyNAT, Reservation, "seen", at.String(), "local", local.String())
	}
	return seen(text.StudyNAT, OK, "seen", at.String())
}

// seenAt is where the far end saw us: received and rport (RFC 3581); false: it does
// not say.
func seenAt(m *heard, local netip.AddrPort) (netip.AddrPort, bool) {
	at, said := local, false
	if v := string(m.head.Received.Of(m.raw)); v != "" {
		if a, err := netip.ParseAddr(strings.Trim(v, "[]")); err == nil {
			at, said = netip.AddrPortFrom(a, at.Port()), true
		}
	}
	if v := string(m.head.RPort.Of(m.raw)); v != "" {
		if a, err := netip.ParseAddrPort("0.0.0.0:" + v); err == nil {
			at, said = netip.AddrPortFrom(at.Addr(), a.Port()), true
		}
	}
	return at, said
}
