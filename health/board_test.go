package health

import (
	"testing"
	"time"

	"releve/router"
)

const (
	sec = time.Second
	ms  = time.Millisecond
)

var policy = Policy{Interval: 5 * sec, Lasting: 60 * sec}

func at(d time.Duration) router.Instant { return router.Instant(d) }

// alive returns a board on which both servers were good at instant 0.
func alive() Board {
	var b Board
	b.Probe(0, router.Primary, router.OK, 2*ms)
	b.Probe(0, router.Secondary, router.OK, 2*ms)
	return b
}

func TestFreshness(t *testing.T) {
	b := alive()
	b.HostKnown[router.Primary] = true
	b.Host(0, router.Primary, Down)
	b.Peer(0, router.Primary, Up)
	fresh := b.Facts(at(15*sec), router.Primary, policy)
	if fresh.SIP != router.OK || fresh.Host != Down || fresh.Peer != Up {
		t.Errorf("3 intervals old is still fresh: %+v", fresh)
	}
	stale := b.Facts(at(15*sec+1), router.Primary, policy)
	if stale.SIP != router.NoEvidence || stale.Host != Unknown || stale.Peer != Unknown {
		t.Errorf("older than 3 intervals is stale: %+v", stale)
	}
}

func TestNeverGood(t *testing.T) {
	var b Board
	for i := range 5 {
		now := at(time.Duration(i) * sec)
		b.Probe(now, router.Primary, router.Refused, ms)
		b.Call(now, router.Primary, router.Stuck)
	}
	f := b.Facts(at(5*sec), router.Primary, policy)
	if verdict, _ := Judge(f); f.SIP != router.NoEvidence || f.App != router.NoEvidence || verdict != router.VerdictUnknown {
		t.Errorf("held against a server that was never good: %+v", f)
	}
	b.Known[router.Primary] = true // as stored before a restart
	f = b.Facts(at(5*sec), router.Primary, policy)
	if verdict, _ := Judge(f); verdict != router.VerdictDeadApp {
		t.Errorf("%+v: %v", f, verdict)
	}
}

// A check that never held is a setting that never fitted, until it has.
func TestHostNeverUp(t *testing.T) {
	b := alive()
	b.Host(at(sec), router.Primary, Down)
	if f := b.Facts(at(sec), router.Primary, policy); f.Host != Unknown {
		t.Errorf("%+v", f)
	}
	b.Host(at(2*sec), router.Primary, Up)
	b.Host(at(3*sec), router.Primary, Down)
	if f := b.Facts(at(3*sec), router.Primary, policy); f.Host != Down {
		t.Errorf("%+v", f)
	}
	if f := b.Facts(at(3*sec), router.Secondary, policy); f.Host != Unknown {
		t.Errorf("the other server: %+v", f)
	}
}

func TestConfigFaultIsNoEvidence(t *testing.T) {
	b := alive()
	b.Probe(at(sec), router.Primary, router.ConfigFault, 0)
	if f := b.Facts(at(sec), router.Primary, policy); f.SIP != router.NoEvidence {
		t.Errorf("%+v", f)
	}
}

