package app

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/db"
	"releve/health"
	"releve/router"
	"releve/router/control"
	"releve/router/role"
)

// verificationCodes are the events of verifications and of what follows from them.
var verificationCodes = []string{
	text.EventVerificationStarted, text.EventRound, text.EventVerificationEnded, text.EventSwitchoverBegun,
	text.EventSwitchoverWithheld, text.EventObserved, text.EventBothDown,
}

const (
	// verificationSpan is how far back of a moment a verification is looked for,
	// and how long one can be told of. Our choice: the longest takes minutes.
	verificationSpan = 30 * time.Minute
	// maxAfter bounds the events after a verification that are shown with it.
	maxAfter = 4
	// maxReported bounds the events that a report lists.
	maxReported = 500
)

// Explain tells of the newest verification that had begun at a moment; want, when
// not nil, is tried out on its evidence.
func (a *App) Explain(ctx context.Context, at time.Time, want *admin.Settings) (admin.Explanation, error) {
	if err := a.settleRecords(ctx); err != nil {
		return admin.Explanation{}, err
	}
	store, err := a.store.use()
	if err != nil {
		return admin.Explanation{}, err
	}
	since := at.Add(-verificationSpan)
	if time.Since(at) < time.Minute {
		since = time.Time{} // the newest, whenever that was
	}
	events, err := store.EventsOf(ctx, verificationCodes, since, 0)
	if err != nil {
		return admin.Explanation{}, err
	}
	x, ok := verificationAt(events, at)
	if !ok {
		return admin.Explanation{}, &admin.Fault{Status: 404, Code: text.FaultNoVerification}
	}
	if want != nil {
		replay, err := a.replay(x.Rounds, *want)
		if err != nil {
			return admin.Explanation{}, err
		}
		x.Replay = replay
	}
	return x, nil
}

// verificationAt reads the verification out of the journal, newest event first.
func verificationAt(events []db.Event, at time.Time) (x admin.Explanation, ok bool) {
	first := slices.IndexFunc(events, func(e db.Event) bool {
		return e.Code == text.EventVerificationStarted && !e.Time.After(at)
	})
	if first < 0 {
		return x, false
	}
	start := events[first]
	x = admin.Explanation{
		Server: start.Params["server"], Cause: start.Params["cause"], Began: start.Time,
		Rounds: []admin.ExplainedRound{}, After: []db.Event{},
	}
	for _, e := range slices.Backward(events[:first]) {
		switch e.Code {
		case text.EventVerificationStarted:
			return x, true
		case text.EventRound:
			if x.Ended.IsZero() {
				x.Rounds = append(x.Rounds, explainedRound(e))
			}
		case text.EventVerificationEnded:
			x.Ended, x.Verdict = e.Time, e.Params["verdict"]
		default:
			if len(x.After) < maxAfter {
				x.After = append(x.After, e)
			}
		}
	}
	return x, true
}

func explainedRound(e db.Event) admin.ExplainedRound {
	whole := func(s string) int { n, _ := strconv.Atoi(s); return n } // absent: 0
	rtt, _ := time.ParseDuration(e.Params["rtt"])
	rule, _ := strconv.Atoi(e.Params["rule"][min(1, len(e.Params["rule"])):])
	return admin.ExplainedRound{
		At: e.Time, Verdict: e.Params["verdict"], Rule: rule, K: whole(e.Params["k"]), N: whole(e.Params["n"]),
		RTT: float64(rtt.Microseconds()) / 1000, Facts: e.Params["facts"], Checks: e.Params["checks"],
	}
}

