package app

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"releve/cmd/internal/config"
	"releve/health/alarm"
	"releve/health/notify"
	"releve/health/notify/hook"
	"releve/health/notify/mail"
)

// receivers makes the receivers of a configuration, one function a kind. The
// names are what `releve alarms test` takes: "mail anne@ch.fr", "snmp 10.0.0.8:162"; the
// first word alone means all of its kind.
func (a *App) receivers(c *config.Config) (out []notify.Receiver, err error) {
	for _, of := range []func(*config.Config) ([]notify.Receiver, error){
		a.mailReceivers, a.snmpReceivers, a.webhookReceivers, a.syslogReceivers, a.hookReceivers,
	} {
		some, err := of(c)
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	for i := range out {
		out[i].Takes = notItself(out[i].Name, out[i].Takes)
	}
	return out, nil
}

// takes is the filter of a receiver: what is at least least, or night calls alone.
func takes(least alarm.Severity, urgentOnly bool) func(notify.Notice) bool {
	return func(n notify.Notice) bool {
		return (n.Urgent || !urgentOnly) && alarm.Severity(n.Severity).AtLeast(least)
	}
}

// notItself keeps the notice that a receiver is down from that receiver.
func notItself(name string, takes func(notify.Notice) bool) func(notify.Notice) bool {
	return func(n notify.Notice) bool {
		itself := n.Number == uint16(alarm.SinkDown) && n.Object == name
		return !itself && (takes == nil || takes(n))
	}
}

// mailDeadline bounds one mail, our choice: a relay that asks a dead DNS who we are
// greets after twenty seconds (RFC 5321 §4.5.3.2.1 would have us wait five
// minutes), and that is when alarms matter.
const mailDeadline = 30 * time.Second

// mailReceivers: one a recipient, so that the refusal of one holds up nobody else.
func (a *App) mailReceivers(c *config.Config) (out []notify.Receiver, err error) {
	m := c.Alarms.Mail
	if m.SMTP == "" {
		return nil, nil
	}
	secure := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: m.ServerName}
	var authority []byte
	if m.CA != "" {
		if authority, err = os.ReadFile(m.CA); err != nil {
			return nil, fmt.Errorf("read alarms.mail.ca_file: %w", err)
		}
		secure.RootCAs = x509.NewCertPool()
		if !secure.RootCAs.AppendCertsFromPEM(authority) {
			return nil, fmt.Errorf("read alarms.mail.ca_file: no certificate in %s", m.CA)
		}
	}
	hello := m.Hello
	if name, err := os.Hostname(); hello == "" && err == nil && strings.Contains(name, ".") {
		hello = name // a short name is refused by many a relay
	}
	_, domain, _ := strings.Cut(m.From, "@")
	for i, to := range slices.Concat(m.To, m.UrgentTo) {
		urgentOnly := i >= len(m.To)
		if urgentOnly && slices.Contains(m.To, to) {
			continue
		}
		sink, err := mail.New(mail.Config{
			Server: m.SMTP, Security: mail.Security(m.Security), TLS: secure, Hello: hello, From: m.From, To: to,
			Username: m.Username, Password: m.Password.Value(), Domain: domain,
		})
		if err != nil {
			return nil, err
		}
		settings := fmt.Sprintf("%+v %q %s %v %s", m, m.Password.Value(), hello, urgentOnly, authority)
		out = append(out, notify.Receiver{
			Name: "mail " + to, Sink: sink, Takes: takes(m.Least, urgentOnly), Gather: m.Gather, Rate: m.Rate, Settings: settings,
			Deadline: mailDeadline,
		})
	}
	return out, nil
}

// hookReceivers: one a program. A hung program may take a little longer than its
// limit to be killed.
func (a *App) hookReceivers(c *config.Config) (out []notify.Receiver, err error) {
	h := c.Alarms.Hooks
	programs, err := h.Programs()
	if err != nil {
		return nil, fmt.Errorf("read alarms.hooks.dir: %w", err)
	}
	for _, p := range programs {
		out = append(out, notify.Receiver{
			Name: "hook " + filepath.Base(p), Sink: hook.New(p, h.Timeout), Takes: takes(h.Least, h.UrgentOnly), Most: 1,
			Deadline: h.Timeout + 2*time.Second, Settings: fmt.Sprintf("%+v %s", h, p),
		})
	}
	return out, nil
}

// receive puts receivers in place, and ends the alarms about those that are gone.
func (a *App) receive(receivers []notify.Receiver) {
	a.notices.Set(receivers)
	names := a.notices.Names()
	for _, x := range a.standing(alarm.SinkDown, alarm.NoticesDropped) {
		if !slices.Contains(names, x.Object) {
			a.mind.clearAlarm(alarm.Number(x.Number), x.Object)
		}
	}
}
