package app

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
	"releve/health"
	"releve/health/metric"
	"releve/health/probe"
	"releve/proxy/agent"
	"releve/proxy/media"
	"releve/proxy/message"
	"releve/proxy/transport"
	"releve/router"
	"releve/router/control"
)

// testCalls places the test calls of check call and keeps the newest result of each
// server. One call to a server at a time, on a line reserved for it.
type testCalls struct {
	ports *media.Ports

	wait   sync.WaitGroup             // for those under way: they end soon after the mind's life
	busy   [router.Servers]sync.Mutex // one is under way
	counts [router.Servers][health.CallBusy + 1]atomic.Uint64

	mu   sync.Mutex // guards what follows
	last [router.Servers]testCall
}

// testCall is how one ended.
type testCall struct {
	result health.CallResult
	cause  string // a word of text.TestCall
	status int    // of the final; 0: none
	heard  media.Report
	at     time.Time
	took   time.Duration // from the INVITE to the judgement
}

// answerShare is the least that is left to the sound of a call, whenever it was
// answered; patience is how much longer one listens, to tell late from mute. Our
// choices.
const (
	answerShare = 2 * time.Second
	patience    = time.Second
)

// placeCall performs control.PlaceCall. A result always comes, but for a panic: that
// one the mind gives up by itself.
func (m *mind) placeCall(s router.Server) {
	t := &m.app.tests
	t.wait.Go(func() {
		m.do(func() {
			if !t.busy[s].TryLock() { // an operator asks for one now
				m.post(control.Event{Kind: control.CallDone, Server: s})
				return
			}
			defer t.busy[s].Unlock()
			m.concludedTest(s, m.testCall(m.life, s))
		})
	})
}

// callNow places a test call for an operator, unless one is under way; the returned
// function waits for it. A passive server that is not said to answer is not called.
func (a *App) callNow(ctx context.Context, s router.Server) func() (admin.ProbeCheck, bool) {
	t, m, check := &a.tests, a.mind, a.testCheck()
	done := make(chan struct{})
	if check.Type == "" || s != a.proxy.View().Active && !check.Passive || !t.busy[s].TryLock() {
		close(done)
	} else {
		t.wait.Go(func() {
			defer close(done)
			defer t.busy[s].Unlock()
			m.do(func() { m.concludedTest(s, m.testCall(m.life, s)) })
		})
	}
	return func() (admin.ProbeCheck, bool) {
		select {
		case <-done:
		case <-ctx.Done():
		}
		return a.lastCall(s)
	}
}

// concludedTest enters a result: for the mind, the screens, and the journal when it
// is another one.
func (m *mind) concludedTest(s router.Server, c testCall) {
	t := &m.app.tests
	c.at = time.Now()
	t.counts[s][c.result].Add(1)
	t.mu.Lock()
	was := t.last[s]
	t.last[s] = c
	t.mu.Unlock()
	if was.cause != c.cause || was.status != c.status {
		m.app.event(text.EventTestCall, map[string]string{
			"server": s.String(), "heard": text.TestCallWord(c.cause, c.status), "check": m.app.testCheck().Number,
		})
	}
	m.post(control.Event{Kind: control.CallDone, Server: s, Call: c.result, RTT: c.took})
	m.checked(s, probe.Result{Name: "call " + m.app.testCheck().Number, State: c.probed(), Note: text.TestCallWord(c.cause, c.status)})
}

// probed is a result for the alarm about checks: a number that is not accepted is told
// there, too, though it proves nothing of the server.
func (c *testCall) probed() probe.State {
	switch {
	case c.result == health.CallGood:
		return probe.OK
	case c.cause == text.TestNotAccepted, c.result == health.CallMute, c.result == health.CallStuck, c.result == health.CallErr:
		return probe.Failed
	}
	return probe.Unknown
}

// callLine is the newest test call in the line of a round; empty: there is none.
func (a *App) callLine(s router.Server) string {
	k, ok := a.lastCall(s)
	if !ok || k.Call == nil {
		return ""
	}
	return fmt.Sprintf("%s %s, %.0f ms, %s", k.Name, k.State, k.Took, text.TestCallWord(k.Call.Cause, k.Call.Status))
}

