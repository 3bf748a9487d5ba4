package procedure

import "releve/cmd/internal/admin"

// mirror walks the operator through the restore after a failure of the main
// database. Relève verifies what it sees, and touches no database.
func mirror() Checklist {
	unwatched := func(f *Facts) bool { return f.Mirror == nil }
	return Checklist{Name: admin.ProcedureMirror, From: primary, To: secondary, Server: primary, Steps: []Step{
		{ID: "what-mirror", Kind: Told},
		{ID: "mirror-unwatched", Kind: Told, When: unwatched},
		{ID: "main-state", Kind: Told, When: mirrored, Check: func(f *Facts) Finding { return database(&f.Mirror.Main) }},
		{ID: "copy-state", Kind: Told, When: mirrored, Check: func(f *Facts) Finding { return database(&f.Mirror.Mirror) }},
		{ID: "loss", Kind: Told, Check: mirrorLag},
		{ID: "main-stopped", Kind: Asked, Need: true},
		{ID: "plan", Kind: Asked, Need: true},
		{ID: "promote-postgresql", Kind: Told},
		{ID: "promote-mysql", Kind: Told},
		{ID: "promoted", Kind: Asked, Need: true},
		{ID: "welsuite-pointed", Kind: Asked, Need: true},
		{ID: "backup-made", Kind: Asked},
		{ID: "replica-postgresql", Kind: Told},
		{ID: "replica-mysql", Kind: Told},
		{ID: "replica-made", Kind: Asked, Need: true},
		{ID: "config-updated", Kind: Asked, Need: true},
		{ID: "main-up", Kind: Verified, Need: true, Patience: Short, When: mirrored, Check: mainUp},
		{ID: "mirror-streams", Kind: Verified, Need: true, Patience: Short, When: mirrored, Check: streams},
		{ID: "lag-small", Kind: Verified, Need: true, Patience: Short, When: mirrored, Check: mirrorLag},
	}}
}

// database says what is seen of one.
func database(d *admin.Database) Finding {
	word := map[string]string{admin.DatabaseUp: "up", admin.DatabaseDown: "down"}[d.State]
	if word == "" {
		word = "unknown"
	}
	role := map[string]string{admin.DatabasePrimary: "main", admin.DatabaseStandby: "standby"}[d.Role]
	if role == "" {
		role = "unmarked"
	}
	return yes("word=" + word + " word=" + role)
}

func mainUp(f *Facts) Finding {
	m := &f.Mirror.Main
	found := database(m)
	found.OK = m.State == admin.DatabaseUp && m.Role != admin.DatabaseStandby
	return found
}

// streams: the mirror answers, and is a copy that follows.
func streams(f *Facts) Finding {
	m := f.Mirror
	if m == nil {
		return no("word=unknown")
	}
	ok := m.Mirror.State == admin.DatabaseUp && m.State != admin.MirrorBroken && m.State != admin.MirrorMainDown &&
		(m.Streaming || m.Heartbeat != "" && !m.LagAt.IsZero())
	return when(ok, "word=streaming", "word=broken")
}
