package levels

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"releve/testbed/ipbx"
	"releve/testbed/server"
)

// status is what the stories read of the node.
type status struct {
	Active string `json:"active"`
	Phase  string `json:"phase"`
	Alarms []struct {
		Number uint16 `json:"number"`
		Object string `json:"object"`
	} `json:"alarms"`
	Servers []struct {
		Role  string `json:"role"`
		State string `json:"state"`
		Ready bool   `json:"ready"`
	} `json:"servers"`
	Counters struct {
		Switchovers int `json:"switchovers"`
	} `json:"counters"`
}

func (s status) alarm(number uint16) bool {
	for _, a := range s.Alarms {
		if a.Number == number {
			return true
		}
	}
	return false
}

func (s status) numbers() (out []uint16) {
	for _, a := range s.Alarms {
		out = append(out, a.Number)
	}
	slices.Sort(out)
	return out
}

func (s status) ready(role string) bool {
	for _, v := range s.Servers {
		if v.Role == role {
			return v.Ready
		}
	}
	return false
}

// patience is how long a story waits for what must come. Our choice: many times
// what it takes, for a machine that does other things besides.
const patience = 3 * time.Minute

// until polls the status until cond holds; false when it never did.
func (s *site) until(ctx context.Context, cond func(status) bool) (status, bool) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var last status
	for {
		var now status
		if err := s.node.JSON(ctx, "/api/v1/status", &now); err == nil {
			if last = now; cond(now) {
				return now, true
			}
		}
		select {
		case <-tick.C:
		case <-s.node.Done():
			return last, false
		case <-ctx.Done():
			return last, false
		}
	}
}

// incoming places a call at x to the attendant and returns what became of it:
// who answered, and whether the caller heard anything.
func incoming(ctx context.Context, x *ipbx.IPBX) (ipbx.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := x.Call(ctx, ipbx.CallSpec{From: "0612345678", To: "5000", Duration: 400 * time.Millisecond, RTP: true})
	if err != nil {
		return ipbx.Result{}, err
	}
	return c.Wait(ctx)
}

// outgoing has a server place a call, and tells who answered it and with what.
func outgoing(ctx context.Context, v *server.Server) (by string, code int, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := v.Place(server.PlaceSpec{To: "0699999999", Duration: 300 * time.Millisecond})
	if err != nil {
		return "", 0, err
	}
	if _, err := c.Ended(ctx); err != nil {
		return "", 0, err
	}
	return c.AnsweredBy(), c.Status(), nil
}

// bound are the users that have a binding at x, in order.
func bound(x *ipbx.IPBX) string {
	var users []string
	for _, b := range x.Bindings() {
		if !slices.Contains(users, b.User) {
			users = append(users, b.User)
		}
	}
	return strings.Join(users, " ")
}

// verb runs an operator's verb and returns all that it said.
func (s *site) verb(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out, err := s.node.Verb(ctx, args...)
	return string(out), err
}

func (s *site) describe(now status) string {
	return fmt.Sprintf("active %s, phase %s, alarms %v", now.Active, now.Phase, now.numbers())
}
