package phone

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
)

// audibleEnergy is the mean square above which a packet is heard: -40 dBm0,
// our choice: speech and prompts lie well above, line noise below.
const audibleEnergy = 1e5

// packetSamples is 20 ms at 8 kHz.
const packetSamples = 160

// Heard is what a stream received.
type Heard struct {
	Packets int // RTP packets of A-law
	Audible int // of them, those with energy of speech
	Foreign int // datagrams that are no RTP or another payload type
}

// stream is the media of one call: one UDP socket. Its counters are atomic,
// so that the receiving goroutine does not take the Phone's lock per packet.
type stream struct {
	conn                      *net.UDPConn
	packets, audible, foreign atomic.Int64
	first                     func() // called once, without the lock, at the first audible packet
	done                      chan struct{}

	// Written under the Phone's lock, read by the pacer under its own.
	mu      sync.Mutex
	to      netip.AddrPort
	sending bool
	header  rtp.Header
	audio   []byte // one second, looped
	at      int
}

func openStream(local netip.Addr, audio []byte, first func()) (*stream, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0)))
	if err != nil {
		return nil, err
	}
	s := &stream{
		conn: conn, audio: audio, first: first, done: make(chan struct{}),
		header: rtp.Header{Version: 2, PayloadType: payloadALaw, SSRC: uint32(time.Now().UnixNano()), Marker: true},
	}
	go s.receive()
	return s, nil
}

func (s *stream) receive() {
	defer close(s.done)
	buf := make([]byte, 1500)
	var h rtp.Header
	for {
		n, err := s.conn.Read(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error of an earlier packet
		}
		at, err := h.Unmarshal(buf[:n])
		if err != nil || h.PayloadType != payloadALaw {
			s.foreign.Add(1)
			continue
		}
		s.packets.Add(1)
		if energy(buf[at:n]) > audibleEnergy && s.audible.Add(1) == 1 && s.first != nil {
			s.first()
		}
	}
}

// send writes the next packet. Called by the pacer.
func (s *stream) send() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.header.SequenceNumber++
	s.header.Timestamp += packetSamples // time goes on over silence
	if !s.sending || !s.to.IsValid() || s.to.Port() == 0 {
		s.header.Marker = true // the next packet starts a talkspurt (RFC 3551 §4.1)
		return
	}
	var buf [12 + packetSamples]byte
	n, err := s.header.MarshalTo(buf[:])
	if err != nil {
		return
	}
	n += copy(buf[n:], s.audio[s.at:s.at+packetSamples])
	s.at = (s.at + packetSamples) % len(s.audio)
	s.header.Marker = false
	_, _ = s.conn.WriteToUDPAddrPort(buf[:n], s.to) // a peer that is gone is no fault of ours
}

func (s *stream) set(to netip.AddrPort, sending bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to, s.sending = to, sending
}

func (s *stream) heard() Heard {
	return Heard{int(s.packets.Load()), int(s.audible.Load()), int(s.foreign.Load())}
}

// pacer sends for every stream of a Phone each 20 ms: one ticker, not one per
// call. The ticker drops ticks when it is late; so does it.
type pacer struct {
	mu      sync.Mutex
	streams map[*stream]struct{}
	stop    chan struct{}
	stopped chan struct{}
}

func newPacer() *pacer {
	p := &pacer{streams: map[*stream]struct{}{}, stop: make(chan struct{}), stopped: make(chan struct{})}
	go p.run()
	return p
}

func (p *pacer) run() {
	defer close(p.stopped)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-tick.C:
			p.mu.Lock()
			for s := range p.streams {
				s.send()
			}
			p.mu.Unlock()
		}
	}
}

func (p *pacer) add(s *stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.streams[s] = struct{}{}
}

func (p *pacer) remove(s *stream) {
	p.mu.Lock()
	delete(p.streams, s)
	p.mu.Unlock()
	_ = s.conn.Close()
}

func (p *pacer) close() {
	close(p.stop)
	<-p.stopped
}

// openMedia gives the call a socket and joins it to the pacer.
func (p *Phone) openMedia(audio []byte, first func()) (*stream, error) {
	s, err := openStream(p.local.Addr(), audio, first)
	if err != nil {
		return nil, err
	}
	if p.pacer == nil {
		p.pacer = newPacer()
	}
	p.pacer.add(s)
	return s, nil
}

func (p *Phone) closeMedia(s *stream) {
	if s == nil {
		return
	}
	if p.pacer != nil {
		p.pacer.remove(s)
		return
	}
	_ = s.conn.Close()
}

func (s *stream) local() netip.AddrPort { return s.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// noMedia is what a call without a media socket describes: our address and the
// discard port, where nobody of the testbed listens.
func (p *Phone) noMedia() netip.AddrPort { return netip.AddrPortFrom(p.local.Addr(), 9) }
