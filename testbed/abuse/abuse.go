package abuse

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options of a run.
type Options struct {
	Binary string
	Short  bool   // about a minute
	Only   string // attacks whose name contains this; "": all
	Seed   uint64 // of the calls
	Out    io.Writer
}

// Report is the last line.
type Report struct {
	Floods    int     `json:"floods"` // attacks
	Sent      int     `json:"sent"`   // messages and connections of them
	Calls     int     `json:"calls"`
	Answered  int     `json:"calls_answered"`
	Shed      int     `json:"calls_shed"` // refused by the rule
	Lost      int     `json:"calls_lost"`
	InDialog  int     `json:"in_dialog"`
	Broken    int     `json:"in_dialog_unanswered"`
	MaxRSS    int64   `json:"max_rss_kb"`
	Bounds    int     `json:"bounds_met"`
	Recovered bool    `json:"recovered"`
	Seconds   float64 `json:"goodput_after_s"` // how long after the pulse
	Panics    int     `json:"panics"`
	Failed    int     `json:"failed"`
	Passed    bool    `json:"passed"`
	Rows      []Row   `json:"-"`

	mu sync.Mutex // guards the whole while sites are attacked beside each other
}

// maxRSS is the most that the node may hold. Our choice: ten times what it holds
// at rest, and less than the smallest virtual machine has.
const maxRSS = 300 << 20

// chapter is a site and what it goes through.
type chapter struct {
	kind
	attacks []attack
}

// size chooses by the form of the run.
func size[T any](o Options, full, short T) T {
	if o.Short {
		return short
	}
	return full
}

// chapters are all attacks, in order.
func chapters(o Options) []chapter {
	all := []chapter{{kind{name: "UDP, TCP and TLS", streams: true}, append(floods(o), streams(o)...)}}
	if !o.Short {
		all = append(all, chapter{kind{name: "strangers are refused", refuse: true}, []attack{
			{name: "spoofed datagrams, 403", lasts: 5 * time.Second, meets: []string{wire("refused")}, run: spoofed(1000, 20)},
			{name: "scanner: a stranger who is refused", lasts: 20 * time.Second, meets: []string{wire("refused")}, run: scan},
		}})
	}
	return append(
		all,
		chapter{kind{name: "the scanner is at the IPBX", pair: true, known: true}, []attack{
			{name: "scanner: from the IPBX's address", lasts: 20 * time.Second, run: scan},
		}},
		chapter{kind{name: "the primary reads nothing", deaf: true}, []attack{
			{name: "a server that never reads", rule: dying, lasts: 20 * time.Second, meets: []string{wire("stuck-writers"), refused("held-calls")}, run: unreadServer},
		}},
	)
}

// floods are the attacks by number.
func floods(o Options) []attack {
	all := []attack{
		{
			name: "spoofed datagrams", lasts: size(o, 15*time.Second, 5*time.Second), meets: []string{wire("refused")},
			run: spoofed(size(o, 4000, 800), 50),
		},
		{
			name: "INVITE flood from a known source", lasts: size(o, 25*time.Second, 8*time.Second),
			meets: []string{refused("new-calls"), sourceDropped("hostile")}, run: invites(size(o, 20*time.Second, 4*time.Second), size(o, 50, 0)),
		},
		{
			name: "overload pulse", rule: overload, lasts: size(o, 65*time.Second, 20*time.Second),
			meets: []string{refused("new-calls")}, run: pulse(size(o, time.Minute, 15*time.Second)),
		},
	}
	if o.Short {
		return all
	}
	return append(
		all,
		attack{name: "scanner: a stranger who is ignored", lasts: 20 * time.Second, meets: []string{wire("refused")}, run: scan},
		attack{name: "sipsak floods", lasts: 10 * time.Second, meets: []string{wire("refused")}, run: sipsak},
	)
}

// streams are the attacks by connections and by what is in the messages.
func streams(o Options) []attack {
	hold := size(o, messageLimit, handshakeLimit)
	stuck := []string{wire("handshakes-slow"), wire("over-limit"), wire("refused")}
	if hold == messageLimit {
		stuck = append(stuck, wire("slow-messages"))
	}
	return []attack{
		{name: "slow, half-open and idle connections", lasts: hold, meets: stuck, run: slow(size(o, 15, 8), size(o, 10_000, 1500), hold)},
		{
			name: "connections opened and dropped", lasts: 10 * time.Second,
			meets: []string{wire("handshakes-failed")}, run: churn(size(o, 8000, 800), size(o, 3000, 200)),
		},
		{name: "a peer that never reads", lasts: 10 * time.Second, meets: []string{wire("stuck-writers")}, run: unread(5000)},
		{
			name: "messages over every limit", lasts: 2 * time.Second, run: oversized,
			meets: []string{refused("uri"), refused("line"), refused("headers"), refused("vias"), wire("oversized")},
		},
		{name: "malformed elements (PROTOS c07)", lasts: size(o, 20*time.Second, 4*time.Second), run: malformed(size(o, 1, 10))},
		{name: "mutated messages", lasts: size(o, time.Minute, 5*time.Second), run: mutants(size(o, 20_000, 1500), o.Seed)},
	}
}

// Run attacks the binary; the error says what kept it from a result. In the
// short form the sites are attacked beside each other: they share nothing but the
// machine.
func Run(ctx context.Context, o Options) (*Report, error) {
	r := &Report{Recovered: true, Passed: true}
	beside := size(o, 1, 3)
	var sites errgroup.Group
	sites.SetLimit(beside)
	for i, c := range chapters(o) {
		sites.Go(func() error { return r.chapter(ctx, o, i, c) })
	}
	if err := sites.Wait(); err != nil {
		r.Passed = false
		return r, err
	}
	if r.Floods == 0 {
		r.Passed = false
		return r, fmt.Errorf("no attack is named %q", o.Only)
	}
	return r, nil
}
