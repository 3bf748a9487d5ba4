package ipbx

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"releve/testbed/phone"
)

// CallSpec describes a call to place.
type CallSpec struct {
	From     string         `json:"from"`     // caller's number
	Display  string         `json:"display"`  // caller's name; empty: none
	To       string         `json:"to"`       // number called
	Dest     netip.AddrPort `json:"dest"`     // next hop; invalid: as Config.Presentation says
	Duration time.Duration  `json:"duration"` // BYE that long after the answer; 0: the other side ends it, or Hangup
	// CancelAfter gives the call up when it is not answered by then; 0: never.
	CancelAfter time.Duration `json:"cancel_after"`
	Extra       []phone.Field `json:"extra"`
	SDP         string        `json:"sdp"` // an offer of its own; empty: ours
	NoOffer     bool          `json:"no_offer"`
	RTP         bool          `json:"rtp"`      // real media
	Mute        bool          `json:"mute"`     // with RTP: hear only
	Reliable    bool          `json:"reliable"` // Supported: 100rel
	Require     bool          `json:"require"`  // Require: 100rel

	uri string // Request-URI of a call put through to a binding; empty: of the number
}

// Call is a call placed by the IPBX: one party, and one leg per presentation
// or transfer. Guarded by its member's phone lock.
type Call struct {
	x       *IPBX
	p       *phone.Phone
	spec    CallSpec
	legs    []*phone.Call
	leg     *phone.Call // the one that counts now
	target  string      // of the current leg: releve, overflow, primary or direct
	left    int         // presentations that remain
	started time.Time
	result  Result
	ended   chan struct{}
	changed chan struct{}
	given   bool        // hung up or cancelled by us
	again   map[int]int // presentations made again, by the status that caused them
	in      *phone.Call // the caller's leg of a call put through; nil: the caller is ours
}

// Result is what became of a call.
type Result struct {
	CallID        string        `json:"call_id"` // of the first leg
	Outcome       string        `json:"outcome"` // answered, refused, cancelled, failed (no final), lost
	Status        int           `json:"status"`  // last final
	AnsweredBy    string        `json:"answered_by,omitempty"`
	Trying        time.Duration `json:"trying"`  // to the first 100 of all legs; 0: none
	Ringing       time.Duration `json:"ringing"` // to the first 18x
	Setup         time.Duration `json:"setup"`   // to the 2xx, or to the last final
	Presentations int           `json:"presentations"`
	Cause         string        `json:"cause"` // why the last leg ended
	Transfers     []Transfer    `json:"transfers,omitempty"`
	Packets       int           `json:"packets"` // RTP received on all legs
	Audible       int           `json:"audible"`
	ExtraAnswers  int           `json:"extra_answers"` // 2xx of other forks, released
}

// Transfer is one that the call went through.
type Transfer struct {
	To       string `json:"to"`
	Attended bool   `json:"attended"`
	Status   int    `json:"status"` // final of the new leg; 0: none yet
	Server   string `json:"server,omitempty"`
}

// Call places a call and returns at once. When ctx ends the call is hung up.
func (x *IPBX) Call(ctx context.Context, spec CallSpec) (*Call, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("call %s: %w", spec.To, err)
	}
	c := &Call{
		x: x, p: x.phone(), spec: spec, started: time.Now(), left: x.cfg.Represent,
		ended: make(chan struct{}), changed: make(chan struct{}),
	}
	var err error
	c.p.Do(func() { err = c.present(c.first()) })
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", spec.To, err)
	}
	x.count(func(s *Stats) { s.Placed++ })
	stop := context.AfterFunc(ctx, c.Hangup)
	go func() {
		<-c.ended
		stop()
	}()
	return c, nil
}

// Done is closed when the call is over.
func (c *Call) Done() <-chan struct{} { return c.ended }

// Result returns what became of the call so far.
func (c *Call) Result() (r Result) {
	c.p.Do(func() { r = c.snapshot() })
	return r
}

