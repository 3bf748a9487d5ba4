package transport

import (
	"errors"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Counters is a snapshot. All but the last group only grow.
type Counters struct {
	Received   uint64 // messages handed to the Handler
	Sent       uint64 // messages that the kernel took
	Refused    uint64 // datagrams and connections from sources that Allow refuses
	KeepAlives uint64 // CRLF pings, on streams answered
	Runts      uint64 // datagrams under four bytes
	NotSIP     uint64 // datagrams that begin with a byte 0 or 1: STUN (RFC 5626 §4.4.2)
	Oversized  uint64 // messages over MaxMessage, header parts over 64 KB

	DroppedFull        uint64 // the socket's send buffer was full
	DroppedQueue       uint64 // the connection's queue was full
	DroppedUnreachable uint64 // no route, a dial failed, or a peer kept refusing
	DroppedLost        uint64 // waited on a connection that ended
	DroppedLimit       uint64 // no connection left (MaxConnections)
	DroppedInvalid     uint64 // no such listener, too long, or refused by a local filter
	DroppedKernel      uint64 // datagrams lost because we read too slowly (sockets now open)

	PortUnreachable uint64 // reports to the Handler, by cause
	HostUnreachable uint64
	OwnNetwork      uint64
	ConnectionLost  uint64
	TLSFault        uint64
	ReportsLost     uint64 // reports found while sending for which there was no room
	ICMPIgnored     uint64 // time exceeded, source quench, too big (RFC 3261 §18.4)

	ReadErrors         uint64 // UDP reads that failed otherwise; the loop went on
	AcceptErrors       uint64 // such as no file descriptor left; retried
	ConnectionsRefused uint64 // of Refused, those that were connections; reset at once
	OverLimit          uint64 // connections reset at once: MaxConnections, MaxPerSource
	OverSource         uint64 // of those, for MaxPerSource
	Accepted           uint64
	Dialed             uint64
	DialsFailed        uint64
	HandshakesFailed   uint64 // TLS, both directions: a side refused, or broke off
	HandshakesSlow     uint64 // TLS, both directions: not done in 4 s
	CertificatesRead   uint64 // times that our certificate files were taken, the start included
	CertificateFaults  uint64 // contents of our certificate files that could not be used
	SlowMessages       uint64 // connections closed: a message did not complete in 30 s
	StuckWriters       uint64 // connections closed: the peer did not read for 2 s
	Vanished           uint64 // connections closed: no acknowledgement for 8 s, or keep-alives unanswered
	PingsSent          uint64 // CRLFCRLF of ours, on idle connections that we dialed
	Unanswered         uint64 // connections closed: no pong in 10 s from a peer that had answered
	IdleClosed         uint64
	BadLength          uint64 // connections closed: Content-Length unreadable
	WithoutLength      uint64 // connections closed: no Content-Length

	Connections    int // now, dialing ones and handshakes included
	HandshakesOpen int // now
	PeersWaiting   int // configured UDP peers whose connected socket could not be opened yet
	PeersConnected int
}

// counters are the live values. Received and sent messages of UDP are counted
// on each socket, so that cores do not share a line for every datagram.
type counters struct {
	received, sent, refused, keepAlives, runts, notSIP, oversized atomic.Uint64

	droppedFull, droppedQueue, droppedUnreachable, droppedLost, droppedLimit, droppedInvalid atomic.Uint64

	causes                   [OwnNetwork + 1]atomic.Uint64
	reportsLost, icmpIgnored atomic.Uint64

	readErrors, acceptErrors, accepted, dialed, dialsFailed                    atomic.Uint64
	connectionsRefused, overLimit, overSource                                  atomic.Uint64
	handshakesFailed, handshakesSlow, certificatesRead, certificateFaults      atomic.Uint64
	slowMessages, stuckWriters, vanished, idleClosed, badLength, withoutLength atomic.Uint64
	pingsSent, unanswered                                                      atomic.Uint64
	handshakesOpen                                                             atomic.Int64

	// Of sockets that are closed again (RemovePeer), so that sums never fall.
	closedReceived, closedSent atomic.Uint64
}

// lost counts an end that TCP itself found: TCP_USER_TIMEOUT or keep-alive.
func (k *counters) lost(err error) {
	if errors.Is(err, unix.ETIMEDOUT) {
		k.vanished.Add(1)
	}
}

// Counters returns a snapshot; each value is exact, together they are not one instant.
func (t *Transport) Counters() Counters {
	k := &t.count
	c := Counters{
		Received: k.received.Load() + k.closedReceived.Load(), Sent: k.sent.Load() + k.closedSent.Load(),
		Refused: k.refused.Load(), KeepAlives: k.keepAlives.Load(), Runts: k.runts.Load(),
		NotSIP: k.notSIP.Load(), Oversized: k.oversized.Load(),
		DroppedFull: k.droppedFull.Load(), DroppedQueue: k.droppedQueue.Load(),
		DroppedUnreachable: k.droppedUnreachable.Load(), DroppedLost: k.droppedLost.Load(),
		DroppedLimit: k.droppedLimit.Load(), DroppedInvalid: k.droppedInvalid.Load(),
		PortUnreachable: k.causes[PortUnreachable].Load(), HostUnreachable: k.causes[HostUnreachable].Load(),
		OwnNetwork:     k.causes[OwnNetwork].Load(),
		ConnectionLost: k.causes[ConnectionLost].Load(), TLSFault: k.causes[TLSFault].Load(),
		ReportsLost: k.reportsLost.Load(), ICMPIgnored: k.icmpIgnored.Load(),
		ReadErrors: k.readErrors.Load(), AcceptErrors: k.acceptErrors.Load(),
		ConnectionsRefused: k.connectionsRefused.Load(), OverLimit: k.overLimit.Load(), OverSource: k.overSource.Load(),
		Accepted: k.accepted.Load(), Dialed: k.dialed.Load(), DialsFailed: k.dialsFailed.Load(),
		HandshakesFailed: k.handshakesFailed.Load(), HandshakesSlow: k.handshakesSlow.Load(),
		CertificatesRead: k.certificatesRead.Load(), CertificateFaults: k.certificateFaults.Load(), HandshakesOpen: int(k.handshakesOpen.Load()),
		SlowMessages: k.slowMessages.Load(), StuckWriters: k.stuckWriters.Load(),
		Vanished: k.vanished.Load(), IdleClosed: k.idleClosed.Load(), BadLength: k.badLength.Load(), WithoutLength: k.withoutLength.Load(),
		PingsSent: k.pingsSent.Load(), Unanswered: k.unanswered.Load(),
		Connections: t.table.len(),
	}
	t.peerMu.Lock()
	defer t.peerMu.Unlock()
	for _, s := range t.udpSockets() {
		c.Received += s.received.Load()
		c.Sent += s.sent.Load()
		c.DroppedKernel += s.kernelDrops()
	}
	c.PeersConnected = len(*t.peers.Load())
	c.PeersWaiting = len(t.waiting)
	return c
}
