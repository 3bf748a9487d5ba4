package licence

import (
	"fmt"
	"time"

	"releve/router"
)

// The servers' own REGISTERs, mode gate.

// serverRegisters lets the server x register here, meant for IPBX i.
func (w *world) serverRegisters(x router.Server, i int, expires time.Duration, signed, fetches bool) {
	if !w.up {
		return
	}
	w.tickets++
	w.asked[w.tickets], w.signed[w.tickets] = true, signed
	w.event(Event{Kind: ServerRegister, User: x, IPBX: uint8(i), Ticket: w.tickets, Expires: expires, Signed: signed, Fetches: fetches})
}

// keepRegistering lets both servers register here again and again, with the
// Authorization that they learn from the first challenge, until one is silent.
func (w *world) keepRegistering(every time.Duration) {
	w.servers = [router.Servers]bool{router.Primary: true, router.Secondary: true}
	for x := router.Primary; x <= router.Secondary; x++ {
		w.comesAgain(x, every)
	}
}

func (w *world) comesAgain(x router.Server, every time.Duration) {
	if !w.servers[x] {
		return
	}
	w.serverRegisters(x, 0, every*2, w.knows[x], false)
	w.at(w.now.Add(every), 0, func() { w.comesAgain(x, every) })
}

// replied: each REGISTER of a server is answered once.
func (w *world) replied(f Effect) {
	if !w.asked[f.Ticket] && w.err == nil {
		w.err = fmt.Errorf("REGISTER %d of %v is answered twice, or was never sent", f.Ticket, f.User)
	}
	delete(w.asked, f.Ticket)
	how := ""
	switch {
	case f.Relay:
		how = " as the IPBX said"
	case f.Status == 200:
		how = fmt.Sprintf(" expires %v", f.Expires)
	case f.Status == 503:
		how = fmt.Sprintf(" retry after %v", f.Retry)
	}
	w.logf("reply %d to %v%s", f.Status, f.User, how)
	if f.Relay && f.Status == 401 && !w.knows[f.User] && w.servers[f.User] {
		w.knows[f.User] = true
		w.at(w.now, 0, func() { w.serverRegisters(f.User, int(f.IPBX), w.policy.Expires, true, false) })
	}
}

// alarm keeps the table of alarms as health/alarm does: what is not raised
// cannot be cleared.
func (w *world) alarm(f Effect) {
	key := alarmKey{f.Alarm, f.User, f.IPBX}
	if w.alarms[key] == f.On {
		return
	}
	w.alarms[key] = f.On
	more := ""
	if f.Foreign > 0 {
		more += fmt.Sprintf(", %d foreign", f.Foreign)
	}
	if f.Lasted > 0 {
		more += fmt.Sprintf(", after %v", f.Lasted)
	}
	w.logf("alarm %d %v@%d %v%s", f.Alarm, f.User, f.IPBX, onOff(f.On), more)
}

type alarmKey struct {
	number uint16
	user   router.Server
	ipbx   uint8
}