// testCall places one call and says what it proved. It never leaves anything behind:
// the call is hung up, its line and its port are given back.
func (m *mind) testCall(ctx context.Context, s router.Server) (c testCall) {
	t, began := &m.app.tests, time.Now()
	defer func() { c.took = time.Since(began) }()
	server, _ := m.app.cfg().Server(s)
	flows := m.app.proxy.ServerFlows(s)
	if len(flows) == 0 {
		return testCall{cause: text.TestNoAddress}
	}
	if !m.app.proxy.TakeLine(s) {
		return testCall{cause: text.TestNoLine}
	}
	defer m.app.proxy.GiveLine(s)
	ear, err := t.ports.Listen()
	if err != nil {
		m.app.log.Warn("a test call cannot be placed", "error", err)
		return testCall{cause: text.TestNoPort}
	}
	a := &attempt{m: m, check: m.app.testCheck(), server: server, ear: ear, began: began}
	c = a.run(ctx, flows)
	if heard := ear.Close(); a.answered {
		c.heard = heard
	}
	return c
}

// attempt is one test call under way.
type attempt struct {
	m        *mind
	check    config.Check
	server   config.Server
	ear      *media.Ear
	began    time.Time
	answered bool
}

// run calls at the first address that says anything (RFC 3263 §4.3), within one
// limit.
func (a *attempt) run(ctx context.Context, flows []transport.Flow) (c testCall) {
	within := a.check.Within
	for i, f := range flows {
		limit := (within - time.Since(a.began)) / time.Duration(len(flows)-i)
		if limit <= 0 {
			break
		}
		var further bool
		if c, further = a.call(ctx, f, limit); !further {
			break
		}
	}
	return c
}

// call calls one address. further: it said nothing, another one may.
func (a *attempt) call(ctx context.Context, f transport.Flow, limit time.Duration) (c testCall, further bool) {
	m := a.m
	listener := m.app.cfg().Listen[f.Listener]
	answers, ended := make(chan agent.Answer, 1), make(chan struct{})
	called := time.Now()
	call := m.app.agent.Invite(agent.Invitation{
		URI:  "sip:" + a.check.Number + "@" + shown(a.server.Address) + transportParam(f.Network),
		From: "<sip:releve@" + uriHost(listener.Advertise.Addr()) + ">", To: "<sip:" + a.check.Number + "@" + shown(a.server.Address) + ">",
		Contact: "<" + m.app.ownURI(f.Listener, "", false) + ">", Offer: m.app.offer(a.ear),
		Extra: [][]byte{[]byte("Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n"), []byte("Subject: Releve test call\r\n")},
		Flow:  f, Limit: limit, Ours: m.app.proxy.Ours, Ended: sync.OnceFunc(func() { close(ended) }),
	}, func(r agent.Answer) {
		if r.Failure == agent.NoFailure && r.Status/100 == 2 {
			a.ear.Begin()
		}
		r.Result = kept(r.Result)
		answers <- r
	})
	defer call.Hangup()
	select {
	case r := <-answers:
		if r.Failure == agent.NoFailure && r.Status/100 == 2 {
			a.answered = true
			c = a.listen(ctx, time.Since(a.began), ended)
			c.status = int(r.Status)
			return c, false
		}
		if time.Since(called) > limit+lateLimit {
			return testCall{cause: text.TestLateSelf}, false
		}
		c = unanswered(r)
		return c, r.Failure != agent.NoFailure && r.Rang == 0
	case <-ctx.Done():
		return testCall{cause: text.TestStopped}, false
	}
}

// unanswered reads a call that was not answered. A refusal for what the call is proves
// nothing of the server: the number is wrong, or not for us.
func unanswered(r agent.Answer) testCall {
	c := testCall{result: health.CallStuck, status: int(r.Status)}
	switch r.Failure {
	case agent.Refused:
		c.cause = text.TestRefusedPort
		return c
	case agent.TimedOut:
		if c.cause = text.TestSilence; r.Rang > 0 {
			c.cause = text.TestNoAnswer
		}
		return c
	case agent.Unreachable:
		c.cause = text.TestUnreachable
		return c
	case agent.TLSFailed, agent.Forbidden, agent.Overload, agent.NoAddress, agent.OwnNetwork:
		return testCall{cause: text.TestOwnFault}
	}
	switch {
	case r.Status == 486, r.Status == 480, r.Status == 600, r.Status == 503 && r.RetryAfter:
		c.result, c.cause = health.CallBusy, text.TestBusy
	case r.Status == 408, r.Status == 500, r.Status == 502, r.Status == 503, r.Status == 504:
		c.result, c.cause = health.CallErr, text.TestFailed
	default:
		c.result, c.cause = health.CallUnknown, text.TestNotAccepted
	}
	return c
}

