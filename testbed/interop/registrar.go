package interop

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// Alarms that registrations raise (package health/alarm).
const (
	bindingRefused = 1012
	foreignBinding = 1013
)

func (s state) alarmed(number int) bool {
	for _, a := range s.Alarms {
		if a.Number == number {
			return true
		}
	}
	return false
}

// rogue registers a user with a contact that is not ours, with the right
// password, as a server that was left active would: sipsak, expires seconds.
func (w *World) rogue(ctx context.Context, user string, expires int) (said string, err error) {
	contact := uri(user, w.net.at(hostRogue), "udp")
	cmd := exec.CommandContext(ctx, "sipsak", "-U", "-C", contact, "-x", fmt.Sprint(expires), "-u", user, "-a", "secret"+user,
		"-s", uri(user, w.net.at(hostIPBX), "udp"), "-i", "-vvv")
	raw, err := cmd.CombinedOutput()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		return "", fmt.Errorf("sipsak: %w; install it with testbed/install.sh", err)
	}
	return string(raw), nil
}

// own is the contact that Relève registers for a user.
func (w *World) own(user string) string { return uri(user, w.net.at(hostReleve), w.row.trunk) }

// within bounds a wait at the registrar.
func within(ctx context.Context, limit time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return f(ctx)
}

// replaced: the registrar keeps the newest contact. A foreign one evicts ours;
// the next refresh takes the place back.
func replaced(ctx context.Context, w *World) error {
	if err := within(ctx, eventLimit, func(ctx context.Context) error { return w.ipbx.bound(ctx, "5001", w.own("5001")) }); err != nil {
		return err
	}
	if said, err := w.rogue(ctx, "5001", 60); err != nil || !strings.Contains(said, "200 OK") {
		return fmt.Errorf("the foreign REGISTER was not granted: %w\n%s", err, said)
	}
	if err := within(ctx, eventLimit, func(ctx context.Context) error {
		return w.ipbx.bound(ctx, "5001", uri("5001", w.net.at(hostRogue), "udp"))
	}); err != nil {
		return err
	}
	return errors.Join(
		within(ctx, 2*eventLimit, func(ctx context.Context) error { return w.ipbx.bound(ctx, "5001", w.own("5001")) }),
		w.ipbx.overlapped(),
	)
}

// several: the registrar keeps both. Relève says so, and stops saying it when
// the foreign one is gone.
func several(ctx context.Context, w *World) error {
	if said, err := w.rogue(ctx, "5001", 10); err != nil || !strings.Contains(said, "200 OK") {
		return fmt.Errorf("the foreign REGISTER was not granted: %w\n%s", err, said)
	}
	if err := within(ctx, eventLimit, func(ctx context.Context) error {
		return w.ipbx.bound(ctx, "5001", w.own("5001"), uri("5001", w.net.at(hostRogue), "udp"))
	}); err != nil {
		return err
	}
	if err := w.hop.until(ctx, 2*eventLimit, "the foreign binding is an alarm", func(s state) bool { return s.alarmed(foreignBinding) }); err != nil {
		return err
	}
	l, err := w.hop.licence(ctx)
	if err != nil {
		return err
	}
	if len(l.Bindings) == 0 || !l.Bindings[0].Foreign || len(l.Bindings[0].Contacts) == 0 {
		return fmt.Errorf("releve licence does not name the foreign contact: %+v", l)
	}
	return w.hop.until(ctx, 20*time.Second, "the alarm ends with the foreign binding", func(s state) bool {
		return !s.alarmed(foreignBinding) && s.Registration.Phase == "bound"
	})
}

// rejects: the registrar refuses a second contact, and the second user while the
// first is bound. Ours stays, and nothing alarms.
func rejects(ctx context.Context, w *World) error {
	for _, user := range []string{"5001", "5002"} {
		s := w.ipbx.said.mark()
		said, err := w.rogue(ctx, user, 60)
		if err != nil {
			return err
		}
		if !strings.Contains(w.ipbx.said.since(s), "FULL "+user+" refused") {
			return fmt.Errorf("the registrar did not refuse the foreign contact of %s\n%s", user, said)
		}
	}
	if err := within(ctx, eventLimit, func(ctx context.Context) error {
		return errors.Join(w.ipbx.bound(ctx, "5001", w.own("5001")), w.ipbx.bound(ctx, "5002"))
	}); err != nil {
		return err
	}
	s, err := w.hop.status(ctx)
	if err != nil {
		return err
	}
	if len(s.Alarms) != 0 || s.Registration.Phase != "bound" {
		return fmt.Errorf("a refused stranger changed us: %+v", s)
	}
	return nil
}

// movesUnderReject is the switchover at a registrar that would refuse the
// secondary's user while the primary's is bound: it never had to.
func movesUnderReject(ctx context.Context, w *World) error {
	mark := w.ipbx.said.mark()
	if err := switchover(ctx, w); err != nil {
		return err
	}
	if strings.Contains(w.ipbx.said.since(mark), "FULL ") {
		return fmt.Errorf("the secondary's REGISTER came before the primary's had ended")
	}
	return nil
}

