package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// site is one Relève process and its own part of loopback.
type site struct {
	releve, ipbx, primary, secondary netip.AddrPort

	dir   string
	log   *os.File
	cmd   *exec.Cmd
	ended chan struct{}
	http  *http.Client
}

// sources is how many addresses the IPBX sends from: as many as the
// configuration takes.
const sources = 16

// newSite gives bed n of this run its addresses, as testbed/sipp does.
func newSite(run, n int) *site {
	at := func(last int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, byte(192 + run%60), byte(1 + (run/60*4+n)%250), byte(last)}), 5060)
	}
	return &site{releve: at(9), ipbx: at(1), primary: at(2), secondary: at(3)}
}

// source is the i-th address that the IPBX sends from.
func (s *site) source(i int) netip.Addr {
	a := s.ipbx.Addr().As4()
	a[3] = byte(10 + i%sources)
	return netip.AddrFrom4(a)
}

const siteYAML = `site: torture
language: en
level: high-availability
wel_licences: [high-availability]
listen:
  - {address: "%[1]s://%[2]s"}
keys: {file: %[3]s/keys}
ipbx:
  - {name: ipbx, address: "sip:%[4]s;transport=%[1]s", sources: [%[5]s], no_answer: 60s, max_grant: 60s}
servers:
  - {name: principal, role: primary, address: "sip:%[6]s;transport=%[1]s", lines: 1000, version: 5.3.6}
  - {name: secours, role: secondary, address: "sip:%[7]s;transport=%[1]s", lines: 1000, version: 5.3.6}
service_numbers: ["5000"]
%[8]slimits: {calls_per_second: 10000, source_rate: 1000000, source_burst: 1000000, connections: 2000, connections_per_source: 500}
store: {path: %[3]s}
admin: {socket: %[3]s/admin.sock}
`

// holding makes Relève answer the servers' REGISTERs.
const holding = `registration:
  mode: hold
  users:
    principal: {aor: "sip:5001@%[2]s", username: "5001", password_file: %[1]s/5001}
`

// write makes the directory and the configuration. registered: in mode hold,
// else trunk.
func (s *site) write(network string, registered bool) (err error) {
	if s.dir, err = os.MkdirTemp("", "releve-torture-"); err != nil {
		return err
	}
	if err = os.WriteFile(filepath.Join(s.dir, "5001"), []byte("secret"), 0o600); err != nil {
		return err
	}
	from := make([]string, sources)
	for i := range from {
		from[i] = s.source(i).String()
	}
	mode := ""
	if registered {
		mode = fmt.Sprintf(holding, s.dir, s.ipbx.Addr())
	}
	text := fmt.Sprintf(siteYAML, network, s.releve, s.dir, s.ipbx, strings.Join(from, ", "), s.primary, s.secondary, mode)
	if err = os.WriteFile(filepath.Join(s.dir, "releve.yaml"), []byte(text), 0o600); err != nil {
		return err
	}
	s.http = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(s.dir, "admin.sock"))
	}}}
	s.log, err = os.Create(filepath.Join(s.dir, "releve.log"))
	return err
}

func (s *site) launch(binary string) error {
	s.cmd = exec.Command(binary, "serve", "-c", filepath.Join(s.dir, "releve.yaml"))
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start releve: %w; make build", err)
	}
	s.ended = make(chan struct{})
	go func() {
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	return nil
}

// ready waits until both servers are known good.
func (s *site) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	var last string
	for {
		var st struct {
			Servers []struct {
				Verdict string `json:"verdict"`
				Ready   bool   `json:"ready"`
			} `json:"servers"`
		}
		raw, err := s.read(ctx, "/api/v1/status")
		if err == nil && json.Unmarshal(raw, &st) == nil && len(st.Servers) == 2 && st.Servers[0].Verdict == "HEALTHY" {
			return nil
		}
		last = fmt.Sprintf("%s %v", raw, err)
		select {
		case <-ctx.Done():
			return fmt.Errorf("the servers are not known good: %s\n%s", last, s.tail())
		case <-s.ended:
			return fmt.Errorf("releve ended: %s\n%s", s.cmd.ProcessState, s.tail())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *site) read(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://releve"+path, nil)
	if err != nil {
		return nil, err
	}
	answer, err := s.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return io.ReadAll(io.LimitReader(answer.Body, 1<<20))
}

// gauges reads the series without labels.
func (s *site) gauges(ctx context.Context) (map[string]float64, error) {
	raw, err := s.read(ctx, "/metrics")
	if err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for line := range strings.Lines(string(raw)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if f, err := strconv.ParseFloat(value, 64); err == nil {
			out[name] = f
		}
	}
	return out, nil
}

func (s *site) tail() string {
	raw, err := os.ReadFile(filepath.Join(s.dir, "releve.log"))
	if err != nil {
		return err.Error()
	}
	return string(raw[max(0, len(raw)-3000):])
}

// sound says what is wrong with the process: dead, or its log tells of a fault.
func (s *site) sound(ctx context.Context) error {
	select {
	case <-s.ended:
		return fmt.Errorf("releve ended: %s\n%s", s.cmd.ProcessState, s.tail())
	default:
	}
	raw, err := os.ReadFile(filepath.Join(s.dir, "releve.log"))
	if err != nil {
		return err
	}
	for _, bad := range []string{"panic", "DATA RACE", "level=ERROR"} {
		if i := strings.Index(string(raw), bad); i >= 0 {
			return fmt.Errorf("releve's log says %s:\n%s", bad, raw[i:min(len(raw), i+3000)])
		}
	}
	g, err := s.gauges(ctx)
	if err != nil {
		return err
	}
	if n := g["releve_faults_total"]; n != 0 {
		return fmt.Errorf("%v faults were caught", n)
	}
	return nil
}

// close ends the process; the directory stays when something failed.
func (s *site) close(failed bool) error {
	var err error
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
	if s.log != nil {
		err = s.log.Close()
	}
	if s.http != nil {
		s.http.CloseIdleConnections()
	}
	if !failed {
		err = errors.Join(err, os.RemoveAll(s.dir))
	}
	return err
}
