package licence

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"releve/router"
)

// The world of the tests: one node that runs State, its store, IPBXs with a
// registrar each, and a network. Time is virtual; real time is w.now, the
// node's Mono lags behind it by w.lag after a pause.

type flight struct {
	at    router.Instant
	order int
	life  int // the node's life it belongs to; 0: the network's
	do    func()
}

type flights []flight

func (f flights) Len() int { return len(f) }
func (f flights) Less(i, j int) bool {
	return f[i].at < f[j].at || f[i].at == f[j].at && f[i].order < f[j].order
}
func (f flights) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f *flights) Push(x any)   { *f = append(*f, x.(flight)) }
func (f *flights) Pop() any     { o := *f; x := o[len(o)-1]; *f = o[:len(o)-1]; return x }

type world struct {
	policy Policy
	node   State
	up     bool
	life   int
	now    router.Instant
	lag    time.Duration
	store  Row
	stores string // ok, fail (not applied), unknown (applied), hang

	newest, writing, durable Row // of the saver, as package control's
	busy                     bool

	ipbx           [MaxIPBX]*registrar
	former         []*registrar // that the configuration no longer names, or with users that it no longer has
	queue          flights
	order          int
	rng            *rand.Rand // nil: no loss, no delay
	loss           float64
	log            *strings.Builder // nil: none
	cseq           [router.Servers]uint32
	alarms         map[alarmKey]bool
	asked          map[uint32]bool // tickets of servers' REGISTERs that have no answer yet
	signed         map[uint32]bool // those of them that carry an Authorization
	both           int             // instants with two users bound
	tickets        uint32
	servers, knows [router.Servers]bool // those that register here; those that have met a challenge
	bounds         int                  // BoundNow seen
	sends          int
	flying         [router.Servers][MaxIPBX]uint32 // CSeq of the request without an outcome yet; 0: none
	err            error
}

func newWorld(p Policy) *world {
	w := &world{policy: p, stores: "ok", alarms: map[alarmKey]bool{}, asked: map[uint32]bool{}, signed: map[uint32]bool{}}
	for i := range w.ipbx {
		w.ipbx[i] = &registrar{member: 1, served: map[served]Event{}}
	}
	return w
}

func (w *world) clock() router.Clock {
	return router.Clock{Mono: w.now.Add(-w.lag), High: w.now}
}

func (w *world) logf(format string, args ...any) {
	if w.log != nil {
		fmt.Fprintf(w.log, "%9.3f  %s\n", time.Duration(w.now).Seconds(), fmt.Sprintf(format, args...))
	}
}

func (w *world) at(at router.Instant, life int, do func()) {
	w.order++
	heap.Push(&w.queue, flight{at: at, order: w.order, life: life, do: do})
}

// run lets time pass until end.
func (w *world) run(end router.Instant) {
	for w.err == nil {
		at := end
		tick, ok := router.Instant(0), false
		if w.up {
			tick, ok = w.node.Next()
			tick = max(tick.Add(w.lag), w.now)
		}
		queued := len(w.queue) > 0 && w.queue[0].at <= at
		if queued {
			at = w.queue[0].at
		}
		if ok && tick <= at && (tick < at || !queued) {
			w.step(tick)
			w.event(Event{Kind: Tick})
			w.mustRest()
			continue
		}
		w.step(at)
		if !queued {
			return
		}
		f := heap.Pop(&w.queue).(flight)
		if f.life == 0 || f.life == w.life && w.up {
			f.do()
		}
		w.check()
	}
}

func (w *world) step(at router.Instant) {
	w.now = max(w.now, at)
	w.check()
}

// mustRest fails when a Tick left something due: a loop that burns a core.
func (w *world) mustRest() {
	if at, ok := w.node.Next(); ok && at <= w.clock().Mono && w.err == nil {
		w.err = fmt.Errorf("at %v a Tick leaves Next due at %v: %+v", w.now, at, w.node)
	}
}

func (w *world) check() {
	users := 0
	for x := router.Primary; x <= router.Secondary; x++ {
		for _, b := range w.ipbx {
			if b.expiry[x] > w.now {
				users++
				break
			}
		}
		for _, b := range w.former {
			if b.expiry[x] > w.now && (b.renamed || w.boundElsewhere(x)) {
				users++
			}
		}
	}
	if users > 1 {
		w.both++
		if w.err == nil {
			w.err = fmt.Errorf("two users bound at %v", w.now)
		}
	}
}

