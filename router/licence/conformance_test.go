package licence

import (
	"os"
	"slices"
	"testing"
	"time"

	"releve/router"
)

// TestConformanceRegistration: rules G and the flows of docs/conformance.md §4 that
// the licence machine decides: when which user is registered where.
func TestConformanceRegistration(t *testing.T) {
	t.Run("G01 RFC 3261 §10.2 CSeq after 401", scenario("09_challenge_and_stale_nonce"))
	t.Run("G01 RFC 3261 §10.2 CSeq after 423", scenario("07_too_brief"))
	t.Run("G01 RFC 3261 §10.2 CSeq after a crash", scenario("15_crash_in_claim"))
	t.Run("G02 RFC 3261 §10.2 one at a time", testOneAtATime)
	t.Run("G03 RFC 3261 §10.2.4 refreshed by what was granted", testRefresh)
	t.Run("G05 RFC 3261 §10.2.8", scenario("07_too_brief"))
	t.Run("G05 RFC 3261 §10.2.8 beyond the bound", scenario("08_too_brief_beyond_bound"))
	t.Run("G05 RFC 3261 §10.2.8 no Min-Expires", testTooBriefWithoutMinExpires)
	t.Run("G06 RFC 3261 §10.3(8) foreign bindings", scenario("32_foreign_and_passive_bindings"))
	t.Run("G06 RFC 3261 §10.3(8) no list proves nothing", scenario("12_registrar_omits_lists"))
	t.Run("G06 RFC 3261 §10.3(8) our Contact is listed as removed", scenario("77_granted_and_removed"))
	t.Run("G06 RFC 3261 §10.3(8) only others are listed", scenario("78_granted_and_others_listed"))
	t.Run("G06 RFC 3261 §10.3(8) a list partly unreadable", scenario("81_list_partly_unreadable"))
	t.Run("G06 RFC 3261 §10.3(8) a registrar that never listed us", scenario("40_rewrites_contact_pair"))
	t.Run("G07 RFC 3261 §10.2.3", scenario("33_confirm_fetches_the_former_user"))
	t.Run("G08 RFC 3261 §22.2 wrong password", scenario("10_wrong_password"))
	t.Run("G08 RFC 3261 §22.2 its alarm", TestRefusedAlarmEndsWithTheFence)
	t.Run("G09 RFC 7616 §3.3", scenario("09_challenge_and_stale_nonce"))
	t.Run("G10 RFC 3261 §21.5.4 Retry-After", scenario("31_retry_after"))
	t.Run("G10 RFC 3261 §21.4.4 no storm, RFC 5626 §4.5", testRefusals)
	t.Run("G10 RFC 3261 §21.4.4 a refused refresh", testRefusedRefresh)
	t.Run("G11 RFC 3261 §10.2 our choice: not followed", testMovedIsRefused)
	t.Run("G12 break, prove, make", scenario("01_plain_move"))
	t.Run("G12 break, wait the expiry out, make", scenario("02_unregister_lost_then_fenced"))
	t.Run("G12 a crash at each step", testCrashes)

	t.Run("flow 26 un-REGISTER lost", scenario("02_unregister_lost_then_fenced"))
	t.Run("flow 26 un-REGISTER lost once", scenario("03_first_unregister_lost"))
	t.Run("flow 26 its answer lost", scenario("04_unregister_answer_lost"))
	t.Run("flow 27 403 to the new user", testRefusals)
	t.Run("flow 28 the IPBX forgot", scenario("29_ipbx_restart_loses_bindings"))
	t.Run("flow 29 423 with Min-Expires", scenario("07_too_brief"))
	t.Run("flow 29 423 without", testTooBriefWithoutMinExpires)
	t.Run("flow 30 stale at every try", testStaleForEver)
	t.Run("flow 30 wrong password", scenario("10_wrong_password"))
	t.Run("flow 32 the 200 does not list us", scenario("12_registrar_omits_lists"))
	t.Run("flow 32 the 200 lists us with expires=0", scenario("77_granted_and_removed"))
	t.Run("flow 32 the 200 lists others", scenario("78_granted_and_others_listed"))
	t.Run("flow 35 move while a REGISTER is open", scenario("34_refresh_timed_out_then_moved"))
	t.Run("flow 35 move back during the claim", scenario("22_move_back_during_claim"))
	t.Run("flow 35 CSeq after a restart", scenario("16_crash_in_claim_then_return"))
	t.Run("flow 40 the node was paused", scenario("35_pause"))
}

