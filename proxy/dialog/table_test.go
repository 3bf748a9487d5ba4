package dialog

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"releve/router"
)

const (
	p, s   = router.Primary, router.Secondary
	second = router.Instant(time.Second)
)

func table(lines int) *Table {
	return New(Limits{Lines: [router.Servers]int{p: lines, s: lines}})
}

// reserved fails unless n lines of the primary are reserved.
func (t *Table) reserved(tb testing.TB, n int) {
	tb.Helper()
	if got, _, _ := t.Lines(p); got != n {
		tb.Errorf("%d lines reserved, want %d", got, n)
	}
}

func TestLinesAreNeverNegative(t *testing.T) {
	d := table(4)
	d.Release(p, 0)
	d.reserved(t, 0)
	d.Reserve(p)
	d.Release(p, 0)
	d.Release(p, 0)
	d.reserved(t, 0)
	if d.Reserve(p); d.Occupancy(p, 5) != router.Occupied(0, 4, true) {
		t.Error("own lines beyond what is reserved")
	}
}

func TestReserveBeyondCapacityIsCounted(t *testing.T) {
	d := table(2)
	for range 3 {
		d.Reserve(p)
	}
	d.reserved(t, 3)
	if o := d.Occupancy(p, 0); o != router.Full {
		t.Errorf("occupancy %v", o)
	}
	d.Release(p, 0)
	if o := d.Occupancy(p, 0); o != router.Full {
		t.Errorf("two of two: %v", o)
	}
	if o := d.Occupancy(p, 1); o == router.Full {
		t.Error("the call being judged counts itself")
	}
	if n, c, exact := d.Lines(s); n != 0 || c != 2 || !exact {
		t.Errorf("the other server: %d of %d, exact %v", n, c, exact)
	}
}

// A server that says 100 and nothing more: the calls that it swallowed kept
// their lines, and it was busy for ever.
func TestCallsThatNobodyAnswersExplainNothing(t *testing.T) {
	d := table(8)
	for range 9 {
		d.Reserve(p)
	}
	if o := d.Occupancy(p, 1); o != router.Full {
		t.Errorf("nine calls that may be answered yet: %v", o)
	}
	for range 7 {
		d.Doubt(p)
	}
	if o := d.Occupancy(p, 1); o != router.NextToNothing {
		t.Errorf("nine calls, seven of them swallowed: %v", o)
	}
	d.reserved(t, 9)
	d.Trust(p) // answered after all
	if o := d.Occupancy(p, 1); o != router.Plausible {
		t.Errorf("one of the seven is answered: %v", o)
	}
	for range 6 {
		d.Trust(p)
		d.Release(p, 0)
	}
	if o := d.Occupancy(p, 1); o != router.Plausible {
		t.Errorf("three calls: %v", o)
	}
}

func TestReconcile(t *testing.T) {
	d := New(Limits{Lines: [router.Servers]int{p: 2}})
	d.Reconcile(p, false)
	d.Reserve(p)
	d.Reserve(p)
	if d.Occupancy(p, 0) == router.Full {
		t.Error("a presumed count refuses a call")
	}
	d.Reconcile(p, true)
	if d.Occupancy(p, 0) != router.Full {
		t.Error("an exact count that is full")
	}
}

func TestGrantsAreFirstComeFirstServed(t *testing.T) {
	d := table(12) // three may wait
	for range 12 {
		d.Reserve(p)
	}
	for i := range 3 {
		if !d.Wait(Waiter{Context: uint64(i)}, p, 0) {
			t.Fatalf("waiter %d", i)
		}
	}
	var got []Grant
	for range 4 {
		got = append(got, d.Release(p, second)...)
	}
	want := []Grant{{Waiter{Context: 0}, p}, {Waiter{Context: 1}, p}, {Waiter{Context: 2}, p}}
	if !slices.Equal(got, want) {
		t.Errorf("granted %v, want %v", got, want)
	}
	d.reserved(t, 11) // 12 - 4 released + 3 granted
}

// A branch of ours that ended a moment ago still holds its line at the server:
// the turn of one who must wait for that passes to the next.
func TestNotBeforeLosesNoTurn(t *testing.T) {
	d := table(8)
	for range 8 {
		d.Reserve(p)
	}
	d.Wait(Waiter{Context: 1}, p, 10*second)
	d.Wait(Waiter{Context: 2}, p, 0)
	if g := d.Release(p, second); len(g) != 1 || g[0].Waiter.Context != 2 {
		t.Fatalf("granted %v", g)
	}
	if g := d.Release(p, 9*second); len(g) != 0 {
		t.Fatalf("granted %v before its time", g)
	}
	if g := d.Poll(p, 10*second); len(g) != 1 || g[0].Waiter.Context != 1 {
		t.Fatalf("granted %v at its time", g)
	}
	d.reserved(t, 8)
}

