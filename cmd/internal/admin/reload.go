package admin

import (
	"context"
	"net/http"

	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
)

// Reload outcomes.
const (
	ReloadApplied = "applied" // what differs is in force; nothing may differ
	ReloadFaulty  = "faulty"  // the file has faults
	ReloadRestart = "restart" // keys differ that only a restart applies
	ReloadBusy    = "busy"    // a move of the licence or another reload is under way
	ReloadFailed  = "failed"  // Cause
)

// Reload is what became of reading the file again. But for ReloadApplied,
// nothing has changed.
type Reload struct {
	Outcome  string           `json:"outcome"`
	File     string           `json:"file"`
	Problems []config.Problem `json:"problems"` // of a faulty file, in the reader's language; else advice
	Changes  []config.Change  `json:"changes"`
	Restart  []string         `json:"restart"` // the keys of ReloadRestart
	Cause    string           `json:"cause,omitempty"`
	// Elsewhere: a former registrar has not proven that the binding there is
	// gone; its expiry is waited for before the other server is bound anywhere.
	Elsewhere bool `json:"elsewhere"`
}

// Asked is who asks for a reload, and in which language the faults are wanted.
type Asked struct {
	Actor string
	Lang  text.Lang
}

func (d *Door) reload(ctx context.Context, r *http.Request) (any, error) {
	out, err := d.node.Reload(ctx, Asked{Actor: actor(ctx), Lang: language(r)})
	out.Problems, out.Changes, out.Restart = list(out.Problems), list(out.Changes), list(out.Restart)
	return out, err
}
