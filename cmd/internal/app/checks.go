package app

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
	"releve/health"
	"releve/health/alarm"
	"releve/health/metric"
	"releve/health/probe"
	"releve/proxy/agent"
	"releve/router"
	"releve/router/control"
)

// The checks that are not SIP. Each runs at its own interval and with every
// round; what an idle run proves of a host goes to the mind by itself, what a
// round's runs prove goes with its OPTIONS. A round lasts as long as its OPTIONS
// and no longer: what answers at once is judged at once, whatever a check does.

// checks runs them.
func (m *mind) checks() *probe.Runner { return m.runner.Load() }

// rerun replaces the checks; the former ones end by themselves.
func (m *mind) rerun(plan probe.Plan) {
	next := probe.NewRunner(plan)
	next.Start()
	former := m.runner.Swap(next)
	m.wait.Go(former.Close)
}

// checkPlan is what the file says of checks, for both servers: one immutable
// value.
func (a *App) checkPlan() (probe.Plan, error) {
	plan := probe.Plan{Target: a.target, Report: a.mind.hostSeen, Done: a.mind.checked, Caught: func(r any) { a.proxy.Caught(r, "") }}
	for _, s := range a.cfg().Servers {
		for _, k := range a.cfg().Checks {
			c, err := a.checkOf(k, s)
			if err != nil {
				return plan, fmt.Errorf("prepare check %s: %w; run releve config check", k.Name, err)
			}
			if c.Type != "" {
				plan.Checks[s.Role] = append(plan.Checks[s.Role], c)
			}
		}
	}
	return plan, nil
}

// checkOf is one check at one server; without a Type for those that are SIP.
func (a *App) checkOf(k config.Check, s config.Server) (c probe.Check, err error) {
	c = probe.Check{
		Name: k.Name, Every: k.Every, Timeout: k.Timeout, OfHost: k.NamesHost(), Port: k.Port, Command: k.Command,
		Username: k.Username, Password: k.Password.Value(), Status: k.Status, Unproven: k.Unproven,
		Query: k.Query, Expect: k.Expect,
	}
	switch k.Type {
	case "tcp", "exec":
	case "http":
		c.URL = config.AddressFor(k.URL, s)
		if c.Match, err = patternOf(k.Match); err == nil {
			c.Roots, err = rootsOf(k.CA)
		}
	case "sql":
		c.URL = config.AddressFor(k.Database, s)
	default:
		return c, nil
	}
	c.Type = k.Type
	return c, err
}

func patternOf(s string) (*regexp.Regexp, error) {
	if s == "" {
		return nil, nil
	}
	return regexp.Compile(s)
}

func rootsOf(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(file)
	pool := x509.NewCertPool()
	if err == nil && !pool.AppendCertsFromPEM(raw) {
		err = fmt.Errorf("%s holds no PEM certificate", file)
	}
	return pool, err
}

// target is where a server is now; false while its name has no address.
func (a *App) target(s router.Server) (probe.Target, bool) {
	server, _ := a.cfg().Server(s)
	host := hostOf(a.proxy.ServerFlows(s))
	return probe.Target{Host: server.Address.Host, Addr: host}, host.IsValid()
}

// hostSeen is what a run outside any round proves.
func (m *mind) hostSeen(s router.Server, p health.Presence) {
	m.post(control.Event{Kind: control.Host, Server: s, Host: p})
}

// checked counts failures in a row: as many as confirm a dysfunction are told.
// A check that never held since Relève started is told too: it may be that its
// settings never fitted.
func (m *mind) checked(s router.Server, r probe.Result) {
	object := s.String() + " / " + r.Name
	m.mu.Lock()
	n := m.failures[object]
	switch {
	case r.State <= probe.Warning:
		n = 0
	case r.State == probe.Failed:
		n = min(n+1, m.app.cfg().Verification.Count)
	}
	was := m.failures[object]
	m.failures[object] = n // bounded by the checks of the file
	m.mu.Unlock()
	switch enough := m.app.cfg().Verification.Count; {
	case n == enough && was < enough:
		m.app.event(text.EventCheckFailed, map[string]string{"server": s.String(), "check": r.Name, "cause": r.Note})
		m.raise(alarm.CheckFailed, object)
	case n == 0 && r.State <= probe.Warning:
		m.clearAlarm(alarm.CheckFailed, object)
	}
}

// probe runs one round at a server: OPTIONS, with the checks beside it.
func (m *mind) probe(s router.Server, round uint64) {
	server, ok := m.app.cfg().Server(s)
	if !ok {
		return
	}
	var checks probe.Round
	if round != 0 {
		checks = m.checks().Round(s)
	}
	m.options(server.Address, m.app.proxy.ServerFlows(s), func(r agent.Result) {
		e := evidenceOf(r)
		m.noted(s, probed{time.Now(), r.Took, e})
		host := health.Unknown
		if round != 0 {
			var results []probe.Result
			if host, results = checks.Results(); e != router.Silent {
				results = m.checks().Latest(s) // it was not waited for them
			}
			m.keepRound(s, results)
		}
		m.post(control.Event{Kind: control.ProbeDone, Server: s, Site: hashOf(server.Address.String()), Round: round, Evidence: e, RTT: r.Took, Host: host, On: r.Failure == agent.OwnNetwork})
	})
}