func TestPollGrantsNothingWithoutALine(t *testing.T) {
	d := table(1)
	d.Reserve(p)
	d.Wait(Waiter{Context: 1}, p, 0)
	if g := d.Poll(p, second); len(g) != 0 {
		t.Errorf("granted %v", g)
	}
	if g := New(Limits{}).Poll(p, second); len(g) != 0 {
		t.Errorf("a server without lines granted %v", g)
	}
}

func TestWaitingIsBounded(t *testing.T) {
	for lines, most := range map[int]int{0: 1, 1: 1, 4: 1, 8: 2, 30: 7} {
		d := table(lines)
		n := 0
		for d.Wait(Waiter{Context: uint64(n)}, p, 0) {
			n++
		}
		if n != most || d.Waiting(p) != most || d.Waiting(s) != 0 {
			t.Errorf("%d lines: %d wait, want %d", lines, n, most)
		}
		d.Leave(Waiter{Context: 0})
		if !d.Wait(Waiter{Context: 99}, p, 0) {
			t.Errorf("%d lines: no room after one left", lines)
		}
	}
}

func TestLeaveTakesOffEveryList(t *testing.T) {
	d := table(4)
	w := Waiter{Shard: 1, Context: 7}
	d.Wait(w, p, 0)
	d.Wait(w, s, 0)
	d.Leave(Waiter{Shard: 2, Context: 7}) // somebody else
	if d.Waiting(p) != 1 || d.Waiting(s) != 1 {
		t.Fatal("the wrong one left")
	}
	d.Leave(w)
	if d.Waiting(p) != 0 || d.Waiting(s) != 0 {
		t.Errorf("%d and %d wait", d.Waiting(p), d.Waiting(s))
	}
}

func TestEndIsCountedOnce(t *testing.T) {
	d := table(1)
	d.Reserve(p)
	if !d.Add(Call{Key: 1, Server: p, Line: true, CallID: "a"}) {
		t.Fatal("not added")
	}
	if d.Add(Call{Key: 1, Server: s, Line: true}) {
		t.Error("a second 2xx replaced the call")
	}
	d.Wait(Waiter{Context: 3}, p, 0)
	c, g, ok := d.End(1, second)
	if !ok || c.CallID != "a" || len(g) != 1 {
		t.Errorf("%+v %v %v", c, g, ok)
	}
	if _, g, ok := d.End(1, second); ok || g != nil {
		t.Error("ended twice")
	}
	d.reserved(t, 1) // the one granted
	if d.Len() != 0 || d.Calls(p) != 0 {
		t.Errorf("%d calls, %d of the primary", d.Len(), d.Calls(p))
	}
}

func TestCallWithoutLineFreesNone(t *testing.T) {
	d := table(2)
	d.Reserve(p)
	d.Add(Call{Key: 1, Server: p})
	d.End(1, 0)
	d.reserved(t, 1)
}

func TestLookups(t *testing.T) {
	d := New(Limits{Calls: 2})
	d.Add(Call{Key: 1, CallID: "b", Server: p, Answered: 5, Started: 2})
	if d.Full() {
		t.Error("full with one of two")
	}
	d.Add(Call{Key: 2, CallID: "a", Server: s, Outgoing: true, Answered: 9, Started: 1})
	if !d.Full() || d.Len() != 2 || d.Calls(p) != 1 || d.Calls(s) != 1 {
		t.Error("two of two")
	}
	if o, ok := d.Owner(1); o != p || !ok {
		t.Error("owner of 1")
	}
	if _, ok := d.Owner(3); ok {
		t.Error("owner of an unknown call")
	}
	if out, known := d.Outgoing(2); !out || !known {
		t.Error("2 is outgoing")
	}
	if _, known := d.Outgoing(3); known {
		t.Error("3 is not known")
	}
	if k := d.Expired(9); !slices.Equal(k, []Key{1}) {
		t.Errorf("expired %v", k)
	}
	if l := d.Live(); len(l) != 2 || l[0].CallID != "a" || l[1].CallID != "b" {
		t.Errorf("oldest first: %v", l)
	}
	d.Update(1, router.CallRecord{CallID: "new"})
	d.Update(3, router.CallRecord{})
	d.Used(1, AtIPBX, 7)
	d.Used(1, AtIPBX, 3)
	d.Used(3, AtIPBX, 1)
	if c, _, _ := d.End(1, 0); c.Record.CallID != "new" || c.Legs[AtIPBX].CSeq != 7 {
		t.Errorf("%+v", c)
	}
}

