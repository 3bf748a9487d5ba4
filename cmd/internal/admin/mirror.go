package admin

import "time"

// States of a Mirror. Several may hold at once; the first of them is shown.
const (
	MirrorMainDown   = "main-down"   // the main database serves nobody
	MirrorBroken     = "broken"      // the mirror is no copy of the main, or cannot become one again by itself
	MirrorDown       = "mirror-down" // the mirror does not answer
	MirrorLagging    = "lagging"     // above max_lag
	MirrorOK         = "ok"
	MirrorUnknown    = "unknown" // not looked at yet
	DatabaseUp       = "up"
	DatabaseDown     = "down"
	DatabaseDenied   = "denied"    // it answers, and refuses our account
	DatabaseTLS      = "untrusted" // it answers, and no encrypted connection can be made
	DatabaseUnknown  = "unknown"   // not asked yet, or we could not ask
	DatabasePrimary  = "primary"   // it takes changes
	DatabaseStandby  = "standby"   // it only replays
	DatabaseRoleless = "unknown"
)

// Mirror is the mirrored database as the watch sees it.
type Mirror struct {
	State  string    `json:"state"`            // the gravest of what holds
	Cause  string    `json:"cause,omitempty"`  // a word of text.MirrorCause; "": nothing is wrong
	Detail string    `json:"detail,omitempty"` // what the databases said of it, as they said it
	Since  time.Time `json:"since"`            // of State
	At     time.Time `json:"at"`               // of the newest look; zero: none yet

	// Lag is how old what the mirror lacks is: what a switchover now would lose. While
	// the main is down it is the last one before. LagAt: zero: never measured.
	Lag    time.Duration `json:"lag_ns"`
	LagAt  time.Time     `json:"lag_at"`
	MaxLag time.Duration `json:"max_lag_ns"`
	Bytes  int64         `json:"behind_bytes"` // log that the mirror has not replayed; PostgreSQL
	// Blocks: a switchover is refused for it, by the last value before a fault.
	Blocks bool `json:"blocks_switchover"`

	Streaming   bool   `json:"streaming"`        // the replication runs, as either database says
	Replication string `json:"replication"`      // its state in the database's own word; "": not known
	Paused      bool   `json:"replay_paused"`    // the mirror receives and does not replay
	Heartbeat   string `json:"heartbeat"`        // its table; "": none is written
	WAL         int64  `json:"wal_kept_bytes"`   // log that replication slots keep on the main
	MaxWAL      int64  `json:"max_wal_bytes"`    //
	Grants      string `json:"grants,omitempty"` // what to grant our account, as SQL; "": nothing is missing

	Main   Database `json:"main"`
	Mirror Database `json:"mirror"`

	// AtRisk is the lag at the newest switchover; nil: none since the start.
	AtRisk *DataAtRisk `json:"data_at_risk,omitempty"`
}

// Database is one of the two.
type Database struct {
	Address string    `json:"address"`
	State   string    `json:"state"`
	Cause   string    `json:"cause,omitempty"` // why it is not up, as the database or the network said
	Since   time.Time `json:"since"`           // of State
	Role    string    `json:"role"`            // what it says of itself
	Version string    `json:"version"`         // as it says; "": not known
	Size    int64     `json:"size_bytes"`      // of its databases; 0: not known
	Full    bool      `json:"disk_full"`       // it said that its disk is full
}

// DataAtRisk is what a switchover could not take along.
type DataAtRisk struct {
	At    time.Time     `json:"at"` // of the switchover
	Lag   time.Duration `json:"lag_ns"`
	Known bool          `json:"known"` // false: the lag was never measured
}
