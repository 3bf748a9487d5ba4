package app

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/db"
)

// RecordProcedure seals the record of a run and appends it to the journal.
func (a *App) RecordProcedure(_ context.Context, p admin.Procedure) (admin.Procedure, error) {
	p.ID = strings.Replace(p.Started.UTC().Format("20060102-150405.000"), ".", "-", 1) + "-" + p.Name // two scripts may run in one second
	if p.Name == admin.ProcedureCopy && p.Outcome == admin.OutcomeDone && !p.Copied.IsZero() {
		mark := &admin.Mark{At: p.Copied.UTC(), By: p.Actor, Note: p.Reason}
		if err := a.marks.change(func(m *marked) { m.Copied = mark }); err != nil {
			return p, err
		}
	}
	body, err := sealable(p)
	if err != nil {
		return p, err
	}
	p.Seal, p.Intact = a.seal(body), true
	raw, err := json.Marshal(p)
	if err != nil {
		return p, err
	}
	params := map[string]string{
		"procedure": p.Name, "outcome": p.Outcome, "note": p.Reason, "id": p.ID,
		"duration": p.Ended.Sub(p.Started).Round(time.Millisecond).String(), "record": string(raw),
	}
	if p.Forced {
		params["forced"] = "yes"
	}
	a.eventBy(p.Actor, text.EventProcedure, params)
	return p, nil
}

// sealable is the text that is sealed: all of the record but its seal.
func sealable(p admin.Procedure) ([]byte, error) {
	p.Seal, p.Intact = "", false
	return json.Marshal(p)
}

// seal signs a text with the node's key.
func (a *App) seal(body []byte) string { return a.keys.Clone().Seal(body) }

// Procedures reads past runs out of the journal, the newest first.
func (a *App) Procedures(ctx context.Context, limit int) ([]admin.Procedure, error) {
	if err := a.settleRecords(ctx); err != nil {
		return nil, err
	}
	store, err := a.store.use()
	if err != nil {
		return nil, err
	}
	events, err := store.EventsOf(ctx, []string{text.EventProcedure}, time.Time{}, limit)
	if err != nil {
		return nil, err
	}
	out := make([]admin.Procedure, 0, len(events))
	for _, e := range events {
		out = append(out, a.procedureOf(e))
	}
	return out, nil
}

// procedureOf reads one record; what is not as the node sealed it says so.
func (a *App) procedureOf(e db.Event) admin.Procedure {
	var p admin.Procedure
	if err := json.Unmarshal([]byte(e.Params["record"]), &p); err != nil {
		return admin.Procedure{ID: e.Params["id"], Name: e.Params["procedure"], Outcome: e.Params["outcome"], Actor: e.Actor, Started: e.Time}
	}
	body, err := sealable(p)
	p.Intact = err == nil && a.keys.Clone().Sealed(body, p.Seal)
	return p
}
