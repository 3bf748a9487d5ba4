package faults

import (
	"context"
	"sync"
	"time"
)

// every is how often the status is read. Our choice: well below a round.
const every = 100 * time.Millisecond

// watch follows what the status says of the active server.
type watch struct {
	stop context.CancelFunc
	done chan struct{}

	mu   sync.Mutex
	said []said // changes only
}

func startWatch(ctx context.Context, r *releve) *watch {
	ctx, stop := context.WithCancel(ctx)
	t := &watch{stop: stop, done: make(chan struct{})}
	go t.run(ctx, r)
	return t
}

func (t *watch) run(ctx context.Context, r *releve) {
	defer close(t.done)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s, err := r.status(ctx)
		if err != nil || s.Active != "primary" {
			continue // it is paused or restarts; after a switchover the journal tells
		}
		t.note(s.server(0).Verdict)
	}
}

func (t *watch) note(verdict string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.said); n == 0 || t.said[n-1].verdict != verdict {
		t.said = append(t.said, said{at: time.Now(), verdict: verdict})
	}
}

func (t *watch) all() []said {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]said(nil), t.said...)
}

func (t *watch) end() {
	t.stop()
	<-t.done
}
