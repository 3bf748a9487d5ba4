package media

import (
	"math"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
)

const ms = time.Millisecond

// sine is n samples of a tone at level dBm0.
func sine(law Law, n int, level float64) []byte {
	amplitude := math.Sqrt(2 * fullScaleSquare * math.Pow(10, (level-fullScale)/10))
	out := make([]byte, n)
	for i := range out {
		out[i] = law.Encode(int16(amplitude * math.Sin(2*math.Pi*440*float64(i)/Rate)))
	}
	return out
}

func TestLevel(t *testing.T) {
	for _, law := range []Law{ALaw, MuLaw} {
		for _, want := range []float64{0, -10, -20, -30, -40} {
			var w window
			for _, b := range sine(law, windowSamples, want) {
				w.add(law.Decode(b))
			}
			if got := w.level(); math.Abs(got-want) > 0.5 {
				t.Errorf("law %d: a tone of %v dBm0 is said to be %v", law, want, got)
			}
		}
	}
}

// feed enters n packets of 20 ms that hold audio, over and over.
func feed(m *Meter, n int, kind uint8, audio []byte) {
	for i := range n {
		at := (i * packetSamples) % len(audio)
		m.Add(time.Duration(i+1)*packetTime, Packet{
			Type: kind, Sequence: uint16(65530 + i), Timestamp: uint32(i * packetSamples), SSRC: 7, Payload: audio[at : at+packetSamples],
		})
	}
}

func noise(law Law, level float64) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([]byte, Rate)
	deviation := math.Sqrt(fullScaleSquare * math.Pow(10, (level-fullScale)/10))
	for i := range out {
		out[i] = law.Encode(int16(r.NormFloat64() * deviation))
	}
	return out
}

func constant(b byte) []byte {
	out := make([]byte, Rate)
	for i := range out {
		out[i] = b
	}
	return out
}

func TestJudge(t *testing.T) {
	for _, x := range []struct {
		name  string
		kind  uint8
		audio []byte
		want  Sound
	}{
		{"speech level, A-law", 8, sine(ALaw, Rate, -20), Audible},
		{"speech level, µ-law", 0, sine(MuLaw, Rate, -20), Audible},
		{"a quiet prompt", 8, sine(ALaw, Rate, -40), Audible},
		{"silence, A-law", 8, constant(ALaw.Silence()), Silent},
		{"silence, µ-law", 0, constant(MuLaw.Silence()), Silent},
		{"idle noise of A-law", 8, noise(ALaw, -70), Silent},
		{"comfort noise", 8, noise(ALaw, -55), Silent},
		{"a codec that is stuck at full scale", 0, constant(0x80), Silent},
		{"zero bytes", 8, constant(0), Silent},
		{"comfort noise packets (RFC 3389)", 13, sine(ALaw, Rate, -20), Silent},
		{"another codec", 9, sine(ALaw, Rate, -20), Silent},
	} {
		var m Meter
		feed(&m, 50, x.kind, x.audio)
		if got := Judge(m.Report(), 2*time.Second); got != x.want {
			t.Errorf("%s: %d, want %d; %+v", x.name, got, x.want, m.Report())
		}
	}
	if got := Judge(Report{}, time.Second); got != NoPackets {
		t.Errorf("nothing: %d", got)
	}
}

// A click is no sound; sound after the limit is late.
func TestJudgeInTime(t *testing.T) {
	var click Meter
	feed(&click, 10, 8, append(sine(ALaw, 2*windowSamples, -10), constant(ALaw.Silence())...))
	if got := Judge(click.Report(), time.Second); got != Silent {
		t.Errorf("a click of 200 ms: %d %+v", got, click.Report())
	}
	var m Meter
	feed(&m, 50, 8, sine(ALaw, Rate, -20))
	r := m.Report()
	if r.AudibleAt != 300*ms || r.FirstAt != 20*ms {
		t.Errorf("heard at %v, first packet at %v", r.AudibleAt, r.FirstAt)
	}
	if Judge(r, 299*ms) != Late || Judge(r, 300*ms) != Audible {
		t.Error("the limit is not kept")
	}
}

