package abuse

import (
	"context"
	"fmt"
	"hash/fnv"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// flooder is a source of calls that does not care: no retransmission, no timer.
// What is answered it acknowledges and hangs up at once, but every rude-th, of
// which it says nothing more. Safe for concurrent use.
type flooder struct {
	conn   *net.UDPConn
	local  netip.AddrPort
	releve netip.AddrPort
	rude   int // 0: none
	done   chan struct{}

	mu       sync.Mutex // guards what follows
	statuses map[int]int
	answered map[string]bool   // dialogs whose final came
	open     map[string][]byte // by dialog, the BYE that was not answered yet
}

func newFlooder(from netip.Addr, to netip.AddrPort, rude int) (*flooder, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0)))
	if err != nil {
		return nil, fmt.Errorf("be a flooder: %w", err)
	}
	f := &flooder{
		conn: conn, local: conn.LocalAddr().(*net.UDPAddr).AddrPort(), releve: to, rude: rude,
		done: make(chan struct{}), statuses: make(map[int]int), answered: make(map[string]bool), open: make(map[string][]byte),
	}
	go f.read()
	return f, nil
}

// close hangs up what a flood left: its BYEs were dropped like the rest of it.
func (f *flooder) close() {
	for range 8 {
		f.mu.Lock()
		n := len(f.open)
		for _, bye := range f.open {
			f.send(bye)
		}
		f.mu.Unlock()
		if n == 0 {
			break
		}
		time.Sleep(500 * time.Millisecond) // T1, as any user agent repeats
	}
	_ = f.conn.Close()
	<-f.done
}

func (f *flooder) send(raw []byte) { _, _ = f.conn.WriteToUDPAddrPort(raw, f.releve) } // a flood loses some

func (f *flooder) read() {
	defer close(f.done)
	buf := make([]byte, 65535)
	for {
		n, _, err := f.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		m, err := parseDatagram(buf[:n])
		if err != nil {
			continue
		}
		f.hear(&m)
	}
}

func (f *flooder) hear(m *message) {
	switch {
	case m.status == 0:
		if !strings.HasPrefix(m.first, "ACK ") {
			f.send(answer(m, "200 OK"))
		}
	case m.status < 200:
	case m.method() == "BYE":
		f.mu.Lock()
		delete(f.open, m.dialog())
		f.mu.Unlock()
	case m.method() == "INVITE":
		f.mu.Lock()
		again := f.answered[m.dialog()]
		f.answered[m.dialog()] = true
		if !again {
			f.statuses[m.status]++
		}
		rude := f.rude > 0 && m.status < 300 && f.rudeTo(m.value("Call-ID"))
		f.mu.Unlock()
		switch {
		case m.status >= 300:
			f.send(f.follow(m, "ACK", 1))
		case !rude:
			f.send(f.follow(m, "ACK", 1))
			if again {
				return
			}
			bye := f.follow(m, "BYE", 2)
			f.mu.Lock()
			f.open[m.dialog()] = bye
			f.mu.Unlock()
			f.send(bye)
		}
	}
}

// rudeTo draws from the Call-ID, so that a repeat is treated alike.
func (f *flooder) rudeTo(callID string) bool {
	h := fnv.New32a()
	_, _ = h.Write([]byte(callID))
	return h.Sum32()%uint32(f.rude) == 0
}

// follow is the ACK of a final response, or the BYE after a 2xx.
func (f *flooder) follow(m *message, method string, cseq int) []byte {
	branch := ""
	uri := "sip:" + service + "@" + f.releve.String()
	var routes string
	if m.status < 300 {
		branch, uri = unique("z9hG4bKabuse"), m.contact()
		for _, r := range m.routes() {
			routes += "Route: " + r + "\r\n"
		}
	} else {
		_, branch, _ = strings.Cut(m.value("Via"), "branch=")
		branch, _, _ = strings.Cut(branch, ";")
	}
	return fmt.Appendf(nil, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=%s\r\nMax-Forwards: 70\r\n%sFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContent-Length: 0\r\n\r\n",
		method, uri, f.local, branch, routes, m.value("From"), m.value("To"), m.value("Call-ID"), cseq, method)
}

// finals is how many calls ended with each status.
func (f *flooder) finals() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return fmt.Sprint(f.statuses)
}

// even calls do n times, evenly over a duration, and returns how often it did.
func even(ctx context.Context, n int, over time.Duration, do func(i int)) int {
	start := time.Now()
	for i := range n {
		if ahead := time.Until(start.Add(over / time.Duration(n) * time.Duration(i))); ahead > 2*time.Millisecond {
			if pause(ctx, ahead) != nil {
				return i
			}
		}
		do(i)
	}
	return n
}

// invites is an INVITE flood from a source that Relève knows: first several
// times limits.calls_per_second, then more than limits.source_rate.
func invites(d time.Duration, rude int) func(context.Context, *site) (int, error) {
	return func(ctx context.Context, s *site) (int, error) {
		f, err := newFlooder(s.hostile(0), s.releve, rude)
		if err != nil {
			return 0, err
		}
		defer f.close()
		one := func(int) {
			r := newRequest("INVITE", "UDP", f.local, s.releve, service)
			r.body = sdp
			f.send(r.bytes())
		}
		sent := even(ctx, 8*callsPerSecond*int(d/time.Second), d, one)
		sent += even(ctx, sourceBurst+3*sourceRate*2, 2*time.Second, one)
		if err := pause(ctx, time.Second); err != nil {
			return sent, err
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.statuses[503]+f.statuses[480]+f.statuses[486] == 0 {
			return sent, fmt.Errorf("nothing of the flood was shed: %v", f.statuses)
		}
		return sent, nil
	}
}
