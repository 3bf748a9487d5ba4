package preflight

import (
	"context"
	"strings"
	"time"

	"releve/cmd/internal/text"
	"releve/proxy/message"
)

// answerLimit is how long a call of the study waits for its answer (Plan.Patience); longer than
// overflow.answer_timeout, so that a late one is told from none.
const answerLimit = 12 * time.Second

// ofCall are the findings that a call to a voice server makes.
func ofServerCall() []ID {
	return []ID{
		text.StudyContact, text.StudyRecordRoute, text.StudyReliable, text.StudyUpdate, text.StudySessionTimer,
		text.StudyReinvite, text.StudyCodecs, text.StudyDTMF, text.StudyAudio, text.StudyCancel,
	}
}

// serverLane calls a voice server as the IPBX would.
func (r *run) serverLane(ctx context.Context, f far) {
	skip := func(why text.StudyWhy) {
		for _, id := range ofServerCall() {
			if !r.noted(f, id) {
				r.note(f, unseen(id, why))
			}
		}
	}
	if r.plan.Service == "" {
		r.note(f, unseen(text.StudyTrunk, text.WhyNoService))
		skip(text.WhyNoService)
		return
	}
	line, err := openLine(r.s.addr.Addr())
	if err != nil {
		r.note(f, unseen(text.StudyTrunk, text.WhyLocal))
		skip(text.WhyLocal)
		return
	}
	defer line.close()
	r.called(r.plan.Service)
	c, terms := r.adapt(ctx, f, placing{
		uri: withUser(r.plan.Service, "sip:"+hostPort(f.URI)), from: "sip:releve@" + r.s.addr.String(), to: f.at,
		sdp: offer(line.addr(), "sendrecv"), limit: r.plan.patience(), route: true,
	})
	defer c.end()
	defer func() { r.note(f, excused(f, judgeTrunk(c, f.Subject, r.plan.Service))) }() // a second callee may answer late
	m := c.finalNow()
	if s := m.status(); s < 200 || s >= 300 {
		if s == 415 || s == 488 || s == 606 {
			r.note(f, seen(text.StudyCodecs, NoGo, "case", "refused", "status", number(s)))
		}
		skip(text.WhyNoCall)
		return
	}
	r.clock(f, m)
	t := &talk{r: r, f: f, d: c.d, peer: m, desc: describe(m.body()), line: line}
	t.timer(terms.timer)
	r.note(f, terms.reliable(c))
	t.sound(ctx, false)
	t.keys(ctx, false)
	t.modify(ctx)
	m = t.asked(ctx)
	t.contact(ctx, m)
	r.note(f, t.routed(m))
	c.end()
	r.note(f, r.cancelled(ctx, f, r.plan.Service))
}

// asked waits a little for a request of the far end in the call; nil: none came.
func (t *talk) asked(ctx context.Context) *heard {
	listen, cancel := within(ctx, min(hangLimit+t.r.plan.Wait, 30*time.Second))
	defer cancel()
	return t.d.wait(listen, func(m *heard) bool { return m.head.Method != message.ACK })
}

// routed judges the Route set of who was called: it must give our Record-Route back,
// and what it sends in the call must follow. m: such a request, nil when none came.
func (t *talk) routed(m *heard) Finding {
	for v := range message.Values(t.peer.raw, &t.peer.head, "Record-Route") {
		if t.r.s.isHop(calling)(v) {
			return t.r.followed(m)
		}
	}
	return seen(text.StudyRecordRoute, Reservation, "case", "dropped")
}

func (c *call) finalNow() *heard {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.final
}

// judgeTrunk judges how a call went that shall be answered.
func judgeTrunk(c *call, subject Subject, dialled string) Finding {
	m, sign := c.finalNow(), c.sign()
	took := time.Duration(0)
	if m != nil {
		took = m.at.Sub(c.began)
	}
	f := seen(text.StudyTrunk, OK, "number", dialled, "status", number(sign), "ms", millis(took))
	name := ""
	switch {
	case sign == 0:
		f.State, name = NoGo, "silent"
		delete(f.Values, "status")
	case m == nil, sign == 487:
		f.State, name = Reservation, "rings"
	case sign == 486, sign == 600:
		f.State, name = Reservation, "busy"
	case sign < 400 && sign >= 300:
		f.State, name = Reservation, "redirected"
		f.Values["to"] = printable(string(m.head.ContactURI.Of(m.raw)))
	case (sign == 401 || sign == 407) && subject == Server: // the IPBX may have the password
		f.State, name = Reservation, "auth"
	case sign == 401, sign == 407:
		f.State, name = NoGo, "password"
	case sign >= 300:
		f.State = NoGo
	case took > lateAnswer:
		f.State, name = Reservation, "late"
	case c.callees() > 1:
		f.State, name = Reservation, "early"
	}
	if name != "" {
		f.Values["case"] = name
	}
	return f
}

