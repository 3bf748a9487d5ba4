package app

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/archive"
	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
)

func loadFile(path string) (*config.Config, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	cfg, _ := config.Parse(path, raw, text.English) // its secrets may be missing here
	return cfg, nil
}

// A backup made beside a running node brings its role back on an empty machine.
func TestBackupOfARunningNodeIsRestored(t *testing.T) {
	s := newSite(t)
	s.ready()
	if r, err := s.node.Command(t.Context(), admin.Command{Name: admin.MaintenanceStart, Reason: "test", Actor: "test"}); err != nil || !r.Accepted {
		t.Fatalf("%+v %v", r, err)
	}
	s.until("maintenance", func() bool { return s.node.Status(t.Context()).Phase == "maintenance" })
	cfg, err := loadFile(s.file)
	s.must(err)
	raw, err := os.ReadFile(s.file)
	s.must(err)
	file := filepath.Join(t.TempDir(), "backup")
	m, err := Backup(t.Context(), cfg, raw, "test", file)
	s.must(err)
	if !slices.Contains(m.LeftOut, filepath.Join(s.dir, "5001")) || !slices.Contains(m.LeftOut, filepath.Join(s.dir, "keys")) {
		t.Errorf("the secrets left out: %q", m.LeftOut)
	}
	if _, err := Backup(t.Context(), cfg, raw, "test", file); err == nil {
		t.Error("another file was written over")
	}

	config := filepath.Join(t.TempDir(), "releve.yaml")
	if _, err := Restore(t.Context(), file, config, loadFile, false); !errors.Is(err, ErrRunning) {
		t.Fatalf("restored beside a running node: %v", err)
	}
	s.node.Stop()
	state := filepath.Join(s.dir, "state.db")
	s.must(os.WriteFile(state, []byte("damaged"), 0o600))
	s.must(os.Remove(filepath.Join(s.dir, "5002")))
	dry, err := Restore(t.Context(), file, config, loadFile, true)
	s.must(err)
	if now, _ := os.ReadFile(state); string(now) != "damaged" {
		t.Error("a trial changed the store")
	}
	done, err := Restore(t.Context(), file, config, loadFile, false)
	s.must(err)
	if want := []string{state, config}; !slices.Equal(done.Written, want) || !slices.Equal(dry.Written, want) {
		t.Errorf("written %q, in the trial %q", done.Written, dry.Written)
	}
	if len(done.Aside) != 1 || !slices.Equal(done.Missing, []string{filepath.Join(s.dir, "5002")}) {
		t.Errorf("%+v", done)
	}
	if old, err := os.ReadFile(done.Aside[0]); err != nil || string(old) != "damaged" {
		t.Errorf("moved aside: %q %v", old, err)
	}
	if got, err := os.ReadFile(config); err != nil || string(got) != string(raw) {
		t.Errorf("the configuration came back as %q, %v", got, err)
	}
	s.must(os.WriteFile(filepath.Join(s.dir, "5002"), []byte("secret5002"), 0o600))
	s.start()
	s.until("the role of the backup", func() bool { return s.node.Status(t.Context()).Phase == "maintenance" })
}

func TestRestoreRefusesWhatIsNoBackup(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good")
	f, err := os.Create(good)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(archive.Write(f, archive.Manifest{}, []byte("site: x\n"), ""), f.Close()); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "releve.yaml")
	for n := range whole {
		bad := slices.Clone(whole)
		bad[n] ^= 0x10
		for _, raw := range [][]byte{whole[:n], bad} {
			path := filepath.Join(dir, "bad")
			if err := os.WriteFile(path, raw, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Restore(t.Context(), path, config, loadFile, false)
			if errors.Is(err, archive.ErrNotArchive) {
				continue
			}
			// gzip has bits that mean nothing: then all of it is there.
			if got, readErr := os.ReadFile(config); err != nil || readErr != nil || string(got) != "site: x\n" || len(raw) < len(whole) {
				t.Fatalf("byte %d of %d: %q %v", n, len(whole), got, err)
			}
			_ = os.Remove(config)
		}
	}
	if _, err := Restore(t.Context(), good, config, loadFile, false); err != nil {
		t.Errorf("the sound one: %v", err)
	}
	if _, err := Restore(t.Context(), config, config, loadFile, false); err == nil || !strings.Contains(err.Error(), "no backup") {
		t.Errorf("a configuration: %v", err)
	}
}
