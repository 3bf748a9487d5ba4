package media

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/rtp"
)

// maxDatagram is more than any G.711 packet; what is longer is cut, and judged by
// what is left.
const maxDatagram = 2048

// Ear listens to one stream on a port of its own.
type Ear struct {
	conn  *net.UDPConn
	heard chan struct{} // closed: enough was heard
	done  chan struct{}

	mu    sync.Mutex
	began time.Time // guarded by mu; zero: nobody listens yet
	meter Meter
	from  netip.AddrPort // the source of the stream
}

// Listen opens an Ear; ErrNoPort when there is no port. What comes before Begin is
// not heard.
func (p *Ports) Listen() (*Ear, error) {
	conn, err := p.open()
	if err != nil {
		return nil, err
	}
	e := &Ear{conn: conn, heard: make(chan struct{}), done: make(chan struct{})}
	go e.run()
	return e, nil
}

// Port is where it listens.
func (e *Ear) Port() uint16 { return e.conn.LocalAddr().(*net.UDPAddr).AddrPort().Port() }

// Begin starts to listen: the call was answered. What was played before, a ringing
// tone, is no answer that can be heard.
func (e *Ear) Begin() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.began.IsZero() {
		e.began = time.Now()
	}
}

// Heard is closed when enough was heard.
func (e *Ear) Heard() <-chan struct{} { return e.heard }

// Report is what was heard so far.
func (e *Ear) Report() Report {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.meter.Report()
}

// Close ends it and returns what was heard.
func (e *Ear) Close() Report {
	_ = e.conn.Close()
	<-e.done
	return e.Report()
}

func (e *Ear) run() {
	defer close(e.done)
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := e.conn.ReadFromUDPAddrPort(buf)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err == nil:
			e.receive(time.Now(), from, buf[:n])
		}
	}
}

// receive takes one datagram. The first source that sends RTP is the stream's:
// another one is not the server's, and shall not make a mute one audible.
func (e *Ear) receive(now time.Time, from netip.AddrPort, raw []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.began.IsZero() {
		return
	}
	p, ok := Parse(raw)
	if !ok || e.from.IsValid() && from.Addr() != e.from.Addr() {
		e.meter.Foreign()
		return
	}
	e.from = from
	was := e.meter.Audible()
	e.meter.Add(now.Sub(e.began), p)
	if e.meter.Audible() && !was {
		close(e.heard)
	}
}

// Parse reads an RTP packet, without its padding (RFC 3550 §5.1); false: it is none.
// The payload lies in raw.
func Parse(raw []byte) (Packet, bool) {
	var p rtp.Packet
	// RTCP on the same port (RFC 5761 §4) would be read as payload types 64 to 95.
	if len(raw) < 12 || raw[0]>>6 != 2 || raw[1]&0x7f >= 64 && raw[1]&0x7f < 96 || p.Unmarshal(raw) != nil {
		return Packet{}, false
	}
	return Packet{
		Type: p.PayloadType, Sequence: p.SequenceNumber, Timestamp: p.Timestamp, SSRC: p.SSRC, Payload: p.Payload,
	}, true
}
