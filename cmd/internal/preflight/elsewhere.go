package preflight

import (
	"context"
	"slices"

	"releve/cmd/internal/text"
	"releve/proxy/message"
)

// ringing is what an IPBX did with our 180 (RFC 3262).
type ringing struct {
	must, can bool // its INVITE required, or supported, 100rel
	pracked   bool
}

// ring rings, reliably where the INVITE lets us.
func (t *through) ring(ctx context.Context, in *inbound) (rang ringing) {
	in.trying()
	rang.must, rang.can = in.invite.head.Require100, in.invite.lists("Supported", "100rel")
	if !rang.must && !rang.can {
		in.provisional(180, "")
		return rang
	}
	in.provisional(180, "", lines("Require", "100rel", "RSeq", "1", "Contact", t.r.s.contact(in.invite.flow))...)
	wait, cancel := within(ctx, prackLimit)
	defer cancel()
	rang.pracked = in.d.wait(wait, isMethod(message.PRACK)) != nil
	return rang
}

// judge: insisted says that the IPBX took our own call with 100rel alone.
func (rang ringing) judge(insisted bool) Finding {
	switch {
	case (rang.must || rang.can) && !rang.pracked:
		return seen(text.StudyReliable, Reservation, "case", "no-prack")
	case rang.must || insisted:
		return seen(text.StudyReliable, Reservation, "case", "required")
	case rang.can:
		return seen(text.StudyReliable, OK)
	}
	return seen(text.StudyReliable, OK, "case", "unused")
}

// elsewhere: the number leads to somebody else, or nowhere. Who answered is talked to
// all the same: it is a call with this IPBX.
func (t *through) elsewhere(ctx context.Context, p passed, ours *rtpLine) {
	back := seen(text.StudyRouteBack, NoGo, "number", t.r.plan.CallNumber)
	if err := t.r.wentOff(t.f); err != nil {
		back.Values["case"], back.Values["said"] = "tls", printable(saidBy(err))
	}
	t.r.note(t.f, back)
	ids := slices.DeleteFunc(ofLoop(), func(id ID) bool { return id == text.StudyRouteBack || slices.Contains(ofRefusals(), id) })
	if p.out == nil || p.final < 200 || p.final >= 300 {
		t.skip(text.WhyNoCall, ids)
		return
	}
	m := p.out.finalNow()
	k := &talk{r: t.r, f: t.f, d: p.out.d, peer: m, desc: describe(m.body()), line: ours}
	k.timer(t.needs.timer)
	t.r.note(t.f, t.needs.reliable(p.out))
	k.sound(ctx, true)
	k.keys(ctx, false)
	k.modify(ctx)
	m = k.asked(ctx)
	k.contact(ctx, m)
	t.r.note(t.f, k.routed(m))
	t.skip(text.WhyNoCall, []ID{text.StudyTransfer, text.StudyReferRefused})
}
