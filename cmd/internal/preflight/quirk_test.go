package preflight

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"releve/cmd/internal/text"
	"releve/testbed/ipbx"
	"releve/testbed/server"
)

// planted is a quirk of an IPBX or a server, and the finding that must tell it.
type planted struct {
	quirk string
	id    ID
	state State
}

func ofTrunk() []planted {
	return []planted{
		{"options-silent", text.StudyOptions, Reservation},
		{"options-405", text.StudyOptions, Info},
		{"options-403", text.StudyOptions, Reservation},
		{"record-route-ignored", text.StudyRecordRoute, Reservation},
		{"contact-rewritten", text.StudyContact, Reservation},
		{"100rel-required", text.StudyReliable, Reservation},
		{"update-refused", text.StudyUpdate, Info},
		{"session-timer-small", text.StudySessionTimer, Reservation},
		{"session-refresher", text.StudySessionTimer, Reservation},
		{"reinvite-refused", text.StudyReinvite, Reservation},
		{"large-udp-lost", text.StudyLarge, Reservation},
		{"codec-alaw-only", text.StudyCodecs, Info},
		{"codec-ulaw-only", text.StudyCodecs, Reservation},
		{"codec-g729-only", text.StudyCodecs, NoGo},
		{"dtmf-missing", text.StudyDTMF, Reservation},
		{"refer-refused", text.StudyTransfer, Reservation},
		{"represents-486", text.StudyBusy, Reservation},
		{"represents-480", text.StudyRefusals, Info},
		{"represents-503", text.StudyRefusals, Info},
		{"represents-twice", text.StudyBusyTwice, Reservation},
		{"represents-forever", text.StudyBusyTwice, Reservation},
		{"retry-after-obeyed", text.StudyRetryAfter, Reservation},
		{"clock-wrong", text.StudyClock, Reservation},
		{"rtp-loss", text.StudyAudio, Reservation},
	}
}

func ofUsers() []planted {
	return []planted{
		{"registrar-latest", text.StudyListed, Reservation},
		{"registrar-lists-none", text.StudyListed, Reservation},
		{"grant-longer", text.StudyGrant, Reservation},
		{"grant-shorter", text.StudyGrant, Info},
		{"grant-unsaid", text.StudyGrant, Reservation},
		{"expiry-not-enforced", text.StudyExpiry, Reservation},
		{"unregister-ignored", text.StudyUnregister, NoGo},
		{"single-contact", text.StudySecondContact, Info},
		{"digest-sha256", text.StudyDigest, Info},
		{"secondary-not-reached", text.StudySecondary, NoGo},
	}
}

func ofServer() []planted {
	return []planted{
		{"options-silent", text.StudyOptions, NoGo},
		{"options-405", text.StudyOptions, Info},
		{"date-missing", text.StudyClock, Info},
		{"clock-wrong", text.StudyClock, Reservation},
		{"no-audio", text.StudyAudio, NoGo},
		{"silent-audio", text.StudyAudio, NoGo},
		{"second-early-dialog", text.StudyTrunk, Reservation},
		{"all-busy", text.StudyTrunk, Reservation},
		{"number-unknown", text.StudyTrunk, NoGo},
		{"record-route-ignored", text.StudyRecordRoute, Reservation},
		{"contact-rewritten", text.StudyContact, Reservation},
		{"100rel-required", text.StudyReliable, Reservation},
		{"update-refused", text.StudyUpdate, Info},
		{"session-timer-small", text.StudySessionTimer, Reservation},
		{"reinvite-refused", text.StudyReinvite, Reservation},
		{"large-udp-lost", text.StudyLarge, Reservation},
		{"codec-ulaw-only", text.StudyCodecs, Reservation},
		{"codec-g729-only", text.StudyCodecs, NoGo},
		{"dtmf-missing", text.StudyDTMF, Reservation},
		{"rtp-loss", text.StudyAudio, Reservation},
		{"slow", text.StudyRoundTrip, Reservation},
		{"silent", text.StudyOptions, NoGo},
		{"refuse", text.StudyOptions, NoGo},
	}
}

