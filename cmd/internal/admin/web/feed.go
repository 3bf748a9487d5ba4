package web

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"releve/cmd/internal/admin/page"
	"releve/db"
)

// Our choices: a change shows within half a second; the journal is read once a
// second, and waited for not long: the store may be slow when it matters most.
const (
	lookEvery    = 500 * time.Millisecond
	journalEvery = time.Second
	journalWait  = 300 * time.Millisecond
	journalLimit = 5 * time.Second
	journalLines = 200
)

// feed looks at the node for everybody who looks at it.
type feed struct {
	node  Node
	pages *page.Pages
	log   *slog.Logger
	zone  *time.Location
	now   chan struct{} // has one place: look at once
	done  chan struct{}

	seen    atomic.Pointer[page.Source] // the last look
	reading chan struct{}               // has one place: who reads the journal

	mu     sync.Mutex // guards what follows
	subs   map[*subscriber]struct{}
	lines  []db.Event
	readAt time.Time // when lines were read
	unread bool      // the last reading failed
}

// subscriber is one stream. news holds the newest state that it has not taken.
type subscriber struct {
	viewer page.Viewer
	news   chan page.Parts
	told   [sha256.Size]byte // digest of the last state left with it; owned by the feed
}

func newFeed(n Node, p *page.Pages, log *slog.Logger) *feed {
	return &feed{
		node: n, pages: p, log: log, zone: time.Local, now: make(chan struct{}, 1), done: make(chan struct{}),
		reading: make(chan struct{}, 1), subs: map[*subscriber]struct{}{},
	}
}

func (f *feed) run(ctx context.Context) {
	defer close(f.done)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-f.now:
		}
		if subs := f.everybody(); len(subs) > 0 {
			f.publish(f.gather(ctx), subs)
		}
	}
}

// hurry has the node looked at now.
func (f *feed) hurry() {
	select {
	case f.now <- struct{}{}:
	default:
	}
}

func (f *feed) join(v page.Viewer) *subscriber {
	s := &subscriber{viewer: v, news: make(chan page.Parts, 1)}
	f.mu.Lock()
	f.subs[s] = struct{}{}
	f.mu.Unlock()
	f.hurry()
	return s
}

func (f *feed) leave(s *subscriber) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.subs, s)
}

func (f *feed) everybody() []*subscriber {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]*subscriber, 0, len(f.subs))
	for s := range f.subs {
		out = append(out, s)
	}
	return out
}

// publish renders once per kind of viewer and leaves what is new with each stream.
func (f *feed) publish(source page.Source, subs []*subscriber) {
	type rendered struct {
		parts page.Parts
		sum   [sha256.Size]byte
		ok    bool
	}
	by := map[page.Viewer]rendered{}
	for _, s := range subs {
		r, known := by[s.viewer]
		if !known {
			parts, err := f.pages.Parts(source, s.viewer)
			if err != nil {
				f.log.Error("render the alarm screen", "error", err)
			}
			r = rendered{parts, parts.Digest(), err == nil}
			by[s.viewer] = r
		}
		if !r.ok || r.sum == s.told {
			continue
		}
		s.told = r.sum
		select {
		case <-s.news: // it has not taken the one before: only the newest counts
		default:
		}
		s.news <- r.parts // there is room: the feed alone puts
	}
}

// gather looks at the node and at its journal.
func (f *feed) gather(ctx context.Context) page.Source {
	out := page.Source{Status: f.node.Status(ctx), Zone: f.zone}
	f.readJournal()
	f.mu.Lock()
	out.Events, out.Unread = f.lines, f.unread || !f.readAt.IsZero() && time.Since(f.readAt) > journalLimit
	f.mu.Unlock()
	f.seen.Store(&out)
	return out
}

// readJournal reads it when the last reading is a second old, and waits for that a
// moment only; one reading at a time, so that a store that hangs holds one
// goroutine.
func (f *feed) readJournal() {
	f.mu.Lock()
	due := time.Since(f.readAt) >= journalEvery
	f.mu.Unlock()
	if !due {
		return
	}
	select {
	case f.reading <- struct{}{}:
	default:
		return
	}
	read := make(chan struct{})
	go func() {
		defer func() { close(read); <-f.reading }()
		ctx, cancel := context.WithTimeout(context.Background(), journalLimit)
		defer cancel()
		lines, err := f.node.Events(ctx, time.Time{}, journalLines)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.readAt, f.unread = time.Now(), err != nil
		if err == nil {
			f.lines = lines
		}
	}()
	late := time.NewTimer(journalWait)
	defer late.Stop()
	select {
	case <-read:
	case <-late.C:
	}
}

// beat says how fresh the last look is.
func (f *feed) beat() beat {
	now := time.Now()
	out := beat{Now: now.UnixMilli(), Clock: now.In(f.zone).Format("15:04:05")}
	if s := f.seen.Load(); s != nil {
		out.Observed = s.Status.Observed.UnixMilli()
		out.Fresh = now.Sub(s.Status.Observed) <= page.StaleAfter
	}
	return out
}
