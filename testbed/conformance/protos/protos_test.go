package protos

import (
	"bytes"
	"testing"
)

// TestAll: many cases, each another message, always the same ones.
func TestAll(t *testing.T) {
	s := Site{"10.0.0.1:5060", "10.0.0.5:5060"}
	names, messages := map[string]bool{}, map[string]bool{}
	var first [][]byte
	for c := range s.All(1) {
		if names[c.Name] {
			t.Errorf("%s comes twice", c.Name)
		}
		names[c.Name], messages[string(c.Raw)] = true, true
		if len(first) < 500 {
			first = append(first, c.Raw)
		}
	}
	if len(names) < 5000 || len(messages) != len(names) {
		t.Errorf("%d cases, %d messages", len(names), len(messages))
	}
	n := 0
	for c := range s.All(1) {
		if n == len(first) {
			break
		}
		if !bytes.Equal(c.Raw, first[n]) {
			t.Errorf("%s differs at the second time", c.Name)
		}
		n++
	}
	t.Logf("%d cases", len(names))
}
