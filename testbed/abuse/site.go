package abuse

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"releve/testbed/ipbx"
	"releve/testbed/node"
	"releve/testbed/server"
	"releve/testbed/tlstest"
)

// The site, our choices. The limits are small, so that this machine can exceed
// them; a load that keeps within them must not notice the rest.
const (
	lines          = 400
	service        = "5000"
	callsPerSecond = 50
	connections    = 400
	perSource      = 100
	sourceRate     = 1000
	sourceBurst    = 2000
	heldCalls      = 50
)

// kind is which site: how it differs from the others.
type kind struct {
	name    string
	refuse  bool // limits.strangers: refuse
	pair    bool // the licence is moved by registration; the hostile IPBX is not there
	known   bool // what sipvicious sends is the IPBX's
	deaf    bool // the primary is reached over TCP and reads nothing
	streams bool // TCP and TLS listeners, a trunk on each
}

// site is one installation under attack.
type site struct {
	kind
	binary, dir string
	net         byte // third octet of its addresses
	node        *node.Node
	releve      netip.AddrPort // UDP and TCP
	secured     netip.AddrPort // TLS
	pool        *x509.CertPool
	ipbx        *ipbx.IPBX
	trunks      []*trunk
	servers     [2]*server.Server
	listener    *deaf
	load        *load
	offering    context.CancelFunc
	offered     chan struct{} // closed when no more calls are offered
	base        reading       // the most of each, under the load alone
	recovered   time.Duration // after the pulse
}

// The hosts of a site; each is the last octet of its address.
const (
	hostIPBX = iota + 1
	hostPrimary
	hostSecondary
	hostTCP
	hostTLS
	hostReleve
	hostHostile  // an IPBX that Relève knows, in a stranger's hands; with the next ten
	hostStranger = 100
)

func (s *site) host(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{127, 90 + s.net, byte(os.Getpid()%250 + 1), byte(n)})
}

func (s *site) at(n int, port uint16) netip.AddrPort { return netip.AddrPortFrom(s.host(n), port) }

// hostile is address i of the IPBX in a stranger's hands.
func (s *site) hostile(i int) netip.Addr { return s.host(hostHostile + i) }

func (s *site) yaml() (string, error) {
	var b strings.Builder
	line := func(format string, a ...any) { fmt.Fprintf(&b, format+"\n", a...) }
	line("site: abuse\nlanguage: en\nlevel: high-availability\nwel_licences: [high-availability]\nlisten:")
	line(`  - {address: "udp://%s"}`, s.releve)
	line(`  - {address: "tcp://%s"}`, s.releve)
	if s.streams {
		line(`  - {address: "tls://%s"}`, s.secured)
	}
	line("keys: {file: %s/keys}\nipbx:", s.dir)
	line(`  - {name: ipbx, address: "sip:%s", no_answer: 60s, max_grant: 60s, sources: [%s, %s, %s%s]}`, s.at(hostIPBX, 5060),
		s.host(hostIPBX), s.host(hostTCP), s.host(hostTLS), when(s.known, ", "+scannerAt.String()))
	if !s.pair {
		line(`  - {name: hostile, address: "sip:%s", no_answer: 60s, sources: [%s]}`, s.at(hostHostile, 5060), s.hostiles())
	}
	suffix := ""
	if s.deaf {
		suffix = ";transport=tcp"
	}
	line("servers:")
	line(`  - {name: principal, role: primary, address: "sip:%s%s", lines: %d, version: 5.3.6, user: "5001"}`, s.at(hostPrimary, 5060), suffix, lines)
	line(`  - {name: secours, role: secondary, address: "sip:%s", lines: %d, version: 5.3.6, user: "5002"}`, s.at(hostSecondary, 5060), lines)
	line(`service_numbers: ["5000"]`)
	if s.pair {
		line("registration:\n  mode: pair\n  expires: 30s\n  users:")
		line(`    principal: {aor: "sip:5001@%s", username: "5001", password_file: %s/5001}`, s.host(hostIPBX), s.dir)
		line(`    secours: {aor: "sip:5002@%s", username: "5002", password_file: %s/5002}`, s.host(hostIPBX), s.dir)
	}
	if s.streams {
		if err := s.certificates(line); err != nil {
			return "", err
		}
	}
	line("overflow: {progress_timeout: 2s, answer_timeout: 8s, hold_budget: 10s}")
	line("verification: {count: 3, spacing: 1s, timeout: 900ms, idle_interval: 2s}")
	line("limits: {calls_per_second: %d, connections: %d, connections_per_source: %d, source_rate: %d, source_burst: %d, held_calls: %d%s}",
		callsPerSecond, connections, perSource, sourceRate, sourceBurst, heldCalls, when(s.refuse, ", strangers: refuse"))
	line("store: {path: %s/store}\nadmin: {socket: %s}", s.dir, node.Socket(s.dir))
	return b.String(), nil
}

func when(ok bool, s string) string {
	if ok {
		return s
	}
	return ""
}

func (s *site) hostiles() string {
	var all []string
	for i := range 10 {
		all = append(all, s.hostile(i).String())
	}
	return strings.Join(all, ", ")
}

