package dbtest

import (
	"bytes"
	"errors"
	"sync"
	"testing"

	"releve/db"
)

// The state row: compare and set.

func stateEmpty(t *testing.T, s db.Store) {
	row, version, err := s.LoadState(t.Context())
	if row != nil || version != 0 || err != nil {
		t.Errorf("LoadState of an empty store = %q, %d, %v", row, version, err)
	}
}

func stateCompareAndSet(t *testing.T, s db.Store) {
	if err := s.SaveState(t.Context(), []byte("a"), 1); !errors.Is(err, db.ErrConflict) {
		t.Errorf("saving over a version that never was: %v, want ErrConflict", err)
	}
	must(t, s.SaveState(t.Context(), []byte("a"), 0))
	wantState(t, s, "a", 1)
	must(t, s.SaveState(t.Context(), []byte("b\x00\xff"), 1))
	wantState(t, s, "b\x00\xff", 2)
	for _, stale := range []uint64{0, 1, 3, 4} {
		if err := s.SaveState(t.Context(), []byte("c"), stale); !errors.Is(err, db.ErrConflict) {
			t.Errorf("SaveState over version %d = %v, want ErrConflict", stale, err)
		}
	}
	wantState(t, s, "b\x00\xff", 2)
	must(t, s.SaveState(t.Context(), nil, 2))
	row, version, err := s.LoadState(t.Context())
	if len(row) != 0 || version != 3 || err != nil {
		t.Errorf("an empty row is a row: %q, %d, %v", row, version, err)
	}
}

func stateRetry(t *testing.T, s db.Store) {
	must(t, s.SaveState(t.Context(), []byte("a"), 0))
	must(t, s.SaveState(t.Context(), []byte("a"), 0))
	wantState(t, s, "a", 1)
	must(t, s.SaveState(t.Context(), []byte("b"), 1))
	if err := s.SaveState(t.Context(), []byte("a"), 0); !errors.Is(err, db.ErrConflict) {
		t.Errorf("a retry after another write = %v, want ErrConflict", err)
	}
	if err := s.SaveState(t.Context(), []byte("a"), 1); !errors.Is(err, db.ErrConflict) {
		t.Errorf("another row as the stored version = %v, want ErrConflict", err)
	}
	wantState(t, s, "b", 2)
}

func stateContended(t *testing.T, s db.Store) {
	const rounds, writers = 5, 4
	for version := range uint64(rounds) {
		results := make([]error, writers)
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() { results[w] = s.SaveState(t.Context(), []byte{byte(version), byte(w)}, version) })
		}
		wg.Wait()
		row, _, err := s.LoadState(t.Context())
		must(t, err)
		for w, err := range results {
			won := bytes.Equal(row, []byte{byte(version), byte(w)})
			if won != (err == nil) || !won && !errors.Is(err, db.ErrConflict) {
				t.Fatalf("writer %d of version %d: %v, stored row %v", w, version+1, err, row)
			}
		}
	}
}

func wantState(t *testing.T, s db.Store, row string, version uint64) {
	t.Helper()
	got, v, err := s.LoadState(t.Context())
	if err != nil || string(got) != row || v != version {
		t.Fatalf("LoadState = %q, %d, %v; want %q, %d", got, v, err, row, version)
	}
}
