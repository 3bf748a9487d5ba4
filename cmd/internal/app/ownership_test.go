package app

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"releve/db"
	"releve/db/sqlite"
	"releve/router/control"
)

// owned is a node with a store that others reach, too.
type owned struct {
	t     *testing.T
	o     *ownership
	store db.Store
}

func newOwned(t *testing.T, dir, takeOver string, store db.Store) *owned {
	t.Helper()
	o, err := newOwnership(dir, takeOver)
	if err != nil {
		t.Fatal(err)
	}
	return &owned{t, o, store}
}

func emptyStore(t *testing.T) db.Store {
	t.Helper()
	s, err := sqlite.Open(filepath.Join(t.TempDir(), "s.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// row is a state that is told from another by its epoch.
func epochRow(epoch string) []byte { return []byte(`{"Role":{"Epoch":` + epoch + `}}`) }

func (n *owned) boots(want string, version uint64) {
	n.t.Helper()
	row, v, err := n.o.boot(n.t.Context(), n.store)
	if err != nil || string(row) != want || v != version {
		n.t.Fatalf("boots from %q at %d, %v; want %q at %d", row, v, err, want, version)
	}
}

func (n *owned) save(epoch string, ifVersion uint64) error {
	return n.o.save(n.t.Context(), n.store, epochRow(epoch), ifVersion)
}

func (n *owned) saves(epoch string, ifVersion uint64) {
	n.t.Helper()
	if err := n.save(epoch, ifVersion); err != nil {
		n.t.Fatal(err)
	}
}

// A save of a killed process that was carried out late once made every later save
// a conflict, for ever.
func TestLateSaveOfAFormerLifeIsTakenForTheTruth(t *testing.T) {
	dir, store := t.TempDir(), emptyStore(t)
	former := newOwned(t, dir, "", store)
	former.boots("", 0)
	former.saves("1", 0)
	now := newOwned(t, dir, "", store)
	now.boots(string(epochRow("1")), 1)
	former.saves("2", 1) // it was under way when its process was killed
	err := now.save("3", 1)
	late := overtaken{}
	if !errors.As(err, &late) || late.version != 2 || late.row.Role.Epoch != 2 {
		t.Fatalf("%v %+v", err, late)
	}
	now.saves("3", 2)
	if err := former.save("4", 2); !errors.Is(err, errAnotherNode) {
		t.Errorf("a copy of this machine wrote over what it did not know: %v", err)
	}
	now.saves("3", 2) // its outcome was not known: again
	now.saves("4", 3)
}

// The very first save of all may be the late one.
func TestLateFirstSave(t *testing.T) {
	dir, store := t.TempDir(), emptyStore(t)
	former, now := newOwned(t, dir, "", store), newOwned(t, dir, "", store)
	now.boots("", 0)
	former.saves("7", 0)
	late := overtaken{}
	if err := now.save("1", 0); !errors.As(err, &late) || late.row.Role.Epoch != 7 {
		t.Fatalf("%v", err)
	}
	now.saves("8", late.version)
}

// A restored database, or a standby that lacked the last writes, knows less than
// we do.
func TestDatabaseThatWentBackIsWrittenOver(t *testing.T) {
	dir, store := t.TempDir(), emptyStore(t)
	n := newOwned(t, dir, "", store)
	n.boots("", 0)
	for v := range uint64(3) {
		n.saves("1", v)
	}
	n.store = emptyStore(t)
	n.saves("2", 3)
	n.saves("3", 4)
	n.boots(string(epochRow("3")), 2)
	n.saves("4", 2)
}

func TestRowOfAnotherNodeIsNotTouched(t *testing.T) {
	store := emptyStore(t)
	first := newOwned(t, t.TempDir(), "", store)
	first.boots("", 0)
	first.saves("1", 0)
	dir := t.TempDir()
	second := newOwned(t, dir, "", store)
	_, _, err := second.o.boot(t.Context(), store)
	if !errors.Is(err, errAnotherNode) || !strings.Contains(err.Error(), `store.take_over: "`+first.o.node+`"`) {
		t.Fatalf("%v", err)
	}
	if err := second.save("2", 0); !errors.Is(err, errAnotherNode) {
		t.Errorf("%v", err)
	}
}

// A machine that was replaced is named once; if it comes back, it decides nothing.
func TestTakeOver(t *testing.T) {
	store := emptyStore(t)
	first := newOwned(t, t.TempDir(), "", store)
	first.boots("", 0)
	first.saves("1", 0)
	dir := t.TempDir()
	second := newOwned(t, dir, first.o.node, store)
	second.boots(string(epochRow("1")), 1)
	second.saves("2", 1)
	if err := first.save("3", 1); !errors.Is(err, errAnotherNode) {
		t.Errorf("the one that was replaced saves: %v", err)
	}
	if _, _, err := first.o.boot(t.Context(), store); !errors.Is(err, errAnotherNode) {
		t.Errorf("the one that was replaced boots: %v", err)
	}
	again := newOwned(t, dir, "", store) // the key is no longer needed
	again.boots(string(epochRow("2")), 2)
}

func TestOwnershipRefusesWhatItCannotRead(t *testing.T) {
	dir, store := t.TempDir(), emptyStore(t)
	n := newOwned(t, dir, "", store)
	for _, raw := range []string{"", "{}", "null", `"x"`, `{"node":"` + n.o.node + `"}`, "\x00"} {
		s := emptyStore(t)
		if err := s.SaveState(t.Context(), []byte(raw), 0); err != nil {
			t.Fatal(err)
		}
		if _, _, err := n.o.boot(t.Context(), s); err == nil || !strings.Contains(err.Error(), "backup") {
			t.Errorf("%q: %v", raw, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, nodeFile), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newOwnership(dir, ""); err == nil || !strings.Contains(err.Error(), "take_over") {
		t.Errorf("%v", err)
	}
}

// What the mind stores survives the envelope.
func TestOwnedRowIsTheMindsOwn(t *testing.T) {
	n := newOwned(t, t.TempDir(), "", emptyStore(t))
	var row control.Row
	row.Role.Epoch = 1<<63 + 1
	raw, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	n.boots("", 0)
	if err := n.o.save(t.Context(), n.store, raw, 0); err != nil {
		t.Fatal(err)
	}
	n.boots(string(raw), 1)
}
