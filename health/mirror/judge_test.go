package mirror

import (
	"testing"
	"time"
)

// good is a look at a pair that is well.
func good() Facts {
	return Facts{
		Look: Look{
			Main:   Answer{Reach: Up, Role: Primary, Major: 15, System: "1", Position: 100, Stream: Running},
			Mirror: Answer{Reach: Up, Role: Standby, Major: 15, System: "1", Position: 100, Stream: Running},
		},
		Measured: true,
	}
}

// What one look says, fault by fault.
func TestJudge(t *testing.T) {
	policy := Policy{MaxLag: 30 * time.Second, MaxWAL: 1000, MaxDatabase: 5000}
	fine := Finding{MainDown: No, MirrorDown: No, Broken: No, Lagging: No, Crowded: No}
	with := func(change func(*Finding)) Finding { v := fine; change(&v); return v }
	broken := func(c Cause) Finding { return with(func(v *Finding) { v.Broken, v.Why = Yes, c }) }
	crowded := func(c Cause) Finding { return with(func(v *Finding) { v.Crowded, v.Space = Yes, c }) }
	unmeasured := func(v Finding) Finding { v.Lagging, v.Crowded = Unknown, Unknown; return v }
	for name, c := range map[string]struct {
		fault func(*Facts)
		want  Finding
	}{
		"all well":                     {func(*Facts) {}, fine},
		"at the limit":                 {func(f *Facts) { f.Lag = policy.MaxLag }, fine},
		"above it":                     {func(f *Facts) { f.Lag = policy.MaxLag + 1 }, with(func(v *Finding) { v.Lagging = Yes })},
		"not measured":                 {func(f *Facts) { f.Measured = false }, with(func(v *Finding) { v.Lagging = Unknown })},
		"the main is down":             {func(f *Facts) { f.Main = Answer{Reach: Down} }, unmeasured(Finding{MainDown: Yes, MirrorDown: No})},
		"and the mirror was promoted":  {func(f *Facts) { f.Main = Answer{Reach: Down}; f.Mirror.Role = Primary }, unmeasured(Finding{MainDown: Yes, MirrorDown: No})},
		"both are down":                {func(f *Facts) { f.Main, f.Mirror = Answer{Reach: Down}, Answer{Reach: Down} }, unmeasured(Finding{MainDown: Yes, MirrorDown: Yes})},
		"the main refuses us":          {func(f *Facts) { f.Main = Answer{Reach: Denied} }, unmeasured(Finding{MainDown: No, MirrorDown: No, Broken: Yes, Why: MainDenied})},
		"we cannot ask the main":       {func(f *Facts) { f.Main = Answer{Reach: Ours} }, unmeasured(Finding{MirrorDown: No})},
		"for long":                     {func(f *Facts) { f.Main, f.Blind = Answer{Reach: Ours}, true }, unmeasured(Finding{MirrorDown: No, Broken: Yes, Why: NotAsked})},
		"nothing was asked yet":        {func(f *Facts) { f.Look, f.Measured = Look{}, false }, unmeasured(Finding{})},
		"the mirror is down":           {func(f *Facts) { f.Mirror = Answer{Reach: Down}; f.Main.Stream = Stopped; f.Halted = true }, with(func(v *Finding) { v.MirrorDown, v.Broken = Yes, Unknown })},
		"only from here":               {func(f *Facts) { f.Mirror = Answer{Reach: Down} }, with(func(v *Finding) { v.MirrorDown = Yes })},
		"the mirror refuses us":        {func(f *Facts) { f.Mirror = Answer{Reach: Denied} }, broken(MirrorDenied)},
		"two primaries":                {func(f *Facts) { f.Mirror.Role = Primary; f.Mirror.Stream = Unsaid }, broken(Promoted)},
		"swapped":                      {func(f *Facts) { f.Main.Role, f.Mirror.Role = Standby, Primary }, broken(Swapped)},
		"two replicas":                 {func(f *Facts) { f.Main.Role = Standby }, broken(MainStandby)},
		"a copy of another":            {func(f *Facts) { f.Mirror.System = "2" }, broken(Another)},
		"an older mirror":              {func(f *Facts) { f.Mirror.Major = 14 }, broken(Versions)},
		"a newer one may replicate":    {func(f *Facts) { f.Mirror.Major = 16 }, fine},
		"the stream stopped just now":  {func(f *Facts) { f.Main.Stream, f.Mirror.Stream = Stopped, Stopped }, with(func(v *Finding) { v.Broken = Unknown })},
		"and long ago":                 {func(f *Facts) { f.Main.Stream, f.Mirror.Stream, f.Halted = Stopped, Stopped, true }, broken(Halted)},
		"one side sees it run":         {func(f *Facts) { f.Main.Stream = Stopped }, fine},
		"nobody may look at it":        {func(f *Facts) { f.Main.Stream, f.Mirror.Stream = Unsaid, Unsaid }, fine},
		"its log is gone":              {func(f *Facts) { f.Main.SlotLost = true; f.Main.Stream, f.Mirror.Stream = Stopped, Stopped }, broken(SlotLost)},
		"another's log is gone":        {func(f *Facts) { f.Main.SlotLost = true }, fine},
		"the main's disk is full":      {func(f *Facts) { f.Main.Full = true }, crowded(MainFull)},
		"the mirror's disk is full":    {func(f *Facts) { f.Mirror.Full = true }, crowded(MirrorFull)},
		"log piles up":                 {func(f *Facts) { f.Main.WAL = 1001 }, crowded(WALKept)},
		"a database is large":          {func(f *Facts) { f.Mirror.Size = 5001 }, crowded(Large)},
		"a heartbeat has no identity":  {func(f *Facts) { f.Main.System, f.Mirror.System = "", "" }, fine},
		"nor has a replica its states": {func(f *Facts) { f.Main.Stream, f.Mirror.Stream, f.Mirror.Role = Unsaid, Unsaid, NoRole }, fine},
	} {
		t.Run(name, func(t *testing.T) {
			f := good()
			c.fault(&f)
			if got := Judge(f, policy); got != c.want {
				t.Errorf("%+v\nwant %+v", got, c.want)
			}
		})
	}
	f := good()
	f.Main.WAL, f.Main.Size = 1<<40, 1<<40
	if got := Judge(f, Policy{MaxLag: time.Second}); got.Crowded != No {
		t.Errorf("without limits: %+v", got)
	}
}

// Whatever the databases say, every look has a finding, and a mirror is never
// called broken when nothing can be said of it.
func TestJudgeIsTotal(t *testing.T) {
	n := 0
	for main := Unasked; main <= Ours; main++ {
		for mirror := Unasked; mirror <= Ours; mirror++ {
			for roles := range 9 {
				for streams := range 9 {
					f := Facts{Look: Look{
						Main:   Answer{Reach: main, Role: Role(roles % 3), Stream: Stream(streams % 3)},
						Mirror: Answer{Reach: mirror, Role: Role(roles / 3), Stream: Stream(streams / 3)},
					}}
					v := Judge(f, Policy{})
					n++
					if (v.Broken == Yes) != (v.Why != OK) || (v.Crowded == Yes) != (v.Space != OK) {
						t.Fatalf("%+v: %+v", f, v)
					}
					if main == Down && v.Broken != Unknown || v.MainDown == Yes && main != Down {
						t.Fatalf("%+v: %+v", f, v)
					}
				}
			}
		}
	}
	if n != 2025 {
		t.Errorf("%d looks", n)
	}
}
