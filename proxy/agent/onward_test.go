package agent

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"releve/proxy/transport"
	"releve/testbed/wire"
)

// TestNextAddress: a far end with two addresses. What the first one fails in
// leads to the second, with another branch and all else the same; the limit is
// shared between them (RFC 3263 §4.3).
func TestNextAddress(t *testing.T) {
	second := netip.MustParseAddrPort("10.0.0.3:5060")
	for _, r := range []struct {
		name string
		fail func(b *bed)
		at   time.Duration // when the second one is asked
	}{
		{"refused", func(b *bed) { b.end.Close() }, 0},
		{"silent for its share", func(*bed) {}, 500 * ms},
		{"503", func(b *bed) { b.answer(b.one(), 503) }, 0},
	} {
		t.Run(r.name, func(t *testing.T) {
			in(t, wire.Config{}, transport.UDP, func(b *bed) {
				other, err := b.net.Endpoint(transport.UDP, second)
				b.must(err)
				if r.name == "refused" {
					r.fail(b)
				}
				q := b.options()
				q.Timeout, q.Others = time.Second, []transport.Flow{{Remote: second}}
				o := b.do(q)
				if r.name == "503" {
					r.fail(b)
				}
				b.pass(r.at)
				m, err := other.RecvMessage(b.Context())
				b.must(err)
				if !strings.HasPrefix(string(m.Raw), "OPTIONS") || time.Since(b.start) != r.at {
					t.Fatalf("after %v: %s", time.Since(b.start), m.Raw)
				}
				b.must(other.Send(us, []byte(respond(string(m.Raw)))))
				b.pass(0)
				o.ended(t, NoFailure, 200, r.at)
				if o.Remote != second {
					t.Errorf("answered by %v, want the second address", o.Remote)
				}
				if b.agent.Pending() != 0 {
					t.Error("an attempt is left")
				}
			})
		})
	}
	t.Run("both silent", func(t *testing.T) {
		in(t, wire.Config{}, transport.UDP, func(b *bed) {
			_, err := b.net.Endpoint(transport.UDP, second)
			b.must(err)
			q := b.options()
			q.Timeout, q.Others = time.Second, []transport.Flow{{Remote: second}}
			o := b.do(q)
			b.pass(2 * time.Second)
			o.ended(t, TimedOut, 0, time.Second)
		})
	})
	t.Run("the first answers late", func(t *testing.T) {
		in(t, wire.Config{}, transport.UDP, func(b *bed) {
			_, err := b.net.Endpoint(transport.UDP, second)
			b.must(err)
			q := b.options()
			q.Timeout, q.Others = time.Second, []transport.Flow{{Remote: second}}
			o := b.do(q)
			raw := b.one()
			b.pass(700 * ms)
			b.answer(raw, 200)
			o.ended(t, NoFailure, 200, 700*ms)
			if o.Remote == second || !o.Remote.IsValid() {
				t.Errorf("answered by %v, want the first address", o.Remote)
			}
		})
	})
}

// respond is a 200 to a request, its headers as they came.
func respond(raw string) string {
	_, rest, _ := strings.Cut(raw, "\r\n")
	return "SIP/2.0 200 OK\r\n" + rest
}
