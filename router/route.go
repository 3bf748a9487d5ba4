package router

// Action is what Route decides for a new call.
type Action uint8

// Offer: to Target, under the two clocks. Relay: to Target, plain (a transfer,
// an outgoing call). Keep: hold at once, no branch (a switchover runs, or a
// young ruling is awaited). Refuse: Status. Desk: rescue. Place: to the IPBX.
const (
	Offer Action = iota
	Relay
	Keep
	Refuse
	Desk
	Place
)

// Call is what Route knows of an initial INVITE; it sees no SIP message.
type Call struct {
	From           Server // NoServer: from the IPBX
	Entry          Entry
	ServiceNumber  bool
	Owner          Server // INVITE with Replaces: the server that owns the dialog; NoServer: not known
	Replaces       bool
	Looped         bool      // dissuaded three times in 30 s, or forwarded more than 5 times by its Diversion or History-Info
	Occupancy      Occupancy // of the active server
	AnsweredLately bool
	Spared         bool // the active server asked for a pause: 503 with Retry-After, not over yet
	HeldByPassive  bool // From is passive and still holds a call for which it placed none yet
	Manual         bool // the level has no automatic switchover (base, mirroring, backup): nothing is held

	// HoldBudget is the instant (Mono) at which this call's hold budget is
	// spent: arrival plus the budget. Zero: not known, it is held whatever the
	// move takes.
	HoldBudget Instant
}

// Decision is where a call goes and why.
type Decision struct {
	Action Action
	Target Server
	Status uint16 // with Refuse; with Desk: the final when no rescue is configured
	Reason Reason
}

// Route decides where an initial INVITE goes. It runs at arrival and again at
// each ruling. Total and pure; safe for concurrent use.
//
// An Offer with ReasonLinesFull is not sent: the fork asks Classify with
// NoFreeLine, which dissuades; nor is one with ReasonSpared. It stays an Offer because the call takes its
// turn at Target when a line frees.
func Route(c Call, v View) Decision {
	if c.From != NoServer {
		return routeOutgoing(c, v)
	}
	switch {
	case c.Replaces:
		// Before the loop guard: only the owner of the dialog can serve a
		// Replaces (RFC 3891 §3); the desk would answer 481.
		return Decision{Action: Relay, Target: ownerOr(c.Owner, v.Active), Reason: ReasonReplaces}
	case c.Looped:
		return Decision{Action: Desk, Status: 480, Reason: ReasonLooped}
	case c.Entry == OverflowEntry && v.Active != Secondary:
		return routeOverflowed(c, v)
	}
	switch v.Phase {
	case Switching:
		return keep(c, v, moveReason(v))
	case Returning:
		// The licence is leaving the server that still works: a call offered
		// to it now might lose its transfer. Our choice: hold, the move is short.
		return keep(c, v, ReasonOperator)
	case BothDown:
		// Fail open: the least bad server is tried, the desk comes after it.
		return Decision{Action: Offer, Target: v.Active, Reason: ReasonBothDown}
	}
	// Normal, Verifying (an answer would be proof of life), OnSecondary, Maintenance.
	if v.Drained[v.Active] {
		// Our choice: nobody else may take it, so a human does; refused without one.
		return Decision{Action: Desk, Status: 480, Reason: ReasonDrained}
	}
	if c.Spared {
		return Decision{Action: Offer, Target: v.Active, Reason: ReasonSpared}
	}
	if c.Occupancy == Full && c.AnsweredLately {
		return Decision{Action: Offer, Target: v.Active, Reason: ReasonLinesFull}
	}
	return Decision{Action: Offer, Target: v.Active, Reason: ReasonActiveServes}
}

// routeOverflowed: the IPBX presented the call because the primary, which is
// active, did not answer it. While the secondary is active such a call is an
// ordinary one, and Route treats it so.
func routeOverflowed(c Call, v View) Decision {
	switch {
	case v.Phase == BothDown:
		return Decision{Action: Desk, Status: 500, Reason: ReasonBothDown}
	case v.Phase == Switching:
		return keep(c, v, moveReason(v))
	case c.Manual:
		return Decision{Action: Refuse, Status: 486, Reason: ReasonLevel}
	case !v.Act:
		return Decision{Action: Refuse, Status: 486, Reason: ReasonObservation}
	case v.Phase == Maintenance:
		return Decision{Action: Refuse, Status: 486, Reason: ReasonMaintenance}
	}
	return keep(c, v, ReasonNoAnswer)
}

// keep holds a call, unless the licence's move waits for a fence that outlasts
// its budget: a human answers now rather than after a wait in vain (our choice).
func keep(c Call, v View, why Reason) Decision {
	moving := v.Phase == Switching || v.Phase == Returning
	if moving && c.HoldBudget != 0 && v.MoveBy > c.HoldBudget {
		return Decision{Action: Desk, Status: 480, Reason: ReasonHoldBudget}
	}
	return Decision{Action: Keep, Reason: why}
}

// routeOutgoing: calls that a server places. During a move the server being
// left is still the active one; only the passive one is refused.
func routeOutgoing(c Call, v View) Decision {
	switch {
	case c.From == v.Active:
		return Decision{Action: Place, Reason: ReasonOutgoing}
	case c.HeldByPassive:
		return Decision{Action: Place, Reason: ReasonPassiveTransfer}
	}
	return Decision{Action: Refuse, Status: 403, Reason: ReasonPassiveOutgoing}
}

func ownerOr(owner, active Server) Server {
	if owner == NoServer {
		return active
	}
	return owner
}

// moveReason: the verdict behind a switchover, or the operator who asked for it.
func moveReason(v View) Reason {
	if v.Verdict.Switchable() {
		return ReasonConfirmed
	}
	return ReasonOperator
}
