package page

import (
	"fmt"
	"strconv"
	"strings"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/router"
)

func (v *View) server(s admin.Server) serverView {
	out := serverView{
		Server: s, RoleWord: v.m.ServerRole(s.Role), Word: v.m.ServerState(s.State), Says: v.m.VerdictName(s.Verdict),
		CallsNow: v.m.Calls(s.Calls), Lasts: v.moment(s.Since), Tone: v.serverTone(s),
	}
	if s.RTT > 0 && s.State != admin.StateDown && s.State != admin.StateAbsent {
		out.Answers = v.m.Milliseconds(s.RTT)
	}
	active := s.Role == v.Status.Active
	if p := v.Status.Verification; active && p.N > 0 {
		out.Rounds = fmt.Sprintf("%d/%d", p.K, p.N)
	}
	if !active {
		v.able(&out)
	}
	if s.Drained != nil {
		out.Drained = v.m.DrainedServer()
	}
	for _, k := range s.Checks {
		out.Checks = append(out.Checks, v.check(k))
	}
	return out
}

func (v *View) serverTone(s admin.Server) string {
	verdict := verdictOf(s.Verdict)
	switch {
	case s.State == admin.StateAbsent:
		return toneIdle
	case s.State == admin.StateDown || verdict.Dead():
		return toneBad
	case verdict == router.VerdictUnknown:
		return toneUnknown
	case verdict == router.VerdictHealthy, verdict == router.VerdictBusy:
		return toneGood
	}
	return toneCare
}

func verdictOf(name string) router.Verdict {
	for x := router.VerdictUnknown; x <= router.VerdictSelfSick; x++ {
		if x.String() == name {
			return x
		}
	}
	return router.VerdictUnknown
}

// able says whether the passive server may become active: the secondary takes
// over, the primary returns.
func (v *View) able(out *serverView) {
	keys := [2]string{"cannot-take", "can-take"}
	if out.Role == router.Primary.String() {
		keys = [2]string{"cannot-ret", "can-return"}
		if out.Stability.N > 0 {
			out.Stable = fmt.Sprintf("%d/%d", out.Stability.K, out.Stability.N)
		}
	}
	key, tone := keys[0], toneCare
	if out.Ready {
		key, tone = keys[1], toneGood
	}
	if out.State == admin.StateAbsent {
		return
	}
	out.Able, out.AbleTone = v.word(key), tone
}

// word is T of a key of ours.
func (v *View) word(key string) string {
	s, err := v.m.Screen(key)
	if err != nil {
		return err.Error() // a key of ours that is not there: a test renders them all
	}
	return s
}

func (v *View) check(k admin.ProbeCheck) checkView {
	out := checkView{Name: k.Name, Word: v.m.CheckState(k.State, k.Up)}
	if out.Name == "" {
		out.Name = k.Type
	}
	switch {
	case k.At.IsZero():
		out.Tone, out.Word = toneUnknown, v.m.Label("unchecked")
	case k.State == "ok":
		out.Tone = toneGood
	case k.State == "failed":
		out.Tone = toneBad
	default:
		out.Tone = toneCare
	}
	if k.Call != nil {
		out.Note = v.m.TestCall(k.Call.Cause, k.Call.Status)
		if heard := v.m.Heard(k.Call.Packets, k.Call.Lost, k.Call.Jitter, k.Call.Level); heard != "" {
			out.Note += " (" + heard + ")"
		}
		return out
	}
	out.Note = v.m.CheckNote(k.Note, k.Type != "exec" || k.State == "unknown")
	return out
}

