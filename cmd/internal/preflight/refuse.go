package preflight

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"releve/cmd/internal/text"
	"releve/proxy/message"
)

// quiet is the offer of a call that is not to be answered.
func (t *through) quiet() []byte { return offer(t.r.s.addr, "sendrecv") }

// refused has one call refused with status at each presentation.
func (t *through) refused(ctx context.Context, status int, extra ...[]byte) (out tries) {
	out.status = status
	var first, second time.Time
	p := t.present(ctx, t.quiet(), loopLimit, func(in *inbound, nth int) {
		switch nth {
		case 1:
			first = time.Now()
		case 2:
			second = in.invite.at
		}
		if nth >= maxPresented {
			in.refuse(603) // it has shown enough
			return
		}
		in.refuse(status, extra...)
	})
	if p.out != nil {
		p.out.end()
	}
	out.times, out.final = len(p.ins), p.final
	if !second.IsZero() {
		out.after = max(second.Sub(first), 0)
	}
	return out
}

// refusals tries one call per code; the first is 486.
func (t *through) refusals(ctx context.Context, codes ...int) (all []tries) {
	for i, status := range codes {
		n := t.refused(ctx, status)
		if i == 0 {
			if n.times == 0 {
				t.skip(text.WhyNoCall, []ID{text.StudyBusy, text.StudyBusyTwice})
				return nil
			}
			t.r.note(t.f, judgeBusy(n)...)
		}
		if n.times > 0 {
			all = append(all, n)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return all
}

// retryAsked is the Retry-After of the study, seconds.
const retryAsked = 2

// quarantine tries 503 last, for it may keep calls away from us: plain, then with a
// Retry-After, and looks how long none comes.
func (t *through) quarantine(ctx context.Context, all []tries) {
	if len(all) == 0 {
		t.skip(text.WhyNoCall, []ID{text.StudyRefusals, text.StudyRetryAfter})
		return
	}
	if n := t.refused(ctx, 503); n.times > 0 {
		all = append(all, n)
	}
	t.r.note(t.f, judgeRefusals(all))
	t.refused(ctx, 503, lines("Retry-After", number(retryAsked))...)
	start := time.Now()
	for wait := time.Duration(0); ctx.Err() == nil; wait = time.Since(start) {
		if t.refused(ctx, 486).times > 0 {
			t.r.note(t.f, judgeRetryAfter(wait))
			return
		}
		if wait > (retryAsked+2)*time.Second+t.r.plan.Wait {
			t.r.note(t.f, judgeRetryAfter(wait))
			return
		}
		select {
		case <-time.After(250 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	t.r.note(t.f, unseen(text.StudyRetryAfter, text.WhyNoCall))
}

func judgeRetryAfter(wait time.Duration) Finding {
	if wait == 0 {
		return seen(text.StudyRetryAfter, OK)
	}
	return seen(text.StudyRetryAfter, Reservation, "asked", number(retryAsked), "wait", secondsOf(wait))
}

// early answers with a second To tag after a first one rang, as a secondary that
// takes over does.
func (t *through) early(ctx context.Context) {
	var ack *heard
	p := t.present(ctx, t.quiet(), loopLimit, func(in *inbound, nth int) {
		if nth > 1 {
			in.refuse(486)
			return
		}
		reliable := [][]byte{line("Contact", t.r.s.contact(in.invite.flow))}
		if in.invite.head.Require100 {
			reliable = append(reliable, lines("Require", "100rel", "RSeq", "1")...)
		}
		in.trying()
		in.provisional(180, newTag(), reliable...)
		select {
		case <-time.After(ringPause):
		case <-ctx.Done():
		}
		second := newTag()
		in.provisional(180, second, reliable...)
		ack = in.answer(ctx, second, t.quiet(), false)
	})
	if p.out != nil {
		defer p.out.end()
	}
	if len(p.ins) == 0 {
		t.r.note(t.f, unseen(text.StudyEarly, text.WhyNoCall))
		return
	}
	in := p.ins[0]
	defer in.end()
	watch, cancel := within(ctx, 150*time.Millisecond)
	defer cancel()
	_, gone := in.gone(watch)
	if ack == nil || gone || in.d.wait(watch, isMethod(message.BYE)) != nil || p.final >= 300 {
		t.r.note(t.f, seen(text.StudyEarly, Reservation, "status", number(p.final)))
		return
	}
	t.r.note(t.f, seen(text.StudyEarly, OK))
}

// cancelled gives a call up while it rings: both sides must end.
func (t *through) cancelled(ctx context.Context) {
	rang := make(chan *inbound, 1)
	t.r.s.expect(func(in *inbound) {
		in.trying()
		in.provisional(180, "", line("Contact", t.r.s.contact(in.invite.flow)))
		select {
		case rang <- in:
		default:
			in.refuse(486)
		}
	})
	defer t.r.s.expect(nil)
	c := t.r.s.place(ctx, placing{
		uri: withUser(t.r.plan.CallNumber, "sip:"+hostPort(t.f.URI)), from: t.from(), to: t.f.at, sdp: t.quiet(),
		login: t.login, limit: loopLimit, extra: t.supported(),
	})
	defer c.end()
	wait, cancel := within(ctx, cancelLimit)
	defer cancel()
	select {
	case in := <-rang:
		c.wait(wait, isRinging)
		c.cancel()
		final := c.wait(wait, isFinal)
		f := judgeCancel(c.wait(wait, isCancelled), final)
		if _, gone := in.gone(wait); !gone && f.State == OK {
			f = seen(text.StudyCancel, Reservation, "case", "silent")
		}
		t.r.note(t.f, f)
		in.end()
	case <-wait.Done():
		t.r.note(t.f, unseen(text.StudyCancel, text.WhyNoCall))
	}
}

func isCancelled(m *heard) bool { return m.head.Method == message.CANCEL && m.head.Status >= 200 }

// supported is what a call of ours offers, as the IPBX insists.
func (t *through) supported() [][]byte {
	if t.needs.required {
		return lines("Supported", "100rel, timer, replaces")
	}
	return lines("Supported", "timer, replaces")
}

// redirect answers 302 to an address of our own: nobody else is rung.
func (t *through) redirect(ctx context.Context) {
	var followed atomic.Bool
	p := t.present(ctx, t.quiet(), loopLimit, func(in *inbound, nth int) {
		if nth == 1 {
			in.refuse(302, line("Contact", "<"+t.r.s.uri("releve-redirected", in.invite.flow.Network, true)+">"))
			return
		}
		if atHop(in.invite.flow.Listener) {
			followed.Store(true)
		}
		in.refuse(486)
	})
	if p.out != nil {
		p.out.end()
	}
	switch {
	case len(p.ins) == 0:
		t.r.note(t.f, unseen(text.StudyRedirect, text.WhyNoCall))
	case followed.Load() || p.final == 302: // or it hands the 302 to the caller, as a proxy may
		t.r.note(t.f, seen(text.StudyRedirect, OK))
	default:
		t.r.note(t.f, seen(text.StudyRedirect, Info, "final", fmt.Sprint(p.final)))
	}
}

// noAnswer lets a call ring, and then wait without ringing, until the IPBX takes it
// back.
func (t *through) noAnswer(ctx context.Context) {
	if t.r.plan.Wait == 0 {
		t.skip(text.WhyNotAsked, []ID{text.StudyNoAnswer, text.StudyRinging, text.StudyMargin})
		return
	}
	after, taken, came := t.unanswered(ctx, true, t.r.plan.Wait)
	if !came {
		t.skip(text.WhyNoCall, []ID{text.StudyNoAnswer, text.StudyRinging, text.StudyMargin})
		return
	}
	t.r.note(t.f, judgeNoAnswer(after, taken, t.r.plan.Held)...)
	limit := t.r.plan.Wait
	if taken {
		limit = max(after-time.Second, after/2)
	}
	quiet, hurried, came := t.unanswered(ctx, false, limit)
	switch {
	case !came:
		t.r.note(t.f, unseen(text.StudyRinging, text.WhyNoCall))
	case hurried:
		t.r.note(t.f, seen(text.StudyRinging, Reservation, "after", secondsOf(quiet)))
	default:
		t.r.note(t.f, seen(text.StudyRinging, OK, "waited", secondsOf(limit)))
	}
}

// unanswered is one call that nobody answers: when the IPBX took it back, if it did
// within limit.
func (t *through) unanswered(ctx context.Context, ringing bool, limit time.Duration) (after time.Duration, taken, came bool) {
	p := t.present(ctx, t.quiet(), limit+5*time.Second, func(in *inbound, nth int) {
		if nth > 1 {
			in.refuse(486)
			return
		}
		in.trying()
		if ringing {
			extra := [][]byte{line("Contact", t.r.s.contact(in.invite.flow))}
			if in.invite.head.Require100 {
				extra = append(extra, lines("Require", "100rel", "RSeq", "1")...)
			}
			in.provisional(180, "", extra...)
		}
		wait, cancel := within(ctx, limit)
		defer cancel()
		after, taken = in.gone(wait)
		if !taken {
			after = time.Since(in.invite.at)
			in.refuse(486)
		}
	})
	if p.out != nil {
		p.out.end()
	}
	return after, taken, len(p.ins) > 0
}
