// Package transport owns the sockets: one connected UDP socket per configured
// peer on the shared local port (SO_REUSEPORT), one unconnected, TCP listeners
// and connections framed so that each read yields one message, non-blocking
// writers, and the ICMP errors that connected sockets report.
//
// Handlers are called synchronously in the reading goroutine, in order of
// arrival; the bytes they get are valid until they return. Send never blocks:
// what the kernel or the connection's queue does not take is dropped and
// counted. Safe for concurrent use.
package transport

import "net/netip"

// Network is a transport protocol of SIP.
type Network uint8

// The networks. TLS is configured with certificates (not yet served).
const (
	UDP Network = iota
	TCP
	TLS
)

func (n Network) String() string { return [...]string{"UDP", "TCP", "TLS"}[n] }

// Reliable reports whether the network retransmits by itself.
func (n Network) Reliable() bool { return n != UDP }

// Flow is where a message came from or goes to: the listener (index in
// Config.Listen) and the remote address. For TCP, Conn names the connection
// (0: none yet, Send opens or reuses one to Remote). Comparable.
type Flow struct {
	Listener uint8
	Network  Network
	Conn     uint32
	Remote   netip.AddrPort
}

// Cause says why a flow failed.
type Cause uint8

// PortUnreachable: ICMP port unreachable from the peer's own address, or a TCP
// reset or refusal. HostUnreachable: any other ICMP or a dial time-out.
// ConnectionLost: an established connection ended. TLSFault: handshake.
const (
	PortUnreachable Cause = iota
	HostUnreachable
	ConnectionLost
	TLSFault
)

// Handler receives what the sockets bring.
type Handler interface {
	// Receive gets one datagram, or one framed message of a stream.
	Receive(f Flow, raw []byte)
	// Failed reports that nothing gets through to f.Remote at present.
	Failed(f Flow, c Cause)
}

// Peer is a configured far end; it gets a connected UDP socket of its own.
type Peer struct {
	Addr     netip.AddrPort
	Listener uint8 // from which of our listeners
}

// Listener is one address we serve.
type Listener struct {
	Network   Network
	Addr      netip.AddrPort // port 0: the kernel chooses (tests)
	Advertise string         // host[:port] in our Via and Record-Route; empty: Addr
}

// Config of a Transport.
type Config struct {
	Listen []Listener
	Peers  []Peer
	// Allow is asked before anything is parsed or stored; nil allows all.
	Allow func(netip.Addr) bool
	// MaxConnections bounds TCP connections in both directions together; 0: 1,000.
	MaxConnections int
	// MaxMessage bounds one message in bytes; 0: 65,535.
	MaxMessage int
}
