package ipbx

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"releve/testbed/phone"
)

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// eventually polls until ok, for what one side learns after the other.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx := within(t)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

func ended(t *testing.T, x *IPBX, spec CallSpec) Result {
	t.Helper()
	spec.From, spec.To, spec.Duration = "0145000001", "5000", time.Millisecond
	c, err := x.Call(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Wait(within(t))
	if err != nil {
		t.Fatalf("%v: %+v", err, c.History())
	}
	return r
}

// answering is a peer that treats its n-th call as the n-th of what, the last
// one for all later ones: 200, another final, 180 (rings for ever) or 0 (mute).
func answering(t *testing.T, name string, what ...int) *phone.Phone {
	t.Helper()
	n := 0
	return listen(t, phone.Config{Name: name, OnInvite: func(c *phone.Call) {
		status := what[min(n, len(what)-1)]
		n++
		switch status {
		case 0:
			c.Ignore()
		case 180:
			c.Ring(180, false)
		case 200:
			c.Answer()
		default:
			c.Reject(status)
		}
	}})
}

// TestOverflowPresentation: the primary first, then Relève's overflow entry,
// and again as often as configured after a dissuasion.
func TestOverflowPresentation(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name             string
		primary, releve  []int
		represent        int
		outcome, by      string
		status, presents int
	}{
		{"primary answers", []int{200}, []int{200}, 0, "answered", "principal", 200, 1},
		{"primary rings", []int{180}, []int{200}, 0, "answered", "releve", 200, 2},
		{"primary is silent", []int{0}, []int{200}, 0, "answered", "releve", 200, 2},
		{"primary is busy", []int{486}, []int{200}, 0, "answered", "releve", 200, 2},
		{"dissuaded for good", []int{486}, []int{486}, 0, "refused", "", 486, 2},
		{"dissuaded, then served", []int{486, 200}, []int{486}, 1, "answered", "principal", 200, 3},
		{"dissuaded three times", []int{486}, []int{486}, 2, "refused", "", 486, 6},
		{"busy everywhere ends it", []int{600}, []int{200}, 2, "refused", "", 600, 1},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			primary, releve := answering(t, "principal", tt.primary...), answering(t, "releve", tt.releve...)
			noAnswer := time.Minute
			if tt.primary[0] < 200 {
				noAnswer = 30 * time.Millisecond // nothing final comes
			}
			x := start(t, Config{
				Presentation: Overflow, Primary: primary.Addr(), OverflowEntry: releve.Addr(),
				NoAnswer: noAnswer, Represent: tt.represent,
			})
			r := ended(t, x, CallSpec{})
			if r.Outcome != tt.outcome || r.AnsweredBy != tt.by || r.Status != tt.status || r.Presentations != tt.presents {
				t.Errorf("result %+v", r)
			}
		})
	}
}

func TestInlineRepresentation(t *testing.T) {
	t.Parallel()
	releve := answering(t, "releve", 486, 486, 200)
	x := start(t, Config{Releve: releve.Addr(), Represent: 2})
	if r := ended(t, x, CallSpec{}); r.Outcome != "answered" || r.Presentations != 3 {
		t.Errorf("result %+v", r)
	}
	if got := x.Stats(); got.Represented != 2 || got.Answered != 1 || got.Placed != 1 {
		t.Errorf("stats %+v", got)
	}
}

// TestRedirect: a 302 sends the caller to the operators' desk.
func TestRedirect(t *testing.T) {
	t.Parallel()
	var desk string
	releve := listen(t, phone.Config{OnInvite: func(c *phone.Call) {
		c.Reject(302, phone.Field{Name: "Contact", Value: "<sip:9@" + desk + ">"})
	}})
	x := start(t, Config{Releve: releve.Addr()})
	releve.Do(func() { desk = x.Addr().String() })
	if r := ended(t, x, CallSpec{}); r.Outcome != "answered" || r.AnsweredBy != "oxe" {
		t.Errorf("result %+v", r)
	}
	eventually(t, "the desk answered one call", func() bool { return x.Stats().Rescued == 1 })
}

// TestGateway: calls of unregistered users are refused, registered ones pass,
// and INVITEs can be challenged.
func TestGateway(t *testing.T) {
	t.Parallel()
	x := start(t, Config{OnlyRegistered: true, Registrar: Registrar{Open: true}})
	other := start(t, Config{Addr: "127.0.33.4:0", Releve: x.Addr()})
	if r := ended(t, other, CallSpec{}); r.Status != 403 {
		t.Errorf("unregistered: %+v", r)
	}
	r := &registrant{t: t, p: listen(t, phone.Config{}), x: x, user: "0145000001"}
	r.want(200, "", here)
	if r := ended(t, other, CallSpec{}); r.Status != 200 {
		t.Errorf("registered: %+v", r)
	}
	asserted := CallSpec{Extra: []phone.Field{{Name: "P-Asserted-Identity", Value: "<sip:stranger@x>"}}}
	if r := ended(t, other, asserted); r.Status != 403 {
		t.Errorf("asserted identity without a binding: %+v", r)
	}
	strict := start(t, Config{Addr: "127.0.33.5:0", ChallengeCalls: true})
	other = start(t, Config{Addr: "127.0.33.4:0", Releve: strict.Addr()})
	if r := ended(t, other, CallSpec{}); r.Status != 407 {
		t.Errorf("challenged: %+v", r)
	}
}

func TestMainAndStandby(t *testing.T) {
	t.Parallel()
	for _, refuses := range []bool{false, true} {
		t.Run(fmt.Sprintf("refuses %v", refuses), func(t *testing.T) {
			t.Parallel()
			mainAndStandby(t, refuses)
		})
	}
	if x := start(t, Config{}); x.SetActive(1) == nil {
		t.Error("a member that does not exist was made active")
	}
}

