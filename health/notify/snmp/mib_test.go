package snmp

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// smilint has nothing to say about the MIB, and would have of a broken one.
func TestTheMIBIsClean(t *testing.T) {
	t.Parallel()
	dirs := mibs(t, "")
	lint := func(mib string) string {
		t.Helper()
		dir := t.TempDir()
		settings, file := filepath.Join(dir, "smi.conf"), filepath.Join(dir, "RELEVE-MIB")
		for name, content := range map[string]string{
			settings: "path " + dirs[0] + "\nload SNMPv2-SMI\nload SNMPv2-TC\nload SNMPv2-CONF\n", file: mib,
		} {
			if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command("smilint", "-c", settings, "-m", "-s", "-l", "4", file)
		cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=/nonexistent"}
		out, err := cmd.CombinedOutput()
		if errors.Is(err, exec.ErrNotFound) {
			t.Fatal("no smilint: install smitools (bash testbed/install.sh smitools)")
		}
		return string(out)
	}
	good, err := MIB("")
	if err != nil {
		t.Fatal(err)
	}
	if said := lint(good); said != "" {
		t.Errorf("smilint: %s", said)
	}
	for _, fault := range [][2]string{
		{"{ releveObjects 3 }", "{ releveObjects 2 }"},
		{"SYNTAX      TruthValue", "SYNTAX      Truth"},
		{"STATUS      current", "STATUS      mandatory"},
		{"    MODULE-COMPLIANCE, ", "    "},
	} {
		bad := strings.Replace(good, fault[0], fault[1], 1)
		if said := lint(bad); bad == good || !strings.Contains(said, "RELEVE-MIB") {
			t.Errorf("with %s smilint says %q: the test proves nothing", fault[1], said)
		}
	}
}
