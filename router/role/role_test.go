package role

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"releve/router"
)

var update = flag.Bool("update", false, "rewrite golden traces; read the diff before committing it")

func defaults() Policy {
	return Policy{
		Count: 3, AloneExtra: 2, Spacing: 2 * time.Second, Dead: true, Gray: true, Degraded: true,
		Act: true, Automatic: true, ReturnWait: 15 * time.Minute, Stable: 5,
	}
}

var verdicts = func() map[string]router.Verdict {
	m := map[string]router.Verdict{}
	for v := router.VerdictUnknown; v <= router.VerdictSelfSick; v++ {
		m[v.String()] = v
	}
	return m
}()

var phases = func() map[string]router.Phase {
	m := map[string]router.Phase{}
	for p := router.Normal; p <= router.Maintenance; p++ {
		m[p.String()] = p
	}
	return m
}()

var servers = map[string]router.Server{"primary": router.Primary, "secondary": router.Secondary}

var commands = map[string]Command{
	"switchover": Switchover, "return": Return, "maintenance-start": MaintenanceStart,
	"maintenance-stop": MaintenanceStop, "verify": Verify,
}

// play runs one scenario. Its lines:
//
//	policy observation|manual|count=N     before the first event
//	row PHASE ACTIVE EPOCH [REASON]       the stored row
//	TIME EVENT [ARGUMENTS]                TIME since the start; Ticks come by themselves
//
// Events: lease [stored PHASE ACTIVE EPOCH], lease-lost, overflow, round
// VERDICT [lasting|old], alive [SERVER], ready, healthy, unready, bound SERVER,
// move-failed, saved (what was asked last), saved-other, save-unknown, tick,
// and the commands, with force or without.
type play struct {
	t      *testing.T
	state  State
	policy Policy
	row    Row
	made   bool
	save   Row
	round  uint64
	trace  strings.Builder
}

func (p *play) line(text string) {
	words := strings.Fields(text)
	switch words[0] {
	case "policy":
		p.setPolicy(words[1:])
		return
	case "row":
		p.row = p.parseRow(words[1:])
		return
	}
	if !p.made {
		p.state, p.made = New(p.policy, p.row), true
	}
	at, err := time.ParseDuration(words[0])
	if err != nil {
		p.t.Fatalf("%q: %v", text, err)
	}
	p.until(router.Instant(at))
	fmt.Fprintln(&p.trace, text)
	p.step(router.Instant(at), p.event(words[1], words[2:]))
}

func (p *play) setPolicy(words []string) {
	for _, w := range words {
		switch {
		case w == "observation":
			p.policy.Act = false
		case w == "manual":
			p.policy.Automatic = false
		case w == "dead-only":
			p.policy.Gray, p.policy.Degraded = false, false
		default:
			if _, err := fmt.Sscanf(w, "count=%d", &p.policy.Count); err != nil {
				p.t.Fatalf("policy %q: %v", w, err)
			}
		}
	}
}

func (p *play) parseRow(words []string) Row {
	phase, ok := phases[words[0]]
	if !ok || servers[words[1]] == router.NoServer {
		p.t.Fatalf("row %q", words)
	}
	r := Row{Phase: phase, Active: servers[words[1]]}
	if _, err := fmt.Sscan(words[2], &r.Epoch); err != nil {
		p.t.Fatal(err)
	}
	if len(words) > 3 {
		r.Reason = router.Reason(words[3])
	}
	return r
}

func (p *play) event(name string, args []string) Event {
	has := func(w string) bool { return len(args) > 0 && args[len(args)-1] == w }
	if c, ok := commands[name]; ok {
		return Event{Kind: Operator, Command: c, Force: has("force")}
	}
	switch name {
	case "lease":
		if len(args) > 0 {
			return Event{Kind: LeaseWon, Row: p.parseRow(args[1:])}
		}
		return Event{Kind: LeaseWon}
	case "lease-lost":
		return Event{Kind: LeaseLost}
	case "overflow":
		return Event{Kind: Overflow}
	case "round":
		v, ok := verdicts[args[0]]
		if !ok {
			p.t.Fatalf("verdict %q", args[0])
		}
		e := Event{Kind: RoundDone, Round: p.round, Verdict: v, Lasting: has("lasting")}
		if has("old") {
			e.Round--
		}
		return e
	case "alive":
		e := Event{Kind: Alive}
		if len(args) > 0 {
			e.Server = servers[args[0]]
		}
		if len(args) > 1 { // when it answered
			d, err := time.ParseDuration(args[1])
			if err != nil {
				p.t.Fatal(err)
			}
			e.At = router.Instant(d)
		}
		return e
	case "ready", "unready", "healthy":
		return Event{Kind: Ready, Ready: name != "unready", Healthy: name == "healthy"}
	case "bound":
		return Event{Kind: Bound, Server: servers[args[0]]}
	case "move-failed":
		return Event{Kind: MoveFailed}
	case "saved":
		return Event{Kind: Saved, Row: p.save}
	case "saved-other":
		r := p.save
		r.Epoch += 7
		return Event{Kind: Saved, Row: r}
	case "save-unknown":
		return Event{Kind: SaveUnknown}
	case "tick":
		return Event{Kind: Tick}
	}
	p.t.Fatalf("event %q", name)
	return Event{}
}

