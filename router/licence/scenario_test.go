package licence

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"releve/router"
)

var update = flag.Bool("update", false, "rewrite the traces; inspect the diff before committing")

// TestScenarios replays testdata/*.txt: "# " comments, "> " commands, and below
// each command the trace it must give.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d scenarios, want at least 20 (%v)", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := replay(string(want))
			if err != nil {
				t.Errorf("%v\n%s", err, got)
			}
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(want) {
				t.Errorf("trace differs; got:\n%s", got)
			}
		})
	}
}

func replay(script string) (string, error) {
	var log strings.Builder
	w := newWorld(Policy{
		Mode: Pair, IPBXs: 1, Expires: time.Minute, MaxGrant: time.Hour,
		Txn: 4 * time.Second, Slack: time.Second, NoFetch: true,
	})
	w.log = &log
	for line := range strings.Lines(script) {
		line = strings.TrimSuffix(line, "\n")
		if !strings.HasPrefix(line, "> ") {
			if strings.HasPrefix(line, "#") {
				fmt.Fprintln(&log, line)
			}
			continue
		}
		fmt.Fprintln(&log, line)
		if err := w.command(strings.Fields(line[2:])); err != nil {
			return log.String(), fmt.Errorf("%s: %w", line, err)
		}
	}
	return log.String(), w.err
}

var servers = map[string]router.Server{"primary": router.Primary, "secondary": router.Secondary}

func (w *world) command(f []string) error {
	switch f[0] {
	case "policy":
		return w.set(f[1:])
	case "boot":
		w.boot()
	case "crash":
		w.crash()
	case "move":
		n, _ := strconv.ParseUint(f[2], 10, 64)
		w.event(Event{Kind: Move, To: servers[f[1]], Epoch: n})
	case "run", "pause":
		d, err := time.ParseDuration(f[1])
		if err != nil {
			return err
		}
		if f[0] == "pause" {
			w.lag += d
			w.step(w.now.Add(d))
			break
		}
		w.run(w.now.Add(d))
	case "server": // registers: server primary 0 60s [signed] [fetches]
		d, err := time.ParseDuration(f[3])
		if err != nil {
			return err
		}
		w.serverRegisters(servers[f[1]], int(f[2][0]-'0'), d, slices.Contains(f[4:], "signed"), slices.Contains(f[4:], "fetches"))
	case "servers": // both register here from now on: servers 20s
		d, err := time.ParseDuration(f[1])
		if err != nil {
			return err
		}
		w.keepRegistering(d)
	case "server-falls-silent":
		w.servers[servers[f[1]]] = false
	case "keep":
		w.event(Event{Kind: Keep})
	case "store":
		w.stores = f[1]
	case "lease":
		w.event(Event{Kind: map[string]EventKind{"won": LeaseWon, "lost": LeaseLost}[f[1]]})
	case "restarted":
		w.restart(int(f[1][0]-'0'), len(f) > 2 && f[2] == "keep")
	case "ipbx":
		return w.ipbx[f[1][0]-'0'].set(w, f[2:])
	case "leave", "reconfigure", "exchange", "rename", "left":
		return w.configured(f)
	case "status":
		w.status()
	default:
		return fmt.Errorf("unknown command")
	}
	return nil
}

func (w *world) set(f []string) error {
	for _, kv := range f {
		k, v, _ := strings.Cut(kv, "=")
		d, err := time.ParseDuration(v)
		switch k {
		case "mode":
			w.policy.Mode, err = map[string]Mode{"trunk": Trunk, "gate": Gate, "pair": Pair, "hold": Hold}[v], nil
		case "ipbxs":
			w.policy.IPBXs, err = v[0]-'0', nil
		case "no-password":
			w.policy.NoPassword[servers[v]], err = true, nil
		case "learn":
			w.policy.Learn, err = true, nil
		case "twins":
			w.policy.Twins[0], err = true, nil
		case "site":
			w.policy.Site[0], err = uint64(v[0]), nil
		case "user":
			w.policy.User[router.Primary], err = uint64(v[0]), nil
		case "grants":
			w.policy.Grants[0] = d
		case "seed":
			w.policy.Seed, err = uint64(v[0]), nil
		case "grace":
			w.policy.Grace = d
		case "fetch":
			w.policy.NoFetch, err = v == "no", nil
		case "expires":
			w.policy.Expires = d
		case "max_grant":
			w.policy.MaxGrant = d
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *registrar) set(w *world, f []string) error {
	arg := ""
	if len(f) > 1 {
		arg = f[1]
	}
	d, _ := time.ParseDuration(arg)
	n, _ := strconv.Atoi(arg)
	switch f[0] {
	case "silent":
		b.silent = true
	case "answers":
		b.silent, b.status, b.after, b.wrong, b.unkept = false, 0, 0, false, ""
	case "omits-lists":
		b.omits = true
	case "grants":
		b.grant = d
	case "min-expires":
		b.atLeast = d
	case "status":
		b.status = uint16(n)
		if len(f) > 2 {
			b.after, _ = time.ParseDuration(f[2])
		}
	case "foreign-gone":
		b.foreign[servers[arg]] = 0
	case "forgets":
		b.expiry[servers[arg]] = 0
	case "garbles-lists":
		b.garbles = arg != "no"
	case "keeps-none": // keeps-none removed|others
		b.unkept = arg
	case "full": // until an un-REGISTER of the other user comes once more
		b.full = true
	case "rewrites":
		b.rewrites = true
	case "member":
		b.member = uint32(n)
	case "challenges":
		b.auth = true
	case "wrong-password":
		b.auth, b.wrong = true, true
	case "stale":
		b.stale = n
	case "drops":
		b.drop = arg
	case "mutes":
		b.mute = arg
	case "foreign":
		b.foreign[servers[arg]]++
	case "binds": // as if somebody else registered our Contact
		b.expiry[servers[arg]] = w.now.Add(time.Minute)
	default:
		return fmt.Errorf("unknown registrar setting %s", f[0])
	}
	return nil
}

func (w *world) status() {
	v := w.node.Status(w.clock())
	w.logf("status %s holder %v leaving %v waits %q fence %v", phaseText[v.Phase], v.Holder, v.Leaving, v.Waits, v.Fence)
	for x := router.Primary; x <= router.Secondary; x++ {
		for i := range int(v.IPBXs) {
			b := v.Bindings[x][i]
			w.logf("  %v@%d possible %v up %v remaining %v fence %v refused %v foreign %d",
				x, i, b.Possible, b.Up, b.Remaining, b.Fence, b.Refused, b.Foreign)
			if b.Elsewhere > 0 {
				w.logf("    elsewhere %v", b.Elsewhere)
			}
		}
	}
}