func (w *world) event(e Event) {
	if !w.up {
		return
	}
	w.landed(e)
	twin, base := w.node.Canon(w.clock()), w.node.Base()
	out := w.node.Step(w.clock(), e, nil)
	w.compare(twin, base, e, out)
	w.perform(out)
}

// landed notes that a request has its outcome, or that nobody waits for one.
func (w *world) landed(e Event) {
	switch e.Kind {
	case Boot, LeaseLost, LeaseWon:
		w.flying = [router.Servers][MaxIPBX]uint32{}
	case Answer, TimedOut:
		if n := &w.flying[e.User][e.IPBX]; *n == e.CSeq {
			*n = 0
		}
	}
}

// compare checks what Canon promises: the canonical State does the same.
func (w *world) compare(twin State, base Base, e Event, out []Effect) {
	e.CSeq -= base.CSeq[e.User]
	e.Epoch -= base.Epoch
	if e.Kind == Saved {
		e.Row = base.Row(e.Row)
	}
	if e.Kind == Boot {
		return // a new base
	}
	also := twin.Step(router.Clock{}, e, nil)
	if twin.Canon(router.Clock{}) != w.node.Canon(w.clock()) || len(also) != len(out) {
		w.err = fmt.Errorf("the canonical State went another way on event %d at %v: %s",
			e.Kind, w.now, firstDifference(twin.Canon(router.Clock{}), w.node.Canon(w.clock())))
	}
}

func (w *world) perform(out []Effect) {
	for _, f := range out {
		switch f.Kind {
		case Save:
			w.save(f)
		case Send:
			w.transmit(f)
		case BoundNow:
			w.bounds++
			w.logf("BoundNow %v #%d", f.User, f.Epoch)
		case Alarm:
			w.alarm(f)
		case Reply:
			w.replied(f)
		case Own:
			w.logf("%v %s", f.User, map[bool]string{true: "registers here", false: "is not registered here any more"}[f.On])
		}
	}
}

func onOff(on bool) string {
	if on {
		return "raised"
	}
	return "cleared"
}

// save stores as package control does: one row at a time, the newest next; a
// row whose outcome is unknown is tried again until it is certain, and a row
// that is durable already is not saved again.
func (w *world) save(f Effect) {
	w.newest = f.Row
	w.logf("save %s", rowText(f.Row))
	w.pump()
}

func (w *world) pump() {
	if w.busy || w.newest == w.durable {
		return
	}
	w.busy, w.writing = true, w.newest
	w.write()
}

func (w *world) write() {
	how, wait := w.stores, time.Duration(0)
	if w.rng != nil {
		wait = time.Duration(w.rng.IntN(20)) * time.Millisecond
		switch w.rng.IntN(20) {
		case 0:
			how = "fail"
		case 1:
			how = "unknown"
		}
	}
	w.at(w.now.Add(wait), w.life, func() {
		if how == "ok" || how == "unknown" {
			w.store = w.writing
		}
		switch how {
		case "ok":
			w.busy, w.durable = false, w.writing
			w.event(Event{Kind: Saved, Row: w.writing})
			w.pump()
		case "fail", "unknown":
			w.logf("  save %s", how)
			w.at(w.now.Add(time.Second), w.life, w.write)
			w.event(Event{Kind: SaveUnknown})
		}
	})
}

