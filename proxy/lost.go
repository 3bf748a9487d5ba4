package proxy

import (
	"releve/proxy/message"
	"releve/router"
)

// A voice server that was restarted has lost its calls: it answers 481 within each
// of them (RFC 3261 §12.2.2). The caller's next request shows it: the call ends
// here, its line is free and its record says why; several of them tell that the
// server was restarted (package app).

// endsDialog reports whether a 481 to this method speaks of the whole call. To
// NOTIFY, SUBSCRIBE or PRACK it may speak of what they are about alone (RFC 5057
// §5.1); OPTIONS is answered by rote by some.
func endsDialog(m message.Method) bool {
	return m == message.INVITE || m == message.UPDATE || m == message.INFO || m == message.BYE
}

// denied: branch i was answered 481. Of a call that was in progress until this
// very BYE nothing is left to end.
func (c *context) denied(now router.Instant, i uint8) {
	p := c.s.p
	to := p.side(c.branches[i].flow)
	if c.call != nil || to.kind != fromServer || c.head.ToTag.Empty() || !endsDialog(c.head.Method) {
		return
	}
	s, key := to.server(), p.callKey(c.head.CallID.Of(c.raw))
	if c.head.Method != message.BYE {
		if owner, ok := p.Dialogs.Owner(key); !ok || owner != s || !p.endCall(key, now, router.ReasonServerForgot, byReleve) {
			return
		}
	} else if !c.hangsUp {
		return
	}
	p.Stats.Forgotten[s].Add(1)
	p.Stats.Denied[s].Add(1)
}