// callees is how many To tags the provisionals and the final had.
func (c *call) callees() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	tags := map[string]bool{}
	for _, m := range c.got {
		if tag := string(m.head.ToTag.Of(m.raw)); tag != "" && m.head.Status > 100 && m.head.Method == message.INVITE {
			tags[tag] = true
		}
	}
	return len(tags)
}

// terms are what a far end insisted on before it took a call.
type terms struct {
	required bool // 100rel
	timer    timer
}

// sessionAsked is the Session-Expires that a call of ours offers.
const sessionAsked = "1800"

// adapt places a call and waits for its final. What the far end insists on (421
// 100rel, 422 a longer session) is noted and given, once each.
func (r *run) adapt(ctx context.Context, f far, q placing) (*call, terms) {
	var t terms
	timed := lines("Session-Expires", sessionAsked, "Min-SE", "90")
	supported := "timer, replaces"
	own := q.extra
	for range 3 {
		q.extra = append(append(append([][]byte{}, own...), timed...), lines("Supported", supported)...)
		c := r.s.place(ctx, q)
		m := c.finished(ctx)
		switch {
		case m.status() == 422 && timed != nil:
			t.timer = timer{status: 422, min: atoi(m.get("Min-SE"))}
			timed = nil
		case (m.status() == 421 || m.status() == 420 && m.lists("Unsupported", "timer")) && !t.required:
			t.required = m.status() == 421
			supported = "100rel, timer, replaces"
		default:
			return c, t
		}
		c.end()
	}
	return r.s.place(ctx, q), t
}

// silentLimit is how long a far end may say nothing at all to an INVITE.
const silentLimit = 3 * time.Second

// finished waits for the final of the call; nil: none came, or nothing at all for
// silentLimit.
func (c *call) finished(ctx context.Context) *heard {
	first, cancel := within(ctx, silentLimit)
	any := c.wait(first, func(*heard) bool { return true })
	cancel()
	if any == nil {
		return nil
	}
	rest, cancel := within(ctx, c.q.limit+t1)
	defer cancel()
	return c.wait(rest, isFinal)
}

func atoi(s string) (n int) {
	s, _, _ = strings.Cut(s, ";")
	for _, c := range strings.TrimSpace(s) {
		if c < '0' || c > '9' || n > 1<<30 {
			return n
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// reliable judges what a called far end does with 100rel.
func (t terms) reliable(c *call) Finding {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.got {
		if m.head.RSeq && !t.required {
			return seen(text.StudyReliable, Reservation, "case", "unasked")
		}
	}
	for _, a := range c.pracked {
		if s := a.final.status(); s < 200 || s >= 300 {
			return seen(text.StudyReliable, Reservation, "case", "prack", "status", number(s))
		}
	}
	if t.required {
		return seen(text.StudyReliable, Reservation, "case", "required")
	}
	return seen(text.StudyReliable, OK, "case", "unused")
}

// cancelLimit bounds the call that is given up.
const cancelLimit = 2 * time.Second

// cancelled places a call and gives it up with the first provisional.
func (r *run) cancelled(ctx context.Context, f far, user string) Finding {
	c := r.s.place(ctx, placing{
		uri: withUser(user, "sip:"+hostPort(f.URI)), from: "sip:releve@" + r.s.addr.String(), to: f.at,
		sdp: offer(r.s.addr, "sendrecv"), limit: cancelLimit,
	})
	defer c.end()
	wait, cancel := within(ctx, cancelLimit)
	defer cancel()
	c.cancel() // goes out with the first provisional
	return judgeCancel(c.wait(wait, func(m *heard) bool { return m.head.Method == message.CANCEL && m.head.Status >= 200 }), c.wait(wait, isFinal))
}

// judgeCancel: the CANCEL gets its 200 and the call its 487; a call that was
// answered before it is no fault.
func judgeCancel(cancel, final *heard) Finding {
	switch s := final.status(); {
	case s == 0:
		return seen(text.StudyCancel, Reservation, "case", "silent")
	case s == 487:
		return seen(text.StudyCancel, OK, "status", number(cancel.status()))
	case s >= 200 && s < 300, cancel == nil:
		return unseen(text.StudyCancel, text.WhyTooSoon)
	default:
		return seen(text.StudyCancel, Reservation, "status", number(s))
	}
}
