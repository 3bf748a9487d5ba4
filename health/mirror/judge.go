package mirror

import "time"

// Policy is what is too much.
type Policy struct {
	MaxLag      time.Duration
	MaxWAL      int64 // bytes; 0: any
	MaxDatabase int64 // bytes; 0: any

	settle time.Duration // 0: settle
}

// confirm is how many looks in a row it takes to believe in a condition, or in its
// end; settle how long a replication may be without a stream: a receiver tries
// again every five seconds (wal_retrieve_retry_interval). Our choices.
const (
	confirm = 2
	settle  = 10 * time.Second

	blindAfter = 30 * time.Second // our own network comes and goes; our choice
)

// Facts are what Judge looks at: one look, and what only time tells.
type Facts struct {
	Look
	Lag      time.Duration
	Measured bool // Lag is known
	Halted   bool // nothing has come through for longer than settle, and no stream runs
	Blind    bool // one of them could not be asked for longer than blindAfter, for a reason of our own side
}

// Finding is what one look says, undamped. A condition that the look cannot tell
// is Unknown: what was known stands.
type Finding struct {
	MainDown, MirrorDown Known
	Broken               Known
	Why                  Cause // of Broken, when Yes
	Lagging              Known
	Crowded              Known
	Space                Cause // of Crowded, when Yes
}

// Judge says what one look shows. Pure and total.
func Judge(f Facts, p Policy) Finding {
	v := Finding{MainDown: down(f.Main), MirrorDown: down(f.Mirror)}
	v.Broken, v.Why = broken(f)
	if f.Measured && f.Main.Reach == Up {
		v.Lagging = known(f.Lag > p.MaxLag)
	}
	v.Crowded, v.Space = crowded(f, p)
	return v
}

func known(yes bool) Known {
	if yes {
		return Yes
	}
	return No
}

// down: a database that refuses our account is there.
func down(a Answer) Known {
	switch a.Reach {
	case Down:
		return Yes
	case Up, Denied:
		return No
	}
	return Unknown
}

// broken says whether the mirror is a mirror of this main. Without the main
// nothing can be said of it: a mirror that was made the main by hand is the
// restore.
func broken(f Facts) (Known, Cause) {
	main, mirror := f.Main, f.Mirror
	switch {
	case main.Reach == Denied && main.Untrusted:
		return Yes, MainTLS
	case main.Reach == Denied:
		return Yes, MainDenied
	case f.Blind:
		return Yes, NotAsked
	case main.Reach != Up:
		return Unknown, OK
	case main.Role == Standby && mirror.Role == Primary:
		return Yes, Swapped
	case main.Role == Standby:
		return Yes, MainStandby
	case mirror.Reach == Up && mirror.System != "" && main.System != "" && mirror.System != main.System:
		return Yes, Another
	case mirror.Reach == Up && mirror.Role == Primary:
		return Yes, Promoted
	case mirror.Major != 0 && mirror.Major < main.Major: // a replica may be newer than its main, never older
		return Yes, Versions
	case main.SlotLost && !streams(f):
		return Yes, SlotLost
	case f.Halted && mirror.Reach != Down:
		return Yes, Halted
	case mirror.Reach == Denied && mirror.Untrusted:
		return Yes, MirrorTLS
	case mirror.Reach == Denied:
		return Yes, MirrorDenied
	case mirror.Reach == Up && (streams(f) || !f.Halted && stream(f) == Unsaid):
		return No, OK
	case main.Stream == Running:
		return No, OK
	}
	return Unknown, OK // the stream has stopped just now, or the mirror is down
}

func streams(f Facts) bool { return stream(f) == Running }

// stream is what either side says: one that sees it run is believed.
func stream(f Facts) Stream {
	if f.Main.Stream == Running || f.Mirror.Stream == Running {
		return Running
	}
	return max(f.Main.Stream, f.Mirror.Stream)
}

// crowded says what SQL can tell of disk space.
func crowded(f Facts, p Policy) (Known, Cause) {
	switch {
	case f.Main.Full:
		return Yes, MainFull
	case f.Mirror.Full:
		return Yes, MirrorFull
	case p.MaxWAL > 0 && f.Main.WAL > p.MaxWAL:
		return Yes, WALKept
	case p.MaxDatabase > 0 && max(f.Main.Size, f.Mirror.Size) > p.MaxDatabase:
		return Yes, Large
	case f.Main.Reach != Up:
		return Unknown, OK
	}
	return No, OK
}
