package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"text/tabwriter"
)

// result is the last line. Figures by candidate; those named in the singular
// are Relève's.
type result struct {
	CPS             float64            `json:"cps"`
	CPU             map[string]float64 `json:"cpu_us_per_call"`
	RatioKamailio   float64            `json:"ratio_kamailio"`
	RatioRelay      float64            `json:"ratio_relay"`
	BytesPerHeld    int64              `json:"bytes_per_held_call"`
	FailedCalls     int                `json:"failed_calls"`
	AddedPDD        float64            `json:"added_pdd_p99_ms"`
	StartMS         float64            `json:"start_ms"`
	Calls           map[string]int     `json:"calls"`
	Failed          map[string]int     `json:"failed"`
	Retransmissions map[string]int     `json:"retransmissions"`
	RSS             map[string]int64   `json:"rss_kb"`
	HeldBytes       map[string]int64   `json:"held_bytes"`
	HeldFailed      map[string]int     `json:"held_failed"`
	Delay           map[string]delay   `json:"post_dial_ms"`
	Start           map[string]float64 `json:"started_ms"`
	Short           bool               `json:"short"`

	options options
}

// delay is INVITE to 180, in milliseconds.
type delay struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

func newResult(o options) *result {
	return &result{
		CPU: map[string]float64{}, Calls: map[string]int{}, Failed: map[string]int{}, Retransmissions: map[string]int{},
		RSS: map[string]int64{}, HeldBytes: map[string]int64{}, HeldFailed: map[string]int{},
		Delay: map[string]delay{}, Start: map[string]float64{}, Short: o.short, options: o,
	}
}

// close derives the single figures.
func (r *result) close() {
	const us = "releve"
	r.RatioKamailio = ratio(r.CPU[us], r.CPU["kamailio"])
	r.RatioRelay = ratio(r.CPU[us], r.CPU["relay"])
	r.BytesPerHeld = r.HeldBytes[us]
	r.FailedCalls = r.Failed[us] + r.HeldFailed[us]
	r.AddedPDD = round3(r.Delay[us].P99 - r.Delay[direct].P99)
	r.StartMS = r.Start[us]
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return round3(a / b)
}

func round1(v float64) float64 { return math.Round(v*10) / 10 }

func round3(v float64) float64 { return math.Round(v*1000) / 1000 }

// missed are the bars that do not hold; those of candidates left out by -only
// are not judged.
func (r *result) missed() []string {
	var out []string
	if r.FailedCalls > 0 {
		out = append(out, fmt.Sprintf("%d calls failed, 0 allowed", r.FailedCalls))
	}
	if r.Short {
		return out
	}
	if r.RatioKamailio > maxRatioKamailio {
		out = append(out, fmt.Sprintf("%.3f of Kamailio's CPU per call, %.1f allowed", r.RatioKamailio, maxRatioKamailio))
	}
	if r.BytesPerHeld > maxBytesPerHeldCall {
		out = append(out, fmt.Sprintf("%d bytes per held call, %d allowed", r.BytesPerHeld, maxBytesPerHeldCall))
	}
	return out
}

// print writes the table.
func (r *result) print(w io.Writer) {
	r.close()
	fmt.Fprintf(w, "\n%d calls/s, %d s per candidate, %d calls held\n", r.options.rate, r.options.seconds, r.options.held)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tCPU µs/call\tcalls\tfailed\tresent\tRSS kB\theld B/call\tPDD p50 ms\tp99\tstart ms\t")
	names := slices.Sorted(maps.Keys(r.Calls))
	if _, ok := r.Delay[direct]; ok {
		names = append(names, direct)
	}
	for _, n := range names {
		fmt.Fprintf(t, "%s\t%.1f\t%d\t%d\t%d\t%d\t%d\t%.3f\t%.3f\t%.0f\t\n", n, r.CPU[n], r.Calls[n], r.Failed[n]+r.HeldFailed[n],
			r.Retransmissions[n], r.RSS[n], r.HeldBytes[n], r.Delay[n].P50, r.Delay[n].P99, r.Start[n])
	}
	_ = t.Flush()
	fmt.Fprintf(w, "Relève: %.3f × Kamailio, %.3f × the bare relay, +%.3f ms post-dial delay (p99)\n", r.RatioKamailio, r.RatioRelay, r.AddedPDD)
}
