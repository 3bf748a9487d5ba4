package lan

import (
	"encoding/binary"
	"net/netip"
)

// headerLeast is the length of an IPv4 header without options (RFC 791 §3.1).
const headerLeast = 20

func destination(packet []byte) netip.Addr {
	return netip.AddrFrom4([4]byte(packet[16:20]))
}

// The numbers of ICMP (RFC 792): destination unreachable, host.
const (
	protocolICMP    = 1
	typeUnreachable = 3
	codeHost        = 1
	quoted          = 8 // bytes of the offending packet behind its header
)

// unreachable is what a router answers to a packet whose next hop is gone: ICMP
// host unreachable with the packet's header and first bytes (RFC 792, RFC 1812
// §5.3.3). The router is .254 of the host's network.
func unreachable(host netip.Addr, packet []byte) []byte {
	header := int(packet[0]&15) * 4
	quote := packet[:min(len(packet), header+quoted)]
	out := make([]byte, headerLeast+8+len(quote))
	out[0], out[8], out[9] = 0x45, 64, protocolICMP
	binary.BigEndian.PutUint16(out[2:], uint16(len(out)))
	router := host.As4()
	router[3] = 254
	copy(out[12:], router[:])
	copy(out[16:], packet[12:16])
	binary.BigEndian.PutUint16(out[10:], checksum(out[:headerLeast]))
	icmp := out[headerLeast:]
	icmp[0], icmp[1] = typeUnreachable, codeHost
	copy(icmp[8:], quote)
	binary.BigEndian.PutUint16(icmp[2:], checksum(icmp))
	return out
}

// checksum is RFC 1071's.
func checksum(b []byte) uint16 {
	var sum uint32
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
