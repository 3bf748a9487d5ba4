package control

import (
	"testing"
	"time"

	"releve/health"
	"releve/router"
	"releve/router/role"
)

// TestReplay: the same evidence under other settings.
func TestReplay(t *testing.T) {
	const ms = time.Millisecond
	ok := func(rtt time.Duration) Round { return Round{health.Facts{SIP: router.OK}, rtt} }
	refused := Round{Facts: health.Facts{SIP: router.Refused}}
	silent := Round{Facts: health.Facts{SIP: router.Silent}}
	up := Round{Facts: health.Facts{SIP: router.Silent, Host: health.Up}}
	gray := Round{health.Facts{SIP: router.OK, App: router.Stuck, ProbeFailed: true}, 3 * ms}
	lasting := gray
	lasting.Facts.Lasting = true
	standard := role.Policy{Count: 3, AloneExtra: 2, Spacing: 2 * time.Second, Dead: true, Gray: true, Degraded: true}
	with := func(change func(*role.Policy)) role.Policy {
		p := standard
		change(&p)
		return p
	}
	cases := []struct {
		name    string
		rounds  []Round
		policy  role.Policy
		timeout time.Duration
		want    Outcome
		after   int // rounds
		rule    health.Rule
	}{
		{"a closed port, three times", []Round{refused, refused, refused}, standard, 0, Confirmed, 3, 3},
		{"five were wanted", []Round{refused, refused, refused}, with(func(p *role.Policy) { p.Count = 5 }), 0, Open, 3, 3},
		{"one would have done", []Round{refused, refused, refused}, with(func(p *role.Policy) { p.Count = 1 }), 0, Confirmed, 1, 3},
		{"silent, seen by nobody else: two more", []Round{silent, silent, silent, silent, silent}, standard, 0, Confirmed, 5, 8},
		{"silent, its host up: three", []Round{up, up, up}, standard, 0, Confirmed, 3, 6},
		{"it came back", []Round{refused, refused, ok(2 * ms)}, standard, 0, Refused, 3, 13},
		{"an answer of 400 ms under a time-out of 300 ms", []Round{ok(400 * ms), ok(20 * ms)}, standard, 300 * ms, Refused, 2, 13},
		{"the same under its own", []Round{ok(400 * ms)}, standard, 0, Refused, 1, 13},
		{"a gray server that has not lasted", []Round{gray}, standard, 0, Refused, 1, 9},
		{"a gray server that has", []Round{lasting, lasting, lasting}, standard, 0, Confirmed, 3, 9},
		{"gray does not switch", []Round{lasting}, with(func(p *role.Policy) { p.Gray = false }), 0, Refused, 1, 9},
		{"observation decides as if it acted", []Round{refused, refused, refused}, with(func(p *role.Policy) { p.Act = false }), 0, Confirmed, 3, 3},
		{"nothing stored", nil, standard, 0, Open, 0, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, outcome := Replay(c.rounds, c.policy, c.timeout)
			if outcome != c.want || len(got) != c.after {
				t.Fatalf("%v after %d rounds, wanted %v after %d: %+v", outcome, len(got), c.want, c.after, got)
			}
			if len(got) > 0 && got[len(got)-1].Rule != c.rule {
				t.Errorf("R%d, wanted R%d", got[len(got)-1].Rule, c.rule)
			}
		})
	}
}
