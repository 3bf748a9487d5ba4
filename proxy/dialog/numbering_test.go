package dialog

import (
	"testing"

	"releve/router"
)

// TestNumberingOfTheDialog: what was noted is found by the dialog's own tag, ends
// with the call, and is swept when its call ended unseen.
func TestNumberingOfTheDialog(t *testing.T) {
	table := New(Limits{Calls: 2})
	n := Numbering{Tag: 7, First: 10, Shift: 2}
	if !table.Note(1, n, 100) || !table.Note(2, n, 200) || table.Note(3, n, 200) {
		t.Fatal("two fit, a third does not")
	}
	if !table.Note(2, n, 300) {
		t.Error("a known one finds room")
	}
	if _, ok := table.Noted(1, 8); ok {
		t.Error("another dialog of the same Call-ID was taken for it")
	}
	got, ok := table.Noted(1, 7)
	if !ok || got.Number(9) != 9 || got.Number(10) != 12 {
		t.Errorf("%+v %v", got, ok)
	}
	table.Expired(150)
	if _, ok := table.Noted(1, 7); ok {
		t.Error("not swept")
	}
	table.Add(Call{Key: 2, Server: router.Primary})
	table.End(2, 400)
	if _, ok := table.Noted(2, 7); ok {
		t.Error("it outlived its call")
	}
}