func passive(k Key) Call {
	return Call{Key: k, Server: p, Outgoing: true, Record: router.CallRecord{Reason: router.ReasonPassiveTransfer}}
}

func TestPassiveServerPlacesOnePerCallItHolds(t *testing.T) {
	d := table(4)
	if d.PlaceFromPassive(p) {
		t.Error("holds nothing")
	}
	d.Add(Call{Key: 1, Server: p})
	d.Add(Call{Key: 2, Server: s})
	if !d.PlaceFromPassive(p) {
		t.Error("holds one, placed none")
	}
	d.Add(passive(10))
	if d.PlaceFromPassive(p) {
		t.Error("placed one for the one it holds")
	}
	d.Add(Call{Key: 3, Server: p})
	if !d.PlaceFromPassive(p) {
		t.Error("holds two, placed one")
	}
	d.End(10, 0)
	d.End(3, 0)
	if !d.PlaceFromPassive(p) {
		t.Error("the placed call ended")
	}
	d.End(1, 0)
	if d.PlaceFromPassive(p) {
		t.Error("holds nothing any more")
	}
}

// After a restart of Relève the table is empty, but the passive server still
// holds its calls: it was refused its transfer.
func TestPassiveServerTransfersAfterARestart(t *testing.T) {
	d := table(4)
	d.Reconcile(p, false)
	if !d.PlaceFromPassive(p) {
		t.Error("a transfer of a call that lived through the restart is refused")
	}
	for k := range Key(4) {
		d.Add(passive(10 + k))
	}
	if d.PlaceFromPassive(p) {
		t.Error("more transfers than the server has lines")
	}
}

// An attempt that was challenged (401, then again with credentials), or that
// nobody answered, once used up the right of the held call for ever.
func TestUnansweredAttemptsOfAPassiveServerUseNothingUp(t *testing.T) {
	d := table(4)
	d.Add(Call{Key: 1, Server: p})
	for range 5 {
		if !d.PlaceFromPassive(p) {
			t.Fatal("refused after attempts that came to nothing")
		}
	}
}

// What a call was placed while active stays so: the record's reason is written
// over when the call is settled, and the count once went astray by it.
func TestReasonWrittenOverLaterKeepsTheCount(t *testing.T) {
	d := table(4)
	d.Add(Call{Key: 1, Server: p})
	d.Add(passive(10))
	d.Update(10, router.CallRecord{Reason: router.ReasonOutgoing})
	d.End(10, 0)
	if !d.PlaceFromPassive(p) {
		t.Error("the ended call still counts")
	}
	d.Add(Call{Key: 11, Server: p, Outgoing: true, Record: router.CallRecord{Reason: router.ReasonOutgoing}})
	d.Update(11, router.CallRecord{Reason: router.ReasonPassiveTransfer})
	if !d.PlaceFromPassive(p) {
		t.Error("a call placed while active counts as placed while passive")
	}
}

func TestConcurrentUseKeepsTheCounts(t *testing.T) {
	d := table(40)
	var wait sync.WaitGroup
	for g := range 8 {
		wait.Go(func() { hammer(d, g) })
	}
	wait.Wait()
	for _, x := range []router.Server{p, s} {
		for d.Waiting(x) > 0 { // what is left waiting is served and given back
			for _, g := range d.Poll(x, second) {
				d.Release(g.Server, 0)
			}
		}
		if n, _, _ := d.Lines(x); n != 0 || d.Calls(x) != 0 || d.PlaceFromPassive(x) {
			t.Errorf("%v: %d lines, %d calls left", x, n, d.Calls(x))
		}
	}
	if d.Len() != 0 {
		t.Errorf("%d calls left", d.Len())
	}
}

// hammer does what a shard does; every grant it is handed it gives back.
func hammer(d *Table, g int) {
	draw := rand.New(rand.NewPCG(1, uint64(g)))
	give := func(grants []Grant) {
		for len(grants) > 0 {
			next := grants[0]
			grants = append(grants[1:], d.Release(next.Server, 0)...)
		}
	}
	for i := range 500 {
		x := p
		if draw.IntN(2) == 0 {
			x = s
		}
		k := Key(g*1000 + i)
		d.Reserve(x)
		c := Call{Key: k, CallID: fmt.Sprint(k), Server: x, Line: true, Outgoing: draw.IntN(3) == 0}
		if d.PlaceFromPassive(x) && c.Outgoing {
			c.Record.Reason = router.ReasonPassiveTransfer
		}
		d.Add(c)
		w := Waiter{Shard: g, Context: uint64(i)}
		d.Wait(w, x, router.Instant(draw.IntN(2)))
		d.Occupancy(x, 1)
		d.Live()
		give(d.Poll(x, 0))
		_, grants, ok := d.End(k, 0)
		if !ok {
			panic("a call was lost")
		}
		give(grants)
		d.Leave(w)
	}
}

