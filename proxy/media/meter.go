package media

import "time"

// Packet is what a Meter reads of one RTP packet.
type Packet struct {
	Type      uint8 // payload type
	Sequence  uint16
	Timestamp uint32
	SSRC      uint32
	Payload   []byte
}

// Report is what was heard of a stream.
type Report struct {
	Packets    int           // RTP packets, whatever they hold, but no duplicate
	Lost       int           // expected and never come (RFC 3550 A.3)
	Duplicates int           // came twice
	Reordered  int           // came after a later one
	Foreign    int           // datagrams that are no RTP, or of a source that is not the stream's
	Odd        int           // packets that hold no G.711: comfort noise, events, another codec
	Jitter     time.Duration // interarrival jitter (RFC 3550 §6.4.1)
	FirstAt    time.Duration // the first packet; 0: none came
	AudibleAt  time.Duration // when enough was heard; 0: never
	Windows    int           // of 100 ms, that could be judged
	Heard      int           // of them, those with sound
	Loudest    float64       // dBm0 of the loudest; with Windows
}

// Meter measures one stream. The zero value is ready; instants are times since its
// owner began, and rise. Not safe for concurrent use.
type Meter struct {
	report  Report
	started bool
	source  sequence
	ssrc    uint32
	clock   int64 // transit time of the last packet, in timestamp units
	timed   bool
	jitter  float64 // in timestamp units
	window  window
	lost    int // of sources that ended before this one
}

// Add enters a packet that came at. A packet of another SSRC begins the source anew:
// a server may change it between its ringing and its answer.
func (m *Meter) Add(at time.Duration, p Packet) {
	if !m.started || p.SSRC != m.ssrc {
		m.lost += m.source.lost()
		m.source, m.ssrc, m.started, m.timed = sequence{}, p.SSRC, true, false
	}
	switch m.source.add(p.Sequence) {
	case duplicate:
		m.report.Duplicates++
		return
	case reordered:
		m.report.Reordered++
	case restarted:
		m.timed = false
	}
	if m.report.Packets++; m.report.Packets == 1 {
		m.report.FirstAt = max(at, 1)
	}
	m.time(at, p.Timestamp)
	law := Law(p.Type)
	if !law.Known() {
		m.report.Odd++
		return
	}
	for _, b := range p.Payload {
		m.hear(at, law.Decode(b))
	}
}

// Foreign enters a datagram that is not of the stream.
func (m *Meter) Foreign() { m.report.Foreign++ }

// time is the interarrival jitter, J += (|D| - J) / 16 (RFC 3550 §6.4.1, A.8).
func (m *Meter) time(at time.Duration, stamp uint32) {
	transit := int64(uint32(int64(at)*Rate/int64(time.Second)) - stamp)
	if m.timed {
		d := int64(int32(uint32(transit) - uint32(m.clock))) // both wrap
		m.jitter += (float64(max(d, -d)) - m.jitter) / 16
	}
	m.clock, m.timed = transit, true
}

func (m *Meter) hear(at time.Duration, sample int16) {
	m.window.add(sample)
	if m.window.n < windowSamples {
		return
	}
	level := m.window.level()
	if m.report.Windows == 0 || level > m.report.Loudest {
		m.report.Loudest = level
	}
	m.report.Windows++
	m.window = window{}
	if level < audibleLevel {
		return
	}
	if m.report.Heard++; m.report.Heard == enoughWindows {
		m.report.AudibleAt = max(at, 1)
	}
}

// Audible says that enough was heard.
func (m *Meter) Audible() bool { return m.report.AudibleAt != 0 }

// Report is what was heard so far.
func (m *Meter) Report() Report {
	r := m.report
	r.Lost = m.lost + m.source.lost()
	r.Jitter = time.Duration(m.jitter * float64(time.Second) / Rate)
	return r
}

// Sound is what a test call heard.
type Sound uint8

// NoPackets: nothing came. Silent: packets, and no sound in them. Late: sound, after
// the limit. Audible: sound in time.
const (
	NoPackets Sound = iota
	Silent
	Late
	Audible
)

// Judge says what a stream was that shall be heard within limit. Constant tones are
// sound; comfort noise, silence and a stuck codec are not.
func Judge(r Report, limit time.Duration) Sound {
	switch {
	case r.AudibleAt != 0 && r.AudibleAt <= limit:
		return Audible
	case r.AudibleAt != 0:
		return Late
	case r.Packets > 0:
		return Silent
	}
	return NoPackets
}
