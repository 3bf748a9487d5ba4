package licence

import (
	"fmt"
	"time"

	"releve/router"
)

type registrar struct {
	expiry  [router.Servers]router.Instant // of our Contact per user
	cseq    [router.Servers]uint32
	foreign [router.Servers]uint8
	served  map[served]Event // Timer J: duplicates get the same answer

	renamed  bool // what is bound there is a user's that its server no longer has
	silent   bool
	omits    bool          // no bindings in its 2xx
	grant    time.Duration // grants this whatever was asked; 0: as asked
	atLeast  time.Duration // 423 below it
	status   uint16        // answers everything with it; 0: serves
	after    time.Duration // Retry-After with status
	auth     bool          // challenges
	wrong    bool          // and never accepts
	stale    int           // so many answers to a challenge are stale
	full     bool          // refuses a REGISTER for the Contact of a user that has left, until that is removed once more
	unkept   string        // a REGISTER gets 200 and binds nothing: the list has our Contact "removed", or only "others"
	rewrites bool          // our Contact comes back beyond recognition
	member   uint32        // which machine of it answers
	garbles  bool          // a part of its lists cannot be read
	drop     string        // the next request of this name gets lost for good
	mute     string        // the answer to the next request of this name gets lost for good
	copied   uint16        // keeps no transactions: the next REGISTER is granted, the answer lost, and its repeat gets this
	late     time.Duration // keeps no transactions: a copy of the next REGISTER comes so much later; its first one took a repeat
}

type served struct {
	user router.Server
	cseq uint32
}

func (b *registrar) receive(w *world, f Effect, open *bool) {
	name := reqText(f.Request)
	if b.silent || b.drop == name {
		if b.drop == name {
			b.drop = ""
			w.logf("  lost on the way")
		}
		return
	}
	key := served{f.User, f.CSeq}
	e, again := b.served[key]
	if !again {
		e = b.process(w, f)
		b.served[key] = e
	}
	if b.late > 0 && f.Request == Register {
		e.Repeated = true
		w.at(w.now.Add(b.late), 0, func() { b.process(w, f) })
		b.late = 0
	}
	if b.mute == name {
		b.mute = ""
		w.logf("  processed, its answer is lost")
		return
	}
	life := w.life
	w.travel(func() {
		if !w.up || life != w.life {
			return
		}
		first := *open
		*open = false
		if first || w.rng != nil {
			w.logf("answer %s", answerText(e))
			w.event(e)
		}
	})
}

// process is the registrar of RFC 3261 §10.3.
func (b *registrar) process(w *world, f Effect) Event {
	e := Event{Kind: Answer, User: f.User, IPBX: f.IPBX, CSeq: f.CSeq, Status: 200, Member: b.member}
	x := f.User
	bound := b.expiry[x] > w.now
	granted := f.Expires
	if b.grant > 0 {
		granted = b.grant
	}
	switch {
	case b.status > 0:
		e.Status, e.RetryAfter = b.status, b.after
		return e
	case b.auth && !f.Authorise:
		e.Status, e.Usable, e.Stale = 401, true, true
		return e
	case b.auth && (b.wrong || b.stale > 0):
		e.Status, e.Usable, e.Stale = 401, true, b.stale > 0
		b.stale = max(b.stale-1, 0)
		return e
	case f.Request == Register && f.Expires < b.atLeast:
		e.Status, e.MinExpires = 423, b.atLeast
		return e
	case f.Request != Fetch && bound && f.CSeq <= b.cseq[x]:
		e.Status = 500 // out of order: nothing changes, RFC 3261 §10.3(7)
		return e
	case f.Request == Register && b.full && x == router.Secondary:
		e.Status = 403
		return e
	case f.Request == Register && b.unkept != "":
		e.HasList, e.Removed = true, b.unkept == "removed"
		if b.unkept == "others" {
			e.Foreign = 1
		}
		return e
	case f.Request == Register:
		b.expiry[x], b.cseq[x] = w.now.Add(granted), f.CSeq
		if b.copied > 0 {
			e.Status, e.Repeated, e.Usable, b.copied = b.copied, true, true, 0
			return e
		}
	case f.Request == Unregister:
		b.full = b.full && bound
		b.expiry[x] = 0
	}
	e.HasList, e.Foreign = !b.garbles, b.foreign[x]
	if b.rewrites && b.expiry[x] > w.now {
		e.Foreign++
	}
	if e.Ours = b.expiry[x] > w.now && !b.omits && !b.rewrites && !b.garbles; e.Ours {
		e.Granted = b.expiry[x].Sub(w.now)
	}
	return e
}

// firstDifference shows where two States part.
func firstDifference(a, b State) string {
	x, y := fmt.Sprintf("%+v", a), fmt.Sprintf("%+v", b)
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return x[max(0, i-80):min(len(x), i+40)] + " | " + y[i:min(len(y), i+40)]
		}
	}
	return "effects only"
}
