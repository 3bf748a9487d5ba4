package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"releve/db"
)

const insertAlarmSQL = `INSERT INTO alarms (number, object, severity, raised, cleared, ack_by, ack_note, ack_at, count)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

// SaveAlarms implements db.Store.
func (s *Store) SaveAlarms(ctx context.Context, alarms []db.Alarm) error {
	return s.update(ctx, "save alarms in", func(ctx context.Context, tx pgx.Tx) error {
		var b pgx.Batch
		b.Queue("LOCK TABLE alarms IN SHARE ROW EXCLUSIVE MODE") // two nodes replace it one after the other
		b.Queue("DELETE FROM alarms")
		for _, a := range alarms {
			b.Queue(insertAlarmSQL, int32(a.Number), []byte(a.Object), []byte(a.Severity), nanos(a.Raised), nanos(a.Cleared),
				[]byte(a.AckBy), []byte(a.AckNote), nanos(a.AckAt), int64(a.Count))
		}
		return tx.SendBatch(ctx, &b).Close()
	})
}

// Alarms implements db.Store.
func (s *Store) Alarms(ctx context.Context) ([]db.Alarm, error) {
	var out []db.Alarm
	err := s.each(ctx, "read alarms in", func(r pgx.CollectableRow) error {
		var a db.Alarm
		var object, severity, ackBy, ackNote []byte
		var raised, cleared, ackAt int64
		if err := r.Scan(&a.Number, &object, &severity, &raised, &cleared, &ackBy, &ackNote, &ackAt, &a.Count); err != nil {
			return err
		}
		a.Object, a.Severity, a.AckBy, a.AckNote = string(object), string(severity), string(ackBy), string(ackNote)
		a.Raised, a.Cleared, a.AckAt = instant(raised), instant(cleared), instant(ackAt)
		out = append(out, a)
		return nil
	}, "SELECT number, object, severity, raised, cleared, ack_by, ack_note, ack_at, count FROM alarms ORDER BY number, object")
	return out, err
}
