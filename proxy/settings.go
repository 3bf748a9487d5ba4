package proxy

import (
	"slices"
	"time"

	"releve/proxy/admission"
	"releve/proxy/fork"
	"releve/router"
)

// settings is a Config with what follows from it. Immutable; replaced whole by
// Reload. What a call began with it keeps: its fork holds its policy.
type settings struct {
	Config
	policy     []fork.Policy // by IPBX
	rewrites   bool          // some IPBX has RewriteContact
	stands     bool          // for a user of some server: Credentials or Identity
	sourceRate admission.Rate
}

func newSettings(cfg Config) *settings {
	c := &settings{Config: cfg}
	if c.Shards == 0 {
		c.Shards = 4
	}
	c.Limits.complete()
	if c.MaxDuration == 0 {
		c.MaxDuration = 12 * time.Hour
	}
	c.sourceRate = admission.PerSecond(c.Limits.SourceRate, c.Limits.SourceBurst)
	c.policies()
	for s := range c.Servers {
		c.Servers[s].of = side{fromServer, uint8(s)}
		c.stands = c.stands || c.Servers[s].Credentials != Credentials{}
		for i := range c.IPBXs {
			c.stands = c.stands || c.IPBXs[i].Identity[s] != ""
		}
	}
	for i := range c.IPBXs {
		c.IPBXs[i].of = side{fromIPBX, uint8(i)}
	}
	c.Rescue.of = side{kind: fromDesk}
	return c
}

// cfg is what is in force. Under a shard's mutex it does not change.
func (p *Proxy) cfg() *settings { return p.current.Load() }

// Reload puts another Config in force between two messages: each shard finishes
// the one in hand first. It has the listeners, keys, shards and names, as many
// IPBXs, and the servers of the present one: what hangs on those is made by New.
//
// Calls in progress go on where they are: an address that a far end has no more
// stays its own for formerLife, and a call in set-up keeps the times that it began
// with. Not to be called from a hook.
func (p *Proxy) Reload(cfg Config) {
	next := newSettings(cfg)
	p.rosterMu.Lock()
	defer p.rosterMu.Unlock()
	for _, s := range p.shards {
		s.mu.Lock()
	}
	before := p.cfg()
	next.Keys, next.Listeners, next.Shards, next.Names = before.Keys, before.Listeners, before.Shards, before.Names
	p.current.Store(next)
	p.roster.Store(next.roster(p.roster.Load(), p.Now()))
	for _, s := range slices.Backward(p.shards) {
		s.mu.Unlock()
	}
	p.gate.SetLimit(next.Limits.CallsPerSecond)
	for s := router.Primary; s <= router.Secondary; s++ {
		p.Dialogs.SetLines(s, next.Servers[s].Lines)
		p.give(p.Dialogs.Poll(s, p.Now())) // calls that wait for one
		if before.Servers[s].Credentials != next.Servers[s].Credentials {
			p.accounts.forget(s)
		}
	}
}

// roster says which address belongs to whom by c, where r said so before.
func (c *settings) roster(r *roster, now router.Instant) *roster {
	next := &roster{}
	desk := false
	c.peers(func(side side, peer *Peer) {
		desk = desk || side.kind == fromDesk
		first := len(next.stations)
		switch was := r.peerOf(side); {
		case peer.named() && was != nil && sameName(was.Host, peer.Host):
			next.keep(r, side, peer, now)
			return
		default:
			for _, t := range c.targets(peer) {
				next.add(side, peer, t)
			}
		}
		next.former(r, side, peer, now, first)
	})
	if !desk {
		next.former(r, side{kind: fromDesk}, &c.Rescue, now, len(next.stations))
	}
	return next
}

// peerOf is who was last known on one side; nil: nobody.
func (r *roster) peerOf(of side) *Peer {
	for i := range r.stations {
		if s := &r.stations[i]; s.side == of {
			return s.peer
		}
	}
	return nil
}

// targets are the addresses of a peer as far as its name is known.
func (c *settings) targets(peer *Peer) (out []target) {
	if !peer.named() {
		out = append(out, target{addr: peer.Addr, network: peer.Network})
		if peer.Other.IsValid() {
			out = append(out, target{addr: peer.Other, network: peer.Network})
		}
		return out
	}
	if c.Names == nil {
		return nil
	}
	found, _ := c.Names.Targets(peer.Host)
	for _, t := range cutTargets(found) {
		out = append(out, target{addr: t.Addr, network: t.Network})
	}
	return out
}

// forget lets the credentials of a server's user be shown again: they are others.
func (a *accounts) forget(s router.Server) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for k := range a.all {
		if k.user == s {
			delete(a.all, k)
		}
	}
	for k := range a.good {
		if k.user == s {
			delete(a.good, k)
		}
	}
}
