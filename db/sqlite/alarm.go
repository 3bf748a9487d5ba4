package sqlite

import (
	"context"
	"database/sql"

	"releve/db"
)

// SaveAlarms implements db.Store.
func (s *Store) SaveAlarms(ctx context.Context, alarms []db.Alarm) error {
	return s.update(ctx, "save alarms in", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM alarms"); err != nil {
			return err
		}
		for _, a := range alarms {
			_, err := tx.ExecContext(ctx, "INSERT INTO alarms VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
				a.Number, a.Object, a.Severity, nanos(a.Raised), nanos(a.Cleared), a.AckBy, a.AckNote, nanos(a.AckAt), a.Count)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Alarms implements db.Store.
func (s *Store) Alarms(ctx context.Context) ([]db.Alarm, error) {
	var out []db.Alarm
	err := s.each(ctx, func(r *sql.Rows) error {
		var a db.Alarm
		var raised, cleared, ackAt int64
		if err := r.Scan(&a.Number, &a.Object, &a.Severity, &raised, &cleared, &a.AckBy, &a.AckNote, &ackAt, &a.Count); err != nil {
			return err
		}
		a.Raised, a.Cleared, a.AckAt = instant(raised), instant(cleared), instant(ackAt)
		out = append(out, a)
		return nil
	}, "SELECT number, object, severity, raised, cleared, ack_by, ack_note, ack_at, count FROM alarms ORDER BY number, object")
	if err != nil {
		return nil, s.explain("read alarms in", err)
	}
	return out, nil
}
