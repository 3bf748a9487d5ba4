package abuse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"releve/testbed/conformance/corpus"
	"releve/testbed/conformance/protos"
)

// oversized sends, from a known source, one message over each limit that a
// message can exceed, over UDP and TCP.
func oversized(ctx context.Context, s *site) (sent int, err error) {
	c, err := net.DialUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(s.hostile(fromLimits), 0)), net.UDPAddrFromAddrPort(s.releve))
	if err != nil {
		return 0, err
	}
	defer c.Close()
	from := c.LocalAddr().(*net.UDPAddr).AddrPort()
	repeat := func(n int, line string) (lines []string) {
		for range n {
			lines = append(lines, line)
		}
		return lines
	}
	for _, change := range []func(*request){
		func(r *request) { r.extra = repeat(400, "X: y") },
		func(r *request) { r.extra = repeat(90, "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx") },
		func(r *request) { r.uri = "sip:" + strings.Repeat("9", 3000) + "@" + s.releve.String() },
		func(r *request) { r.extra = repeat(1, "X: "+strings.Repeat("y", 20_000)) },
	} {
		for _, method := range []string{"INVITE", "OPTIONS", "BYE"} {
			r := newRequest(method, "UDP", from, s.releve, "0123456789")
			change(&r)
			if _, err := c.Write(r.bytes()); err != nil {
				return sent, fmt.Errorf("send what is too large: %w", err)
			}
			sent++
		}
	}
	return sent + 1, s.endless(ctx)
}

// endless sends a head over TCP that does not end, until Relève ends the
// connection.
func (s *site) endless(ctx context.Context) error {
	c, err := dial(ctx, s.hostile(fromLimits), s.releve)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = write(c, []byte("OPTIONS sip:releve SIP/2.0\r\n"))
	line := []byte("X: " + strings.Repeat("y", 1000) + "\r\n")
	for range 200 {
		if write(c, line) != nil {
			return nil
		}
	}
	if !gone(c, 5*time.Second) {
		return fmt.Errorf("a head of 200 KB is read on and on")
	}
	return nil
}

// mutants sends broken messages from a known source: those of RFC 4475 and RFC
// 5118 and good ones, each changed in a few places. Calls that come of them are
// hung up: a source that is known may fill the lines, and that is no proof.
func mutants(n int, seed uint64) func(context.Context, *site) (int, error) {
	return func(ctx context.Context, s *site) (sent int, err error) {
		f, err := newFlooder(s.hostile(fromMutant), s.releve, 0)
		if err != nil {
			return 0, err
		}
		defer f.close()
		random := rand.New(rand.NewPCG(seed, 6))
		var seeds [][]byte
		for _, m := range corpus.All() {
			seeds = append(seeds, m.Raw)
		}
		for _, method := range []string{"INVITE", "OPTIONS", "REGISTER", "BYE", "CANCEL", "ACK", "REFER", "PRACK", "UPDATE", "INFO"} {
			for range 4 {
				r := newRequest(method, "UDP", f.local, s.releve, service)
				r.body = sdp
				r.routes = []string{"<sip:" + s.releve.String() + ";lr>"}
				seeds = append(seeds, r.bytes())
			}
		}
		half := time.Second / (sourceRate / 2) // below the limit of a source: all of them are read
		sent = even(ctx, n, half*time.Duration(n), func(int) {
			f.send(mutate(random, seeds[random.IntN(len(seeds))]))
		})
		streamed, err := s.streamMutants(ctx, random, seeds, n/20)
		return sent + streamed, err
	}
}

// malformed sends the cases of testbed/conformance/protos, every each-th of
// them, from a known source.
func malformed(each int) func(context.Context, *site) (int, error) {
	return func(ctx context.Context, s *site) (sent int, err error) {
		f, err := newFlooder(s.hostile(fromMutant), s.releve, 0)
		if err != nil {
			return 0, err
		}
		defer f.close()
		var cases [][]byte
		n := 0
		for m := range (protos.Site{From: f.local.String(), To: s.releve.String()}).All(serial.Add(1)) {
			if n++; n%each == 0 && len(m.Raw) < 60_000 {
				cases = append(cases, bytes.Clone(m.Raw))
			}
		}
		sent = even(ctx, len(cases), time.Second/(sourceRate/2)*time.Duration(len(cases)), func(i int) {
			f.send(cases[i])
		})
		if sent == 0 {
			return 0, errors.New("the generator made no case")
		}
		return sent, nil
	}
}

// streamMutants sends some over TCP, each on a connection of its own: framing is
// what they break.
func (s *site) streamMutants(ctx context.Context, random *rand.Rand, seeds [][]byte, n int) (sent int, err error) {
	for range n {
		c, err := dial(ctx, s.hostile(fromMutant), s.releve)
		if errors.Is(err, syscall.ECONNRESET) {
			sent++
			continue // more at once than one source may have
		}
		if err != nil {
			return sent, err
		}
		_ = write(c, mutate(random, seeds[random.IntN(len(seeds))]))
		_ = c.Close()
		sent++
	}
	return sent, nil
}

// strange are pieces that parsers have died of (PROTOS c07 and what followed).
var strange = []string{
	"", "\x00", "\r", "\n", "\r\n", "\r\n\r\n", " ", "\t", ":", ";", ";;;;", ",", ",,,,", "\"", "<", ">", "<sip:", "@", "%00", "%", "%n%s",
	"-1", "0", "4294967296", "18446744073709551616", "99999999999999999999", "\xff\xfe", "[::1", "[", ";branch=", ";tag=", "SIP/2.0", "sip:",
	"Content-Length: 99999\r\n", "CSeq: -1 INVITE\r\n", "Via: ", "Route: <sip:;lr>\r\n", "Max-Forwards: 256\r\n",
}

// mutate changes a message in one to four places.
func mutate(random *rand.Rand, seed []byte) []byte {
	b := bytes.Clone(seed)
	for range 1 + random.IntN(4) {
		if len(b) == 0 {
			return []byte("x")
		}
		at := random.IntN(len(b))
		switch random.IntN(6) {
		case 0: // a bit
			b[at] ^= 1 << random.IntN(8)
		case 1: // cut off
			b = b[:at]
		case 2: // a piece in between
			b = splice(b, at, at, []byte(strange[random.IntN(len(strange))]))
		case 3: // a piece instead of some bytes
			b = splice(b, at, min(len(b), at+random.IntN(20)), []byte(strange[random.IntN(len(strange))]))
		case 4: // a part many times
			part := b[at:min(len(b), at+1+random.IntN(40))]
			b = splice(b, at, at, bytes.Repeat(part, 1+random.IntN(200)))
		default: // lines change places
			lines := bytes.SplitAfter(b, []byte("\r\n"))
			i, j := random.IntN(len(lines)), random.IntN(len(lines))
			lines[i], lines[j] = lines[j], lines[i]
			b = bytes.Join(lines, nil)
		}
	}
	return b[:min(len(b), 60_000)]
}

func splice(b []byte, from, to int, piece []byte) []byte {
	out := make([]byte, 0, len(b)+len(piece))
	out = append(out, b[:from]...)
	out = append(out, piece...)
	return append(out, b[to:]...)
}
