package preflight

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"releve/cmd/internal/text"
	"releve/proxy/message"
	"releve/proxy/transport"
	"releve/testbed/ipbx"
)

// stranger answers each datagram as it likes until the test ends.
func stranger(t *testing.T, a netip.AddrPort, treat func(conn *net.UDPConn, raw []byte, from netip.AddrPort)) {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(a))
	if err != nil {
		t.Error(err)
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 65535)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				if strings.Contains(err.Error(), "closed") {
					return
				}
				continue
			}
			treat(conn, bytes.Clone(buf[:n]), from)
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
}

// response makes one to a request; nil: it cannot be read.
func responseTo(raw []byte, status int, tag string, extra ...[]byte) []byte {
	var h message.Head
	raw, r, _ := message.Scan(raw, &h)
	if r != message.OK || !h.Request {
		return nil
	}
	return message.AppendResponse(nil, raw, &h, status, "Whatever", tag, extra...)
}

// hostile studies a stranger with everything but the waiting probes, and says how it
// ended; a study that does not end fails the test by its own limit.
func hostile(t *testing.T, treat func(conn *net.UDPConn, raw []byte, from netip.AddrPort)) *Study {
	t.Helper()
	n := freeBed(t)
	stranger(t, at(n, 1), treat)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	s, err := Run(ctx, Plan{
		Local: at(n, 9), CallNumber: "5000", Service: "5000", Held: 28 * time.Second, Limit: 20 * time.Second, Patience: 2 * time.Second,
		Far:   []Far{farAt("pbx", IPBX, at(n, 1)), farAt("wel", Server, at(n, 1))},
		Users: []User{{Role: "primary", AOR: "sip:5001@" + at(n, 1).String(), Username: "5001", Password: "un"}},
	})
	if err != nil {
		t.Error(err)
	}
	if ctx.Err() != nil {
		t.Error("the study did not end by itself")
	}
	return s
}

func TestAStudyOfStrangersEnds(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var all sync.WaitGroup
	flooded := map[string]bool{}
	for name, c := range map[string]struct {
		treat   func(conn *net.UDPConn, raw []byte, from netip.AddrPort)
		verdict Verdict
	}{
		"silent": {func(*net.UDPConn, []byte, netip.AddrPort) {}, NotTestable},
		"garbage": {func(conn *net.UDPConn, raw []byte, from netip.AddrPort) {
			_, _ = conn.WriteToUDPAddrPort([]byte("SIP/2.0 200 OK\r\n\x00\xff\r\n\r\n"), from)
		}, NotTestable},
		"endless provisionals": {func(conn *net.UDPConn, raw []byte, from netip.AddrPort) {
			for i := range 300 {
				_, _ = conn.WriteToUDPAddrPort(responseTo(raw, 180, fmt.Sprint("t", i)), from)
			}
		}, No},
		"a flood of calls": {func(conn *net.UDPConn, raw []byte, from netip.AddrPort) {
			mu.Lock()
			first := !flooded[from.String()]
			flooded[from.String()] = true
			mu.Unlock()
			if !first {
				return
			}
			for i := range 6000 {
				_, _ = conn.WriteToUDPAddrPort(fmt.Appendf(nil, "INVITE sip:x@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%d\r\nFrom: <sip:a@b>;tag=1\r\n"+
					"To: <sip:x@y>\r\nCall-ID: %d\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContact: <sip:a@%[2]s>\r\nContent-Length: 0\r\n\r\n", from, conn.LocalAddr(), i, i), from)
			}
		}, NotTestable},
		"answers everything, ends nothing": {func(conn *net.UDPConn, raw []byte, from netip.AddrPort) {
			if bytes.HasPrefix(raw, []byte("BYE")) || bytes.HasPrefix(raw, []byte("ACK")) {
				return
			}
			contact := line("Contact", "<sip:nowhere@127.0.0.1:9>")
			_, _ = conn.WriteToUDPAddrPort(responseTo(raw, 200, "t", contact), from)
		}, No},
		"challenges for ever": {func(conn *net.UDPConn, raw []byte, from netip.AddrPort) {
			_, _ = conn.WriteToUDPAddrPort(responseTo(raw, 401, "t",
				line("WWW-Authenticate", `Digest realm="x", nonce="`+strings.Repeat("n", 3000)+`", stale=true, algorithm=MD5, qop="auth"`)), from)
		}, No},
	} {
		all.Go(func() {
			unhurried(t, func() (faults []string) {
				s := hostile(t, c.treat)
				if s == nil {
					return nil
				}
				if s.Verdict != c.verdict {
					faults = append(faults, fmt.Sprintf("%s: verdict %s, %s was expected: %v", name, s.Verdict, c.verdict, s.Reasons))
				}
				for _, f := range s.Findings {
					for k, v := range f.Values {
						if len(v) > maxValue+8 || strings.ContainsAny(v, "\x00\r\n\x1b") {
							t.Errorf("%s: %s: value %s is not fit for a report: %q", name, f.ID, k, v)
						}
					}
				}
				return faults
			})
		})
	}
	all.Wait()
}

