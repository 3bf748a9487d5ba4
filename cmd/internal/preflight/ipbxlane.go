package preflight

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"releve/cmd/internal/text"
	"releve/proxy/message"
)

// Bounds of the calls through the IPBX, our choice.
const (
	loopLimit    = 6 * time.Second // a call that shall come back, to its final
	maxPresented = 6               // presentations of one call; then the caller gives up
	byHandSettle = 4 * time.Second // after a refusal, for a call placed by hand
	prackLimit   = 1200 * time.Millisecond
	ringPause    = 50 * time.Millisecond // between two early dialogs
)

// through is the way calls go through one IPBX: dialled by us, or by somebody. Its
// probes run one after the other: what comes meanwhile is the one call.
type through struct {
	r     *run
	f     far
	login *login // of the registered user; nil: none
	needs terms  // what the IPBX insisted on
	back  bool   // the number leads here

	// Calls placed by hand: somebody is told to call, once one is expected.
	hand   func(text.StudyPrompt) // nil: we call
	prompt text.StudyPrompt
}

// passed is how one call through the IPBX went.
type passed struct {
	out   *call // nil: placed by hand
	ins   []*inbound
	final int // of out; 0: none
}

// ipbxLane registers, calls, and takes everything back.
func (r *run) ipbxLane(ctx context.Context, f far) {
	book := r.register(ctx, f)
	t := &through{r: r, f: f, login: book.login()}
	switch {
	case r.plan.CallNumber != "":
		t.calls(ctx)
	case r.plan.Operator > 0:
		t.byHand(ctx)
	default:
		t.skip(text.WhyNoNumber, ofLoop())
		r.note(f, unseen(text.StudyTrunk, text.WhyNoNumber))
	}
	book.probe(ctx)
	book.secondary(ctx, t)
}

// ofLoop are the findings that calls through the IPBX make.
func ofLoop() []ID {
	return append([]ID{
		text.StudyRouteBack, text.StudyContact, text.StudyRecordRoute, text.StudyReliable, text.StudyUpdate,
		text.StudySessionTimer, text.StudyReinvite, text.StudyCodecs, text.StudyDTMF, text.StudyAudio, text.StudyTransfer,
		text.StudyReferRefused,
	}, ofRefusals()...)
}

// ofRefusals are those of calls that are not answered.
func ofRefusals() []ID {
	return []ID{
		text.StudyEarly, text.StudyCancel, text.StudyBusy, text.StudyBusyTwice, text.StudyRefusals, text.StudyRetryAfter,
		text.StudyRedirect, text.StudyRinging, text.StudyNoAnswer, text.StudyMargin,
	}
}

func (t *through) skip(why text.StudyWhy, ids []ID) {
	for _, id := range ids {
		t.r.note(t.f, unseen(id, why))
	}
}

// calls are the probes of a number that leads back here.
func (t *through) calls(ctx context.Context) {
	t.r.called(t.r.plan.CallNumber)
	if !t.answered(ctx) {
		t.skip(text.WhyNoCall, ofRefusals())
		return
	}
	t.early(ctx)
	t.cancelled(ctx)
	all := t.refusals(ctx, 486, 480, 600, 603, 404, 500)
	t.redirect(ctx)
	t.noAnswer(ctx)
	t.quarantine(ctx, all)
}

// byHand are the probes of two calls that somebody places.
func (t *through) byHand(ctx context.Context) {
	t.hand, t.prompt = t.r.plan.Tell, text.CallNow
	if t.hand == nil {
		t.hand = func(text.StudyPrompt) {}
	}
	t.r.note(t.f, unseen(text.StudyTrunk, text.WhyByHand))
	if !t.answered(ctx) {
		t.skip(text.WhyNoCall, ofRefusals())
		return
	}
	t.prompt = text.CallAgain
	t.r.note(t.f, judgeBusy(t.refused(ctx, 486))...)
	t.skip(text.WhyByHand, slices.DeleteFunc(ofRefusals(), func(id ID) bool { return id == text.StudyBusy || id == text.StudyBusyTwice }))
}

