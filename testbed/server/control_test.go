package server_test

import (
	"encoding/json"
	"net"
	"net/netip"
	"sync"
	"testing"

	"releve/testbed/ipbx"
	"releve/testbed/phone"
	"releve/testbed/server"
)

// TestControl drives a server as a demo does: over a pipe, in JSON lines.
func TestControl(t *testing.T) {
	t.Parallel()
	x := startIPBX(t, netip.AddrPort{}, nil)
	near, far := net.Pipe()
	var running sync.WaitGroup
	running.Go(func() {
		cfg := server.Config{Name: "principal", Addr: "127.0.31.1:0", Lines: 2, Releve: x.Addr(), User: "5001", T1: t1}
		if err := server.Run(t.Context(), cfg, far); err != nil {
			t.Error(err)
		}
	})
	ready := make(chan string, 1)
	r := phone.Drive(near, near, func(event string, data json.RawMessage) {
		if event != "ready" {
			return
		}
		var v struct{ Addr string }
		if err := json.Unmarshal(data, &v); err != nil {
			t.Error(err)
		}
		ready <- v.Addr
	})
	addr := netip.MustParseAddrPort(<-ready)
	do := func(command string, args, result any) {
		t.Helper()
		if err := r.Do(within(t), command, args, result); err != nil {
			t.Fatal(err)
		}
	}
	var placed struct{ ID int }
	do("place", map[string]any{"to": "2001", "duration": 1000}, &placed)
	var out server.Outcome
	do("placed", map[string]any{"id": placed.ID, "wait": true}, &out)
	if out.Status != 200 || out.AnsweredBy != "oxe" || out.Cause != "bye-sent" {
		t.Errorf("outcome %+v", out)
	}
	const caller = "0145000001"
	c, confirmed := call(t, x, ipbx.CallSpec{Dest: addr}), within(t)
	for r.Do(confirmed, "release", map[string]string{"from": caller}, nil) != nil { // until the ACK is there
		if confirmed.Err() != nil {
			t.Fatal("the caller was never in conversation")
		}
	}
	if got := ended(t, c); got.Cause != "bye-received" {
		t.Errorf("released: %+v", got)
	}
	if r.Do(within(t), "transfer", map[string]string{"from": caller, "to": "sip:2001@" + x.Addr().String()}, nil) == nil {
		t.Error("a call that is over was transferred")
	}
	do("mode", server.Mode{Kind: server.AllBusy}, nil)
	if got := ended(t, call(t, x, ipbx.CallSpec{Dest: addr})); got.Status != 486 {
		t.Errorf("result %+v", got)
	}
	var st server.Stats
	do("stats", nil, &st)
	var seen struct{ Calls []server.Seen }
	do("calls", nil, &seen)
	if st.Busy != 1 || st.Placed != 1 || len(seen.Calls) != 2 || seen.Calls[1].Ended != "refused" {
		t.Errorf("stats %+v, calls %+v", st, seen)
	}
	if r.Do(within(t), "mode", server.Mode{Kind: "tired"}, nil) == nil {
		t.Error("an unknown mode was taken")
	}
	do("quit", nil, nil)
	running.Wait()
	_ = near.Close()
}
