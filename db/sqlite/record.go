package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"releve/db"
	"releve/router"
)

const (
	insertCallSQL  = "INSERT INTO calls (started, call_id, caller, callee, record) VALUES " // and callRow, a row each
	callRow        = "(?, ?, ?, ?, ?)"
	insertEventSQL = "INSERT INTO events (time, code, params, actor) VALUES (?, ?, ?, ?)"
	// insertMarkSQL changes no row when the batch is stored already.
	insertMarkSQL = `INSERT INTO ingested (segment, offset) VALUES (?, ?)
		ON CONFLICT (segment) DO UPDATE SET offset = excluded.offset WHERE excluded.offset > ingested.offset`

	allCallsSQL = "SELECT record FROM calls ORDER BY started DESC, id DESC LIMIT ?1"
	// findCallsSQL: each half stops at the limit and uses an index of its own.
	// ?2 is the filter, ?3 just above every text that begins with it (NULL: there is
	// none): TEXT compares byte by byte.
	findCallsSQL = `SELECT record FROM calls WHERE id IN (
			SELECT id FROM (SELECT id FROM calls WHERE call_id >= ?2 AND (?3 IS NULL OR call_id < ?3) ORDER BY started DESC, id DESC LIMIT ?1)
			UNION
			SELECT id FROM (SELECT id FROM calls INDEXED BY calls_by_start
				WHERE instr(caller, ?2) > 0 OR instr(callee, ?2) > 0 ORDER BY started DESC, id DESC LIMIT ?1)
		) ORDER BY started DESC, id DESC LIMIT ?1`
	eventsSQL = "SELECT id, time, code, params, actor FROM events WHERE time >= ?1 ORDER BY time DESC, id DESC LIMIT ?2"
	// eventsOfSQL: ?3 is a JSON array of codes.
	eventsOfSQL = `SELECT id, time, code, params, actor FROM events
		WHERE time >= ?1 AND code IN (SELECT value FROM json_each(?3)) ORDER BY time DESC, id DESC LIMIT ?2`
	tallySQL = `SELECT record ->> 'outcome', record ->> 'reason', coalesce(record ->> 'would_have', ''), record ->> 'outgoing',
			count(*), sum(record ->> 'held_ns' > 0), max(record ->> 'setup_ns')
		FROM calls WHERE started >= ?1 GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1, 2, 3, 4`

	// pruneStep is the most rows one transaction of Prune removes: some
	// milliseconds, the longest that SaveState waits for it.
	pruneStep = 500
	// keptMarks is how many segments Prune remembers as ingested: many times
	// what a full spool holds. A segment that came back later than that would
	// be stored twice.
	keptMarks = 1000
)

// Append implements db.Store.
func (s *Store) Append(ctx context.Context, b db.Batch) error {
	return s.update(ctx, "append records to", func(tx *sql.Tx) error {
		if b.Segment != "" {
			done, err := tx.StmtContext(ctx, s.insertMark).ExecContext(ctx, b.Segment, b.Offset)
			if err != nil {
				return err
			}
			if n, err := done.RowsAffected(); err != nil || n == 0 {
				return err
			}
		}
		if err := s.appendCalls(ctx, tx, b.Calls); err != nil {
			return err
		}
		return s.appendEvents(ctx, tx, b.Events)
	})
}

// callSteps is how many statements insert calls, and rowsOf how many rows each
// of them takes: 64, 8, 1. The driver starts a goroutine for each statement it
// executes; a row at a time, those cost more than the rows.
const callSteps = 3

func rowsOf(step int) int { return 64 >> (3 * step) }

func (s *Store) appendCalls(ctx context.Context, tx *sql.Tx, calls []router.CallRecord) error {
	var args []any
	for step := range s.insertCalls {
		n := rowsOf(step)
		if len(calls) < n {
			continue
		}
		insert := tx.StmtContext(ctx, s.insertCalls[step])
		for ; len(calls) >= n; calls = calls[n:] {
			var err error
			if args, err = appendColumns(args[:0], calls[:n]); err != nil {
				return err
			}
			if _, err := insert.ExecContext(ctx, args...); err != nil {
				return err
			}
		}
	}
	return nil
}

// appendColumns appends the values of each call, in the order of insertCallSQL.
func appendColumns(args []any, calls []router.CallRecord) ([]any, error) {
	for i := range calls {
		c := calls[i]
		c.Started = c.Started.UTC()
		text, err := json.Marshal(&c)
		if err != nil {
			return nil, fmt.Errorf("call %s: %w", c.CallID, err)
		}
		args = append(args, nanos(c.Started), c.CallID, c.From, c.To, string(text))
	}
	return args, nil
}

