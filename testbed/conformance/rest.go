package conformance

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// footprint is what the process takes at one moment.
type footprint struct{ goroutines, live, descriptors float64 }

// footprint reads it after a garbage collection: reading the metrics often
// enough makes one.
func (b *bed) footprint(ctx context.Context) (f footprint, err error) {
	first := -1.0
	for range 5000 {
		g, err := b.gauges(ctx)
		if err != nil {
			return f, err
		}
		n, ok := g["releve_collections_total"]
		if !ok {
			return f, errors.New("no series releve_collections_total")
		}
		if first < 0 {
			first = n
		}
		if n >= first+2 { // one that began after we did has ended
			return footprint{g["releve_goroutines"], g["releve_heap_live_bytes"], g["releve_descriptors"]}, nil
		}
	}
	return f, errors.New("no garbage collection in 5,000 readings")
}

// The margins over the base line: what a pool or a table may keep.
const (
	spareGoroutines = 4
	spareBytes      = 6 << 20
)

// atRest waits until the process takes what it took before: transactions over
// UDP linger 64*T1 (32 s).
func (b *bed) atRest(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 45*time.Second)
	defer cancel()
	for {
		f, err := b.footprint(ctx)
		if err != nil {
			return err
		}
		if f.goroutines <= b.base.goroutines+spareGoroutines && f.descriptors <= b.base.descriptors+spareGoroutines && f.live <= b.base.live+spareBytes {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("before %+v, after %+v", b.base, f)
		case <-time.After(time.Second):
		}
	}
}

// outlived waits until a connection ends whose message never does.
func (b *bed) outlived(ctx context.Context, h *hanging) error {
	const limit = 30 * time.Second // Relève's own for one message
	ctx, cancel := context.WithDeadline(ctx, h.at.Add(limit+10*time.Second))
	defer cancel()
	select {
	case <-h.conn.ended:
	case <-ctx.Done():
	}
	select {
	case <-h.conn.ended:
	default:
		return errors.New("the connection still waits")
	}
	if took := h.conn.lasted; took < limit-time.Second {
		return fmt.Errorf("the connection ended after %s already", took)
	}
	return nil
}
