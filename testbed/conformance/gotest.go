package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
)

// event is one line of go test -json.
type event struct {
	Action, Package, ImportPath, Test, Output, FailedBuild string
}

// RunTests runs every TestConformance function below dir and returns their
// subtests, sorted. faults: what failed without belonging to one of them.
func RunTests(ctx context.Context, dir string) (tests []Test, faults []string, err error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-json", "-count=1", "-run", "^TestConformance", "./...")
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("run go test: %w", err)
	}
	tests, faults, err = Collect(out)
	failed := cmd.Wait()
	if err == nil && failed != nil && len(faults) == 0 && !slices.ContainsFunc(tests, func(t Test) bool { return !t.Passed }) {
		err = fmt.Errorf("go test: %w\n%s", failed, stderr.String()) // it did not say why
	}
	return tests, faults, err
}

// Collect reads the events of go test -json.
func Collect(in io.Reader) (tests []Test, faults []string, err error) {
	c := collector{output: map[string]*strings.Builder{}, blamed: map[string]bool{}}
	for d := json.NewDecoder(in); ; {
		var e event
		if err := d.Decode(&e); err == io.EOF {
			break
		} else if err != nil {
			return nil, nil, fmt.Errorf("read go test -json: %w", err)
		}
		c.take(&e)
	}
	slices.SortFunc(c.tests, func(a, b Test) int {
		return strings.Compare(a.ID+a.Package+a.Name, b.ID+b.Package+b.Name)
	})
	return c.tests, c.faults, nil
}

// collector is the state of one Collect.
type collector struct {
	output map[string]*strings.Builder // by package and test
	blamed map[string]bool             // packages and functions whose failure has a subtest of its own
	tests  []Test
	faults []string
}

// maxOutput bounds what is kept of one test's output, in bytes.
const maxOutput = 8 << 10

func (c *collector) take(e *event) {
	key := e.Package + e.ImportPath + " " + e.Test
	switch e.Action {
	case "output", "build-output":
		b := c.output[key]
		if b == nil {
			b = &strings.Builder{}
			c.output[key] = b
		}
		if b.Len() < maxOutput {
			b.WriteString(e.Output)
		}
	case "pass", "fail", "skip":
		c.ended(e, key)
	}
}

// ended files what a test, a function or a package came to. A skip is no proof.
func (c *collector) ended(e *event, key string) {
	function, sub, within := strings.Cut(e.Test, "/")
	passed := e.Action == "pass"
	switch {
	case within && strings.Contains(sub, "/"): // a part of a subtest: its failure is the subtest's
		if !passed {
			c.hand(key, e.Package+" "+function+"/"+sub[:strings.Index(sub, "/")])
		}
	case within:
		t := Test{ID: idOf(sub), Package: e.Package, Name: e.Test, Passed: passed}
		if !passed {
			t.Output = c.said(key)
			c.blamed[e.Package+" "+function], c.blamed[e.Package] = true, true
		}
		c.tests = append(c.tests, t)
	case passed:
	case e.Test != "":
		if !c.blamed[e.Package+" "+function] {
			c.faults = append(c.faults, fmt.Sprintf("%s: %s: %s\n%s", e.Package, e.Test, e.Action, c.said(key)))
		}
		c.blamed[e.Package] = true
	case e.Action == "fail" && !c.blamed[e.Package]:
		built := e.FailedBuild
		if built == "" {
			built = e.Package
		}
		c.faults = append(c.faults, fmt.Sprintf("%s: failed\n%s%s", e.Package, c.said(built+" "), c.said(key)))
	}
}

// hand gives the output of a part to its subtest.
func (c *collector) hand(from, to string) {
	if c.output[to] == nil {
		c.output[to] = &strings.Builder{}
	}
	c.output[to].WriteString(c.said(from))
}

func (c *collector) said(key string) string {
	if b := c.output[key]; b != nil {
		return b.String()
	}
	return ""
}
