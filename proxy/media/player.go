package media

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"

	"releve/proxy/media/sound"
)

const (
	// maxListeners bounds who hears the prompt at once, and with it what it sends: 50
	// packets a second each. Our choice.
	maxListeners = 256
	// playLimit is how long one listener is played to at most, whoever forgets to stop
	// it; our choice, longer than anybody is held.
	playLimit = 3 * time.Minute
	// behind is how late the pacer may be and still send what it owes; what is older is
	// left out, as a pause of the machine makes no burst. Our choice.
	behind = 5 * packetTime
)

// Player plays one prompt, over and over, to each listener from its beginning.
// One socket and one goroutine for all. Play and the stop it returns take a lock that
// is never held while sending.
type Player struct {
	prompt *sound.Prompt
	conn   *net.UDPConn
	port   uint16

	mu     sync.Mutex // guards what follows
	coming []*listener
	closed bool

	active  atomic.Int64
	played  atomic.Uint64
	refused atomic.Uint64
	packets atomic.Uint64
	wake    chan struct{}
	quit    chan struct{} // closed by Close
	done    chan struct{}
}

// listener is one caller who hears the prompt; owned by the pacer, but for over.
type listener struct {
	to     netip.AddrPort
	audio  []byte
	at     int
	left   int // packets until playLimit
	header rtp.Header
	over   atomic.Bool
}

// Player opens a port and plays p there.
func (p *Ports) Player(prompt *sound.Prompt) (*Player, error) {
	conn, err := p.open()
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(1) // what callers say is not read: the kernel keeps as little as it can
	pl := &Player{
		prompt: prompt, conn: conn, port: conn.LocalAddr().(*net.UDPAddr).AddrPort().Port(),
		wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	go pl.run()
	return pl, nil
}

// Port is where it plays from.
func (p *Player) Port() uint16 { return p.port }

// Play begins to play to a caller; stop ends that, at once and once or more often.
// false: as many hear it as may, or it is closed. It does not block.
func (p *Player) Play(c Caller) (stop func(), ok bool) {
	if p.active.Add(1) > maxListeners {
		p.active.Add(-1)
		p.refused.Add(1)
		return nil, false
	}
	l := &listener{
		to: c.To, audio: p.prompt.Of(c.Law), left: int(playLimit / packetTime),
		header: rtp.Header{ // random beginnings (RFC 3550 §5.1)
			Version: 2, PayloadType: uint8(c.Law), Marker: true, SSRC: rand.Uint32(),
			SequenceNumber: uint16(rand.Uint32()), Timestamp: rand.Uint32(),
		},
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		p.active.Add(-1)
		return nil, false
	}
	p.coming = append(p.coming, l)
	p.mu.Unlock()
	p.played.Add(1)
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return func() { l.over.Store(true) }, true
}

// Playing is how many listen now.
func (p *Player) Playing() int64 { return max(0, min(p.active.Load(), maxListeners)) }

// Played is the number of callers that heard it begin.
func (p *Player) Played() uint64 { return p.played.Load() }

// Refused is how often there was no room.
func (p *Player) Refused() uint64 { return p.refused.Load() }

// Packets is the number of packets sent.
func (p *Player) Packets() uint64 { return p.packets.Load() }

// MaxListeners is how many may listen at once.
func (p *Player) MaxListeners() int64 { return maxListeners }

// Close ends it.
func (p *Player) Close() {
	p.mu.Lock()
	closed := p.closed
	p.closed = true
	p.mu.Unlock()
	if !closed {
		close(p.quit)
	}
	<-p.done
	_ = p.conn.Close()
}

// run paces: packet n of the schedule is due packetTime*n after its beginning, so
// that nothing drifts. Without listeners it sleeps.
func (p *Player) run() {
	defer close(p.done)
	var listening []*listener
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	due := time.Now()
	for {
		if len(listening) == 0 {
			select {
			case <-p.wake:
			case <-p.quit:
				return
			}
			due = time.Now()
		} else if timer.Reset(time.Until(due)); !p.slept(timer) {
			return
		}
		listening = p.arrived(listening)
		late := 1
		if now := time.Now(); now.Sub(due) > behind {
			late += int(now.Sub(due) / packetTime)
		}
		listening = p.tick(listening, late, due)
		due = due.Add(time.Duration(late) * packetTime)
	}
}

// slept waits for the timer; false: it was closed. Who comes meanwhile waits for the
// next packet.
func (p *Player) slept(timer *time.Timer) bool {
	for {
		select {
		case <-timer.C:
			return true
		case <-p.wake:
		case <-p.quit:
			return false
		}
	}
}

func (p *Player) arrived(listening []*listener) []*listener {
	p.mu.Lock()
	defer p.mu.Unlock()
	listening = append(listening, p.coming...)
	p.coming = p.coming[:0]
	return listening
}

// tick sends one packet to each listener, after steps packets of the schedule: more
// than one were left out, and time went on (RFC 3550 §5.1).
func (p *Player) tick(listening []*listener, steps int, due time.Time) []*listener {
	_ = p.conn.SetWriteDeadline(due.Add(behind + time.Second)) // a full buffer holds up nobody for long
	kept := listening[:0]
	for _, l := range listening {
		if l.left -= steps; l.over.Load() || l.left < 0 {
			p.active.Add(-1)
			continue
		}
		kept = append(kept, l)
		p.send(l, steps)
	}
	clear(listening[len(kept):])
	return kept
}

func (p *Player) send(l *listener, steps int) {
	var buf [12 + packetSamples]byte
	l.at = (l.at + (steps-1)*packetSamples) % len(l.audio)
	l.header.Timestamp += uint32((steps - 1) * packetSamples)
	l.header.Marker = l.header.Marker || steps > 1 // the first of a talkspurt (RFC 3551 §4.1)
	n, err := l.header.MarshalTo(buf[:])
	if err != nil {
		return
	}
	n += copy(buf[n:], l.audio[l.at:l.at+packetSamples])
	l.at = (l.at + packetSamples) % len(l.audio)
	l.header.SequenceNumber++
	l.header.Timestamp += packetSamples
	l.header.Marker = false
	if _, err := p.conn.WriteToUDPAddrPort(buf[:n], l.to); err == nil { // a caller who is gone is no fault of ours
		p.packets.Add(1)
	}
}
