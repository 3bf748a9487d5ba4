package proxy

import (
	"bytes"

	"releve/proxy/message"
	"releve/router"
)

// What the calls that we place ourselves need of the call path: a line, and an
// answer to the requests of their far end.

// TakeLine reserves a line of s for a call of our own, when one is free; GiveLine
// gives it back.
func (p *Proxy) TakeLine(s router.Server) bool { return p.Dialogs.ReserveFree(s) }

// GiveLine gives back what TakeLine took.
func (p *Proxy) GiveLine(s router.Server) { p.give(p.Dialogs.Release(s, p.Now())) }

// asked is the status that answers a request in a call of ours; 0: it is in none.
func (p *Proxy) asked(raw []byte, h *message.Head) int {
	if p.hooks.Asked == nil || !bytes.HasPrefix(h.ToTag.Of(raw), []byte(ownTag)) {
		return 0
	}
	return p.hooks.Asked(raw, h)
}
