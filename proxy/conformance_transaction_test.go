package proxy

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"releve/proxy/transport"
	"releve/router"
)

// TestConformanceTransactions: rules T (RFC 3261 §17, RFC 6026) on the wire; the
// machines themselves are walked in proxy/transaction. Rules N (RFC 4320), X11.
func TestConformanceTransactions(t *testing.T) {
	t.Run("T01 RFC 3261 §17.1.1.2", TestSection17_1_1_2_InviteClient)
	t.Run("T02 RFC 3261 §17.1.1.2", TestSection17_1_1_2_InviteClient)
	t.Run("T02 RFC 3261 §17.1.2.2 §17.2.1 streams", testNoRepeatsOverStreams)
	t.Run("T03 RFC 3261 §17.1.1.2", TestSection17_1_1_2_InviteClient)
	t.Run("T04 RFC 3261 §17.1.2.2", TestSection17_1_2_2_Client)
	t.Run("T05 RFC 3261 §17.2.1", TestSection17_2_1_InviteServer)
	t.Run("T06 RFC 3261 §17.2.2", TestSection17_2_2_Server)
	t.Run("T07 RFC 6026 §7.1 §8.5", TestRFC6026_7_1_Accepted)
	t.Run("T08 RFC 6026 §7.2 §8.4", TestRFC6026_7_2_Repeats)
	t.Run("T09 RFC 3261 §17.2.3", TestSection17_2_3_Matching)
	t.Run("T09 RFC 3261 §17.2.3 §7.3.1", TestBranchInOtherLettersWasUnknown)
	t.Run("T10 RFC 3261 §17.1.3", TestSection17_1_3_MatchingResponses)
	t.Run("T11 timers are monotonic", testMonotonic)
	t.Run("T12 RFC 3261 §16.6 §16.7(5)", TestHold)
	t.Run("T12 RFC 3261 §16.6 outgoing", TestSilentIPBXCostsOutgoingCallsSeconds)
	t.Run("N01 RFC 4320 §4.1", TestSection17_1_2_2_Client)
	t.Run("N02 RFC 4320 §4.1", TestSection17_1_2_2_Client)
	t.Run("N02 RFC 4320 §4.1 every relayed request", testLateTrying)
	t.Run("N03 RFC 4320 §4.2", testNo408)
	t.Run("N04 RFC 4320 §4.2", testLateFinals)
	t.Run("N05 RFC 4321 §1.4", testSlowNonInviteIsNoEvidence)
	t.Run("X11 RFC 3261 §18.4", testICMP)
}

// testNoRepeatsOverStreams: over TCP Timers A, E and G are off, B, F and H run.
func testNoRepeatsOverStreams(t *testing.T) {
	run(t, func(b *bed) {
		server := b.peer("primary over TCP", transport.TCP, addrPrimary)
		b.ibx.send(plainRequest("MESSAGE", "m"))
		b.pass(31 * time.Second)
		want(b, "MESSAGEs", len(server.instants("MESSAGE")), 1)
		b.pass(2 * time.Second)
		for _, m := range b.ibx.all() {
			want(b, "response", startLine(m.raw), "SIP/2.0 100 Trying")
		}
		up := with(outgoing("h", "10.0.1.1"), "SIP/2.0/UDP", "SIP/2.0/TCP")
		server.send(up)
		b.ibx.send(answer(b.ibx.take("INVITE"), 404, "x"))
		b.ibx.take("ACK")
		b.pass(31 * time.Second)
		want(b, "responses", len(server.streamed()), 2)
		b.pass(2 * time.Second)
		b.primary.silent()
	}, overTCP)
}

