package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"releve/testbed/ipbx"
)

// Outcome is what became of a call that the IPBX offered; each call has one.
type Outcome string

// Answered: a voice server answered and was heard. Dissuaded: 486. Cancelled:
// the story's caller hung up before an answer. Rescued: the operators' desk
// answered and was heard. Lost: anything else: no final within patience, another
// refusal, an answer without audible RTP.
const (
	Answered  Outcome = "answered"
	Dissuaded Outcome = "dissuaded"
	Cancelled Outcome = "cancelled"
	Rescued   Outcome = "rescued"
	Lost      Outcome = "lost"
)

const (
	// patience is how long a caller waits for a final. Our choice: the hold
	// budget, the clocks before it, and room for the desk.
	patience = 15 * time.Second
	// speech is how long an answered call must last before silence on it is a
	// fault: prompts are sent from the ACK on, every 20 ms.
	speech = 500 * time.Millisecond
)

// call is one call offered. Guarded by its book.
type call struct {
	id      int    // at the IPBX
	callID  string // of its first presentation
	from    string
	offered time.Time

	answeredAt time.Time // zero: not (yet)
	answeredBy string
	impatient  bool // no final within patience
	over       bool
	endedAt    time.Time
	result     ipbx.Result
	outcome    Outcome
}

// death is one voice server's process killed by the story.
type death struct {
	server string
	at     time.Time
	until  time.Time // restarted; zero: not yet
}

// settle gives an ended call its outcome. Pure.
func settle(c *call, deaths []death) Outcome {
	r := &c.result
	switch {
	case c.impatient:
		return Lost
	case r.Outcome == "cancelled":
		return Cancelled
	case r.Outcome == "refused" && r.Status == 486:
		return Dissuaded
	case r.Outcome != "answered":
		return Lost
	case r.Audible == 0 && !cutShort(c, deaths):
		return Lost
	case r.AnsweredBy == nameIPBX:
		return Rescued
	case r.AnsweredBy == namePrimary || r.AnsweredBy == nameSecondary:
		return Answered
	}
	return Lost
}

// cutShort: the server was killed within the first moments of the conversation,
// which no router can mend. A call that we ended within them ourselves does not
// count: every call of the story lasts longer than speech.
func cutShort(c *call, deaths []death) bool {
	for _, d := range deaths {
		if since := d.at.Sub(c.answeredAt); d.server == c.answeredBy && since >= -speech && since < speech {
			return true
		}
	}
	return false
}

// tally counts the outcomes.
type tally struct {
	offered  int
	outcomes map[Outcome]int
	cut      int // conversations that ended with the process of their server
}

func (t tally) sum() (n int) {
	for _, k := range t.outcomes {
		n += k
	}
	return n
}

// book keeps every call that the IPBX offered. mu guards the calls too.
type book struct {
	site *site
	ctx  context.Context // of the story: a call outlives the step that offered it

	mu      sync.Mutex
	changed chan struct{} // closed and renewed at each change
	calls   []*call
	byID    map[string]*call  // by Call-ID
	early   map[string]answer // answers that came before the call was known
	deaths  []death
	serial  int
	watch   sync.WaitGroup
}

type answer struct {
	at time.Time
	by string
}

func newBook(ctx context.Context, s *site) *book {
	return &book{site: s, ctx: ctx, changed: make(chan struct{}), byID: map[string]*call{}, early: map[string]answer{}}
}