func (v *View) links() []link {
	out := append([]link{v.registration()}, v.mirror()...)
	out = append(out, v.copied()...)
	for _, x := range v.Status.IPBX {
		row := link{Name: "IPBX " + x.Name, Tone: toneGood, Word: v.word("good"), Detail: v.word("alive")}
		switch {
		case x.Since.IsZero():
			row.Tone, row.Word, row.Detail = toneUnknown, v.word("unknown"), v.word("never-seen")
		case !x.Seen:
			row.Tone, row.Word = toneBad, v.word("bad")
			row.Detail, row.Since = v.word("unseen")+" "+v.word("raised"), v.moment(x.Since)
		}
		out = append(out, row)
	}
	n := v.Status.Counters
	return append(out, link{
		Name: v.word("today"), Tone: toneIdle,
		Detail: v.m.Counted(n.Offered, n.Answered, n.Dissuaded, n.Cancelled, n.Rescued, n.Refused, n.Failed, n.Lost),
	})
}

func (v *View) registration() link {
	r := v.Status.Registration
	row := link{Name: v.word("registration"), Tone: toneGood, Word: v.word("good")}
	if r.Mode == "trunk" {
		row.Tone, row.Word, row.Detail = toneIdle, v.word("idle"), v.m.RegistrationMode(r.Mode)
		return row
	}
	until := ""
	if !r.Until.IsZero() {
		until = v.moment(r.Until).Clock
	}
	row.Detail = v.m.Registered(r.Phase, v.nameOf(r.Holder), until)
	switch {
	case r.Refused:
		row.Tone, row.Word = toneBad, v.word("bad")
		row.Detail += ", " + v.m.Label("refused")
	case r.Phase != "bound" && r.Phase != "confirm":
		row.Tone, row.Word = toneCare, v.word("care")
	case until == "":
		row.Tone, row.Word = toneCare, v.word("care")
	}
	if !r.Fence.IsZero() {
		row.Detail += v.m.Fenced(v.nameOf(r.Leaving), max(r.Fence.Sub(v.Status.Now), 0))
	}
	return row
}

func (v *View) nameOf(role string) string {
	for _, s := range v.Status.Servers {
		if s.Role == role {
			return s.Name
		}
	}
	return ""
}

// toneOf is what a line of the timeline means for callers.
var toneOf = map[string]string{
	text.EventSwitchoverBegun: toneCare, text.EventSwitchoverDone: toneCare, text.EventSwitchoverWithheld: toneCare,
	text.EventReturnDone: toneGood, text.EventBothDown: toneBad, text.EventServingAgain: toneGood, text.EventServerDown: toneBad,
	text.EventServerUp: toneGood, text.EventServerReady: toneGood, text.EventServerNotReady: toneCare, text.EventMoveFailed: toneBad,
	text.EventIPBXUnseen: toneBad, text.EventIPBXSeen: toneGood, text.EventAlarmRaised: toneBad, text.EventAlarmCleared: toneGood,
	text.EventAlarmAcknowledged: toneIdle, text.EventStoreDown: toneBad, text.EventStoreUp: toneGood, text.EventInternalFault: toneBad,
	text.EventVerificationStarted: toneCare, text.EventObserved: toneCare, text.EventCheckFailed: toneCare,
}

// timeline renders the journal, without the rounds that count for nothing.
func (v *View) timeline() (out []line) {
	most := maxLines
	switch {
	case v.Viewer.Wall && len(v.Status.Alarms) > 0: // they need the room
		return nil
	case v.Viewer.Wall:
		most = maxWallLines
	}
	for _, e := range v.Events {
		if e.Code == text.EventRound && e.Params["k"] == "" {
			continue
		}
		if len(out) == most {
			break
		}
		l := line{At: v.moment(e.Time), Tone: toneOf[e.Code], Text: v.m.Event(e.Code, e.Params)}
		if l.Tone == "" {
			l.Tone = toneIdle
		}
		if by := strings.TrimSpace(e.Actor); by != "" && by != "releve" && by != "relève" {
			l.By = by
		}
		out = append(out, l)
	}
	return out
}

// LinesOf is "3 / 30", with what is uncertain about it.
func (s serverView) LinesOf() string { return strconv.Itoa(s.Reserved) + " / " + strconv.Itoa(s.Lines) }
