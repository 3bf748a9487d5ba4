package app

import (
	"errors"
	"testing"
	"time"

	"releve/cmd/internal/text"
	"releve/health/alarm"
	"releve/proxy/transport"
)

func TestRefusedHandshakesNameTheFarEnd(t *testing.T) {
	s := still(t)
	m := s.node.mind
	flow := transport.Flow{Network: transport.TLS, Remote: s.node.cfg().Servers[0].Address.Addr}
	now := time.Now()
	for range manyHandshakes - 1 {
		s.node.handshakeFailed(flow, errors.New("bad certificate"))
	}
	m.countHandshakes(now)
	if s.alarmed(alarm.TLSFault) {
		t.Error("told of what a restart does")
	}
	s.node.handshakeFailed(flow, errors.New("bad certificate"))
	m.countHandshakes(now.Add(time.Second))
	if a := s.node.Alarms(t.Context()); len(a) != 1 || a[0].Number != uint16(alarm.TLSFault) || a[0].Object != "primary" {
		t.Errorf("%+v", a)
	}
	m.countHandshakes(now.Add(time.Second + countQuiet))
	if s.alarmed(alarm.TLSFault) {
		t.Error("it never ends")
	}
	line := text.For(text.French).Event(text.EventTLSRefused, map[string]string{"object": "primary", "cause": "bad certificate"})
	if line != "Connexion chiffrée refusée avec principal\u202f: bad certificate." {
		t.Errorf("%q", line)
	}
}

// A server whose certificate is another's is refused, and the alarm says who.
func TestServerOfAnotherNameIsRefusedAndTold(t *testing.T) {
	t.Parallel() // it waits
	b := newBridge(t)
	ipbx, server := b.party("udp", "127.0.41.1"), b.party("tls", "127.0.41.2")
	pair := b.party("tls", "127.0.41.3") // what it shows is for this host
	server.tls = pair.tls
	b.start(ipbx.uri(""), server.uri(""))
	b.until("the alarm names the server", func() bool { return b.alarmed(alarm.TLSFault, "primary") })
}
