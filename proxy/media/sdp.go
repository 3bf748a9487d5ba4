package media

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Describe is the offer of a test call that listens at: G.711 of both laws, 20 ms
// (RFC 4566; RFC 3264 §5). It says sendrecv, though we send nothing: some servers take
// recvonly for a call on hold, and play nothing.
func Describe(id uint64, at netip.AddrPort) []byte {
	return fmt.Appendf(nil, "v=0\r\no=releve %d %d IN %s\r\ns=-\r\nc=IN %[3]s\r\nt=0 0\r\n"+
		"m=audio %d RTP/AVP 8 0\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\na=sendrecv\r\n",
		id, id, connection(at.Addr()), at.Port())
}

func connection(a netip.Addr) string {
	if a.Is4() {
		return "IP4 " + a.String()
	}
	return "IP6 " + a.String()
}

// maxStreams bounds the streams of an offer that is answered; our choice.
const maxStreams = 8

// Caller is what an offer says of where a prompt may be played.
type Caller struct {
	To       netip.AddrPort
	Law      Law
	one      bool     // the caller only receives
	streams  []string // "audio 4000 RTP/AVP 8 0" of each m line
	answered int      // the one that is answered
}

// described is one description of an offer: its session part or a stream.
type described struct {
	media     string
	addr      netip.Addr
	direction string
	tooShort  bool // maxptime below a packet of ours
}

// ReadOffer finds the first audio stream of an offer that takes G.711 over plain RTP
// and receives; false: there is none, and no prompt can be played. An address that
// nobody may be called at (unspecified, multicast, broadcast) and ports below 1,024
// are none: our choice, for the offer is a stranger's word.
func ReadOffer(body []byte) (Caller, bool) {
	all := describe(body)
	if len(all) < 2 || len(all)-1 > maxStreams {
		return Caller{}, false
	}
	c, found := Caller{}, false
	for i, d := range all[1:] {
		c.streams = append(c.streams, d.media)
		if d.addr = either(d.addr, all[0].addr); !found {
			d.direction = cmp.Or(d.direction, all[0].direction)
			if found = c.take(d); found {
				c.answered = i
			}
		}
	}
	return c, found
}

func either(a, b netip.Addr) netip.Addr {
	if a.IsValid() {
		return a
	}
	return b
}

// describe splits an offer: the session's part first.
func describe(body []byte) []described {
	all := []described{{}}
	for line := range strings.Lines(string(body)) {
		line = strings.TrimRight(line, "\r\n")
		kind, value, ok := strings.Cut(line, "=")
		last := &all[len(all)-1]
		switch {
		case !ok:
		case kind == "m":
			if len(all) > maxStreams {
				return nil
			}
			all = append(all, described{media: value})
		case kind == "c":
			last.addr = connectionOf(value)
		case kind != "a":
		case value == "sendrecv", value == "recvonly", value == "sendonly", value == "inactive":
			last.direction = value
		case strings.HasPrefix(value, "maxptime:"):
			n, err := strconv.Atoi(strings.TrimSpace(value[len("maxptime:"):]))
			last.tooShort = err == nil && n < int(packetTime.Milliseconds())
		}
	}
	return all
}

// connectionOf reads the address of a c line: "IN IP4 10.0.0.1", with what RFC 4566
// §5.7 lets follow a multicast address. A name is none: nothing is asked for here.
func connectionOf(value string) netip.Addr {
	parts := strings.Fields(value)
	if len(parts) != 3 || parts[0] != "IN" {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(parts[2])
	if err != nil || a.Zone() != "" || a.Is4() != (parts[1] == "IP4") {
		return netip.Addr{}
	}
	return a
}

// take reads one stream.
func (c *Caller) take(d described) bool {
	parts := strings.Fields(d.media)
	if len(parts) < 4 || parts[0] != "audio" || parts[2] != "RTP/AVP" || d.tooShort {
		return false
	}
	port, err := strconv.ParseUint(parts[1], 10, 16)
	if err != nil || port < 1024 || !callable(d.addr) || d.direction == "sendonly" || d.direction == "inactive" {
		return false
	}
	law := slices.IndexFunc(parts[3:], func(p string) bool { return p == "8" || p == "0" })
	if law < 0 {
		return false
	}
	c.Law = ALaw
	if parts[3+law] == "0" {
		c.Law = MuLaw
	}
	c.To, c.one = netip.AddrPortFrom(d.addr, uint16(port)), d.direction == "recvonly"
	return true
}

func callable(a netip.Addr) bool {
	return a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// Answer is our answer (RFC 3264 §6): as many streams as offered, the one that is
// played to from at, the others refused. sendrecv is answered by sendrecv, what comes
// is dropped: some IPBXs take sendonly for a call on hold, and play their own music.
func (c *Caller) Answer(id uint64, at netip.AddrPort) []byte {
	out := fmt.Appendf(nil, "v=0\r\no=releve %d %d IN %s\r\ns=-\r\nc=IN %[3]s\r\nt=0 0\r\n", id, id, connection(at.Addr()))
	for i, s := range c.streams {
		parts := strings.Fields(s)
		if i != c.answered {
			if len(parts) > 1 {
				parts[1] = "0"
			}
			out = fmt.Appendf(out, "m=%s\r\n", strings.Join(parts, " "))
			continue
		}
		name, direction := "PCMA", "sendrecv"
		if c.Law == MuLaw {
			name = "PCMU"
		}
		if c.one {
			direction = "sendonly"
		}
		out = fmt.Appendf(out, "m=audio %d RTP/AVP %d\r\na=rtpmap:%[2]d %s/8000\r\na=ptime:20\r\na=%s\r\n", at.Port(), c.Law, name, direction)
	}
	return out
}
