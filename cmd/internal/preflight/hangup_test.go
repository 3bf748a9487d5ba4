package preflight

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"releve/cmd/internal/text"
	"releve/proxy/message"
	"releve/proxy/transport"
)

// lonely is a station whose far end is a socket of the test.
func lonely(t *testing.T) (s *station, far *net.UDPConn) {
	t.Helper()
	n := freeBed(t)
	far, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at(n, 1)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = far.Close() })
	if s, err = newStation(at(n, 9), at(n, 9), nil, nil); err != nil {
		t.Fatal(err)
	}
	return s, far
}

// next is the next message that begins with a method, or with a status line; repeats of
// others are left out. A deadline of the socket ends the test.
func next(t *testing.T, far *net.UDPConn, begin string) []byte {
	t.Helper()
	_ = far.SetReadDeadline(time.Now().Add(10 * time.Second))
	for {
		buf := make([]byte, 65535)
		n, err := far.Read(buf)
		if err != nil {
			t.Fatalf("no %s came: %v", begin, err)
		}
		if bytes.HasPrefix(buf[:n], []byte(begin)) {
			return buf[:n]
		}
	}
}

func addrOf(far *net.UDPConn) netip.AddrPort { return far.LocalAddr().(*net.UDPAddr).AddrPort() }

// TestACallHungUpAsItIsAnsweredEndsInItsDialog: Ctrl-C beside the 200; the BYE carries
// what the 200 told, tag and target, or there is none.
func TestACallHungUpAsItIsAnsweredEndsInItsDialog(t *testing.T) {
	t.Parallel()
	s, far := lonely(t)
	defer s.close()
	for range 50 {
		c := s.place(t.Context(), placing{uri: "sip:5000@" + addrOf(far).String(), from: "sip:x@y", to: flowTo(transport.UDP, addrOf(far)), limit: time.Minute})
		ok := responseTo(next(t, far, "INVITE "), 200, "answered", line("Contact", "<sip:there@"+addrOf(far).String()+">"))
		_, _ = far.WriteToUDPAddrPort(ok, s.addr)
		var ended sync.WaitGroup
		ended.Go(func() {
			for c.sign() == 0 { // the 200 is on its way
				time.Sleep(time.Microsecond)
			}
			c.end()
		})
		raw := next(t, far, "BYE ")
		if !bytes.HasPrefix(raw, []byte("BYE sip:there@")) || !bytes.Contains(raw, []byte(";tag=answered")) {
			t.Errorf("the BYE is outside the dialog:\n%s", raw)
		}
		_, _ = far.WriteToUDPAddrPort(responseTo(raw, 200, ""), s.addr)
		ended.Wait()
	}
}

func invite(far *net.UDPConn, to netip.AddrPort, branch string) []byte {
	from := addrOf(far).String()
	return message.AppendRequest(nil, &message.Request{
		Method: "INVITE", URI: "sip:5000@" + to.String(), Via: "SIP/2.0/UDP " + from + ";branch=" + message.Cookie + branch,
		From: "<sip:2001@" + from + ">;tag=1", To: "<sip:5000@" + to.String() + ">", CallID: branch, CSeq: 1, Contact: "<sip:2001@" + from + ">",
	})
}

// TestAStudyCutShortWaitsForItsScripts: what a script found is not read while it is
// written, and a call that it took is refused before the sockets close.
func TestAStudyCutShortWaitsForItsScripts(t *testing.T) {
	t.Parallel()
	s, far := lonely(t)
	r := &run{plan: Plan{Operator: time.Minute}, s: s}
	ctx, cancel := context.WithCancel(t.Context())
	th := &through{r: r, prompt: text.CallNow, hand: func(text.StudyPrompt) {
		_, _ = far.WriteToUDPAddrPort(invite(far, s.addr, "cut"), s.addr)
	}}
	found := 0
	p := th.present(ctx, nil, time.Minute, func(in *inbound, _ int) {
		in.trying()
		cancel()
		_, _ = in.gone(ctx)
		found++
	})
	if found != 1 || len(p.ins) != 1 {
		t.Errorf("%d scripts ended of %d calls", found, len(p.ins))
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		s.close()
	}()
	var sent, h message.Head
	request, _, _ := message.Scan(invite(far, s.addr, "cut"), &sent)
	answer, _, _ := message.Scan(next(t, far, "SIP/2.0 480"), &h)
	_, _ = far.WriteToUDPAddrPort(message.AppendACK(nil, request, &sent, answer, &h), s.addr)
	<-closed
}

// TestACallGivenUpIsCancelledOnce: a far end that goes on telling that it rings gets no
// CANCEL for each of its words.
func TestACallGivenUpIsCancelledOnce(t *testing.T) {
	t.Parallel()
	s, far := lonely(t)
	defer s.close()
	c := s.place(t.Context(), placing{uri: "sip:5000@" + addrOf(far).String(), from: "sip:x@y", to: flowTo(transport.UDP, addrOf(far)), limit: time.Minute})
	invite := next(t, far, "INVITE ")
	c.cancel()
	for range 50 {
		_, _ = far.WriteToUDPAddrPort(responseTo(invite, 180, "rings"), s.addr)
	}
	_, _ = far.WriteToUDPAddrPort(responseTo(invite, 487, "rings"), s.addr)
	cancels := 0
	for {
		raw := next(t, far, "")
		if bytes.HasPrefix(raw, []byte("ACK ")) {
			break
		}
		if bytes.HasPrefix(raw, []byte("CANCEL ")) {
			cancels++
		}
	}
	if cancels != 1 {
		t.Errorf("%d CANCELs were sent", cancels)
	}
}

// TestAnAnswerThatCrossesTheCancelIsHungUpBeforeTheEnd: the BYE of such a call leaves
// before the sockets close.
func TestAnAnswerThatCrossesTheCancelIsHungUpBeforeTheEnd(t *testing.T) {
	t.Parallel()
	for range 20 {
		s, far := lonely(t)
		c := s.place(t.Context(), placing{uri: "sip:5000@" + addrOf(far).String(), from: "sip:x@y", to: flowTo(transport.UDP, addrOf(far)), limit: time.Minute})
		invite := next(t, far, "INVITE ")
		c.cancel()
		_, _ = far.WriteToUDPAddrPort(responseTo(invite, 200, "one", line("Contact", "<sip:one@"+addrOf(far).String()+">")), s.addr)
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			for c.sign() == 0 { // the 200 is on its way
				time.Sleep(time.Microsecond)
			}
			s.close()
		}()
		_, _ = far.WriteToUDPAddrPort(responseTo(next(t, far, "BYE sip:one@"), 200, ""), s.addr)
		<-closed
	}
}
