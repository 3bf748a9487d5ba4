package levels

import (
	"context"
	"time"

	"releve/testbed/ipbx"
	"releve/testbed/server"
)

// story is one level, or one kind of site, told from its opening to its end.
type story struct {
	name, example string
	level         bool // a Wel'Suite level, not a site of one
	told          bool // its example has receivers of alarms
	tell          func(ctx context.Context, b *book, s *site) error
}

// stories are all of them, in the order of the data sheet.
func stories(outage time.Duration) []story {
	return []story{
		{"base", "base", true, true, base},
		{"mirroring", "mirroring", true, true, mirroring},
		{"backup", "backup", true, true, backup},
		{"high-availability", "high-availability", true, true, highAvailability},
		{"redundant IPBXs", "redundant-ipbx", false, false, redundant},
		{"analogue lines behind a gateway", "gateway", false, false, gateway},
		{"virtual machines", "virtual-machines", false, false, virtual},
		{"Relève is taken out", "backup", false, true, takenOut},
		{"every receiver is down", "base", false, true, unheard(outage)},
	}
}

// serves: a caller at x is answered by the server of that name, and hears it.
func (b *book) serves(ctx context.Context, x *ipbx.IPBX, name, what string) {
	r, err := incoming(ctx, x)
	b.check(err == nil && r.AnsweredBy == name && r.Packets > 0, "%s: answered by %q, status %d, %d packets heard, %v", what, r.AnsweredBy, r.Status, r.Packets, err)
}

// places: a call of v is answered by who is named.
func (b *book) places(ctx context.Context, v *server.Server, name, what string) {
	by, code, err := outgoing(ctx, v)
	b.check(err == nil && code == 200 && by == name, "%s: status %d by %q, %v", what, code, by, err)
}

// base: one server. Calls both ways, its failure is told, callers reach the
// operators, nothing switches, and it is served again when it is back.
func base(ctx context.Context, b *book, s *site) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	b.serves(ctx, s.ipbx, "principal", "a caller is served")
	b.places(ctx, s.principal, "ipbx", "the server places a call")
	if err := s.principal.SetMode(server.Mode{Kind: server.Killed}); err != nil {
		return err
	}
	now, ok := s.until(ctx, func(v status) bool { return v.alarm(1001) && v.alarm(1002) })
	b.check(ok, "the failure is told: %s", s.describe(now))
	r, err := incoming(ctx, s.ipbx)
	b.check(err == nil && r.AnsweredBy == "ipbx", "a caller reaches the operators: by %q, status %d, %v", r.AnsweredBy, r.Status, err)
	said, err := s.verb(ctx, "switchover", "--yes", "--reason", "levels")
	b.check(err != nil, "a switchover is refused, there is no other server: %s", said)
	if err := s.principal.SetMode(server.Mode{Kind: server.Healthy}); err != nil {
		return err
	}
	now, ok = s.until(ctx, func(v status) bool { return !v.alarm(1001) && !v.alarm(1002) })
	b.check(ok && now.Counters.Switchovers == 0, "its return is told, nothing switched: %s", s.describe(now))
	b.serves(ctx, s.ipbx, "principal", "a caller is served again")
	return nil
}

