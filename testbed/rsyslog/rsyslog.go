// Package rsyslog starts Debian's rsyslogd for a test: it listens on free ports
// of loopback by UDP, TCP and TLS, and writes what it parsed of each message as
// one line of JSON to a file of its own folder.
//
//	Start ─► listening ─► Await … ─► Stop
//
// A Server is safe for concurrent use; it is ended by its pid, and by the kernel
// when the thread that started it is gone.
package rsyslog

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Options of a Server: the PEM files of its TLS listener.
type Options struct{ Authority, Certificate, Key string }

// Server is a running rsyslogd.
type Server struct {
	UDP, TCP, TLS string // addresses

	dir  string
	cmd  *exec.Cmd
	done chan struct{}
	once sync.Once
}

// Message is what rsyslogd understood of one message.
type Message struct {
	Pri      string `json:"pri"`
	Time     string `json:"time"`
	Host     string `json:"host"`
	App      string `json:"app"`
	Proc     string `json:"proc"`
	ID       string `json:"msgid"`
	Data     string `json:"sd"`
	Text     string `json:"msg"`
	Input    string `json:"input"`
	Protocol string `json:"protocol"`
	Fields   string `json:"fields"` // JSON: the parameters by element, as mmpstrucdata reads them
}

// Field is a parameter of the structured data, in lower case as rsyslogd names
// it; "": there is none.
func (m Message) Field(element, name string) string {
	var fields map[string]map[string]string
	_ = json.Unmarshal([]byte(m.Fields), &fields) // not there: ""
	return fields[element][name]
}

const (
	startLimit = 2 * time.Minute
	poll       = 20 * time.Millisecond
)

// Start starts a server and waits until it listens everywhere. It needs Debian's
// rsyslog and rsyslog-gnutls.
func Start(ctx context.Context, o Options) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	program := "/usr/sbin/rsyslogd"
	if _, err := os.Stat(program); err != nil {
		if program, err = exec.LookPath("rsyslogd"); err != nil {
			return nil, errors.New("no rsyslogd: install it (bash testbed/install.sh rsyslog rsyslog-gnutls)")
		}
	}
	s := &Server{done: make(chan struct{})}
	var err error
	if s.dir, err = os.MkdirTemp("", "releve-rsyslog-"); err != nil {
		return nil, err
	}
	if err := s.start(program, o); err != nil {
		_ = os.RemoveAll(s.dir)
		return nil, err
	}
	if err := s.await(ctx); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

const config = `
global(workDirectory="DIR" maxMessageSize="8k" net.enableDNS="off" parser.escapeControlCharactersOnReceive="on"
  defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile="AUTHORITY"
  defaultNetstreamDriverCertFile="CERTIFICATE" defaultNetstreamDriverKeyFile="KEY")
module(load="imudp")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")
module(load="imptcp")
module(load="mmpstrucdata")
template(name="json" type="list" option.jsonf="on") {
  property(outname="pri" name="pri" format="jsonf")
  property(outname="time" name="timestamp" dateFormat="rfc3339" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="app" name="app-name" format="jsonf")
  property(outname="proc" name="procid" format="jsonf")
  property(outname="msgid" name="msgid" format="jsonf")
  property(outname="sd" name="structured-data" format="jsonf")
  property(outname="msg" name="msg" format="jsonf")
  property(outname="input" name="inputname" format="jsonf")
  property(outname="protocol" name="protocol-version" format="jsonf")
  property(outname="fields" name="$!rfc5424-sd" format="jsonf")
}
ruleset(name="keep") { action(type="mmpstrucdata") action(type="omfile" file="DIR/messages" template="json" flushOnTXEnd="on" asyncWriting="off") }
input(type="imudp" address="127.0.0.1" port="UDPPORT" ruleset="keep")
input(type="imptcp" address="127.0.0.1" port="TCPPORT" ruleset="keep")
input(type="imtcp" address="127.0.0.1" port="TLSPORT" ruleset="keep")
`

func (s *Server) start(program string, o Options) error {
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	s.UDP, s.TCP, s.TLS = "127.0.0.1:"+ports[0], "127.0.0.1:"+ports[1], "127.0.0.1:"+ports[2]
	text := strings.NewReplacer("DIR", s.dir, "AUTHORITY", o.Authority, "CERTIFICATE", o.Certificate, "KEY", o.Key,
		"UDPPORT", ports[0], "TCPPORT", ports[1], "TLSPORT", ports[2]).Replace(config)
	conf := filepath.Join(s.dir, "rsyslog.conf")
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd = exec.Command(program, "-n", "-f", conf, "-i", filepath.Join(s.dir, "pid"))
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.Dir = log, log, s.dir
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start rsyslogd: %w", err)
	}
	go func() { _ = s.cmd.Wait(); close(s.done) }()
	return nil
}

// freePorts are free for TCP and for UDP.
func freePorts(n int) ([]string, error) {
	var out []string
	for range n {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		c, err := net.ListenPacket("udp4", l.Addr().String())
		if err != nil {
			return nil, err
		}
		defer c.Close()
		out = append(out, fmt.Sprint(l.Addr().(*net.TCPAddr).Port))
	}
	return out, nil
}

// await waits until all three ports are bound.
func (s *Server) await(ctx context.Context) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		if bound("/proc/net/udp", s.UDP) && bound("/proc/net/tcp", s.TCP) && bound("/proc/net/tcp", s.TLS) {
			return nil
		}
		select {
		case <-tick.C:
		case <-s.done:
			return fmt.Errorf("rsyslogd ended at its start:\n%s", s.Log())
		case <-ctx.Done():
			return fmt.Errorf("rsyslogd does not listen: %w\n%s", ctx.Err(), s.Log())
		}
	}
}

// bound asks the kernel whether a socket has the address.
func bound(table, address string) bool {
	raw, err := os.ReadFile(table)
	addr, perr := net.ResolveTCPAddr("tcp4", address)
	if err != nil || perr != nil {
		return false
	}
	ip := addr.IP.To4()
	return strings.Contains(string(raw), fmt.Sprintf(" %02X%02X%02X%02X:%04X ", ip[3], ip[2], ip[1], ip[0], addr.Port))
}

// Log is what it said of itself.
func (s *Server) Log() string {
	raw, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return string(raw)
}

// Messages are what it received.
func (s *Server) Messages() ([]Message, error) {
	raw, err := os.ReadFile(filepath.Join(s.dir, "messages"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []Message
	for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
		var m Message
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			continue // its last line, half written
		}
		out = append(out, m)
	}
	return out, nil
}

// Await waits until it has received n messages whose structured data holds text,
// and returns them.
func (s *Server) Await(ctx context.Context, text string, n int) ([]Message, error) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		all, err := s.Messages()
		if err != nil {
			return nil, err
		}
		var out []Message
		for _, m := range all {
			if strings.Contains(m.Data, text) {
				out = append(out, m)
			}
		}
		if len(out) >= n {
			return out, nil
		}
		select {
		case <-tick.C:
		case <-s.done:
			return out, fmt.Errorf("rsyslogd ended:\n%s", s.Log())
		case <-ctx.Done():
			return out, fmt.Errorf("rsyslogd received %d of %d with %q, %d in all: %w\n%s", len(out), n, text, len(all), ctx.Err(), s.Log())
		}
	}
}

// Stop ends it and removes its files.
func (s *Server) Stop() {
	s.once.Do(func() {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.done:
		case <-time.After(5 * time.Second):
			_ = s.cmd.Process.Kill()
			<-s.done
		}
		_ = os.RemoveAll(s.dir)
	})
}
