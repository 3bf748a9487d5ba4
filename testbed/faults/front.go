package faults

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
)

// Front is a voice server's TCP trunk: what comes over TCP goes to its UDP
// address as it is, and back. It is a party of its own, for a connection dies
// with its process.
type Front struct {
	Listen netip.AddrPort `json:"listen"` // TCP
	Server netip.AddrPort `json:"server"` // UDP
}

// maxMessage bounds one message, in bytes.
const maxMessage = 64 << 10

// RunFront serves until ctx or in ends; it says on out when it listens.
func RunFront(ctx context.Context, in io.Reader, out io.Writer) error {
	commands := bufio.NewReader(in)
	first, err := commands.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the configuration of the front: %w", err)
	}
	var f Front
	if err := json.Unmarshal(first, &f); err != nil {
		return fmt.Errorf("read the configuration of the front: %w", err)
	}
	l, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(f.Listen))
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	context.AfterFunc(ctx, func() { l.Close() })
	go func() { _, _ = io.Copy(io.Discard, commands); cancel() }() // the end of its control ends it
	fmt.Fprintln(out, `{"event":"ready"}`)
	var trunks sync.WaitGroup
	defer trunks.Wait()
	for {
		c, err := l.AcceptTCP()
		if err != nil {
			return nil // closed
		}
		trunks.Go(func() {
			defer c.Close()
			stop := context.AfterFunc(ctx, func() { c.Close() })
			defer stop()
			_ = f.carry(c) // the end of a connection, whichever
		})
	}
}

// carry takes messages both ways until the connection ends.
func (f *Front) carry(c *net.TCPConn) error {
	u, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(f.Server))
	if err != nil {
		return err
	}
	defer u.Close()
	go func() {
		buf := make([]byte, maxMessage)
		for {
			n, err := u.Read(buf)
			if err != nil {
				c.Close()
				return
			}
			if _, err := c.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	for r := bufio.NewReaderSize(c, maxMessage); ; {
		m, err := frame(r)
		if err != nil {
			return err
		}
		if _, err := u.Write(m); err != nil {
			return err
		}
	}
}

// frame reads one message (RFC 3261 §18.3). Relève writes Content-Length in full
// and folds no line; pings (RFC 5626 §3.5.1) are skipped.
func frame(r *bufio.Reader) ([]byte, error) {
	var m bytes.Buffer
	length := 0
	for m.Len() < maxMessage {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if m.Len() == 0 && line == "\r\n" {
			continue
		}
		m.WriteString(line)
		if name, value, ok := strings.Cut(line, ":"); ok && (strings.EqualFold(name, "Content-Length") || name == "l") {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil || length < 0 || length > maxMessage {
				return nil, fmt.Errorf("read Content-Length %q: %w", value, err)
			}
		}
		if line == "\r\n" {
			_, err := io.CopyN(&m, r, int64(length))
			return m.Bytes(), err
		}
	}
	return nil, fmt.Errorf("a head longer than %d bytes", maxMessage)
}