// backup: the secondary may be off, a failure switches nothing, an operator does;
// both on the network is an alarm.
func backup(ctx context.Context, b *book, s *site) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	now, ok := s.until(ctx, func(v status) bool { return bound(s.ipbx) == "5001" })
	b.check(ok, "the primary's user is registered: %q", bound(s.ipbx))
	b.serves(ctx, s.ipbx, "principal", "a caller is served")
	b.check(len(now.Alarms) == 0, "an absent secondary is no alarm: %s", s.describe(now))

	if err := s.principal.SetMode(server.Mode{Kind: server.Killed}); err != nil {
		return err
	}
	now, ok = s.until(ctx, func(v status) bool { return v.alarm(1001) && v.alarm(1002) })
	b.check(ok, "the failure is told: %s", s.describe(now))
	r, err := incoming(ctx, s.ipbx)
	b.check(err == nil && r.AnsweredBy == "ipbx", "a caller reaches the operators: by %q, status %d, %v", r.AnsweredBy, r.Status, err)

	if err := s.switchOn(); err != nil {
		return err
	}
	now, ok = s.until(ctx, func(v status) bool { return v.ready("secondary") })
	b.check(ok && now.Active == "primary" && now.Counters.Switchovers == 0, "the secondary is switched on, nothing switches by itself: %s", s.describe(now))
	said, err := s.verb(ctx, "switchover", "--yes", "--reason", "levels")
	b.check(err == nil, "the operator switches over: %s", said)
	b.serves(ctx, s.ipbx, "secours", "a caller is served by the secondary")
	b.places(ctx, s.secours, "ipbx", "the secondary places a call")
	b.check(bound(s.ipbx) == "5002", "the secondary's user alone is registered: %q", bound(s.ipbx))

	if err := s.principal.SetMode(server.Mode{Kind: server.Healthy}); err != nil {
		return err
	}
	_, ok = s.until(ctx, func(v status) bool { return v.ready("primary") })
	b.check(ok, "the primary is well again")
	said, err = s.verb(ctx, "return", "--force", "--yes", "--reason", "levels")
	b.check(err == nil, "the operator returns: %s", said)
	b.serves(ctx, s.ipbx, "principal", "a caller is served by the primary")
	now, ok = s.until(ctx, func(v status) bool { return v.alarm(1019) })
	b.check(ok, "both on the network is told: %s", s.describe(now))
	if err := s.switchOff(); err != nil {
		return err
	}
	now, ok = s.until(ctx, func(v status) bool { return len(v.Alarms) == 0 })
	b.check(ok, "all is well when it is switched off: %s", s.describe(now))
	most := s.ipbx.MaxBindingsAtOnce("5001", "5002")
	b.check(most == 1, "bindings of both users at once: %d", most)
	return nil
}

// redundant: the stand-by of the pair takes over, then the second IPBX serves; a
// gateway stands beside them.
func redundant(ctx context.Context, b *book, s *site) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	if err := s.switchOn(); err != nil {
		return err
	}
	_, ok := s.until(ctx, func(v status) bool {
		return bound(s.ipbx) == "5001" && bound(s.second) == "5001" && v.ready("secondary")
	})
	b.check(ok, "the primary's user is registered at both: %q, %q", bound(s.ipbx), bound(s.second))
	b.serves(ctx, s.ipbx, "principal", "a caller of the first IPBX is served")
	b.serves(ctx, s.second, "principal", "a caller of the second IPBX is served")
	b.serves(ctx, s.gateway, "principal", "a caller of an analogue line is served")
	b.places(ctx, s.principal, "ipbx", "a call goes out by the first")
	if err := s.ipbx.SetActive(1); err != nil {
		return err
	}
	b.serves(ctx, s.ipbx, "principal", "a caller of the stand-by is served")
	if err := s.ipbx.SetFault(ipbx.Refuse, 0); err != nil {
		return err
	}
	b.places(ctx, s.principal, "ipbx2", "the first IPBX is gone: a call goes out by the second")
	now, ok := s.until(ctx, func(v status) bool { return v.alarm(1010) })
	b.check(ok && now.Active == "primary" && now.Counters.Switchovers == 0, "that is told, and switches nothing: %s", s.describe(now))
	if err := s.ipbx.SetFault(ipbx.Healthy, 0); err != nil {
		return err
	}
	now, ok = s.until(ctx, func(v status) bool { return len(v.Alarms) == 0 && bound(s.ipbx) == "5001" && bound(s.second) == "5001" })
	b.check(ok, "it is back, and lists the user again: %s", s.describe(now))
	if err := s.principal.SetMode(server.Mode{Kind: server.Killed}); err != nil {
		return err
	}
	now, ok = s.until(ctx, func(v status) bool {
		return v.Active == "secondary" && v.Phase == "on-secondary" && bound(s.ipbx) == "5002" && bound(s.second) == "5002"
	})
	b.check(ok, "the primary fails, the secondary takes over: %s", s.describe(now))
	b.serves(ctx, s.ipbx, "secours", "a caller of the first IPBX is served by the secondary")
	b.serves(ctx, s.second, "secours", "a caller of the second IPBX is served by the secondary")
	b.serves(ctx, s.gateway, "secours", "a caller of an analogue line is served by the secondary")
	b.check(s.gateway.Registers() == 0, "REGISTERs at the gateway: %d", s.gateway.Registers())
	return nil
}

