package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// hop is the Relève under test, asked by its own verbs as an operator asks it.
type hop struct {
	binary string
	*process
}

func startReleve(binary, dir, file string) (*hop, error) {
	for _, u := range []string{"5001", "5002"} {
		if err := os.WriteFile(filepath.Join(dir, u), []byte("secret"+u), 0o600); err != nil {
			return nil, err
		}
	}
	path := filepath.Join(dir, "releve.yaml")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		return nil, err
	}
	check := exec.Command(binary, "config", "check", "-c", path)
	if said, err := check.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("releve config check: %w\n%s", err, said)
	}
	p, err := start("releve", dir, binary, "serve", "-c", path)
	return &hop{binary, p}, err
}

// ask runs a verb with -o json.
func (h *hop) ask(ctx context.Context, into any, verb ...string) error {
	cmd := exec.CommandContext(ctx, h.binary, append(verb, "-o", "json", "--socket", filepath.Join(h.dir, "admin.sock"))...)
	raw, err := cmd.Output() // the exit code tells the state too: the answer counts
	if json.Unmarshal(raw, into) == nil {
		return nil
	}
	return fmt.Errorf("releve %s: %w: %s", strings.Join(verb, " "), err, raw)
}

// state is the part of `releve status` that cells look at.
type state struct {
	Active  string `json:"active"`
	Phase   string `json:"phase"`
	Servers []struct {
		Verdict  string `json:"verdict"`
		Reserved int    `json:"lines_reserved"`
		Calls    int    `json:"calls"`
		Ready    bool   `json:"ready"`
	} `json:"servers"`
	Registration struct {
		Holder  string `json:"holder"`
		Phase   string `json:"phase"`
		Refused bool   `json:"refused"`
	} `json:"registration"`
	Counters struct {
		InProgress  int `json:"calls_in_progress"`
		Lost        int `json:"calls_lost"`
		Switchovers int `json:"switchovers"`
	} `json:"counters"`
	Alarms []struct {
		Number  int    `json:"number"`
		Subject string `json:"subject"`
	} `json:"alarms"`
}

// idle says that no call and no line is left.
func (s state) idle() bool {
	for _, v := range s.Servers {
		if v.Reserved != 0 || v.Calls != 0 {
			return false
		}
	}
	return s.Counters.InProgress == 0
}

// record is the part of a call record that cells look at.
type record struct {
	CallID   string `json:"call_id"`
	From     string `json:"from"`
	To       string `json:"to"`
	Outgoing bool   `json:"outgoing"`
	Live     bool   `json:"live"`
	Outcome  string `json:"outcome"`
	Server   string `json:"server"`
	Status   int    `json:"status"`
	EndedBy  string `json:"ended_by"`
}

// String is how cells name the record they expect.
func (r record) String() string {
	way := "in"
	if r.Outgoing {
		way = "out"
	}
	s := fmt.Sprintf("%s %s %s %d", way, r.Outcome, r.Server, r.Status)
	if r.EndedBy != "" {
		s += " " + r.EndedBy
	}
	return s
}

// licence is the part of `releve licence` that cells look at.
type licence struct {
	Phase    string `json:"phase"`
	Holder   string `json:"holder"`
	Bindings []struct {
		Role     string `json:"role"`
		Possible bool   `json:"possible"`
		Refused  bool   `json:"refused"`
		Foreign  bool   `json:"foreign"`
		Contacts []struct {
			URI string `json:"uri"`
		} `json:"contacts"`
	} `json:"bindings"`
	Own []struct {
		Role    string        `json:"role"`
		Granted time.Duration `json:"granted_ns"`
	} `json:"own"`
}

func (h *hop) status(ctx context.Context) (s state, err error) {
	return s, h.ask(ctx, &s, "status")
}

func (h *hop) licence(ctx context.Context) (l licence, err error) {
	return l, h.ask(ctx, &l, "licence")
}

func (h *hop) calls(ctx context.Context) (r []record, err error) {
	return r, h.ask(ctx, &r, "calls", "-n", "200")
}

// until polls the status until cond holds.
func (h *hop) until(ctx context.Context, limit time.Duration, what string, cond func(state) bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var last state
	var failure error
	for {
		s, err := h.status(ctx)
		if err == nil {
			if last = s; cond(s) {
				return nil
			}
		} else if ctx.Err() == nil {
			failure = err
		}
		if !h.running() {
			return fmt.Errorf("%s: releve ended (%s)", what, h.cmd.ProcessState)
		}
		if !pause(ctx, 50*time.Millisecond) {
			return fmt.Errorf("%s: not within %s; last status %+v; %v", what, limit, last, failure)
		}
	}
}

// pause waits between two looks and reports whether there is time for another.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// fresh is what the records say of calls that are not in seen.
func fresh(all []record, seen map[string]bool) (lines []string) {
	for _, r := range all {
		if !seen[r.CallID] {
			lines = append(lines, r.String())
		}
	}
	slices.Sort(lines)
	return lines
}
