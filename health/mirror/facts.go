package mirror

import "time"

// Reach says whether a database could be asked.
type Reach uint8

// Unasked: not yet. Up: it answered. Denied: it answered, and refuses our account
// or our question. Down: it does not serve: no answer, a refused connection, an
// answer that is none of its kind. Ours: we could not ask, for a reason of our own
// side (no route, no descriptor, an address in the file that cannot be read).
const (
	Unasked Reach = iota
	Up
	Denied
	Down
	Ours
)

func (r Reach) String() string { return [...]string{"unknown", "up", "denied", "down", "unknown"}[r] }

// Role is what a database says of itself.
type Role uint8

// The roles. NoRole: it has not said, or its kind has none.
const (
	NoRole Role = iota
	Primary
	Standby
)

func (r Role) String() string { return [...]string{"unknown", "primary", "standby"}[r] }

// Stream is what a database says of the replication.
type Stream uint8

// Unsaid: nothing, or our account may not see it. Running: it streams, or catches
// up. Stopped: it does not.
const (
	Unsaid Stream = iota
	Running
	Stopped
)

// Answer is what one database said in one look. Fields that it did not say are
// zero.
type Answer struct {
	Reach   Reach
	Cause   string // why it is not Up, or could not be asked everything; at most maxCause bytes
	Address string // where it was asked
	Role    Role
	Version string
	Major   int    // first number of Version; 0: not known
	System  string // identifier of the cluster: a copy has the original's
	Grants  string // SQL that would show us what we may not see
	Full    bool   // it said that its disk is full
	// Untrusted: Denied, for the encrypted connection could not be made: its
	// certificate, ours, or no TLS where it is asked for.
	Untrusted bool
	Size      int64 // bytes of its databases

	Position uint64 // main: log written; mirror: log replayed
	Beat     uint64 // main: the beat just written; mirror: the newest that it has. In ms of our clock
	Beats    bool   // Beat is followed

	Stream   Stream
	Word     string        // the state of the stream as the database calls it
	Sent     uint64        // main: log that the mirror has replayed, as it told the main
	Delay    time.Duration // main: the lag as it measures it; 0: none, or not measured
	WAL      int64         // main: bytes kept by slots
	SlotLost bool          // main: a slot's log was removed
	Paused   bool          // mirror: the replay was told to stop
	Clock    time.Time     // main: its clock
	Replayed time.Time     // mirror: when the newest change that it has was made, by the main's clock
}

// Look is one look at both.
type Look struct {
	At           time.Time // with the monotonic clock
	Main, Mirror Answer
}

// Cause is a stable word for what is wrong; the text catalogue has its sentence.
type Cause string

// The causes, from the gravest.
const (
	OK           Cause = ""
	MainDown     Cause = "main-down"      // the main does not serve
	MainFull     Cause = "main-full"      // its disk is full
	Swapped      Cause = "roles-swapped"  // the main is a standby, and the mirror is not
	MainStandby  Cause = "main-standby"   // the main takes no changes
	Promoted     Cause = "promoted"       // the mirror takes changes of its own
	Another      Cause = "another"        // the mirror is no copy of this main
	SlotLost     Cause = "slot-lost"      // log that the mirror needs was removed
	Versions     Cause = "versions"       // of different major versions
	Halted       Cause = "not-streaming"  // the replication does not run
	MainDenied   Cause = "main-denied"    // the main refuses our account
	MainTLS      Cause = "main-tls"       // no encrypted connection to the main can be made
	MirrorDown   Cause = "mirror-down"    // the mirror does not answer
	MirrorDenied Cause = "mirror-denied"  // the mirror refuses our account
	MirrorTLS    Cause = "mirror-tls"     // no encrypted connection to the mirror can be made
	Paused       Cause = "replay-paused"  // the mirror receives and does not replay
	Lagging      Cause = "lagging"        // the mirror is more than MaxLag behind
	MirrorFull   Cause = "mirror-full"    // its disk is full
	WALKept      Cause = "wal-kept"       // slots keep more than MaxWAL
	Large        Cause = "database-large" // databases above MaxDatabase
	NotAsked     Cause = "not-asked"      // we could not ask
)

// Known says yes, no, or neither.
type Known uint8

// The values of Known.
const (
	Unknown Known = iota
	No
	Yes
)

// State is what is known after a look, damped: one lost packet changes nothing.
type State struct {
	At   time.Time
	Look Look // the newest; its answers are not damped

	// What holds, each confirmed by looks in a row.
	MainDown, MirrorDown bool
	Broken               Cause // why the mirror is no mirror; OK: it is one
	Lagging              bool
	Space                Cause // what is said of disk space; OK: nothing

	// Behind: a server that works on the mirror is not ready to take over. While the
	// main cannot be asked, it is what it was before: the last value before a fault
	// counts. Unknown: the lag was never measured.
	Behind Known

	Lag    time.Duration // of the newest measure
	LagAt  time.Time     // when that was; zero: never
	Bytes  int64         // of log that the mirror has not replayed; 0 when that is not known
	Stream Stream        // either side's word
}

// Cause is the gravest of what holds.
func (s *State) Cause() Cause {
	switch {
	case s.MainDown:
		return MainDown
	case s.Broken != OK:
		return s.Broken
	case s.MirrorDown:
		return MirrorDown
	case s.Lagging && s.Look.Mirror.Paused:
		return Paused
	case s.Lagging:
		return Lagging
	case s.Space != OK:
		return s.Space
	case s.Look.Main.Reach == Ours || s.Look.Mirror.Reach == Ours:
		return NotAsked
	}
	return OK
}
