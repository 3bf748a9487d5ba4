package transport

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// batch is how many datagrams one system call moves at most.
const batch = 32

// nonBlocking system calls return at once, so that neither reading goroutine
// nor sender ever waits in the kernel. They are therefore made raw, without
// telling the scheduler: each notice would wake the runtime's monitor thread,
// which then cost a fifth of a call (measured at 1,500 calls/s).
const nonBlocking = unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL

// inbox is the memory of one recvmmsg. x/net's ReadBatch would allocate a
// net.Addr for each datagram. The buffers lie outside the Go heap: 2 MB that
// are almost never touched would otherwise count towards the collector's goal.
// Owned by one reading goroutine.
type inbox struct {
	size  int
	pages []byte
	heads [batch]unix.Mmsghdr
	iovs  [batch]unix.Iovec
	names [batch]unix.RawSockaddrInet6 // wide enough for both families
}

func newInbox(size int) (*inbox, error) {
	pages, err := unix.Mmap(-1, 0, batch*size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("map %d bytes of receive buffers: %w; free memory or raise the limit on it", batch*size, err)
	}
	in := &inbox{size: size, pages: pages}
	for i := range in.heads {
		in.iovs[i].Base = &pages[i*size]
		in.iovs[i].SetLen(size)
		h := &in.heads[i].Hdr
		h.Iov = &in.iovs[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&in.names[i]))
		h.Namelen = unix.SizeofSockaddrInet6
	}
	return in, nil
}

func (in *inbox) free() { _ = unix.Munmap(in.pages) }

// receive takes what is there, at most batch datagrams.
func (in *inbox) receive(fd uintptr) (int, syscall.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&in.heads[0])), batch, unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// take returns datagram i and its source, and readies the slot for the next
// receive. whole is false when the datagram did not fit.
func (in *inbox) take(i int) (raw []byte, from netip.AddrPort, whole bool) {
	h := &in.heads[i]
	n := int(h.Len)
	raw = in.pages[i*in.size : i*in.size+n : i*in.size+n]
	from = readName(&in.names[i])
	whole = h.Hdr.Flags&unix.MSG_TRUNC == 0
	h.Hdr.Namelen = unix.SizeofSockaddrInet6
	return raw, from, whole
}

// readName turns the kernel's source address into ours; IPv4 mapped into IPv6
// becomes IPv4.
func readName(name *unix.RawSockaddrInet6) netip.AddrPort {
	port := ntohs(name.Port) // at the same place in both families
	if name.Family == unix.AF_INET {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), port)
	}
	addr := netip.AddrFrom16(name.Addr).Unmap()
	if name.Scope_id != 0 && addr.Is6() {
		addr = addr.WithZone(strconv.FormatUint(uint64(name.Scope_id), 10))
	}
	return netip.AddrPortFrom(addr, port)
}

// writeName fills name for a socket of the given family and returns its length;
// 0 when the family cannot reach the address.
func writeName(name *unix.RawSockaddrInet6, to netip.AddrPort, v6 bool) uint32 {
	addr := to.Addr()
	if !v6 {
		if !addr.Is4() && !addr.Is4In6() {
			return 0
		}
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		*v4 = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: ntohs(to.Port()), Addr: addr.Unmap().As4()}
		return unix.SizeofSockaddrInet4
	}
	*name = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: ntohs(to.Port()), Addr: addr.As16(), Scope_id: scope(addr.Zone())}
	return unix.SizeofSockaddrInet6
}

// scope turns the zone of a link-local address into its interface number.
func scope(zone string) uint32 {
	if zone == "" {
		return 0
	}
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n)
	}
	if i, err := net.InterfaceByName(zone); err == nil {
		return uint32(i.Index)
	}
	return 0
}

// ntohs swaps between network and host order, either way.
func ntohs(port uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], port)
	return binary.BigEndian.Uint16(b[:])
}

// outbox is the memory of one sendmmsg through one socket. Taken from a pool,
// used by one goroutine at a time.
type outbox struct {
	sock   *udpSocket
	n      int // messages filled
	next   int // first not yet dealt with
	sent   int
	result error // of the last message that was dropped
	heads  [batch]unix.Mmsghdr
	iovs   [batch]unix.Iovec
	names  [batch]unix.RawSockaddrInet6
	to     [batch]netip.AddrPort
	do     func(fd uintptr) // bound once: a closure per message would allocate
}

func newOutbox() any {
	o := new(outbox)
	for i := range o.heads {
		o.heads[i].Hdr.Iov = &o.iovs[i]
		o.heads[i].Hdr.SetIovlen(1)
	}
	o.do = o.write
	return o
}

// add takes one message; false when no address can be written for it.
func (o *outbox) add(to netip.AddrPort, raw []byte) bool {
	h := &o.heads[o.n].Hdr
	h.Name, h.Namelen = nil, 0
	if !o.sock.connected() {
		length := writeName(&o.names[o.n], to, o.sock.v6)
		if length == 0 {
			return false
		}
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&o.names[o.n])), length
	}
	o.iovs[o.n].Base = &raw[0]
	o.iovs[o.n].SetLen(len(raw))
	o.to[o.n] = to
	o.n++
	return true
}

// transmit hands the messages from next on to the kernel.
func (o *outbox) transmit(fd uintptr) (int, syscall.Errno) {
	if o.n-o.next > 1 {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&o.heads[o.next])), uintptr(o.n-o.next), nonBlocking, 0, 0)
		return int(n), errno
	}
	h := &o.heads[o.next].Hdr
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(h.Iov.Base)), uintptr(h.Iov.Len), nonBlocking,
		uintptr(unsafe.Pointer(h.Name)), uintptr(h.Namelen))
	return 1, errno
}

// clear drops every reference to what was sent.
func (o *outbox) clear() {
	for i := range o.n {
		o.iovs[i].Base = nil
	}
	o.sock, o.n, o.next, o.sent, o.result = nil, 0, 0, 0, nil
}
