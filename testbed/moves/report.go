package moves

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Report is the last line. Times are milliseconds by the registrar's clock. A
// percentile is that of the nearest rank: p99 of few is the longest.
type Report struct {
	Moves      int     `json:"moves"`
	Overlap    float64 `json:"overlap_ms"` // the longest that both users were bound
	Unfinished int     `json:"unfinished"`

	Gap50  float64 `json:"gap_p50_ms"` // without any registration, per move
	Gap90  float64 `json:"gap_p90_ms"`
	Gap99  float64 `json:"gap_p99_ms"`
	GapMax float64 `json:"gap_max_ms"`

	Answering      int     `json:"answering_moves"` // the IPBX answered all along
	AnsweringGap50 float64 `json:"answering_gap_p50_ms"`
	AnsweringGap99 float64 `json:"answering_gap_p99_ms"`
	Deaf           int     `json:"deaf_moves"` // it did not, or refused, or restarted, or its lists proved nothing
	DeafGap50      float64 `json:"deaf_gap_p50_ms"`
	DeafGapMax     float64 `json:"deaf_gap_max_ms"`

	Typical   int     `json:"typical_moves"` // undisturbed, Relève has the passwords
	Typical50 float64 `json:"typical_move_ms_p50"`
	Typical99 float64 `json:"typical_move_ms_p99"`

	Fences       int     `json:"fences"` // moves that waited for one
	FenceLongest float64 `json:"fence_longest_ms"`
	FenceStated  float64 `json:"fence_stated_ms"` // by config check, for the world of the longest
	Late         int     `json:"fences_beyond_stated"`

	Kills             int      `json:"kills"`
	Restarts          int      `json:"restarts"` // clean ones
	RegistrarRestarts int      `json:"registrar_restarts"`
	Registrars        []string `json:"registrars"`
	Seed              uint64   `json:"seed"`
	Seconds           float64  `json:"seconds"`
	Passed            bool     `json:"passed"`
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// finish sums the moves up and prints them by trouble.
func (r *run) finish() Report {
	p := &r.report
	gaps := func(keep func(Move) bool) []float64 {
		return collect(r.moves, func(m Move) (float64, bool) { return ms(m.Gap), m.Ended && keep(m) })
	}
	all, answering, deaf := gaps(func(Move) bool { return true }), gaps(func(m Move) bool { return m.Answers }), gaps(func(m Move) bool { return !m.Answers })
	typical := collect(r.moves, func(m Move) (float64, bool) { return ms(m.Took), m.Ended && m.Plain })
	p.Moves = len(r.moves)
	p.Gap50, p.Gap90, p.Gap99, p.GapMax = rank(all, 50), rank(all, 90), rank(all, 99), rank(all, 100)
	p.Answering, p.AnsweringGap50, p.AnsweringGap99 = len(answering), rank(answering, 50), rank(answering, 99)
	p.Deaf, p.DeafGap50, p.DeafGapMax = len(deaf), rank(deaf, 50), rank(deaf, 100)
	p.Typical, p.Typical50, p.Typical99 = len(typical), rank(typical, 50), rank(typical, 99)
	nearest := 0.0
	for _, m := range r.moves {
		if !m.Ended {
			p.Unfinished++
		}
		if m.fenced() {
			p.Fences++
		}
		if m.Waited > m.Stated {
			p.Late++
		}
		if share := float64(m.Waited) / float64(m.Stated); share > nearest {
			nearest, p.FenceLongest, p.FenceStated = share, ms(m.Waited), ms(m.Stated)
		}
	}
	p.Passed = len(r.errs) == 0 && p.Overlap == 0 && p.Unfinished == 0 && p.Late == 0 && p.Moves == r.Moves && p.Typical > 0
	r.table()
	return *p
}

// table prints each trouble's moves.
func (r *run) table() {
	by := make(map[string][]Move)
	for _, m := range r.moves {
		by[m.Trouble] = append(by[m.Trouble], m)
	}
	fmt.Fprintf(r.Out, "\n%-24s %5s  %-28s  %s\n", "", "moves", "nobody bound: median, longest", "fences: number, longest")
	for _, t := range troubles() {
		moves := by[t.name]
		if len(moves) == 0 {
			continue
		}
		gaps := collect(moves, func(m Move) (float64, bool) { return ms(m.Gap), m.Ended })
		fences := collect(moves, func(m Move) (float64, bool) { return ms(m.Waited), m.fenced() })
		fmt.Fprintf(r.Out, "%-24s %5d  %10.0f ms %10.0f ms     %5d %10.0f ms\n",
			t.name, len(moves), rank(gaps, 50), rank(gaps, 100), len(fences), rank(fences, 100))
	}
}

func collect(moves []Move, of func(Move) (float64, bool)) (out []float64) {
	for _, m := range moves {
		if v, ok := of(m); ok {
			out = append(out, v)
		}
	}
	slices.SortFunc(out, cmp.Compare)
	return out
}

// rank is the percentile of sorted values, by the nearest rank; 0 of none.
func rank(sorted []float64, percent int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	i := (len(sorted)*percent + 99) / 100
	return sorted[max(i, 1)-1]
}
