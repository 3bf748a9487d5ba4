package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"releve/db/sqlite"
)

// What an operator reads of a backup and of its return; the files are proven in app.
func TestBackupVerbs(t *testing.T) {
	dir := t.TempDir()
	s, err := sqlite.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SaveState(t.Context(), []byte("{}"), 0); err != nil {
		t.Fatal(err)
	}
	s.Close()
	path, file := filepath.Join(dir, "releve.yaml"), filepath.Join(dir, "backup")
	if err := os.WriteFile(path, []byte("site: CH de Exemple\nkeys: {file: "+dir+"/keys}\nstore: {path: "+dir+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		lang string
		args []string
		code int
		want string
	}{
		{"fr", []string{"sauvegarde", file, "-c", path}, exitDone, dir + "/keys"},
		{"fr", []string{"sauvegarde", file, "-c", path}, exitNo, "exists"},
		{"en", []string{"backup", file + "2", "-c", filepath.Join(dir, "none")}, exitNo, "config check"},
		{"en", []string{"backup"}, exitUsage, "backup FILE"},
		{"en", []string{"backup", "-o", "json"}, exitUsage, "backup FILE"}, // a presentation, no file
		{"fr", []string{"sauvegarde", "-o", file + "3", "-c", path}, exitDone, file + "3"},
		{"fr", []string{"sauvegarde", "--output=" + file + "4", "-c", path}, exitDone, file + "4"},
		{"en", []string{"backup", file + "5", "-o", "json", "-c", path}, exitDone, `"left_out"`},
		{"en", []string{"backup", file + "6", "-o", file + "7", "-c", path}, exitUsage, "backup FILE"},
		{"fr", []string{"restauration", file, "--dry-run", "-c", path}, exitDone, "Serait écrit"},
		{"en", []string{"restore", path, "-c", path}, exitNo, "no backup"},
		{"en", []string{"restore", file, "-c", path, "-o", "json"}, exitDone, `"moved_aside"`},
		{"en", []string{"restore", file, "-c", path}, exitDone, "see at the IPBX"},
	} {
		if r := exec(t, c.lang, "", c.args...); r.code != c.code || !strings.Contains(r.out+r.err, c.want) {
			t.Errorf("%v: exit %d, want %d and %q\n%s%s", c.args, r.code, c.code, c.want, r.out, r.err)
		}
	}
}
