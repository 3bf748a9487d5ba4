package agent

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"releve/proxy/message"
	"releve/proxy/transport"
	"releve/testbed/wire"
)

// The harness: a real Agent on an in-memory network, in a synctest bubble, and
// a scripted far end that speaks in message bytes.

var (
	us  = netip.MustParseAddrPort("10.0.0.5:5060")
	far = netip.MustParseAddrPort("10.0.0.1:5060")
)

const ms = time.Millisecond

// bed is one test's world; it is the transport.Handler of our sockets.
type bed struct {
	*testing.T
	net   *wire.Net
	agent *Agent
	end   *wire.Endpoint
	start time.Time
	flow  transport.Flow
	party Wire
	fault atomic.Pointer[error] // what Send returns instead of sending
	inbox chan got
	conn  atomic.Uint32 // which takes what goes by a stream; 0: that is not said
	taken atomic.Int64  // responses that the agent took for its own
}

// got is one message as the far end received it.
type got struct {
	at  time.Duration
	raw string
}

// in runs f in a bubble.
func in(t *testing.T, c wire.Config, network transport.Network, f func(b *bed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bed{T: t, start: time.Now(), flow: transport.Flow{Network: network, Remote: far}, inbox: make(chan got, 4096)}
		c.Watch = func(_ time.Time, _, to netip.AddrPort, raw []byte) {
			if to == far {
				b.inbox <- got{time.Since(b.start), string(raw)}
			}
		}
		b.net = wire.New(c)
		defer b.net.Close()
		party, err := b.net.Attach(transport.Config{
			Listen: []transport.Listener{{Network: network, Addr: us}}, Peers: []transport.Peer{{Addr: far}},
		}, b)
		b.must(err)
		b.end, err = b.net.Endpoint(network, far)
		b.must(err)
		b.party = party
		b.agent = New(b, func(uint8) string { return us.String() })
		defer func() {
			b.agent.Close()
			party.Close()
		}()
		f(b)
	})
}

func (b *bed) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bed) Send(f transport.Flow, raw []byte) error {
	if err := b.fault.Load(); err != nil {
		return *err
	}
	return b.party.Send(f, raw)
}

// Carry is Send by the connection that the test says.
func (b *bed) Carry(f transport.Flow, raw []byte) (uint32, error) {
	if conn := b.conn.Load(); conn != 0 {
		return conn, nil // nobody answers
	}
	return 0, b.Send(f, raw)
}

func (b *bed) Receive(_ transport.Flow, raw []byte) {
	var h message.Head
	raw, r, _ := message.Scan(raw, &h)
	if r == message.OK && !h.Request && b.agent.Response(raw, &h) {
		b.taken.Add(1)
	}
}

func (b *bed) Failed(f transport.Flow, c transport.Cause) { b.agent.Failed(f, c) }

// pass lets d go by and everything settle.
func (b *bed) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// arrived takes what the far end got so far.
func (b *bed) arrived() (out []got) {
	synctest.Wait()
	for {
		select {
		case g := <-b.inbox:
			out = append(out, g)
		default:
			return out
		}
	}
}

func (b *bed) instants() (out []time.Duration) {
	for _, g := range b.arrived() {
		out = append(out, g.at)
	}
	return out
}

// one is the single message that arrived.
func (b *bed) one() string {
	b.Helper()
	m := b.arrived()
	if len(m) != 1 {
		b.Fatalf("%d messages arrived, want one: %v", len(m), m)
	}
	return m[0].raw
}

// answer sends the far end's response to one of our requests.
func (b *bed) answer(request string, status int, extra ...string) {
	b.Helper()
	var out strings.Builder
	fmt.Fprintf(&out, "SIP/2.0 %d Whatever\r\n", status)
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		value := header(request, name)
		if name == "To" && !strings.Contains(value, ";tag=") {
			value += ";tag=far"
		}
		fmt.Fprintf(&out, "%s: %s\r\n", name, value)
	}
	for _, l := range extra {
		out.WriteString(l + "\r\n")
	}
	out.WriteString("Content-Length: 0\r\n\r\n")
	b.must(b.end.Send(us, []byte(out.String())))
	synctest.Wait()
}

func header(raw, name string) string {
	if v := headers(raw, name); len(v) > 0 {
		return v[0]
	}
	return ""
}

func headers(raw, name string) (out []string) {
	head, _, _ := strings.Cut(raw, "\r\n\r\n")
	for _, l := range strings.Split(head, "\r\n")[1:] {
		if n, v, ok := strings.Cut(l, ": "); ok && n == name {
			out = append(out, v)
		}
	}
	return out
}