// until fires the Ticks that fall due before at.
func (p *play) until(at router.Instant) {
	for range 1000 {
		next, ok := p.state.Next()
		if !ok || next >= at {
			return
		}
		before := p.trace.Len()
		fmt.Fprintf(&p.trace, "%v tick\n", time.Duration(next))
		mark := p.trace.Len()
		p.step(next, Event{Kind: Tick})
		if p.trace.Len() == mark {
			p.t.Fatalf("a tick at %v did nothing: %s", time.Duration(next), p.trace.String()[before:])
		}
	}
	p.t.Fatal("ticks without end")
}

func (p *play) step(at router.Instant, e Event) {
	for _, f := range p.state.Step(router.Clock{Mono: at, High: at}, e, nil) {
		switch f.Kind {
		case Save:
			p.save = f.Row
		case StartRound:
			p.round = f.Round
		}
		fmt.Fprintf(&p.trace, "    %s\n", p.show(f))
	}
}

func (p *play) show(f Effect) string {
	switch f.Kind {
	case StartRound:
		return fmt.Sprintf("start round %d of %v, %d of %d so far", f.Round, f.Server, f.K, f.N)
	case Save:
		return "save " + showRow(f.Row)
	case MoveLicence:
		return fmt.Sprintf("move licence to %v, epoch %d", f.Server, f.Epoch)
	case Rule:
		v := p.state.View()
		s := fmt.Sprintf("rule %v, %v active, epoch %d: verification %d", v.Phase, v.Active, v.Epoch, v.Verification)
		if v.Verifying {
			return s + fmt.Sprintf(" at %d of %d", v.Round, v.Of)
		}
		return s + fmt.Sprintf(" says %v (%v)", v.Ruling, v.Verdict)
	case Alarm:
		return fmt.Sprintf("alarm %d %s", f.Alarm, map[bool]string{true: "on", false: "off"}[f.On])
	case Record:
		return fmt.Sprintf("record %s: %v, %v, %d of %d, epoch %d", f.Reason, f.Server, f.Verdict, f.K, f.N, f.Epoch)
	case Refuse:
		return fmt.Sprintf("refuse %d: %s", f.Command, f.Reason)
	}
	return fmt.Sprintf("unknown effect %d", f.Kind)
}

func showRow(r Row) string {
	s := fmt.Sprintf("%v %v epoch %d %q", r.Phase, r.Active, r.Epoch, r.Reason)
	if r.Maintenance {
		s += " maintenance"
	}
	return s
}

func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	count := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		for i, scenario := range strings.Split(string(raw), "\n== ") {
			input, _, _ := strings.Cut(scenario, "\n----\n")
			name, body, _ := strings.Cut(strings.TrimPrefix(input, "== "), "\n")
			if i > 0 || strings.HasPrefix(input, "== ") {
				count++
			}
			t.Run(name, func(t *testing.T) {
				fmt.Fprintf(&out, "== %s\n%s\n----\n%s\n", name, strings.TrimRight(body, "\n"), run(t, body))
			})
		}
		got := strings.TrimRight(out.String(), "\n") + "\n"
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if got != string(raw) {
			t.Errorf("%s differs; run with -update, read the diff, commit it only if it is understood\n%s", file, got)
		}
	}
	if count < 25 {
		t.Errorf("%d scenarios found", count)
	}
}

func run(t *testing.T, body string) string {
	p := &play{t: t, policy: defaults()}
	for _, line := range strings.Split(body, "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			p.line(line)
		}
	}
	return p.trace.String()
}
