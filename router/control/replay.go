package control

import (
	"time"

	"releve/health"
	"releve/router"
	"releve/router/role"
)

// Round is the stored evidence of one round of a verification.
type Round struct {
	Facts health.Facts
	RTT   time.Duration // of its OPTIONS; 0: no answer
}

// Outcome is where a verification ended.
type Outcome uint8

// Confirmed: the rounds confirm a dysfunction, and an automatic switchover would
// have begun. Refused: the server works, is busy, or nothing is proven: no
// switchover. Open: more rounds would have been made than there is evidence of.
const (
	Open Outcome = iota
	Confirmed
	Refused
)

func (o Outcome) String() string { return [...]string{"open", "confirmed", "refused"}[o] }

// Replayed is what one round would have been worth.
type Replayed struct {
	Verdict router.Verdict
	Rule    health.Rule
	K, N    uint8 // the count after it
}

// Replay judges stored rounds once more, by the same functions as then, under
// another policy: p counts them, and an answer later than timeout (0: as it was)
// is a silence. It stops at the round that decides. Pure.
//
// Its limits: what other checks would have found is not known, and an answer that
// was silence under a shorter time-out stays silence.
func Replay(rounds []Round, p role.Policy, timeout time.Duration) ([]Replayed, Outcome) {
	p.Act, p.Automatic = true, true
	s := role.New(p, role.Row{Phase: router.Normal, Active: router.Primary, Epoch: 1})
	var now router.Clock
	var room [16]role.Effect
	step := func(e role.Event) []role.Effect { return s.Step(now, e, room[:0]) }
	step(role.Event{Kind: role.LeaseWon})
	step(role.Event{Kind: role.Ready, Server: router.Secondary, Ready: true})
	now.Mono = router.Instant(time.Hour) // no ruling is young
	step(role.Event{Kind: role.Overflow, Server: router.Primary})
	var out []Replayed
	for _, r := range rounds {
		if timeout > 0 && r.RTT > timeout {
			r.Facts.SIP = router.Silent
		}
		verdict, rule := health.Judge(r.Facts)
		effects := step(role.Event{Kind: role.RoundDone, Round: s.Round(), Verdict: verdict, Lasting: r.Facts.Persists()})
		v := s.View()
		out = append(out, Replayed{Verdict: verdict, Rule: rule, K: v.Round, N: v.Of})
		for _, f := range effects {
			if f.Kind == role.Save {
				return out, Confirmed
			}
		}
		if !v.Verifying {
			return out, Refused
		}
		now.Mono = now.Mono.Add(p.Spacing)
		step(role.Event{Kind: role.Tick})
	}
	return out, Open
}
