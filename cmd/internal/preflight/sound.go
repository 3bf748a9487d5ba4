package preflight

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"releve/proxy/media"
	"releve/proxy/media/sound"
)

// line of RTP: one socket that plays and hears, as a telephone has.
type rtpLine struct {
	conn  *net.UDPConn
	start time.Time
	done  chan struct{}
	quit  chan struct{}
	once  sync.Once

	mu    sync.Mutex // guards what follows
	meter media.Meter
	from  netip.Addr // the first source that sends RTP
	play  sync.WaitGroup
}

// openLine opens a socket at addr and hears from now on.
func openLine(addr netip.Addr) (*rtpLine, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
	if err != nil {
		return nil, fmt.Errorf("open a port for sound: %w", err)
	}
	l := &rtpLine{conn: conn, start: time.Now(), done: make(chan struct{}), quit: make(chan struct{})}
	go l.hear()
	return l, nil
}

func (l *rtpLine) addr() netip.AddrPort {
	a := l.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

func (l *rtpLine) hear() {
	defer close(l.done)
	buf := make([]byte, 2048)
	for {
		n, from, err := l.conn.ReadFromUDPAddrPort(buf)
		select {
		case <-l.quit:
			return
		default:
		}
		if err != nil {
			continue // ICMP of the far end's closed port
		}
		p, ok := media.Parse(buf[:n])
		l.mu.Lock()
		if l.from.IsValid() && l.from != from.Addr() {
			ok = false
		}
		if ok {
			l.from = from.Addr()
			l.meter.Add(time.Since(l.start), p)
		} else {
			l.meter.Foreign()
		}
		l.mu.Unlock()
	}
}

func (l *rtpLine) report() media.Report {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.meter.Report()
}

// close ends it; twice is once.
func (l *rtpLine) close() media.Report {
	if l == nil {
		return media.Report{}
	}
	l.once.Do(func() {
		close(l.quit)
		_ = l.conn.Close()
		l.play.Wait()
		<-l.done
	})
	return l.report()
}

// What is played: a tone of 440 Hz; silence towards a voice server, which might take a
// tone for an answer.
const (
	frame      = 160 // samples of 20 ms
	framePause = 20 * time.Millisecond
)

// speak sends G.711 to the far end of a description until close.
func (l *rtpLine) speak(to netip.AddrPort, law media.Law, tone bool) {
	if !to.IsValid() || to.Port() < 1024 || to.Addr().IsMulticast() || to.Addr().IsUnspecified() {
		return
	}
	l.play.Go(func() {
		packet := make([]byte, 12+frame)
		packet[0], packet[1] = 0x80, byte(law)
		binary.BigEndian.PutUint32(packet[8:], rand.Uint32())
		tick := time.NewTicker(framePause)
		defer tick.Stop()
		for n := uint32(0); ; n++ {
			binary.BigEndian.PutUint16(packet[2:], uint16(n))
			binary.BigEndian.PutUint32(packet[4:], n*frame)
			for i := range frame {
				packet[12+i] = sample(law, tone, int(n)*frame+i)
			}
			_, _ = l.conn.WriteToUDPAddrPort(packet, to)
			select {
			case <-l.quit:
				return
			case <-tick.C:
			}
		}
	})
}

func sample(law media.Law, tone bool, at int) byte {
	if !tone {
		return law.Silence()
	}
	return law.Encode(int16(8000 * math.Sin(2*math.Pi*440*float64(at)/sound.Rate)))
}

// offer describes a call of ours: both laws and the keys, or what codecs says.
func offer(at netip.AddrPort, direction string) []byte {
	family := "IP4"
	if at.Addr().Is6() {
		family = "IP6"
	}
	return fmt.Appendf(nil, "v=0\r\no=releve %d 1 IN %s %s\r\ns=-\r\nc=IN %[2]s %[3]s\r\nt=0 0\r\n"+
		"m=audio %d RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"+
		"a=fmtp:101 0-15\r\na=ptime:20\r\na=%s\r\n", rand.Uint32(), family, at.Addr(), at.Port(), direction)
}

// described is what a session description of the far end says of its first audio
// stream.
type described struct {
	found   bool
	to      netip.AddrPort
	codecs  []string // names, in its order: PCMA, G729, telephone-event
	laws    []media.Law
	dtmf    string // payload type of telephone-event; "": none
	refused bool   // port 0
}

// staticNames are the payload types with a name of their own (RFC 3551 §6).
func staticName(payload string) string {
	switch payload {
	case "0":
		return "PCMU"
	case "3":
		return "GSM"
	case "4":
		return "G723"
	case "8":
		return "PCMA"
	case "9":
		return "G722"
	case "13":
		return "CN"
	case "18":
		return "G729"
	}
	return ""
}

// describe reads the far end's description; what cannot be read is left out.
func describe(body []byte) (d described) {
	var payloads []string
	names := map[string]string{}
	var addr netip.Addr
	port := uint64(0)
	inAudio, streams := false, 0
	for l := range strings.Lines(string(body)) {
		l = strings.TrimRight(l, "\r\n")
		kind, value, ok := strings.Cut(l, "=")
		if !ok {
			continue
		}
		switch kind {
		case "m":
			streams++
			f := strings.Fields(value)
			inAudio = len(f) >= 4 && f[0] == "audio" && !d.found
			if inAudio {
				d.found, payloads = true, f[3:]
				port, _ = strconv.ParseUint(f[1], 10, 16)
			}
		case "c":
			f := strings.Fields(value)
			if (inAudio || streams == 0) && len(f) == 3 {
				if a, err := netip.ParseAddr(f[2]); err == nil {
					addr = a
				}
			}
		case "a":
			if rest, ok := strings.CutPrefix(value, "rtpmap:"); ok && inAudio && len(names) < 64 {
				payload, name, _ := strings.Cut(rest, " ")
				name, _, _ = strings.Cut(strings.TrimSpace(name), "/")
				names[payload] = printable(name)
			}
		}
	}
	if addr.IsValid() {
		d.to = netip.AddrPortFrom(addr, uint16(port))
	}
	d.refused = d.found && port == 0
	for i, p := range payloads {
		if i == 32 {
			break
		}
		d.take(p, names[p])
	}
	return d
}

// take enters one payload type.
func (d *described) take(payload, name string) {
	if name == "" {
		name = staticName(payload)
	}
	if name == "" {
		name = printable(payload)
	}
	d.codecs = append(d.codecs, name)
	switch {
	case strings.EqualFold(name, "telephone-event"):
		d.dtmf = payload
	case payload == "8":
		d.laws = append(d.laws, media.ALaw)
	case payload == "0":
		d.laws = append(d.laws, media.MuLaw)
	}
}
