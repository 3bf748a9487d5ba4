package app

import (
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/health/alarm"
	"releve/health/metric"
	"releve/proxy/transport"
)

// What the sockets count, as series, and what of it becomes an alarm.

// wireEvents are the counters of the transport that tell of what others do to
// us, by the value of the label event.
var wireEvents = []struct {
	name  string
	value func(*transport.Counters) uint64
}{
	{"received", func(c *transport.Counters) uint64 { return c.Received }},
	{"sent", func(c *transport.Counters) uint64 { return c.Sent }},
	{"refused", func(c *transport.Counters) uint64 { return c.Refused }},
	{"oversized", func(c *transport.Counters) uint64 { return c.Oversized }},
	{"bad-length", func(c *transport.Counters) uint64 { return c.BadLength + c.WithoutLength }},
	{"dropped-full", func(c *transport.Counters) uint64 { return c.DroppedFull }},
	{"dropped-queue", func(c *transport.Counters) uint64 { return c.DroppedQueue }},
	{"dropped-kernel", func(c *transport.Counters) uint64 { return c.DroppedKernel }},
	{"dropped-unreachable", func(c *transport.Counters) uint64 { return c.DroppedUnreachable }},
	{"dropped-lost", func(c *transport.Counters) uint64 { return c.DroppedLost }},
	{"dropped-invalid", func(c *transport.Counters) uint64 { return c.DroppedInvalid }},
	{"dropped-limit", func(c *transport.Counters) uint64 { return c.DroppedLimit }},
	{"accepted", func(c *transport.Counters) uint64 { return c.Accepted }},
	{"accept-errors", func(c *transport.Counters) uint64 { return c.AcceptErrors }},
	{"over-limit", func(c *transport.Counters) uint64 { return c.OverLimit }},
	{"over-source", func(c *transport.Counters) uint64 { return c.OverSource }},
	{"handshakes-failed", func(c *transport.Counters) uint64 { return c.HandshakesFailed }},
	{"handshakes-slow", func(c *transport.Counters) uint64 { return c.HandshakesSlow }},
	{"slow-messages", func(c *transport.Counters) uint64 { return c.SlowMessages }},
	{"stuck-writers", func(c *transport.Counters) uint64 { return c.StuckWriters }},
	{"vanished", func(c *transport.Counters) uint64 { return c.Vanished }},
	{"reports-lost", func(c *transport.Counters) uint64 { return c.ReportsLost }},
	{"idle-closed", func(c *transport.Counters) uint64 { return c.IdleClosed }},
}

// wireMetrics declares them. Those of closed sockets may be missing from
// dropped-kernel: gauges, like all series of this node.
func (a *App) wireMetrics(set *metric.Set) {
	for _, e := range wireEvents {
		set.GaugeFunc("releve_wire_total", "what the sockets counted since the start", func() float64 {
			c := a.wire.Counters()
			return float64(e.value(&c))
		}, metric.Label{Name: "event", Value: e.name})
	}
	set.GaugeFunc("releve_connections", "TCP and TLS connections open, those being made included",
		func() float64 { return float64(a.wire.Counters().Connections) })
	set.GaugeFunc("releve_handshakes_open", "TLS handshakes in progress",
		func() float64 { return float64(a.wire.Counters().HandshakesOpen) })
	set.GaugeFunc("releve_peers_waiting", "configured UDP peers whose own socket could not be opened yet",
		func() float64 { return float64(a.wire.Counters().PeersWaiting) })
	for i, f := range a.proxy.Floods() {
		set.GaugeFunc("releve_source_dropped_total", "messages of a configured peer beyond limits.source_rate",
			func() float64 { return float64(a.proxy.Floods()[i].Dropped) }, metric.Label{Name: "source", Value: f.Name})
	}
}

