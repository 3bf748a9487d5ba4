package nameserver

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"

	"github.com/miekg/dns"
)

// Dial returns an in-memory wire to the server, whatever the address: what a
// test inside testing/synctest gives its resolver, since a real socket does not
// let virtual time pass. The bytes are those of the real wire.
func (s *Server) Dial(_ context.Context, network, _ string) (net.Conn, error) {
	s.mu.Lock() // nothing begins once Close waits
	defer s.mu.Unlock()
	if s.done.Err() != nil {
		return nil, errors.New("the test name server is closed")
	}
	ours, theirs := net.Pipe()
	if network == "udp" {
		s.wg.Go(func() { s.datagrams(ours) })
	} else {
		s.wg.Go(func() { s.stream(ours) })
	}
	return theirs, nil
}

// datagrams serves one end of a pipe, where each write is one read.
func (s *Server) datagrams(conn net.Conn) {
	defer conn.Close()
	defer context.AfterFunc(s.done, func() { conn.Close() })()
	buf := make([]byte, dns.MaxMsgSize)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		query := new(dns.Msg)
		if query.Unpack(buf[:n]) != nil {
			continue
		}
		s.wg.Go(func() {
			for _, m := range s.answer(query, true) {
				if raw, err := m.Pack(); err == nil {
					_, _ = conn.Write(raw)
				}
			}
		})
	}
}

func (s *Server) stream(conn net.Conn) {
	defer conn.Close()
	defer context.AfterFunc(s.done, func() { conn.Close() })()
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		buf := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, buf); err != nil {
			return
		}
		query := new(dns.Msg)
		if query.Unpack(buf) != nil {
			return
		}
		for _, m := range s.answer(query, false) {
			raw, err := m.Pack()
			if err != nil {
				return
			}
			if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw...)); err != nil {
				return
			}
		}
	}
}
