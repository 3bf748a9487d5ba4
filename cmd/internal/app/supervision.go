package app

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"releve/cmd/internal/config"
	"releve/health/notify"
	"releve/health/notify/snmp"
	"releve/health/notify/syslog"
	"releve/health/notify/webhook"
)

// How long one sending may take.
const (
	snmpDeadline   = 10 * time.Second // an inform is sent three times
	syslogDeadline = 10 * time.Second
)

// engines are this process as an SNMP engine, by the engine id that the file
// gives: one boot is counted for each, however often the file is read again.
type engines struct {
	mu   sync.Mutex
	byID map[string]*snmp.Engine
}

// engine opens the engine of that id once.
func (a *App) engine(id string) *snmp.Engine {
	a.engines.mu.Lock()
	defer a.engines.mu.Unlock()
	if e := a.engines.byID[id]; e != nil {
		return e
	}
	raw, _ := snmp.ParseEngineID(id) // checked; "" has one made
	e, err := snmp.OpenEngine(a.cfg().Store.Path, raw, machine(), a.started)
	if err != nil {
		a.log.Warn("the count of SNMP boots is not kept: after a restart within a minute, receivers may drop v3 traps", "error", err)
	}
	a.log.Info("SNMP v3: our engine id, for createUser -e", "engine", e.ID())
	if a.engines.byID == nil {
		a.engines.byID = map[string]*snmp.Engine{}
	}
	a.engines.byID[id] = e
	return e
}

// machine tells this machine from others.
func machine() string {
	id, _ := os.ReadFile("/etc/machine-id") // absent in some containers: the name alone
	name, _ := os.Hostname()
	return strings.TrimSpace(string(id)) + " " + name
}

// snmpReceivers: one a supervisor, so that one that is away holds up nobody.
func (a *App) snmpReceivers(c *config.Config) (out []notify.Receiver, err error) {
	s := c.Alarms.SNMP
	for _, target := range s.Targets {
		engine := a.engine(s.EngineID)
		sink, err := snmp.New(snmp.Options{
			Target: target, Version: s.Version, Inform: s.Inform, UTF8: s.UTF8, Root: s.Enterprise, Engine: engine,
			Community: s.Community.Value(), User: s.User,
			Auth: s.Auth, AuthPassword: s.AuthPassword.Value(), Priv: s.Priv, PrivPassword: s.PrivPassword.Value(),
		})
		if err != nil {
			return nil, err
		}
		settings := fmt.Sprintf("%+v %q %q %q", s, s.Community.Value(), s.AuthPassword.Value(), s.PrivPassword.Value())
		out = append(out, notify.Receiver{
			Name: "snmp " + target, Sink: sink, Takes: takes(s.Least, s.UrgentOnly), Most: 1, Deadline: snmpDeadline, Settings: settings,
		})
	}
	return out, nil
}

// webhookReceivers are named by their hosts: the address may be a secret.
func (a *App) webhookReceivers(c *config.Config) (out []notify.Receiver, err error) {
	var names []string
	for i, w := range c.Alarms.Webhooks {
		secure, authority, err := trusting(w.CA, fmt.Sprintf("alarms.webhook[%d].ca_file", i))
		if err != nil {
			return nil, err
		}
		sink, err := webhook.New(webhook.Options{
			URL: w.Address(), Secret: []byte(w.Secret.Value()), Timeout: w.Timeout, TLS: secure, Agent: "releve/" + a.options.Version,
		})
		if err != nil {
			return nil, err
		}
		u, err := url.Parse(w.Address())
		if err != nil {
			return nil, fmt.Errorf("alarms.webhook[%d]: the address cannot be used", i)
		}
		names = append(names, unique("webhook "+u.Host, names))
		out = append(out, notify.Receiver{
			Name: names[i], Sink: sink, Takes: takes(w.Least, w.UrgentOnly), Most: 1, Deadline: w.Timeout + time.Second,
			Settings: fmt.Sprintf("%+v %q %q %s", w, w.Address(), w.Secret.Value(), authority),
		})
	}
	return out, nil
}

func (a *App) syslogReceivers(c *config.Config) (out []notify.Receiver, err error) {
	var names []string
	for i, s := range c.Alarms.Syslogs {
		at := fmt.Sprintf("alarms.syslog[%d]", i)
		secure, authority, err := trusting(s.CA, at+".ca_file")
		if err != nil {
			return nil, err
		}
		secure.ServerName = s.ServerName
		var own []byte
		if s.Certificate != "" {
			pair, err := tls.LoadX509KeyPair(s.Certificate, s.Key)
			if err != nil {
				return nil, fmt.Errorf("read %s.certificate: %w", at, err)
			}
			secure.Certificates, own = []tls.Certificate{pair}, pair.Certificate[0]
		}
		sink, err := syslog.New(syslog.Options{
			Transport: s.Transport, Address: s.Address, Facility: syslog.Facility(s.Facility), SDID: s.SDID, TLS: secure,
		})
		if err != nil {
			return nil, err
		}
		names = append(names, unique("syslog "+s.Address, names))
		out = append(out, notify.Receiver{
			Name: names[i], Sink: sink, Takes: takes(s.Least, s.UrgentOnly), Most: 50, Deadline: syslogDeadline,
			Settings: fmt.Sprintf("%+v %s %x", s, authority, own),
		})
	}
	return out, nil
}

// trusting is TLS that believes the authorities of a file; "": the system's.
func trusting(file, key string) (*tls.Config, []byte, error) {
	secure := &tls.Config{MinVersion: tls.VersionTLS12}
	if file == "" {
		return secure, nil, nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", key, err)
	}
	secure.RootCAs = x509.NewCertPool()
	if !secure.RootCAs.AppendCertsFromPEM(raw) {
		return nil, nil, fmt.Errorf("read %s: no certificate in %s", key, file)
	}
	return secure, raw, nil
}

// unique is name, with a number when it is taken.
func unique(name string, taken []string) string {
	for n, base := 2, name; slices.Contains(taken, name); n++ {
		name = base + " " + strconv.Itoa(n)
	}
	return name
}
