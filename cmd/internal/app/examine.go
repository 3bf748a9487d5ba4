package app

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"releve/cmd/internal/config"
	"releve/cmd/internal/doctor"
	"releve/db/postgres"
	"releve/db/sqlite"
)

// Examine looks at the store of a configuration for releve doctor, without
// changing it and beside a daemon that uses it.
func Examine(ctx context.Context, cfg *config.Config) doctor.Store {
	if cfg.Store.Postgres != "" {
		seen, err := postgres.Examine(ctx, postgres.Options{URL: cfg.Store.Postgres, Password: cfg.Store.Password.Value(), Name: "releve doctor"})
		out := doctor.Store{Schema: seen.Schema, Newest: seen.Newest, Bytes: seen.Bytes, Where: seen.Where}
		if err != nil {
			out.Fault = err.Error()
		}
		out.Missing = err == nil && seen.Schema == 0
		return out
	}
	seen, err := sqlite.Examine(ctx, filepath.Join(cfg.Store.Path, "state.db"))
	out := doctor.Store{Schema: seen.Schema, Newest: seen.Newest, Bytes: seen.Bytes}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		out.Missing = true
	case errors.Is(err, fs.ErrPermission):
		out.Unseen = err.Error()
	case err != nil:
		out.Fault = err.Error()
	}
	return out
}
