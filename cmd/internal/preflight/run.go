package preflight

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"releve/cmd/internal/text"
	"releve/proxy/transport"
)

// far is a Far whose address is known.
type far struct {
	Far
	at   transport.Flow
	ok   bool
	ways []transport.Flow // all addresses of its name, in order; maxTargets
	shut bool             // TLS does not come about: nothing else can be asked
	seen string           // where it leads, for the report
}

// run is one study in progress. Lanes run side by side; each writes findings under
// the mutex.
type run struct {
	plan Plan
	s    *station
	far  []far
	cut  func() text.StudyWhy // why the study ends before its time; "": it does not

	mu       sync.Mutex // guards what follows
	findings []Finding
	rang     []string
	undo     []func(context.Context) // registrations to take back
	dates    map[string]bool         // targets whose clock was judged
	spoke    map[string]bool         // targets that answered anything
}

// Run does the study. It returns when every call is hung up and every registration
// of its own is taken back, also when ctx ended before. The error says that it could
// not begin.
func Run(ctx context.Context, p Plan) (*Study, error) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, p.limit())
	defer cancel()
	r := &run{plan: p, dates: map[string]bool{}, spoke: map[string]bool{}, cut: func() text.StudyWhy { return cutShort(ctx) }}
	if err := r.locate(ctx); err != nil {
		return nil, err
	}
	local, sec, err := r.locals()
	if err != nil {
		return nil, err
	}
	keys, forget, err := r.keys()
	if err != nil {
		return nil, err
	}
	defer forget()
	s, err := newStation(local, sec, r.peers(), keys)
	if err != nil {
		return nil, err
	}
	r.s = s
	r.choose(ctx)
	r.trust(ctx)
	r.lanes(ctx)
	r.turnedAway()
	r.takeBack()
	s.close()
	return r.study(ctx, start), nil
}

// cutShort says why a study ends before its time.
func cutShort(ctx context.Context) text.StudyWhy {
	switch ctx.Err() {
	case nil:
		return ""
	case context.DeadlineExceeded:
		return text.WhyOneLeft
	}
	return text.WhyInterrupt
}

// lanes runs what does not disturb each other side by side.
func (r *run) lanes(ctx context.Context) {
	var all sync.WaitGroup
	first := true
	for _, f := range r.far {
		if !f.ok {
			continue
		}
		if f.shut {
			r.shut(f)
			first = first && f.Subject != IPBX
			continue
		}
		all.Go(func() { r.reachLane(ctx, f) })
		switch {
		case f.Subject == Server:
			all.Go(func() { r.serverLane(ctx, f) })
		case first:
			first = false
			all.Go(func() { r.ipbxLane(ctx, f) })
		}
	}
	for _, d := range r.plan.Databases {
		all.Go(func() { r.databaseLane(ctx, d) })
	}
	all.Wait()
}

// note enters findings about a far end.
func (r *run) note(f far, found ...Finding) { r.enter(f.Subject, f.Name, found...) }

// enter enters findings. Those of a study that is cut short say nothing of the far
// end: its probes ended early, and what they miss is nobody's fault.
func (r *run) enter(subject Subject, target string, found ...Finding) {
	why := r.cut()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, x := range found {
		if why != "" && !skipped(x) {
			x = Finding{ID: x.ID, Subject: x.Subject, State: Unknown, Values: map[string]string{"why": string(why)}}
		}
		x.Target = target
		if x.Subject == "" {
			x.Subject = subject
		}
		r.findings = append(r.findings, x)
	}
}

// skipped says that a finding was left out for a reason of the plan's, which stands
// however the study ended.
func skipped(f Finding) bool {
	why := text.StudyWhy(f.Values["why"])
	return f.State == Unknown && slices.Contains([]text.StudyWhy{
		text.WhyNoNumber, text.WhyNoService, text.WhyNoRegister, text.WhyNotAsked, text.WhyNoTransfer,
	}, why)
}

// noted says whether a finding about a far end is there already.
func (r *run) noted(f far, id ID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.findings, func(x Finding) bool { return x.Target == f.Name && x.Subject == f.Subject && x.ID == id })
}