// stage gathers the presentations of one call while scripts treat them.
type stage struct {
	mu      sync.Mutex // guards what follows
	ins     []*inbound
	active  int  // scripts that run
	over    bool // later ones are refused
	changed chan struct{}
}

// enter counts a presentation; false: the call is over.
func (s *stage) enter(in *inbound) (nth int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return 0, false
	}
	s.ins = append(s.ins, in)
	s.active++
	s.wake()
	return len(s.ins), true
}

func (s *stage) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active--
	s.wake()
}

// wake tells who waits; mu is held.
func (s *stage) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// settle waits until no script runs, and least presentations came.
func (s *stage) settle(ctx context.Context, least int) bool {
	for {
		s.mu.Lock()
		done, changed := s.active == 0 && len(s.ins) >= least, s.changed
		s.mu.Unlock()
		if done {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

func (s *stage) close() []*inbound {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	return s.ins
}

// present makes one call come here and has script treat each presentation (from 1).
// It returns when the caller has its final, and the scripts are done.
func (t *through) present(ctx context.Context, sdp []byte, limit time.Duration, script func(in *inbound, nth int)) (p passed) {
	s := &stage{changed: make(chan struct{})}
	t.r.s.expect(func(in *inbound) {
		nth, ok := s.enter(in)
		if !ok {
			in.refuse(486)
			return
		}
		defer s.leave()
		script(in, nth)
	})
	defer t.r.s.expect(nil)
	if t.hand != nil {
		t.hand(t.prompt)
		t.await(ctx, s)
	} else {
		p.out = t.dial(ctx, sdp, limit)
		p.final = p.out.finalNow().status()
		s.settle(ctx, 0)
	}
	p.ins = s.close()
	s.settle(context.Background(), 0) // each script ends by itself, or with ctx
	return p
}

// await waits for a call placed by hand; once it was refused, for its being presented
// again, too.
func (t *through) await(ctx context.Context, s *stage) {
	wait, cancel := within(ctx, t.r.plan.Operator)
	defer func() { cancel() }()
	for n := 1; s.settle(wait, n) && s.refused(); n++ {
		cancel()
		wait, cancel = within(ctx, byHandSettle)
	}
}

// refused says that the latest presentation was not answered.
func (s *stage) refused() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.ins[len(s.ins)-1]
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.final >= 300
}

// dial places the call and waits for its final.
func (t *through) dial(ctx context.Context, sdp []byte, limit time.Duration) *call {
	c, needs := t.r.adapt(ctx, t.f, placing{
		uri: withUser(t.r.plan.CallNumber, "sip:"+hostPort(t.f.URI)), from: t.from(), to: t.f.at, sdp: sdp,
		login: t.login, limit: limit, route: true,
	})
	if needs.required || needs.timer.status != 0 {
		t.needs = needs
	}
	return c
}

// from is who calls: the registered user, or us.
func (t *through) from() string {
	if t.login != nil {
		return t.login.user.AOR
	}
	return "sip:releve@" + t.r.s.addr.String()
}

// answered is the call that is answered: what it shows is most of the study. false:
// nothing came back.
func (t *through) answered(ctx context.Context) bool {
	ours, err := openLine(t.r.s.addr.Addr())
	if err != nil {
		t.skip(text.WhyLocal, ofLoop())
		return false
	}
	defer ours.close()
	theirs, err := openLine(t.r.s.addr.Addr())
	if err != nil {
		t.skip(text.WhyLocal, ofLoop())
		return false
	}
	defer theirs.close()
	var ack *heard
	var rang ringing
	p := t.present(ctx, offer(ours.addr(), "sendrecv"), t.r.plan.patience(), func(in *inbound, nth int) {
		if nth > 1 { // forked, or presented again
			in.refuse(486)
			return
		}
		rang = t.ring(ctx, in)
		ack = in.answer(ctx, "", offer(theirs.addr(), "sendrecv"), true, sessionAnswer(in.invite)...)
	})
	if p.out != nil {
		defer p.out.end()
		t.r.note(t.f, judgeTrunk(p.out, t.f.Subject, t.r.plan.CallNumber))
		t.r.clock(t.f, p.out.finalNow())
	}
	if len(p.ins) == 0 {
		t.elsewhere(ctx, p, ours)
		return false
	}
	t.back = true
	in := p.ins[0]
	defer in.end()
	t.r.note(t.f, seen(text.StudyRouteBack, OK, "number", cmp.Or(t.r.plan.CallNumber, userOf(uriOf(in.invite.rawValue("To")))), "uri", string(in.invite.head.URI.Of(in.invite.raw))))
	t.r.note(t.f, rang.judge(t.needs.required))
	t.both(ctx, p, in, ack, ours, theirs)
	return true
}

// both tries in the call what either side can.
func (t *through) both(ctx context.Context, p passed, in *inbound, ack *heard, ours, theirs *rtpLine) {
	desc := describe(in.invite.body())
	if !desc.found && ack != nil { // it offers nothing: its answer is in the ACK
		desc = describe(ack.body())
	}
	k := &talk{r: t.r, f: t.f, d: in.d, peer: in.invite, desc: desc, line: theirs}
	relayed := t.relayed(p, in)
	if relayed {
		t.r.note(t.f, seen(text.StudyContact, Info, "case", "ours", "contact", string(in.invite.head.ContactURI.Of(in.invite.raw))))
		t.skip(text.WhyRelayed, ofEnds())
	} else {
		k.contact(ctx, ack)
		k.timer(t.needs.timer)
	}
	t.r.note(t.f, t.routed(p, ack))
	if p.out != nil {
		if m := p.out.finalNow(); m != nil && m.status() < 300 {
			if d := describe(m.body()); len(d.laws) > 0 {
				ours.speak(d.to, d.laws[0], true)
			}
		}
	}
	k.sound(ctx, true)
	k.modify(ctx)
	if !relayed {
		k.keys(ctx, true)
		k.transfers(ctx)
	}
	in.d.bye(ctx)
}

// ofEnds are the findings that speak of the far end of a call.
func ofEnds() []ID {
	return []ID{text.StudySessionTimer, text.StudyCodecs, text.StudyDTMF, text.StudyTransfer, text.StudyReferRefused}
}

// relayed says that the IPBX only passed our own call on, as a proxy does: what its
// telephones can is not seen then.
func (t *through) relayed(p passed, in *inbound) bool {
	if p.out == nil || in.d.callID != p.out.d.callID {
		return false
	}
	return hostPort(string(in.invite.head.ContactURI.Of(in.invite.raw))) == hostPort(t.r.s.contact(p.out.q.to))
}

// routed judges both sides of the Route set: the ACK that follows ours, and the 2xx
// that gives the caller's hop back.
func (t *through) routed(p passed, ack *heard) Finding {
	f := t.r.followed(ack)
	if f.State != OK || p.out == nil {
		return f
	}
	m := p.out.finalNow()
	if m == nil {
		return f
	}
	for v := range message.Values(m.raw, &m.head, "Record-Route") {
		if t.r.s.isHop(calling)(v) {
			return f
		}
	}
	return seen(text.StudyRecordRoute, Reservation, "case", "dropped")
}

// sessionAnswer takes a session timer that was offered, the caller refreshes.
func sessionAnswer(m *heard) [][]byte {
	v, _, _ := strings.Cut(m.get("Session-Expires"), ";")
	if v == "" || !m.lists("Supported", "timer") {
		return nil
	}
	return lines("Session-Expires", v+";refresher=uac", "Require", "timer")
}