func (s *Store) appendEvents(ctx context.Context, tx *sql.Tx, events []db.Event) error {
	if len(events) == 0 {
		return nil
	}
	insert := tx.StmtContext(ctx, s.insertNote)
	for _, e := range events {
		var params sql.NullString
		if len(e.Params) > 0 {
			text, err := json.Marshal(e.Params)
			if err != nil {
				return fmt.Errorf("event %s: %w", e.Code, err)
			}
			params = sql.NullString{String: string(text), Valid: true}
		}
		if _, err := insert.ExecContext(ctx, nanos(e.Time), e.Code, params, e.Actor); err != nil {
			return err
		}
	}
	return nil
}

// Calls implements db.Store.
func (s *Store) Calls(ctx context.Context, filter string, limit int) ([]router.CallRecord, error) {
	query, args := allCallsSQL, []any{rows(limit)}
	if filter != "" {
		above := db.PrefixEnd(filter)
		query, args = findCallsSQL, []any{rows(limit), filter, sql.NullString{String: string(above), Valid: above != nil}}
	}
	var out []router.CallRecord
	err := s.each(ctx, func(r *sql.Rows) error {
		var text []byte
		if err := r.Scan(&text); err != nil {
			return err
		}
		var c router.CallRecord
		if err := json.Unmarshal(text, &c); err != nil {
			return err
		}
		out = append(out, c)
		return nil
	}, query, args...)
	if err != nil {
		return nil, s.explain("read calls in", err)
	}
	return out, nil
}

// Events implements db.Store.
func (s *Store) Events(ctx context.Context, since time.Time, limit int) ([]db.Event, error) {
	return s.events(ctx, eventsSQL, nanos(since), rows(limit))
}

// EventsOf implements db.Store.
func (s *Store) EventsOf(ctx context.Context, codes []string, since time.Time, limit int) ([]db.Event, error) {
	wanted, err := json.Marshal(codes)
	if err != nil {
		return nil, err
	}
	return s.events(ctx, eventsOfSQL, nanos(since), rows(limit), string(wanted))
}

func (s *Store) events(ctx context.Context, query string, args ...any) ([]db.Event, error) {
	var out []db.Event
	err := s.each(ctx, func(r *sql.Rows) error {
		var e db.Event
		var at int64
		var params []byte
		if err := r.Scan(&e.ID, &at, &e.Code, &params, &e.Actor); err != nil {
			return err
		}
		e.Time = instant(at)
		if params != nil {
			if err := json.Unmarshal(params, &e.Params); err != nil {
				return err
			}
		}
		out = append(out, e)
		return nil
	}, query, args...)
	if err != nil {
		return nil, s.explain("read events in", err)
	}
	return out, nil
}

// Tally implements db.Store.
func (s *Store) Tally(ctx context.Context, since time.Time) ([]db.Tally, error) {
	var out []db.Tally
	err := s.each(ctx, func(r *sql.Rows) error {
		var t db.Tally
		var longest int64
		if err := r.Scan(&t.Outcome, &t.Reason, &t.WouldHave, &t.Outgoing, &t.Calls, &t.Held, &longest); err != nil {
			return err
		}
		t.Longest = time.Duration(longest)
		out = append(out, t)
		return nil
	}, tallySQL, nanos(since))
	if err != nil {
		return nil, s.explain("count calls in", err)
	}
	return out, nil
}

// Prune implements db.Store.
func (s *Store) Prune(ctx context.Context, before time.Time) error {
	for _, step := range []struct {
		query string
		args  []any
	}{
		{"DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE started < ? LIMIT ?)", []any{nanos(before), pruneStep}},
		{"DELETE FROM events WHERE id IN (SELECT id FROM events WHERE time < ? LIMIT ?)", []any{nanos(before), pruneStep}},
		{"DELETE FROM ingested WHERE id IN (SELECT id FROM ingested ORDER BY id DESC LIMIT ?2 OFFSET ?1)", []any{keptMarks, pruneStep}},
	} {
		for removed := int64(pruneStep); removed == pruneStep; {
			err := s.update(ctx, "prune", func(tx *sql.Tx) error {
				done, err := tx.ExecContext(ctx, step.query, step.args...)
				if err != nil {
					return err
				}
				removed, err = done.RowsAffected()
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// each calls f for every row of a query.
func (s *Store) each(ctx context.Context, f func(*sql.Rows) error, query string, args ...any) error {
	found, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer found.Close()
	for found.Next() {
		if err := f(found); err != nil {
			return err
		}
	}
	return found.Err()
}

func rows(limit int) int {
	if limit < 1 || limit > db.MaxRows {
		return db.MaxRows
	}
	return limit
}

// nanos is how a time is stored; the zero time, which is before all that
// nanoseconds reach, is 0.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func instant(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
