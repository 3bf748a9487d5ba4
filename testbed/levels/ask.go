package levels

import (
	"context"
	"fmt"
	"io"
	"net/http"
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
	Mirror *struct {
		State  string        `json:"state"`
		Since  time.Time     `json:"since"`
		Lag    time.Duration `json:"lag_ns"`
		LagAt  time.Time     `json:"lag_at"`
		AtRisk *struct {
			Lag time.Duration `json:"lag_ns"`
		} `json:"data_at_risk"`
	} `json:"mirror"`
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
	return strings.TrimSpace(string(out)), err
}

func (s *site) describe(now status) string {
	mirror := ""
	if now.Mirror != nil {
		mirror = fmt.Sprintf(", mirror %s %s late", now.Mirror.State, now.Mirror.Lag)
	}
	return fmt.Sprintf("active %s, phase %s, alarms %v%s", now.Active, now.Phase, now.numbers(), mirror)
}

// page is the alarm screen as a browser without JavaScript gets it.
func (s *site) page(ctx context.Context) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.screen()+"/", nil)
	if err != nil {
		return "", err
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", fmt.Errorf("open the alarm screen: %w", err)
	}
	defer a.Body.Close()
	body, err := io.ReadAll(io.LimitReader(a.Body, 1<<20))
	return string(body), err
}

// shows polls the alarm screen until it shows text.
func (s *site) shows(ctx context.Context, text string) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if body, err := s.page(ctx); err == nil && strings.Contains(body, text) {
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}
