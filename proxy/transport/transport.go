// Package transport owns the sockets: one connected UDP socket per configured
// peer on the shared local port (SO_REUSEPORT), one unconnected, TCP and TLS
// listeners and connections framed so that each read yields one message,
// non-blocking writers, and the ICMP errors that connected sockets report.
// Linux only.
//
//	peer ──datagram──► connected socket ──┐
//	stranger ────────► unconnected socket ├─► Allow ─► Handler.Receive ─► AfterBatch
//	stream ─► TLS? ─► framer (Content-Length)
//	ICMP ─► error queue ─► offender = peer ? PortUnreachable : HostUnreachable ─► Handler.Failed
//
//	connection: dialing ──► TLS handshake ──► open ──► closed
//	               │          └── failed, timed out ──► closed
//	               └── refused, timed out ──► closed
//	open and idle: ping (those we dialed) ──► pong: open · none where there always was one: closed
//	            accepted ones begin with the handshake, over TCP open
//
// TLS records are sealed into memory under the connection's mutex and then go
// the way of TCP's bytes: one queue, one writer, and Send never waits for a
// peer. Certificates are read again at the first handshake after their files
// changed; no goroutine watches them.
//
// Handlers are called synchronously in the reading goroutine, in order of
// arrival per socket; several sockets call concurrently. The bytes they get are
// valid until they return. A Handler may call Send, never Close. Send never
// blocks and never calls the Handler: what the kernel or the connection's queue
// does not take is dropped and counted; failures it finds are reported from
// another goroutine. Panics of the Handler are not recovered here. Transport is
// safe for concurrent use and owns all its state; the peer table is replaced
// whole, the connection table and each connection have a mutex of their own,
// and none is held while the Handler runs.
//
// Why sipgo's transport layer does not hold the sockets:
//   - its UDP pool files every source address it hears and is unbounded;
//   - outbound connections cannot be framed: DialerCreate returns a net.Dialer, not an interface;
//   - a malformed header closes the stream it came on, and with it the trunk;
//   - its UDP sockets are not connected, so no ICMP error ever reaches the caller;
//   - any accept error ends the listener, any read error ends the UDP loop.
//
// RFC 3261 §18 (streams §18.3, errors §18.4), §7.5, §26.3.1; RFC 5626 §4.4.1;
// RFC 3581 §4 (answers leave from the socket's own address and port); RFC 5922
// §7 (who a certificate speaks for); RFC 5923 (whose connections are reused).
package transport

import (
	"net/netip"
	"time"
)

// Network is a transport protocol of SIP.
type Network uint8

// The networks. TLS needs Config.TLS.
const (
	UDP Network = iota
	TCP
	TLS
)

func (n Network) String() string { return [...]string{"UDP", "TCP", "TLS"}[n] }

// Reliable reports whether the network retransmits by itself.
func (n Network) Reliable() bool { return n != UDP }

// Flow is where a message came from or goes to: the listener (index in
// Config.Listen) and the remote address. On a stream Conn names the connection
// (0: none yet, Send opens or reuses one to Remote). Comparable.
type Flow struct {
	Listener uint8
	Network  Network
	Conn     uint32
	Remote   netip.AddrPort
}

// Outgoing is one message for SendBatch. Raw is not kept.
type Outgoing struct {
	Flow Flow
	Raw  []byte
}

// Cause says why a flow failed.
type Cause uint8

// PortUnreachable: ICMP port unreachable from the peer's own address, or a TCP
// reset or refusal. HostUnreachable: any other ICMP, or a dial or handshake
// that got no answer in time (our choice: silence says that the host is ill, not
// that TLS is). ConnectionLost: an established connection ended. TLSFault: a
// handshake that we or the peer refused or broke off, or a TLS alert after it.
// OwnNetwork: our own side could not send: no link, no route, a firewall of ours.
// It says nothing of the peer.
const (
	PortUnreachable Cause = iota
	HostUnreachable
	ConnectionLost
	TLSFault
	OwnNetwork
)

func (c Cause) String() string {
	return [...]string{"port unreachable", "host unreachable", "connection lost", "tls fault", "our own network"}[c]
}