// besides are quirks that another test plants, for they take long, or are no fault of
// one call.
func besides() []string { return []string{"no-answer-short", "answer-slow", "codec-alaw-only"} }

// TestEachQuirkIsFound plants each quirk of the test bed alone, and looks whether its
// finding says so; without it the same finding is ok.
func TestEachQuirkIsFound(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	slots := make(chan struct{}, 16) // the parties share two cores
	try := func(subject Subject, q planted, study func(b *bed) *Study) {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			unhurried(t, func() []string { return judge(subject, q, study(newBed(t))) })
		})
	}
	for _, q := range ofTrunk() {
		try(IPBX, q, func(b *bed) *Study {
			plant(t, b.ipbx.SetQuirks(ipbx.Quirk(q.quirk)))
			return b.run(b.trunk())
		})
	}
	for _, q := range ofUsers() {
		try(Registrar, q, func(b *bed) *Study {
			plant(t, b.ipbx.SetQuirks(ipbx.Quirk(q.quirk)))
			return b.run(b.registering())
		})
	}
	for _, q := range ofServer() {
		try(Server, q, func(b *bed) *Study {
			plant(t, b.servers[0].SetQuirks(server.Quirk(q.quirk)))
			return b.run(b.calling())
		})
	}
	all.Wait()
}

func plant(t *testing.T, err error) {
	if err != nil {
		t.Error(err)
	}
}

func judge(subject Subject, q planted, s *Study) (faults []string) {
	f, ok := find(s, subject, q.id)
	if !ok || f.State != q.state {
		faults = append(faults, fmt.Sprintf("%s, %s planted: finding %s is %q, %q was expected; %v", subject, q.quirk, q.id, f.State, q.state, f.Values))
	}
	return faults
}

// TestEveryQuirkIsTried: no quirk of the test bed is forgotten.
func TestEveryQuirkIsTried(t *testing.T) {
	tried := besides()
	for _, q := range slices.Concat(ofTrunk(), ofUsers(), ofServer()) {
		tried = append(tried, q.quirk)
	}
	for _, q := range ipbx.Quirks() {
		if !slices.Contains(tried, string(q)) {
			t.Errorf("IPBX: %s is not tried", q)
		}
	}
	for _, q := range server.Quirks() {
		if !slices.Contains(tried, string(q)) {
			t.Errorf("server: %s is not tried", q)
		}
	}
}

// TestWithoutQuirkAllIsWell: the same parties without a quirk have no doubtful
// finding, and nothing is left behind.
func TestWithoutQuirkAllIsWell(t *testing.T) {
	t.Parallel()
	unhurried(t, func() (faults []string) {
		b := newBed(t)
		p := b.registering()
		p.Service, p.TransferTo = "5000", "2001"
		for i, s := range b.servers {
			p.Far = append(p.Far, farAt("wel"+string(rune('0'+i)), Server, s.Addr()))
		}
		s := b.run(p)
		for _, f := range s.Findings {
			if f.State == Reservation || f.State == NoGo {
				faults = append(faults, fmt.Sprintf("%s %s: %s %v", f.Target, f.ID, f.State, f.Values))
			}
		}
		b.leftNothing(t, s)
		return faults
	})
}

// leftNothing: what no slowness excuses.
func (b *bed) leftNothing(t *testing.T, s *Study) {
	t.Helper()
	if got := b.ipbx.Bindings(); len(got) > 0 {
		t.Errorf("left at the registrar: %v", got)
	}
	if n := b.ipbx.MaxBindingsAtOnce("5001", "5002"); n > 2 {
		t.Errorf("%d bindings at once", n)
	}
	log, _ := b.ipbx.Log()
	if o := ipbx.MostBindings(log, s.At, "5001", "5002"); o.Users > 1 {
		t.Errorf("both licensed users were registered at once for %v", o.Lasted)
	}
	if n := b.ipbx.Stats().Open; n != 0 {
		t.Errorf("%d calls left at the IPBX", n)
	}
	if t.Failed() {
		show(t, s)
	}
}