func (b *bed) options() Request {
	return Request{Method: "OPTIONS", URI: "sip:10.0.0.1", From: "<sip:releve@10.0.0.5>", To: "<sip:10.0.0.1>", Flow: b.flow}
}

// do sends q and returns where its result will be.
func (b *bed) do(q Request) *outcome {
	o := &outcome{}
	b.agent.Do(q, func(r Result) {
		r.Raw, r.Head = nil, nil
		o.Result, o.times, o.at = r, o.times+1, time.Since(b.start)
	})
	synctest.Wait()
	return o
}

type outcome struct {
	Result
	times int
	at    time.Duration
}

func (o *outcome) ended(t *testing.T, f Failure, status uint16, at time.Duration) {
	t.Helper()
	if o.times != 1 || o.Failure != f || o.Status != status || o.at != at {
		t.Fatalf("called %d times with failure %d, status %d at %v; want once, %d, %d at %v", o.times, o.Failure, o.Status, o.at, f, status, at)
	}
}

func TestRequestAsWritten(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		q := b.options()
		q.CallID, q.CSeq, q.Contact, q.From = "abc@10.0.0.5", 7, "<sip:10.0.0.5:5060>", q.From+";tag=ours"
		q.Routes, q.Extra = []string{"<sip:10.0.0.9;lr>"}, [][]byte{[]byte("Accept: application/sdp\r\n")}
		b.do(q)
		raw := b.one()
		branch := strings.TrimSuffix(strings.TrimPrefix(header(raw, "Via"), "SIP/2.0/UDP 10.0.0.5:5060;branch="), ";rport")
		if !strings.HasPrefix(branch, prefix) || len(branch) != len(prefix)+16 {
			b.Fatalf("Via %q", header(raw, "Via"))
		}
		want := "OPTIONS sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.5:5060;branch=" + branch + ";rport\r\nMax-Forwards: 70\r\n" +
			"Route: <sip:10.0.0.9;lr>\r\nFrom: <sip:releve@10.0.0.5>;tag=ours\r\nTo: <sip:10.0.0.1>\r\nCall-ID: abc@10.0.0.5\r\n" +
			"CSeq: 7 OPTIONS\r\nContact: <sip:10.0.0.5:5060>\r\nAccept: application/sdp\r\nContent-Length: 0\r\n\r\n"
		if raw != want {
			b.Fatalf("got\n%swant\n%s", raw, want)
		}
	})
}

func TestWhatIsLeftOutIsMadeFresh(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		b.do(b.options())
		b.do(b.options())
		m := b.arrived()
		for _, name := range []string{"Via", "From", "Call-ID"} {
			if a, c := header(m[0].raw, name), header(m[1].raw, name); a == c || a == "" {
				b.Errorf("%s twice the same or empty: %q", name, a)
			}
		}
		if c := header(m[0].raw, "CSeq"); c != "1 OPTIONS" {
			b.Errorf("CSeq %q", c)
		}
	})
}

// RFC 3261 §17.1.2.2: Timer E doubles up to T2, Timer F ends it after 64*T1.
func TestRetransmissionInstants(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		o := b.do(b.options())
		b.pass(40 * time.Second)
		want := []time.Duration{
			0, 500 * ms, 1500 * ms, 3500 * ms, 7500 * ms, 11500 * ms, 15500 * ms, 19500 * ms, 23500 * ms, 27500 * ms, 31500 * ms,
		}
		if g := b.instants(); !slices.Equal(g, want) {
			b.Fatalf("sent at %v, want %v", g, want)
		}
		o.ended(b.T, TimedOut, 0, 32*time.Second)
	})
}

// RFC 3261 §17.1.2.2: in Proceeding the interval is T2, and Timer F still runs.
func TestProvisionalSlowsRepeats(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		o := b.do(b.options())
		b.answer(b.one(), 100)
		b.pass(40 * time.Second)
		want := []time.Duration{500 * ms, 4500 * ms, 8500 * ms, 12500 * ms, 16500 * ms, 20500 * ms, 24500 * ms, 28500 * ms}
		if g := b.instants(); !slices.Equal(g, want) {
			b.Fatalf("sent at %v, want %v", g, want)
		}
		o.ended(b.T, TimedOut, 0, 32*time.Second)
	})
}

func TestReliableTransportRepeatsNothing(t *testing.T) {
	in(t, wire.Config{}, transport.TCP, func(b *bed) {
		o := b.do(b.options())
		b.pass(40 * time.Second)
		if g := b.instants(); len(g) != 1 {
			b.Fatalf("sent at %v", g)
		}
		o.ended(b.T, TimedOut, 0, 32*time.Second)
	})
}

