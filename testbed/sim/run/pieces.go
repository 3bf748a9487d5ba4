package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"releve/testbed/sim"
)

// pieceSize is how many episodes a line of the file stands for.
const pieceSize = 25_000

// piece is one range of seeds, played.
type piece struct {
	Code       string   `json:"code"` // the commit that played it
	Seed       uint64   `json:"seed"`
	Episodes   int      `json:"episodes"`
	Violations int      `json:"violations"`
	Failing    []uint64 `json:"failing_seeds"`
	Missed     []string `json:"goals_missed"`
	ByLoss     int      `json:"switchovers_by_loss_alone"`
	Calls      int      `json:"calls"`
	Hours      float64  `json:"hours_simulated"`
	Hash       string   `json:"log_hash"`
	CPU        float64  `json:"cpu_seconds"`
}

// pieces plays what the file does not have yet, and adds up what it has. The
// rules of another commit prove nothing of these.
func pieces(o *options, line map[string]any, good bool) (map[string]any, bool) {
	done, err := load(o.file, o.code)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return line, false
	}
	began := time.Now()
	for first := o.seed; first < o.seed+uint64(o.episodes); first += pieceSize {
		if slices.ContainsFunc(done, func(p piece) bool { return p.Seed == first }) {
			continue
		}
		if o.seconds > 0 && time.Since(began) > time.Duration(o.seconds)*time.Second {
			break
		}
		p := playPiece(o, first, min(pieceSize, int(o.seed)+o.episodes-int(first)))
		if err := keep(o.file, p); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return line, false
		}
		done = append(done, p)
	}
	return sum(o, line, done, good)
}

func playPiece(o *options, first uint64, episodes int) piece {
	part := *o
	part.seed, part.episodes = first, episodes
	before := used()
	r := until(&part, episodes, func(*sim.Report) bool { return false }, sim.Episode)
	p := piece{
		Code: o.code, Seed: first, Episodes: r.Episodes, Violations: len(r.Violations), Missed: r.Missed(), ByLoss: r.ByLoss,
		Calls: r.Calls, Hours: r.Simulated.Hours(), Hash: fmt.Sprintf("%016x", r.Hash), CPU: (used() - before).Seconds(),
	}
	p.Failing = tell(o, r.Violations, false)
	return p
}

func keep(file string, p piece) error {
	raw, err := json.Marshal(p)
	if err != nil {
		return err
	}
	fmt.Println(string(raw))
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(raw, '\n'))
	return errors.Join(err, f.Close())
}

// load reads the pieces of this commit.
func load(file, code string) ([]piece, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []piece
	for s := bufio.NewScanner(f); s.Scan(); {
		var p piece
		if err := json.Unmarshal(s.Bytes(), &p); err != nil {
			return nil, fmt.Errorf("%s: not a piece, remove the file: %w", file, err)
		}
		if p.Code == code {
			out = append(out, p)
		}
	}
	return out, nil
}

// sum adds the pieces up: a goal is missed when every piece missed it.
func sum(o *options, line map[string]any, done []piece, good bool) (map[string]any, bool) {
	var t piece
	failing := []uint64{}
	missed := []string{}
	hash := uint64(14695981039346656037)
	slices.SortFunc(done, func(a, b piece) int { return int(a.Seed) - int(b.Seed) })
	for i, p := range done {
		t.Episodes += p.Episodes
		t.Violations += p.Violations
		t.ByLoss += p.ByLoss
		t.Calls += p.Calls
		t.Hours += p.Hours
		t.CPU += p.CPU
		failing = append(failing, p.Failing...)
		if i == 0 {
			missed = append(missed, p.Missed...)
		}
		missed = slices.DeleteFunc(missed, func(g string) bool { return !slices.Contains(p.Missed, g) })
		for _, c := range p.Hash {
			hash = (hash ^ uint64(c)) * 1099511628211
		}
	}
	line["episodes"], line["wanted"], line["pieces"] = t.Episodes, o.episodes, len(done)
	line["violations"], line["failing_seeds"], line["goals_missed"] = t.Violations, failing, missed
	line["switchovers_by_loss_alone"], line["calls"], line["hours_simulated"] = t.ByLoss, t.Calls, int(t.Hours)
	line["episodes_per_cpu_minute"] = perMinute(t.Episodes, time.Duration(t.CPU*float64(time.Second)))
	line["log_hash"] = fmt.Sprintf("%016x", hash)
	return line, good && t.Episodes >= o.episodes && t.Violations == 0 && len(missed) == 0
}

// revision is the commit this program was built from.
func revision() string {
	code := "unknown"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return code
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			code = s.Value[:min(len(s.Value), 12)]
		case s.Key == "vcs.modified" && s.Value == "true":
			code += "+"
		}
	}
	return code
}
