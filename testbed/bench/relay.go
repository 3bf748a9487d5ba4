package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// relay forwards datagrams between a caller and a server and parses nothing:
// the floor below which no hop of this shape can go. It runs until it is ended.
func relay(at []string) error {
	if len(at) != 4 {
		return errors.New("-relay wants FRONT,BACK,CALLER,SERVER")
	}
	var addrs [4]netip.AddrPort
	for i := range at {
		var err error
		if addrs[i], err = netip.ParseAddrPort(at[i]); err != nil {
			return err
		}
	}
	front, err := listen(addrs[0])
	if err != nil {
		return err
	}
	back, err := listen(addrs[1])
	if err != nil {
		return err
	}
	fault := make(chan error, 2)
	go func() { fault <- forward(front, back, addrs[3]) }()
	go func() { fault <- forward(back, front, addrs[2]) }()
	return <-fault
}

func listen(a netip.AddrPort) (*net.UDPConn, error) {
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(a))
	if err != nil {
		return nil, fmt.Errorf("%w; another bench may be running", err)
	}
	return c, errors.Join(c.SetReadBuffer(4<<20), c.SetWriteBuffer(4<<20))
}

func forward(in, out *net.UDPConn, to netip.AddrPort) error {
	room := make([]byte, 65_535)
	for {
		n, _, err := in.ReadFromUDPAddrPort(room)
		if err != nil {
			return err
		}
		if _, err := out.WriteToUDPAddrPort(room[:n], to); err != nil {
			return err
		}
	}
}
