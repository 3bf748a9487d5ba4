package proxy

import (
	"fmt"
	"testing"

	"releve/proxy/transport"
	"releve/router"
)

// recorder is a Wire that notes the message in hand.
type recorder struct {
	last  []byte
	count int
}

func (r *recorder) Send(_ transport.Flow, raw []byte) error {
	r.last = append(r.last[:0], raw...)
	r.count++
	return nil
}

// arrival is one message of a script.
type arrival struct {
	from transport.Flow
	raw  []byte
}

func benchProxy(settings ...setting) (*Proxy, *recorder) {
	cfg, w := testConfig(), &recorder{}
	for _, set := range settings {
		set(&cfg)
	}
	cfg.Servers[router.Primary].Lines = 1 << 20
	return New(cfg, w, normalView(), Hooks{}), w
}

// script plays INVITE, 100, 180, 200, ACK, BYE, 200 through a Proxy and returns
// what was received. Branches and tokens depend on the key alone, so another
// Proxy with the same key can be given the very same bytes.
func script(p *Proxy, w *recorder, id string) (out []arrival) {
	ibx, primary := transport.Flow{Remote: addrIBX}, transport.Flow{Remote: addrPrimary}
	receive := func(f transport.Flow, raw string) string {
		out = append(out, arrival{f, []byte(raw)})
		p.Receive(f, []byte(raw))
		return string(w.last)
	}
	down := receive(ibx, invite(id))
	receive(primary, answer(down, 100, ""))
	receive(primary, answer(down, 180, "p", "Contact: <sip:ivr@10.0.1.1:5060>"))
	ok := receive(primary, accept(down, "p", "10.0.1.1"))
	receive(ibx, uac(ok, "ACK", "ack-"+id, 1, "10.0.0.1"))
	bye := receive(ibx, uac(ok, "BYE", "bye-"+id, 2, "10.0.0.1"))
	receive(primary, answer(bye, 200, "x"))
	return out
}

// BenchmarkCall is one whole call through the proxy, without sockets and timers.
func BenchmarkCall(b *testing.B) {
	const calls = 2048
	p, w := benchProxy()
	scripts := make([][]arrival, calls)
	for i := range scripts {
		scripts[i] = script(p, w, fmt.Sprint("bench-", i))
	}
	if w.count != 7*calls { // our 100, INVITE 180 200 ACK BYE 200
		b.Fatalf("%d messages were sent for %d calls", w.count, calls)
	}
	b.ReportAllocs()
	b.ResetTimer()
	n := 0
	for range b.N {
		if n%calls == 0 {
			b.StopTimer()
			p, _ = benchProxy() // the same bytes again are repeats
			b.StartTimer()
		}
		for _, m := range scripts[n%calls] {
			p.Receive(m.from, m.raw)
		}
		n++
	}
	b.StopTimer()
	if got := p.Stats.Outcomes[router.Answered].Load(); got != uint64((n-1)%calls+1) || p.Dialogs.Len() != 0 {
		b.Fatalf("%d of %d calls were answered, %d are left", got, (n-1)%calls+1, p.Dialogs.Len())
	}
}

// maxAllocs is the most that one call may allocate on its way through the
// proxy: about what it takes today, with room for a map that grows. A count,
// not a time: it is the same on every machine.
const maxAllocs = 20

// TestCallAllocatesLittle gates what makes the element slow on a small machine.
// A site that holds passwords and identities costs an incoming call no more.
func TestCallAllocatesLittle(t *testing.T) {
	t.Run("plain", func(t *testing.T) { allocatesLittle(t) })
	t.Run("with users", func(t *testing.T) { allocatesLittle(t, holding, mapping) })
}

func allocatesLittle(t *testing.T, settings ...setting) {
	const calls = 512
	p, w := benchProxy(settings...)
	scripts := make([][]arrival, calls+1)
	for i := range scripts {
		scripts[i] = script(p, w, fmt.Sprint("gate-", i))
	}
	fresh, _ := benchProxy(settings...) // the same bytes again are repeats
	i := 0
	perCall := testing.AllocsPerRun(calls, func() {
		for _, m := range scripts[i] {
			fresh.Receive(m.from, m.raw)
		}
		i++
	})
	t.Logf("%.1f allocations a call", perCall)
	if perCall > maxAllocs {
		t.Errorf("a call allocates %.1f times, want at most %d", perCall, maxAllocs)
	}
	if got := fresh.Stats.Outcomes[router.Answered].Load(); got != calls+1 {
		t.Errorf("%d of %d calls were answered", got, calls+1)
	}
}
