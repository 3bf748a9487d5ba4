package health

import (
	"flag"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"releve/router"
)

var update = flag.Bool("update", false, "rewrite golden files; read the diff before committing it")

var (
	sips      = []router.Evidence{router.NoEvidence, router.OK, router.Busy, router.Err, router.Refused, router.Silent}
	apps      = []router.Evidence{router.NoEvidence, router.OK, router.Busy, router.Stuck, router.Err}
	presences = []Presence{Unknown, Up, Down}
	flagNames = []string{"ipbx-unseen", "standby-unseen", "self-sick", "lines-full", "answered-since", "latency-odd", "lasting", "probe-failed"}
)

func factsOf(sip, app router.Evidence, host, peer Presence, bits int) Facts {
	on := func(i int) bool { return bits>>i&1 != 0 }
	return Facts{
		SIP: sip, App: app, Host: host, Peer: peer,
		IPBXUnseen: on(0), StandbyUnseen: on(1), SelfSick: on(2), LinesFull: on(3),
		AnsweredSince: on(4), LatencyOdd: on(5), Lasting: on(6), ProbeFailed: on(7),
	}
}

// everyFacts calls f with every combination of Facts.
func everyFacts(f func(Facts)) {
	for _, sip := range sips {
		for _, app := range apps {
			for _, host := range presences {
				for _, peer := range presences {
					for bits := range 1 << len(flagNames) {
						f(factsOf(sip, app, host, peer, bits))
					}
				}
			}
		}
	}
}

// values of a Facts as text, one per dimension, in a fixed order.
func values(f Facts) []string {
	presence := [...]string{"?", "up", "down"}
	out := []string{f.SIP.String(), f.App.String(), presence[f.Host], presence[f.Peer]}
	for _, on := range []bool{f.IPBXUnseen, f.StandbyUnseen, f.SelfSick, f.LinesFull, f.AnsweredSince, f.LatencyOdd, f.Lasting, f.ProbeFailed} {
		out = append(out, map[bool]string{true: "yes", false: "no"}[on])
	}
	return out
}

func TestJudgeGolden(t *testing.T) {
	dimensions := append([]string{"sip", "app", "host", "peer"}, flagNames...)
	type summary struct {
		verdict router.Verdict
		count   int
		seen    []map[string]bool
		order   [][]string
	}
	var rules [Rules]summary
	all := make([]map[string]bool, len(dimensions))
	for i := range all {
		all[i] = map[string]bool{}
	}
	h := fnv.New64a()
	total := 0
	everyFacts(func(f Facts) {
		verdict, rule := Judge(f)
		total++
		fmt.Fprintf(h, "%v %d\n", verdict, rule)
		r := &rules[rule]
		if r.count == 0 {
			r.verdict, r.order = verdict, make([][]string, len(dimensions))
			for range dimensions {
				r.seen = append(r.seen, map[string]bool{})
			}
		}
		if r.verdict != verdict {
			t.Fatalf("rule %d says %v and %v", rule, r.verdict, verdict)
		}
		r.count++
		for i, v := range values(f) {
			all[i][v] = true
			if !r.seen[i][v] {
				r.seen[i][v] = true
				r.order[i] = append(r.order[i], v)
			}
		}
	})

	var out strings.Builder
	fmt.Fprintf(&out, "# Every combination of Facts judged: %d, fnv64a %016x.\n", total, h.Sum64())
	fmt.Fprintf(&out, "# A dimension that took every value under a rule is left out.\n\n")
	for n, r := range rules {
		fmt.Fprintf(&out, "R%d %v: %d\n", n, r.verdict, r.count)
		for i, d := range dimensions {
			if len(r.seen) > 0 && len(r.order[i]) < len(all[i]) {
				fmt.Fprintf(&out, "    %s: %s\n", d, strings.Join(r.order[i], " "))
			}
		}
	}
	fmt.Fprintf(&out, "\n# All quiet: sip down the page, app across.\n%-10s", "")
	for _, app := range apps {
		fmt.Fprintf(&out, "%-14s", app)
	}
	for _, sip := range sips {
		fmt.Fprintf(&out, "\n%-10s", sip)
		for _, app := range apps {
			verdict, rule := Judge(Facts{SIP: sip, App: app})
			fmt.Fprintf(&out, "%-14s", fmt.Sprintf("%v/R%d", verdict, rule))
		}
	}
	fmt.Fprintf(&out, "\n\n# Silent: what else is seen, row by row.\n")
	for bits := range 32 {
		if bits&12 != 0 { // self-sick and lines-full decide elsewhere
			continue
		}
		for _, host := range presences {
			for _, peer := range presences {
				f := factsOf(router.Silent, router.NoEvidence, host, peer, bits)
				verdict, rule := Judge(f)
				v := values(f)
				fmt.Fprintf(&out, "ipbx-unseen=%-4sstandby-unseen=%-4sanswered-since=%-4shost=%-5speer=%-5s%v/R%d\n", v[4], v[5], v[8], v[2], v[3], verdict, rule)
			}
		}
	}
	golden(t, "judge.golden", trimLines(out.String()))
}

