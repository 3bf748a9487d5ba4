package router

import "testing"

// statusRow is one line of the call table, transcribed a second time: the test
// does not read the implementation.
type statusRow struct {
	from, to uint16
	class    Class
	evidence Evidence
	act      Act
	noBranch bool
}

// plain rows: what a status means when no condition of the table applies.
// Later rows win over earlier ones.
var plain = []statusRow{
	{100, 199, ClassNone, NoEvidence, ActRelay, false},
	{200, 299, ClassAnswered, OK, ActRelay, false},
	{300, 399, ClassThisCall, OK, ActRelay, false},
	{400, 499, ClassThisCall, OK, ActRelay, false},
	{408, 408, ClassFailed, Err, ActOverflow, false},
	{480, 480, ClassBusy, Busy, ActDissuade, false},
	{486, 486, ClassBusy, Busy, ActDissuade, false},
	{500, 599, ClassFailed, Err, ActOverflow, false},
	{501, 501, ClassThisCall, OK, ActRelay, false},
	{505, 505, ClassThisCall, OK, ActRelay, false},
	{513, 513, ClassThisCall, OK, ActRelay, false},
	{580, 580, ClassThisCall, OK, ActRelay, false},
	{600, 600, ClassThisCall, Busy, ActRelay, true},
	{601, 699, ClassThisCall, OK, ActRelay, true},
}

// conditional rows win over plain ones.
func conditional(o Observation, w statusRow) statusRow {
	switch {
	case (o.Status == 480 || o.Status == 486) && o.Occupancy == NextToNothing:
		return statusRow{0, 0, ClassUnexplainedBusy, Stuck, ActOverflow, false}
	case o.Status == 503 && o.RetryAfter:
		return statusRow{0, 0, ClassBusy, Busy, ActDissuade, false}
	case o.Status == 600 && o.Occupancy == NextToNothing:
		w.evidence = Stuck
	case (o.Status == 403 || o.Status == 404) && o.ServiceNumber:
		return statusRow{0, 0, ClassMisprovisioned, Err, ActRelay, false}
	}
	return w
}

// everyFinal calls f with every status 100–699 × occupancy × entry × flag.
func everyFinal(f func(Observation)) {
	for status := uint16(100); status <= 699; status++ {
		for occupancy := range Occupancy(Occupancies) {
			for entry := Inline; entry <= OverflowEntry; entry++ {
				for flags := range 8 {
					f(Observation{
						Happening: GotFinal, Status: status, Occupancy: occupancy, Entry: entry,
						RetryAfter: flags&1 != 0, ServiceNumber: flags&2 != 0, AnsweredLately: flags&4 != 0,
					})
				}
			}
		}
	}
}

func TestClassifyEveryFinal(t *testing.T) {
	rows := 0
	everyFinal(func(o Observation) {
		rows++
		var want statusRow
		for _, r := range plain {
			if r.from <= o.Status && o.Status <= r.to {
				want = r
			}
		}
		want = conditional(o, want)
		got := Classify(o)
		if got.Class != want.class || got.Evidence != want.evidence || got.Act != want.act || got.NoBranch != want.noBranch {
			t.Errorf("%+v: got %+v, want %+v", o, got, want)
		}
		if (got.Reason == ReasonNone) != (o.Status < 200) {
			t.Errorf("%+v: reason %q", o, got.Reason)
		}
	})
	if rows != 600*Occupancies*2*8 {
		t.Errorf("%d rows walked", rows)
	}
}

