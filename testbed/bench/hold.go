package main

import (
	"context"
	"fmt"
	"time"
)

// holdRate is how fast the held calls are set up, in calls per second.
const holdRate = 500

// settle is how long the memory is watched after the tails: the lowest reading
// counts for nobody, the last one does.
const settle = 6 * time.Second

// hold measures the memory of calls in progress: resident size after the tails
// of their INVITEs, less the size before, over their number. Fresh processes,
// one after the other. Nothing is asked of a collector.
func (b *bench) hold(ctx context.Context, names []string) error {
	if b.held == 0 {
		return nil
	}
	for _, n := range names {
		if n == "relay" || b.short && n != "releve" {
			continue // it knows no calls; the short form compares no memory
		}
		if err := b.holdOne(ctx, n); err != nil {
			return fmt.Errorf("hold calls on %s: %w", n, err)
		}
	}
	return nil
}

func (b *bench) holdOne(ctx context.Context, name string) error {
	c, err := b.startOne(ctx, name, serverHost)
	if err != nil {
		return err
	}
	defer c.end()
	before, err := c.memory()
	if err != nil {
		return err
	}
	ramp := time.Duration(float64(b.held) / holdRate * float64(time.Second))
	length := ramp + tails + settle + 4*time.Second
	p, err := b.callerProcess(c.addr, b.held, holdRate, length)
	if err != nil {
		return err
	}
	fmt.Printf("%-9s holding %d calls for %s …\n", name, b.held, length)
	if err := pause(ctx, ramp+tails+settle); err != nil {
		return err
	}
	after, err := c.memory()
	if err != nil {
		return err
	}
	s, err := b.callerEnd(ctx, p, b.held, holdRate, length)
	if err != nil {
		return err
	}
	r := b.result
	r.HeldBytes[name] = (after - before) / int64(b.held)
	r.HeldFailed[name] = b.held - s.ok
	fmt.Printf("%-9s %d KiB before, %d KiB with %d calls: %d bytes per call, %d failed\n",
		name, before>>10, after>>10, b.held, r.HeldBytes[name], r.HeldFailed[name])
	if s.ok < b.held {
		fmt.Print(s.errors)
	}
	return nil
}