// TestAStudyCutShortLeavesNothingBehind: Ctrl-C in the middle of a call, registered.
func TestAStudyCutShortLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	for _, until := range []func(b *bed) bool{
		func(b *bed) bool { return len(b.ipbx.Bindings()) > 0 },
		func(b *bed) bool { return b.ipbx.Stats().IncomingAnswered > 0 || b.ipbx.Stats().Answered > 0 },
		func(b *bed) bool { return b.ipbx.Stats().Presentations > 2 },
	} {
		b := newBed(t)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan *Study, 1)
		go func() {
			s, _ := Run(ctx, b.registering())
			ended <- s
		}()
		for deadline := time.Now().Add(20 * time.Second); !until(b) && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond) // the parties tell no other way
		}
		cancel()
		s := <-ended
		if s == nil {
			t.Fatal("no study came back")
		}
		if got := b.ipbx.Bindings(); len(got) > 0 {
			t.Errorf("left at the registrar: %v", got)
		}
		if n := b.ipbx.Stats().Open; n != 0 {
			t.Errorf("%d calls left at the IPBX", n)
		}
	}
}

// TestNobodyRegistersBesideAnother: a licensed user that is registered by its server
// keeps the study from registering anybody.
func TestNobodyRegistersBesideAnother(t *testing.T) {
	t.Parallel()
	for _, user := range []string{"5001", "5002"} {
		b := newBed(t)
		n := freeBed(t)
		other := b.registering()
		other.Local, other.CallNumber = at(n, 9), ""
		r := &run{plan: other, dates: map[string]bool{}, spoke: map[string]bool{}}
		st, err := newStation(at(n, 9), at(n, 9), []transport.Peer{{Addr: b.ipbx.Addr()}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.s = st
		f := far{Far: other.Far[0], at: flowTo(0, b.ipbx.Addr()), ok: true}
		for _, u := range other.Users {
			if u.Username == user {
				if out := r.account(f, u).send(context.Background(), "sip:"+user+"@"+at(n, 9).String(), 600); out.final.status() != 200 {
					t.Fatalf("the other one could not register: %d", out.final.status())
				}
			}
		}
		s := b.run(b.registering())
		f2, _ := find(s, Registrar, text.StudyOccupied)
		if f2.State != Reservation {
			t.Errorf("%s registered elsewhere: %s is %s", user, text.StudyOccupied, f2.State)
		}
		log, _ := b.ipbx.Log()
		for _, e := range log {
			if e.Kind == "bound" && !strings.Contains(e.Contact, at(n, 9).String()) {
				t.Errorf("the study registered %s", e.Contact)
			}
		}
		st.close()
	}
}

// TestNobodyIsRungWhoWasNotNamed: a plan without numbers and users calls and registers
// nobody, and one that was refused consent neither.
func TestNobodyIsRungWhoWasNotNamed(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	p := b.registering()
	p.Service = "5000"
	for _, s := range b.servers {
		p.Far = append(p.Far, farAt("wel", Server, s.Addr()))
	}
	s := b.run(p.Peaceful())
	if st := b.ipbx.Stats(); st.Incoming != 0 || b.ipbx.Registers() != 0 || len(s.Rang) != 0 {
		t.Errorf("calls %d, REGISTER %d, rang %v", st.Incoming, b.ipbx.Registers(), s.Rang)
	}
	for _, v := range b.servers {
		if n := v.Stats().Invites; n != 0 {
			t.Errorf("a voice server was called %d times", n)
		}
	}
}

// TestATransferIsSeen: one call is transferred to the number given.
func TestATransferIsSeen(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	p := b.trunk()
	p.TransferTo = "2001"
	s := b.run(p)
	if f, _ := find(s, IPBX, text.StudyTransfer); f.State != OK {
		t.Errorf("transfer is %s %v", f.State, f.Values)
	}
	if n := b.ipbx.Stats().TransfersDone; n != 1 {
		t.Errorf("%d transfers were done, 1 was asked for", n)
	}
}

// TestCallsPlacedByHandAreStudied: somebody calls twice when told to; nobody is dialled.
func TestCallsPlacedByHandAreStudied(t *testing.T) {
	t.Parallel()
	unhurried(t, func() (faults []string) {
		b := newBed(t)
		plant(t, b.ipbx.SetQuirks("represents-486"))
		p := b.trunk()
		p.CallNumber, p.Operator = "", 20*time.Second
		told := 0
		p.Tell = func(text.StudyPrompt) {
			told++
			if _, err := b.ipbx.Call(t.Context(), ipbx.CallSpec{From: "2001", To: "5000", RTP: true}); err != nil {
				t.Error(err)
			}
		}
		s := b.run(p)
		for id, want := range map[ID]State{
			text.StudyRouteBack: OK, text.StudyRecordRoute: OK, text.StudyCodecs: OK, text.StudyAudio: OK, text.StudyReinvite: OK,
			text.StudyBusy: Reservation, text.StudyBusyTwice: OK, text.StudyTrunk: Unknown, text.StudyRefusals: Unknown,
		} {
			if f, _ := find(s, IPBX, id); f.State != want {
				faults = append(faults, fmt.Sprintf("%s is %s %v, %s was expected", id, f.State, f.Values, want))
			}
		}
		if f, _ := find(s, IPBX, text.StudyRouteBack); f.Values["number"] != "5000" {
			faults = append(faults, fmt.Sprintf("which number was called is not said: %v", f.Values))
		}
		if told != 2 || len(s.Rang) != 0 {
			t.Errorf("told %d times to call, rang %v", told, s.Rang)
		}
		return faults
	})
}
