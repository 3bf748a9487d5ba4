package proxy

import (
	"time"

	"releve/proxy/dialog"
	"releve/router"
)

// Ask is an OPTIONS within a call in progress, to one of its ends and in the
// place of the other, that finds out whether this end still knows the call (RFC
// 3261 §11.2, §12.2.2). Its CSeq is below what that end has seen: an end that
// knows the call says 500 (or anything else), one that does not says 481, and
// the numbers of the dialog stay as they were. Our choice, as Kamailio's dialog
// module does.
type Ask struct {
	Key    dialog.Key
	CallID string
	Server router.Server // of the call
	End    dialog.End
	Leg    dialog.Leg // with the CSeq to send, 0 among them
}

// Asks returns the questions that are due: at most n calls, each asked after at
// both ends about every.
func (p *Proxy) Asks(every time.Duration, n int) []Ask {
	var out []Ask
	for _, c := range p.Dialogs.Due(p.Now(), every, n) {
		for e, l := range c.Legs {
			if l.Target == "" || len(l.Routes) > maxRoutes {
				continue
			}
			l.Flow = p.legFlow(l)
			l.CSeq = max(l.CSeq, 1) - 1
			out = append(out, Ask{Key: c.Key, CallID: c.CallID, Server: c.Server, End: dialog.End(e), Leg: l})
		}
	}
	return out
}

// Heard takes the final response to a question. A call that an end has lost
// (481, RFC 3261 §12.2.2) ends here: its line is free, its record says why, and
// the other end is to be told by the BYE returned.
func (p *Proxy) Heard(a Ask, status uint16) (bye Bye, gone bool) {
	p.Stats.Asked.Add(1)
	now := p.Now()
	switch p.Dialogs.Heard(a.Key, a.End, status != 481, now) {
	case dialog.Stays:
		return Bye{}, false
	case dialog.Forgotten: // no record: the run that saw it end has written it
		if _, grants, ok := p.Dialogs.End(a.Key, now); ok {
			p.give(grants)
			p.Stats.Forgotten[a.Server].Add(1)
		}
		return Bye{}, false
	}
	call, ok := p.Dialogs.Get(a.Key)
	why, other := router.ReasonServerForgot, dialog.AtIPBX
	if a.End == dialog.AtIPBX {
		why, other = router.ReasonIPBXForgot, dialog.AtServer
	}
	if !ok || !p.endCall(a.Key, now, why, byReleve) {
		return Bye{}, false // it ended meanwhile
	}
	p.Stats.Forgotten[a.Server].Add(1)
	if a.End == dialog.AtServer {
		p.Stats.Denied[a.Server].Add(1)
	}
	return p.byeTo(&call, other)
}
