package config

import (
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/text"
)

// TestCopiesAndExercises: copies by hand belong to level backup, exercises to
// levels with two servers; both are shown as they were read.
func TestCopiesAndExercises(t *testing.T) {
	full := string(goodFull(t))
	backup := func(sections string) string {
		body := strings.Replace(full, "level: high-availability", "level: backup", 1)
		body = strings.Replace(body, "wel_licences: [", "wel_licences: [backup, ", 1)
		for _, section := range []string{"mirror:", "drill:", "overflow:", "verification:"} {
			at := strings.Index(body, "\n"+section)
			end := at + 1 + strings.IndexByte(body[at+1:], '\n')
			body = body[:at] + body[end:]
		}
		return body + sections
	}
	has := func(problems []Problem, code Code) bool {
		for _, p := range problems {
			if p.Code == code {
				return true
			}
		}
		return false
	}
	c, problems := Parse("f.yaml", []byte(backup("backup_data: {max_age: 168h, file: /tmp/copied}\ndrill: {every: 2160h}\n")), text.English)
	problems = append(problems, c.Check(text.English)...)
	if has(problems, CodeCopyLevel) || has(problems, CodeDrillLevel) {
		t.Fatal(problems)
	}
	if c.BackupData != (BackupData{MaxAge: 168 * time.Hour, File: "/tmp/copied"}) || c.Drill.Every != 2160*time.Hour {
		t.Fatalf("%+v %+v", c.BackupData, c.Drill)
	}
	if shown := string(c.Show()); !strings.Contains(shown, "backup_data:\n  max_age: 168h\n  file: /tmp/copied\n") || !strings.Contains(shown, "drill:\n  every: 2160h\n") {
		t.Error(shown)
	}
	c, _ = Parse("f.yaml", []byte(full+"backup_data: {max_age: 24h}\n"), text.English)
	if !has(c.Check(text.English), CodeCopyLevel) {
		t.Error("copies by hand at level high-availability")
	}
	c, _ = Parse("f.yaml", []byte(strings.Replace(full, "level: high-availability", "level: mirroring", 1)), text.English)
	if !has(c.Check(text.English), CodeDrillLevel) {
		t.Error("an exercise at level mirroring")
	}
	_, problems = Parse("f.yaml", []byte(full+"backup_data: {max_age: 10m, often: yes}\n"), text.English)
	if !has(problems, CodeRange) || len(problems) < 2 {
		t.Error(problems)
	}
}
