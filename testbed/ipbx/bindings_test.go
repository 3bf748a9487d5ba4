package ipbx

import (
	"testing"
	"time"
)

func TestMostBindings(t *testing.T) {
	start := time.Unix(0, 0)
	at := func(second int, kind, user, contact string) BindingEvent {
		return BindingEvent{At: start.Add(time.Duration(second) * time.Second), Kind: kind, User: user, Contact: contact}
	}
	cases := []struct {
		name string
		log  []BindingEvent
		want Overlap
	}{
		{"nothing", nil, Overlap{}},
		{"one after the other", []BindingEvent{
			at(0, "bound", "5001", "a"), at(1, "refreshed", "5001", "a"), at(2, "removed", "5001", "a"),
			at(3, "bound", "5002", "b"), at(4, "expired", "5002", "b"), at(5, "bound", "5001", "a"),
		}, Overlap{Bindings: 1, Users: 1}},
		{"overlap of one second", []BindingEvent{
			at(0, "bound", "5001", "a"), at(2, "bound", "5002", "b"), at(3, "lost", "5001", "a"),
		}, Overlap{Bindings: 2, Users: 2, Lasted: time.Second}},
		{"still open", []BindingEvent{
			at(0, "bound", "5001", "a"), at(4, "bound", "5002", "b"),
		}, Overlap{Bindings: 2, Users: 2, Lasted: 6 * time.Second}},
		{"two contacts of one user", []BindingEvent{
			at(0, "bound", "5001", "a"), at(1, "bound", "5001", "b"),
		}, Overlap{Bindings: 2, Users: 1}},
		{"others do not count", []BindingEvent{
			at(0, "bound", "5001", "a"), at(1, "bound", "7777", "z"),
		}, Overlap{Bindings: 1, Users: 1}},
	}
	for _, tt := range cases {
		if got := MostBindings(tt.log, start.Add(10*time.Second), "5001", "5002"); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}
