package main

import (
	"time"

	"releve/cmd/internal/admin"
)

func someMirror() *admin.Mirror {
	return &admin.Mirror{
		State: admin.MirrorOK, Since: noon.Add(-3 * time.Hour), At: noon.Add(-time.Second), Lag: 400 * time.Millisecond, LagAt: noon.Add(-time.Second),
		MaxLag: 30 * time.Second, Streaming: true, Replication: "streaming", MaxWAL: 4 << 30,
		Main:   admin.Database{Address: "10.30.0.21:5432", State: admin.DatabaseUp, Role: admin.DatabasePrimary, Version: "15.20", Size: 1288490188},
		Mirror: admin.Database{Address: "10.30.0.22:5432", State: admin.DatabaseUp, Role: admin.DatabaseStandby, Version: "15.20"},
	}
}

// brokenMirror: the main is gone, and the lag is that of before.
func brokenMirror() *admin.Mirror {
	m := someMirror()
	m.State, m.Cause, m.Since, m.LagAt = admin.MirrorMainDown, "main-down", noon.Add(-time.Minute), noon.Add(-62*time.Second)
	m.Main = admin.Database{Address: "10.30.0.21:5432", State: admin.DatabaseDown, Cause: "connection refused"}
	m.AtRisk = &admin.DataAtRisk{At: noon.Add(-time.Minute), Lag: 400 * time.Millisecond, Known: true}
	return m
}

// laggingMirror: a switchover is blocked, log piles up, and a grant is missing.
func laggingMirror() *admin.Mirror {
	m := someMirror()
	m.State, m.Cause, m.Since, m.Lag, m.Blocks, m.Paused = admin.MirrorLagging, "replay-paused", noon.Add(-time.Minute), 95*time.Second, true, true
	m.WAL, m.Grants = 5<<30, `GRANT pg_monitor TO "releve"`
	m.Mirror = admin.Database{Address: "10.30.0.22:5432", State: admin.DatabaseDenied, Role: admin.DatabaseRoleless, Cause: "permission denied (SQLSTATE 42501)"}
	return m
}
