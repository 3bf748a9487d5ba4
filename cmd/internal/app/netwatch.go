package app

import (
	"time"

	"releve/cmd/internal/text"
	"releve/health/alarm"
	"releve/proxy/resolve"
)

// How long before its end a certificate is told of; our choices: time to order
// one, and time to hurry.
const (
	endingSoon = 30 * 24 * time.Hour
	endingNow  = 7 * 24 * time.Hour
)

// netwatch is what was last told of names and certificates. Owned by the mind's
// loop.
type netwatch struct {
	names  map[resolve.Name]nameState
	fault  string // of the certificate files, as told; empty: none
	told   bool   // the alarm about the files was set or ended since the start
	ending bool
}

type nameState uint8

const (
	nameUntold nameState = iota
	nameFound
	nameStale
	nameLost
)

// watchNet tells the alarms about the names of far ends and about our
// certificate; once a second.
func (m *mind) watchNet(now time.Time) {
	for _, n := range m.app.names.watched {
		m.watchName(n)
	}
	if m.app.tlsConfig() != nil {
		m.watchCertificate(now)
	}
}

func (m *mind) watchName(n resolve.Name) {
	if m.net.names == nil {
		m.net.names = make(map[resolve.Name]nameState)
	}
	was, is := m.net.names[n], m.app.names.state(n)
	if was == is {
		return
	}
	m.net.names[n] = is
	m.set(alarm.NameStale, n.Host, is == nameStale)
	m.set(alarm.NameLost, n.Host, is == nameLost)
	switch code := [...]string{nameFound: text.EventNameFound, nameStale: text.EventNameStale, nameLost: text.EventNameLost}[is]; {
	case is == nameFound && was == nameUntold: // as it should be
	default:
		m.app.event(code, map[string]string{"name": n.Host})
	}
}

// state is how much is known of a name now.
func (n *names) state(name resolve.Name) nameState {
	switch _, ok := n.resolver.Targets(name); {
	case !ok:
		return nameLost
	case n.resolver.Failing(name):
		return nameStale
	}
	return nameFound
}

// watchCertificate tells what is wrong with the files, and when their
// certificate is about to end.
func (m *mind) watchCertificate(now time.Time) {
	file := m.app.cfg.TLS.Certificate
	fault := ""
	if err := m.app.wire.TLSFault(); err != nil {
		fault = err.Error()
	}
	if fault != m.net.fault || !m.net.told {
		if fault != "" {
			m.app.event(text.EventCertificateBroken, map[string]string{"file": file, "cause": fault})
		}
		m.net.fault, m.net.told = fault, true
		m.set(alarm.CertificateBroken, file, fault != "")
	}
	end := m.app.wire.CertificateEnd()
	left := end.Sub(now)
	ending := left < endingSoon
	switch {
	case ending && left < endingNow:
		m.raiseAs(alarm.CertificateEnding, file, alarm.Major)
	case ending:
		m.raise(alarm.CertificateEnding, file)
	default:
		m.clearAlarm(alarm.CertificateEnding, file)
	}
	if ending && !m.net.ending {
		m.app.event(text.EventCertificateEnding, map[string]string{"file": file, "until": end.UTC().Format("2006-01-02")})
	}
	m.net.ending = ending
}

// raiseAs is raise with a severity of its own.
func (m *mind) raiseAs(n alarm.Number, object string, s alarm.Severity) {
	m.mu.Lock()
	changed := m.alarms.RaiseAs(time.Now(), n, object, s)
	m.mu.Unlock()
	if changed {
		m.app.event(text.EventAlarmRaised, alarmParams(n, object))
	}
}