// gateway: its callers are served, nobody registers at it, calls go out by the
// IPBX.
func gateway(ctx context.Context, b *book, s *site) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	_, ok := s.until(ctx, func(status) bool { return bound(s.ipbx) == "5001" })
	b.check(ok, "the primary's user is registered at the IPBX: %q", bound(s.ipbx))
	b.serves(ctx, s.gateway, "principal", "a caller of an analogue line is served")
	b.serves(ctx, s.ipbx, "principal", "a caller of the IPBX is served")
	b.places(ctx, s.principal, "ipbx", "a call goes out by the IPBX")
	if err := s.ipbx.SetFault(ipbx.Refuse, 0); err != nil {
		return err
	}
	by, _, err := outgoing(ctx, s.principal)
	b.check(by != "gateway", "the IPBX refuses: no call goes out by the gateway (%q, %v)", by, err)
	b.serves(ctx, s.gateway, "principal", "a caller of an analogue line is served meanwhile")
	b.check(s.gateway.Registers() == 0, "REGISTERs at the gateway: %d", s.gateway.Registers())
	return nil
}

// virtual: a machine that is frozen for six seconds and comes back is no failure.
func virtual(ctx context.Context, b *book, s *site) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	if err := s.switchOn(); err != nil {
		return err
	}
	_, ok := s.until(ctx, func(v status) bool { return v.ready("secondary") })
	b.check(ok, "the secondary is ready")
	if err := s.principal.SetMode(server.Mode{Kind: server.Silent}); err != nil {
		return err
	}
	thaw := time.AfterFunc(6*time.Second, func() { _ = s.principal.SetMode(server.Mode{Kind: server.Healthy}) }) // a healthy mode is never refused
	defer thaw.Stop()
	b.serves(ctx, s.ipbx, "principal", "a caller who meets a frozen machine is kept, and served by it")
	now, ok := s.until(ctx, func(v status) bool { return v.Phase == "normal" })
	b.check(ok && now.Active == "primary" && now.Counters.Switchovers == 0, "six frozen seconds switch nothing: %s", s.describe(now))
	return nil
}

// unheard: while nobody who is told of alarms can be reached, the server fails
// and comes back and the IPBX does; they hear of all of it afterwards.
func unheard(outage time.Duration) func(ctx context.Context, b *book, s *site) error {
	return func(ctx context.Context, b *book, s *site) error {
		if err := s.open(ctx); err != nil {
			return err
		}
		b.serves(ctx, s.ipbx, "principal", "a caller is served")
		if err := s.told.cut(); err != nil {
			return err
		}
		over := time.After(outage)
		if err := s.principal.SetMode(server.Mode{Kind: server.Killed}); err != nil {
			return err
		}
		now, ok := s.until(ctx, func(v status) bool { return v.alarm(1001) && v.alarm(1002) })
		b.check(ok, "the server fails: %s", s.describe(now))
		if err := s.principal.SetMode(server.Mode{Kind: server.Healthy}); err != nil {
			return err
		}
		now, ok = s.until(ctx, func(v status) bool { return !v.alarm(1001) && !v.alarm(1002) })
		b.check(ok, "it is back: %s", s.describe(now))
		if err := s.ipbx.SetFault(ipbx.Refuse, 0); err != nil {
			return err
		}
		now, ok = s.until(ctx, func(v status) bool { return v.alarm(1010) })
		b.check(ok, "the IPBX fails: %s", s.describe(now))
		if err := s.ipbx.SetFault(ipbx.Healthy, 0); err != nil {
			return err
		}
		select {
		case <-over:
		case <-ctx.Done():
		}
		mails, err := s.told.office.texts(s.told.box)
		b.check(err == nil && len(mails) == 0 && len(s.told.hook.all()) == 0, "nobody heard of it for %s: %d mails, %d webhooks, %v", outage, len(mails), len(s.told.hook.all()), err)
		return s.told.mend()
	}
}

// takenOut: Relève stops, its binding lapses, and the IPBX reaches the primary by
// itself: docs/remove.md.
func takenOut(ctx context.Context, b *book, s *site) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	_, ok := s.until(ctx, func(status) bool { return bound(s.ipbx) == "5001" })
	b.check(ok, "the primary's user is registered by Relève: %q", bound(s.ipbx))
	until := s.ipbx.Bindings()
	err := s.node.Stop()
	s.node = nil
	b.check(err == nil, "Relève stops: %v", err)
	for _, left := range until {
		b.check(time.Until(left.Until) < 5*time.Minute, "its binding has lapsed within five minutes: %s", time.Until(left.Until).Round(time.Second))
	}
	c, err := s.ipbx.Call(ctx, ipbx.CallSpec{From: "0612345678", To: "5000", Dest: s.principal.Addr(), Duration: 300 * time.Millisecond, RTP: true})
	if err != nil {
		return err
	}
	r, err := c.Wait(ctx)
	b.check(err == nil && r.AnsweredBy == "principal" && r.Packets > 0, "the IPBX calls the server without us: by %q, %v", r.AnsweredBy, err)
	return ctx.Err()
}