// keepRound keeps what the checks said in the newest round, for its line of the
// journal.
func (m *mind) keepRound(s router.Server, results []probe.Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.roundChecks[s] = results
}

// checksLine writes the checks of the newest round as one parameter of its
// event: name, state, milliseconds, cause; at most maxChecksLine bytes.
func (m *mind) checksLine(s router.Server) string {
	m.mu.Lock()
	results := m.roundChecks[s]
	m.mu.Unlock()
	var b strings.Builder
	b.WriteString(m.app.callLine(s))
	for _, r := range results {
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s %v, %d ms", r.Name, r.State, r.Took.Milliseconds())
		if r.State != probe.OK && r.Note != "" {
			b.WriteString(", " + r.Note)
		}
		if b.Len() > maxChecksLine {
			return b.String()[:maxChecksLine]
		}
	}
	return b.String()
}

// maxChecksLine bounds what a round's event says of checks, in bytes; our choice.
const maxChecksLine = 1024

// probeServer runs one round now, for an operator, and waits for all of it.
func (a *App) probeServer(ctx context.Context, c config.Server) (admin.Probe, error) {
	longest := a.cfg().Verification.Timeout
	for _, k := range a.cfg().Checks {
		longest = max(longest, 2*k.Timeout) // one may just have begun
	}
	limit, cancel := context.WithTimeout(ctx, longest+time.Second)
	defer cancel()
	call := a.callNow(ctx, c.Role)
	flows := a.proxy.ServerFlows(c.Role)
	answers := make(chan agent.Result, 1)
	round := a.mind.checks().Round(c.Role)
	a.mind.options(c.Address, flows, func(r agent.Result) { answers <- kept(r) })
	host, results := round.Wait(limit)
	var r agent.Result
	select {
	case r = <-answers:
	case <-limit.Done():
		return admin.Probe{}, limit.Err()
	}
	e := evidenceOf(r)
	a.mind.noted(c.Role, probed{time.Now(), r.Took, e})
	if _, err := a.mind.ask(ctx, control.Event{Kind: control.ProbeDone, Server: c.Role, Site: hashOf(c.Address.String()), Evidence: e, RTT: r.Took, Host: host, On: r.Failure == agent.OwnNetwork}); err != nil {
		return admin.Probe{}, err
	}
	out := admin.Probe{
		Server: c.Name, Role: c.Role.String(), SIP: e.String(), Status: int(r.Status),
		RTT: float64(r.Took.Microseconds()) / 1000, Checks: checkStatus(results),
	}
	if k, ok := call(); ok {
		out.Checks = append(out.Checks, k)
	}
	a.mind.mu.Lock()
	out.Verdict = a.mind.status.verdicts[c.Role].String()
	a.mind.mu.Unlock()
	return out, nil
}

func checkStatus(results []probe.Result) []admin.ProbeCheck {
	var out []admin.ProbeCheck
	for _, k := range results {
		out = append(out, admin.ProbeCheck{
			Name: k.Name, Type: k.Type, State: k.State.String(), Up: [...]string{"unknown", "up", "down"}[k.Up],
			At: k.At.UTC(), Took: float64(k.Took.Microseconds()) / 1000, Note: k.Note,
		})
	}
	return out
}

// checkNamed is a check of a server by its name, and how often it ended how; one
// that a reload has removed is unknown.
func (a *App) checkNamed(s router.Server, name string) (probe.Result, [4]uint64) {
	r := a.mind.checks()
	runs := r.Counts(s)
	for i, c := range r.Latest(s) {
		if c.Name == name {
			return c, runs[i]
		}
	}
	return probe.Result{State: probe.Unknown}, [4]uint64{}
}

// checkMetrics declares a series per check of the start; none without checks.
// Those that a reload adds have theirs after a restart.
func (a *App) checkMetrics(set *metric.Set) {
	for s := router.Primary; s <= router.Secondary; s++ {
		for _, c := range a.mind.checks().Latest(s) {
			labels := []metric.Label{{Name: "server", Value: s.String()}, {Name: "check", Value: c.Name}}
			set.GaugeFunc("releve_check_state", "0 it holds, 1 warning, 2 failed, 3 unknown", func() float64 {
				r, _ := a.checkNamed(s, c.Name)
				return float64(r.State)
			}, labels...)
			set.GaugeFunc("releve_check_seconds", "what the newest run took", func() float64 {
				r, _ := a.checkNamed(s, c.Name)
				return r.Took.Seconds()
			}, labels...)
			for state := probe.OK; state <= probe.Unknown; state++ {
				set.GaugeFunc("releve_check_runs_total", "runs by how they ended", func() float64 {
					_, runs := a.checkNamed(s, c.Name)
					return float64(runs[state])
				}, append(labels, metric.Label{Name: "state", Value: state.String()})...)
			}
		}
	}
}