// wireLimits are the bounds of the transport.
func (a *App) wireLimits() []limit {
	of := func(value func(c *transport.Counters) uint64) func() uint64 {
		return func() uint64 {
			c := a.wire.Counters()
			return value(&c)
		}
	}
	return []limit{
		{name: text.LimitSockets, count: of(func(c *transport.Counters) uint64 {
			return c.DroppedQueue + c.DroppedFull + c.DroppedKernel + c.ReportsLost
		})},
		limit{name: text.LimitConnections, count: of(func(c *transport.Counters) uint64 { return c.DroppedLimit + c.OverLimit })}.
			holding(int64(a.cfg().Limits.Connections), func() int64 { return int64(a.wire.Counters().Connections) }),
		{name: text.LimitSlowMessages, count: of(func(c *transport.Counters) uint64 { return c.SlowMessages })},
		{name: text.LimitUnread, count: of(func(c *transport.Counters) uint64 { return c.StuckWriters + c.Vanished })},
		{name: text.LimitHandshakes, count: of(func(c *transport.Counters) uint64 { return c.HandshakesSlow })},
	}
}

// How long before its end a certificate is told of; our choices: time to order
// one, and time to hurry.
const (
	certificateEnding = 30 * 24 * time.Hour
	certificateUrgent = 7 * 24 * time.Hour
)

// certificates tells what is wrong with our certificate files, and when their
// certificate is about to end.
func (m *mind) certificates(now time.Time) {
	told := map[string]bool{}
	for _, c := range m.app.inForce(now) {
		if !told[c.file] {
			m.certificate(now, c.file, c.end, c.fault)
		}
		told[c.file] = true
	}
}

// ownCertificate is one that we show to others.
type ownCertificate struct {
	name, file string
	end        time.Time
	fault      error // why newer files cannot be used
}

// inForce are our certificates in force.
func (a *App) inForce(now time.Time) (out []ownCertificate) {
	if end := a.wire.CertificateEnd(); !end.IsZero() {
		out = append(out, ownCertificate{"sip", a.cfg().TLS.Certificate, end, a.wire.TLSFault()})
	}
	if s := a.screen.Load(); s != nil {
		if end, fault := s.Certificate(now); !end.IsZero() {
			out = append(out, ownCertificate{"admin", a.cfg().Admin.TLS.Certificate, end, fault})
		}
	}
	return out
}

// certificateStatus is inForce for the API.
func (a *App) certificateStatus(now time.Time) (out []admin.Certificate) {
	for _, c := range a.inForce(now) {
		x := admin.Certificate{Name: c.name, File: c.file, End: c.end.UTC()}
		if c.fault != nil {
			x.Fault = c.fault.Error()
		}
		out = append(out, x)
	}
	return out
}

// certificate tells what is wrong with one, and when it ends.
func (m *mind) certificate(now time.Time, file string, end time.Time, err error) {
	if m.standing(alarm.CertificateBroken, file, err != nil, alarm.CertificateBroken.Severity()) && err != nil {
		m.app.event(text.EventCertificateBroken, map[string]string{"file": file, "cause": err.Error()})
	}
	left, severity := end.Sub(now), alarm.CertificateEnding.Severity()
	if left < certificateUrgent {
		severity = alarm.Major
	}
	if m.standing(alarm.CertificateEnding, file, left < certificateEnding, severity) && left < certificateEnding {
		m.app.event(text.EventCertificateEnding, map[string]string{"file": file, "until": end.Format(time.DateOnly)})
	}
}

// standing is set with a severity; changed: the alarm began, ended or changed it.
func (m *mind) standing(n alarm.Number, object string, on bool, s alarm.Severity) (changed bool) {
	changed = m.change(func(t *alarm.Table) bool {
		if on {
			return t.RaiseAs(time.Now(), n, object, s)
		}
		return t.Clear(time.Now(), n, object)
	})
	code := text.EventAlarmCleared
	if on {
		code = text.EventAlarmRaised
	}
	if changed {
		m.app.event(code, alarmParams(n, object))
	}
	return changed
}