func mainAndStandby(t *testing.T, refuses bool) {
	x := start(t, Config{Standby: "127.0.33.6:0", StandbyRefuses: refuses})
	other := start(t, Config{Addr: "127.0.33.4:0"})
	try := func(member int) Result {
		to := x.Addr()
		if member == 1 {
			to = x.StandbyAddr()
		}
		return ended(t, other, CallSpec{Dest: to, CancelAfter: 300 * time.Millisecond})
	}
	for active := range 2 {
		if err := x.SetActive(active); err != nil {
			t.Fatal(err)
		}
		if r := try(active); r.Status != 200 {
			t.Errorf("member %d serves, but: %+v", active, r)
		}
		if r := try(1 - active); r.Outcome != "cancelled" || r.Trying != 0 {
			t.Errorf("member %d stands by, but: %+v", 1-active, r)
		}
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	x := start(t, Config{})
	other := start(t, Config{Addr: "127.0.33.4:0", Releve: x.Addr()})
	for _, f := range []Fault{Silent, Refuse} {
		if err := x.SetFault(f, 0); err != nil {
			t.Fatal(err)
		}
		if r := ended(t, other, CallSpec{CancelAfter: 50 * time.Millisecond}); r.Outcome != "cancelled" || r.Trying != 0 {
			t.Errorf("%s: %+v", f, r)
		}
	}
	if err := x.SetFault(Slow, 20*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if r := ended(t, other, CallSpec{}); r.Status != 200 || r.Setup < 20*time.Millisecond {
		t.Errorf("slow: %+v", r)
	}
	if err := x.SetFault(Healthy, 0); err != nil {
		t.Fatal(err)
	}
	if r := ended(t, other, CallSpec{}); r.Status != 200 {
		t.Errorf("healthy again: %+v", r)
	}
	if x.SetFault("tired", 0) == nil {
		t.Error("an unknown fault was taken")
	}
}

func TestRestartLosesTheCalls(t *testing.T) {
	t.Parallel()
	releve := answering(t, "releve", 200)
	x := start(t, Config{Releve: releve.Addr()})
	c, err := x.Call(t.Context(), CallSpec{From: "1", To: "5000"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Answered(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := x.Restart(true); err != nil {
		t.Fatal(err)
	}
	if r, err := c.Wait(within(t)); err != nil || r.Cause != "lost" {
		t.Errorf("%+v, %v", r, err)
	}
	if got := x.Stats(); got.Open != 0 {
		t.Errorf("stats %+v", got)
	}
}

func TestContextEndsTheCall(t *testing.T) {
	t.Parallel()
	releve := answering(t, "releve", 180)
	x := start(t, Config{Releve: releve.Addr()})
	ctx, cancel := context.WithCancel(t.Context())
	c, err := x.Call(ctx, CallSpec{From: "1", To: "5000"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Until(within(t), func(r Result) bool { return r.Ringing > 0 }); err != nil {
		t.Fatal(err)
	}
	cancel()
	if r, err := c.Wait(within(t)); err != nil || r.Outcome != "cancelled" {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestControl drives an IPBX as a demo does: over a pipe, in JSON lines.
func TestControl(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	var running sync.WaitGroup
	running.Go(func() {
		if err := Run(t.Context(), Config{Name: "oxe", Addr: "127.0.33.1:0", T1: t1, Registrar: Registrar{Open: true}}, far); err != nil {
			t.Error(err)
		}
	})
	ready := make(chan string, 1)
	events := make(chan string, 1024)
	r := phone.Drive(near, near, func(event string, data json.RawMessage) {
		if event == "ready" {
			var v struct{ Addr string }
			if err := json.Unmarshal(data, &v); err != nil {
				t.Error(err)
			}
			ready <- v.Addr
			return
		}
		events <- event
	})
	addr := <-ready
	do := func(command string, args, result any) {
		t.Helper()
		if err := r.Do(within(t), command, args, result); err != nil {
			t.Fatal(err)
		}
	}
	var placed struct{ ID int }
	// The IPBX calls an extension of its own.
	do("call", map[string]any{"from": "1", "to": "2001", "dest": addr, "duration": time.Millisecond}, &placed)
	var res Result
	do("result", map[string]any{"id": placed.ID, "wait": true}, &res)
	if res.Outcome != "answered" || res.AnsweredBy != "oxe" {
		t.Errorf("result %+v", res)
	}
	var steps []phone.Step
	do("history", map[string]any{"id": placed.ID}, &steps)
	if len(steps) == 0 || <-events == "" {
		t.Error("no history or no event")
	}
	var sum Summary
	do("load", map[string]any{"call": map[string]any{"from": "1", "to": "9", "dest": addr, "duration": 1000}, "rate": 200, "count": 20}, &sum)
	if sum.Outcomes["answered"] != 20 || sum.SetupP99 == 0 {
		t.Errorf("summary %+v", sum)
	}
	do("registrar", map[string]any{"forbid": true}, nil)
	do("fault", map[string]any{"fault": "healthy"}, nil)
	do("restart", map[string]any{"keep_bindings": true}, nil)
	var o Overlap
	do("overlap", map[string]any{"users": []string{"5001"}}, &o)
	var st Stats
	eventually(t, "20 calls at the desk", func() bool {
		do("stats", nil, &st)
		return st.Rescued == 20 && st.Placed == 21
	})
	if r.Do(within(t), "fly", nil, nil) == nil || r.Do(within(t), "hangup", map[string]int{"id": 99}, nil) == nil {
		t.Error("a wrong command was taken")
	}
	do("quit", nil, nil)
	running.Wait()
	_ = near.Close()
}
