package abuse

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"releve/testbed/phone"
)

// pulse offers five times limits.calls_per_second for a while, from the address
// of the good peer and with a real user agent: to Relève it is the busiest
// morning of the year. Then it asks for goodput.
func pulse(d time.Duration) func(context.Context, *site) (int, error) {
	return func(ctx context.Context, s *site) (sent int, err error) {
		p, err := phone.Listen(phone.Config{Addr: s.at(hostIPBX, 5070).String(), Name: "pulse"})
		if err != nil {
			return 0, err
		}
		defer p.Close()
		c := &crowd{statuses: make(map[int]int), after: make(map[string]int)}
		sent = even(ctx, 5*callsPerSecond*int(d/time.Second), d, func(int) { c.place(p, s) })
		took, err := s.recovery(ctx, time.Now()) // longer than the last of its calls talks: all are hung up
		c.mu.Lock()
		defer c.mu.Unlock()
		switch {
		case err != nil:
		case c.statuses[503] == 0:
			err = fmt.Errorf("nothing of the pulse was shed: %v", c.statuses)
		case c.wrong != "":
			err = fmt.Errorf("a 503 came with Retry-After %q", c.wrong)
		case len(c.after) < 3:
			err = fmt.Errorf("Retry-After is not random: %v", c.after)
		case c.statuses[200] < callsPerSecond*int(d/time.Second)/2:
			err = fmt.Errorf("only %d of the pulse were answered, the limit admits %d a second: %v", c.statuses[200], callsPerSecond, c.statuses)
		case c.other() > 0:
			err = fmt.Errorf("refused otherwise than with 503: %v", c.statuses)
		}
		s.recovered = max(s.recovered, took)
		return sent, err
	}
}

// crowd counts what the calls of a pulse were told.
type crowd struct {
	mu       sync.Mutex
	statuses map[int]int
	after    map[string]int // values of Retry-After
	wrong    string
}

// other counts the finals that are neither 200 nor 503; called with mu held. A
// busy attendant may be full: 486 is by the rule too.
func (c *crowd) other() (n int) {
	for status, k := range c.statuses {
		if status != 200 && status != 503 && status != 486 {
			n += k
		}
	}
	return n
}

func (c *crowd) place(p *phone.Phone, s *site) {
	p.Do(func() {
		call, err := p.Place(phone.Outgoing{To: s.releve, URI: "sip:" + service + "@" + s.releve.String(), From: "<sip:0145000002@" + p.Addr().Addr().String() + ">"})
		if err != nil {
			c.count(-1, "")
			return
		}
		call.OnAnswer = func(*phone.Message) {
			c.count(200, "")
			p.After(500*time.Millisecond, call.Hangup)
		}
		call.OnFail = func(status int, m *phone.Message) {
			after := ""
			if m != nil {
				after = m.Get("Retry-After")
			}
			c.count(status, after)
		}
	})
}

// The range of Retry-After, in seconds (proxy/admission: RetryAfter).
const (
	soonest = 1
	latest  = 5
)

func (c *crowd) count(status int, after string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.statuses[status]++
	if status != 503 {
		return
	}
	c.after[after]++
	if n, err := strconv.Atoi(after); err != nil || n < soonest || n > latest {
		c.wrong = after + " (none or out of range)"
	}
}

// Goodput after an overload: more than 95 % of the good calls offered in some
// seconds are answered, within 30 s.
const (
	goodput      = 0.95
	goodputTime  = 3 * time.Second
	goodputLimit = 30 * time.Second
)

// recovery is how long after the end of a pulse good calls were served as
// before: the start of the first stretch with goodput.
func (s *site) recovery(ctx context.Context, end time.Time) (time.Duration, error) {
	for from := end; from.Before(end.Add(goodputLimit - goodputTime)); from = from.Add(time.Second) {
		if err := pause(ctx, time.Until(from.Add(goodputTime))); err != nil {
			return 0, err
		}
		limit, cancel := context.WithTimeout(ctx, answerLimit)
		t, err := s.load.between(limit, from, from.Add(goodputTime), overload)
		cancel()
		if err != nil {
			return 0, err
		}
		if t.Offered > 0 && float64(t.Answered) > goodput*float64(t.Offered) {
			return from.Add(goodputTime).Sub(end), nil
		}
	}
	return goodputLimit, fmt.Errorf("no goodput of %v %% within %v after the pulse", goodput*100, goodputLimit)
}
