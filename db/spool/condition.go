package spool

import "releve/health/metric"

// Condition is a state of the spool that an operator should know.
type Condition uint8

// The conditions. QueueFull: entries are lost since the queue in memory is full
// (the disk is too slow or refuses). SpaceFull: entries are lost since the
// segments reached TotalBytes (the store has been down for long). DiskFault:
// writing fails; entries wait in memory. StoreFault: the store takes nothing,
// or the segments cannot be read; entries wait on disk. Damaged: a part of a
// segment could not be read and was cut or set aside; it has no end and is
// reported each time.
const (
	QueueFull Condition = iota
	SpaceFull
	DiskFault
	StoreFault
	Damaged
	conditions
)

func (c Condition) String() string {
	return [...]string{"queue-full", "space-full", "disk-fault", "store-fault", "damaged"}[c]
}

// edge reports c when it begins or ends; called without mu.
func (s *Spool) edge(c Condition, on bool, err error) {
	s.mu.Lock()
	changed := s.present[c] != on
	s.present[c] = on && c != Damaged
	s.mu.Unlock()
	if changed && s.options.Report != nil {
		s.options.Report(c, on, err)
	}
}

// Loss is why an entry was lost.
type Loss uint8

// The reasons. LossTooLong: an entry above 256 KiB, or one that has no JSON
// form. LossUnreadable: a whole frame whose content this version cannot read.
// LossClosed: handed over after Close, or not written by its end.
const (
	lossNone Loss = iota
	LossQueueFull
	LossSpaceFull
	LossTooLong
	LossUnreadable
	LossClosed
)

var losses = []Loss{LossQueueFull, LossSpaceFull, LossTooLong, LossUnreadable, LossClosed}

func (l Loss) String() string {
	return [...]string{"none", "queue-full", "space-full", "too-long", "unreadable", "closed"}[l]
}

type counts struct {
	written, ingested    *metric.Counter
	lost                 *metric.Counters[Loss]
	cutBytes             *metric.Counter
	diskFaults, storeOut *metric.Counter
}

func newCounts(m *metric.Set, s *Spool) counts {
	m.GaugeFunc("releve_spool_backlog_bytes", "Records durable and not yet in the store.", func() float64 { return float64(s.backlog()) })
	return counts{
		written:    m.Counter("releve_spool_written_total", "Records and events made durable."),
		ingested:   m.Counter("releve_spool_ingested_total", "Records and events handed to the store."),
		lost:       metric.NewCounters(m, "releve_spool_lost_total", "Records and events lost, by reason.", "reason", losses),
		cutBytes:   m.Counter("releve_spool_damaged_bytes_total", "Bytes of segments cut as torn or set aside as damaged."),
		diskFaults: m.Counter("releve_spool_disk_faults_total", "Failed tries to write a segment."),
		storeOut:   m.Counter("releve_spool_store_faults_total", "Failed tries to hand a batch to the store."),
	}
}
