// Package db is what Relève remembers: the state row (role, licence, epoch),
// call records, the journal of events and alarms. The Store interface has a
// SQLite implementation (db/sqlite); db/spool is the lossless way in for
// records and events; db/dbtest is the contract suite every store passes.
//
// The database is never in the path of a call: calls are routed from memory.
package db

import (
	"context"
	"errors"
	"time"

	"releve/router"
)

// ErrConflict: the row changed since IfVersion was read; read it again.
var ErrConflict = errors.New("the stored row has another version: read it again before writing")

// ErrNotFound: no such record.
var ErrNotFound = errors.New("not found in the store")

// Event is one line of the journal: a code with parameters, rendered in the
// reader's language when it is shown, never before.
type Event struct {
	ID     int64             `json:"id"` // set by the store; rises
	Time   time.Time         `json:"time"`
	Code   string            `json:"code"` // as in the text catalogue, e.g. "switchover-done"
	Params map[string]string `json:"params,omitempty"`
	Actor  string            `json:"actor,omitempty"` // operator, "releve", …
}

// Tally is a number of calls that ended alike.
type Tally struct {
	Outcome   string        `json:"outcome"`
	Reason    router.Reason `json:"reason"`
	WouldHave router.Reason `json:"would_have,omitempty"`
	Outgoing  bool          `json:"outgoing"`
	Calls     int64         `json:"calls"`
	Held      int64         `json:"held"`       // of these: kept waiting at all
	Longest   time.Duration `json:"longest_ns"` // the longest set-up among them
}

// Alarm is one row of the alarm table.
type Alarm struct {
	Number   uint16    `json:"number"`
	Object   string    `json:"object"` // what it is about: server, IPBX, …
	Severity string    `json:"severity"`
	Raised   time.Time `json:"raised"`
	Cleared  time.Time `json:"cleared,omitzero"`
	AckBy    string    `json:"ack_by,omitempty"`
	AckNote  string    `json:"ack_note,omitempty"`
	AckAt    time.Time `json:"ack_at,omitzero"`
	Count    uint32    `json:"count"`
	Detail   string    `json:"detail,omitempty"` // what is known besides now, for screens; not stored
}

// MaxRows is the most rows one query returns.
const MaxRows = 10_000

// Store is implemented by db/sqlite (and db/postgres on two nodes). All
// methods are safe for concurrent use and end when ctx does.
type Store interface {
	// LoadState returns the state row (opaque to the store) and its version;
	// version 0 and no bytes when none was ever saved.
	LoadState(ctx context.Context) (row []byte, version uint64, err error)
	// SaveState makes row durable (synced to disk) as version ifVersion+1, or
	// returns ErrConflict. Any other error means the outcome is unknown: the
	// same call again settles it, for it succeeds when exactly this row is
	// already stored as version ifVersion+1.
	SaveState(ctx context.Context, row []byte, ifVersion uint64) error

	// Append stores records and events durably in one transaction. A batch
	// whose Offset is not above the highest stored for its Segment is ignored
	// (the spool may send it twice); so the batches of one segment come in
	// rising order. A batch without Segment is always stored.
	Append(ctx context.Context, b Batch) error
	// Calls returns the newest records first (by Started, then as appended).
	// filter "" is all, else a prefix of the Call-ID or a part of From or To,
	// case and every character taken literally. A limit outside 1–MaxRows
	// means MaxRows. Times come back in UTC, to the microsecond at least.
	Calls(ctx context.Context, filter string, limit int) ([]router.CallRecord, error)
	// Events returns the newest events first (by Time, then ID), those at
	// since or later; the zero since is all. limit as in Calls.
	Events(ctx context.Context, since time.Time, limit int) ([]Event, error)

	// Tally counts the records of the calls that began at since or later, by what
	// became of them; the most frequent first.
	Tally(ctx context.Context, since time.Time) ([]Tally, error)
	// EventsOf is Events of some codes only.
	EventsOf(ctx context.Context, codes []string, since time.Time, limit int) ([]Event, error)

	// SaveAlarms replaces the whole stored alarm table, in one transaction;
	// Alarms returns it by number and object. Number and Object together are
	// unique.
	SaveAlarms(ctx context.Context, alarms []Alarm) error
	Alarms(ctx context.Context) ([]Alarm, error)

	// Prune removes records and events older than before, in small steps that
	// let SaveState in between; ended early, it has removed a part.
	Prune(ctx context.Context, before time.Time) error
	Close() error
}

// Batch is what the spool hands to the store.
type Batch struct {
	Segment string // name of the spool segment, never used again for another one
	Offset  int64  // end of the batch in the segment, above 0; with Segment it makes a batch unique
	Calls   []router.CallRecord
	Events  []Event
}
