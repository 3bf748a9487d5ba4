package ipbx

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// LoadSpec places Count calls at Rate per second, each as Call says.
type LoadSpec struct {
	Call  CallSpec `json:"call"`
	Rate  float64  `json:"rate"`  // calls per second, above 0
	Count int      `json:"count"` // 1–1,000,000
}

// Summary is what became of a load.
type Summary struct {
	Offered   int            `json:"offered"`
	Outcomes  map[string]int `json:"outcomes"` // by Result.Outcome
	Statuses  map[int]int    `json:"statuses"` // by last final status
	Servers   map[string]int `json:"servers"`  // answered calls by Server header
	SetupP50  time.Duration  `json:"setup_p50"`
	SetupP99  time.Duration  `json:"setup_p99"`
	SetupMost time.Duration  `json:"setup_most"`
	// ShortOf counts calls that could not be placed at all.
	ShortOf int `json:"short_of"`
}

// Load places the calls and waits for the end of all, or of ctx.
func (x *IPBX) Load(ctx context.Context, spec LoadSpec) (Summary, error) {
	if spec.Rate <= 0 || spec.Count < 1 || spec.Count > 1_000_000 {
		return Summary{}, fmt.Errorf("load: rate %v, count %d: write a rate above 0 and 1 to 1000000 calls", spec.Rate, spec.Count)
	}
	t := &tally{s: Summary{Outcomes: map[string]int{}, Statuses: map[int]int{}, Servers: map[string]int{}}}
	var calls sync.WaitGroup
	start := time.Now()
	pause := time.NewTimer(0)
	defer pause.Stop()
	<-pause.C
	for i := 0; i < spec.Count && ctx.Err() == nil; i++ {
		// An absolute schedule: a late call does not delay the ones behind it.
		if d := time.Until(start.Add(time.Duration(float64(i) / spec.Rate * float64(time.Second)))); d > 0 {
			pause.Reset(d)
			select {
			case <-pause.C:
			case <-ctx.Done():
				continue
			}
		}
		c, err := x.Call(ctx, spec.Call)
		if err != nil {
			t.missed()
			continue
		}
		calls.Go(func() {
			<-c.Done() // ends at the latest when ctx does and the hang-up is through
			t.add(c.Result())
		})
	}
	calls.Wait()
	return t.summary(), nil
}

type tally struct {
	mu     sync.Mutex
	s      Summary
	setups []time.Duration
}

func (t *tally) missed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.s.Offered++
	t.s.ShortOf++
}

func (t *tally) add(r Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.s.Offered++
	t.s.Outcomes[r.Outcome]++
	t.s.Statuses[r.Status]++
	if r.Outcome == "answered" {
		t.s.Servers[r.AnsweredBy]++
		t.setups = append(t.setups, r.Setup)
	}
}

func (t *tally) summary() Summary {
	slices.Sort(t.setups)
	if n := len(t.setups); n > 0 {
		t.s.SetupP50, t.s.SetupP99 = t.setups[n/2], t.setups[n*99/100]
		t.s.SetupMost = t.setups[n-1]
	}
	return t.s
}