// replay judges stored rounds under other settings, by the functions that judge.
func (a *App) replay(rounds []admin.ExplainedRound, want admin.Settings) (*admin.Replay, error) {
	v := a.cfg().Verification
	p := role.Policy{
		Count: uint8(cmp.Or(want.Count, v.Count)), AloneExtra: uint8(v.AloneExtra), Spacing: v.Spacing,
		Dead: v.Dead, Gray: v.Gray, Degraded: v.Degraded,
	}
	if want.AloneExtra != nil {
		p.AloneExtra = uint8(*want.AloneExtra)
	}
	if len(want.SwitchOn) > 0 {
		p.Dead, p.Gray, p.Degraded = slices.Contains(want.SwitchOn, "dead"), slices.Contains(want.SwitchOn, "gray"), slices.Contains(want.SwitchOn, "degraded")
	}
	var stored []control.Round
	for _, r := range rounds {
		facts, err := health.ParseFacts(r.Facts)
		if err != nil || r.Facts == "" {
			return nil, &admin.Fault{Status: 409, Code: text.FaultOldEvidence}
		}
		stored = append(stored, control.Round{Facts: facts, RTT: time.Duration(r.RTT * float64(time.Millisecond))})
	}
	judged, outcome := control.Replay(stored, p, want.Timeout)
	extra := int(p.AloneExtra)
	out := &admin.Replay{Outcome: outcome.String(), Settings: admin.Settings{
		Count: int(p.Count), AloneExtra: &extra, Timeout: cmp.Or(want.Timeout, v.Timeout), SwitchOn: switchOn(p),
	}}
	for i, j := range judged {
		out.Rounds = append(out.Rounds, admin.ExplainedRound{
			At: rounds[i].At, Verdict: j.Verdict.String(), Rule: int(j.Rule), K: int(j.K), N: int(j.N),
			RTT: rounds[i].RTT, Facts: rounds[i].Facts, Checks: rounds[i].Checks,
		})
	}
	return out, nil
}

func switchOn(p role.Policy) (out []string) {
	for _, x := range []struct {
		on   bool
		word string
	}{{p.Dead, "dead"}, {p.Gray, "gray"}, {p.Degraded, "degraded"}} {
		if x.on {
			out = append(out, x.word)
		}
	}
	return out
}

// reportCodes are the events that a report lists.
var reportCodes = []string{
	text.EventSwitchoverBegun, text.EventSwitchoverDone, text.EventReturnBegun, text.EventReturnDone,
	text.EventSwitchoverWithheld, text.EventObserved, text.EventBothDown, text.EventServingAgain,
}

// Report sums up what happened since a moment.
func (a *App) Report(ctx context.Context, since time.Time) (admin.Report, error) {
	out := admin.Report{Since: since.UTC(), Until: time.Now().UTC(), Act: a.cfg().Verification.Act, Level: a.cfg().Level.String(), Site: a.cfg().Site, ByResult: []admin.Count{}}
	if err := a.settleRecords(ctx); err != nil {
		return out, err
	}
	store, err := a.store.use()
	if err != nil {
		return out, err
	}
	if out.Calls, err = store.Tally(ctx, since); err != nil {
		return out, err
	}
	if out.Events, err = store.EventsOf(ctx, reportCodes, since, maxReported+1); err != nil {
		return out, err
	}
	if out.Cut = len(out.Events) > maxReported; out.Cut {
		out.Events = out.Events[:maxReported]
	}
	ended, err := store.EventsOf(ctx, []string{text.EventVerificationEnded}, since, db.MaxRows)
	if err != nil {
		return out, err
	}
	out.Verified = len(ended)
	out.ByResult = append(out.ByResult, byVerdict(ended)...)
	return out, nil
}

// byVerdict counts verifications by how they ended, the most frequent first.
func byVerdict(ended []db.Event) (out []admin.Count) {
	n := map[string]int{}
	for _, e := range ended {
		n[cmp.Or(e.Params["verdict"], router.VerdictUnknown.String())]++
	}
	for name, count := range n {
		out = append(out, admin.Count{Name: name, N: count})
	}
	slices.SortFunc(out, func(x, y admin.Count) int { return cmp.Or(y.N-x.N, cmp.Compare(x.Name, y.Name)) })
	return out
}
