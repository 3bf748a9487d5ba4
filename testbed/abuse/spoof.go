package abuse

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// stranger is address i that no configuration names.
func (s *site) stranger(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{127, byte(150 + i/64_000), byte(i / 250 % 256), byte(1 + i%250)})
}

// spoofed sends datagrams from thousands of sources: noise, and whole requests
// of every kind that a phone would send. Strangers hear nothing, or few 403
// where the operator wants them told.
func spoofed(sources, each int) func(context.Context, *site) (int, error) {
	return func(ctx context.Context, s *site) (sent int, err error) {
		random := rand.New(rand.NewPCG(uint64(sources), 5))
		var sockets []*net.UDPConn
		defer func() {
			for _, c := range sockets {
				_ = c.Close()
			}
		}()
		start := time.Now()
		for i := range sources {
			c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(s.stranger(i), 0)))
			if err != nil {
				return sent, fmt.Errorf("be a stranger: %w", err)
			}
			sockets = append(sockets, c)
			from := c.LocalAddr().(*net.UDPAddr).AddrPort()
			for j := range each {
				if _, err := c.WriteToUDPAddrPort(s.strange(random, from, j), s.releve); err == nil {
					sent++
				}
			}
			if i%50 == 0 && ctx.Err() != nil {
				return sent, ctx.Err()
			}
			// An even pace, our choice: 25,000 datagrams a second.
			if ahead := time.Until(start.Add(time.Duration(sent) * 40 * time.Microsecond)); ahead > 5*time.Millisecond {
				if err := pause(ctx, ahead); err != nil {
					return sent, err
				}
			}
		}
		if err := pause(ctx, time.Second); err != nil {
			return sent, err
		}
		return sent, s.heard(sockets, time.Since(start))
	}
}

// strange is datagram j of a stranger.
func (s *site) strange(random *rand.Rand, from netip.AddrPort, j int) []byte {
	methods := [...]string{"INVITE", "OPTIONS", "REGISTER", "BYE", "CANCEL", "SUBSCRIBE"}
	if j%3 == 0 {
		noise := make([]byte, random.IntN(1400))
		for i := range noise {
			noise[i] = byte(random.Uint32())
		}
		return noise
	}
	r := newRequest(methods[j%len(methods)], "UDP", from, s.releve, service)
	if r.method == "INVITE" {
		r.body = sdp
	}
	return r.bytes()
}

// strangersTold is how many 403 a second strangers together may hear
// (proxy: strangerRate), and as many at once.
const strangersTold = 20

// heard counts what the strangers were answered.
func (s *site) heard(sockets []*net.UDPConn, took time.Duration) error {
	answers, wrong := 0, ""
	buf := make([]byte, 4096)
	for _, c := range sockets {
		raw, err := c.SyscallConn()
		if err != nil {
			return err
		}
		for more := true; more; {
			n := -1
			err := raw.Control(func(fd uintptr) { n, _, err = unix.Recvfrom(int(fd), buf, unix.MSG_DONTWAIT) })
			if more = n > 0; !more || err != nil {
				break
			}
			answers++
			if m, err := parseDatagram(buf[:n]); wrong == "" && (err != nil || m.status != 403 || m.value("Server")+m.value("User-Agent")+m.value("Contact")+m.value("Allow") != "") {
				wrong = string(buf[:n])
			}
		}
	}
	most := 0
	if s.refuse {
		most = strangersTold * (int(took.Seconds()) + 2)
	}
	switch {
	case wrong != "":
		return fmt.Errorf("a stranger was told: %q", wrong)
	case answers > most:
		return fmt.Errorf("strangers got %d answers, at most %d are allowed", answers, most)
	case s.refuse && answers == 0:
		return fmt.Errorf("no stranger was refused: strangers: refuse does nothing")
	}
	return nil
}
