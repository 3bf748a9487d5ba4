package resolve

import (
	"encoding/binary"
	"io"
	"net"

	"github.com/miekg/dns"
)

// stream sends a query over TCP, two bytes of length before it (RFC 7766 §8),
// and reads one message. The connection ends when the exchange's context does.
func (r *Resolver) stream(conn net.Conn, raw []byte, id uint16, q question) (*dns.Msg, error) {
	framed := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(raw)), uint16(len(raw)))
	if _, err := conn.Write(append(framed, raw...)); err != nil {
		return nil, err
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	answer := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, answer); err != nil {
		return nil, err
	}
	m, err := match(answer, id, q)
	if err != nil {
		r.spoofed.Add(1)
	}
	return m, err
}
