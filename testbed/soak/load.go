package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"releve/testbed/ipbx"
	"releve/testbed/phone"
	"releve/testbed/server"
)

// rate is the load in calls per second, both directions together. Our choice:
// with the calls' lengths below, half of the lines are in use.
const rate = 20

// Calls counts what became of the calls of a load.
type Calls struct {
	Offered  int `json:"calls"`
	Answered int `json:"answered"`
	Refused  int `json:"refused"`   // 486: dissuaded; or placed by a server that fails or is passive
	Given    int `json:"cancelled"` // by the caller
	Placed   int `json:"placed"`    // by the servers, among the offered
	Lost     int `json:"lost"`      // none of these: the caller stood in the void
}

// load offers calls until ctx ends, then waits for the end of each. A call is
// lost when it is not answered, not refused as busy, and its caller did not
// give it up. A call that a server places is lost when nothing at all answers it.
func load(ctx context.Context, s *site, seed uint64) (sum Calls, lost []string) {
	l := &loading{site: s, random: rand.New(rand.NewPCG(seed, 1))}
	tick := time.NewTicker(time.Second / rate)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
			l.one()
		case <-ctx.Done():
		}
	}
	l.calls.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sum, l.lost
}

type loading struct {
	site   *site
	random *rand.Rand
	calls  sync.WaitGroup

	mu   sync.Mutex // guards what follows
	sum  Calls
	lost []string // the first few, for the report
}

// The longest that one call may take, hold and conversation together.
const callLimit = time.Minute

// one offers a call of a random kind.
func (l *loading) one() {
	kind := l.random.IntN(20)
	length := 200*time.Millisecond + time.Duration(l.random.Int64N(int64(3*time.Second)))
	if kind < 3 {
		l.calls.Go(func() { l.outgoing(length) })
		return
	}
	spec := ipbx.CallSpec{
		From: fmt.Sprintf("01450%05d", l.random.IntN(100_000)), To: service, Duration: length,
		Extra: []phone.Field{{Name: "X-Soak", Value: "yes"}},
	}
	switch kind {
	case 3:
		spec.CancelAfter = 20 * time.Millisecond
	case 4:
		spec.NoOffer = true
	case 5:
		spec.Reliable = true
	}
	reinvite := kind == 6 || kind == 7
	l.calls.Go(func() { l.incoming(spec, reinvite) })
}

func (l *loading) incoming(spec ipbx.CallSpec, reinvite bool) {
	ctx, cancel := context.WithTimeout(context.Background(), callLimit)
	defer cancel()
	l.count(func(s *Calls) { s.Offered++ }, "")
	c, err := l.site.ipbx.Call(ctx, spec)
	if err != nil {
		l.count(func(s *Calls) { s.Lost++ }, "not placed: "+err.Error())
		return
	}
	if reinvite {
		if _, err := c.Answered(ctx); err == nil {
			_, _ = c.Hold(ctx) // its server may be killed meanwhile
			_, _ = c.Resume(ctx)
		}
	}
	<-c.Done()
	r := c.Result()
	switch {
	case r.Outcome == "answered":
		l.count(func(s *Calls) { s.Answered++ }, "")
	case r.Outcome == "cancelled":
		l.count(func(s *Calls) { s.Given++ }, "")
	case r.Status == 486:
		l.count(func(s *Calls) { s.Refused++ }, "")
	default:
		l.count(func(s *Calls) { s.Lost++ }, fmt.Sprintf("%s %s: %s, status %d", r.CallID, time.Now().Format(time.TimeOnly), r.Outcome, r.Status))
	}
}

// outgoing is a call that the active server places.
func (l *loading) outgoing(length time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), callLimit)
	defer cancel()
	v := l.site.active(ctx)
	sick := l.site.sick.Load()
	c, err := v.Place(server.PlaceSpec{To: "0612345678", Duration: length})
	if err != nil {
		return // the server is killed at this moment: nobody called
	}
	l.count(func(s *Calls) { s.Offered++; s.Placed++ }, "")
	_, _ = c.Ended(ctx) // its status says how
	status := c.Status()
	switch {
	case status/100 == 2:
		l.count(func(s *Calls) { s.Answered++ }, "")
	case status == 403, sick || l.site.sick.Load(): // it was passive already, or it is itself what failed
		l.count(func(s *Calls) { s.Refused++ }, "")
	default:
		l.count(func(s *Calls) { s.Lost++ }, fmt.Sprintf("outgoing, %s: status %d", time.Now().Format(time.TimeOnly), status))
	}
}

// maxLost bounds the lost calls that are described.
const maxLost = 20

func (l *loading) count(add func(*Calls), lost string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	add(&l.sum)
	if lost != "" && len(l.lost) < maxLost {
		l.lost = append(l.lost, lost)
	}
}
