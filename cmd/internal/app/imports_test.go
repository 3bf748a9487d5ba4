package app

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// pure rooms and what else of Relève each may import, besides router.
var pure = map[string][]string{
	"router":            nil,
	"router/role":       nil,
	"router/licence":    nil,
	"router/lease":      nil,
	"router/control":    {"health", "router/role", "router/licence", "router/lease"},
	"health":            nil,
	"health/alarm":      {"db"},
	"proxy/admission":   nil,
	"proxy/message":     nil,
	"proxy/digest":      nil,
	"proxy/transaction": nil,
	"proxy/fork":        nil,
	"proxy/media/sound": nil,
	"cmd/internal/text": {"db"},
	"health/metric":     nil,
	"db":                nil,
}

// heavy imports and the rooms that may have them.
var heavy = map[string][]string{
	"github.com/jackc/pgx":    {"db/postgres", "health/mirror", "health/probe", "testbed"},
	"github.com/miekg/dns":    {"proxy/resolve", "testbed"},
	"github.com/pion/rtp":     {"proxy/media", "testbed"},
	"github.com/emiago/sipgo": {"proxy", "testbed"},
	"modernc.org/sqlite":      {"db/sqlite"},

	"github.com/wneessen/go-mail":    {"health/notify", "testbed"},
	"github.com/gosnmp/gosnmp":       {"health/notify", "testbed"},
	"github.com/go-sql-driver/mysql": {"health/mirror", "testbed"},
	"github.com/chromedp/chromedp":   {"testbed"},
	"github.com/spf13/cobra":         {"cmd/releve"},
	"go.yaml.in/yaml":                {"cmd/internal/config", "cmd/releve"},
}

// impure standard packages that no pure room may import.
var impure = []string{"net", "os", "log", "log/slog", "database/sql", "net/http", "os/exec"}

type pkg struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "releve/...")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var all []pkg
	for d := json.NewDecoder(out); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if len(all) < 15 {
		t.Fatalf("go list named %d packages: the test looks at nothing", len(all))
	}
	return all
}

func under(room, tree string) bool { return room == tree || strings.HasPrefix(room, tree+"/") }

// tree is the part of the house a room belongs to.
func tree(room string) string {
	top, _, _ := strings.Cut(room, "/")
	return top
}

func TestImportsRunOneWay(t *testing.T) {
	for _, p := range packages(t) {
		room := strings.TrimPrefix(p.ImportPath, "releve/")
		for _, imp := range p.Imports {
			if why := refused(room, imp); why != "" {
				t.Errorf("%s imports %s: %s", room, imp, why)
			}
		}
	}
}

func refused(room, imp string) string {
	for lib, rooms := range heavy {
		if under(imp, lib) && !slices.ContainsFunc(rooms, func(r string) bool { return under(room, r) }) {
			return "only " + strings.Join(rooms, ", ") + " may"
		}
	}
	allowed, isPure := pure[room]
	if isPure && slices.Contains(impure, imp) && room != "db" {
		return "a pure room does no I/O"
	}
	target, ours := strings.CutPrefix(imp, "releve/")
	if first, _, _ := strings.Cut(imp, "/"); isPure && strings.Contains(first, ".") {
		return "a pure room imports the standard library and pure rooms"
	}
	if !ours {
		return ""
	}
	if isPure {
		if target != "router" && !slices.Contains(allowed, target) {
			return "a pure room imports router and " + strings.Join(allowed, ", ")
		}
		return ""
	}
	return refusedArrow(room, target)
}

func refusedArrow(room, target string) string {
	_, pureTarget := pure[target]
	switch {
	case under(room, "testbed"):
		return ""
	case under(target, "testbed"):
		if room == "cmd/releve" && target == "testbed/demo" {
			return ""
		}
		return "the test bed is imported by nobody but the demo verb"
	case under(target, "cmd") && !under(room, "cmd"):
		return "nothing imports the commands"
	case target == "cmd/internal/app" && room != "cmd/releve":
		return "only the command imports the wiring"
	case room == "cmd/internal/app":
		return ""
	case under(room, "cmd") && (under(target, "proxy") || under(target, "db/")) && !pureTarget && room != "cmd/internal/preflight":
		return "app alone joins the rooms with I/O"
	case under(room, "proxy") && under(target, "db"), under(room, "db") && under(target, "proxy"):
		return "proxy and db never import each other"
	case !pureTarget && tree(room) != tree(target) && !under(room, "cmd"):
		return "rooms with I/O of different trees never import each other"
	}
	return ""
}

func TestTheImportRuleRefusesWrongArrows(t *testing.T) {
	for _, wrong := range [][2]string{
		{"proxy", "releve/db"},
		{"db/sqlite", "releve/proxy"},
		{"router", "net"},
		{"router/role", "releve/router/licence"},
		{"health/probe", "releve/proxy/agent"},
		{"proxy/fork", "github.com/emiago/sipgo/sip"},
		{"cmd/internal/app", "github.com/jackc/pgx/v5"},
		{"cmd/internal/config", "releve/testbed/ipbx"},
		{"cmd/internal/admin", "releve/cmd/internal/app"},
		{"health", "releve/db"},
	} {
		if refused(wrong[0], wrong[1]) == "" {
			t.Errorf("%s → %s passes", wrong[0], wrong[1])
		}
	}
}
