package admission

import (
	"sync/atomic"
	"time"

	"releve/router"
)

// Rate is what a Bucket admits: one every Each, and Burst at once after a rest.
// The zero Rate admits everything.
type Rate struct {
	Each  time.Duration
	Burst int // at least 1
}

// PerSecond is n a second, burst at once; n of 0 or less: everything. A burst of
// 0 or less is one second's worth.
func PerSecond(n, burst int) Rate {
	if n <= 0 {
		return Rate{}
	}
	if burst <= 0 {
		burst = n
	}
	return Rate{Each: max(time.Second/time.Duration(n), 1), Burst: burst}
}

// Bucket is a token bucket kept as one instant: when it will be full again
// (the generic cell rate algorithm). The zero Bucket is full. Safe for
// concurrent use; never blocks.
type Bucket struct {
	full atomic.Int64 // router.Instant
}

// Take takes one token at now; false: there is none.
func (b *Bucket) Take(now router.Instant, r Rate) bool { return b.TakeAbove(now, r, 0) }

// TakeAbove takes one token if keep of them stay behind for others; keep below
// 0: so many may be owed.
func (b *Bucket) TakeAbove(now router.Instant, r Rate, keep int) bool {
	if r.Each <= 0 {
		return true
	}
	room := time.Duration(max(r.Burst, 1)-1-keep) * r.Each
	for {
		old := b.full.Load()
		full := max(router.Instant(old), now)
		if full.Sub(now) > room {
			return false
		}
		if b.full.CompareAndSwap(old, int64(full.Add(r.Each))) {
			return true
		}
	}
}

// Left is the number of tokens in the bucket at now.
func (b *Bucket) Left(now router.Instant, r Rate) int {
	if r.Each <= 0 {
		return r.Burst
	}
	used := max(router.Instant(b.full.Load()).Sub(now), 0)
	return max(r.Burst-int((used+r.Each-1)/r.Each), 0)
}
