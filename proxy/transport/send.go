package transport

import (
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// What Send says of a message that it dropped and counted. Retransmission, or
// the transaction's timer, is the cure for all but ErrInvalid.
var (
	ErrFull        = errors.New("send buffer full: datagram dropped")
	ErrQueueFull   = errors.New("connection's queue full: message dropped")
	ErrUnreachable = errors.New("destination unreachable: message dropped")
	ErrOwnNetwork  = fmt.Errorf("our own network does not let it out: look at links, routes and firewall of this machine: %w", ErrUnreachable)
	ErrLimit       = errors.New("no connection left: raise the limit or find who holds them")
	ErrClosed      = errors.New("transport closed")
	ErrInvalid     = errors.New("message cannot be sent: no such listener, empty or too long, or refused by a local filter")
)

// Send sends one message and does not wait. UDP: through the socket connected
// to f.Remote if it is a configured peer of f.Listener, else the unconnected
// one. TCP: on f.Conn while it is open, else on a connection to f.Remote, found
// or dialed in the background. An error means dropped and counted; nil means
// taken by the kernel or queued, not delivered. raw is not kept.
func (t *Transport) Send(f Flow, raw []byte) error {
	_, err := t.Carry(f, raw)
	return err
}

// Carry is Send, and says which connection took the message (the Conn of its flow): the
// end of another one to the same peer says nothing of it. 0: UDP, or none.
func (t *Transport) Carry(f Flow, raw []byte) (conn uint32, err error) {
	if int(f.Listener) >= len(t.listeners) || len(raw) == 0 || len(raw) > maxDatagram || !f.Remote.IsValid() {
		t.count.droppedInvalid.Add(1)
		return 0, ErrInvalid
	}
	l := &t.listeners[f.Listener]
	if l.Network != UDP {
		return t.sendStream(f, raw)
	}
	o := t.outboxes.Get().(*outbox)
	defer t.outboxes.Put(o)
	o.sock = t.socketFor(f)
	return 0, o.sendOne(t, f.Remote, raw)
}

// maxDatagram is also what a stream takes: 16 bits of UDP length.
const maxDatagram = 65535

func (o *outbox) sendOne(t *Transport, to netip.AddrPort, raw []byte) error {
	defer o.clear()
	if !o.add(to, raw) {
		t.count.droppedInvalid.Add(1)
		return ErrInvalid
	}
	return o.flush()
}

// socketFor finds the socket of a UDP flow.
func (t *Transport) socketFor(f Flow) *udpSocket {
	if s := (*t.peers.Load())[peerKey{f.Listener, normal(f.Remote)}]; s != nil {
		return s
	}
	return t.listeners[f.Listener].udp
}

// normal is the form in which addresses are compared: IPv4 never mapped.
func normal(a netip.AddrPort) netip.AddrPort {
	if a.Addr().Is4In6() {
		return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	}
	return a
}

// SendBatch sends messages with one system call per UDP socket and 32 messages.
// Order is kept among messages of one destination. What cannot go is dropped and
// counted as by Send. It does not wait and keeps no message.
func (t *Transport) SendBatch(msgs []Outgoing) {
	for len(msgs) > 0 {
		n := min(len(msgs), 64)
		t.sendChunk(msgs[:n])
		msgs = msgs[n:]
	}
}

// sendChunk sends at most 64 messages, socket by socket: a bit of left is a
// message still to go.
func (t *Transport) sendChunk(msgs []Outgoing) {
	if len(msgs) == 1 {
		_ = t.Send(msgs[0].Flow, msgs[0].Raw) // counted
		return
	}
	o := t.outboxes.Get().(*outbox)
	defer t.outboxes.Put(o)
	left := ^uint64(0) >> (64 - len(msgs))
	for left != 0 {
		first := bits.TrailingZeros64(left)
		m := msgs[first]
		if int(m.Flow.Listener) >= len(t.listeners) || t.listeners[m.Flow.Listener].Network != UDP {
			left &^= 1 << first
			_ = t.Send(m.Flow, m.Raw) // counted
			continue
		}
		o.sock = t.socketFor(m.Flow)
		left = o.collect(t, msgs, left)
		_ = o.flush() // counted
		o.clear()
	}
}

// collect moves the messages of the socket's into the outbox and returns those
// left over.
func (o *outbox) collect(t *Transport, msgs []Outgoing, left uint64) uint64 {
	for rest := left; rest != 0 && o.n < batch; rest &= rest - 1 {
		i := bits.TrailingZeros64(rest)
		m := msgs[i]
		if int(m.Flow.Listener) >= len(t.listeners) || t.listeners[m.Flow.Listener].Network != UDP || t.socketFor(m.Flow) != o.sock {
			continue
		}
		left &^= 1 << i
		if len(m.Raw) == 0 || len(m.Raw) > maxDatagram || !m.Flow.Remote.IsValid() || !o.add(m.Flow.Remote, m.Raw) {
			t.count.droppedInvalid.Add(1)
		}
	}
	return left
}

// flush performs the system calls. RawConn.Control neither locks nor allocates.
func (o *outbox) flush() error {
	if o.n == 0 {
		return nil
	}
	if err := o.sock.raw.Control(o.do); err != nil {
		o.sock.t.count.droppedLost.Add(uint64(o.n - o.next))
		return ErrClosed
	}
	o.sock.sent.Add(uint64(o.sent))
	return o.result
}

// write sends all messages or counts why not.
func (o *outbox) write(fd uintptr) {
	for tries := 0; o.next < o.n; {
		n, errno := o.transmit(fd)
		if errno == 0 {
			o.next += n
			o.sent += n
			tries = 0
			continue
		}
		tries = o.fault(fd, errno, tries)
	}
}

// maxTries is how often one message meets the error of an earlier one: a
// pending ICMP error is returned instead of sending, and is no verdict on this
// message.
const maxTries = 3

// fault treats an error for the message at next and returns the tries made of
// the one to send then.
func (o *outbox) fault(fd uintptr, errno syscall.Errno, tries int) int {
	k := &o.sock.t.count
	switch errno {
	case unix.EINTR:
		return tries
	case unix.EAGAIN, unix.ENOBUFS, unix.ENOMEM:
		k.droppedFull.Add(uint64(o.n - o.next))
		o.next, o.result = o.n, ErrFull
		return 0
	}
	if o.sock.connected() && tries < maxTries {
		o.sock.reportLater(fd)
		return tries + 1
	}
	if ours(errno) {
		o.sock.t.post(Flow{Listener: o.sock.listener, Network: UDP, Remote: normal(o.to[o.next])}, OwnNetwork)
		k.droppedUnreachable.Add(1)
		o.result = ErrOwnNetwork
	} else if unreachable(errno) {
		// Our own routing table says so and queued nothing. A refusal was queued, and
		// is reported already.
		if errno != unix.ECONNREFUSED {
			o.sock.t.post(Flow{Listener: o.sock.listener, Network: UDP, Remote: normal(o.to[o.next])}, HostUnreachable)
		}
		k.droppedUnreachable.Add(1)
		o.result = ErrUnreachable
	} else {
		k.droppedInvalid.Add(1)
		o.result = ErrInvalid
	}
	o.next++
	return 0
}

func unreachable(errno syscall.Errno) bool {
	switch errno {
	case unix.EHOSTUNREACH, unix.EHOSTDOWN, unix.ECONNREFUSED:
		return true
	}
	return false
}

// ours: the error is of our own side. No link or route, an address that we have
// no more, a firewall of ours. Our choice: ENETUNREACH is ours even when a distant
// router may have said so to a TCP connection; it is of the way there, and a
// switchover must not hang on it.
func ours(errno syscall.Errno) bool {
	switch errno {
	case unix.ENETUNREACH, unix.ENETDOWN, unix.ENODEV, unix.EADDRNOTAVAIL, unix.EPERM, unix.EACCES:
		return true
	}
	return false
}
