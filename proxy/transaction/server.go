package transaction

import "releve/router"

// inviteServer is RFC 3261 §17.2.1 with RFC 6026 §7.1.
func (t *State) inviteServer(now router.Instant, e Event, status uint16) Actions {
	switch e {
	case Request:
		// Accepted absorbs it: the user repeats its 2xx, not we (RFC 6026 §7.1).
		if t.spoke && (t.Phase == Proceeding || t.Phase == Completed) {
			return Transmit
		}
	case Send:
		return t.inviteSend(now, status)
	case Ack:
		switch t.Phase {
		case Completed:
			return t.enter(now, Confirmed, t.tail(T4), Forget) // Timer I
		case Accepted:
			return Pass
		}
	case Failed:
		// The machine survives it: a repeat of the INVITE brings the next
		// chance (RFC 6026 §7.1).
		if t.Phase != Confirmed {
			return PassFailed
		}
	case Timer:
		return t.inviteServerTimer(now)
	}
	return 0
}

func (t *State) inviteSend(now router.Instant, status uint16) Actions {
	if status < 100 {
		return 0
	}
	switch t.Phase {
	case Proceeding:
		t.spoke = true
		switch {
		case status < 200:
			t.resend = router.Never
			return Transmit
		case status < 300:
			return t.enter(now, Accepted, wholeLife, Transmit|Forget) // Timer L
		}
		a := t.enter(now, Completed, wholeLife, Transmit) // Timer H, on every transport
		if !t.Reliable {
			t.interval = T1 // Timer G
			t.resend = now.Add(T1)
		}
		return a
	case Accepted:
		if status/100 == 2 {
			return Transmit
		}
	}
	return 0 // other finals are discarded (RFC 3261 §17.2.1)
}

func (t *State) inviteServerTimer(now router.Instant) Actions {
	switch {
	case now >= t.end:
		if t.Phase == Completed {
			return t.terminate(PassTimeout) // Timer H: no ACK came
		}
		return t.terminate(0) // Timers I and L
	case now < t.resend:
		return 0
	case t.Phase == Proceeding:
		t.resend = router.Never
		return Trying
	}
	return t.again(now, T2) // Timer G
}

// server is RFC 3261 §17.2.2 with RFC 4320.
func (t *State) server(now router.Instant, e Event, status uint16) Actions {
	switch e {
	case Request:
		if t.Phase != Calling { // Trying discards it
			return Transmit
		}
	case Send:
		return t.serverSend(now, status)
	case Failed:
		return t.terminate(PassFailed) // RFC 3261 §17.2.4
	case Timer:
		switch {
		case now >= t.end:
			return t.terminate(0) // Timer J, or no final in time (RFC 4320 §4.2)
		case now >= t.resend:
			t.resend = router.Never
			return Trying
		}
	}
	return 0
}

func (t *State) serverSend(now router.Instant, status uint16) Actions {
	if t.Phase > Proceeding || status < 100 {
		return 0 // further finals are discarded (RFC 3261 §17.2.2)
	}
	if status < 200 {
		t.Phase = Proceeding
		t.resend = router.Never
		return Transmit
	}
	return t.enter(now, Completed, t.tail(wholeLife), Transmit) // Timer J
}