func TestLossOrderDuplicates(t *testing.T) {
	for _, x := range []struct {
		name                                string
		numbers                             []uint16
		packets, lost, duplicate, reordered int
	}{
		{"in order", []uint16{1, 2, 3}, 3, 0, 0, 0},
		{"over the wrap", []uint16{65534, 65535, 0, 1}, 4, 0, 0, 0},
		{"two lost", []uint16{1, 4, 5}, 3, 2, 0, 0},
		{"lost over the wrap", []uint16{65535, 2}, 2, 2, 0, 0},
		{"twice", []uint16{1, 2, 2, 1, 3}, 3, 0, 2, 0},
		{"swapped", []uint16{1, 3, 2, 4}, 4, 0, 0, 1},
		{"swapped and twice", []uint16{1, 3, 2, 2, 4}, 4, 0, 1, 1},
		{"swapped over the wrap", []uint16{65534, 0, 65535, 1}, 4, 0, 0, 1},
		{"began anew", []uint16{1, 2, 30000, 30001, 30002}, 5, 0, 0, 1},
		{"a stray number", []uint16{1, 2, 30000, 3, 4}, 5, 0, 0, 1},
	} {
		var m Meter
		for i, n := range x.numbers {
			m.Add(time.Duration(i)*packetTime, Packet{Type: 8, Sequence: n, SSRC: 1})
		}
		r := m.Report()
		if r.Packets != x.packets || r.Lost != x.lost || r.Duplicates != x.duplicate || r.Reordered != x.reordered {
			t.Errorf("%s: %+v", x.name, r)
		}
	}
}

// Another SSRC is another source: its numbers begin where they will.
func TestSourceChanges(t *testing.T) {
	var m Meter
	for i, n := range []uint16{10, 12} {
		m.Add(time.Duration(i)*packetTime, Packet{Type: 8, Sequence: n, SSRC: 1})
	}
	m.Add(60*ms, Packet{Type: 8, Sequence: 50000, Timestamp: 99, SSRC: 2})
	if r := m.Report(); r.Packets != 3 || r.Lost != 1 || r.Jitter > 20*ms {
		t.Errorf("%+v", r)
	}
}

// RFC 3550 §6.4.1 by hand: packets of 20 ms that come 20, 30 and 20 ms apart have D
// of 0, 10 and 0 ms.
func TestJitter(t *testing.T) {
	var m Meter
	for i, at := range []time.Duration{0, 20, 50, 70} {
		m.Add(at*ms, Packet{Type: 8, Sequence: uint16(i), Timestamp: uint32(i*160) - 300, SSRC: 1}) // the stamp wraps
	}
	want := 10 * ms / 16 * 15 / 16
	if got := m.Report().Jitter; (got - want).Abs() > 2*time.Microsecond {
		t.Errorf("%v, want %v", got, want)
	}
}

