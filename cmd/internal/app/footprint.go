package app

import (
	"os"
	"runtime/metrics"

	"releve/health/metric"
)

// footprint declares what the process itself takes: whoever watches it for
// months looks here for what only grows.
func footprint(set *metric.Set) {
	for _, s := range []struct{ name, help, source string }{
		{"releve_goroutines", "goroutines", "/sched/goroutines:goroutines"},
		{"releve_heap_live_bytes", "memory in use as the last collection found it", "/gc/heap/live:bytes"},
		{"releve_heap_bytes", "memory in use and not yet collected", "/memory/classes/heap/objects:bytes"},
		{"releve_collections_total", "garbage collections", "/gc/cycles/total:gc-cycles"},
	} {
		set.GaugeFunc(s.name, s.help, func() float64 {
			sample := []metrics.Sample{{Name: s.source}}
			metrics.Read(sample)
			if sample[0].Value.Kind() != metrics.KindUint64 {
				return -1 // this Go does not count it
			}
			return float64(sample[0].Value.Uint64())
		})
	}
	set.GaugeFunc("releve_descriptors", "open files and sockets", func() float64 {
		open, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			return -1
		}
		return float64(len(open) - 1) // the directory itself was one
	})
}