// notify wakes every wait; mu is held.
func (b *book) notify() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// event takes the IPBX's events; called by the pipe's reader.
func (b *book) event(kind string, data json.RawMessage) {
	if kind != "call-answered" {
		return
	}
	var e ipbx.Event
	if json.Unmarshal(data, &e) != nil {
		return // a call without its answer is found at its end
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.byID[e.Call]; c != nil {
		c.answeredAt, c.answeredBy = e.At, e.Text
		b.notify()
		return
	}
	b.early[e.Call] = answer{e.At, e.Text}
}

// offer places a call at the IPBX; duration 0: until it is hung up.
func (b *book) offer(ctx context.Context, duration time.Duration) (*call, error) {
	b.mu.Lock()
	b.serial++
	c := &call{from: fmt.Sprintf("01450%05d", b.serial)}
	b.mu.Unlock()
	var placed struct{ ID int }
	c.offered = time.Now()
	spec := ipbx.CallSpec{From: c.from, To: service, RTP: true, Duration: duration}
	if err := b.site.ipbx.remote.Do(ctx, "call", spec, &placed); err != nil {
		return nil, fmt.Errorf("offer a call: %w", err)
	}
	c.id = placed.ID
	r, err := b.look(ctx, c)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	c.callID = r.CallID
	b.calls = append(b.calls, c)
	b.byID[c.callID] = c
	if a, ok := b.early[c.callID]; ok {
		delete(b.early, c.callID)
		c.answeredAt, c.answeredBy = a.at, a.by
	}
	b.notify()
	b.watch.Go(func() { b.follow(c) })
	return c, nil
}

type byID struct {
	ID   int  `json:"id"`
	Wait bool `json:"wait,omitempty"`
}

// look is the call's result so far.
func (b *book) look(ctx context.Context, c *call) (r ipbx.Result, err error) {
	return r, b.site.ipbx.remote.Do(ctx, "result", byID{ID: c.id}, &r)
}

// follow waits for the end of a call and settles it.
func (b *book) follow(c *call) {
	patient := time.AfterFunc(patience, func() { b.lostPatience(c) })
	defer patient.Stop()
	var r ipbx.Result
	if err := b.site.ipbx.remote.Do(b.ctx, "result", byID{c.id, true}, &r); err != nil {
		return // the demo is being given up; the call stays unsettled and is seen as such
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	c.over, c.endedAt, c.result = true, time.Now(), r
	c.outcome = settle(c, b.deaths)
	b.notify()
}

func (b *book) lostPatience(c *call) {
	b.mu.Lock()
	waiting := !c.over && c.answeredAt.IsZero()
	c.impatient = waiting
	b.mu.Unlock()
	if waiting {
		_ = b.hangup(b.ctx, c) // it is lost either way
	}
}

// hangup ends a call as its caller does: CANCEL before the answer, else BYE.
func (b *book) hangup(ctx context.Context, c *call) error {
	return b.site.ipbx.remote.Do(ctx, "hangup", byID{ID: c.id}, nil)
}

// hear waits until the caller heard something, so that hanging up now does not
// make a lost call of one that was just answered; not longer than speech.
func (b *book) hear(ctx context.Context, c *call) {
	ctx, cancel := context.WithTimeout(ctx, speech)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if r, err := b.look(ctx, c); err != nil || r.Audible > 0 || r.Cause != "" {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// until blocks until ok, asked again at each change with the lock held, or ctx
// ends; it reports which.
func (b *book) until(ctx context.Context, ok func() bool) bool {
	for {
		b.mu.Lock()
		done, changed := ok(), b.changed
		b.mu.Unlock()
		if done {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// read runs f with the lock held.
func (b *book) read(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

// settingUp: calls that have neither answer nor end; mu is held.
func (b *book) settingUp() (n int) {
	for _, c := range b.calls {
		if !c.over && c.answeredAt.IsZero() {
			n++
		}
	}
	return n
}

// open: calls that go on; mu is held.
func (b *book) open() (n int) {
	for _, c := range b.calls {
		if !c.over {
			n++
		}
	}
	return n
}

// died notes a server's death and counts the conversations that it cut.
func (b *book) died(server string, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deaths = append(b.deaths, death{server: server, at: at})
}

func (b *book) reborn(server string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.deaths {
		if d := &b.deaths[i]; d.server == server && d.until.IsZero() {
			d.until = time.Now()
		}
	}
}

// count tallies the calls that settled.
func (b *book) count() tally {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := tally{offered: len(b.calls), outcomes: map[Outcome]int{}}
	for _, c := range b.calls {
		if !c.over {
			continue
		}
		t.outcomes[c.outcome]++
		for _, d := range b.deaths {
			if c.answeredBy == d.server && c.answeredAt.Before(d.at) && c.endedAt.After(d.at) {
				t.cut++
			}
		}
	}
	return t
}
