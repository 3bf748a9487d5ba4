package demo

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"releve/testbed/ipbx"
)

var t0 = time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC)

func at(s float64) time.Time { return t0.Add(time.Duration(s * float64(time.Second))) }

func TestEachCallHasOneOutcome(t *testing.T) {
	answered := func(by string, audible int) ipbx.Result {
		return ipbx.Result{Outcome: "answered", Status: 200, AnsweredBy: by, Audible: audible}
	}
	died := []death{{server: namePrimary, at: at(10), until: at(20)}}
	for _, c := range []struct {
		name string
		call call
		want Outcome
	}{
		{"served", call{result: answered(namePrimary, 12)}, Answered},
		{"served by the other", call{result: answered(nameSecondary, 1)}, Answered},
		{"the desk", call{result: answered(nameIPBX, 3)}, Rescued},
		{"a stranger answered", call{result: answered("someone", 3)}, Lost},
		{"silence", call{result: answered(namePrimary, 0), answeredBy: namePrimary, answeredAt: at(2)}, Lost},
		{"silence at the desk", call{result: answered(nameIPBX, 0), answeredBy: nameIPBX, answeredAt: at(10)}, Lost},
		{"killed as it spoke", call{result: answered(namePrimary, 0), answeredBy: namePrimary, answeredAt: at(9.9)}, Answered},
		{"silent long before the kill", call{result: answered(namePrimary, 0), answeredBy: namePrimary, answeredAt: at(9)}, Lost},
		{"refused 486", call{result: ipbx.Result{Outcome: "refused", Status: 486}}, Dissuaded},
		{"refused 500", call{result: ipbx.Result{Outcome: "refused", Status: 500}}, Lost},
		{"refused 480", call{result: ipbx.Result{Outcome: "refused", Status: 480}}, Lost},
		{"hung up", call{result: ipbx.Result{Outcome: "cancelled", Status: 487}}, Cancelled},
		{"hung up for want of a final", call{impatient: true, result: ipbx.Result{Outcome: "cancelled", Status: 487}}, Lost},
		{"no final", call{result: ipbx.Result{Outcome: "failed", Status: 408}}, Lost},
	} {
		if got := settle(&c.call, died); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// story is a registrar's log: the primary's user, a switchover, a return.
func story(gap float64) []ipbx.BindingEvent {
	return []ipbx.BindingEvent{
		{At: at(0), Kind: "bound", User: user1, Contact: "sip:a"},
		{At: at(5), Kind: "refreshed", User: user1, Contact: "sip:a"},
		{At: at(12), Kind: "removed", User: user1, Contact: "sip:a"},
		{At: at(12 + gap), Kind: "bound", User: user2, Contact: "sip:b"},
		{At: at(30), Kind: "removed", User: user2, Contact: "sip:b"},
		{At: at(30 + gap), Kind: "bound", User: user1, Contact: "sip:a"},
	}
}

func TestMovesAreReadFromTheRegistrarsLog(t *testing.T) {
	stays := intervals(story(0.25))
	if len(stays) != 3 || stays[0].to != at(12) || !stays[2].to.IsZero() {
		t.Fatalf("%+v", stays)
	}
	all := moves(stays)
	if len(all) != 2 || all[0].took != 250*time.Millisecond || all[0].to != user2 || all[1].to != user1 {
		t.Fatalf("%+v", all)
	}
	overlap := story(0.25)
	overlap[2].At, overlap[3].At = at(12.5), at(12)
	overlap[2], overlap[3] = overlap[3], overlap[2]
	if all := moves(intervals(overlap)); len(all) == 0 || all[0].took >= 0 {
		t.Errorf("an overlap is no move in good order: %+v", all)
	}
	if n := ipbx.MostBindings(overlap, at(40), user1, user2).Bindings; n != 2 {
		t.Errorf("%d bindings at once", n)
	}
}

func TestASwitchoverWithoutADeathIsFalse(t *testing.T) {
	all := moves(intervals(story(0.25)))
	for _, c := range []struct {
		name   string
		deaths []death
		wrong  int
	}{
		{"dead", []death{{server: namePrimary, at: at(10), until: at(20)}}, 0},
		{"still dead", []death{{server: namePrimary, at: at(10)}}, 0},
		{"alive", nil, 1},
		{"alive again", []death{{server: namePrimary, at: at(1), until: at(11)}}, 1},
		{"the other died", []death{{server: nameSecondary, at: at(10)}}, 1},
	} {
		if n, wrong := switchovers(all, c.deaths); n != 1 || wrong != c.wrong {
			t.Errorf("%s: %d switchovers, %d of them false", c.name, n, wrong)
		}
	}
}

var verbs = regexp.MustCompile(`%[a-z]`)

// TestSentences: both languages say every sentence with the same arguments.
func TestSentences(t *testing.T) {
	for l, p := range sentences {
		if p.fr == "" || p.en == "" {
			t.Errorf("line %d: %q has no translation", l, p.fr+p.en)
		}
		if fr, en := verbs.FindAllString(p.fr, -1), verbs.FindAllString(p.en, -1); !slices.Equal(fr, en) {
			t.Errorf("%q takes %v, %q takes %v", p.fr, fr, p.en, en)
		}
	}
	if got := (reader{French}).took(2340 * time.Millisecond); got != "2,34 s" {
		t.Error(got)
	}
	if got := (reader{English}).took(6200 * time.Microsecond); got != "6.2 ms" {
		t.Error(got)
	}
}

func TestAPartyReadsItsConfigurationAndNothingMore(t *testing.T) {
	in := strings.NewReader("{\"a\":1}\n{\"do\":\"quit\"}\n")
	line, err := firstLine(in)
	rest, _ := io.ReadAll(in)
	if err != nil || string(line) != `{"a":1}` || string(rest) != "{\"do\":\"quit\"}\n" {
		t.Errorf("%q %q %v", line, rest, err)
	}
	if _, err := firstLine(strings.NewReader(strings.Repeat("x", maxConfig+1))); err == nil {
		t.Error("a line without end was read")
	}
	if err := RunParty(t.Context(), "nobody", strings.NewReader("{}\n"), io.Discard); err == nil {
		t.Error("an unknown party ran")
	}
}

func TestTwoDemosHaveAddressesOfTheirOwn(t *testing.T) {
	seen := map[string]string{}
	for pid := 1; pid < 15_000; pid++ {
		for n := range 4 {
			h, who := host(pid, n), fmt.Sprint(pid, n)
			if other, ok := seen[h]; ok {
				t.Fatalf("%s is both %s and %s", h, who, other)
			}
			seen[h] = who
		}
	}
}
