package ipbx

import (
	"net/netip"
	"slices"
	"time"

	"releve/testbed/phone"
)

// A call to a number of the IPBX's own plan that is no extension is put through
// to who stands behind it: Relève for a service number, the contacts of the
// users for a user's number or a group. The IPBX is a back-to-back user agent,
// as real ones are: the caller's leg and the other one know nothing of each
// other but this.

// behind returns who is to be presented a call to number; false: nobody, it is
// an extension's.
func (x *IPBX) behind(number string) (users []string, toReleve, ok bool) {
	if slices.Contains(x.cfg.Service, number) {
		return nil, true, true
	}
	if group, ok := x.cfg.Groups[number]; ok {
		if x.habit().firstOnly {
			group = group[:1]
		}
		return group, false, true
	}
	if _, user := x.cfg.Registrar.Users[number]; user {
		return []string{number}, false, true
	}
	return nil, false, false
}

// through puts an incoming call through; its own leg is answered when the other
// one is, and refused as the other one was.
func (x *IPBX) through(in *phone.Call, users []string, releve bool) {
	spec := CallSpec{From: phone.UserOf(in.Invite.Get("From")), To: in.Number(), RTP: x.cfg.RTP}
	in.Trying()
	if !releve {
		uri, to, found := x.reg.contact(users)
		if !found {
			in.Reject(480)
			return
		}
		spec.uri, spec.Dest = uri, to
	}
	c := &Call{
		x: x, p: in.Phone(), spec: spec, started: time.Now(), left: x.cfg.Represent, in: in,
		ended: make(chan struct{}), changed: make(chan struct{}),
	}
	if err := c.present(c.first()); err != nil {
		in.Reject(500)
		return
	}
	x.count(func(s *Stats) { s.Placed++ })
	in.OnEnd = func(string) {
		c.given = true
		c.leg.Hangup()
	}
}

// follow tells the caller's leg how the other one goes.
func (c *Call) follow(event string, status int) {
	in := c.in
	if in == nil || in.State() == phone.Ended {
		return
	}
	switch event {
	case "ringing":
		in.Ring(180, false)
	case "answered":
		if c.x.cfg.RTP {
			in.UseMedia(false, nil)
		}
		in.Answer()
	case "over":
		in.OnEnd = nil
		if in.State() < phone.Answered {
			in.Reject(max(status, 480))
			return
		}
		in.Hangup()
	}
}

// contact returns the latest binding of the first user that has one.
func (g *registrar) contact(users []string) (uri string, to netip.AddrPort, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, u := range users {
		if all := g.bindings[u]; len(all) > 0 {
			uri = all[len(all)-1].contact
			to, err := phone.Resolve(uri)
			return uri, to, err == nil
		}
	}
	return "", netip.AddrPort{}, false
}
