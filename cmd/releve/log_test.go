package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A journal that takes nothing once held up whoever logged, under a lock of the
// call path.
func TestStalledLogHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, stalled := io.Pipe() // nobody reads
		w := newLogWriter(stalled)
		for i := range maxLines + 100 {
			if n, err := fmt.Fprintf(w, "line %d\n", i); n == 0 || err != nil {
				t.Fatal(n, err)
			}
		}
		synctest.Wait()
		var got bytes.Buffer
		go func() { _, _ = io.Copy(&got, r) }()
		synctest.Wait()
		fmt.Fprintln(w, "the journal is back")
		w.Close()
		fmt.Fprintln(w, "after the end")
		stalled.Close()
		synctest.Wait()
		lines := strings.Split(strings.TrimSpace(got.String()), "\n")
		last := lines[len(lines)-1]
		if len(lines) < maxLines || lines[0] != "line 0" || last != "the journal is back" || !strings.Contains(lines[len(lines)-2], "dropped") {
			t.Errorf("%d lines, the last two %q", len(lines), lines[len(lines)-2:])
		}
	})
}

func TestEndDoesNotWaitForAStalledLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, stalled := io.Pipe()
		w := newLogWriter(stalled)
		fmt.Fprintln(w, "never read")
		before := time.Now()
		w.Close()
		w.Close()
		if took := time.Since(before); took != 2*lastWords {
			t.Errorf("two closes took %v", took)
		}
		r.Close()
	})
}