func packet(t *testing.T, h rtp.Header, payload []byte) []byte {
	t.Helper()
	h.Version = 2
	raw, err := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestParse(t *testing.T) {
	plain := packet(t, rtp.Header{PayloadType: 8, SequenceNumber: 3, Timestamp: 4, SSRC: 5}, []byte{1, 2, 3})
	p, ok := Parse(plain)
	if !ok || p.Type != 8 || p.Sequence != 3 || p.Timestamp != 4 || p.SSRC != 5 || len(p.Payload) != 3 {
		t.Errorf("%v %+v", ok, p)
	}
	padded := append(append([]byte(nil), plain...), 0, 2)
	padded[0] |= 0x20
	if p, ok := Parse(padded); !ok || len(p.Payload) != 3 {
		t.Errorf("padding: %v %+v", ok, p)
	}
	for name, raw := range map[string][]byte{
		"empty": nil, "short": plain[:11], "version 1": append([]byte{0x40}, plain[1:]...),
		"RTCP": {0x80, 200, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0}, "too much padding": {0xa0, 8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 99},
	} {
		if _, ok := Parse(raw); ok {
			t.Errorf("%s is taken for RTP", name)
		}
	}
}

// Whatever comes, the report stays within what came.
func FuzzPackets(f *testing.F) {
	f.Add([]byte{0x80, 8, 0, 1, 0, 0, 0, 160, 0, 0, 0, 1, 0xd5, 0xd5}, uint16(3))
	f.Add([]byte{0xb0, 0x80, 0xff, 0xff, 0, 0, 0, 160, 0, 0, 0, 1, 0xbe, 0xde, 0, 1, 0x10, 1, 0, 0, 2}, uint16(40000))
	f.Fuzz(func(t *testing.T, raw []byte, jump uint16) {
		var m Meter
		sent := 0
		for i := range 4 {
			p, ok := Parse(raw)
			if !ok {
				return
			}
			if len(p.Payload) > len(raw)-12 {
				t.Fatalf("a payload of %d bytes in %d", len(p.Payload), len(raw))
			}
			p.Sequence += uint16(i) * jump
			m.Add(time.Duration(i)*packetTime, p)
			sent++
		}
		if r := m.Report(); r.Packets+r.Duplicates != sent || r.Lost < 0 || r.Lost > sent<<16 || r.Jitter < 0 || math.IsNaN(float64(r.Loudest)) {
			t.Fatalf("%+v", r)
		}
	})
}

func TestEarHearsAfterTheAnswerOnly(t *testing.T) {
	local := netip.MustParseAddr("127.0.0.1")
	e, err := NewPorts(local, 0, 0).Listen()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	from, other := netip.MustParseAddrPort("127.0.0.9:4000"), netip.MustParseAddrPort("127.0.0.8:4000")
	loud := sine(ALaw, Rate, -20)
	send := func(from netip.AddrPort, n uint16) {
		at := int(n) * packetSamples % Rate
		e.receive(now.Add(time.Duration(n)*packetTime), from,
			packet(t, rtp.Header{PayloadType: 8, SequenceNumber: n, Timestamp: uint32(n) * 160, SSRC: 1}, loud[at:at+packetSamples]))
	}
	send(from, 0)
	e.Begin()
	e.receive(now, from, []byte("not RTP"))
	for n := range uint16(20) {
		send(from, n)
		send(other, n)
	}
	select {
	case <-e.Heard():
	default:
		t.Error("nothing was heard")
	}
	if r := e.Close(); r.Packets != 20 || r.Foreign != 21 || Judge(r, time.Second) != Audible {
		t.Errorf("%+v", r)
	}
}

func TestPortsAreBounded(t *testing.T) {
	ports := NewPorts(netip.MustParseAddr("127.0.0.77"), 41001, 41005)
	if ports.Capacity() != 2 { // 41002 and 41004: even ones
		t.Fatalf("%d ports", ports.Capacity())
	}
	var open []*Ear
	for range 2 {
		e, err := ports.Listen()
		if err != nil {
			t.Fatal(err)
		}
		if e.Port()%2 != 0 {
			t.Errorf("port %d", e.Port())
		}
		open = append(open, e)
	}
	if _, err := ports.Listen(); err == nil || ports.Refused() != 1 {
		t.Errorf("a third port: %v, %d counted", err, ports.Refused())
	}
	open[0].Close()
	e, err := ports.Listen()
	if err != nil {
		t.Fatalf("after one was closed: %v", err)
	}
	e.Close()
	open[1].Close()
}

// What an IPBX offers, and what is answered, line by line.
func TestOfferAndAnswer(t *testing.T) {
	const head = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n"
	at := netip.MustParseAddrPort("10.20.0.5:16384")
	for _, x := range []struct{ name, offer, to, answer string }{
		{
			"A-law first, of several", head + "m=audio 4000 RTP/AVP 18 8 0 101\r\na=rtpmap:8 PCMA/8000\r\n", "10.0.0.1:4000",
			"m=audio 16384 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=ptime:20\r\na=sendrecv\r\n",
		},
		{
			"µ-law first; a bare line end", strings.ReplaceAll(head, "\r\n", "\n") + "m=audio 4000 RTP/AVP 0 8\n", "10.0.0.1:4000",
			"m=audio 16384 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\na=sendrecv\r\n",
		},
		{
			"an address of its own, and video before", head + "m=video 4002 RTP/AVP 96\r\nm=audio 4000/2 RTP/AVP 8\r\nm=audio 4004 RTP/AVP 8\r\nc=IN IP4 10.0.0.9\r\na=recvonly\r\n",
			"10.0.0.9:4004",
			"m=video 0 RTP/AVP 96\r\nm=audio 0 RTP/AVP 8\r\nm=audio 16384 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=ptime:20\r\na=sendonly\r\n",
		},
		{
			"IPv6", strings.ReplaceAll(head, "IP4 10.0.0.1", "IP6 2001:db8::1") + "m=audio 4000 RTP/AVP 8\r\n", "[2001:db8::1]:4000",
			"m=audio 16384 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=ptime:20\r\na=sendrecv\r\n",
		},
	} {
		c, ok := ReadOffer([]byte(x.offer))
		want := "v=0\r\no=releve 7 7 IN IP4 10.20.0.5\r\ns=-\r\nc=IN IP4 10.20.0.5\r\nt=0 0\r\n" + x.answer
		if got := string(c.Answer(7, at)); !ok || c.To.String() != x.to || got != want {
			t.Errorf("%s: %v %v\n%s\nwant\n%s", x.name, ok, c.To, got, want)
		}
	}
	for name, offer := range map[string]string{
		"empty": "", "no audio": head + "m=video 4000 RTP/AVP 8\r\n", "no G.711": head + "m=audio 4000 RTP/AVP 18 101\r\n",
		"encrypted": head + "m=audio 4000 RTP/SAVP 8\r\n", "on hold": head + "m=audio 4000 RTP/AVP 8\r\na=sendonly\r\n",
		"inactive session": head + "a=inactive\r\nm=audio 4000 RTP/AVP 8\r\n", "refused": head + "m=audio 0 RTP/AVP 8\r\n",
		"a system port":      head + "m=audio 53 RTP/AVP 8\r\n",
		"a multicast stream": strings.ReplaceAll(head, "10.0.0.1", "239.1.1.1") + "m=audio 4000 RTP/AVP 8\r\n",
		"everybody":          strings.ReplaceAll(head, "10.0.0.1", "255.255.255.255") + "m=audio 4000 RTP/AVP 8\r\n",
		"nobody":             strings.ReplaceAll(head, "10.0.0.1", "0.0.0.0") + "m=audio 4000 RTP/AVP 8\r\n",
		"a name":             strings.ReplaceAll(head, "10.0.0.1", "ipbx.example") + "m=audio 4000 RTP/AVP 8\r\n",
		"packets too long":   head + "m=audio 4000 RTP/AVP 8\r\na=maxptime:10\r\n",
		"too many streams":   head + strings.Repeat("m=audio 4000 RTP/AVP 8\r\n", maxStreams+1),
	} {
		if c, ok := ReadOffer([]byte(offer)); ok {
			t.Errorf("%s: taken, %+v", name, c)
		}
	}
	// What we offer ourselves is an offer that we would take.
	if c, ok := ReadOffer(Describe(1, at)); !ok || c.To != at || c.Law != ALaw {
		t.Errorf("our own offer: %v %+v", ok, c)
	}
}

// An answer has the streams of its offer, whatever that was, and no line of anybody
// else's making.
func FuzzOffer(f *testing.F) {
	f.Add([]byte("v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 8\r\nm=video 2 x 3\r\n"))
	f.Fuzz(func(t *testing.T, offer []byte) {
		c, ok := ReadOffer(offer)
		if !ok {
			return
		}
		answer := string(c.Answer(1, netip.MustParseAddrPort("10.0.0.1:2")))
		if n := strings.Count(answer, "m="); !c.To.IsValid() || c.To.Port() < 1024 || strings.Count(answer, "\r\nm=") != len(c.streams) || n < 1 {
			t.Fatalf("%+v\n%q", c, answer)
		}
		for _, line := range strings.Split(strings.TrimSuffix(answer, "\r\n"), "\r\n") {
			if len(line) < 2 || line[1] != '=' || strings.ContainsAny(line, "\r\n") {
				t.Fatalf("%q", answer)
			}
		}
	})
}
