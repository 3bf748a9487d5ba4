package interop

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// interval between two looks at something that is asked for.
const interval = 50 * time.Millisecond

// World is one row while it is played: Kamailio, Relève, two voice servers and
// two phones.
type World struct {
	row       *row
	cast      cast
	net       network
	dir       string
	cert      *certificates
	ipbx      *kamailio
	hop       *hop
	phone     agent
	other     agent
	primary   agent
	secondary agent
	seen      map[string]bool // call records of earlier cells
	keep      bool            // the directory stays, to look into it
}

func (w *World) agents() (out []agent) {
	for _, a := range []agent{w.phone, w.other, w.primary, w.secondary} {
		if a != nil {
			out = append(out, a)
		}
	}
	return out
}

// newWorld starts everybody and waits until calls would be served.
func newWorld(ctx context.Context, r *row, c cast, o Options, n int) (w *World, err error) {
	dir, err := os.MkdirTemp("", "releve-interop-")
	if err != nil {
		return nil, err
	}
	w = &World{row: r, cast: c, net: newNetwork(os.Getpid(), n), dir: dir, seen: make(map[string]bool), keep: o.Keep}
	if r.secure() {
		if w.cert, err = makeCertificates(dir, w.net); err != nil {
			return w, err
		}
	}
	if w.ipbx, err = startKamailio(w.net, filepath.Join(dir, "kamailio"), r, w.cert); err != nil {
		return w, err
	}
	if err = w.launch(o.Binary); err != nil {
		return w, err
	}
	// Relève first: to some a port that refuses their first REGISTER is final.
	if err = w.hop.until(ctx, 5*time.Second, "releve answers", func(state) bool { return true }); err != nil {
		return w, err
	}
	if err = w.serve(); err != nil {
		return w, err
	}
	if err = w.ring(ctx); err != nil {
		return w, err
	}
	return w, w.ready(ctx)
}

// serve starts the two voice servers.
func (w *World) serve() (err error) {
	at := func(name, user string, last byte) seat {
		s := seat{
			name: name, user: user, password: "secret" + user, addr: w.net.at(last), proxy: w.net.at(hostReleve),
			domain: w.net.addr(hostReleve).String(), transport: w.row.side, register: true, control: w.net.addr(last),
		}
		if w.row.connects() {
			s.addr = w.net.connecting(last)
		}
		if w.cert != nil {
			s.ca, s.identity = w.cert.ca, w.cert.servers[last-hostFirst]
		}
		return s
	}
	if w.cast.primary.start == nil {
		return nil
	}
	if w.primary, err = w.cast.primary.start(at("primary", "5001", hostFirst), filepath.Join(w.dir, "primary")); err != nil {
		return err
	}
	w.secondary, err = w.cast.secondary.start(at("secondary", "5002", hostSecond), filepath.Join(w.dir, "secondary"))
	return err
}

func (w *World) launch(binary string) (err error) {
	dir := filepath.Join(w.dir, "releve")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	address := func(p program, last byte) netip.AddrPort {
		if p.address != nil {
			return p.address(w.net, last)
		}
		if w.row.connects() {
			return w.net.connecting(last)
		}
		return w.net.at(last)
	}
	p := plan{
		trunk: w.row.trunk, side: w.row.side, grant: 120, dir: dir, local: w.row.local, cert: w.cert,
		primary: address(w.cast.primary, hostFirst), secondary: address(w.cast.secondary, hostSecond),
	}
	if w.row.grant != 0 {
		p.grant = w.row.grant
	}
	w.hop, err = startReleve(binary, dir, p.yaml(w.net))
	return err
}

// ring starts the two phones behind the IPBX.
func (w *World) ring(ctx context.Context) (err error) {
	at := func(name, user string, last byte) seat {
		s := seat{
			name: name, user: user, password: "secret" + user, addr: w.net.at(last), proxy: w.net.at(hostIPBX),
			domain: "ipbx.test", transport: w.row.line, register: true, control: w.net.addr(last),
		}
		if w.cert != nil {
			s.ca = w.cert.ca
		}
		return s
	}
	if w.cast.phone.start != nil {
		if w.phone, err = w.cast.phone.start(at("phone", "1001", hostPhone), filepath.Join(w.dir, "phone")); err != nil {
			return err
		}
	}
	if w.cast.other.start != nil {
		if w.other, err = w.cast.other.start(at("other", "1002", hostOther), filepath.Join(w.dir, "other")); err != nil {
			return err
		}
	}
	return nil
}

// ready waits until Relève knows both servers good and its licensed user is
// bound, and the phones are registered.
func (w *World) ready(ctx context.Context) error {
	err := w.hop.until(ctx, 15*time.Second, "both servers are known good", func(s state) bool {
		return s.Servers[0].Verdict == "HEALTHY" && s.Servers[1].Ready && (s.Registration.Phase == "bound" || w.row.refuses)
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, eventLimit)
	defer cancel()
	if w.phone != nil {
		err = w.ipbx.registered(ctx, "1001")
	}
	if w.other != nil {
		err = errors.Join(err, w.ipbx.registered(ctx, "1002"))
	}
	return err
}

// settled ends a cell: nothing is left at Relève, and the records of the cell
// begin as wanted, in any order.
func (w *World) settled(ctx context.Context, want ...string) error {
	err := w.hop.until(ctx, 6*time.Second, "every call is over and every line free", state.idle)
	if err != nil {
		return err
	}
	all, err := w.hop.calls(ctx)
	if err != nil {
		return err
	}
	got := fresh(all, w.seen)
	for _, r := range all {
		w.seen[r.CallID] = true
	}
	slices.Sort(want)
	same := len(got) == len(want)
	for i := 0; same && i < len(got); i++ {
		same = strings.HasPrefix(got[i], want[i])
	}
	if !same {
		return fmt.Errorf("call records: %q, wanted %q", got, want)
	}
	return w.ipbx.overlapped()
}

// live waits until exactly these calls are in progress.
func (w *World) live(ctx context.Context, n int) error {
	return w.hop.until(ctx, 5*time.Second, fmt.Sprintf("%d calls are in progress", n), func(s state) bool { return s.Counters.InProgress == n })
}

// tails is what everybody said last.
func (w *World) tails() string {
	var b strings.Builder
	for _, a := range w.agents() {
		b.WriteString(a.self().tail(2500))
	}
	if w.ipbx != nil {
		b.WriteString(w.ipbx.tail(2500))
	}
	if w.hop != nil {
		b.WriteString(w.hop.tail(2500))
	}
	return b.String()
}

// close ends every process of the row, by its id.
func (w *World) close() {
	if w == nil {
		return
	}
	for _, a := range w.agents() {
		a.self().kill()
	}
	if w.hop != nil {
		w.hop.leave(3 * time.Second)
	}
	if w.ipbx != nil {
		w.ipbx.kill()
	}
	if !w.keep {
		_ = os.RemoveAll(w.dir)
	}
}
