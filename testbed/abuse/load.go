package abuse

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"releve/testbed/ipbx"
)

// The load, our choices: what a busy attendant of some hundred lines sees, well
// under the limits of the site, so that what is missing was taken by the attack.
const (
	rate        = 20               // good calls per second
	answerLimit = 40 * time.Second // for a BYE: more than 64*T1
)

// talk is what a good call does once it is answered.
type talk struct {
	from      string
	reinvites int
	each      time.Duration   // before each re-INVITE and before the BYE
	until     <-chan struct{} // closed: hang up now; nil: after the last re-INVITE
}

// pause waits; false: the talk is to end now.
func (t talk) pause(ctx context.Context) bool {
	wait := time.NewTimer(t.each)
	defer wait.Stop()
	select {
	case <-wait.C:
		return true
	case <-t.until:
	case <-ctx.Done():
	}
	return false
}

// last waits before the BYE.
func (t talk) last(ctx context.Context) {
	if t.until == nil {
		t.pause(ctx)
		return
	}
	select {
	case <-t.until:
	case <-ctx.Done():
	}
}

// verdict is what became of a good call.
type verdict struct {
	status   int    // final of the INVITE; 0: none came
	inDialog int    // requests of its dialog that were sent
	why      string // what failed; of an answered call: which request of its dialog
}

// caller is a party that places one good call and sees it through.
type caller struct {
	name string
	call func(ctx context.Context, t talk) verdict
}

// good is one call of the load.
type good struct {
	at     time.Time
	caller string
	done   bool
	verdict
}

// load offers good calls. Safe for concurrent use.
type load struct {
	callers []caller
	running sync.WaitGroup
	random  *rand.Rand // of the offering goroutine

	mu      sync.Mutex // guards what follows
	calls   []*good
	changed chan struct{} // replaced at each end
}

func newLoad(callers []caller, seed uint64) *load {
	return &load{callers: callers, random: rand.New(rand.NewPCG(seed, 3)), changed: make(chan struct{})}
}

// offer places calls until ctx ends.
func (l *load) offer(ctx context.Context) {
	tick := time.NewTicker(time.Second / rate)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		t := talk{from: fmt.Sprintf("01450%05d", l.random.IntN(100_000)), each: 100*time.Millisecond + time.Duration(l.random.Int64N(int64(900*time.Millisecond)))}
		if i%3 == 0 {
			t.reinvites = 2
		}
		l.place(l.callers[i%len(l.callers)], t)
	}
}

func (l *load) place(c caller, t talk) {
	g := &good{at: time.Now(), caller: c.name}
	l.mu.Lock()
	l.calls = append(l.calls, g)
	l.mu.Unlock()
	l.running.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		v := c.call(ctx, t)
		l.mu.Lock()
		defer l.mu.Unlock()
		g.verdict, g.done = v, true
		close(l.changed)
		l.changed = make(chan struct{})
	})
}

// Held conversations: so many of each caller last as long as an attack, with so
// many re-INVITEs (testbed/phone remembers 64 steps of a call).
const (
	held      = 3
	reinvites = 12
)

// hold begins conversations that go on until the returned function is called;
// lasts is how long that will be, about.
func (l *load) hold(lasts time.Duration) (end func()) {
	until := make(chan struct{})
	for _, c := range l.callers {
		for i := range held {
			l.place(c, talk{from: fmt.Sprintf("01451%05d", i), reinvites: reinvites, each: max(lasts/reinvites, 200*time.Millisecond), until: until})
		}
	}
	return sync.OnceFunc(func() { close(until) })
}

// tally is what became of the good calls of a time.
type tally struct {
	Offered  int `json:"offered"`
	Answered int `json:"answered"`
	Shed     int `json:"shed"`       // refused by the rule
	Lost     int `json:"lost"`       // neither
	InDialog int `json:"in_dialog"`  // requests of answered calls
	Broken   int `json:"unanswered"` // answered calls of which one of those was not

	examples []string // of what was lost or broken
}

// rule says what else than an answer a good call may be given.
type rule uint8

// none: every good call is answered. overload: all of Relève is overloaded, 503
// is the rule. dying: the active server died, and calls are refused that exceed
// limits.held_calls or overflow.hold_budget.
const (
	none rule = iota
	overload
	dying
)

// maxExamples bounds what a report shows of lost calls.
const maxExamples = 5

func (t *tally) add(g *good, r rule) {
	t.Offered++
	t.InDialog += g.inDialog
	example := fmt.Sprintf("%s over %s: status %d %s", g.at.Format("15:04:05.000"), g.caller, g.status, g.why)
	switch {
	case g.status == 200 && g.why == "":
		t.Answered++
		return
	case g.status == 200 && r == dying:
		t.Answered++ // by the server that died: its requests cannot be answered
		return
	case g.status == 200:
		t.Answered++
		t.Broken++
	case g.status == 503 && r == overload, r == dying && (g.status == 503 || g.status == 480 || g.status == 486):
		t.Shed++
		return
	default:
		t.Lost++
	}
	if len(t.examples) < maxExamples {
		t.examples = append(t.examples, example)
	}
}

// between waits until every call offered in a time is over, and counts them.
func (l *load) between(ctx context.Context, from, to time.Time, r rule) (t tally, err error) {
	for {
		l.mu.Lock()
		t, open := tally{}, 0
		for _, g := range l.calls {
			switch {
			case g.at.Before(from) || !g.at.Before(to):
			case !g.done:
				open++
			default:
				t.add(g, r)
			}
		}
		changed := l.changed
		l.mu.Unlock()
		if open == 0 {
			return t, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return t, fmt.Errorf("wait for the end of %d good calls: %w", open, context.Cause(ctx))
		}
	}
}

// callUDP is a caller over the IPBX of testbed/ipbx.
func callUDP(x *ipbx.IPBX) func(context.Context, talk) verdict {
	return func(ctx context.Context, t talk) verdict {
		c, err := x.Call(ctx, ipbx.CallSpec{From: t.from, To: service})
		if err != nil {
			return verdict{why: err.Error()}
		}
		r, err := c.Answered(ctx)
		if err != nil {
			return verdict{status: r.Status, why: err.Error()}
		}
		v := verdict{status: 200}
		for i := range t.reinvites {
			if !t.pause(ctx) {
				break
			}
			change := c.Hold
			if i%2 == 1 {
				change = c.Resume
			}
			status, err := change(ctx)
			v.inDialog++
			if status != 200 {
				v.why = fmt.Sprintf("re-INVITE: status %d, %v", status, err)
				break
			}
		}
		t.last(ctx)
		c.Hangup()
		v.inDialog++
		if why := farewell(c); v.why == "" {
			v.why = why
		}
		return v
	}
}

// farewell waits for the answer to the BYE that was sent.
func farewell(c *ipbx.Call) string {
	limit := time.NewTimer(answerLimit)
	defer limit.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, s := range c.History() {
			if s.What == "got 200 to BYE" {
				return ""
			}
			if strings.HasSuffix(s.What, "to BYE") {
				return "BYE: " + s.What
			}
		}
		select {
		case <-tick.C:
		case <-limit.C:
			return "BYE: nothing came"
		}
	}
}
