package conformance

import (
	"os"
	"strings"
	"testing"
)

const small = `
| id | level | when | observable test | source |
|---|---|---|---|---|
| V01 | M | D1 | compact forms | 3261 |
| C02 | M | D1 P | 481 | 3261 |
| L04 | M | L | Max-Breadth | 5393 |
| P20 | Y | L | 199 | 6228 |

| flow | when | what |
|---|---|---|
| flow 07 | D1 | twice |

| rule | what | why |
|---|---|---|
| C02 | 481 | state |
| P20 | none | heard |

| word | text |
|---|---|
| anything | goes |

| message | § | must | here | a | b | c | d |
|---|---|---|---|---|---|---|---|
| 4475 wsinv | 3 | x | y | forward | 481 | 400, close | drop |
`

// TestThePage: the committed page has every line of the checklist, the flows
// and the messages.
func TestThePage(t *testing.T) {
	text, err := os.ReadFile("../../docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	p, err := ParsePage(string(text))
	if err != nil {
		t.Fatal(err)
	}
	rules, flows := 0, 0
	for _, r := range p.Rows {
		if strings.HasPrefix(r.ID, "flow ") {
			flows++
		} else {
			rules++
		}
	}
	if rules != 209 || flows != 50 || len(p.Demands) != 61 {
		t.Errorf("%d rules, %d flows, %d messages; want 209, 50, 61", rules, flows, len(p.Demands))
	}
}

func TestParsePage(t *testing.T) {
	p, err := ParsePage(small)
	if err != nil {
		t.Fatal(err)
	}
	want := []Row{
		{"V01", "D1", "compact forms", false},
		{"C02", "D1", "481", true},
		{"L04", "L", "Max-Breadth", false},
		{"P20", "L", "199", true},
		{"flow 07", "D1", "twice", false},
	}
	if len(p.Rows) != len(want) {
		t.Fatalf("%+v", p.Rows)
	}
	for i := range want {
		if p.Rows[i] != want[i] {
			t.Errorf("%+v, want %+v", p.Rows[i], want[i])
		}
	}
	if len(p.Demands) != 1 || !p.Demands[0].Outcomes[0].Forward || p.Demands[0].Outcomes[1].Status != 481 || !p.Demands[0].Outcomes[2].Close {
		t.Errorf("%+v", p.Demands)
	}
}

func TestParsePageRefuses(t *testing.T) {
	for _, c := range []struct{ old, new, says string }{
		{"| V01 |", "| C02 |", "stands twice"},
		{"| C02 | 481 | state |\n", "", "C02 is marked P"},
		{"| C02 | 481 | state |", "| C03 | 481 | state |", "C0"},
		{"| P20 | none |", "| P21 | none |", "P21"},
		{"| M | D1 | compact", "| M | D2 | compact", "no mark"},
		{"| V01 |", "| V1 |", "no test can be named"},
		{"| V01 | M |", "| V01 |", "cells"},
		{"400, close", "4o0", "no outcome"},
		{"| drop |", "| 200, close, hang |", "two outcomes"},
		{"| message |", "| mail |", "torture messages"},
	} {
		if !strings.Contains(small, c.old) {
			t.Fatalf("no %q", c.old)
		}
		_, err := ParsePage(strings.Replace(small, c.old, c.new, 1))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q → %q: %v", c.old, c.new, err)
		}
	}
}
