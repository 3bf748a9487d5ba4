package fork

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"releve/router"
)

var update = flag.Bool("update", false, "rewrite the traces of testdata; read the difference before committing it")

// TestScenarios runs every testdata/*.txt. A line at the margin is an input,
// indented lines are the trace that must follow from it:
//
//	mode incoming|outgoing|single|other   (other: single, not an INVITE)
//	policy KEY=VALUE …       changes the default policy
//	view KEY=VALUE …         what the node thinks from here on
//	occupancy VALUE          of the active server from here on
//	TIME arrive FLAG …       the request; router.Route decides where it goes
//	TIME STATUS bN [retry-after]
//	TIME refused|unreachable|tls|timeout bN
//	TIME ruled KEY=VALUE …   the view changes and the context is told
//	TIME turn|noturn|cancel
//	end                      run the clocks until the context is finished
//
// Clocks that are due before an input fire first and are traced with their time.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 40 {
		t.Fatalf("found %d scenarios (%v), want at least 40", len(files), err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(want))
			if *update {
				if err := os.WriteFile(f, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(want) {
				t.Errorf("trace differs (-update rewrites it):\n%s", got)
			}
		})
	}
}

// normal is a site at rest: the primary serves, switchovers are automatic.
var normal = router.View{Epoch: 1, Phase: router.Normal, Active: router.Primary, Act: true, RuledAt: -1 << 40}

func defaults() Policy {
	return Policy{
		ProgressTimeout: 2 * time.Second, AnswerTimeout: 8 * time.Second, HoldBudget: 20 * time.Second,
		TimerC: 190 * time.Second, Round: 2 * time.Second, Requeue: true, RejectStatus: 486,
		Automatic: true, IPBXs: 2,
	}
}

type player struct {
	t       *testing.T
	p       Policy
	mode    Mode
	invite  bool
	view    router.View
	occ     router.Occupancy
	s       State
	started bool
	now     router.Instant
	call    router.Call
	slot    router.Instant // of a delivery
	out     strings.Builder
}

func play(t *testing.T, text string) string {
	pl := &player{t: t, p: defaults(), invite: true, view: normal, occ: router.Plausible}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "\t") {
			continue
		}
		pl.out.WriteString(line)
		if f := strings.Fields(line); len(f) > 0 && !strings.HasPrefix(line, "#") {
			pl.line(f)
		}
	}
	return pl.out.String()
}

func (pl *player) line(f []string) {
	switch f[0] {
	case "mode":
		pl.mode = map[string]Mode{"incoming": Incoming, "outgoing": Outgoing, "single": Single, "other": Single}[f[1]]
		pl.invite = f[1] != "other"
	case "policy":
		pl.policy(f[1:])
	case "view":
		pl.think(f[1:])
	case "occupancy":
		pl.occ = occupancies[f[1]]
	case "end":
		pl.clocks(router.Never - 1)
		fmt.Fprintf(&pl.out, "\tfinished=%v status=%d\n", pl.s.Finished(), pl.s.Status())
	default:
		at, err := time.ParseDuration(f[0])
		if err != nil || len(f) < 2 {
			pl.t.Fatalf("line %q: %v", f, err)
		}
		pl.clocks(router.Instant(at))
		pl.now = router.Instant(at)
		pl.event(f[1], f[2:])
	}
}

// clocks fires what is due before the instant.
func (pl *player) clocks(before router.Instant) {
	for range 100 {
		if !pl.started || pl.s.Next() >= before {
			return
		}
		pl.now = pl.s.Next()
		fmt.Fprintf(&pl.out, "\t%v\n", time.Duration(pl.now))
		pl.step(Event{Kind: Tick})
	}
	pl.t.Fatal("the clocks never end")
}

var occupancies = map[string]router.Occupancy{
	"unreconciled": router.Unreconciled, "nothing": router.NextToNothing, "plausible": router.Plausible, "full": router.Full,
}

func (pl *player) event(word string, args []string) {
	e := Event{}
	for _, a := range args {
		if n, ok := strings.CutPrefix(a, "b"); ok && len(a) == 2 {
			e.Branch = n[0] - '0'
		}
		e.RetryAfter = e.RetryAfter || a == "retry-after"
	}
	switch word {
	case "arrive":
		pl.arrive(args)
		return
	case "refused":
		e.Kind, e.Happening = TransportFailed, router.PortRefused
	case "unreachable":
		e.Kind, e.Happening = TransportFailed, router.Unreachable
	case "tls":
		e.Kind, e.Happening = TransportFailed, router.TLSFailed
	case "timeout":
		e.Kind = TimedOut
	case "ruled":
		pl.think(args)
		e.Kind = Ruled
	case "turn":
		e.Kind = Turn
	case "noturn":
		e.Kind = NoTurn
	case "cancel":
		e.Kind = Cancelled
	default:
		status, err := strconv.Atoi(word)
		if err != nil {
			pl.t.Fatalf("unknown input %q", word)
		}
		e.Kind, e.Status = Response, uint16(status)
	}
	pl.step(e)
}