// TestBranchInOtherLettersWasUnknown: parameter values without quotes are
// case-insensitive (RFC 3261 §7.3.1), so a branch that comes back in other letters
// matches; what we send back has the letters of its sender. Neither did.
func TestBranchInOtherLettersWasUnknown(t *testing.T) {
	t.Run("of ours, in a response", func(t *testing.T) {
		run(t, func(b *bed) {
			up, down := b.place("l")
			for _, other := range []string{strings.ToLower(branchOf(down)), strings.ToUpper(branchOf(down))} {
				b.ibx.send(with(answer(down, 180, "x"), branchOf(down), other))
				want(b, "the caller's own", vias(b.primary.take("180"))[0], vias(up)[0])
			}
			b.ibx.send(with(answer(down, 486, "x"), branchOf(down), strings.ToLower(branchOf(down))))
			want(b, "branch of the ACK", branchOf(b.ibx.take("ACK")), branchOf(down))
			b.primary.send(ackNon2xx(up, b.primary.take("486")))
		})
	})
	t.Run("of the caller, in its CANCEL and ACK", func(t *testing.T) {
		run(t, func(b *bed) {
			up, down := b.ring("Up")
			again := with(up, "z9hG4bK-Up", "Z9HG4bk-uP")
			b.ibx.send(again)
			want(b, "a repeat", startLine(b.ibx.take("180")), "SIP/2.0 180 Whatever")
			b.primary.silent()
			b.ibx.send(cancelOf(again))
			want(b, "branch of its 200", branchOf(b.ibx.take("200")), "Z9HG4bk-uP")
			b.primary.send(answer(b.primary.take("CANCEL"), 200, "p"))
			b.primary.send(answer(down, 487, "p"))
			b.primary.take("ACK")
			resp := b.ibx.take("487")
			want(b, "branch of the 487", branchOf(resp), "z9hG4bK-Up")
			b.ibx.send(with(ackNon2xx(up, resp), "z9hG4bK-Up", "Z9HG4bk-uP"))
			b.pass(10 * time.Second)
			b.ibx.silent() // Timer G was stopped
		})
	})
	t.Run("sent-by in other letters", func(t *testing.T) {
		run(t, func(b *bed) {
			up := with(invite("s"), "10.0.0.1:5060;branch", "PBX.local;rport;branch")
			b.ibx.send(up)
			b.ibx.take("100")
			down := b.primary.take("INVITE")
			b.ibx.send(with(up, "PBX.local", "pbx.LOCAL"))
			b.ibx.take("100")
			b.primary.silent()
			refuse(b, up, down, 404, b.primary, b.ibx)
		})
	})
}

// testMonotonic: every clock of the proxy counts from one instant that carries a
// monotonic reading, and the wall is read nowhere else, so that no jump of it
// moves a timer.
func testMonotonic(t *testing.T) {
	p := New(testConfig(), nil, normalView(), Hooks{})
	if s := p.Started().String(); !strings.Contains(s, " m=") {
		t.Errorf("the start %q has no monotonic reading", s)
	}
	for _, dir := range []string{".", "transaction", "fork", "dialog"} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatal(dir, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				x, _ := sel.X.(*ast.Ident)
				inNew := name == "proxy.go" && sel.Sel.Name == "Now" // New alone: start
				if x != nil && x.Name == "time" && slices.Contains([]string{"Now", "Until", "Unix"}, sel.Sel.Name) && !inNew {
					t.Errorf("%v reads the wall clock", set.Position(n.Pos()))
				}
				return true
			})
		}
	}
}

// testLateTrying: every request that is no INVITE has its 100 at 3.5 s when nothing
// else went up by then, and none when it did.
func testLateTrying(t *testing.T) {
	run(t, func(b *bed) {
		_, ok := b.establish("l")
		for i, method := range []string{"UPDATE", "QUUX", "REFER"} {
			begin := b.now()
			b.ibx.send(uac(ok, method, method, 2+2*i, "10.0.0.1"))
			down := b.primary.take(method)
			b.pass(3500*ms - ms)
			b.ibx.silent()
			b.pass(ms)
			after(b, "100 to "+method, begin, b.ibx.instants("100"), 3500*ms)
			_ = b.primary.all()
			b.primary.send(answer(down, 200, "x"))
			b.ibx.take("200")
		}
		b.ibx.send(uac(ok, "INFO", "quick", 20, "10.0.0.1"))
		b.primary.send(answer(b.primary.take("INFO"), 200, "x"))
		b.ibx.take("200")
		b.pass(10 * time.Second)
		b.ibx.silent()
		b.hangUp(ok)
	})
}

