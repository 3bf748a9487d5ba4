package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"releve/db"
	"releve/router"
)

const (
	allCallsSQL = "SELECT record FROM calls ORDER BY started DESC, id DESC LIMIT $1"
	// findCallsSQL: each half stops at the limit. $2 is the filter, $3 as much of it
	// as the index holds, $4 just above every text that begins with that (NULL:
	// there is none).
	findCallsSQL = `SELECT record FROM calls WHERE id IN (
			(SELECT id FROM calls WHERE substr(call_id, 1, 64) >= $3 AND ($4::bytea IS NULL OR substr(call_id, 1, 64) < $4)
				AND substr(call_id, 1, octet_length($2::bytea)) = $2 ORDER BY started DESC, id DESC LIMIT $1)
			UNION
			(SELECT id FROM calls WHERE position($2 IN caller) > 0 OR position($2 IN callee) > 0
				ORDER BY started DESC, id DESC LIMIT $1)
		) ORDER BY started DESC, id DESC LIMIT $1`
	// indexed is how many bytes of a Call-ID calls_by_call_id holds.
	indexed = 64

	eventsSQL   = "SELECT id, time, code, params, actor FROM events WHERE time >= $1 ORDER BY time DESC, id DESC LIMIT $2"
	eventsOfSQL = `SELECT id, time, code, params, actor FROM events
		WHERE time >= $1 AND code = ANY ($3::bytea[]) ORDER BY time DESC, id DESC LIMIT $2`
	tallySQL = `SELECT outcome, reason, would_have, outgoing, count(*), count(*) FILTER (WHERE held > 0), max(setup)
		FROM calls WHERE started >= $1 GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1, 2, 3, 4`
)

// Calls implements db.Store.
func (s *Store) Calls(ctx context.Context, filter string, limit int) ([]router.CallRecord, error) {
	query, args := allCallsSQL, []any{rows(limit)}
	if filter != "" {
		begin := filter[:min(len(filter), indexed)]
		query, args = findCallsSQL, []any{rows(limit), []byte(filter), []byte(begin), db.PrefixEnd(begin)}
	}
	var out []router.CallRecord
	err := s.each(ctx, "read calls in", func(r pgx.CollectableRow) error {
		var text string
		var c router.CallRecord
		if err := r.Scan(&text); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			return err
		}
		out = append(out, c)
		return nil
	}, query, args...)
	return out, err
}

// Events implements db.Store.
func (s *Store) Events(ctx context.Context, since time.Time, limit int) ([]db.Event, error) {
	return s.events(ctx, eventsSQL, nanos(since), rows(limit))
}

// EventsOf implements db.Store.
func (s *Store) EventsOf(ctx context.Context, codes []string, since time.Time, limit int) ([]db.Event, error) {
	wanted := make([][]byte, len(codes))
	for i, c := range codes {
		wanted[i] = []byte(c)
	}
	return s.events(ctx, eventsOfSQL, nanos(since), rows(limit), wanted)
}

func (s *Store) events(ctx context.Context, query string, args ...any) ([]db.Event, error) {
	var out []db.Event
	err := s.each(ctx, "read events in", func(r pgx.CollectableRow) error {
		var e db.Event
		var at int64
		var code, actor []byte
		var params *string
		if err := r.Scan(&e.ID, &at, &code, &params, &actor); err != nil {
			return err
		}
		e.Time, e.Code, e.Actor = instant(at), string(code), string(actor)
		if params != nil {
			if err := json.Unmarshal([]byte(*params), &e.Params); err != nil {
				return err
			}
		}
		out = append(out, e)
		return nil
	}, query, args...)
	return out, err
}

// Tally implements db.Store.
func (s *Store) Tally(ctx context.Context, since time.Time) ([]db.Tally, error) {
	var out []db.Tally
	err := s.each(ctx, "count calls in", func(r pgx.CollectableRow) error {
		var t db.Tally
		var outcome, reason, would []byte
		var longest int64
		if err := r.Scan(&outcome, &reason, &would, &t.Outgoing, &t.Calls, &t.Held, &longest); err != nil {
			return err
		}
		t.Outcome, t.Reason, t.WouldHave = string(outcome), router.Reason(reason), router.Reason(would)
		t.Longest = time.Duration(longest)
		out = append(out, t)
		return nil
	}, tallySQL, nanos(since))
	return out, err
}

func rows(limit int) int {
	if limit < 1 || limit > db.MaxRows {
		return db.MaxRows
	}
	return limit
}
