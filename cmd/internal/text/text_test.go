package text

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"releve/router"
)

// root is the top of the module, from this directory.
const root = "../../.."

// constants calls each for every constant of the package directory with a
// literal value.
func constants(t *testing.T, dir string, each func(name, value string)) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, name := range v.Names {
				if i < len(v.Values) {
					if lit, ok := v.Values[i].(*ast.BasicLit); ok {
						each(name.Name, lit.Value)
					}
				}
			}
			return true
		})
	}
}

func TestEveryReasonHasASentence(t *testing.T) {
	seen := map[router.Reason]bool{}
	constants(t, filepath.Join(root, "router"), func(name, value string) {
		if !strings.HasPrefix(name, "Reason") {
			return
		}
		s, err := strconv.Unquote(value)
		if err != nil {
			t.Fatalf("%s = %s: %v", name, value, err)
		}
		seen[router.Reason(s)] = true
		if !HasReason(router.Reason(s)) {
			t.Errorf("%s (%q) has no sentence", name, s)
		}
	})
	if len(seen) < 40 {
		t.Errorf("only %d reasons found in router: is the parser looking in the right place?", len(seen))
	}
	for r := range reasons {
		if !seen[r] {
			t.Errorf("the sentence of %q belongs to no reason of router", r)
		}
	}
}

