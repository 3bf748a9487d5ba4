package sipp

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"releve/testbed/ipbx"
)

// World is one flow while it runs: Relève and everybody around it.
type World struct {
	flow    *Flow
	net     network
	dir     string
	binary  string
	releve  *exec.Cmd
	ended   chan struct{}
	log     *os.File
	door    *door
	ipbx    *ipbx.IPBX // Site.Registration only
	parties []*Party
	callers int
}

func newWorld(f *Flow, binary string, run, n int) (*World, error) {
	dir, err := os.MkdirTemp("", "releve-sipp-")
	if err != nil {
		return nil, err
	}
	w := &World{flow: f, binary: binary, dir: dir, net: newNetwork(run, n, f.Site.IPv6), door: newDoor(filepath.Join(dir, "admin.sock"))}
	for _, u := range []string{"5001", "5002"} {
		if err := os.WriteFile(filepath.Join(dir, u), []byte("secret"+u), 0o600); err != nil {
			return w, err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "releve.yaml"), []byte(f.Site.yaml(w.net, dir)), 0o600); err != nil {
		return w, err
	}
	w.log, err = os.Create(filepath.Join(dir, "releve.log"))
	return w, err
}

// populate starts the parties that wait, then Relève.
func (w *World) populate(ctx context.Context) error {
	if err := w.startIPBX(); err != nil {
		return err
	}
	for _, s := range []struct {
		name   string
		script Script
		at     netip.AddrPort
	}{{"primary", w.flow.Primary, w.net.primary}, {"secondary", w.flow.Secondary, w.net.secondary}} {
		if s.script.Name == "" {
			s.script = Script{Name: "uas-answer"}
		}
		if _, err := w.serve(s.name, s.script, s.at, w.flow.Site.Transport); err != nil {
			return err
		}
	}
	if err := w.launch(); err != nil {
		return err
	}
	return w.ready(ctx)
}

func (w *World) startIPBX() (err error) {
	if w.flow.Site.IPv6 {
		return nil // the caller stands at the IPBX's only address
	}
	if w.flow.Site.Registration == "" {
		desk := w.flow.Desk
		if desk.Name == "" {
			desk.Name = "uas-answer"
		}
		_, err = w.serve("desk", desk, w.net.ipbx, "")
		return err
	}
	w.ipbx, err = ipbx.Start(ipbx.Config{
		Name: "ipbx", Addr: w.net.ipbx.String(), Releve: w.net.releve,
		Registrar: ipbx.Registrar{
			Users: map[string]string{"5001": "secret5001", "5002": "secret5002"}, Realm: "test",
			MaxGrant: or(w.flow.Site.MaxGrant, 10*time.Second), NonceLife: w.flow.NonceLife, MinExpires: w.flow.MinExpires,
		},
	})
	return err
}

// serve starts a party that waits for calls.
func (w *World) serve(name string, s Script, at netip.AddrPort, transport string) (*Party, error) {
	p, err := startParty(w.dir, name, s, at, netip.AddrPort{}, transport)
	if err == nil {
		w.parties = append(w.parties, p)
	}
	return p, err
}

// launch starts Relève.
func (w *World) launch() error {
	w.releve = exec.Command(w.binary, "serve", "-c", filepath.Join(w.dir, "releve.yaml"))
	w.releve.Stdout, w.releve.Stderr = w.log, w.log
	if err := w.releve.Start(); err != nil {
		return fmt.Errorf("start releve: %w", err)
	}
	w.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait()
		close(ended)
	}(w.releve, w.ended)
	return nil
}

// kill ends Relève as kill -9 does.
func (w *World) kill() {
	_ = w.releve.Process.Kill()
	<-w.ended
}

// until polls cond; what is said when it never holds.
func (w *World) until(ctx context.Context, limit time.Duration, what string, cond func(status) bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var last status
	var failure error
	for {
		s, err := w.door.status(ctx)
		if err == nil {
			last = s
			if cond(s) {
				return nil
			}
		} else if ctx.Err() == nil {
			failure = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: not within %s; status %+v %w", what, limit, last, errors.Join(failure))
		case <-w.ended:
			return fmt.Errorf("%s: releve ended (%s)", what, w.releve.ProcessState)
		case <-tick.C:
		}
	}
}

// ready waits until Relève knows both servers good.
func (w *World) ready(ctx context.Context) error {
	err := w.until(ctx, 10*time.Second, "both servers are known good", func(s status) bool {
		return s.Servers[0].Verdict == "HEALTHY" && (w.flow.Alone || s.Servers[1].Ready) &&
			(w.ipbx == nil || s.Registration.Phase == "bound")
	})
	if err == nil {
		return nil
	}
	for _, p := range w.parties {
		if !p.running() {
			err = errors.Join(err, fmt.Errorf("%s (%s) ended before the first call\n%s", p.name, p.script.Name, p.tail()))
		}
	}
	return err
}

// party returns the party of that name; nil when there is none.
func (w *World) party(name string) *Party {
	for _, p := range w.parties {
		if p.name == name {
			return p
		}
	}
	return nil
}

// dial starts a caller at the IPBX, which calls Relève. More goes to sipp.
func (w *World) dial(s Script, more ...string) (*Party, error) {
	return w.dialTo(w.net.releve, s, more...)
}

