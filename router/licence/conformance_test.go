package licence

import (
	"os"
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
	t.Run("G07 RFC 3261 §10.2.3", scenario("33_confirm_fetches_the_former_user"))
	t.Run("G08 RFC 3261 §22.2 wrong password", scenario("10_wrong_password"))
	t.Run("G08 RFC 3261 §22.2 its alarm", TestRefusedAlarmEndsWithTheFence)
	t.Run("G09 RFC 7616 §3.3", scenario("09_challenge_and_stale_nonce"))
	t.Run("G10 RFC 3261 §21.5.4 Retry-After", scenario("31_retry_after"))
	t.Run("G10 RFC 3261 §21.4.4 no storm", testRefusals)
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

// testRefresh: at half of what was granted to our Contact, whatever was asked for.
func testRefresh(t *testing.T) {
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
	if n := w.sentIn(10 * time.Minute); n < 3 || n > 50 || w.err != nil {
		t.Errorf("%d REGISTERs in 10 min (%v)", n, w.err)
	}
	if b := w.node.Status(w.clock()).Bindings[router.Primary][0]; !b.Refused {
		t.Errorf("no alarm: %+v", b)
	}
	w.ipbx[0].status = 0
	w.run(w.now.Add(20 * time.Second))
	if b := w.node.Status(w.clock()).Bindings[router.Primary][0]; !b.Up || b.Refused {
		t.Errorf("not registered once the IPBX agrees: %+v", b)
	}
}

// testRefusals: our choice is to try again after 1, 2, 4 … s and then four times in
// the time of an expiry, with an alarm: the licence comes back as soon as the IPBX
// has one, and 4 requests in a minute are no storm.
func testRefusals(t *testing.T) {
	for _, status := range []uint16{403, 404, 480, 500, 503, 600} {
		w := alone(func(b *registrar) { b.status = status })
		w.run(w.now.Add(15 * time.Second))
		if n := w.sentIn(10 * time.Minute); n < 30 || n > 41 || w.err != nil {
			t.Errorf("%d: %d REGISTERs in 10 min (%v)", status, n, w.err)
		}
		if b := w.node.Status(w.clock()).Bindings[router.Primary][0]; b.Refused != definite(status) {
			t.Errorf("%d: alarm %v", status, b.Refused)
		}
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
