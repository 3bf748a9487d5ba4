package spool

import (
	"sync"

	"releve/health/metric"
)

// queue is the bounded list between the call path and the writing goroutine,
// with the requests to that goroutine. A mutex held for an append, not a
// channel: the writer takes many entries at once, and after close every entry
// is either written or counted.
type queue struct {
	limit *metric.Limit
	wake  chan struct{} // capacity 1

	mu      *sync.Mutex
	entries []entry  // guarded by mu
	asked   requests // guarded by mu; asked.close stays
	most    int
}

// requests is what the writing goroutine was asked since its last look.
type requests struct {
	flush   []chan error // answered when all that was queued before is synced
	seal    bool         // end the segment
	close   bool         // take no further entry; write and end
	refused bool         // an entry was refused
}

func newQueue(most int, m *metric.Set) queue {
	return queue{limit: m.Limit("spool_queue", int64(most)), wake: make(chan struct{}, 1), mu: &sync.Mutex{}, most: most}
}

// put appends e, or says why not.
func (q *queue) put(e entry) Loss {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.asked.close {
		return LossClosed
	}
	if !q.limit.Take(1) {
		if !q.asked.refused {
			q.asked.refused = true
			q.signal()
		}
		return LossQueueFull
	}
	q.entries = append(q.entries, e)
	// The writer looks again by itself while there is something; it is woken
	// for the first entry and when half is full.
	if n := len(q.entries); n == 1 || n == q.most/2 {
		q.signal()
	}
	return lossNone
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default: // it is awake already
	}
}

// take moves up to most entries to dst.
func (q *queue) take(dst []entry, most int) []entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(most, len(q.entries))
	dst = append(dst, q.entries[:n]...)
	left := copy(q.entries, q.entries[n:])
	clear(q.entries[left:]) // let go of the strings
	q.entries = q.entries[:left]
	if left == 0 && cap(q.entries) > q.most/4 {
		q.entries = nil // memory of a burst
	}
	q.limit.Give(int64(n))
	return dst
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.entries)
}

// ask adds a Flush; false when the queue is closed.
func (q *queue) ask(done chan error) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.asked.close {
		return false
	}
	q.asked.flush = append(q.asked.flush, done)
	q.signal()
	return true
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.asked.close = true
	q.signal()
}

func (q *queue) seal() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.asked.seal = true
	q.signal()
}

// requests takes what was asked.
func (q *queue) requests() requests {
	q.mu.Lock()
	defer q.mu.Unlock()
	asked := q.asked
	q.asked = requests{close: asked.close}
	return asked
}