// certificates makes what TLS needs.
func (s *site) certificates(line func(string, ...any)) error {
	ca, err := tlstest.NewAuthority(s.dir, "authority")
	if err != nil {
		return err
	}
	s.pool = ca.Pool()
	p, err := ca.Issue(tlstest.Leaf{Name: "releve", SANs: []string{s.secured.Addr().String()}})
	line("tls: {certificate: %s, key: %s, ca: %s}", p.Certificate, p.Key, ca.File)
	return err
}

// open starts the parties, then the node, then the load.
func (s *site) open(ctx context.Context, binary string, seed uint64) (err error) {
	s.binary = binary
	if s.dir, err = os.MkdirTemp("", "releve-abuse-"); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	s.releve, s.secured = s.at(hostReleve, 5060), s.at(hostReleve, 5061)
	users := map[string]string{"5001": "un-secret", "5002": "un-autre"}
	for user, secret := range users {
		if err := os.WriteFile(filepath.Join(s.dir, user), []byte(secret), 0o600); err != nil {
			return fmt.Errorf("write a password: %w", err)
		}
	}
	if err := s.parties(ctx, users); err != nil {
		return err
	}
	yaml, err := s.yaml()
	if err != nil {
		return err
	}
	if s.node, err = node.Start(ctx, binary, s.dir, yaml); err != nil {
		return err
	}
	return s.begin(ctx, seed)
}

func (s *site) parties(ctx context.Context, users map[string]string) (err error) {
	s.ipbx, err = ipbx.Start(ipbx.Config{
		Name: "ipbx", Addr: s.at(hostIPBX, 5060).String(), Releve: s.releve,
		Registrar: ipbx.Registrar{Realm: "abuse", Users: users},
	})
	if err != nil {
		return err
	}
	for i, name := range []string{"principal", "secours"} {
		at := s.at(hostPrimary+i, 5060)
		if s.deaf && i == 0 {
			if s.listener, err = listenDeaf(ctx, at); err != nil {
				return err
			}
			continue
		}
		s.servers[i], err = server.Start(server.Config{Name: name, Addr: at.String(), Lines: lines, Releve: s.releve, User: service})
		if err != nil {
			return err
		}
	}
	return nil
}

// begin offers the load and reads the base once it runs evenly.
func (s *site) begin(ctx context.Context, seed uint64) error {
	callers := []caller{{"UDP", callUDP(s.ipbx)}}
	if s.streams {
		for _, w := range []struct {
			from int
			to   netip.AddrPort
			pool *x509.CertPool
		}{{hostTCP, s.releve, nil}, {hostTLS, s.secured, s.pool}} {
			t, err := dialTrunk(ctx, s.host(w.from), w.to, w.pool)
			if err != nil {
				return err
			}
			s.trunks = append(s.trunks, t)
			callers = append(callers, caller{t.network, t.call})
		}
	}
	s.load = newLoad(callers, seed)
	offering, stop := context.WithCancel(ctx)
	s.offering, s.offered = stop, make(chan struct{})
	go func() { defer close(s.offered); s.load.offer(offering) }()
	return nil
}

// warm waits until the load runs evenly and takes the base: the most of a few
// readings.
func (s *site) warm(ctx context.Context) error {
	if err := pause(ctx, 2*time.Second); err != nil {
		return err
	}
	for range 10 {
		r, err := s.read(ctx)
		if err != nil {
			return err
		}
		s.base.RSS = max(s.base.RSS, r.RSS)
		s.base.goroutines, s.base.FDs = max(s.base.goroutines, r.goroutines), max(s.base.FDs, r.FDs)
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// rest stops the load and waits for the end of every good call.
func (s *site) rest() {
	if s.offering == nil {
		return
	}
	s.offering()
	<-s.offered
	s.load.running.Wait()
}

func (s *site) close() error {
	s.rest()
	var errs []error
	if s.node != nil {
		errs = append(errs, s.node.Stop())
	}
	for _, t := range s.trunks {
		t.close()
	}
	if s.listener != nil {
		s.listener.close()
	}
	if s.ipbx != nil {
		errs = append(errs, s.ipbx.Close())
	}
	for _, v := range s.servers {
		if v != nil {
			errs = append(errs, v.Close())
		}
	}
	if s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}

// reading is what the node holds at one moment.
type reading struct {
	node.Usage
	goroutines int
	series     map[string]float64
}

func (s *site) read(ctx context.Context) (r reading, err error) {
	if r.Usage, err = s.node.Usage(); err != nil {
		return r, err
	}
	if r.series, err = s.node.Metrics(ctx); err != nil {
		return r, err
	}
	g, ok := r.series["releve_goroutines"]
	if !ok {
		return r, errors.New("the node does not say how many goroutines it has")
	}
	r.goroutines = int(g)
	return r, nil
}

// alarm is one that `releve alarms -o json` lists.
type alarm struct {
	Number  int       `json:"number"`
	Object  string    `json:"object"`
	Cleared time.Time `json:"cleared"`
}

// alarms are those raised now. The verb exits with the gravest of them: only
// what it printed counts.
func (s *site) alarms(ctx context.Context) (raised []alarm, err error) {
	out, failed := s.node.Verb(ctx, "alarms", "-o", "json")
	var all []alarm
	if err := json.Unmarshal(out, &all); err != nil {
		return nil, errors.Join(fmt.Errorf("read the alarms: %w", err), failed)
	}
	for _, a := range all {
		if a.Cleared.IsZero() {
			raised = append(raised, a)
		}
	}
	return raised, nil
}

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
