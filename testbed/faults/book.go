package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"releve/testbed/ipbx"
)

// Calls counts what became of the calls that the IPBX offered; each call is in
// one of Answered to Lost.
type Calls struct {
	Offered     int `json:"offered"`
	Answered    int `json:"answered"`    // by a voice server
	Rescued     int `json:"rescued"`     // by the operators' desk
	Dissuaded   int `json:"dissuaded"`   // refused with a final that says busy or not now
	Relayed     int `json:"relayed"`     // refused with the server's own final (403, 404, …)
	Cancelled   int `json:"cancelled"`   // by the caller
	Unreachable int `json:"unreachable"` // the network between IPBX and hop carried nothing of it
	Lost        int `json:"lost"`        // none of these: no final, or a failure shown to the caller
	Delayed     int `json:"delayed"`     // among answered and rescued: later than 2 s
}

func (c *Calls) add(d Calls) {
	c.Offered += d.Offered
	c.Answered += d.Answered
	c.Rescued += d.Rescued
	c.Dissuaded += d.Dissuaded
	c.Relayed += d.Relayed
	c.Cancelled += d.Cancelled
	c.Unreachable += d.Unreachable
	c.Lost += d.Lost
	c.Delayed += d.Delayed
}

// late is when an answer counts as delayed: the bar of DESIGN §7.
const late = 2 * time.Second

// enter counts one call. cutOff: during its life the IPBX and the hop could not
// reach each other. Pure.
func (c *Calls) enter(r ipbx.Result, cutOff bool) (lost bool) {
	c.Offered++
	switch {
	case r.Outcome == "answered" && r.AnsweredBy == nameIPBX:
		c.Rescued++
	case r.Outcome == "answered":
		c.Answered++
	case r.Outcome == "cancelled":
		c.Cancelled++
	case r.Outcome == "refused" && (r.Status == 486 || r.Status == 480 || r.Status == 600):
		c.Dissuaded++
	case r.Outcome == "refused" && r.Status != 408 && r.Status/100 != 5:
		c.Relayed++
	case cutOff && r.Trying == 0:
		c.Unreachable++
	default:
		c.Lost++
		return true
	}
	if r.Outcome == "answered" && r.Setup > late {
		c.Delayed++
	}
	return false
}

// answer is one call answered, as the IPBX tells it.
type answer struct {
	at time.Time
	by string
}

// maxLost bounds the lost calls that are described.
const maxLost = 8

// book keeps the calls of a world.
type book struct {
	mu      sync.Mutex
	calls   Calls
	lost    []string // the first few, for the report
	answers []answer
	open    map[int]time.Time // calls that go on, by number at the IPBX: when offered
	cut     []span            // when IPBX and hop could not reach each other
	serial  int
	changed chan struct{}
	follow  sync.WaitGroup
}

type span struct{ from, to time.Time } // to zero: still

func newBook() *book { return &book{open: map[int]time.Time{}, changed: make(chan struct{})} }

func (b *book) notify() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// event takes the IPBX's events.
func (b *book) event(kind string, data json.RawMessage) {
	if kind != "call-answered" {
		return
	}
	var e ipbx.Event
	if json.Unmarshal(data, &e) != nil {
		return // seen at the end of the call
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answers = append(b.answers, answer{e.At, e.Text})
	b.notify()
}

// offer places a call at the IPBX and follows it to its end.
func (w *world) offer(ctx context.Context, spec ipbx.CallSpec) (int, error) {
	b := w.book
	b.mu.Lock()
	b.serial++
	spec.From = fmt.Sprintf("01450%05d", b.serial)
	b.mu.Unlock()
	if spec.To == "" {
		spec.To = service
	}
	var placed struct{ ID int }
	at := time.Now()
	if err := w.ipbx.Do(ctx, "call", spec, &placed); err != nil {
		return 0, fmt.Errorf("offer a call: %w", err)
	}
	b.mu.Lock()
	b.open[placed.ID] = at
	b.mu.Unlock()
	b.follow.Go(func() { w.watchCall(placed.ID, at) })
	return placed.ID, nil
}

type byID struct {
	ID   int  `json:"id"`
	Wait bool `json:"wait,omitempty"`
}

// watchCall enters a call at its end, or at the end of the world as a lost one.
func (w *world) watchCall(id int, at time.Time) {
	var r ipbx.Result
	if err := w.ipbx.Do(w.life, "result", byID{id, true}, &r); err != nil {
		_ = w.ipbx.Do(context.Background(), "result", byID{ID: id}, &r) // what it was when time was up
		if r.Outcome == "" {
			r.Outcome = "no final"
		}
	}
	b := w.book
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, id)
	if b.calls.enter(r, b.cutOff(at, time.Now())) && len(b.lost) < maxLost {
		b.lost = append(b.lost, fmt.Sprintf("%s offered at %+.1f s: %s %d (%s) after %.1f s, first 100 after %.2f s",
			r.CallID, w.since(at), r.Outcome, r.Status, r.Cause, r.Setup.Seconds(), r.Trying.Seconds()))
	}
	b.notify()
}

// cutOff: the two could not reach each other at some time in between; mu is held.
func (b *book) cutOff(from, to time.Time) bool {
	for _, s := range b.cut {
		if s.from.Before(to) && (s.to.IsZero() || s.to.After(from)) {
			return true
		}
	}
	return false
}

// firstBy is the first answer of a server after an instant.
func (b *book) firstBy(name string, after time.Time) (time.Time, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.answers {
		if a.by == name && a.at.After(after) {
			return a.at, true
		}
	}
	return time.Time{}, false
}

// until blocks until ok, asked at each change, or ctx ends; it reports which.
func (b *book) until(ctx context.Context, ok func() bool) bool {
	for {
		b.mu.Lock()
		changed := b.changed
		b.mu.Unlock()
		if ok() {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

func (b *book) snapshot() (Calls, []string, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls, b.lost, len(b.open)
}