// A round: two transmissions and our own limit, never Timer F.
func TestOwnTimeout(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		q := b.options()
		q.Timeout = time.Second
		o := b.do(q)
		b.pass(40 * time.Second)
		if g := b.instants(); !slices.Equal(g, []time.Duration{0, 500 * ms}) {
			b.Fatalf("sent at %v", g)
		}
		o.ended(b.T, TimedOut, 0, time.Second)
	})
}

func TestAnswer(t *testing.T) {
	for _, status := range []int{200, 401, 486, 503, 600} {
		in(t, wire.Config{Latency: 10 * ms}, transport.UDP, func(b *bed) {
			o := b.do(b.options())
			b.pass(10 * ms)
			b.answer(b.one(), status, "Retry-After: 5")
			b.pass(10 * ms)
			o.ended(b.T, NoFailure, uint16(status), 20*ms)
			if o.Took != 20*ms || !o.RetryAfter {
				b.Errorf("%+v", o.Result)
			}
			b.pass(time.Minute)
			if g := b.arrived(); len(g) != 0 {
				b.Errorf("sent after its final: %v", g)
			}
		})
	}
}

func TestAnswerTellsOfRepeats(t *testing.T) {
	for wait, repeated := range map[time.Duration]bool{400 * ms: false, 600 * ms: true} {
		in(t, wire.Config{}, transport.UDP, func(b *bed) {
			o := b.do(b.options())
			b.pass(wait)
			b.answer(b.arrived()[0].raw, 200)
			b.pass(ms)
			if o.Repeated != repeated {
				b.Errorf("answered after %v: repeated %v", wait, o.Repeated)
			}
		})
	}
}

// RFC 3261 §17.1.2.2: repeats of a final are absorbed; a late one, too.
func TestLateAnswerIsAbsorbed(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		q := b.options()
		q.Timeout = time.Second
		o := b.do(q)
		raw := b.one()
		b.pass(2 * time.Second)
		b.answer(raw, 200)
		b.answer(raw, 200)
		o.ended(b.T, TimedOut, 0, time.Second)
		if b.taken.Load() != 2 {
			b.Errorf("%d of two late answers were taken for ours", b.taken.Load())
		}
	})
}

func TestAnswerToAnotherBranchIsNotOurs(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		o := b.do(b.options())
		b.answer(strings.Replace(b.one(), prefix, "z9hG4bKproxy", 1), 200)
		if b.taken.Load() != 0 || o.times != 0 {
			b.Error("took a response of the call path")
		}
	})
}

func TestRefusedPortAndSilentHost(t *testing.T) {
	in(t, wire.Config{Latency: 5 * ms}, transport.UDP, func(b *bed) {
		b.net.Refuse(far)
		o := b.do(b.options())
		b.pass(time.Minute)
		o.ended(b.T, Refused, 0, 10*ms)
	})
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		o := b.do(b.options())
		b.pass(3 * ms)
		b.agent.Failed(b.flow, transport.HostUnreachable)
		o.ended(b.T, Unreachable, 0, 3*ms)
		o = b.do(b.options())
		b.agent.Failed(b.flow, transport.TLSFault)
		o.ended(b.T, TLSFailed, 0, 3*ms)
	})
}

// A kernel sends one ICMP error a second: the calls to a dead server take it,
// and the rounds of the verification found a silent host where a process was
// killed, which takes two rounds more to confirm.
func TestSilenceAfterARefusalIsARefusal(t *testing.T) {
	round := func(b *bed) *outcome {
		q := b.options()
		q.Timeout = 900 * ms
		return b.do(q)
	}
	for _, test := range []struct {
		name string
		then func(b *bed) // after the port was refused
		want Failure
		took time.Duration
	}{
		{"a second later", func(b *bed) { b.pass(time.Second) }, Refused, 500 * ms},
		{"long after", func(b *bed) { b.pass(1600 * ms) }, TimedOut, 900 * ms},
		{"somebody spoke since", func(b *bed) {
			o := round(b)
			b.answer(b.one(), 200)
			b.pass(0)
			o.ended(b.T, NoFailure, 200, time.Since(b.start))
		}, TimedOut, 900 * ms},
	} {
		t.Run(test.name, func(t *testing.T) {
			in(t, wire.Config{}, transport.UDP, func(b *bed) {
				o := round(b)
				b.agent.Failed(b.flow, transport.PortUnreachable)
				o.ended(b.T, Refused, 0, 0)
				b.arrived()
				test.then(b)
				at := time.Since(b.start)
				o = round(b)
				b.pass(time.Minute)
				o.ended(b.T, test.want, 0, at+test.took)
			})
		})
	}
}

