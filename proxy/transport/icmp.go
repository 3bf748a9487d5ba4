package transport

import (
	"encoding/binary"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// sockError is struct sock_extended_err (linux/errqueue.h) with the address of
// whoever sent the ICMP message; the zero address when the kernel names none.
type sockError struct {
	errno    syscall.Errno
	origin   uint8
	kind     uint8 // ICMP type
	code     uint8
	offender netip.Addr
}

// Origins of an extended error (linux/errqueue.h).
const (
	originLocal = 1
	originICMP  = 2
	originICMP6 = 3
)

// Types and codes (RFC 792, RFC 4443).
const (
	icmpUnreachable     = 3
	icmpPort            = 3
	icmpTooBig          = 4
	icmpParameter       = 12
	icmp6Unreachable    = 1
	icmp6Port           = 4
	icmp6ParameterFault = 4
)

// judge says what an error of a socket connected to peer means for it: host,
// network, port and protocol unreachable and parameter problem fail the flow,
// source quench, time exceeded and too big do not (RFC 3261 §18.4). Only the
// peer itself can say that its port is closed; from a router or a firewall the
// same words tell about the path (our choice: a switchover hangs on it).
func (e sockError) judge(peer netip.Addr) (cause Cause, failed bool) {
	port := false
	switch e.origin {
	case originICMP:
		if e.kind == icmpUnreachable && e.code == icmpTooBig {
			return 0, false
		}
		if e.kind != icmpUnreachable && e.kind != icmpParameter {
			return 0, false
		}
		port = e.kind == icmpUnreachable && e.code == icmpPort
	case originICMP6:
		if e.kind != icmp6Unreachable && e.kind != icmp6ParameterFault {
			return 0, false
		}
		port = e.kind == icmp6Unreachable && e.code == icmp6Port
	default:
		if e.errno == unix.EMSGSIZE {
			return 0, false
		}
		if ours(e.errno) {
			return OwnNetwork, true
		}
	}
	if port && e.offender.IsValid() && e.offender.WithZone("") == peer.Unmap().WithZone("") {
		return PortUnreachable, true
	}
	return HostUnreachable, true
}

// parseSockError reads one control message of the error queue: the structure,
// then the offender's socket address.
func parseSockError(b []byte) (sockError, bool) {
	const size = 16
	if len(b) < size {
		return sockError{}, false
	}
	e := sockError{errno: syscall.Errno(binary.NativeEndian.Uint32(b)), origin: b[4], kind: b[5], code: b[6]}
	name := b[size:]
	if len(name) < 2 {
		return e, true
	}
	switch family := binary.NativeEndian.Uint16(name); {
	case family == unix.AF_INET && len(name) >= 8:
		e.offender = netip.AddrFrom4([4]byte(name[4:8]))
	case family == unix.AF_INET6 && len(name) >= 24:
		e.offender = netip.AddrFrom16([16]byte(name[8:24])).Unmap()
	}
	return e, true
}

// maxErrors bounds one emptying of the error queue.
const maxErrors = 64

// readErrors empties the socket's error queue and returns the causes found,
// each once, in no order. Reading the queue also clears the pending error.
func readErrors(fd uintptr, peer netip.Addr) (causes [OwnNetwork + 1]bool, ignored uint64) {
	var payload [1]byte // the datagram that failed is not wanted
	var control [512]byte
	for range maxErrors {
		_, n, _, _, err := unix.Recvmsg(int(fd), payload[:], control[:], unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
		if err != nil {
			return causes, ignored
		}
		for b := control[:n]; len(b) > 0; {
			h, data, rest, err := unix.ParseOneSocketControlMessage(b)
			if err != nil {
				break
			}
			b = rest
			v4 := h.Level == unix.IPPROTO_IP && h.Type == unix.IP_RECVERR
			v6 := h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_RECVERR
			if !v4 && !v6 {
				continue
			}
			e, ok := parseSockError(data)
			if !ok {
				continue
			}
			if cause, failed := e.judge(peer); failed {
				causes[cause] = true
			} else {
				ignored++
			}
		}
	}
	return causes, ignored
}
