package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"releve/testbed/conformance/protos"
)

const (
	inFlight  = 50 // messages between two fences: what a socket buffer holds
	large     = 8 << 10
	longest   = 65_507 // bytes of a datagram's payload
	everyCall = 500    // messages between two valid calls
	sampled   = 10     // over TCP: one in so many, and all that no datagram holds
)

// anomalous sends the messages of package protos: nothing they say stops Relève
// from treating the next message, or the next call.
func (b *bed) anomalous(ctx context.Context) error {
	from := netip.AddrPortFrom(b.source(sources-1), 5060)
	site := protos.Site{From: from.String(), To: b.releve.String()}
	n, flying := 0, 0
	for c := range site.All(1) {
		n++
		if b.tcp == (len(c.Raw) <= longest && n%sampled != 0) {
			continue
		}
		if err := b.throw(ctx, from, c.Raw); err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		if flying++; flying >= inFlight || len(c.Raw) > large {
			flying = 0
			if err := b.settle(ctx, from); err != nil {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
		}
		if n%everyCall == 0 {
			if err := b.call(ctx, from, site.Valid(1_000_000+n)); err != nil {
				return fmt.Errorf("after %s: %w", c.Name, err)
			}
		}
	}
	return b.call(ctx, from, site.Valid(1_000_000))
}

// throw sends one message; over TCP on a connection of its own.
func (b *bed) throw(ctx context.Context, from netip.AddrPort, raw []byte) error {
	b.ear.sends(readMessage(raw))
	if !b.tcp {
		d, err := b.port(from)
		if err != nil {
			return err
		}
		return d.send(b.releve, raw)
	}
	conn, err := dialTCP(ctx, from.Addr(), b.releve, b.ear)
	if err != nil {
		return err
	}
	_ = conn.send(raw) // Relève may end a connection midway
	conn.leave()
	return nil
}

// settle waits until what was thrown was treated, and forgets what was heard.
func (b *bed) settle(ctx context.Context, from netip.AddrPort) error {
	err := b.fenceAt(ctx, from)
	b.ear.take()
	return err
}

// fenceAt sends a fence from a party's own place.
func (b *bed) fenceAt(ctx context.Context, from netip.AddrPort) error {
	if b.tcp {
		return b.fence(ctx, b.watch.at, b.watch.send)
	}
	d, err := b.port(from)
	if err != nil {
		return err
	}
	return b.fence(ctx, d.at, func(raw []byte) error { return d.send(b.releve, raw) })
}

// call places a valid call: it arrives, and is answered.
func (b *bed) call(ctx context.Context, from netip.AddrPort, raw []byte) error {
	if err := b.settle(ctx, from); err != nil {
		return err
	}
	m := readMessage(raw)
	b.ear.sends(m)
	send := b.watch.sender()
	if !b.tcp {
		d, err := b.port(from)
		if err != nil {
			return err
		}
		send = func(raw []byte) error { return d.send(b.releve, raw) }
	}
	if err := send(raw); err != nil {
		return err
	}
	if err := b.fenceAt(ctx, from); err != nil {
		return err
	}
	requests, finals := b.ear.take()
	for _, r := range requests {
		if r.msg.value("call-id") != m.value("call-id") {
			continue
		}
		for _, f := range finals {
			if f.msg.value("call-id") == m.value("call-id") && f.msg.status() == 603 {
				return nil
			}
		}
		return errors.New("a valid call is not answered")
	}
	return errors.New("a valid call does not arrive")
}
