package feasibility

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"releve/testbed/kamailio"
	"releve/testbed/tlstest"
)

// foreign are the studies of an IPBX that nobody of us wrote, by how it is spoken to.
var foreign = map[string]string{"kamailio": "udp", "kamailio tcp": "tcp", "kamailio tls": "tls"}

// sound are the findings that Kamailio as registrar and proxy must have well,
// by subject: it is the reference, not the accused.
var sound = map[string][]string{
	"ipbx":      {"options", "record-route", "nat", "trunk", "route-back", "reinvite", "update", "busy", "cancel"},
	"registrar": {"registrar", "occupied", "digest", "listed", "unregister", "secondary"},
}

// by are those that only one network has.
var by = map[string][]string{"udp": {"large"}, "tls": {"tls"}}

// atHop is an address that Kamailio takes for its voice servers' hop: the study
// is a caller like any other to it.
const atHop = 8

// studyKamailio starts Debian's Kamailio as the IPBX of the nth world and
// studies it.
func studyKamailio(ctx context.Context, binary string, g *ground, n int, c Case) (row Row) {
	row = Row{Case: c, State: "absent"}
	network := foreign[c.Study]
	dir, err := os.MkdirTemp("", "releve-feasibility-")
	if err != nil {
		row.Err = fmt.Errorf("make a directory: %w", err)
		return row
	}
	w := &world{g: g, n: n, dir: dir}
	defer func() { row.Err = errors.Join(row.Err, os.RemoveAll(dir)) }()
	if row.Err = w.write("secret5001", "secret5002"); row.Err != nil {
		return row
	}
	limit, cancel := context.WithTimeout(ctx, studyTime)
	defer cancel()
	site := kamailio.Site{
		Addr: g.at(n, atIPBX).Addr(), Releve: g.at(n, atHop).Addr(), Policy: "several", Least: 1,
		Trunk: "sip:" + beside(g.at(n, atStudy), network) + ";transport=" + network,
	}
	if network == "tls" {
		if err := w.certify(&site); err != nil {
			row.Err = err
			return row
		}
	}
	stop, err := startKamailio(limit, filepath.Join(dir, "kamailio"), site)
	if err != nil {
		row.Err = err
		return row
	}
	defer stop()
	start := time.Now()
	s, err := run(limit, binary, w.arguments(c.Study))
	row.Took, row.Err, row.Verdict, row.All = time.Since(start), err, s.Verdict, s.Findings
	if err == nil {
		row.Err = unsound(s, network)
	}
	return row
}

// beside is where an address is spoken to by a network: TLS has the next port.
func beside(a netip.AddrPort, network string) string {
	if network == "tls" {
		a = netip.AddrPortFrom(a.Addr(), a.Port()+1)
	}
	return a.String()
}

// certify makes an authority, and certificates of both sides, for a year.
func (w *world) certify(site *kamailio.Site) error {
	a, err := tlstest.NewAuthority(w.dir, "authority")
	if err != nil {
		return err
	}
	year := time.Now().Add(365 * 24 * time.Hour)
	pbx, err := a.Issue(tlstest.Leaf{Name: "pbx", SANs: []string{site.Addr.String()}, NotAfter: year})
	if err != nil {
		return err
	}
	site.CA, site.Certificate, site.Key = a.File, pbx.Certificate, pbx.Key
	_, err = a.Issue(tlstest.Leaf{Name: "releve", SANs: []string{w.g.at(w.n, atStudy).Addr().String()}, NotAfter: year})
	return err
}

// unsound says what a study of Kamailio has wrong.
func unsound(s study, network string) error {
	var errs []error
	for subject, ids := range sound {
		if subject == "ipbx" {
			ids = append(slices.Clone(ids), by[network]...)
		}
		for _, id := range ids {
			f, ok := s.find(subject, id)
			if !ok || f.State != "ok" {
				errs = append(errs, fmt.Errorf("kamailio: %s %s is %q %v, not ok", subject, id, f.State, f.Values))
			}
		}
	}
	if !slices.Contains([]string{"go", "reservations"}, s.Verdict) {
		errs = append(errs, fmt.Errorf("kamailio: verdict %s", s.Verdict))
	}
	return errors.Join(errs...)
}

// startKamailio runs it until stop.
func startKamailio(ctx context.Context, dir string, site kamailio.Site) (stop func(), err error) {
	argv, err := kamailio.Write(dir, site)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "kamailio.out"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	c := exec.Command(argv[0], argv[1:]...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL} // ours to end, with its children
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("start kamailio: %w; install it with testbed/install.sh kamailio", err)
	}
	stop = func() {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		_ = c.Wait() // it was killed
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err = kamailio.Ask(ctx, dir, "core.version"); err == nil {
			return stop, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			stop()
			return nil, fmt.Errorf("kamailio does not answer: %w", err)
		}
	}
}
