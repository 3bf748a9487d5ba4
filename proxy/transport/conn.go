package transport

import (
	"crypto/x509"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// firstRead is the size of a connection's buffer until a message needs more.
const firstRead = 4096

// conn is one connection, from the first message for it to its end. One
// goroutine dials, shakes hands and reads; a writer runs only while something
// waits.
type conn struct {
	t       *Transport
	flow    Flow // set once, by table.add
	inbound bool
	last    atomic.Int64 // when a message was last sent, in nanoseconds since made

	// Guarded by table.mu:
	leaf    *x509.Certificate // the peer's, verified; nil: none
	vouched vouch             // what leaf was last read for
	alias   netip.AddrPort    // by Alias

	mu      sync.Mutex // guards what follows
	made    time.Time
	tcp     *net.TCPConn // nil: dialing, or its handshake is under way
	sec     *secure      // nil: not TLS
	raw     syscall.RawConn
	pending []byte // waits for the dial (plain), or for the writer (as the kernel gets it)
	spare   []byte // the buffer that the writer emptied
	now     []byte // what try writes, and its result
	took    int
	errno   syscall.Errno
	try     func(fd uintptr) // bound once: a closure per message would allocate
	queued  int              // messages in pending and with the writer
	writing bool
	broken  bool // a write failed; the end is on its way
	ended   *ended
}

// ended says how a connection ended; the first reason stands.
type ended struct {
	cause   Cause
	closed  bool // by us, in good order: nothing to report
	dialing bool
}

func (c *conn) describe() Connection {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Connection{Flow: c.flow, Inbound: c.inbound, Dialing: c.tcp == nil, Queued: len(c.pending)}
}

// open hands the connected socket over; false when the connection has ended meanwhile.
func (c *conn) open(tcp *net.TCPConn, sec *secure) bool {
	raw, err := tcp.SyscallConn()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil || c.ended != nil {
		_ = tcp.Close()
		return false
	}
	c.tcp, c.sec, c.raw, c.made, c.try = tcp, sec, raw, time.Now(), c.tryNow
	if len(c.pending) == 0 {
		return true
	}
	if sec == nil {
		c.startWriter()
		return true
	}
	plain, messages := c.pending, c.queued
	c.pending, c.queued = nil, 0
	if c.seal(plain, messages) != nil { // it ends the connection
		c.t.count.droppedLost.Add(uint64(messages))
	}
	return true
}

// send writes at once what the kernel takes and queues the rest. ErrClosed:
// nothing was done or counted.
func (c *conn) send(raw []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != nil || c.broken {
		return ErrClosed
	}
	// Before anything is written: half a message, or a sealed record, cannot be
	// dropped any more. An idle connection has nothing pending and takes all.
	if len(c.pending)+len(raw) > c.t.limits.queue {
		c.t.count.droppedQueue.Add(1)
		return ErrQueueFull
	}
	switch {
	case c.tcp == nil:
		c.pending = append(c.pending, raw...)
		c.queued++
		return nil
	case c.sec != nil:
		return c.seal(raw, 1)
	}
	return c.put(raw, 1)
}

// put gives bytes of so many messages to the kernel, and what it does not take
// to the writer; mu is held.
func (c *conn) put(raw []byte, messages int) error {
	if !c.writing {
		n, errno := c.write(raw)
		if errno != 0 && errno != unix.EAGAIN {
			return c.writeFault(errno)
		}
		if n == len(raw) {
			c.t.count.sent.Add(uint64(messages))
			if messages > 0 {
				c.last.Store(int64(time.Since(c.made)))
			}
			return nil
		}
		raw = raw[n:]
	}
	c.pending = append(c.pending, raw...)
	c.queued += messages
	if !c.writing {
		c.startWriter()
	}
	return nil
}

// write tries the kernel once; mu is held.
func (c *conn) write(raw []byte) (n int, errno syscall.Errno) {
	c.now, c.took, c.errno = raw, 0, unix.EPIPE // what a closed socket leaves
	_ = c.raw.Control(c.try)
	c.now = nil
	return c.took, c.errno
}

func (c *conn) tryNow(fd uintptr) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&c.now[0])), uintptr(len(c.now)), nonBlocking, 0, 0)
	if c.errno = errno; errno == 0 {
		c.took = int(n)
	}
}

// startWriter begins to empty the queue; mu is held, tcp is set.
func (c *conn) startWriter() {
	c.writing = true
	go c.drain()
}

// drain writes what waits until nothing does. A peer that does not read is
// given the write deadline, then the connection ends: it cannot be resumed
// inside a message.
func (c *conn) drain() {
	for {
		c.mu.Lock()
		if len(c.pending) == 0 || c.ended != nil {
			c.writing = false
			c.mu.Unlock()
			return
		}
		out, messages := c.pending, c.queued
		c.pending, c.spare = c.spare[:0], nil
		c.mu.Unlock()

		_ = c.tcp.SetWriteDeadline(time.Now().Add(c.t.limits.write))
		_, err := c.tcp.Write(out)
		if err != nil {
			c.t.count.lost(err)
			if timedOut(err) {
				c.t.count.stuckWriters.Add(1)
			}
			c.end(ended{cause: c.causeOf(err)})
			return
		}
		c.t.count.sent.Add(uint64(messages))
		c.mu.Lock()
		c.queued -= messages
		c.last.Store(int64(time.Since(c.made)))
		if cap(out) <= maxDatagram {
			c.spare = out[:0]
		}
		c.mu.Unlock()
	}
}

// end closes the connection once and counts what it takes along. It never
// calls the Handler: the reading loop, which it wakes, does.
func (c *conn) end(why ended) {
	c.mu.Lock()
	if c.ended != nil {
		c.mu.Unlock()
		return
	}
	c.ended = &why
	c.farewell()
	if c.queued > 0 {
		if why.dialing {
			c.t.count.droppedUnreachable.Add(uint64(c.queued))
		} else {
			c.t.count.droppedLost.Add(uint64(c.queued))
		}
	}
	c.pending, c.spare = nil, nil
	tcp := c.tcp
	c.mu.Unlock()
	c.t.table.remove(c)
	if tcp != nil {
		_ = tcp.Close()
	}
}

// how returns the way the connection ended; only after end.
func (c *conn) how() ended {
	c.mu.Lock()
	defer c.mu.Unlock()
	return *c.ended
}

// read is the connection's loop; it reports the end.
func (c *conn) read() {
	defer c.t.wait.Done()
	r := stream{c: c, framer: newFramer(c.t.limits.head, c.t.cfg.MaxMessage)}
	c.end(r.run())
	if how := c.how(); !how.closed {
		c.t.failed(c.flow, how.cause)
		c.t.afterBatch(c.flow.Listener)
	}
}