// testNo408: never to a request that is no INVITE, in a dialog or not, whatever
// ended it without an answer.
func testNo408(t *testing.T) {
	run(t, func(b *bed) {
		_, ok := b.establish("n")
		b.ibx.send(uac(ok, "UPDATE", "u", 2, "10.0.0.1"))
		b.ibx.send(plainRequest("MESSAGE", "m"))
		b.primary.send(with(outgoing("s", "10.0.1.1"), "INVITE sip", "SUBSCRIBE sip", "1 INVITE", "1 SUBSCRIBE"))
		b.pass(70 * time.Second)
		for _, p := range []*peer{b.ibx, b.primary} {
			for _, m := range p.all() {
				if strings.HasPrefix(m.raw, "SIP/2.0 ") && !strings.HasPrefix(m.raw, "SIP/2.0 100") {
					b.Errorf("%s received %q", p.name, startLine(m.raw))
				}
			}
		}
		_, _ = b.ibx2.all(), b.secondary.all()
		b.hangUp(ok)
	})
}

// testLateFinals: a final of a request that is no INVITE is dropped once its
// transactions ended: its client has long given up.
func testLateFinals(t *testing.T) {
	for _, late := range []time.Duration{32*time.Second + ms, 36 * time.Second, time.Minute} {
		t.Run(late.String(), func(t *testing.T) {
			run(t, func(b *bed) {
				_, ok := b.establish("f")
				b.ibx.send(uac(ok, "UPDATE", "u", 2, "10.0.0.1"))
				down := b.primary.take("UPDATE")
				b.pass(late)
				_, _ = b.ibx.all(), b.primary.all()
				for _, status := range []int{200, 404, 500} {
					b.primary.send(answer(down, status, "x"))
				}
				b.ibx.silent()
				b.hangUp(ok)
			})
		})
	}
}

// testSlowNonInviteIsNoEvidence: a hop further down may have eaten the time, so
// neither a 408 nor silence to such a request says anything about the server.
func testSlowNonInviteIsNoEvidence(t *testing.T) {
	run(t, func(b *bed) {
		_, ok := b.establish("e")
		evidence := func() (n uint64) {
			for e := range b.p.Stats.Evidence[router.Primary] {
				n += b.p.Stats.Evidence[router.Primary][e].Load()
			}
			return n
		}
		before := evidence()
		for i, status := range []int{408, 503, 504} {
			b.ibx.send(uac(ok, "INFO", fmt.Sprint("i", status), 2+i, "10.0.0.1"))
			b.primary.send(answer(b.primary.take("INFO"), status, "x"))
			b.ibx.take("")
		}
		b.ibx.send(uac(ok, "INFO", "silent", 9, "10.0.0.1"))
		b.ibx.send(plainRequest("MESSAGE", "m"))
		b.pass(70 * time.Second)
		_, _ = b.ibx.all(), b.primary.all()
		want(b, "evidence", evidence(), before)
		want(b, "overflows", b.overflowed(), 0)
		b.hangUp(ok)
	})
}

// testICMP: an ICMP error of a peer ends the branches there that heard nothing
// yet, and those alone; one that no branch waits for changes nothing.
func testICMP(t *testing.T) {
	run(t, func(b *bed) {
		ringing, down := b.ring("r") // heard: its branch is not concerned
		b.p.Failed(transport.Flow{Remote: addrPrimary}, transport.PortUnreachable)
		b.p.Failed(transport.Flow{Remote: addrStranger}, transport.PortUnreachable)
		b.pass(ms)
		b.ibx.silent()
		b.primary.silent()
		want(b, "overflows", b.overflowed(), 0)
		b.ibx.send(invite("w"))
		b.ibx.take("100")
		b.primary.take("INVITE")
		b.p.Failed(transport.Flow{Remote: addrSecondary}, transport.PortUnreachable) // of another peer
		b.pass(ms)
		want(b, "overflows", b.overflowed(), 0)
		b.p.Failed(transport.Flow{Remote: addrPrimary}, transport.HostUnreachable)
		b.pass(ms)
		want(b, "overflows", b.overflowed(), 1)
		b.switchover()
		b.answeredBy(b.secondary)
		refuse(b, ringing, down, 404, b.primary, b.ibx)
	})
}