// scenario replays one of testdata.
func scenario(name string) func(*testing.T) {
	return func(t *testing.T) {
		want, err := os.ReadFile("testdata/" + name + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := replay(string(want)); err != nil || got != string(want) {
			t.Errorf("%v; got:\n%s", err, got)
		}
	}
}

func testCrashes(t *testing.T) {
	for _, name := range []string{"13_crash_before_saved", "14_crash_in_unreg", "15_crash_in_claim", "17_crash_when_bound", "18_crash_in_drain", "24_store_down_then_crash"} {
		t.Run(name, scenario(name))
	}
}

// testOneAtATime: the world refuses a request while another of that user at that
// IPBX has no outcome; through loss, pauses, crashes and moves none is sent.
func testOneAtATime(t *testing.T) {
	var seen sights
	for seed := range uint64(30) {
		if err := walk(1_000_000+seed, &seen); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
	if seen.sends < 300 {
		t.Errorf("only %d requests", seen.sends)
	}
}

// alone is a node that claims the primary's user at one IPBX.
func alone(set func(*registrar)) *world {
	w := newWorld(Policy{Mode: Pair, IPBXs: 1, Expires: time.Minute, MaxGrant: time.Hour, Txn: 4 * time.Second, Slack: time.Second, NoFetch: true})
	set(w.ipbx[0])
	w.boot()
	w.event(Event{Kind: Move, To: router.Primary, Epoch: 1})
	return w
}

// sentIn lets d pass and counts the requests sent.
func (w *world) sentIn(d time.Duration) int {
	before := w.sends
	w.run(w.now.Add(d))
	return w.sends - before
}

// testRefresh: at half of what was granted to our Contact, whatever was asked for;
// a little earlier, by the site, so that sites keep no step.
func testRefresh(t *testing.T) {
	gaps := map[time.Duration]bool{}
	for seed := range uint64(20) {
		w := alone(func(b *registrar) { b.grant = 100 * time.Second })
		w.crash()
		w.policy.Seed = seed + 1
		w.boot()
		w.event(Event{Kind: Move, To: router.Primary, Epoch: 1})
		gaps[w.gaps(3)[2]] = true
	}
	for d := range gaps {
		if d < 45*time.Second || d > 50*time.Second {
			t.Errorf("100 s are refreshed after %v, want 45 to 50 s", d)
		}
	}
	if len(gaps) < 15 {
		t.Errorf("20 sites, and only %d different rhythms", len(gaps))
	}
	for _, granted := range []time.Duration{20 * time.Second, 40 * time.Second, 100 * time.Second, 20 * time.Minute} {
		w := alone(func(b *registrar) { b.grant = granted })
		w.run(w.now.Add(time.Second))
		if n := w.sentIn(10*granted + granted/4); n != 20 || w.err != nil {
			t.Errorf("granted %v: %d REGISTERs in ten times that, want 20 (%v)", granted, n, w.err)
		}
	}
}

func testTooBriefWithoutMinExpires(t *testing.T) {
	w := alone(func(b *registrar) { b.status = 423 })
	if n := w.sentIn(10 * time.Minute); n < 3 || n > 10 || w.err != nil {
		t.Errorf("%d REGISTERs in 10 min (%v)", n, w.err)
	}
	if b := w.node.Status(w.clock()).Bindings[router.Primary][0]; !b.Refused {
		t.Errorf("no alarm: %+v", b)
	}
	w.ipbx[0].status = 0
	w.run(w.now.Add(10 * time.Minute))
	if b := w.node.Status(w.clock()).Bindings[router.Primary][0]; !b.Up || b.Refused {
		t.Errorf("not registered once the IPBX agrees: %+v", b)
	}
}

// testRefusals: within a move after 1, 2 and 4 s; then after 30 s, doubling to
// half an hour, times 0.5 to 1, so that no two users or sites keep step; what says
// itself that it passes is asked every five minutes at the least.
func testRefusals(t *testing.T) {
	for _, c := range []struct {
		status uint16
		most   time.Duration
	}{{403, lastRefusal}, {404, lastRefusal}, {480, lastRefusal}, {600, lastBusy}, {500, lastBusy}, {503, lastBusy}} {
		gaps := map[router.Server][]time.Duration{}
		for x, seed := range []uint64{0, 7, 8} {
			w := alone(func(b *registrar) { b.status = c.status })
			w.crash()
			w.policy.Seed = seed
			w.boot()
			w.event(Event{Kind: Move, To: router.Primary, Epoch: 1})
			gaps[router.Server(x)] = w.gaps(12)
			if b := w.node.Status(w.clock()).Bindings[router.Primary][0]; !b.Refused || w.err != nil {
				t.Errorf("%d: alarm %v, %v", c.status, b.Refused, w.err)
			}
		}
		base := gaps[0]
		if !slices.Equal(base[:6], []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute}) {
			t.Errorf("%d: %v", c.status, base)
		}
		if last := base[11]; last > c.most || last < c.most/2 {
			t.Errorf("%d: at last every %v", c.status, last)
		}
		for x := router.Server(1); x <= 2; x++ {
			for n, d := range gaps[x] {
				if d > base[n] || n > 2 && d < base[n]/2 {
					t.Errorf("%d: try %d after %v, want %v times 0.5 to 1", c.status, n, d, base[n])
				}
			}
		}
		if slices.Equal(gaps[1][3:], gaps[2][3:]) || slices.Equal(gaps[1][3:], base[3:]) {
			t.Errorf("%d: two sites keep step: %v", c.status, gaps[1])
		}
	}
}

// gaps are the times between the next n requests.
func (w *world) gaps(n int) (out []time.Duration) {
	w.run(w.now)
	last, sends := w.now, w.sends
	for len(out) < n && w.err == nil {
		at, ok := w.node.Next()
		if !ok {
			return out
		}
		w.run(max(at, w.now+1))
		if w.sends > sends {
			out, sends, last = append(out, w.now.Sub(last)), w.sends, w.now
		}
	}
	return out
}

// testRefusedRefresh: what is bound needs no quick tries, and comes back before it
// has run out all the same; the role's move begins anew.
func testRefusedRefresh(t *testing.T) {
	w := alone(func(*registrar) {})
	w.run(w.now.Add(time.Second))
	w.ipbx[0].status = 403
	if n := w.sentIn(58 * time.Second); n != 1 { // at 30 s, next at 60 s
		t.Errorf("%d REGISTERs before the expiry, want 1", n)
	}
	w.run(w.now.Add(time.Hour))
	w.event(Event{Kind: Move, To: router.Secondary, Epoch: 2})
	if n := w.sentIn(10 * time.Second); n < 3 {
		t.Errorf("%d requests after a move, want some at once (%v)", n, w.err)
	}
}

func testMovedIsRefused(t *testing.T) {
	w := alone(func(b *registrar) { b.status = 302 })
	w.run(w.now.Add(10 * time.Minute))
	st := w.node.Status(w.clock())
	if b := st.Bindings[router.Primary][0]; b.Up || !b.Refused || w.err != nil {
		t.Errorf("%+v (%v)", st, w.err)
	}
}

// testStaleForEver: the nonce store of the IPBX is broken: three requests to an
// attempt, then a back-off that grows.
func testStaleForEver(t *testing.T) {
	w := alone(func(b *registrar) { b.auth, b.stale = true, 1_000_000 })
	if n := w.sentIn(25 * time.Second); n != 3 {
		t.Errorf("%d requests in the first attempt, want 3", n)
	}
	if n := w.sentIn(time.Hour); n > 30 || n < 6 || w.err != nil {
		t.Errorf("%d requests in the next hour (%v)", n, w.err)
	}
}