func TestClassifyHappenings(t *testing.T) {
	tests := []struct {
		happening Happening
		occupancy Occupancy
		lately    bool
		want      Treatment
	}{
		{PortRefused, NextToNothing, false, Treatment{ClassRefused, Refused, ActOverflow, false, ReasonPortRefused}},
		{PortRefused, Full, true, Treatment{ClassRefused, Refused, ActOverflow, false, ReasonPortRefused}},
		{Unreachable, Plausible, true, Treatment{ClassSilent, Silent, ActOverflow, false, ReasonNoProgress}},
		{NoProgress, NextToNothing, false, Treatment{ClassSilent, Silent, ActOverflow, false, ReasonNoProgress}},
		{NoProgress, Full, true, Treatment{ClassSilent, Silent, ActOverflow, false, ReasonNoProgress}},
		{TLSFailed, Plausible, true, Treatment{ClassConfig, ConfigFault, ActOverflow, false, ReasonTLSFailed}},
		{NoAnswer, Unreconciled, true, Treatment{ClassNoAnswer, Busy, ActOverflow, false, ReasonNoAnswer}},
		{NoAnswer, NextToNothing, true, Treatment{ClassNoAnswer, Stuck, ActOverflow, false, ReasonNoAnswer}},
		{NoAnswer, Plausible, false, Treatment{ClassNoAnswer, Busy, ActOverflow, false, ReasonNoAnswer}},
		{NoAnswer, Full, false, Treatment{ClassNoAnswer, Busy, ActOverflow, false, ReasonNoAnswer}},
		{NoFreeLine, Full, true, Treatment{ClassBusy, Busy, ActDissuade, false, ReasonLinesFull}},
		{NoFreeLine, Full, false, Treatment{}},
		{NoFreeLine, Unreconciled, true, Treatment{}},
		{NoFreeLine, Plausible, true, Treatment{}},
		{NoFreeLine, NextToNothing, true, Treatment{}},
		{Happenings, Full, true, Treatment{}},
	}
	for _, tt := range tests {
		o := Observation{Happening: tt.happening, Occupancy: tt.occupancy, AnsweredLately: tt.lately}
		if got := Classify(o); got != tt.want {
			t.Errorf("%+v: got %+v, want %+v", o, got, tt.want)
		}
	}
}

func TestClassifyOverride(t *testing.T) {
	everyFinal(func(o Observation) {
		for class := ClassAnswered; class <= ClassNoAnswer; class++ {
			base := Classify(o)
			o.Override = class
			got := Classify(o)
			o.Override = ClassNone
			switch {
			case o.Status < 300 && got != base:
				t.Errorf("override %d touched %d: %+v", class, o.Status, got)
			case o.Status >= 300 && class == ClassAnswered && got.Class != ClassThisCall:
				t.Errorf("%d counted as answered: %+v", o.Status, got)
			case o.Status >= 300 && class != ClassAnswered && got.Class != class:
				t.Errorf("override %d on %d not read: %+v", class, o.Status, got)
			case o.Status >= 600 && (!got.NoBranch || got.Act != ActRelay):
				t.Errorf("override %d on %d makes a branch after a 6xx: %+v", class, o.Status, got)
			case o.Status == 600 && class == ClassFailed && got.Evidence != Err:
				t.Errorf("override of 600 lost its evidence: %+v", got)
			}
		}
	})
	beyond := Classify(Observation{Status: 404, Override: Class(len(treatments))})
	if beyond.Class != ClassThisCall {
		t.Errorf("an override that is no class: %+v", beyond)
	}
}

func TestTreatmentsTable(t *testing.T) {
	for class, row := range treatments {
		if row.Class != Class(class) {
			t.Errorf("row %d holds class %d", class, row.Class)
		}
	}
}

func TestOccupied(t *testing.T) {
	tests := []struct {
		reserved, lines int
		reconciled      bool
		want            Occupancy
	}{
		{0, 30, true, NextToNothing},
		{7, 30, true, NextToNothing}, // 7.5 is the quarter
		{8, 30, true, Plausible},
		{29, 30, true, Plausible},
		{30, 30, true, Full},
		{31, 30, true, Full},
		{30, 30, false, Unreconciled},
		{0, 30, false, Unreconciled},
		{0, 1, true, NextToNothing},
		{1, 1, true, Full},
		{1, 4, true, Plausible},
		{0, 0, true, Unreconciled},
		{5, -1, true, Unreconciled},
	}
	for _, tt := range tests {
		if got := Occupied(tt.reserved, tt.lines, tt.reconciled); got != tt.want {
			t.Errorf("Occupied(%d, %d, %v) = %d, want %d", tt.reserved, tt.lines, tt.reconciled, got, tt.want)
		}
	}
}

func TestClassifyAllocates(t *testing.T) {
	o := Observation{Status: 486, Occupancy: Plausible}
	if n := testing.AllocsPerRun(100, func() { Classify(o) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
