package router

// treatments is one row per class. Classify settles the evidence of the rows
// that depend on occupancy, the reason of a full server, and what a 6xx may no
// longer do. Read only.
var treatments = [...]Treatment{
	ClassNone:            {},
	ClassAnswered:        {ClassAnswered, OK, ActRelay, false, ReasonActiveServes},
	ClassBusy:            {ClassBusy, Busy, ActDissuade, false, ReasonServerBusy},
	ClassUnexplainedBusy: {ClassUnexplainedBusy, Stuck, ActOverflow, false, ReasonUnexplainedBusy},
	ClassThisCall:        {ClassThisCall, OK, ActRelay, false, ReasonThisCallOnly},
	ClassMisprovisioned:  {ClassMisprovisioned, Err, ActRelay, false, ReasonMisprovisioned},
	ClassFailed:          {ClassFailed, Err, ActOverflow, false, ReasonServerFailed},
	ClassRefused:         {ClassRefused, Refused, ActOverflow, false, ReasonPortRefused},
	ClassSilent:          {ClassSilent, Silent, ActOverflow, false, ReasonNoProgress},
	ClassConfig:          {ClassConfig, ConfigFault, ActOverflow, false, ReasonTLSFailed},
	ClassNoAnswer:        {ClassNoAnswer, Busy, ActOverflow, false, ReasonNoAnswer},
}

// Classify reads what the active server did with an initial INVITE. It is
// total: every Observation has a Treatment. It never applies to requests
// within a dialog nor to outgoing calls. Pure; safe for concurrent use.
func Classify(o Observation) Treatment {
	class := classOf(o)
	t := treatments[class]
	switch {
	case class == ClassNoAnswer || o.is(600) && o.Override == ClassNone:
		t.Evidence = busyOrStuck(o.Occupancy)
	case o.Happening == NoFreeLine && class == ClassBusy:
		t.Reason = ReasonLinesFull
	}
	if o.Happening == GotFinal && o.Status >= 600 && o.Status <= 699 {
		// RFC 3261 §16.7(5): no new branch after a 6xx, so neither an overflow
		// nor a re-offer is left, whatever an override makes of the evidence.
		t.NoBranch, t.Act = true, ActRelay
	}
	return t
}

// is reports whether a final with this status came.
func (o Observation) is(status uint16) bool {
	return o.Happening == GotFinal && o.Status == status
}

// classOf finds the row of the table.
func classOf(o Observation) Class {
	switch o.Happening {
	case GotFinal:
		return classOfStatus(o)
	case PortRefused:
		return ClassRefused
	case Unreachable, NoProgress:
		return ClassSilent
	case TLSFailed:
		return ClassConfig
	case NoAnswer:
		return ClassNoAnswer
	case NoFreeLine:
		// Our count alone refuses nothing: it must be reconciled, say full,
		// and the server must have proven that it lives.
		if o.Occupancy == Full && o.AnsweredLately {
			return ClassBusy
		}
	}
	return ClassNone
}

// classOfStatus reads a status code, first by the override of this server. An
// override never touches 1xx and 2xx: those are facts of the protocol, not
// readings.
func classOfStatus(o Observation) Class {
	switch {
	case o.Status < 200 || o.Status > 699:
		return ClassNone
	case o.Status < 300:
		return ClassAnswered
	case o.Override == ClassAnswered:
		return ClassThisCall // a non-2xx answers no call; our choice
	case o.Override != ClassNone && int(o.Override) < len(treatments):
		return o.Override
	}
	switch o.Status {
	case 480, 486:
		if busyOrStuck(o.Occupancy) == Stuck {
			return ClassUnexplainedBusy
		}
		return ClassBusy
	case 403, 404:
		if o.ServiceNumber {
			return ClassMisprovisioned
		}
	case 408:
		return ClassFailed
	case 501, 505, 513, 580:
		return ClassThisCall
	case 503:
		if o.RetryAfter {
			return ClassBusy
		}
		return ClassFailed
	}
	if o.Status >= 500 && o.Status <= 599 {
		// 500, 502, 504 and the codes no table names: an unknown 5xx is
		// treated as 500 (RFC 3261 §8.1.3.2).
		return ClassFailed
	}
	// 3xx, every other 4xx, and 6xx. An unknown 6xx (607, 608) speaks of this
	// caller, as 603 does, not of the server: our choice, where RFC 3261
	// §8.1.3.2 would read 600.
	return ClassThisCall
}

// busyOrStuck: a server that says busy, or rings without answering, is believed
// when our count makes it plausible. Unreconciled counts as plausible.
func busyOrStuck(o Occupancy) Evidence {
	if o == NextToNothing {
		return Stuck
	}
	return Busy
}

// Occupied says how full a server is. reserved is the number of lines held by
// calls other than the one being judged, inbound and outbound; lines is the
// configured number (0 or less: not known, so never to be trusted). Plausible
// begins at exactly a quarter, compared without rounding: 8 of 30, 1 of 4, 1
// of 3. Pure; safe for concurrent use.
func Occupied(reserved, lines int, reconciled bool) Occupancy {
	switch {
	case !reconciled || lines <= 0:
		return Unreconciled
	case reserved >= lines:
		return Full
	case 4*reserved >= lines:
		return Plausible
	}
	return NextToNothing
}
