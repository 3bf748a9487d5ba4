package interop

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// service is the number of the attendant, as a phone dials it.
const service = "sip:5000@ipbx.test"

// play is what a cell does.
type play func(ctx context.Context, w *World) error

// standard is how each action is played unless a row says otherwise. The actor
// is the row's program; the far end is the party that it talks to through Relève.
func standard() map[Action]play {
	return map[Action]play{
		Register: registers, CallIn: callIn, CallOut: callOut, Hold: holds,
		Blind: blind, Attended: attended, Cancel: cancels, Switchover: switchover,
	}
}

// actor and far are the row's program and the one at the other end.
func (w *World) actor() agent {
	if w.row.role == server {
		return w.primary
	}
	return w.phone
}

func (w *World) far() agent {
	if w.row.role == server {
		return w.phone
	}
	return w.primary
}

// dials what a program in the seat of a server dials.
func (w *World) desk(user string) string {
	return "sip:" + user + "@" + w.net.addr(hostReleve).String()
}

// registers: the server's own REGISTER is answered by Relève and stays there:
// the registrar sees no more than the one licensed user.
func registers(ctx context.Context, w *World) error {
	ctx, cancel := context.WithTimeout(ctx, eventLimit)
	defer cancel()
	for {
		l, err := w.hop.licence(ctx)
		if err != nil {
			return err
		}
		for _, own := range l.Own {
			if own.Role == "primary" && own.Granted > 0 {
				return w.ipbx.bound(ctx, "5001", w.own("5001"))
			}
		}
		if !pause(ctx, interval) {
			return fmt.Errorf("relève granted the primary's own REGISTER nothing: %+v", l.Own)
		}
	}
}

// up dials and waits until both ends say that they talk.
func up(ctx context.Context, w *World, from, to agent, number string) error {
	s := w.now()
	if err := from.dial(number); err != nil {
		return err
	}
	return errors.Join(s.saw(ctx, to, established), s.saw(ctx, from, established))
}

// down hangs up at one end and waits until both say that the call is over.
func down(ctx context.Context, w *World, from, to agent) error {
	s := w.now()
	if err := from.hangup(); err != nil {
		return err
	}
	return errors.Join(s.saw(ctx, to, ended), s.saw(ctx, from, ended))
}

// callIn: answered by the primary; ended once by each end.
func callIn(ctx context.Context, w *World) error {
	want := []string{"in answered primary 200 caller"}
	if err := errors.Join(up(ctx, w, w.phone, w.primary, service), w.live(ctx, 1), down(ctx, w, w.phone, w.primary)); err != nil {
		return err
	}
	if !w.cast.primary.mute {
		want = append(want, "in answered primary 200 callee")
		if err := errors.Join(up(ctx, w, w.phone, w.primary, service), down(ctx, w, w.primary, w.phone)); err != nil {
			return err
		}
	}
	return w.settled(ctx, want...)
}

func callOut(ctx context.Context, w *World) error {
	if err := errors.Join(up(ctx, w, w.primary, w.phone, w.desk("1001")), w.live(ctx, 1), down(ctx, w, w.primary, w.phone)); err != nil {
		return err
	}
	return w.settled(ctx, "out answered primary 200 caller")
}

// holds: a re-INVITE that holds and one that resumes, both seen at the far end.
func holds(ctx context.Context, w *World) error {
	holder, far := w.actor(), w.far()
	if w.row.passive {
		holder, far = far, holder
	}
	if err := up(ctx, w, w.phone, w.primary, service); err != nil {
		return err
	}
	for _, act := range []struct {
		do        func() error
		own, seen event
	}{{holder.hold, holding, held}, {holder.resume, resuming, resumed}} {
		s := w.now()
		if err := act.do(); err != nil {
			return err
		}
		if err := s.saw(ctx, holder, act.own); err != nil {
			return err
		}
		if far.says(act.seen) != nil {
			if err := s.saw(ctx, far, act.seen); err != nil {
				return err
			}
		}
	}
	if err := errors.Join(w.live(ctx, 1), down(ctx, w, w.phone, w.primary)); err != nil {
		return err
	}
	return w.settled(ctx, "in answered primary 200 caller")
}

// blind: the actor sends the far end to 1002. A phone sends the voice server,
// whose new call goes out through Relève; a voice server sends the caller.
func blind(ctx context.Context, w *World) error {
	if err := up(ctx, w, w.phone, w.primary, service); err != nil {
		return err
	}
	s := w.now()
	if err := w.actor().transfer("sip:1002@ipbx.test"); err != nil {
		return err
	}
	if err := errors.Join(s.saw(ctx, w.other, established), s.saw(ctx, w.far(), established)); err != nil {
		return err
	}
	if !w.row.crossing {
		if err := s.saw(ctx, w.actor(), transferred); err != nil {
			return err
		}
	}
	_ = w.actor().hangup() // some programs hang up by themselves after the NOTIFY; others leave it to the user
	if err := errors.Join(s.saw(ctx, w.actor(), ended), s.saw(ctx, w.far(), ended)); err != nil {
		return err
	}
	want := []string{"in answered primary 200"}
	if w.row.role != server {
		want = append(want, "out answered primary 200")
		if err := w.live(ctx, 1); err != nil {
			return err
		}
	}
	if err := down(ctx, w, w.other, w.far()); err != nil {
		return err
	}
	return w.settled(ctx, want...)
}