// stale: each REGISTER meets a nonce that has gone stale, through two refreshes
// at least; the binding never ends and nothing alarms.
func stale(ctx context.Context, w *World) error {
	mark := w.ipbx.said.mark()
	deadline := time.Now().Add(25 * time.Second)
	for strings.Count(w.ipbx.said.since(mark), "STALE 5001") < 2 {
		if time.Now().After(deadline) {
			return fmt.Errorf("fewer than two refreshes met a stale nonce")
		}
		b, err := w.ipbx.bindings(ctx)
		if err != nil {
			return err
		}
		if len(b["5001"]) != 1 {
			return fmt.Errorf("the binding ended at a stale nonce: %v", b)
		}
		if !pause(ctx, interval) {
			return ctx.Err()
		}
	}
	s, err := w.hop.status(ctx)
	if err == nil && (len(s.Alarms) != 0 || s.Registration.Phase != "bound") {
		err = fmt.Errorf("after stale nonces: %+v", s)
	}
	return err
}

// brief: the registrar wants 40 s where the file asks for 30 (423, Min-Expires).
func brief(ctx context.Context, w *World) error {
	if err := within(ctx, eventLimit, func(ctx context.Context) error { return w.ipbx.bound(ctx, "5001", w.own("5001")) }); err != nil {
		return err
	}
	if !strings.Contains(w.ipbx.said.since(0), "BOUND 5001=1 5002=0 after 5001 expires=40") {
		return fmt.Errorf("5001 is bound, but not for the 40 s that the registrar asked for")
	}
	return nil
}

// faulty is a registrar that refuses from the start: Relève is not bound and
// says so, does not hammer, and is bound soon after the fault ends.
func faulty(fault string, alarms bool) play {
	return func(ctx context.Context, w *World) error {
		mark := w.ipbx.said.mark()
		if !pause(ctx, 4*time.Second) {
			return ctx.Err()
		}
		if n := strings.Count(w.ipbx.said.since(mark), "contact=<sip:5001@"); n > 12 {
			return fmt.Errorf("%d REGISTERs in 4 s under fault %s", n, fault)
		}
		s, err := w.hop.status(ctx)
		if err != nil {
			return err
		}
		if s.Registration.Phase == "bound" || s.alarmed(bindingRefused) != alarms {
			return fmt.Errorf("under fault %s: registration %+v, alarms %+v", fault, s.Registration, s.Alarms)
		}
		if err := w.ipbx.set(ctx, "fault", "none"); err != nil {
			return err
		}
		if err := w.hop.until(ctx, 35*time.Second, "bound after fault "+fault, func(s state) bool {
			return s.Registration.Phase == "bound" && !s.alarmed(bindingRefused)
		}); err != nil {
			return err
		}
		return errors.Join(
			within(ctx, eventLimit, func(ctx context.Context) error { return w.ipbx.bound(ctx, "5001", w.own("5001")) }),
			w.ipbx.overlapped(),
		)
	}
}

// fenced is a switchover while the registrar says nothing: the primary's binding
// is waited out before the secondary's user is registered.
func fenced(ctx context.Context, w *World) error {
	if err := w.ipbx.set(ctx, "fault", "drop"); err != nil {
		return err
	}
	w.primary.self().kill()
	s := w.now()
	if err := w.phone.dial(service); err != nil {
		return err
	}
	if err := w.hop.until(ctx, 25*time.Second, "the secondary's user is claimed", func(s state) bool { return s.Registration.Phase == "claim" }); err != nil {
		return err
	}
	if err := within(ctx, time.Second, func(ctx context.Context) error { return w.ipbx.bound(ctx, "5001") }); err != nil {
		return fmt.Errorf("claimed while the registrar still binds the primary's user: %w", err)
	}
	if err := w.ipbx.set(ctx, "fault", "none"); err != nil {
		return err
	}
	if err := errors.Join(s.within(ctx, 15*time.Second, w.secondary, established), s.saw(ctx, w.phone, established), down(ctx, w, w.phone, w.secondary)); err != nil {
		return err
	}
	if err := w.settled(ctx, "in answered secondary 200 caller"); err != nil {
		return err
	}
	return w.moved(ctx)
}

// forgets: the IPBX loses its memory; ours is back at the next refresh.
func forgets(ctx context.Context, w *World) error {
	if err := w.ipbx.forget(ctx, "5001"); err != nil {
		return err
	}
	if err := within(ctx, 3*time.Second, func(ctx context.Context) error { return w.ipbx.bound(ctx, "5001") }); err != nil {
		return err // ul.rm works at the next tick of the registrar's timer
	}
	return errors.Join(
		within(ctx, 2*eventLimit, func(ctx context.Context) error { return w.ipbx.bound(ctx, "5001", w.own("5001")) }),
		w.ipbx.overlapped(),
	)
}
