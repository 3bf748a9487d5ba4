package ipbx

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"releve/testbed/phone"
)

// Quirk is one way in which an IPBX of the field differs from what its maker's
// leaflet promises; its name is that of the finding of `releve preflight` that
// must tell it. Each is real on the wire.
type Quirk string

// habits are what the quirks in force make of this IPBX.
type habits struct {
	phone.Manners
	registrar Registrar
	represent map[int]int   // status of a refusal → further presentations, beside Config.Represent
	obeys     bool          // Retry-After of a 503: no call to that target before its time
	noAnswer  time.Duration // an unanswered call is taken back after this; 0: never
	firstOnly bool          // of a group, only the first user is rung
}

// everAgain bounds the presentations of an IPBX that presents for ever.
const everAgain = 50

// quirks says what each does.
var quirks = map[Quirk]func(*habits){
	"options-silent":        func(h *habits) { h.OptionsSilent = true },
	"options-405":           func(h *habits) { h.OptionsStatus = 405 },
	"options-403":           func(h *habits) { h.OptionsStatus = 403 },
	"record-route-ignored":  func(h *habits) { h.IgnoreRecordRoute = true },
	"contact-rewritten":     func(h *habits) { h.ContactThrough = true },
	"100rel-required":       func(h *habits) { h.NeedReliable = true },
	"update-refused":        func(h *habits) { h.NoUpdate = true },
	"session-timer-small":   func(h *habits) { h.MinSE = 2 * time.Hour },
	"session-refresher":     func(h *habits) { h.SessionExpires, h.Refresher = 90*time.Second, "uac" },
	"reinvite-refused":      func(h *habits) { h.ReinviteStatus = 488 },
	"large-udp-lost":        func(h *habits) { h.MaxDatagram = 1300 },
	"codec-alaw-only":       func(h *habits) { h.Codecs = []string{phone.ALaw, phone.TelephoneEvent} },
	"codec-ulaw-only":       func(h *habits) { h.Codecs = []string{phone.MuLaw, phone.TelephoneEvent} },
	"codec-g729-only":       func(h *habits) { h.Codecs = []string{phone.G729, phone.TelephoneEvent} },
	"dtmf-missing":          func(h *habits) { h.Codecs = []string{phone.ALaw, phone.MuLaw} },
	"refer-refused":         func(h *habits) { h.ReferStatus = 405 },
	"represents-486":        func(h *habits) { h.again(486, 1) },
	"represents-480":        func(h *habits) { h.again(480, 1) },
	"represents-503":        func(h *habits) { h.again(503, 1) },
	"represents-twice":      func(h *habits) { h.again(486, 2) },
	"represents-forever":    func(h *habits) { h.again(486, everAgain) },
	"retry-after-obeyed":    func(h *habits) { h.obeys = true },
	"no-answer-short":       func(h *habits) { h.noAnswer = 8 * time.Second },
	"registrar-latest":      func(h *habits) { h.registrar.List = ListLatest },
	"registrar-lists-none":  func(h *habits) { h.registrar.List = ListOmit },
	"grant-longer":          func(h *habits) { h.registrar.MinGrant, h.registrar.MaxGrant = 2*time.Hour, 2*time.Hour },
	"grant-shorter":         func(h *habits) { h.registrar.MaxGrant = 20 * time.Second },
	"grant-unsaid":          func(h *habits) { h.registrar.Unsaid = true },
	"expiry-not-enforced":   func(h *habits) { h.registrar.KeepExpired = true },
	"unregister-ignored":    func(h *habits) { h.registrar.KeepRemoved = true },
	"single-contact":        func(h *habits) { h.registrar.Single = true },
	"digest-sha256":         func(h *habits) { h.registrar.Algorithms = []string{"SHA-256"} },
	"secondary-not-reached": func(h *habits) { h.firstOnly = true },
	"clock-wrong":           func(h *habits) { h.Clock = -37 * time.Minute },
	"rtp-loss":              func(h *habits) { h.LoseEvery = 10 },
}

func (h *habits) again(status, times int) {
	h.represent = maps.Clone(h.represent)
	if h.represent == nil {
		h.represent = map[int]int{}
	}
	h.represent[status] = times
}

// Quirks are all that can be planted, in order.
func Quirks() []Quirk { return slices.Sorted(maps.Keys(quirks)) }

// SetQuirks plants exactly the given quirks; calls in progress take what
// concerns them at once. None: the IPBX of the configuration.
func (x *IPBX) SetQuirks(planted ...Quirk) error {
	h := habits{Manners: x.cfg.Manners, registrar: x.cfg.Registrar}
	for _, q := range planted {
		apply := quirks[q]
		if apply == nil {
			return fmt.Errorf("no quirk %q: Quirks lists them", q)
		}
		apply(&h)
	}
	x.mu.Lock()
	x.habits = h
	x.mu.Unlock()
	x.SetRegistrar(func(set *Registrar) { *set = h.registrar })
	var err error
	for _, p := range x.members {
		p.Do(func() {
			if e := p.SetManners(h.Manners); e != nil {
				err = e
			}
		})
	}
	return err
}

func (x *IPBX) habit() habits {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.habits
}
