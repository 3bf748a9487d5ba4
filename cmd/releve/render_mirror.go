package main

import (
	"strings"
	"time"

	"releve/cmd/internal/admin"
)

// mirror tells of the mirrored database: one line where all is well, what is wrong
// and what to grant otherwise. "": none is watched.
func (v view) mirror(m *admin.Mirror) string {
	if m == nil {
		return ""
	}
	said := []string{v.m.MirrorState(m.State)}
	if m.Cause != "" && m.Cause != m.State && m.State != admin.MirrorDown && m.State != admin.MirrorMainDown {
		said = append(said, v.m.MirrorCause(m.Cause))
	}
	if !m.LagAt.IsZero() {
		said = append(said, v.m.MirrorLag(m.Lag, v.staleness(m)))
	}
	if m.State != admin.MirrorUnknown {
		said = append(said, v.since(m.Since))
	}
	var b strings.Builder
	b.WriteString(v.m.Line(v.m.Label("mirror"), strings.Join(said, ", ")) + "\n")
	if m.Blocks {
		b.WriteString("  " + v.m.MirrorBlocks() + "\n")
	}
	b.WriteString(table([][]string{v.database("main-database", &m.Main), v.database("mirror-database", &m.Mirror)}))
	if m.WAL > m.MaxWAL && m.MaxWAL > 0 {
		b.WriteString("  " + v.m.Line(v.m.Label("wal-kept"), v.m.Bytes(m.WAL)) + "\n")
	}
	if m.Grants != "" {
		b.WriteString("  " + v.m.Line(v.m.Label("to-grant"), m.Grants) + "\n")
	}
	if r := m.AtRisk; r != nil {
		b.WriteString("  " + v.clock(r.At) + "  " + v.m.AtRisk(r.Lag, r.Known) + "\n")
	}
	return b.String()
}

// staleness is how old the lag is when it is no longer measured.
func (v view) staleness(m *admin.Mirror) time.Duration {
	if m.LagAt.Before(m.At) {
		return max(v.now.Sub(m.LagAt), 1)
	}
	return 0
}

// database is one row: where, whether it answers, what it is.
func (v view) database(label string, d *admin.Database) []string {
	said := []string{v.m.DatabaseState(d.State)}
	if d.State == admin.DatabaseUp && d.Role != admin.DatabaseRoleless {
		said = append(said, v.m.DatabaseRole(d.Role))
	}
	if d.Version != "" {
		said = append(said, d.Version)
	}
	if d.Size > 0 {
		said = append(said, v.m.Bytes(d.Size))
	}
	if d.State != admin.DatabaseUp && d.Cause != "" {
		said = append(said, v.m.DatabaseCause(d.Cause))
	}
	return []string{"  " + v.m.Label(label), d.Address, strings.Join(said, ", ")}
}
