package app

import (
	"fmt"
	"io"
	"strings"
)

// noticeMetrics writes the series of the receivers of alarms; they change with a
// reload, so they are no part of the set that is declared at the start.
func (a *App) noticeMetrics(w io.Writer) {
	a.mind.mu.Lock()
	blips, untold := a.mind.telling.herald.Blips(), a.mind.telling.dropped
	a.mind.mu.Unlock()
	_, _ = fmt.Fprintf(w, "# HELP releve_alarm_blips_total alarms that ended before they were told\n# TYPE releve_alarm_blips_total counter\nreleve_alarm_blips_total %d\n", blips)
	_, _ = fmt.Fprintf(w, "# HELP releve_notices_untold_total notices given up before they reached any queue\n# TYPE releve_notices_untold_total counter\nreleve_notices_untold_total %d\n", untold)
	states := a.notices.States()
	write := func(name, help, kind string, value func(i int) uint64) {
		if len(states) == 0 {
			return
		}
		_, _ = fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
		for i, s := range states {
			_, _ = fmt.Fprintf(w, "%s{sink=\"%s\"} %d\n", name, label.Replace(s.Name), value(i))
		}
	}
	write("releve_notices_queued_total", "notices of alarms for a receiver", "counter", func(i int) uint64 { return states[i].Queued })
	write("releve_notices_sent_total", "notices that a receiver took", "counter", func(i int) uint64 { return states[i].Sent })
	write("releve_notices_failed_total", "sendings that a receiver did not take", "counter", func(i int) uint64 { return states[i].Failed })
	write("releve_notices_dropped_total", "notices given up because the queue was full", "counter", func(i int) uint64 { return states[i].Dropped })
	write("releve_notices_waiting", "notices that a receiver has not taken yet", "gauge", func(i int) uint64 { return uint64(states[i].Waiting) })
}

// label escapes a label's value (text exposition format 0.0.4).
var label = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
