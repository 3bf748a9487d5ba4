package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"releve/db"
	"releve/router"
)

const (
	insertCallsSQL = `INSERT INTO calls (started, call_id, caller, callee, outcome, reason, would_have, outgoing, held, setup, record)
		SELECT started, call_id, caller, callee, outcome, reason, would_have, outgoing, held, setup, record
		FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bytea[], $8::boolean[],
			$9::bigint[], $10::bigint[], $11::text[]) WITH ORDINALITY
			AS n (started, call_id, caller, callee, outcome, reason, would_have, outgoing, held, setup, record, place)
		ORDER BY place`
	insertEventsSQL = `INSERT INTO events (time, code, params, actor) SELECT time, code, params, actor
		FROM unnest($1::bigint[], $2::bytea[], $3::text[], $4::bytea[]) WITH ORDINALITY AS n (time, code, params, actor, place)
		ORDER BY place`
	// insertMarkSQL changes no row when the batch is stored already.
	insertMarkSQL = `INSERT INTO ingested (segment, stored_to) VALUES ($1, $2)
		ON CONFLICT (segment) DO UPDATE SET stored_to = excluded.stored_to WHERE excluded.stored_to > ingested.stored_to`

	// pruneStep is the most rows one transaction of Prune removes.
	pruneStep = 500
	// keptMarks is how many segments Prune remembers as ingested, of all nodes:
	// many times what a full spool holds. A segment that came back later than that
	// would be stored twice.
	keptMarks = 1000
)

// Append implements db.Store.
func (s *Store) Append(ctx context.Context, b db.Batch) error {
	calls, err := callColumns(b.Calls)
	if err != nil {
		return s.explain("append records to", err)
	}
	events, err := eventColumns(b.Events)
	if err != nil {
		return s.explain("append records to", err)
	}
	return s.update(ctx, "append records to", func(ctx context.Context, tx pgx.Tx) error {
		if b.Segment != "" {
			done, err := tx.Exec(ctx, insertMarkSQL, []byte(b.Segment), b.Offset)
			if err != nil || done.RowsAffected() == 0 {
				return err
			}
		}
		if len(b.Calls) > 0 {
			if _, err := tx.Exec(ctx, insertCallsSQL, calls...); err != nil {
				return err
			}
		}
		if len(b.Events) > 0 {
			if _, err := tx.Exec(ctx, insertEventsSQL, events...); err != nil {
				return err
			}
		}
		return nil
	})
}

// callColumns are the arguments of insertCallsSQL: one round trip for a batch.
func callColumns(calls []router.CallRecord) ([]any, error) {
	n := len(calls)
	started, held, setup := make([]int64, n), make([]int64, n), make([]int64, n)
	ids, callers, callees := make([][]byte, n), make([][]byte, n), make([][]byte, n)
	outcomes, reasons, would := make([][]byte, n), make([][]byte, n), make([][]byte, n)
	outgoing, records := make([]bool, n), make([]string, n)
	for i := range calls {
		c := calls[i]
		c.Started = c.Started.UTC()
		text, err := json.Marshal(&c)
		if err != nil {
			return nil, fmt.Errorf("call %q: %w", c.CallID, err)
		}
		started[i], held[i], setup[i] = nanos(c.Started), int64(c.Held), int64(c.Setup)
		ids[i], callers[i], callees[i] = []byte(c.CallID), []byte(c.From), []byte(c.To)
		outcomes[i], reasons[i], would[i] = []byte(c.Outcome), []byte(c.Reason), []byte(c.WouldHave)
		outgoing[i], records[i] = c.Outgoing, string(text)
	}
	return []any{started, ids, callers, callees, outcomes, reasons, would, outgoing, held, setup, records}, nil
}

func eventColumns(events []db.Event) ([]any, error) {
	n := len(events)
	times, codes, params, actors := make([]int64, n), make([][]byte, n), make([]*string, n), make([][]byte, n)
	for i, e := range events {
		times[i], codes[i], actors[i] = nanos(e.Time), []byte(e.Code), []byte(e.Actor)
		if len(e.Params) > 0 {
			text, err := json.Marshal(e.Params)
			if err != nil {
				return nil, fmt.Errorf("event %q: %w", e.Code, err)
			}
			params[i] = new(string(text))
		}
	}
	return []any{times, codes, params, actors}, nil
}

// Prune implements db.Store.
func (s *Store) Prune(ctx context.Context, before time.Time) error {
	for _, step := range []struct {
		query string
		args  []any
	}{
		{"DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE started < $1 LIMIT $2)", []any{nanos(before), pruneStep}},
		{"DELETE FROM events WHERE id IN (SELECT id FROM events WHERE time < $1 LIMIT $2)", []any{nanos(before), pruneStep}},
		{"DELETE FROM ingested WHERE id IN (SELECT id FROM ingested ORDER BY id DESC OFFSET $1 LIMIT $2)", []any{keptMarks, pruneStep}},
	} {
		for removed := int64(pruneStep); removed == pruneStep; {
			err := s.update(ctx, "prune", func(ctx context.Context, tx pgx.Tx) error {
				done, err := tx.Exec(ctx, step.query, step.args...)
				removed = done.RowsAffected()
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
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