// clock judges the first Date of a target.
func (r *run) clock(f far, m *heard) {
	if m == nil {
		return
	}
	date := m.get("Date")
	r.mu.Lock()
	r.spoke[f.Name] = true
	done := r.dates[f.Name]
	r.dates[f.Name] = done || date != ""
	r.mu.Unlock()
	if !done && date != "" {
		r.note(f, judgeClock(date, m.at))
	}
}

func (r *run) called(number string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.rang, number) {
		r.rang = append(r.rang, number)
	}
}

// study puts the findings into the order of a report.
func (r *run) study(ctx context.Context, start time.Time) *Study {
	for _, f := range r.far {
		switch {
		case !f.ok || r.dates[f.Name]:
		case f.shut:
			r.note(f, unseen(text.StudyClock, text.WhyUntrusted))
		case r.spoke[f.Name]:
			r.note(f, seen(text.StudyClock, Info, "case", "none"))
		default:
			r.note(f, unseen(text.StudyClock, text.WhyNoAnswer))
		}
	}
	s := &Study{
		Site: r.plan.Site, At: start, Took: time.Since(start), Version: r.plan.Version, From: r.s.addr.String(),
		Findings: r.findings, Rang: append([]string{}, r.rang...), Questions: []Question{},
	}
	names := map[string]int{}
	for i, f := range r.far {
		names[f.Name] = i
		s.Targets = append(s.Targets, Target{Name: f.Name, Subject: f.Subject, Role: f.Role, Address: f.URI, At: f.seen})
	}
	order := text.StudyIDs()
	slices.SortStableFunc(s.Findings, func(a, b Finding) int {
		if d := place(names, a) - place(names, b); d != 0 {
			return d
		}
		return slices.Index(order, a.ID) - slices.Index(order, b.ID)
	})
	r.settled(s)
	s.Interrupted = cutShort(ctx) == text.WhyInterrupt
	s.conclude()
	return s
}

func place(names map[string]int, f Finding) int {
	if i, ok := names[f.Target]; ok {
		return i
	}
	return len(names)
}

// takeBack undoes the registrations, whatever ended the study.
func (r *run) takeBack() {
	r.mu.Lock()
	undo := r.undo
	r.undo = nil
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 2*cleanLimit)
	defer cancel()
	for _, f := range undo {
		f(ctx)
	}
}

func (r *run) peers() (out []transport.Peer) {
	for _, f := range r.far {
		for _, way := range f.ways {
			p := transport.Peer{Addr: way.Remote, Listener: way.Listener}
			if way.Network == transport.TLS {
				p.Domain = f.Host
			}
			if way.Network != transport.TCP && !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
	}
	return out
}

// locals are our address, and the one for TLS: what was given; else what leads to the
// first far end, and the next port, as 5061 is next to 5060.
func (r *run) locals() (local, sec netip.AddrPort, err error) {
	local, sec = r.plan.Local, r.plan.LocalTLS
	if !local.IsValid() && sec.IsValid() {
		local = netip.AddrPortFrom(sec.Addr(), 0)
	}
	if !local.IsValid() || local.Addr().IsUnspecified() { // "all addresses" has to be one in a Contact
		addr, err := r.ourAddress()
		if err != nil {
			return local, sec, err
		}
		local = netip.AddrPortFrom(addr, local.Port())
	}
	if sec.IsValid() && sec.Addr().IsUnspecified() {
		sec = netip.AddrPortFrom(local.Addr(), sec.Port())
	}
	if !sec.IsValid() || sec.Addr() != local.Addr() {
		sec = netip.AddrPortFrom(local.Addr(), 0)
		if p := local.Port(); p != 0 && p < 1<<16-1 {
			sec = netip.AddrPortFrom(local.Addr(), p+1)
		}
	}
	return local, sec, nil
}

// ErrNoWay: no far end has an address that can be reached from here.
var ErrNoWay = errors.New("no way to any far end: look at addresses, DNS and routes of this machine")

// ourAddress is the one that packets to the first far end leave from.
func (r *run) ourAddress() (netip.Addr, error) {
	for _, f := range r.far {
		if !f.ok {
			continue
		}
		conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(f.at.Remote))
		if err != nil {
			continue
		}
		a := conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
		_ = conn.Close()
		return a, nil
	}
	return netip.Addr{}, ErrNoWay
}
