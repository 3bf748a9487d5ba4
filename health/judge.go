package health

import "releve/router"

// Judge applies R0–R14 in order; the first rule that matches wins. Total: every
// Facts has a verdict, and ConfigFault counts as no evidence. Pure; safe for
// concurrent use.
func Judge(f Facts) (router.Verdict, Rule) {
	silent := f.SIP == router.Silent
	switch {
	case f.SelfSick:
		return router.VerdictSelfSick, 0
	case f.IPBXUnseen && f.StandbyUnseen && f.Host != Up && silent:
		return router.VerdictSelfIsolated, 1
	case f.IPBXUnseen && !silent:
		return router.VerdictIPBXFault, 2
	case f.SIP == router.Refused:
		return router.VerdictDeadApp, 3
	case silent:
		return judgeSilent(f)
	case f.App == router.Stuck && (!f.LinesFull || mutant == 31):
		return router.VerdictGray, 9
	case f.App == router.Busy, f.SIP == router.Busy, f.LinesFull:
		return router.VerdictBusy, 10
	case f.SIP == router.Err, f.App == router.Err:
		return router.VerdictDegraded, 11
	case f.SIP == router.OK && f.LatencyOdd:
		return router.VerdictSlow, 12
	case f.SIP == router.OK:
		return router.VerdictHealthy, 13
	}
	return router.VerdictUnknown, 14
}

// judgeSilent is R4–R8: who else sees the server decides.
func judgeSilent(f Facts) (router.Verdict, Rule) {
	switch {
	case f.AnsweredSince:
		return router.VerdictSlow, 4
	case f.Peer == Up && mutant != 30:
		return router.VerdictPartition, 5
	case f.Host == Up:
		return router.VerdictDeadApp, 6
	case f.Peer == Down:
		return router.VerdictDeadHost, 7
	}
	return router.VerdictDeadAlone, 8
}