func TestEndedCallIsKnownForAWhile(t *testing.T) {
	d := table(1)
	d.Add(Call{Key: 1, Server: p})
	if d.Ended(1) {
		t.Error("in progress")
	}
	d.End(1, 0)
	end := func(k Key, at time.Duration) {
		d.Add(Call{Key: k, Server: p})
		d.End(k, router.Instant(at))
	}
	end(2, endedFor)
	if !d.Ended(1) || !d.Ended(2) {
		t.Error("forgotten within 32 s")
	}
	end(3, 2*endedFor)
	if d.Ended(1) || !d.Ended(2) || !d.Ended(3) {
		t.Error("kept for ever, or forgotten early")
	}
}

// What finds no room is counted, by what it was.
func TestRefusedIsCounted(t *testing.T) {
	d := New(Limits{Lines: [router.Servers]int{router.Primary: 4}})
	if !d.Wait(Waiter{Context: 1}, router.Primary, 0) || d.Wait(Waiter{Context: 2}, router.Primary, 0) {
		t.Fatal("a quarter of four lines is one place")
	}
	for k := range Key(maxEnded + 2) {
		d.remember(k, 1)
	}
	if got := d.Refused(); got != (Refused{Waiting: 1, Ended: 2}) || !d.Ended(5) || d.Ended(maxEnded+1) {
		t.Errorf("%+v", got)
	}
}

func TestDeliveriesArePaced(t *testing.T) {
	d := New(Limits{Lines: [router.Servers]int{router.Secondary: 4}})
	var got []router.Instant
	for range 3 {
		got = append(got, d.Pace(router.Secondary, router.Instant(time.Second)))
	}
	got = append(got, d.Pace(router.Secondary, router.Instant(10*time.Second))) // time that passed is not saved up
	want := []router.Instant{
		router.Instant(time.Second), router.Instant(1500 * time.Millisecond), router.Instant(2 * time.Second),
		router.Instant(10 * time.Second),
	}
	if !slices.Equal(got, want) {
		t.Errorf("slots %v, wanted %v", got, want)
	}
}

func TestHeard(t *testing.T) {
	const (
		yes = true
		no  = false
	)
	cases := []struct {
		name string
		end  End
		said []bool
		gone bool
	}{
		{"one that denies every call proves nothing", AtServer, []bool{no, no, no}, false},
		{"one denial may be that of a server that is just starting", AtServer, []bool{yes, no}, false},
		{"two in a row by one that has known a call", AtServer, []bool{yes, no, no}, true},
		{"denials with a yes between them", AtServer, []bool{yes, no, yes, no}, false},
		{"the far end likewise", AtIPBX, []bool{yes, no, no}, true},
		{"a far end that never knew this call", AtIPBX, []bool{no, no}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := New(Limits{})
			d.Add(Call{Key: 1, Server: p})
			fate := Stays
			for _, knows := range c.said {
				fate = d.Heard(1, c.end, knows, second)
			}
			if fate != Stays != c.gone || fate == Forgotten {
				t.Errorf("fate %d", fate)
			}
		})
	}
	t.Run("what a server proved counts for all its calls, what a far end proved for that one", func(t *testing.T) {
		d := New(Limits{})
		d.Add(Call{Key: 1, Server: p})
		d.Add(Call{Key: 2, Server: p})
		d.Heard(1, AtServer, yes, 0)
		d.Heard(1, AtIPBX, yes, 0)
		for _, e := range []End{AtServer, AtIPBX} {
			d.Heard(2, e, no, 0)
			if fate := d.Heard(2, e, no, 0); (fate == Gone) != (e == AtServer) {
				t.Errorf("end %d: fate %d", e, fate)
			}
		}
	})
}

func TestDue(t *testing.T) {
	d := New(Limits{Lines: [router.Servers]int{p: 4}})
	for k := Key(1); k <= 3; k++ {
		d.Add(Call{Key: k, Server: p, Answered: second})
	}
	every := 100 * second
	if n := len(d.Due(80*second, time.Duration(every), 9)); n != 0 {
		t.Errorf("%d asked after too soon", n)
	}
	if n := len(d.Due(122*second, time.Duration(every), 2)); n != 2 {
		t.Errorf("%d at once, the limit is 2", n)
	}
	if n := len(d.Due(122*second, time.Duration(every), 2)); n != 1 {
		t.Errorf("%d were left", n)
	}
	d.Suspect(p, 2*second, 123*second)
	if n := len(d.Due(123*second, time.Duration(every), 9)); n != 3 {
		t.Errorf("%d asked after, all are suspect", n)
	}
}