func TestCallClass(t *testing.T) {
	const (
		ok, busy, stuck, err = router.OK, router.Busy, router.Stuck, router.Err
		none                 = router.NoEvidence
	)
	type call struct {
		at time.Duration
		e  router.Evidence
	}
	tests := []struct {
		name  string
		calls []call
		ask   time.Duration
		want  router.Evidence
	}{
		{"none", nil, 0, none},
		{"one", []call{{0, stuck}}, sec, stuck},
		{"two: the newest", []call{{0, stuck}, {sec, ok}}, 2 * sec, ok},
		{"three: the majority", []call{{0, stuck}, {sec, stuck}, {2 * sec, ok}}, 3 * sec, stuck},
		{"two halves: the newer call's", []call{{0, stuck}, {1, stuck}, {2, ok}, {3, ok}}, sec, ok},
		{"a half that is not the newest's", []call{{0, stuck}, {1, stuck}, {2, ok}, {3, busy}}, sec, stuck},
		{"no half: the newest", []call{{0, stuck}, {1, err}, {2, ok}}, sec, ok},
		{"silent and refused are stuck", []call{{0, router.Silent}, {1, router.Refused}, {2, ok}}, sec, stuck},
		{"config and nothing do not count", []call{{0, ok}, {1, router.ConfigFault}, {2, none}}, sec, ok},
		{"old ones leave", []call{{0, stuck}, {sec, stuck}, {2 * sec, stuck}, {65 * sec, ok}, {75 * sec, ok}}, 76 * sec, ok},
		{"60 s old counts", []call{{9 * sec, stuck}, {9 * sec, stuck}, {68 * sec, ok}}, 69 * sec, stuck},
		{"newest beyond the window", []call{{0, stuck}}, 60*sec + 1, none},
		{"long pause", []call{{0, stuck}, {0, stuck}, {0, stuck}, {time.Hour, ok}}, time.Hour, ok},
	}
	for _, tt := range tests {
		b := alive()
		for _, c := range tt.calls {
			b.Call(at(c.at), router.Primary, c.e)
		}
		if got := b.Facts(at(tt.ask), router.Primary, policy).App; got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestAnsweredSinceTheFailedRoundBegan(t *testing.T) {
	tests := []struct {
		name     string
		answered time.Duration
		want     bool
	}{
		{"before the round", 9 * sec, false},
		{"while it waited", 10*sec + 500*ms, true},
		{"after it", 11*sec + ms, true},
	}
	for _, tt := range tests {
		b := alive()
		b.Answered(at(tt.answered), router.Primary)
		b.Probe(at(11*sec), router.Primary, router.Silent, sec)
		f := b.Facts(at(11*sec), router.Primary, policy)
		if f.AnsweredSince != tt.want {
			t.Errorf("%s: %+v", tt.name, f)
		}
		if verdict, _ := Judge(f); (verdict == router.VerdictSlow) != tt.want {
			t.Errorf("%s: %v", tt.name, verdict)
		}
	}
}

func TestIPBXUnseen(t *testing.T) {
	unseen := func(b *Board, now time.Duration) bool { return b.Facts(at(now), router.Primary, policy).IPBXUnseen }

	b := alive()
	b.IPBXSilent(at(sec), 0, sec)
	if unseen(&b, sec) {
		t.Error("never answered a probe, yet unseen")
	}
	b.SightIPBX(at(2*sec), 0, true)
	b.IPBXSilent(at(9*sec), 0, sec)
	if !unseen(&b, 9*sec) {
		t.Error("silent after having answered, yet seen")
	}
	b.SightIPBX(at(10*sec), 0, false)
	if unseen(&b, 10*sec) {
		t.Error("any traffic is sight")
	}
	b.IPBXSilent(at(10*sec+500*ms), 0, sec)
	if unseen(&b, 11*sec) {
		t.Error("traffic came while the probe waited")
	}
	b.IPBXSilent(at(20*sec), 0, sec)
	b.SightIPBX(at(20*sec), 1, false)
	if unseen(&b, 21*sec) {
		t.Error("the second IPBX is heard")
	}
	if !unseen(&b, 40*sec) {
		t.Error("the second IPBX was heard long ago and answers no probe")
	}
	b.SightIPBX(at(41*sec), MaxIPBX, true)
	b.IPBXSilent(at(41*sec), MaxIPBX, sec)
	if !unseen(&b, 41*sec) {
		t.Error("an IPBX that is not configured counted")
	}
}

func TestStandbyUnseen(t *testing.T) {
	b := alive()
	facts := func(now time.Duration) Facts { return b.Facts(at(now), router.Primary, policy) }
	if facts(sec).StandbyUnseen {
		t.Error("seen a second ago")
	}
	b.Probe(at(6*sec), router.Secondary, router.Silent, sec)
	if !facts(6 * sec).StandbyUnseen {
		t.Error("silent after having answered")
	}
	b.Answered(at(7*sec), router.Secondary)
	if facts(7 * sec).StandbyUnseen {
		t.Error("it answered a call")
	}
	var unknown Board
	unknown.Probe(0, router.Secondary, router.Silent, sec)
	if unknown.Facts(0, router.Primary, policy).StandbyUnseen {
		t.Error("a secondary that never answered proves nothing by its silence")
	}
}

// Our own network card dies: everything falls silent in one round.
func TestSelfIsolated(t *testing.T) {
	b := alive()
	b.SightIPBX(0, 0, true)
	b.Host(at(5*sec), router.Primary, Down)
	b.Probe(at(5*sec), router.Primary, router.Silent, sec)
	b.Probe(at(5*sec), router.Secondary, router.Silent, sec)
	b.IPBXSilent(at(5*sec), 0, sec)
	if verdict, rule := Judge(b.Facts(at(5*sec), router.Primary, policy)); verdict != router.VerdictSelfIsolated {
		t.Errorf("%v R%d", verdict, rule)
	}
}

func TestLasting(t *testing.T) {
	lasting := func(b *Board, now time.Duration) bool { return b.Facts(at(now), router.Primary, policy).Lasting }

	b := alive()
	for s := 10 * sec; s <= 70*sec; s += 10 * sec {
		b.Call(at(s), router.Primary, router.Stuck)
		if lasting(&b, s) != (s >= 70*sec) {
			t.Errorf("stuck since 10 s: lasting %v at %v", lasting(&b, s), s)
		}
	}
	b.Call(at(71*sec), router.Primary, router.OK)
	for range 20 {
		b.Call(at(72*sec), router.Primary, router.OK)
	}
	if lasting(&b, 72*sec) {
		t.Error("most calls are answered again")
	}
	for range 100 {
		b.Call(at(73*sec), router.Primary, router.Stuck)
	}
	if lasting(&b, 100*sec) {
		t.Error("the fault began anew at 73 s")
	}

	pause := alive()
	pause.Call(at(0), router.Primary, router.Stuck)
	pause.Call(at(100*sec), router.Primary, router.Stuck)
	if lasting(&pause, 100*sec) {
		t.Error("two stuck calls with nothing between are not a lasting fault")
	}

	sip := alive()
	for s := 10 * sec; s <= 70*sec; s += 5 * sec {
		sip.Probe(at(s), router.Primary, router.Err, ms)
	}
	if !lasting(&sip, 70*sec) || lasting(&sip, 69*sec) {
		t.Error("ERR rounds since 10 s")
	}
	sip.Probe(at(71*sec), router.Primary, router.OK, ms)
	sip.Probe(at(72*sec), router.Primary, router.Err, ms)
	if lasting(&sip, 73*sec) {
		t.Error("one good round ends the fault")
	}
}

func TestCallProbeGate(t *testing.T) {
	with := policy
	with.CallProbe = true
	b := alive()
	if f := b.Facts(at(sec), router.Primary, policy); !f.ProbeFailed {
		t.Error("no call probe configured: nothing to wait for")
	}
	if f := b.Facts(at(sec), router.Primary, with); f.ProbeFailed {
		t.Error("it has not failed yet")
	}
	b.Heard[router.Primary] = true // as stored
	b.CallProbe(at(2*sec), router.Primary, CallStuck)
	f := b.Facts(at(3*sec), router.Primary, with)
	if !f.ProbeFailed || f.App != router.Stuck {
		t.Errorf("%+v", f)
	}
	if b.Facts(at(63*sec), router.Primary, with).ProbeFailed {
		t.Error("a failure of more than a minute ago does not count")
	}
	b.CallProbe(at(4*sec), router.Primary, CallGood)
	if f := b.Facts(at(5*sec), router.Primary, with); f.ProbeFailed || f.App != router.OK || f.Persists() {
		t.Errorf("%+v", f)
	}
}

// A test number that never worked proves nothing against the server.
func TestCallProbeThatWasNeverGood(t *testing.T) {
	with := policy
	with.CallProbe = true
	b := alive()
	b.CallProbe(at(sec), router.Primary, CallStuck)
	f := b.Facts(at(2*sec), router.Primary, with)
	if f.App != router.NoEvidence || !f.ProbeFailed {
		t.Errorf("%+v", f)
	}
	b.CallProbe(at(3*sec), router.Primary, CallGood)
	b.CallProbe(at(4*sec), router.Primary, CallErr)
	b.CallProbe(at(5*sec), router.Primary, CallErr)
	if f := b.Facts(at(5*sec), router.Primary, with); f.App != router.Err {
		t.Errorf("%+v", f)
	}
}

// Calls that are answered and mute look answered to everybody but the test call:
// they do not outvote it.
func TestMuteUnderTraffic(t *testing.T) {
	with := policy
	with.CallProbe = true
	b := alive()
	now := at(sec)
	b.CallProbe(now, router.Primary, CallGood)
	for i := range 70 {
		now = now.Add(sec)
		b.Probe(now, router.Primary, router.OK, ms)
		b.Call(now, router.Primary, router.OK)
		b.Answered(now, router.Primary)
		if i%20 == 0 {
			b.CallProbe(now, router.Primary, CallMute)
		}
		f := b.Facts(now, router.Primary, with)
		if verdict, _ := Judge(f); verdict != router.VerdictGray || f.Lasting != (i >= 60) || !f.ProbeFailed {
			t.Fatalf("after %d s: %v %+v", i, verdict, f)
		}
	}
	if f := b.Facts(now.Add(window+1), router.Primary, with); f.App == router.Stuck {
		t.Error("a mute call of more than a minute ago still counts")
	}
	b.CallProbe(now, router.Primary, CallGood)
	if f := b.Facts(now, router.Primary, with); f.App != router.OK || f.Persists() {
		t.Errorf("heard again: %+v", f)
	}
}

// A server that is busy is no faulty one, whatever the test call met before.
func TestCallProbeBusy(t *testing.T) {
	with := policy
	with.CallProbe = true
	b := alive()
	b.Heard[router.Primary] = true
	b.CallProbe(at(sec), router.Primary, CallStuck)
	b.CallProbe(at(2*sec), router.Primary, CallBusy)
	f := b.Facts(at(2*sec), router.Primary, with)
	if verdict, _ := Judge(f); verdict != router.VerdictBusy || f.ProbeFailed {
		t.Errorf("%v %+v", verdict, f)
	}
	b.CallProbe(at(3*sec), router.Primary, CallUnknown)
	if again := b.Facts(at(3*sec), router.Primary, with); again != f {
		t.Errorf("a call that was not made changed %+v into %+v", f, again)
	}
}

func TestLatencyAgainstItsOwnHistory(t *testing.T) {
	var b Board
	now := at(0)
	probe := func(rtt time.Duration) bool {
		now = now.Add(5 * sec)
		b.Probe(now, router.Primary, router.OK, rtt)
		return b.Facts(now, router.Primary, policy).LatencyOdd
	}
	for i := range 50 {
		if probe(3*ms + time.Duration(i%3)*ms) {
			t.Fatal("ordinary latency is odd")
		}
	}
	if probe(45 * ms) {
		t.Error("below 50 ms nothing is odd")
	}
	for range 20 {
		probe(3 * ms)
	}
	if !probe(400 * ms) {
		t.Error("400 ms after 3 ms is odd")
	}
	if probe(3 * ms) {
		t.Error("back to normal")
	}
	n := 0
	for probe(400 * ms) {
		if n++; n > 200 {
			t.Fatal("a lasting change never becomes the history")
		}
	}
	var far Board
	far.Probe(at(sec), router.Primary, router.OK, 300*ms)
	if far.Facts(at(sec), router.Primary, policy).LatencyOdd {
		t.Error("no history, yet odd")
	}
}

// What calls met while the server was away says nothing of the one that is back;
// one lost OPTIONS is no absence.
func TestCallsOfAServerThatWasAway(t *testing.T) {
	for _, c := range []struct {
		name   string
		rounds []router.Evidence
		want   router.Verdict
	}{
		{"killed and started again", []router.Evidence{router.Refused, router.OK}, router.VerdictHealthy},
		{"silent twice", []router.Evidence{router.Silent, router.Silent, router.OK}, router.VerdictHealthy},
		{"we could not send between", []router.Evidence{router.Silent, router.NoEvidence, router.Silent, router.OK}, router.VerdictHealthy},
		{"one lost OPTIONS", []router.Evidence{router.Silent, router.OK}, router.VerdictGray},
		{"answers all the while", []router.Evidence{router.OK, router.OK}, router.VerdictGray},
	} {
		b := alive()
		b.Call(at(sec), router.Primary, router.Refused)
		now := at(sec)
		for _, e := range c.rounds {
			now = now.Add(2 * sec)
			b.Probe(now, router.Primary, e, 2*ms)
		}
		if v, _ := Judge(b.Facts(now, router.Primary, policy)); v != c.want {
			t.Errorf("%s: %v, want %v", c.name, v, c.want)
		}
	}
}

func TestGoodRounds(t *testing.T) {
	b := alive()
	for i := range 4 {
		b.Probe(at(time.Duration(i+1)*sec), router.Primary, router.OK, ms)
	}
	if got := b.Good(at(4*sec), router.Primary, policy); got != 5 {
		t.Errorf("%d good rounds, want 5", got)
	}
	if got := b.Good(at(20*sec), router.Primary, policy); got != 0 {
		t.Errorf("%d good rounds while stale", got)
	}
	b.Probe(at(5*sec), router.Primary, router.Busy, ms)
	if got := b.Good(at(5*sec), router.Primary, policy); got != 0 {
		t.Errorf("%d good rounds after a busy one", got)
	}
	for range 1000 {
		b.Probe(at(6*sec), router.Primary, router.OK, ms)
	}
	if got := b.Good(at(6*sec), router.Primary, policy); got != goodMax {
		t.Errorf("%d, want the bound", got)
	}
}

func TestFactsRest(t *testing.T) {
	b := alive()
	b.Self(true)
	b.Lines(router.Primary, router.Full)
	f := b.Facts(at(sec), router.Primary, policy)
	if !f.SelfSick || !f.LinesFull {
		t.Errorf("%+v", f)
	}
	if b.Facts(at(sec), router.Secondary, policy).LinesFull {
		t.Error("the other server's lines")
	}
	again := b
	if again != b {
		t.Error("a Board compares by value")
	}
}

// Both servers fall silent in one interval and nothing else is heard, at a site
// whose IPBX answers no OPTIONS: it is more likely us.
func TestEveryTargetSilentAtOnce(t *testing.T) {
	tests := []struct {
		name   string
		before func(b *Board)
		apart  time.Duration // between the two silences
		sick   bool
	}{
		{"at once", func(*Board) {}, 0, true},
		{"within an interval", func(*Board) {}, 5 * sec, true},
		{"one after the other", func(*Board) {}, 12 * sec, false},
		{"the IPBX calls", func(b *Board) { b.SightIPBX(at(55*sec), 0, false) }, 0, false},
		{"the IPBX answers probes: R1 and R2 know more", func(b *Board) { b.SightIPBX(0, 0, true); b.IPBXSilent(at(55*sec), 0, sec) }, 0, false},
		{"a host is there", func(b *Board) { b.Host(at(55*sec), router.Secondary, Up) }, 0, false},
		{"the peer sees one", func(b *Board) { b.Peer(at(55*sec), router.Primary, Up) }, 0, false},
		{"the peer sees none either", func(b *Board) { b.Peer(at(55*sec), router.Primary, Down) }, 0, false},
	}
	for _, tt := range tests {
		b := alive()
		b.Probe(at(40*sec), router.Primary, router.OK, ms)
		b.Probe(at(40*sec), router.Secondary, router.OK, ms)
		tt.before(&b)
		b.Probe(at(57*sec-tt.apart), router.Secondary, router.Silent, sec)
		b.Probe(at(57*sec), router.Secondary, router.Silent, sec)
		b.Probe(at(57*sec), router.Primary, router.Silent, sec)
		if f := b.Facts(at(57*sec), router.Primary, policy); f.SelfSick != tt.sick {
			t.Errorf("%s: %+v", tt.name, f)
		}
	}
}
