package demo

import (
	"context"
	"errors"
	"sync"
	"time"
)

// traffic offers calls in the background through the whole story: most are
// short, some are kept until their turn is over or the story needs the lines.
type traffic struct {
	book *book

	mu     sync.Mutex // held while a call is being offered
	every  time.Duration
	keep   bool
	kept   []*call
	fault  error
	stop   chan struct{}
	done   chan struct{}
	placed int
}

// The paces, and the sizes of a call; our choices.
const (
	steady    = 200 * time.Millisecond // 5 calls a second
	calm      = time.Second            // while the lines are full on purpose
	short     = 600 * time.Millisecond // of conversation
	keepEvery = 8                      // each eighth call is kept
	keepMost  = 3
)

// startTraffic begins; ctx is the story's, which outlives the traffic.
func startTraffic(ctx context.Context, b *book) *traffic {
	t := &traffic{book: b, every: steady, keep: true, stop: make(chan struct{}), done: make(chan struct{})}
	go t.run(ctx)
	return t
}

func (t *traffic) run(ctx context.Context) {
	defer close(t.done)
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.stop:
			return
		case <-pause.C:
		}
		pause.Reset(t.one(ctx))
	}
}

// one offers a call and returns the pause before the next.
func (t *traffic) one(ctx context.Context) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.placed++
	long, duration := t.keep && t.placed%keepEvery == 0, short
	if long {
		duration = 0
	}
	c, err := t.book.offer(ctx, duration)
	if err != nil {
		t.fault = errors.Join(t.fault, err)
		return t.every
	}
	if long {
		t.kept = append(t.kept, c)
	}
	if len(t.kept) > keepMost {
		t.fault = errors.Join(t.fault, t.book.hangup(ctx, t.kept[0]))
		t.kept = t.kept[1:]
	}
	return t.every
}

// pace changes the interval and whether calls are kept.
func (t *traffic) pace(every time.Duration, keep bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.every, t.keep = every, keep
}

// release hangs up the calls that are kept.
func (t *traffic) release(ctx context.Context) (err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.kept {
		t.book.hear(ctx, c)
		err = errors.Join(err, t.book.hangup(ctx, c))
	}
	t.kept = nil
	return err
}

// quiet runs f at a moment when no call is being set up (every answered one was
// heard, so its ACK is through) and none begins.
func (t *traffic) quiet(ctx context.Context, f func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.book.until(ctx, func() bool { return t.book.settingUp() == 0 }) {
		return false
	}
	var talking []*call
	t.book.read(func() {
		for _, c := range t.book.calls {
			if !c.over {
				talking = append(talking, c)
			}
		}
	})
	for _, c := range talking {
		t.book.hear(ctx, c)
	}
	f()
	return true
}

// end stops the traffic and returns what went wrong in it.
func (t *traffic) end() error {
	close(t.stop)
	<-t.done
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.fault
}
