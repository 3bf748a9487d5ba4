package soak

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"releve/testbed/ipbx"
	"releve/testbed/server"
)

// fault is one way in which the world misbehaves for a while. It leaves the
// world healthy.
type fault struct {
	name string
	run  func(ctx context.Context, s *site) error
}

// spell is how long a misbehaviour lasts; death is long enough for a
// verification, a switchover and calls that the secondary serves.
const (
	spell = 4 * time.Second
	death = 9 * time.Second
)

// faults are all that a round of the soak goes through.
func faults() []fault {
	return []fault{
		mode("primary busy", spell, 0, server.Mode{Kind: server.AllBusy}),
		mode("primary rings and rings", spell, 0, server.Mode{Kind: server.NoAnswer}),
		mode("primary says 100 alone", spell, 0, server.Mode{Kind: server.Hundred}),
		mode("primary answers OPTIONS alone", spell, 0, server.Mode{Kind: server.OptionsOnly}),
		mode("primary answers 503 with Retry-After", spell, 0, server.Mode{Kind: server.ServerError, Status: 503, RetryAfter: time.Second}),
		mode("primary answers 500", spell, 0, server.Mode{Kind: server.ServerError, Status: 500}),
		mode("primary slow", spell, 0, server.Mode{Kind: server.Slow, Least: 50 * time.Millisecond, Most: 600 * time.Millisecond}),
		mode("primary refuses", death, 0, server.Mode{Kind: server.Refuse}),
		mode("primary silent", death, 0, server.Mode{Kind: server.Silent}),
		mode("primary killed", death, 0, server.Mode{Kind: server.Killed}),
		mode("secondary silent", spell, 1, server.Mode{Kind: server.Silent}),
		{"registrar silent", func(ctx context.Context, s *site) error {
			return errors.Join(s.ipbx.SetFault(ipbx.RegistrarSilent, 0), pause(ctx, spell), s.ipbx.SetFault(ipbx.Healthy, 0))
		}},
		{"registrar forgets", func(ctx context.Context, s *site) error {
			s.ipbx.DropBindings()
			return pause(ctx, time.Second)
		}},
		{"registrar forbids", func(ctx context.Context, s *site) error {
			s.ipbx.SetRegistrar(func(r *ipbx.Registrar) { r.Forbid = true })
			err := pause(ctx, spell)
			s.ipbx.SetRegistrar(func(r *ipbx.Registrar) { r.Forbid = false })
			return err
		}},
		{"IPBX slow", func(ctx context.Context, s *site) error {
			return errors.Join(s.ipbx.SetFault(ipbx.Slow, 300*time.Millisecond), pause(ctx, spell), s.ipbx.SetFault(ipbx.Healthy, 0))
		}},
		{"connections dropped", connections},
		{"noise", noise},
	}
}

func mode(name string, lasts time.Duration, which int, m server.Mode) fault {
	return fault{name, func(ctx context.Context, s *site) error {
		v := s.servers[which]
		s.sick.Store(true)
		defer s.sick.Store(false)
		err := errors.Join(v.SetMode(m), pause(ctx, lasts), v.SetMode(server.Mode{Kind: server.Healthy}))
		if err != nil {
			return err
		}
		limit, cancel := context.WithTimeoutCause(ctx, 30*time.Second, fmt.Errorf("not within 30 s after %q", name))
		defer cancel()
		return s.home(limit)
	}}
}

// connections opens TCP connections by the hundred, some with half a message,
// and drops them.
func connections(ctx context.Context, s *site) error {
	var d net.Dialer
	for i := range 300 {
		c, err := d.DialContext(ctx, "tcp", s.releve.String())
		if errors.Is(err, syscall.ECONNRESET) {
			continue // more at once than one source may have: refused, as it should be
		}
		if err != nil {
			return fmt.Errorf("connect to Relève: %w", err)
		}
		if i%3 == 0 {
			_, _ = c.Write([]byte("OPTIONS sip:releve SIP/2.0\r\nVia: SIP/2.0/TCP half")) // it may be closed already
		}
		if err := c.Close(); err != nil {
			return err
		}
	}
	return nil
}

// noise sends what no SIP element would.
func noise(ctx context.Context, s *site) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "udp", s.releve.String())
	if err != nil {
		return fmt.Errorf("reach Relève: %w", err)
	}
	defer c.Close()
	for i := range 500 {
		msg := fmt.Sprintf("INVITE sip:%d@x SIP/2.0\r\nVia: SIP/2.0/UDP %d\r\n%s", i, i, string(make([]byte, i)))
		_, _ = c.Write([]byte(msg)) // refused datagrams are noise too
	}
	return nil
}

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
