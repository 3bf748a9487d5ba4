package conformance

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestJoin(t *testing.T) {
	p, err := ParsePage(small)
	if err != nil {
		t.Fatal(err)
	}
	good := func(id string) Test {
		return Test{ID: id, Package: "releve/proxy", Name: "TestConformanceX/" + id, Passed: true}
	}
	bad := good("V01")
	bad.Passed, bad.Output = false, "what went wrong\n"
	for _, c := range []struct {
		name    string
		tests   []Test
		torture []Test
		want    [4]int // passed, failed, not done, policy
		ok      bool
		fault   string
	}{
		{"nothing is tested", nil, nil, [4]int{0, 3, 1, 1}, false, ""},
		{"all that must be", []Test{good("V01"), good("C02"), good("flow 07")}, []Test{good("4475 wsinv UDP")}, [4]int{4, 0, 1, 1}, true, ""},
		{"what may wait is there", []Test{good("V01"), good("C02"), good("flow 07"), good("L04"), good("P20")}, nil, [4]int{5, 0, 0, 0}, true, ""},
		{"one of two fails", []Test{good("V01"), bad, good("C02"), good("flow 07")}, nil, [4]int{2, 1, 1, 1}, false, ""},
		{"a rule that the page does not know", []Test{good("V01"), good("C02"), good("flow 07"), good("V99")}, nil, [4]int{3, 0, 1, 1}, false, "V99"},
		{"a name without a rule", []Test{good("V01"), good("C02"), good("flow 07"), good("")}, nil, [4]int{3, 0, 1, 1}, false, "names no rule"},
		{"a torture message fails", []Test{good("V01"), good("C02"), good("flow 07")}, []Test{bad}, [4]int{3, 1, 1, 1}, false, ""},
	} {
		r := Join(p, c.tests, c.torture)
		got := [4]int{r.Count(Passed), r.Count(Failed), r.Count(NotDone), r.Count(Policy)}
		if got != c.want || r.OK() != c.ok || c.fault != "" && !strings.Contains(strings.Join(r.Faults, "\n"), c.fault) || c.fault == "" && len(r.Faults) > 0 {
			t.Errorf("%s: %v, want %v; ok %t; faults %q", c.name, got, c.want, r.OK(), r.Faults)
		}
	}
}

// TestPrint: the last line is the JSON object, and what failed is told.
func TestPrint(t *testing.T) {
	p, err := ParsePage(small)
	if err != nil {
		t.Fatal(err)
	}
	r := Join(p, []Test{{ID: "V01", Package: "releve/proxy", Name: "TestConformanceX/V01_x", Output: "broken here\n"}}, nil)
	r.Faults = append(r.Faults, "releve/health: failed")
	var out bytes.Buffer
	if err := r.Print(&out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var last map[string]int
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatal(err)
	}
	if last["rules"] != 5 || last["passed"] != 0 || last["failed"] != 4 || last["not_done"] != 1 || last["policy"] != 1 {
		t.Errorf("%v", last)
	}
	for _, part := range []string{"broken here", "no test names this rule", "L04 Max-Breadth", "releve/health: failed"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is not told:\n%s", part, out.String())
		}
	}
}

func TestIDOf(t *testing.T) {
	for name, want := range map[string]string{
		"V01_RFC_3261_§7.3.1_compact_forms": "V01", "V01": "V01", "V01#01": "V01", "flow_07_CANCEL": "flow 07",
		"V011_x": "", "v01_x": "", "flow_7_x": "", "compact_forms": "", "": "",
	} {
		if got := idOf(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// TestCollect reads what go test -json says, with every way to fail.
func TestCollect(t *testing.T) {
	lines := []string{
		`{"Action":"run","Package":"releve/a","Test":"TestConformanceX"}`,
		`{"Action":"pass","Package":"releve/a","Test":"TestConformanceX/V01_x/part"}`,
		`{"Action":"pass","Package":"releve/a","Test":"TestConformanceX/V01_x"}`,
		`{"Action":"output","Package":"releve/a","Test":"TestConformanceX/V02_x/part","Output":"    why\n"}`,
		`{"Action":"fail","Package":"releve/a","Test":"TestConformanceX/V02_x/part"}`,
		`{"Action":"fail","Package":"releve/a","Test":"TestConformanceX/V02_x"}`,
		`{"Action":"skip","Package":"releve/a","Test":"TestConformanceX/V03_x"}`,
		`{"Action":"fail","Package":"releve/a","Test":"TestConformanceX"}`,
		`{"Action":"fail","Package":"releve/a"}`,
		`{"Action":"output","Package":"releve/b","Test":"TestConformanceY","Output":"no bed\n"}`,
		`{"Action":"fail","Package":"releve/b","Test":"TestConformanceY"}`,
		`{"Action":"fail","Package":"releve/b"}`,
		`{"Action":"build-output","ImportPath":"releve/c [releve/c.test]","Output":"c.go:1: undefined\n"}`,
		`{"Action":"fail","Package":"releve/c","FailedBuild":"releve/c [releve/c.test]"}`,
		`{"Action":"pass","Package":"releve/d"}`,
	}
	tests, faults, err := Collect(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, x := range tests {
		got += x.ID + map[bool]string{true: "+", false: "-"}[x.Passed] + " "
		if x.ID == "V02" && !strings.Contains(x.Output, "why") {
			t.Errorf("V02 says %q", x.Output)
		}
	}
	if got != "V01+ V02- V03- " {
		t.Errorf("tests %s", got)
	}
	if len(faults) != 2 || !strings.Contains(faults[0], "no bed") || !strings.Contains(faults[1], "undefined") {
		t.Errorf("faults %q", faults)
	}
	if _, _, err := Collect(strings.NewReader("not json")); err == nil {
		t.Error("took what is no JSON")
	}
}