// TestTheEndOfAFormerConnectionEndsNothing: it is told when the request went by the next
// one already.
func TestTheEndOfAFormerConnectionEndsNothing(t *testing.T) {
	in(t, wire.Config{}, transport.TCP, func(b *bed) {
		b.conn.Store(8)
		o := b.do(b.options())
		f := b.flow
		f.Conn = 7
		b.agent.Failed(f, transport.ConnectionLost)
		if o.times != 0 {
			b.Fatalf("%+v", o.Result)
		}
		f.Conn = 8
		b.agent.Failed(f, transport.ConnectionLost)
		o.ended(b.T, Unreachable, 0, 0)
	})
}

func TestFailureOfAnotherPeerEndsNothing(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		o := b.do(b.options())
		b.agent.Failed(transport.Flow{Remote: netip.MustParseAddrPort("10.0.0.2:5060")}, transport.PortUnreachable)
		b.agent.Failed(transport.Flow{Network: transport.TCP, Remote: far}, transport.PortUnreachable)
		if o.times != 0 {
			b.Fatalf("%+v", o.Result)
		}
	})
}

// A full send buffer once made a healthy server count as silent at once.
func TestFullSocketIsALostMessageAndNoVerdict(t *testing.T) {
	for _, err := range []error{transport.ErrFull, transport.ErrQueueFull, transport.ErrUnreachable} {
		in(t, wire.Config{}, transport.UDP, func(b *bed) {
			err := fmt.Errorf("send: %w", err)
			b.fault.Store(&err)
			o := b.do(b.options())
			b.fault.Store(nil)
			if o.times != 0 {
				b.Fatalf("%v: ended with failure %d", err, o.Failure)
			}
			b.pass(500 * ms)
			b.answer(b.one(), 200)
			o.ended(b.T, NoFailure, 200, 500*ms)
		})
	}
}

// Our own limits say nothing of the far end.
func TestLocalLimitIsOverloadNotSilence(t *testing.T) {
	for err, want := range map[error]Failure{
		transport.ErrLimit: Overload, transport.ErrClosed: Overload, transport.ErrInvalid: Unreachable,
	} {
		in(t, wire.Config{}, transport.UDP, func(b *bed) {
			b.fault.Store(&err)
			b.do(b.options()).ended(b.T, want, 0, 0)
		})
	}
}

func TestAllowedIsAskedBeforeEachTransmission(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		var asked atomic.Int64
		limit := 2 * time.Second
		q := b.options()
		q.Timeout = 10 * time.Second
		q.Allowed = func() bool {
			asked.Add(1)
			return time.Since(b.start) <= limit
		}
		o := b.do(q)
		b.pass(time.Minute)
		if g := b.instants(); !slices.Equal(g, []time.Duration{0, 500 * ms, 1500 * ms}) {
			b.Fatalf("sent at %v, allowed until %v", g, limit)
		}
		if asked.Load() != 5 { // 0, 0.5, 1.5, 3.5, 7.5 s
			b.Errorf("asked %d times", asked.Load())
		}
		o.ended(b.T, TimedOut, 0, 10*time.Second)
	})
}

func TestForbiddenFromTheStartSendsNothing(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		q := b.options()
		q.Allowed = func() bool { return false }
		b.do(q).ended(b.T, Forbidden, 0, 0)
		b.agent.Do(q, nil) // a request without callback once panicked here
		b.pass(time.Minute)
		if g := b.arrived(); len(g) != 0 || b.agent.Pending() != 0 {
			b.Errorf("sent %v, %d pending", g, b.agent.Pending())
		}
	})
}

func TestPendingIsBoundedAndCounted(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		b.fault.Store(&transport.ErrFull) // 10,000 packets need not travel
		var ended atomic.Int64
		for range maxPending {
			b.agent.Do(b.options(), func(Result) { ended.Add(1) })
		}
		if b.agent.Pending() != maxPending || b.agent.Shed() != 0 {
			b.Fatalf("%d pending, %d shed", b.agent.Pending(), b.agent.Shed())
		}
		b.do(b.options()).ended(b.T, Overload, 0, 0)
		b.agent.Do(b.options(), nil)
		if b.agent.Shed() != 2 {
			b.Errorf("%d shed", b.agent.Shed())
		}
		b.pass(32 * time.Second)
		if b.agent.Pending() != 0 || ended.Load() != maxPending {
			b.Errorf("%d left behind, %d ended", b.agent.Pending(), ended.Load())
		}
	})
}

