package phone

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"

	"releve/proxy/media/sound"
)

// audibleEnergy is the mean square above which a packet is heard: -40 dBm0,
// our choice: speech and prompts lie well above, line noise below.
const audibleEnergy = 1e5

// packetSamples is 20 ms at 8 kHz.
const packetSamples = 160

// Heard is what a stream received.
type Heard struct {
	Packets int // RTP packets of G.711
	Audible int // of them, those with energy of speech
	Foreign int // datagrams that are no RTP or another payload type
	Events  int // RTP packets of telephone-event (RFC 4733)
}

// stream is the media of one call: one UDP socket. Its counters are atomic,
// so that the receiving goroutine does not take the Phone's lock per packet.
type stream struct {
	conn                      *net.UDPConn
	packets, audible, foreign atomic.Int64
	events                    atomic.Int64
	first                     func() // called once, without the lock, at the first audible packet
	done                      chan struct{}

	// Written under the Phone's lock, read by the pacer under its own.
	mu      sync.Mutex
	to      netip.AddrPort
	sending bool
	header  rtp.Header
	audio   []byte // one second of A-law, looped
	at      int
	law     sound.Law // spoken; mute: none of G.711 was agreed on
	mute    bool
	lose    int   // each that many packets is not sent; 0: none
	count   int   // of packets, for lose
	event   uint8 // payload type of telephone-event; 0: none
}

func openStream(local netip.Addr, audio []byte, first func()) (*stream, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0)))
	if err != nil {
		return nil, err
	}
	s := &stream{
		conn: conn, audio: audio, first: first, done: make(chan struct{}), law: sound.ALaw,
		header: rtp.Header{Version: 2, PayloadType: uint8(sound.ALaw), SSRC: uint32(time.Now().UnixNano()), Marker: true},
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
		law := sound.Law(h.PayloadType)
		if err != nil || !law.Known() {
			s.other(h.PayloadType, err)
			continue
		}
		s.packets.Add(1)
		if energy(law, buf[at:n]) > audibleEnergy && s.audible.Add(1) == 1 && s.first != nil {
			s.first()
		}
	}
}

// other counts what is no G.711.
func (s *stream) other(payload uint8, err error) {
	s.mu.Lock()
	event := s.event
	s.mu.Unlock()
	if err == nil && event != 0 && payload == event {
		s.events.Add(1)
		return
	}
	s.foreign.Add(1)
}

// speak sets what was agreed on.
func (s *stream) speak(codecs []codec, lose int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mute, s.event, s.lose = true, 0, lose
	for _, c := range codecs {
		switch law := sound.Law(c.payload); {
		case c.name == TelephoneEvent:
			s.event = c.payload
		case law.Known() && s.mute:
			s.law, s.mute = law, false
		}
	}
	s.header.PayloadType = uint8(s.law)
}

// send writes the next packet. Called by the pacer.
func (s *stream) send() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.header.SequenceNumber++
	s.header.Timestamp += packetSamples // time goes on over silence
	if !s.sending || s.mute || !s.to.IsValid() || s.to.Port() == 0 {
		s.header.Marker = true // the next packet starts a talkspurt (RFC 3551 §4.1)
		return
	}
	var buf [12 + packetSamples]byte
	n, err := s.header.MarshalTo(buf[:])
	if err != nil {
		return
	}
	head := n
	n += copy(buf[n:], s.audio[s.at:s.at+packetSamples])
	if s.law != sound.ALaw {
		for i, b := range buf[head:n] {
			buf[head+i] = s.law.Encode(sound.ALaw.Decode(b))
		}
	}
	s.at = (s.at + packetSamples) % len(s.audio)
	s.header.Marker = false
	if s.count++; s.lose > 0 && s.count%s.lose == 0 {
		return
	}
	_, _ = s.conn.WriteToUDPAddrPort(buf[:n], s.to) // a peer that is gone is no fault of ours
}

func (s *stream) set(to netip.AddrPort, sending bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to, s.sending = to, sending
}

func (s *stream) heard() Heard {
	return Heard{int(s.packets.Load()), int(s.audible.Load()), int(s.foreign.Load()), int(s.events.Load())}
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
