package phone

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Direction of media as in RFC 3264 §5.1.
type Direction string

// The directions.
const (
	SendRecv Direction = "sendrecv"
	SendOnly Direction = "sendonly"
	RecvOnly Direction = "recvonly"
	Inactive Direction = "inactive"
)

// answering is the direction that answers an offered one (RFC 3264 §6.1).
func (d Direction) answering() Direction {
	switch d {
	case SendOnly:
		return RecvOnly
	case RecvOnly:
		return SendOnly
	case Inactive:
		return Inactive
	}
	return SendRecv
}

// session writes an offer or an answer: one audio stream of the codecs.
func session(id, version uint64, at netip.AddrPort, d Direction, codecs []codec) []byte {
	family := "IP4"
	if at.Addr().Is6() {
		family = "IP6"
	}
	out := fmt.Appendf(nil, "v=0\r\no=- %[1]d %[2]d IN %[3]s %[4]s\r\ns=-\r\nc=IN %[3]s %[4]s\r\nt=0 0\r\nm=audio %[5]d RTP/AVP",
		id, version, family, at.Addr(), at.Port())
	for _, c := range codecs {
		out = fmt.Appendf(out, " %d", c.payload)
	}
	out = append(out, "\r\n"...)
	for _, c := range codecs {
		out = fmt.Appendf(out, "a=rtpmap:%d %s/8000\r\n", c.payload, c.name)
		if c.name == TelephoneEvent {
			out = fmt.Appendf(out, "a=fmtp:%d 0-15\r\n", c.payload)
		}
	}
	return fmt.Appendf(out, "a=ptime:20\r\na=%s\r\n", d)
}

// remoteMedia is what we need of the peer's session description.
type remoteMedia struct {
	at        netip.AddrPort
	direction Direction
	codecs    []codec // those we know, in the peer's order
}

// readSession reads a session description; ok is false when it has no audio.
func readSession(body []byte) (r remoteMedia, ok bool) {
	var addr netip.Addr
	var port uint16
	names := map[uint8]string{}
	var listed []string
	r.direction = SendRecv
	for line := range strings.Lines(string(body)) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, "c=IN IP4 "), strings.HasPrefix(line, "c=IN IP6 "):
			addr, _ = netip.ParseAddr(line[len("c=IN IP4 "):])
		case strings.HasPrefix(line, "m=audio ") && !ok:
			parts := strings.Fields(line)
			if len(parts) < 4 {
				return r, false
			}
			n, _ := strconv.ParseUint(parts[1], 10, 16)
			port, ok, listed = uint16(n), true, parts[3:]
		case strings.HasPrefix(line, "a=rtpmap:"):
			number, name, _ := strings.Cut(strings.TrimPrefix(line, "a=rtpmap:"), " ")
			name, _, _ = strings.Cut(name, "/")
			if n, err := strconv.ParseUint(number, 10, 7); err == nil {
				names[uint8(n)] = name
			}
		case line == "a=sendonly", line == "a=recvonly", line == "a=inactive", line == "a=sendrecv":
			r.direction = Direction(line[2:])
		}
	}
	r.at = netip.AddrPortFrom(addr, port)
	r.codecs = known(listed, names)
	return r, ok
}