func (c *Call) snapshot() Result {
	r := c.result
	r.Transfers = slices.Clone(r.Transfers)
	r.CallID = c.legs[0].Invite.CallID()
	for _, leg := range c.legs {
		h := leg.Heard()
		r.Packets += h.Packets
		r.Audible += h.Audible
		r.ExtraAnswers += leg.ExtraAnswers()
	}
	return r
}

// History returns what happened on all legs, in order of the legs.
func (c *Call) History() (steps []phone.Step) {
	c.p.Do(func() {
		for _, leg := range c.legs {
			steps = append(steps, leg.History()...)
		}
	})
	return steps
}

// Wait blocks until the call is over, or ctx ends.
func (c *Call) Wait(ctx context.Context) (Result, error) {
	select {
	case <-c.ended:
		return c.Result(), nil
	case <-ctx.Done():
		return c.Result(), fmt.Errorf("wait for the end of call %s: %w", c.spec.To, context.Cause(ctx))
	}
}

// Until blocks until ok is true of the call's result, the call is over, or ctx
// ends; it returns the result either way.
func (c *Call) Until(ctx context.Context, ok func(Result) bool) (Result, error) {
	for {
		var r Result
		var changed chan struct{}
		c.p.Do(func() { r, changed = c.snapshot(), c.changed })
		if ok(r) {
			return r, nil
		}
		select {
		case <-changed:
		case <-c.ended:
			if r = c.Result(); ok(r) {
				return r, nil
			}
			return r, fmt.Errorf("call %s is over (%s %d, %s) before what was awaited", c.spec.To, r.Outcome, r.Status, r.Cause)
		case <-ctx.Done():
			return r, fmt.Errorf("wait for call %s: %w", c.spec.To, context.Cause(ctx))
		}
	}
}

// Answered blocks until the call is answered; an error when it never is.
func (c *Call) Answered(ctx context.Context) (Result, error) {
	return c.Until(ctx, func(r Result) bool { return r.Outcome == "answered" })
}

// Heard blocks until audible media came.
func (c *Call) Heard(ctx context.Context) (Result, error) {
	return c.Until(ctx, func(r Result) bool { return r.Audible > 0 })
}

func (c *Call) notify() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Hangup ends the call: CANCEL or BYE as its state asks for.
func (c *Call) Hangup() {
	c.p.Do(func() {
		c.given = true
		c.leg.Hangup()
	})
}

// Cancel gives the call up if it is not answered.
func (c *Call) Cancel() {
	c.p.Do(c.cancel)
}

func (c *Call) cancel() {
	c.given = true
	c.leg.Cancel()
}

// ReInvite offers the direction in a re-INVITE and returns the final status, 0
// when none came; Hold and Resume are short for two of them.
func (c *Call) ReInvite(ctx context.Context, d phone.Direction) (int, error) {
	return c.modify(ctx, func(done func(int)) { c.leg.Reinvite(d, done) })
}

// Update is ReInvite by UPDATE.
func (c *Call) Update(ctx context.Context, d phone.Direction) (int, error) {
	return c.modify(ctx, func(done func(int)) { c.leg.Update(d, done) })
}

// Hold puts the other side on hold.
func (c *Call) Hold(ctx context.Context) (int, error) { return c.ReInvite(ctx, phone.SendOnly) }

// Resume ends a hold.
func (c *Call) Resume(ctx context.Context) (int, error) { return c.ReInvite(ctx, phone.SendRecv) }

// Info sends an INFO and returns the final status.
func (c *Call) Info(ctx context.Context, contentType, body string) (int, error) {
	return c.modify(ctx, func(done func(int)) {
		c.leg.Info(contentType, body, func(m *phone.Message) {
			if m == nil {
				done(0)
				return
			}
			done(m.Status)
		})
	})
}

func (c *Call) modify(ctx context.Context, start func(done func(int))) (int, error) {
	got := make(chan int, 1)
	c.p.Do(func() { start(func(status int) { got <- status }) })
	select {
	case status := <-got:
		return status, nil
	case <-c.ended:
		return 0, fmt.Errorf("change call %s: it is over", c.spec.To)
	case <-ctx.Done():
		return 0, fmt.Errorf("change call %s: %w", c.spec.To, context.Cause(ctx))
	}
}
