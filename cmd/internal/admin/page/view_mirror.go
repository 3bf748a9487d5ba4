package page

import (
	"strings"
	"time"

	"releve/cmd/internal/admin"
)

// mirror is the mirrored database: one row for the whole, one for each of the two.
func (v *View) mirror() []link {
	m := v.Status.Mirror
	if m == nil {
		return nil
	}
	row := link{Name: v.word("mirror"), Tone: mirrorTone(m), Word: v.m.MirrorState(m.State)}
	var said []string
	if m.Cause != "" && m.Cause != m.State && m.State != admin.MirrorDown && m.State != admin.MirrorMainDown {
		said = append(said, v.m.MirrorCause(m.Cause))
	}
	if !m.LagAt.IsZero() {
		said = append(said, v.m.MirrorLag(m.Lag, v.unmeasured(m)))
	}
	if m.Blocks {
		said = append(said, v.m.MirrorBlocks())
	}
	if r := m.AtRisk; r != nil {
		said = append(said, v.moment(r.At).Clock+" "+v.m.AtRisk(r.Lag, r.Known))
	}
	row.Detail = strings.Join(said, ", ")
	return []link{row, v.database("main-database", &m.Main), v.database("mirror-database", &m.Mirror)}
}

// unmeasured is how old the lag is when it is no longer measured.
func (v *View) unmeasured(m *admin.Mirror) time.Duration {
	if m.LagAt.Before(m.At) {
		return max(v.Status.Now.Sub(m.LagAt).Truncate(time.Second), time.Second)
	}
	return 0
}

func mirrorTone(m *admin.Mirror) string {
	switch m.State {
	case admin.MirrorOK:
		if m.Cause != "" {
			return toneCare
		}
		return toneGood
	case admin.MirrorLagging:
		return toneCare
	case admin.MirrorUnknown:
		return toneUnknown
	}
	return toneBad
}

func (v *View) database(label string, d *admin.Database) link {
	row := link{Name: v.m.Label(label), Tone: toneBad, Word: v.m.DatabaseState(d.State)}
	switch d.State {
	case admin.DatabaseUp:
		row.Tone = toneGood
	case admin.DatabaseUnknown:
		row.Tone = toneUnknown
	}
	var said []string
	if d.State == admin.DatabaseUp && d.Role != admin.DatabaseRoleless {
		said = append(said, v.m.DatabaseRole(d.Role))
	}
	if d.Version != "" {
		said = append(said, d.Version)
	}
	if d.Size > 0 {
		said = append(said, v.m.Bytes(d.Size))
	}
	if d.Cause != "" {
		said = append(said, v.m.DatabaseCause(d.Cause))
	}
	row.Detail = strings.Join(said, ", ")
	if d.State != admin.DatabaseUp && !d.Since.IsZero() {
		if row.Detail += ", "; row.Detail == ", " {
			row.Detail = ""
		}
		row.Detail += v.word("raised")
		row.Since = v.moment(d.Since)
	}
	return row
}

// copied is the copy of the secondary's data that is made by hand (level backup).
func (v *View) copied() []link {
	d := v.Status.Data
	if d == nil {
		return nil
	}
	row := link{Name: v.word("copy"), Tone: toneGood, Word: v.word("good")}
	if d.Old(v.Status.Now) {
		row.Tone, row.Word = toneCare, v.word("care")
	}
	if d.CopiedAt.IsZero() {
		row.Detail = v.m.DataAge(-1)
		return []link{row}
	}
	row.Detail, row.Since = v.word("copied"), v.moment(d.CopiedAt)
	return []link{row}
}
