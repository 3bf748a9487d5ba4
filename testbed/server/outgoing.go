package server

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"releve/testbed/phone"
)

// PlaceSpec describes a call to place through Relève.
type PlaceSpec struct {
	To       string         `json:"to"`       // number
	From     string         `json:"from"`     // user of From; empty: Config.User
	Dest     netip.AddrPort `json:"dest"`     // next hop; invalid: Config.Releve
	Duration time.Duration  `json:"duration"` // BYE after; 0: the other side, or Hangup
	Extra    []phone.Field  `json:"extra"`
}

// Placed is a call placed by the server.
type Placed struct {
	s *Server
	c *phone.Call
}

// Place places a call and returns at once.
func (s *Server) Place(spec PlaceSpec) (*Placed, error) {
	out := &Placed{s: s}
	var err error
	s.p.Do(func() { out.c, err = s.place(spec) })
	if err != nil {
		return nil, fmt.Errorf("place call to %s: %w", spec.To, err)
	}
	return out, nil
}

func (s *Server) place(spec PlaceSpec) (*phone.Call, error) {
	dest := spec.Dest
	if !dest.IsValid() {
		dest = s.cfg.Releve
	}
	if !dest.IsValid() {
		return nil, fmt.Errorf("no address of Relève is configured")
	}
	from := spec.From
	if from == "" {
		from = s.cfg.User
	}
	if s.busy >= s.cfg.Lines {
		return nil, fmt.Errorf("all %d lines are in use", s.cfg.Lines)
	}
	c, err := s.p.Place(phone.Outgoing{
		To: dest, URI: fmt.Sprintf("sip:%s@%s", spec.To, dest),
		From: fmt.Sprintf("<sip:%s@%s>", from, s.p.Addr()), Media: s.cfg.RTP, Extra: spec.Extra,
	})
	if err != nil {
		return nil, err
	}
	s.stats.Placed++
	s.busy++
	s.stats.MostBusy = max(s.stats.MostBusy, s.busy)
	c.OnEnd = func(string) { s.busy-- }
	c.OnFail = func(int, *phone.Message) { s.stats.PlacedRefused++ }
	c.OnAnswer = func(*phone.Message) {
		s.stats.PlacedAnswered++
		if spec.Duration > 0 {
			s.p.After(spec.Duration, c.Hangup)
		}
	}
	return c, nil
}

// Answered blocks until the call is answered; an error when it never is.
func (c *Placed) Answered(ctx context.Context) error {
	err := c.c.Wait(ctx, func(c *phone.Call) bool { return c.State() >= phone.Confirmed })
	if err != nil {
		return err
	}
	if status := c.Status(); status >= 300 {
		return fmt.Errorf("the call was refused with %d", status)
	}
	return nil
}

// Ended blocks until the call is over and says why.
func (c *Placed) Ended(ctx context.Context) (cause string, err error) {
	err = c.c.Wait(ctx, func(c *phone.Call) bool {
		cause = c.Cause()
		return c.State() == phone.Ended
	})
	return cause, err
}

// Status is the final status of the INVITE, 0 before there is one.
func (c *Placed) Status() (status int) {
	c.s.p.Do(func() { status = c.c.Status() })
	return status
}

// AnsweredBy is the Server header of the 2xx.
func (c *Placed) AnsweredBy() (name string) {
	c.s.p.Do(func() { name = c.c.AnsweredBy() })
	return name
}

// Heard is the media received.
func (c *Placed) Heard() (h phone.Heard) {
	c.s.p.Do(func() { h = c.c.Heard() })
	return h
}

// History is what happened, oldest first.
func (c *Placed) History() (steps []phone.Step) {
	c.s.p.Do(func() { steps = c.c.History() })
	return steps
}

// Hangup ends the call.
func (c *Placed) Hangup() { c.s.p.Do(c.c.Hangup) }

// TransferCaller hands on the newest call from that number now; After is not
// read.
func (s *Server) TransferCaller(from string, t Transfer) error {
	return s.withCaller(from, func(c *phone.Call) { s.transfer(c, t) })
}

// HangupCaller ends the newest call from that number.
func (s *Server) HangupCaller(from string) error {
	return s.withCaller(from, func(c *phone.Call) { c.Hangup() })
}

func (s *Server) withCaller(from string, do func(*phone.Call)) error {
	err := fmt.Errorf("no call from %s is in conversation", from)
	s.p.Do(func() {
		for i := len(s.seen) - 1; i >= 0; i-- {
			if r := s.seen[i]; r.from == from && r.c != nil && r.c.State() == phone.Confirmed {
				do(r.c)
				err = nil
				return
			}
		}
	})
	return err
}

// transfer hands a caller on, blind or attended.
func (s *Server) transfer(c *phone.Call, t Transfer) {
	if c.State() != phone.Confirmed {
		return
	}
	s.stats.Transfers++
	c.OnNotify = func(status int) { s.transferResult(c, status) }
	if !t.Attended {
		c.Refer(t.To, s.referAnswered)
		return
	}
	second, err := s.place(PlaceSpec{To: phone.UserOf(t.To)})
	if err != nil {
		s.stats.TransfersFailed++
		return
	}
	count := second.OnAnswer
	second.OnAnswer = func(m *phone.Message) {
		count(m)
		// To is asked with Replaces: the far end of the consultation call.
		c.ReferReplacing(t.To, second, s.referAnswered)
	}
	fail := second.OnFail
	second.OnFail = func(status int, m *phone.Message) {
		fail(status, m)
		s.stats.TransfersFailed++
	}
	c.OnEnd = s.also(c.OnEnd, second)
}

// also hangs the consultation call up when the caller is gone.
func (s *Server) also(end func(string), second *phone.Call) func(string) {
	return func(cause string) {
		end(cause)
		if second.State() < phone.Confirmed {
			second.Hangup()
		}
	}
}

func (s *Server) referAnswered(status int) {
	if status < 200 || status >= 300 {
		s.stats.TransfersFailed++
	}
}

// transferResult treats the sipfrag of the transfer: a final success ends our
// leg, unless the peer did; a failure gives the caller back to us.
func (s *Server) transferResult(c *phone.Call, status int) {
	switch {
	case status < 200:
	case status < 300:
		s.stats.TransfersDone++
		s.event("transferred", c.Invite.CallID(), "")
	default:
		s.stats.TransfersFailed++
	}
}