// Handler receives what the sockets bring.
type Handler interface {
	// Receive gets one datagram, or one framed message of a stream.
	Receive(f Flow, raw []byte)
	// Failed reports that nothing gets through to f.Remote at present. f.Conn is
	// the connection that ended, 0 for UDP and for a dial that failed.
	Failed(f Flow, c Cause)
}

// Peer is a configured far end. On a UDP listener it gets a connected socket of
// its own, on a TLS listener its Domain is filed, TCP needs neither.
type Peer struct {
	Addr     netip.AddrPort
	Listener uint8 // from which of our listeners
	// Domain is the SIP domain that the certificate must show when Addr is
	// reached over TLS (RFC 5922 §7.3): the name that was configured, not what
	// DNS made of it. Several may share one address: any of them serves. An IP
	// literal, or empty (the address itself): the certificate's iPAddress.
	Domain string
}

// Listener is one address we serve.
type Listener struct {
	Network   Network
	Addr      netip.AddrPort // port 0: the kernel chooses (tests)
	Advertise string         // host[:port] in our Via and Record-Route; empty: Addr
}

// Config of a Transport.
type Config struct {
	Listen []Listener // 1–256
	Peers  []Peer
	// Allow is asked before anything is parsed or stored; nil allows all.
	Allow func(netip.Addr) bool
	// Stranger is given the datagrams of sources that Allow refuses; nil: they are
	// dropped unread. Their connections are closed whatever it is: one would take
	// the place of a peer's.
	Stranger func(f Flow, raw []byte)
	// AfterBatch is called by a reading goroutine when it has handed over all it
	// read in one go, and after reports of failure; nil: not called. The owner
	// may flush there what its Handler collected.
	AfterBatch func(listener uint8)
	// HandshakeFailed is told of each TLS handshake, either way, that a side refused
	// or broke off, and of an alert after it: with whom and why. It must not block;
	// nil: not called.
	HandshakeFailed func(f Flow, err error)
	// DSCP marks what we send, IPv4 and IPv6, UDP and streams (RFC 2474): 0–63; 0:
	// not marked.
	DSCP uint8
	TLS  *TLSConfig // for the listeners of that network; nil: there are none
	// MaxConnections bounds TCP and TLS connections in both directions together,
	// from the first packet on, dialing and handshakes included; 0: 1,000.
	MaxConnections int
	// MaxPerSource bounds accepted connections per address; 0: a quarter of MaxConnections.
	MaxPerSource int
	// MaxMessage bounds one message in bytes, 1,300–65,535; 0: 65,535.
	MaxMessage int
}

// limits are our own choices, variable only so that tests need not wait.
type limits struct {
	head        int           // bytes of one header part on a stream
	queue       int           // bytes waiting on one connection; ≥ MaxMessage
	write       time.Duration // for what waits on a connection to be taken
	dial        time.Duration
	handshake   time.Duration // TLS, from the open TCP connection to the last message of it
	recheck     time.Duration // between looks at the certificate files
	message     time.Duration // from the first byte of a streamed message to its last
	grace       time.Duration // to answer a message after which framing is lost
	idle        time.Duration // without a message either way; ≥ 64*T1*4 = 128 s (RFC 3261 §18 asks 64*T1)
	ping        time.Duration // without a message either way, until we ping; 80–100 % of it, drawn each time
	pong        time.Duration // for the answer
	userTimeout time.Duration // TCP_USER_TIMEOUT: sent and not acknowledged
	peerRetry   time.Duration // between attempts to connect a peer's socket
}

func defaultLimits() limits {
	return limits{
		head:        64 << 10,
		queue:       256 << 10,
		write:       2 * time.Second,
		dial:        4 * time.Second,
		handshake:   4 * time.Second,
		recheck:     time.Second,
		message:     30 * time.Second,
		grace:       2 * time.Second,
		idle:        10 * time.Minute,
		ping:        45 * time.Second,
		pong:        10 * time.Second, // RFC 5626 §4.4.1
		userTimeout: 8 * time.Second,
		peerRetry:   5 * time.Second,
	}
}