func (w *World) dialTo(to netip.AddrPort, s Script, more ...string) (*Party, error) {
	w.callers++
	port := w.net.ipbx.Port() + uint16(w.callers)
	if w.flow.Site.IPv6 {
		port-- // all share one address, so the exact port tells the IPBX from the servers
	}
	return w.place(fmt.Sprintf("caller%d", w.callers), s, netip.AddrPortFrom(w.net.ipbx.Addr(), port), to, w.flow.Site.Caller, more...)
}

// place starts a party that calls to.
func (w *World) place(name string, s Script, from, to netip.AddrPort, transport string, more ...string) (*Party, error) {
	p, err := startParty(w.dir, name, s, from, to, transport, more...)
	if err == nil {
		w.parties = append(w.parties, p)
	}
	return p, err
}

// call places a call and waits for its end.
func (w *World) call(ctx context.Context, s Script, more ...string) error {
	p, err := w.dial(s, more...)
	if err != nil {
		return err
	}
	return p.wait(ctx)
}

// settled checks Relève after the calls: records, lines, counters.
func (w *World) settled(ctx context.Context) error {
	var got []string
	want := slices.Sorted(slices.Values(w.flow.Want))
	err := w.until(ctx, 5*time.Second, "the calls are recorded and every line is free", func(s status) bool {
		calls, err := w.door.calls(ctx)
		if err != nil {
			return false
		}
		got = nil
		for _, r := range calls {
			got = append(got, r.String())
		}
		slices.Sort(got)
		return slices.Equal(got, want) && s.Counters.InProgress == 0 && s.Servers[0].Reserved == 0 && s.Servers[1].Reserved == 0
	})
	if err != nil {
		return fmt.Errorf("%w\nrecords: %s\nwanted:  %s", err, strings.Join(got, "; "), strings.Join(want, "; "))
	}
	return w.counted(ctx)
}

func (w *World) counted(ctx context.Context) error {
	s, err := w.door.status(ctx)
	if err != nil {
		return err
	}
	if s.Counters.Switchovers != w.flow.Switchovers {
		return fmt.Errorf("%d switchovers, wanted %d", s.Counters.Switchovers, w.flow.Switchovers)
	}
	if s.Counters.Lost != 0 {
		return fmt.Errorf("%d calls lost", s.Counters.Lost)
	}
	if w.flow.Verifications != nil && s.Counters.Verifications != *w.flow.Verifications {
		return fmt.Errorf("%d verifications, wanted %d", s.Counters.Verifications, *w.flow.Verifications)
	}
	for _, name := range []string{"releve_faults_total", "releve_messages_malformed_total", "releve_jobs_refused_total", "releve_requests_own_shed_total", "releve_requests_shed_total"} {
		n, err := w.door.counter(ctx, name)
		if err != nil {
			return err
		}
		if n != 0 {
			return fmt.Errorf("%s is %d", name, n)
		}
	}
	return nil
}

// leave ends the waiting parties and judges them.
func (w *World) leave(ctx context.Context) error {
	var all []error
	for _, p := range w.parties {
		all = append(all, p.leave(ctx))
	}
	return errors.Join(all...)
}

// messages checks what the parties saw.
func (w *World) messages() error {
	for _, c := range w.flow.Saw {
		if err := w.saw(c); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) saw(c Count) error {
	p := w.party(c.Party)
	if p == nil {
		return fmt.Errorf("no party %s", c.Party)
	}
	trace, err := p.trace()
	if err != nil {
		return err
	}
	n := 0
	for _, m := range trace {
		if m.sent == c.Sent && strings.HasPrefix(m.line, c.Line) && strings.Contains(m.text, c.With) {
			n++
		}
	}
	if n < c.Least || n > c.Most {
		return fmt.Errorf("%s saw %d of %q %q (sent: %t), wanted %d to %d\n%s", c.Party, n, c.Line, c.With, c.Sent, c.Least, c.Most, p.tail())
	}
	return nil
}

// close ends what still runs. The directory stays when the flow failed.
func (w *World) close(failed bool) {
	for _, p := range w.parties {
		p.resume()
		p.kill()
	}
	if w.releve != nil && w.releve.Process != nil {
		w.kill()
	}
	if w.ipbx != nil {
		_ = w.ipbx.Close()
	}
	if w.log != nil {
		_ = w.log.Close()
	}
	w.door.http.CloseIdleConnections()
	if !failed {
		_ = os.RemoveAll(w.dir)
	}
}

// quiet checks that Relève's log tells of no fault of its own; a data race is
// told there by a binary that was built with -race.
func (w *World) quiet() error {
	raw, err := os.ReadFile(filepath.Join(w.dir, "releve.log"))
	if err != nil {
		return err
	}
	for _, bad := range []string{"DATA RACE", "panic", "level=ERROR"} {
		if i := strings.Index(string(raw), bad); i >= 0 {
			return fmt.Errorf("releve's log says %s:\n%s", bad, raw[i:min(len(raw), i+4000)])
		}
	}
	return nil
}

// logTail is the end of Relève's log.
func (w *World) logTail() string {
	raw, err := os.ReadFile(filepath.Join(w.dir, "releve.log"))
	if err != nil {
		return err.Error()
	}
	return string(raw[max(0, len(raw)-2500):])
}