func (pl *player) arrive(args []string) {
	e := Event{Kind: Arrive}
	pl.call = router.Call{Occupancy: pl.occ, Manual: !pl.p.Automatic}
	for _, a := range args {
		switch a {
		case "overflow":
			pl.call.Entry = router.OverflowEntry
		case "service":
			pl.call.ServiceNumber = true
		case "looped":
			pl.call.Looped = true
		case "lately":
			pl.call.AnsweredLately = true
		case "100rel":
			e.Reliable18x = true
		case "replaces":
			pl.call.Replaces, pl.call.Owner = true, router.Secondary
		case "from-primary":
			pl.call.From = router.Primary
		case "from-secondary":
			pl.call.From = router.Secondary
		case "held-by-passive":
			pl.call.HeldByPassive = true
		default:
			pl.t.Fatalf("unknown flag %q", a)
		}
	}
	e.Entry, e.ServiceNumber = pl.call.Entry, pl.call.ServiceNumber
	if pl.mode != Single {
		e.Decision = router.Route(pl.call, pl.view)
	}
	pl.s = New(&pl.p, pl.mode, pl.invite, pl.now)
	pl.started = true
	pl.step(e)
}

func (pl *player) step(e Event) {
	e.View, e.Occupancy, e.AnsweredLately = pl.view, pl.occ, pl.call.AnsweredLately
	paced := false
	for _, f := range pl.s.Step(pl.now, &e, &pl.p, nil) {
		fmt.Fprintf(&pl.out, "\t%s\n", describe(f))
		paced = paced || f.Kind == Pace
	}
	if paced {
		pl.step(Event{Kind: Turn, NotBefore: pl.slot})
	}
}

func (pl *player) policy(args []string) {
	for _, a := range args {
		k, v, _ := strings.Cut(a, "=")
		on := v != "no"
		n, _ := strconv.Atoi(v)
		d, _ := time.ParseDuration(v)
		switch k {
		case "rescue":
			pl.p.Rescue = on
		case "redirect":
			pl.p.Redirect = on
		case "requeue":
			pl.p.Requeue = on
		case "automatic":
			pl.p.Automatic = on
		case "forward-late":
			pl.p.Late = ForwardLate
		case "hold-signal":
			pl.p.HoldSignal = uint16(n)
		case "ipbxs":
			pl.p.IPBXs = uint8(n)
		case "reject":
			pl.p.RejectStatus = uint16(n)
		case "slot":
			pl.slot = router.Instant(d)
		case "timer-c":
			pl.p.TimerC = d
		case "override-486-this-call":
			pl.p.Overrides[router.Primary] = func(status uint16) router.Class {
				if status == 486 {
					return router.ClassThisCall
				}
				return router.ClassNone
			}
		default:
			pl.t.Fatalf("unknown policy %q", a)
		}
	}
}

func (pl *player) think(args []string) {
	phases := map[string]router.Phase{}
	for p := router.Normal; p <= router.Maintenance; p++ {
		phases[p.String()] = p
	}
	for _, a := range args {
		k, v, _ := strings.Cut(a, "=")
		switch k {
		case "phase":
			p, ok := phases[v]
			if !ok {
				pl.t.Fatalf("unknown phase %q", v)
			}
			pl.view.Phase, pl.view.Verifying = p, p == router.Verifying
			if pl.view.Verifying {
				pl.view.Ruling = router.NoRuling
			}
		case "n":
			pl.view.Verification, _ = strconv.ParseUint(v, 10, 64)
		case "active":
			pl.view.Active = map[string]router.Server{"primary": router.Primary, "secondary": router.Secondary}[v]
		case "act":
			pl.view.Act = v != "no"
		case "verdict":
			pl.view.Verdict = verdict(pl.t, v)
		case "ruling":
			pl.view.Verifying = false
			pl.view.RuledAt = pl.now
			pl.view.Ruling = router.NoRuling
			for r := router.NoRuling; r <= router.RuleRescue; r++ {
				if r.String() == v {
					pl.view.Ruling = r
				}
			}
		default:
			pl.t.Fatalf("unknown view %q", a)
		}
	}
}

func verdict(t *testing.T, name string) router.Verdict {
	for v := router.VerdictUnknown; v <= router.VerdictSelfSick; v++ {
		if v.String() == name {
			return v
		}
	}
	t.Fatalf("unknown verdict %q", name)
	return 0
}

func (t Target) String() string {
	names := [...]string{"nowhere", "primary", "secondary", "desk", "route"}
	if int(t) < len(names) {
		return names[t]
	}
	return fmt.Sprintf("ipbx%d", t-ToIPBX)
}

func describe(f Effect) string {
	switch f.Kind {
	case Start:
		return fmt.Sprintf("start b%d %v (%s)", f.Branch, f.Target, f.Reason)
	case Cancel:
		return fmt.Sprintf("cancel b%d %v", f.Branch, f.Target)
	case Abandon:
		return fmt.Sprintf("abandon b%d %v", f.Branch, f.Target)
	case Relay:
		return fmt.Sprintf("relay b%d %d", f.Branch, f.Status)
	case Reply:
		return fmt.Sprintf("reply %d (%s)", f.Status, f.Reason)
	case Hold:
		return fmt.Sprintf("hold %v (%s)", f.Target, f.Reason)
	case Unhold:
		return "unhold"
	case Wait:
		return fmt.Sprintf("wait %v not before %v (%s)", f.Target, time.Duration(f.NotBefore), f.Reason)
	case Leave:
		return fmt.Sprintf("leave %v", f.Target)
	case Pace:
		return fmt.Sprintf("pace %v", f.Target)
	case Release:
		return fmt.Sprintf("release b%d %d", f.Branch, f.Status)
	case Report:
		return fmt.Sprintf("report %v %v", f.Target, f.Evidence)
	case Done:
		would := ""
		if f.Would != "" {
			would = " would=" + string(f.Would)
		}
		return fmt.Sprintf("done %v %d (%s)%s", f.Outcome, f.Status, f.Reason, would)
	}
	return fmt.Sprintf("effect %d", f.Kind)
}
