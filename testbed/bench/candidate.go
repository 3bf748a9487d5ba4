package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Who has which address; each party its own, so that ports never collide.
const (
	sipPort      = ":5060"
	callerHost   = "127.80.0.10"
	probeHost    = "127.80.0.11" // a second source of the IPBX, asks OPTIONS
	serverHost   = "127.80.0.21"
	standbyHost  = "127.80.0.22"
	fastHost     = "127.80.0.23" // the server of the delay figure
	releveHost   = "127.80.0.31"
	kamailioHost = "127.80.0.32"
	relayHost    = "127.80.0.33"
	relayBack    = "127.80.0.34"
)

// startLimit is the longest a candidate may take until it answers.
const startLimit = 15 * time.Second

//go:embed load/kamailio.cfg
var kamailioConfig string

// releveConfig: the whole procedure is on (two servers, observation off), the
// lines are more than will ever be used.
const releveConfig = `site: bench
level: high-availability
language: en
wel_licences: [high-availability]
listen: [{address: "udp://LISTEN", advertise: HOST}]
keys: {file: DIR/keys}
ipbx: [{name: ipbx, address: "sip:CALLER:5060", sources: [PROBE], no_answer: 60s}]
servers:
  - {name: primary, role: primary, address: "sip:SERVER:5060", lines: 30000, version: 5.3.6}
  - {name: secondary, role: secondary, address: "sip:STANDBY:5060", lines: 30000, version: 5.3.6}
registration: {mode: trunk}
verification: {act: true}
limits: {calls_per_second: 10000, source_rate: 1000000, source_burst: 1000000, transactions: 2000000}
store: {path: DIR}
admin: {socket: DIR/admin.sock}
`

// candidate is one of the compared hops, running.
type candidate struct {
	*process
	name    string
	addr    string
	started time.Duration // exec to the first OPTIONS answered
	socket  string        // Relève's admin socket

	cpuBefore       time.Duration
	calls, failed   int
	retransmissions int
	elapsed         time.Duration
	size            int64 // largest at the end of a round, bytes
}

// start starts the named candidates towards the SIPp server.
func (b *bench) start(ctx context.Context, names []string) ([]*candidate, error) {
	var all []*candidate
	for _, n := range names {
		c, err := b.startOne(ctx, n, serverHost)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// startOne starts a candidate that sends calls to server.
func (b *bench) startOne(ctx context.Context, name, server string) (*candidate, error) {
	dir, err := os.MkdirTemp(b.dir, name+"-")
	if err != nil {
		return nil, err
	}
	c := &candidate{name: name}
	began := time.Now()
	switch name {
	case "releve":
		c.socket = filepath.Join(dir, "admin.sock")
		c.process, err = b.releve(dir, server)
		c.addr = releveHost + sipPort
	case "kamailio":
		c.process, err = b.kamailio(dir, server)
		c.addr = kamailioHost + sipPort
	case "relay":
		c.process, err = b.relayProcess(server)
		c.addr = relayHost + sipPort
	default:
		err = fmt.Errorf("-only %s: give releve, kamailio or relay", name)
	}
	if err != nil {
		return nil, err
	}
	from := probeHost + ":0"
	if name == "relay" {
		from = callerHost + sipPort // it knows no other way back; the server answers
	}
	if c.started, err = answersOptions(ctx, from, c.addr, c.process, startLimit); err != nil {
		return nil, fmt.Errorf("%s does not serve: %w\n%s", name, err, c.output())
	}
	c.started = time.Since(began)
	return c, nil
}

func (b *bench) stop(all []*candidate) {
	for _, c := range all {
		c.end()
	}
}

func (b *bench) releve(dir, server string) (*process, error) {
	text := strings.NewReplacer("LISTEN", releveHost+sipPort, "HOST", releveHost, "DIR", dir, "CALLER", callerHost,
		"PROBE", probeHost, "SERVER", server, "STANDBY", standbyHost).Replace(releveConfig)
	file := filepath.Join(dir, "releve.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	binary, err := filepath.Abs(b.binary)
	if err != nil {
		return nil, err
	}
	return b.spawn("releve", binary, "serve", "-c", file)
}

// kamailio runs in the foreground with two workers, in memory enough for the
// tails at several times the rate.
func (b *bench) kamailio(dir, server string) (*process, error) {
	modules, err := filepath.Glob("/usr/lib/*/kamailio/modules")
	if err != nil || len(modules) == 0 {
		return nil, fmt.Errorf("kamailio's modules are not in /usr/lib/*/kamailio/modules: install kamailio")
	}
	if err := os.WriteFile(filepath.Join(dir, "dispatcher.list"), []byte("1 sip:"+server+sipPort+"\n"), 0o600); err != nil {
		return nil, err
	}
	text := strings.NewReplacer("@MODULES@", modules[0], "@LISTEN@", kamailioHost+sipPort, "@DIR@", dir).Replace(kamailioConfig)
	file := filepath.Join(dir, "kamailio.cfg")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return b.spawn("kamailio", "kamailio", "-f", file, "-DD", "-E", "-m", "1024", "-M", "16", "-Y", dir)
}

func (b *bench) relayProcess(server string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return b.spawn("relay", self, "-relay", strings.Join([]string{
		relayHost + sipPort, relayBack + sipPort, callerHost + sipPort, server + sipPort,
	}, ","))
}

// recorded asks Relève what it counted: every call that SIPp saw answered must
// be there.
func (b *bench) recorded(c *candidate) error {
	binary, err := filepath.Abs(b.binary)
	if err != nil {
		return err
	}
	raw, err := exec.Command(binary, "status", "-o", "json", "--socket", c.socket).Output()
	var code *exec.ExitError
	if errors.As(err, &code) && code.ExitCode() == 1 {
		err = nil // an alarm stands: this machine was late; what counts is the count
	}
	if err != nil {
		return fmt.Errorf("releve status: %w: %s", err, raw)
	}
	var s struct {
		Counters struct {
			Answered uint64 `json:"calls_answered"`
		} `json:"counters"`
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return fmt.Errorf("releve status: %w: %s", err, raw)
	}
	if int(s.Counters.Answered) < c.calls {
		return fmt.Errorf("releve counts %d answered calls, sipp %d", s.Counters.Answered, c.calls)
	}
	return nil
}
