package config

import (
	"time"

	"go.yaml.in/yaml/v3"

	"releve/cmd/internal/text"
	"releve/router"
)

// BackupData is how the age of the secondary's data is known at level backup,
// where they are a copy made by hand. An operator records each copy; File, when
// given, is one that the copying touches (its time of modification is that of
// the copy). The younger of the two counts.
type BackupData struct {
	MaxAge time.Duration // 1 h–10000 h; 0: no alarm, whatever the age
	File   string        // path; "": none
}

// Drill is how often a supervised switchover exercise is due.
type Drill struct {
	Every time.Duration // 24 h–10000 h; 0: nobody is reminded
}

// longest bounds both, our choice: more than a year is a forgotten zero.
const longest = 10_000 * time.Hour

func (r *reader) backupData(b *BackupData) take {
	return func(n *yaml.Node, path string) {
		r.mapping(n, path, field{"max_age", r.duration(&b.MaxAge, time.Hour, longest)}, field{"file", r.path(&b.File)})
	}
}

func (r *reader) drill(d *Drill) take {
	return func(n *yaml.Node, path string) {
		r.mapping(n, path, field{"every", r.duration(&d.Every, 24*time.Hour, longest)})
	}
}

// tree is nil where nothing was said.
func (b BackupData) tree() *yaml.Node {
	if b == (BackupData{}) {
		return nil
	}
	p := newPairs()
	if b.MaxAge > 0 {
		p.plain("max_age", text.Short(b.MaxAge))
	}
	p.plain("file", b.File)
	return p.node
}

func (d Drill) tree() *yaml.Node {
	if d.Every == 0 {
		return nil
	}
	p := newPairs()
	p.plain("every", text.Short(d.Every))
	return p.node
}

// exercise: copies by hand are what level backup has, and an exercise needs two
// servers.
func (k *checker) exercise() {
	if !k.sound("level") {
		return
	}
	if k.BackupData != (BackupData{}) && k.Level != router.Backup {
		k.fault("backup_data", CodeCopyLevel, k.say.ConfigCopyLevel(k.Level.String()))
	}
	if k.Drill.Every > 0 && k.Level < router.Backup {
		k.fault("drill", CodeDrillLevel, k.say.ConfigDrillLevel(k.Level.String()))
	}
}