func TestCloseEndsEverythingWithoutCallback(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		o := b.do(b.options())
		raw := b.one()
		b.agent.Close()
		b.answer(raw, 200)
		b.pass(time.Minute)
		if g := b.arrived(); o.times != 0 || len(g) != 0 {
			b.Errorf("after Close: %d callbacks, sent %v", o.times, g)
		}
		b.do(b.options()).ended(b.T, Overload, 0, 60*time.Second)
	})
}

// A callback may send the next request: a challenge answered, a round after a round.
func TestCallbackMaySendAgain(t *testing.T) {
	in(t, wire.Config{}, transport.UDP, func(b *bed) {
		var second *outcome
		b.agent.Do(b.options(), func(Result) {
			second = &outcome{}
			b.agent.Do(b.options(), func(r Result) { second.Status = r.Status })
		})
		b.answer(b.one(), 401)
		b.answer(b.one(), 200)
		if second == nil || second.Status != 200 {
			b.Fatalf("%+v", second)
		}
	})
}

func TestManyAtOnceOverALossyNetwork(t *testing.T) {
	in(t, wire.Config{Seed: 7, Latency: 3 * ms, Jitter: 5 * ms, Loss: 0.2, Duplicate: 0.2, Reorder: 0.2}, transport.UDP, func(b *bed) {
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			for {
				_, raw, err := b.end.Recv(ctx)
				if err != nil {
					return
				}
				_ = b.end.Send(us, []byte("SIP/2.0 200 OK\r\nVia: "+header(string(raw), "Via")+"\r\nFrom: "+header(string(raw), "From")+
					"\r\nTo: <sip:10.0.0.1>;tag=x\r\nCall-ID: "+header(string(raw), "Call-ID")+"\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"))
			}
		}()
		var ended, answered atomic.Int64
		for range 200 {
			go b.agent.Do(b.options(), func(r Result) {
				ended.Add(1)
				if r.Status == 200 {
					answered.Add(1)
				}
			})
		}
		b.pass(time.Minute)
		cancel()
		synctest.Wait()
		if ended.Load() != 200 || answered.Load() != 200 || b.agent.Pending() != 0 {
			b.Errorf("%d ended, %d answered, %d pending", ended.Load(), answered.Load(), b.agent.Pending())
		}
	})
}

// A panic in a timer's callback ended the process.
func TestPanicEndsOneRequest(t *testing.T) {
	panicking := func(at int) func() bool { // when asked for the at-th time
		asked := 0
		return func() bool {
			if asked++; asked == at {
				panic("ours")
			}
			return true
		}
	}
	for _, c := range []struct {
		name  string
		spoil func(b *bed, q *Request)
		at    time.Duration
	}{
		{"before it is sent", func(_ *bed, q *Request) { q.Allowed = panicking(1) }, 0},
		{"as it is repeated", func(_ *bed, q *Request) { q.Allowed = panicking(2) }, 500 * ms},
		{"as it turns to the next address", func(b *bed, q *Request) {
			q.Others, q.Timeout, q.Allowed = []transport.Flow{b.flow}, 800*ms, panicking(2)
		}, 400 * ms},
	} {
		t.Run(c.name, func(t *testing.T) {
			in(t, wire.Config{}, transport.UDP, func(b *bed) {
				caught := 0
				b.agent.Caught = func(any) { caught++ }
				q := b.options()
				c.spoil(b, &q)
				o := b.do(q)
				b.pass(time.Second)
				o.ended(b.T, Overload, 0, c.at)
				b.goesOn()
				if caught != 1 {
					b.Errorf("told of %d panics", caught)
				}
			})
		})
	}
	t.Run("in the callback", func(t *testing.T) {
		in(t, wire.Config{}, transport.UDP, func(b *bed) {
			caught, called := 0, 0
			b.agent.Caught = func(any) { caught++ }
			q := b.options()
			q.Timeout = 100 * ms
			b.agent.Do(q, func(Result) { called++; panic("theirs") })
			b.pass(time.Second)
			b.goesOn()
			if caught != 1 || called != 1 {
				b.Errorf("told of %d panics, called %d times", caught, called)
			}
		})
	})
}

// goesOn checks that nothing is pending and that the agent still works.
func (b *bed) goesOn() {
	b.Helper()
	if n := b.agent.Pending(); n != 0 {
		b.Errorf("%d are pending", n)
	}
	b.arrived()
	began := time.Since(b.start)
	o := b.do(b.options())
	b.answer(b.one(), 200)
	b.pass(0)
	o.ended(b.T, NoFailure, 200, began)
}
