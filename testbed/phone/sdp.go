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

// payloadALaw is the static payload type of PCMA (RFC 3551 §6).
const payloadALaw = 8

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

// session writes an offer or an answer: one audio stream, A-law.
func session(id, version uint64, at netip.AddrPort, d Direction) []byte {
	return fmt.Appendf(nil, "v=0\r\no=- %d %d IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n"+
		"m=audio %d RTP/AVP %d\r\na=rtpmap:%d PCMA/8000\r\na=ptime:20\r\na=%s\r\n",
		id, version, at.Addr(), at.Addr(), at.Port(), payloadALaw, payloadALaw, d)
}

// remoteMedia is what we need of the peer's session description.
type remoteMedia struct {
	at        netip.AddrPort
	direction Direction
	aLaw      bool // lists payload 8
}

// readSession reads a session description; ok is false when it has no audio.
func readSession(body []byte) (r remoteMedia, ok bool) {
	var addr netip.Addr
	var port uint16
	r.direction = SendRecv
	for line := range strings.Lines(string(body)) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, "c=IN IP4 "):
			addr, _ = netip.ParseAddr(strings.TrimPrefix(line, "c=IN IP4 "))
		case strings.HasPrefix(line, "m=audio ") && !ok:
			parts := strings.Fields(line)
			if len(parts) < 4 {
				return r, false
			}
			n, _ := strconv.ParseUint(parts[1], 10, 16)
			port, ok = uint16(n), true
			for _, pt := range parts[3:] {
				r.aLaw = r.aLaw || pt == strconv.Itoa(payloadALaw)
			}
		case line == "a=sendonly", line == "a=recvonly", line == "a=inactive", line == "a=sendrecv":
			r.direction = Direction(line[2:])
		}
	}
	r.at = netip.AddrPortFrom(addr, port)
	return r, ok
}
