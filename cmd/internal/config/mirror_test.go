package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/text"
)

// baseWith is a sound file of a level, with more lines.
func baseWith(t *testing.T, level, more string) (*Config, []Problem) {
	t.Helper()
	path, dir := file(t, "good_base.yaml")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := strings.Replace(string(raw), "level: base", "level: "+level+"\nwel_licences: ["+level+"]", 1)
	s = strings.Replace(s, "lines: 8}", "version: 5.3.6, lines: 8}", 1)
	if level == "backup" || level == "high-availability" {
		s = strings.Replace(s, "servers: [", "servers: [{name: b, role: secondary, address: \"sip:[2001:db8::22]:5062\", lines: 8, version: 5.3.6}, ", 1)
	}
	return Parse("f.yaml", []byte(s+"\n"+strings.ReplaceAll(more, "@DIR@", dir)+"\n"), text.English)
}

func codes(problems []Problem) string {
	var out []string
	for _, p := range problems {
		out = append(out, string(p.Code)+" "+p.Path)
	}
	return strings.Join(out, ", ")
}

// What each level says of the section, and what the section says of itself.
func TestMirrorSection(t *testing.T) {
	const pair = `main: "postgres://r@10.0.0.1/w", mirror: "postgres://r@10.0.0.2/w"`
	for name, c := range map[string]struct{ level, more, want string }{
		"mirroring":                   {"mirroring", "mirror: {" + pair + "}", ""},
		"mirroring without it":        {"mirroring", "", "CFG-009 mirror"},
		"mirroring with one database": {"mirroring", `mirror: {main: "postgres://r@10.0.0.1/w"}`, "CFG-009 mirror.mirror"},
		"mirroring with none":         {"mirroring", `mirror: {}`, "CFG-009 mirror.main, CFG-009 mirror.mirror"},
		"high availability":           {"high-availability", "mirror: {" + pair + "}", ""},
		"without it is advised":       {"high-availability", "", "CFG-040 level"},
		"base has none":               {"base", "mirror: {" + pair + "}", "CFG-110 mirror"},
		"backup has none":             {"backup", "mirror: {" + pair + "}", "CFG-110 mirror"},
		"MySQL needs a heartbeat":     {"mirroring", `mirror: {main: "mysql://r@10.0.0.1/w", mirror: "mysql://r@10.0.0.2/w"}`, "CFG-114 mirror"},
		"MySQL with one":              {"mirroring", `mirror: {main: "mysql://r@10.0.0.1/w", mirror: "mysql://r@10.0.0.2/w", heartbeat: true}`, ""},
		"two kinds":                   {"mirroring", `mirror: {main: "mysql://r@10.0.0.1/w", mirror: "postgres://r@10.0.0.2/w", heartbeat: true}`, "CFG-113 mirror.mirror"},
		"the same twice":              {"mirroring", `mirror: {main: "postgres://r@10.0.0.1/w", mirror: "postgresql://r@10.0.0.1/w"}`, "CFG-113 mirror.mirror"},
		"timeout above interval":      {"mirroring", "mirror: {" + pair + ", timeout: 2s}", "CFG-037 mirror.timeout"},
		"a lag that is not seen":      {"mirroring", "mirror: {" + pair + ", max_lag: 3s}", "CFG-115 mirror.max_lag"},
		"no password in that file":    {"mirroring", "mirror: {" + pair + ", main_password_file: /nowhere/x}", "CFG-028 mirror.main_password_file"},
		"two sources of one":          {"mirroring", "mirror: {" + pair + ", main_password_file: @DIR@/5001, main_password_env: X}", "CFG-029 mirror.main_password"},
		"several hosts":               {"mirroring", `mirror: {main: "postgres://r@a:1,b:2/w", mirror: "postgres://r@10.0.0.2/w"}`, "CFG-070 mirror.main"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := baseWith(t, c.level, c.more)
			if got := codes(problems); got != c.want {
				t.Errorf("%s, want %s\n%v", got, c.want, problems)
			}
		})
	}
}

// The mirror of a PostgreSQL has the main's roles: one password will do.
func TestMirrorPassword(t *testing.T) {
	const pair = `mirror: {main: "postgres://r@10.0.0.1/w", mirror: "postgres://r@10.0.0.2/w", main_password_file: @DIR@/5001`
	t.Setenv("RELEVE_TEST_MIRROR", "own")
	c, _ := baseWith(t, "mirroring", pair+"}")
	if got := c.Mirror.MirrorPassword(); got != "s3cret" {
		t.Errorf("%q", got)
	}
	d, _ := baseWith(t, "mirroring", pair+", mirror_password_env: RELEVE_TEST_MIRROR}")
	if got := d.Mirror.MirrorPassword(); got != "own" {
		t.Errorf("%q", got)
	}
	if s := string(d.Show()); strings.Contains(s, "s3cret") || !strings.Contains(s, `main_password: "***"`) || !strings.Contains(s, "max_wal: 4GB") {
		t.Errorf("shown as\n%s", s)
	}
	changed := *d
	changed.Mirror.Mirror.Password = NewSecret("another")
	changed.Mirror.Mirror.Password.Env = d.Mirror.Mirror.Password.Env
	changes, err := Compare(d, &changed)
	if err != nil || len(changes) != 1 || changes[0].Path != "mirror.mirror_password" || changes[0].Reach != Live {
		t.Errorf("%v %v", changes, err)
	}
}

func TestSizes(t *testing.T) {
	for in, want := range map[string]Size{"500MB": 500 << 20, "4GB": 4 << 30, "4 GiB": 4 << 30, "2TB": 2 << 40, "1024MB": 1 << 30} {
		c, problems := Parse("f", []byte("mirror: {max_wal: "+in+"}"), text.English)
		if c.Mirror.MaxWAL != want || strings.Contains(codes(problems), string(CodeSize)) {
			t.Errorf("%s: %d, %v", in, c.Mirror.MaxWAL, problems)
		}
	}
	for _, in := range []string{"4", "0GB", "-1GB", "4KB", "9999999999GB", "4GBs"} {
		if _, problems := Parse("f", []byte("mirror: {max_wal: "+in+"}"), text.English); !strings.Contains(codes(problems), string(CodeSize)) {
			t.Errorf("%s was accepted", in)
		}
	}
	if c := Default(); c.Mirror.MaxLag != 30*time.Second || c.Mirror.Watched() || filepath.IsAbs(c.Mirror.Heartbeat) {
		t.Errorf("%+v", c.Mirror)
	}
}
