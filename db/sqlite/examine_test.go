package sqlite

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestExamineChangesNothing: beside an open store, after it, and on what is none.
func TestExamineChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	if _, err := Examine(t.Context(), path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Error("Examine made the file")
	}
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"beside an open store", "after it"} {
		got, err := Examine(t.Context(), path)
		if err != nil || got.Schema != got.Newest || got.Newest == 0 || got.Bytes == 0 {
			t.Errorf("%s: %+v, %v", when, got, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < len(raw)-4096; i++ {
		raw[i] ^= 0x5a
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Examine(t.Context(), path); !errors.Is(err, ErrCorrupt) {
		t.Errorf("damaged: %v", err)
	}
	if err := os.WriteFile(path, []byte("not a database at all, but long enough"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Examine(t.Context(), path); !errors.Is(err, ErrNotDatabase) {
		t.Errorf("a text: %v", err)
	}
}