// attended: a second call, then REFER with Replaces. A voice server talks to the
// caller, consults 1002 through Relève and joins the two. A phone talks to 1002,
// consults the voice server and joins them: the INVITE with Replaces comes back
// through Relève and must reach the server that has the dialog.
func attended(ctx context.Context, w *World) error {
	third, want := w.other, []string{"in answered primary 200", "out answered primary 200"}
	kept := w.phone // who is put on hold meanwhile
	first, second := service, w.desk("1002")
	left := w.phone // who talks to third in the end
	if w.row.role != server {
		first, second, left, kept = "sip:1002@ipbx.test", service, w.other, w.other
		third = w.primary
		want = []string{"in answered primary 200", "in answered primary 200"}
	}
	var err error
	if w.row.role != server {
		err = up(ctx, w, w.phone, w.other, first)
	} else {
		err = up(ctx, w, w.phone, w.primary, first)
	}
	if err != nil {
		return err
	}
	s := w.now()
	if err := w.actor().consult(second); err != nil {
		return err
	}
	if err := errors.Join(s.saw(ctx, third, established), s.saw(ctx, w.actor(), established), s.onHold(ctx, w.actor(), kept)); err != nil {
		return err
	}
	s = w.now()
	if err := w.actor().complete(); err != nil {
		return err
	}
	if err := errors.Join(s.saw(ctx, left, established), s.saw(ctx, third, established), s.saw(ctx, w.actor(), ended)); err != nil {
		return err
	}
	if err := down(ctx, w, left, third); err != nil {
		return err
	}
	_ = w.actor().hangup() // a leg that the program left to its user
	return w.settled(ctx, want...)
}

// cancels: the actor gives up while the far end rings.
func cancels(ctx context.Context, w *World) error {
	number, want := service, "in cancelled"
	if w.row.role == server {
		number, want = w.desk("1001"), "out cancelled"
	}
	if err := w.far().auto(false); err != nil {
		return err
	}
	s := w.now()
	if err := w.actor().dial(number); err != nil {
		return err
	}
	if err := errors.Join(s.saw(ctx, w.far(), incoming), s.saw(ctx, w.actor(), ringing)); err != nil {
		return err
	}
	if err := w.actor().hangup(); err != nil {
		return err
	}
	if err := errors.Join(s.saw(ctx, w.far(), ended), s.saw(ctx, w.actor(), ended), s.never(w.far(), established)); err != nil {
		return err
	}
	if err := w.far().auto(true); err != nil {
		return err
	}
	return w.settled(ctx, want)
}

// switchover: the primary is killed; the next caller is held, then served by the
// secondary, and the licence has moved without the two users ever being bound
// together.
func switchover(ctx context.Context, w *World) error {
	watched, stop := context.WithCancel(ctx)
	defer stop()
	overlap := make(chan error, 1)
	go func() { overlap <- w.watch(watched) }()
	w.primary.self().kill()
	s := w.now()
	if err := w.phone.dial(service); err != nil {
		return err
	}
	if err := errors.Join(s.within(ctx, 15*time.Second, w.secondary, established), s.saw(ctx, w.phone, established)); err != nil {
		return err
	}
	if err := down(ctx, w, w.phone, w.secondary); err != nil {
		return err
	}
	if err := w.settled(ctx, "in answered secondary 200 caller"); err != nil {
		return err
	}
	stop()
	return errors.Join(<-overlap, w.moved(ctx))
}

// watch looks at ul.dump until it is stopped: never two users.
func (w *World) watch(ctx context.Context) error {
	looks := 0
	for {
		b, err := w.ipbx.bindings(ctx)
		if ctx.Err() != nil {
			if looks < 10 {
				return fmt.Errorf("ul.dump was read %d times only", looks)
			}
			return nil
		}
		if err != nil {
			return err
		}
		if looks++; len(b["5001"]) > 0 && len(b["5002"]) > 0 {
			return fmt.Errorf("both users are bound: %v", b)
		}
		if !pause(ctx, 10*time.Millisecond) {
			continue
		}
	}
}

// moved checks that the licence is the secondary's, in Relève's words and in the
// registrar's.
func (w *World) moved(ctx context.Context) error {
	if err := w.hop.until(ctx, 5*time.Second, "bound again", func(s state) bool { return s.Registration.Phase == "bound" }); err != nil {
		return err
	}
	s, err := w.hop.status(ctx)
	if err != nil {
		return err
	}
	l, err := w.hop.licence(ctx)
	if err != nil {
		return err
	}
	if s.Active != "secondary" || s.Counters.Switchovers != 1 || l.Holder != "secondary" || l.Phase != "bound" || s.Counters.Lost != 0 {
		return fmt.Errorf("after the switchover: %+v, licence %+v", s, l)
	}
	ctx, cancel := context.WithTimeout(ctx, eventLimit)
	defer cancel()
	return errors.Join(
		w.ipbx.bound(ctx, "5001"),
		w.ipbx.bound(ctx, "5002", w.own("5002")),
		w.ipbx.overlapped(),
	)
}