// TestEveryAlarmHasASentence reads the alarm numbers of every pure room: the
// constants named Alarm…, and all of package alarm.
func TestEveryAlarmHasASentence(t *testing.T) {
	found := 0
	for _, top := range []string{"router", "health"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(dir string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			constants(t, dir, func(name, value string) {
				n, err := strconv.Atoi(value)
				if err != nil || n < 1000 || n > 1999 {
					return
				}
				if strings.HasPrefix(strings.ToLower(name), "alarm") || strings.HasSuffix(dir, "health/alarm") {
					found++
					if !HasAlarm(uint16(n)) {
						t.Errorf("alarm %d (%s in %s) has no sentence", n, name, dir)
					}
				}
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 4 {
		t.Errorf("only %d alarm numbers found: is the parser looking in the right place?", found)
	}
}

func TestEveryEventHasASentence(t *testing.T) {
	found := 0
	constants(t, ".", func(name, value string) {
		if code, err := strconv.Unquote(value); err == nil && strings.HasPrefix(name, "Event") {
			found++
			if !HasEvent(code) {
				t.Errorf("%s (%q) has no sentence", name, code)
			}
		}
	})
	if found != len(events) {
		t.Errorf("%d event codes, %d sentences", found, len(events))
	}
	for code, p := range events {
		if fr, en := placeholders(p.fr), placeholders(p.en); fr != en {
			t.Errorf("%s: parameters %s in French, %s in English", code, fr, en)
		}
	}
}

func placeholders(s string) string {
	set := map[string]bool{}
	for _, w := range regexp.MustCompile(`\{\w+\}`).FindAllString(s, -1) {
		set[w] = true
	}
	return fmt.Sprint(set)
}

func TestEvents(t *testing.T) {
	for _, c := range []struct {
		code   string
		params map[string]string
		fr, en string
	}{
		{
			EventSwitchoverBegun,
			map[string]string{"from": "primary", "to": "secondary", "reason": "dysfunction-confirmed"},
			"Bascule vers le secours\u202f: le serveur principal passe passif, le serveur de secours prend la relève. La panne du serveur actif a été confirmée par toutes les vérifications demandées.",
			"Switchover: the primary becomes passive, the secondary takes over. The dysfunction of the active server was confirmed by every round asked for.",
		},
		{
			EventServerDown,
			map[string]string{"server": "primary", "verdict": "DEAD_APP"},
			"Le serveur principal ne répond plus\u202f: Wel'Suite ne tourne plus.",
			"The primary no longer answers: Wel'Suite is not running.",
		},
		{
			EventAlarmRaised,
			map[string]string{"number": "1001", "object": "secondary"},
			"Alarme 1001\u202f: Un serveur vocal ne répond plus (secours).",
			"Alarm 1001: A voice server no longer answers (secondary).",
		},
		{
			EventSwitchoverDone,
			map[string]string{"to": "secondary", "duration": "1.96s"},
			"Bascule faite en 2,0 s\u202f: le serveur de secours est actif.", "Switchover done in 2.0 s: the secondary is active.",
		},
		{
			EventLimit,
			map[string]string{"limit": LimitJobs, "count": "3"},
			"Limite atteinte\u202f: tâches à faire (3 refus).", "Limit reached: tasks waiting (3 refused).",
		},
		{
			EventMaintenanceStarted,
			map[string]string{"note": ""},
			"Maintenance commencée, rôles figés.", "Maintenance started, roles frozen.",
		},
		{
			EventVerificationStarted,
			map[string]string{"server": "secondary"},
			"Vérification du serveur de secours.", "Verification of the secondary.",
		},
		{
			EventVerificationStarted,
			map[string]string{"server": "primary", "cause": "overflow"},
			"Vérification du serveur principal (un appel a débordé).", "Verification of the primary (a call overflowed).",
		},
		{EventServerUp, nil, "Le ? répond de nouveau.", "? answers again."},
		{"new-code", map[string]string{"b": "2", "a": "1"}, "new-code a=1 b=2", "new-code a=1 b=2"},
	} {
		if got := For(French).Event(c.code, c.params); got != c.fr {
			t.Errorf("French %s: %s", c.code, got)
		}
		if got := For(English).Event(c.code, c.params); got != c.en {
			t.Errorf("English %s: %s", c.code, got)
		}
	}
}

func TestPick(t *testing.T) {
	for _, c := range []struct {
		flag       string
		env        map[string]string
		configured Lang
		want       Lang
	}{
		{"en", map[string]string{"LANG": "fr_FR.UTF-8"}, French, English},
		{"", map[string]string{"LC_ALL": "fr_FR.UTF-8", "LANG": "en_US"}, English, French},
		{"", map[string]string{"LC_MESSAGES": "en_GB", "LANG": "fr_FR"}, French, English},
		{"", map[string]string{"LANG": "de_DE.UTF-8"}, French, English},
		{"", map[string]string{"LC_ALL": "C.UTF-8", "LANG": "en_US"}, French, French},
		{"", map[string]string{"LANG": "POSIX"}, English, English},
		{"", nil, "", French},
		{"de", nil, English, English},
	} {
		if got := Pick(c.flag, func(k string) string { return c.env[k] }, c.configured); got != c.want {
			t.Errorf("%q %v %q: %s, want %s", c.flag, c.env, c.configured, got, c.want)
		}
	}
}

// everySentence calls every method of Messages with plausible arguments and
// every table, and returns what each says.
func everySentence(m Messages) map[string]string {
	out := map[string]string{}
	v := reflect.ValueOf(m)
	for i := range v.NumMethod() {
		f := v.Method(i)
		args := make([]reflect.Value, f.Type().NumIn())
		for j := range args {
			args[j] = sample(f.Type().In(j))
		}
		if f.Type().NumOut() == 1 && f.Type().Out(0).Kind() == reflect.String && f.Type().Out(0).Name() == "string" {
			out[v.Type().Method(i).Name] = f.Call(args)[0].String()
		}
	}
	for r, p := range reasons {
		out["reason "+string(r)] = m.of(p)
	}
	for n, a := range alarms {
		out[fmt.Sprint("alarm ", n)] = m.of(a.title) + " " + m.of(a.todo)
	}
	for c, p := range events {
		out["event "+c] = regexp.MustCompile(`\{\w+\}`).ReplaceAllString(m.of(p), "")
	}
	for _, table := range []map[string]pair{procedureNames, procedureOutcomes, procedureSteps, foundWords, reportLabels, drillCauses, flagsOfProcedures} {
		for id, p := range table {
			out["procedure "+id] = regexp.MustCompile(`\{\w+\}`).ReplaceAllString(m.of(p), "")
		}
	}
	for v, h := range helpsOfProcedures {
		out["help "+string(v)] = m.of(h.short) + " " + m.of(h.long)
	}
	for i, p := range verdicts {
		out[fmt.Sprint("verdict ", i)] = m.of(p)
	}
	return out
}

func sample(t reflect.Type) reflect.Value {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return reflect.ValueOf(90 * time.Second)
	case t.Kind() == reflect.String:
		return reflect.ValueOf("x1").Convert(t)
	case t.Kind() == reflect.Slice:
		return reflect.ValueOf([]string{"x1", "x2"})
	case t.Kind() == reflect.Float64:
		return reflect.ValueOf(3.25)
	case t.Kind() == reflect.Int || t.Kind() == reflect.Uint8 || t.Kind() == reflect.Uint16:
		return reflect.ValueOf(3).Convert(t)
	}
	return reflect.Zero(t)
}

// TestFormatting: no argument is missing, left over or of the wrong kind, and
// no sentence is empty.
func TestFormatting(t *testing.T) {
	for _, l := range []Lang{French, English} {
		for name, s := range everySentence(For(l)) {
			if strings.Contains(s, "%!") || strings.TrimSpace(s) == "" && name != "reason " {
				t.Errorf("%s %s: %q", l, name, s)
			}
		}
	}
}

// TestWording: words that screens do not use, and words of the other language.
func TestWording(t *testing.T) {
	bad := map[Lang]*regexp.Regexp{
		French: regexp.MustCompile(`(?i)\b(failover|switchover|server|servers|call|calls|overflow|the|check|and|down|busy|standby|primary|secondary|dissuadé|SVI|consigne|vider|en attente|le standard (répond|est|ne répond))\b`),
		English: regexp.MustCompile(
			`(?i)\b(serveur|serveurs|appel|appels|bascule|le|la|les|une|est|secours|panne|avec|failover|standby)\b`),
	}
	// What the reader types or reads in the file is English in both languages.
	literal := regexp.MustCompile(`releve .*|«[^»]*»|"[^"]*"|switch_on|config (check|init|show|diff)|answer_timeout|progress_timeout|hold_budget|role: \w+|releve \w+|admin\.\w+|--\w+|service_numbers|overflow\.\w+|max_grant`)
	for l, re := range bad {
		for name, s := range everySentence(For(l)) {
			if w := re.FindString(literal.ReplaceAllString(s, " ")); w != "" {
				t.Errorf("%s %s says %q: %s", l, name, w, s)
			}
		}
	}
}

// TestSpaces: no plain space stands before a French double sign.
func TestSpaces(t *testing.T) {
	for name, s := range everySentence(For(French)) {
		if regexp.MustCompile(` [:;?!»]|« `).MatchString(s) {
			t.Errorf("%s: plain space in %q", name, s)
		}
	}
	if got := For(French).Ago(12*24*time.Hour + 4*time.Hour); got != "12 j 04 h" {
		t.Error(got)
	}
}
