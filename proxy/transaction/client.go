package transaction

import "releve/router"

// inviteClient is RFC 3261 §17.1.1 with RFC 6026 §7.2.
func (t *State) inviteClient(now router.Instant, e Event, status uint16) Actions {
	switch e {
	case Response:
		return t.inviteResponse(now, status)
	case Timer:
		return t.inviteTimer(now)
	case Failed:
		return t.inviteFailed(now)
	case Stop:
		t.stop(now)
	}
	return 0
}

func (t *State) inviteResponse(now router.Instant, status uint16) Actions {
	switch t.Phase {
	case Calling, Proceeding:
		return t.inviteAnswered(now, status)
	case Completed:
		switch {
		case status >= 300:
			// Each repeat gets its ACK and goes no further (RFC 3261 §17.1.1.2).
			return SendAck
		case status >= 200:
			// Our choice: the figure has no such arrow, but a fork further down
			// may send it, and a 2xx is never dropped.
			return Pass
		}
	case Accepted:
		if status/100 == 2 {
			return Pass // every one (RFC 6026 §7.2)
		}
	}
	return 0
}

func (t *State) inviteAnswered(now router.Instant, status uint16) Actions {
	switch {
	case status < 100:
		return 0
	case status >= 300:
		return t.enter(now, Completed, t.tail(TimerD), SendAck|Pass)
	case status >= 200:
		return t.enter(now, Accepted, wholeLife, Pass|Forget) // Timer M, on every transport
	}
	if t.Phase == Calling {
		t.Phase = Proceeding
		t.resend, t.end = router.Never, router.Never // Timers A and B
		if t.Stopped {
			// A late sign of life of an abandoned request: its user answers it
			// with CANCEL (RFC 3261 §9.1).
			t.end = now.Add(wholeLife)
		}
	}
	return Pass
}

func (t *State) inviteTimer(now router.Instant) Actions {
	if now >= t.end {
		if t.Phase <= Proceeding && !t.spoke {
			return t.terminate(PassTimeout) // Timer B, or 64*T1 after the CANCEL
		}
		return t.terminate(0) // Timers D and M
	}
	if now >= t.resend {
		return t.again(now, wholeLife) // Timer A doubles without a cap
	}
	return 0
}

// inviteFailed is RFC 3261 §17.1.4. In Proceeding nothing is being sent, so the
// figure has no arrow; our choice: the user is told (a broken connection to a
// dead server is news) and the machine stays 64*T1 for an answer on another
// connection (RFC 3261 §18.2.2).
func (t *State) inviteFailed(now router.Instant) Actions {
	switch t.Phase {
	case Calling, Completed:
		return t.terminate(PassFailed)
	case Proceeding:
		if t.spoke {
			return 0
		}
		t.spoke = true
		t.end = min(t.end, now.Add(wholeLife))
		return PassFailed
	}
	return 0
}

// stop gives a request up; a late answer is still treated. Timer B or F runs on.
func (t *State) stop(now router.Instant) {
	if t.Phase > Proceeding || t.Stopped {
		return
	}
	t.Stopped = true
	t.resend = router.Never
	t.end = min(t.end, now.Add(wholeLife))
}

// client is RFC 3261 §17.1.2.
func (t *State) client(now router.Instant, e Event, status uint16) Actions {
	switch e {
	case Response:
		return t.clientAnswered(now, status)
	case Timer:
		return t.clientTimer(now)
	case Failed:
		if t.Phase <= Proceeding {
			return t.terminate(PassFailed) // RFC 3261 §17.1.4
		}
	case Stop:
		t.stop(now)
	}
	return 0
}

func (t *State) clientAnswered(now router.Instant, status uint16) Actions {
	if t.Phase > Proceeding || status < 100 {
		return 0 // Completed absorbs repeats (RFC 3261 §17.1.2.2)
	}
	if status >= 200 {
		return t.enter(now, Completed, t.tail(T4), Pass|Forget) // Timer K
	}
	if t.Phase == Calling {
		t.Phase = Proceeding
		t.interval = T2 // from the next Timer E on; the running one goes on
	}
	return Pass
}

func (t *State) clientTimer(now router.Instant) Actions {
	if now >= t.end {
		if t.Phase <= Proceeding {
			return t.terminate(PassTimeout) // Timer F
		}
		return t.terminate(0) // Timer K
	}
	if now >= t.resend {
		return t.again(now, T2) // Timer E
	}
	return 0
}