func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run with -update, read the diff, commit it only if it is understood\n%s", path, got)
	}
}

// The rules once more, each in its own words, without an order of
// evaluation of their own: Judge must return the first that holds.
func TestJudgeAgainstTheRules(t *testing.T) {
	type rule struct {
		verdict router.Verdict
		when    func(f Facts) bool
	}
	silent := func(f Facts) bool { return f.SIP == router.Silent }
	rules := [Rules]rule{
		{router.VerdictSelfSick, func(f Facts) bool { return f.SelfSick }},
		{router.VerdictSelfIsolated, func(f Facts) bool { return f.IPBXUnseen && f.StandbyUnseen && f.Host != Up && silent(f) }},
		{router.VerdictIPBXFault, func(f Facts) bool { return f.IPBXUnseen && !silent(f) }},
		{router.VerdictDeadApp, func(f Facts) bool { return f.SIP == router.Refused }},
		{router.VerdictSlow, func(f Facts) bool { return silent(f) && f.AnsweredSince }},
		{router.VerdictPartition, func(f Facts) bool { return silent(f) && f.Peer == Up }},
		{router.VerdictDeadApp, func(f Facts) bool { return silent(f) && f.Host == Up }},
		{router.VerdictDeadHost, func(f Facts) bool { return silent(f) && f.Peer == Down }},
		{router.VerdictDeadAlone, func(f Facts) bool { return silent(f) && f.Peer == Unknown }},
		{router.VerdictGray, func(f Facts) bool { return f.App == router.Stuck && !f.LinesFull }},
		{router.VerdictBusy, func(f Facts) bool { return f.App == router.Busy || f.SIP == router.Busy || f.LinesFull }},
		{router.VerdictDegraded, func(f Facts) bool { return f.SIP == router.Err || f.App == router.Err }},
		{router.VerdictSlow, func(f Facts) bool { return f.SIP == router.OK && f.LatencyOdd }},
		{router.VerdictHealthy, func(f Facts) bool { return f.SIP == router.OK }},
		{router.VerdictUnknown, func(Facts) bool { return true }},
	}
	everyFacts(func(f Facts) {
		verdict, n := Judge(f)
		for i, r := range rules {
			if r.when(f) {
				if int(n) != i || verdict != r.verdict {
					t.Fatalf("%+v: R%d %v, want R%d %v", f, n, verdict, i, r.verdict)
				}
				break
			}
		}
	})
}

// Evidence outside its dimension (a ConfigFault, a stuck OPTIONS) is judged as
// none, and no evidence at all never makes a switchable verdict.
func TestJudgeOddEvidence(t *testing.T) {
	for sip := router.NoEvidence; sip <= router.ConfigFault+1; sip++ {
		for app := router.NoEvidence; app <= router.ConfigFault+1; app++ {
			for bits := range 256 {
				f := factsOf(sip, app, Unknown, Unknown, bits)
				verdict, rule := Judge(f)
				if again, r := Judge(f); again != verdict || r != rule || rule >= Rules {
					t.Fatalf("%+v: not determined", f)
				}
				if verdict.Dead() && sip != router.Refused && sip != router.Silent {
					t.Fatalf("%+v: %v without a dead transport", f, verdict)
				}
				if sip == router.ConfigFault && app == router.NoEvidence && verdict.Switchable() {
					t.Fatalf("%+v: a TLS fault became %v", f, verdict)
				}
			}
		}
	}
}