func TestCapacityIsLearnt(t *testing.T) {
	d := New(Limits{Lines: [router.Servers]int{p: 30}})
	next := Key(0)
	call := func() {
		next++
		d.Reserve(p)
		d.Add(Call{Key: next, Server: p, Line: true})
	}
	busy := func() { // as the shell does: the branch that is refused holds a line
		d.Reserve(p)
		d.Busy(p, 1)
		d.Release(p, 0)
	}
	learnt := func(most, full int) {
		t.Helper()
		if m, f := d.Learnt(p); m != most || f != full {
			t.Fatalf("most %d, full %d; wanted %d, %d", m, f, most, full)
		}
	}
	for range 24 {
		call()
	}
	busy()
	busy()
	learnt(24, 0)
	busy()
	learnt(24, 24)
	call() // it was a line that had not been freed yet
	learnt(25, 0)
	d.Reconcile(p, false)
	for range 3 {
		busy()
	}
	learnt(25, 0)
}

// TestResumedCallsOfACrash: the file of a crash may hold calls that ended after it
// was written.
func TestResumedCallsOfACrash(t *testing.T) {
	type answer struct {
		end   End
		knows bool
	}
	for _, c := range []struct {
		name string
		said []answer
		want Fate
	}{
		{"both ends deny it", []answer{{AtServer, false}, {AtIPBX, false}}, Forgotten},
		{"one denies it twice, the other is silent", []answer{{AtServer, false}, {AtServer, false}}, Forgotten},
		{"one denies it", []answer{{AtIPBX, false}}, Stays},
		{"one knows it: the other denies by rote", []answer{{AtServer, false}, {AtIPBX, true}, {AtServer, false}, {AtServer, false}}, Stays},
		{"the server knew it and lost it", []answer{{AtServer, true}, {AtServer, false}, {AtServer, false}}, Gone},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := New(Limits{Lines: [router.Servers]int{p: 4}})
			d.Resume(Call{Key: 1, Server: p, Line: true}, Before{})
			fate := Stays
			for _, a := range c.said {
				fate = d.Heard(1, a.end, a.knows, second)
			}
			if fate != c.want {
				t.Errorf("fate %d, wanted %d", fate, c.want)
			}
		})
	}
}

// A call of the file of a clean stop was resumed as one of a crash: a peer that had
// known it and lost it ended it without a record and without a word to the other.
func TestResumedCallsOfACleanStop(t *testing.T) {
	type answer struct {
		end   End
		knows bool
	}
	knows := [router.Servers]bool{p: true}
	for _, c := range []struct {
		name   string
		before Before
		said   []answer
		want   Fate
	}{
		{"a server that knew calls denies it twice", Before{Clean: true, Servers: knows}, []answer{{AtServer, false}, {AtServer, false}}, Gone},
		{"the far end that knew it denies it twice", Before{Clean: true, FarKnows: true}, []answer{{AtIPBX, false}, {AtIPBX, false}}, Gone},
		{"both deny it, one of them knew it", Before{Clean: true, FarKnows: true}, []answer{{AtIPBX, false}, {AtServer, false}}, Stays},
		{"both deny it, and the one that knew it again", Before{Clean: true, FarKnows: true}, []answer{{AtIPBX, false}, {AtServer, false}, {AtIPBX, false}}, Gone},
		{"once is not enough", Before{Clean: true, Servers: knows}, []answer{{AtServer, false}}, Stays},
		{"both deny it, perhaps by rote", Before{Clean: true}, []answer{{AtServer, false}, {AtIPBX, false}}, Forgotten},
		{"one that knew nothing denies it", Before{Clean: true, Servers: knows}, []answer{{AtIPBX, false}, {AtIPBX, false}}, Forgotten},
		{"after a crash", Before{Servers: knows, FarKnows: true}, []answer{{AtServer, false}, {AtServer, false}}, Forgotten},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := New(Limits{Lines: [router.Servers]int{p: 4}})
			d.Resume(Call{Key: 1, Server: p, Line: true}, c.before)
			fate := Stays
			for _, a := range c.said {
				fate = d.Heard(1, a.end, a.knows, second)
			}
			if fate != c.want {
				t.Errorf("fate %d, wanted %d", fate, c.want)
			}
		})
	}
}