// listen judges the sound of an answered call; took is how long the answer took.
func (a *attempt) listen(ctx context.Context, took time.Duration, ended <-chan struct{}) testCall {
	check := a.check
	if check.Expect == "answer" {
		return testCall{result: health.CallGood, cause: text.TestAnswered}
	}
	limit := max(check.Within-took, answerShare)
	due := time.Now().Add(limit + patience)
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	hungUp := false
	select {
	case <-a.ear.Heard():
	case <-ended:
		hungUp = true
	case <-timer.C:
		if time.Since(due) > lateLimit {
			return testCall{cause: text.TestLateSelf}
		}
	case <-ctx.Done():
		return testCall{cause: text.TestStopped}
	}
	switch sound := media.Judge(a.ear.Report(), limit); {
	case sound == media.Audible:
		return testCall{result: health.CallGood, cause: text.TestAudible}
	case hungUp:
		return testCall{result: health.CallMute, cause: text.TestHungUp}
	case sound == media.Late:
		return testCall{result: health.CallMute, cause: text.TestLate}
	case sound == media.Silent:
		return testCall{result: health.CallMute, cause: text.TestMute}
	}
	return testCall{result: health.CallMute, cause: text.TestNoPackets}
}

// state is a result in the words of the other checks.
func (c *testCall) state() string {
	switch c.result {
	case health.CallGood:
		return "ok"
	case health.CallBusy:
		return "warning"
	case health.CallUnknown:
		return "unknown"
	}
	return "failed"
}

// lastCall is the newest result of a server for the screens; false: there is no such
// check.
func (a *App) lastCall(s router.Server) (admin.ProbeCheck, bool) {
	t, check := &a.tests, a.testCheck()
	if check.Type == "" {
		return admin.ProbeCheck{}, false
	}
	name := "call " + check.Number
	t.mu.Lock()
	defer t.mu.Unlock()
	c := &t.last[s]
	if c.at.IsZero() {
		return admin.ProbeCheck{Name: name, Type: "call", State: "unknown", Up: "unknown"}, true
	}
	return admin.ProbeCheck{
		Name: name, Type: "call", State: c.state(), Up: "unknown", At: c.at.UTC(), Took: float64(c.took.Microseconds()) / 1000,
		Call: &admin.TestCall{
			Cause: c.cause, Status: c.status, Packets: c.heard.Packets, Lost: c.heard.Lost,
			Jitter: float64(c.heard.Jitter.Microseconds()) / 1000, Level: c.heard.Loudest,
		},
	}, true
}

// testMetrics declares the series of the test calls.
func (a *App) testMetrics(set *metric.Set) {
	t := &a.tests
	words := [...]string{"unknown", "good", "mute", "stuck", "failed", "busy"}
	for _, c := range a.cfg().Servers {
		s := c.Role
		server := metric.Label{Name: "server", Value: s.String()}
		for r := range t.counts[s] {
			set.GaugeFunc("releve_test_calls_total", "test calls by what they proved", func() float64 { return float64(t.counts[s][r].Load()) },
				server, metric.Label{Name: "result", Value: words[r]})
		}
		of := func(name, help string, value func(c *testCall) float64) {
			set.GaugeFunc(name, help, func() float64 {
				t.mu.Lock()
				defer t.mu.Unlock()
				return value(&t.last[s])
			}, server)
		}
		of("releve_test_call_seconds", "how long the newest test call took, until it was judged", func(c *testCall) float64 { return c.took.Seconds() })
		of("releve_test_call_packets", "RTP packets of the newest test call", func(c *testCall) float64 { return float64(c.heard.Packets) })
		of("releve_test_call_lost_packets", "RTP packets that the newest test call lost", func(c *testCall) float64 { return float64(c.heard.Lost) })
		of("releve_test_call_jitter_seconds", "interarrival jitter of the newest test call (RFC 3550)", func(c *testCall) float64 { return c.heard.Jitter.Seconds() })
		of("releve_test_call_level_dbm0", "the loudest that the newest test call heard", func(c *testCall) float64 { return c.heard.Loudest })
	}
}

// testCheck is the check of type call; without a Type: there is none.
func (a *App) testCheck() config.Check {
	k, _ := a.cfg().TestCall()
	return k
}

// offer is what a test call says of its sound.
func (a *App) offer(e *media.Ear) []byte {
	_, advertised := a.cfg().MediaAt()
	return media.Describe(uint64(time.Now().UnixNano()), netip.AddrPortFrom(advertised, e.Port()))
}

// asked is a hook of the proxy: requests in the calls that we placed.
func (a *App) asked(raw []byte, h *message.Head) int {
	if !bytes.HasPrefix(h.ToTag.Of(raw), []byte(agent.OwnTag)) {
		return 0
	}
	return a.agent.Request(raw, h)
}