// transmit performs a Send: transmissions until NotAfter, then TimedOut.
func (w *world) transmit(f Effect) {
	w.sends++
	w.logf("send %s %v@%d cseq %d%s until +%v%s", reqText(f.Request), f.User, f.IPBX, f.CSeq,
		map[bool]string{true: fmt.Sprintf(" expires %v", f.Expires)}[f.Expires > 0], f.NotAfter.Sub(w.now),
		map[bool]string{true: " with credentials"}[f.Authorise]+map[bool]string{true: " with the server's"}[f.Pass && w.signed[f.Ticket]])
	if f.Pass {
		f.Authorise = w.signed[f.Ticket]
	}
	if f.CSeq <= w.cseq[f.User] {
		w.err = fmt.Errorf("CSeq of %v went back to %d", f.User, f.CSeq)
	}
	w.cseq[f.User] = f.CSeq
	if n := w.flying[f.User][f.IPBX]; n != 0 {
		w.err = fmt.Errorf("request %d of %v sent while %d has no outcome (RFC 3261 §10.2)", f.CSeq, f.User, n)
	}
	w.flying[f.User][f.IPBX] = f.CSeq
	if f.Request == Register && !w.store.Possible[f.User][f.IPBX] {
		w.err = fmt.Errorf("REGISTER of %v sent, and the store does not say it is possible", f.User)
	}
	if f.CSeq > w.store.CSeq[f.User] {
		w.err = fmt.Errorf("CSeq %d of %v sent, the store says %d", f.CSeq, f.User, w.store.CSeq[f.User])
	}
	open := true
	gap := 500 * time.Millisecond
	last := min(f.NotAfter, w.now.Add(time.Minute)) // of mutant 3
	for t := w.now; t <= last; t, gap = t.Add(gap), min(2*gap, 4*time.Second) {
		w.at(t, w.life, func() {
			if open && w.clock().High <= f.NotAfter {
				w.travel(func() { w.ipbx[f.IPBX].receive(w, f, &open) })
			}
		})
		if w.rng == nil {
			break // without loss nothing is sent twice
		}
	}
	if f.NotAfter == router.Never {
		return
	}
	w.at(f.NotAfter.Add(1), w.life, func() {
		if open {
			open = false
			w.logf("timeout %s %v@%d", reqText(f.Request), f.User, f.IPBX)
			w.event(Event{Kind: TimedOut, User: f.User, IPBX: f.IPBX, CSeq: f.CSeq})
		}
	})
}

// travel delivers after a delay of at most T4, perhaps never, perhaps twice.
func (w *world) travel(do func()) {
	if w.rng == nil {
		w.at(w.now, 0, do)
		return
	}
	for range 1 + w.rng.IntN(5)/4 {
		if w.rng.Float64() < w.loss {
			continue
		}
		d := time.Duration(w.rng.IntN(20)) * time.Millisecond
		if w.rng.IntN(3) == 0 {
			d = time.Duration(w.rng.Int64N(int64(t4)))
		}
		w.at(w.now.Add(d), 0, do)
	}
}

// crash kills the process; an open Save lands or not.
func (w *world) crash() {
	w.up = false
	w.life++
	if w.rng != nil && w.rng.IntN(2) == 0 && w.busy {
		w.store = w.writing
	}
}

func (w *world) boot() {
	w.life++
	w.up = true
	w.node = New(w.policy, Row{})
	w.busy, w.newest, w.durable = false, w.store, w.store
	w.event(Event{Kind: Boot, Row: w.store})
}

func (w *world) restart(i int, keep bool) {
	if !keep {
		w.ipbx[i].expiry = [router.Servers]router.Instant{}
	}
	w.event(Event{Kind: Restarted, IPBX: uint8(i)})
}

func reqText(r Request) string { return [...]string{"REGISTER", "un-REGISTER", "fetch"}[r] }

var phaseText = [...]string{"IDLE", "BOUND", "DRAIN", "UNREG", "CLAIM", "CONFIRM"}

func rowText(r Row) string {
	t := fmt.Sprintf("%s(%v) #%d", phaseText[r.Phase], r.Holder, r.Epoch)
	if r.Leaving != router.NoServer {
		t = fmt.Sprintf("%s(%v, for %v) #%d", phaseText[r.Phase], r.Leaving, r.Holder, r.Epoch)
	}
	for x := router.Primary; x <= router.Secondary; x++ {
		for i, p := range r.Possible[x] {
			if p {
				t += fmt.Sprintf(" %v@%d?", x, i)
			}
		}
	}
	for i, l := range r.Learnt {
		if l > 0 {
			t += fmt.Sprintf(" grants@%d %v", i, l)
		}
	}
	return t
}

func answerText(e Event) string {
	t := fmt.Sprintf("%d %v@%d", e.Status, e.User, e.IPBX)
	switch {
	case e.Status == 200 && e.Ours:
		t += fmt.Sprintf(" ours %v", e.Granted)
	case e.Status == 200:
		t += " not ours"
	case e.Status == 423:
		t += fmt.Sprintf(" min %v", e.MinExpires)
	case e.Stale:
		t += " stale or first"
	}
	if e.Foreign > 0 {
		t += fmt.Sprintf(" foreign %d", e.Foreign)
	}
	return t
}

func reheap(w *world) { heap.Init(&w.queue) }
