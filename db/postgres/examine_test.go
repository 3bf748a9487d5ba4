package postgres

import (
	"errors"
	"strings"
	"testing"
)

// TestExamineChangesNothing: an empty database stays empty; a store is read.
func TestExamineChangesNothing(t *testing.T) {
	t.Parallel()
	url := database(t, "")
	for range 2 {
		got, err := Examine(t.Context(), Options{URL: url, Password: server.Password})
		if err != nil || got.Schema != 0 || got.Newest == 0 || got.Bytes == 0 {
			t.Errorf("empty: %+v, %v", got, err)
		}
	}
	open(t, url)
	got, err := Examine(t.Context(), Options{URL: url, Password: server.Password})
	if err != nil || got.Schema != got.Newest || strings.Contains(got.Where, "@") {
		t.Errorf("a store: %+v, %v", got, err)
	}
	if _, err := Examine(t.Context(), Options{URL: "postgres://nobody@127.0.0.1:1/none"}); !errors.Is(err, ErrUnreachable) {
		t.Errorf("nobody there: %v", err)
	}
}
