package transport

import (
	"crypto/tls"
	"net"
	"sync"
	"syscall"
	"time"
)

// secure is the TLS of one connection, and the net.Conn under it. During the
// handshake it is the socket; then what TLS writes is kept in memory, so that
// sealing a message never waits and a connection's queue, writer and limits are
// the same over TLS as over TCP.
//
// Locks: conn.mu, then TLS's own, then mu. The reading goroutine makes TLS write
// too (answers to KeyUpdate, alerts) without conn.mu.
type secure struct {
	*net.TCPConn
	tls *tls.Conn

	mu       sync.Mutex // guards what follows
	buffered bool
	out      []byte // sealed records in order, not yet with the kernel or in pending
}

// Write is TLS's.
func (s *secure) Write(b []byte) (int, error) {
	s.mu.Lock()
	if s.buffered {
		s.out = append(s.out, b...)
		s.mu.Unlock()
		return len(b), nil
	}
	s.mu.Unlock()
	return s.TCPConn.Write(b)
}

// SetWriteDeadline is TLS's: it guards its last alert, which does not block
// here, and would cut our writer short.
func (s *secure) SetWriteDeadline(d time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buffered {
		return nil
	}
	return s.TCPConn.SetWriteDeadline(d)
}

// begin ends the handshake's ways.
func (s *secure) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buffered = true
	_ = s.TCPConn.SetDeadline(time.Time{})
}

// seal encrypts one or more messages and puts the records under way; conn.mu is
// held, the connection is open.
func (c *conn) seal(raw []byte, messages int) error {
	if _, err := c.sec.tls.Write(raw); err != nil {
		return c.breakOff(readCause(err))
	}
	c.sec.mu.Lock()
	defer c.sec.mu.Unlock()
	return c.putSealed(messages)
}

// putSealed empties out; conn.mu and sec.mu are held.
func (c *conn) putSealed(messages int) error {
	s := c.sec
	err := c.put(s.out, messages)
	if cap(s.out) > maxDatagram+maxDatagram/8 {
		s.out = nil
	}
	s.out = s.out[:0]
	return err
}

// flush sends what TLS wrote by itself while reading. What a peer that does not
// read makes us write stays under the queue's bound.
func (c *conn) flush() {
	c.sec.mu.Lock()
	waiting := len(c.sec.out) > 0
	c.sec.mu.Unlock()
	if !waiting {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != nil || c.broken {
		return
	}
	c.sec.mu.Lock()
	defer c.sec.mu.Unlock()
	if len(c.pending)+len(c.sec.out) > 2*c.t.limits.queue {
		c.t.count.stuckWriters.Add(1)
		_ = c.breakOff(ConnectionLost)
		return
	}
	if len(c.sec.out) > 0 {
		_ = c.putSealed(0) // an error ends the connection, and the reading loop
	}
}

// farewell tries once to send TLS's last words, close_notify or an alert, when
// no other bytes are under way; mu is held.
func (c *conn) farewell() {
	if c.sec == nil || c.writing || c.broken || c.tcp == nil {
		return
	}
	_ = c.sec.tls.CloseWrite()
	c.sec.mu.Lock()
	defer c.sec.mu.Unlock()
	if len(c.sec.out) > 0 {
		_, _ = c.write(c.sec.out)
	}
}

// receive reads decrypted or plain bytes.
func (c *conn) receive(b []byte) (int, error) {
	if c.sec == nil {
		return c.tcp.Read(b)
	}
	n, err := c.sec.tls.Read(b)
	c.flush()
	return n, err
}

// writeFault is a socket error that a write met.
func (c *conn) writeFault(errno syscall.Errno) error {
	c.t.count.lost(errno)
	return c.breakOff(readCause(errno))
}

// breakOff has the connection end; mu is held. The reading loop reports.
func (c *conn) breakOff(cause Cause) error {
	c.broken = true
	go c.end(ended{cause: cause}) // it takes mu
	return ErrClosed
}
