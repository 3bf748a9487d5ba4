package server

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"releve/testbed/phone"
)

// Quirk is one way in which a voice server of the field may differ; its name
// is what `releve preflight` is tested by. Each is real on the wire.
type Quirk string

// habits are what the quirks in force make of this server.
type habits struct {
	phone.Manners
	mode  Mode
	delay time.Duration // from 180 to 200; negative: as configured
}

// quirks says what each does.
var quirks = map[Quirk]func(*habits){
	"options-silent":       func(h *habits) { h.OptionsSilent = true },
	"options-405":          func(h *habits) { h.OptionsStatus = 405 },
	"date-missing":         func(h *habits) { h.Date = false },
	"clock-wrong":          func(h *habits) { h.Clock = 26 * time.Minute },
	"no-audio":             func(h *habits) { h.mode.Kind = Mute },
	"silent-audio":         func(h *habits) { h.mode.Kind = Hushed },
	"second-early-dialog":  func(h *habits) { h.SecondEarly = true },
	"answer-slow":          func(h *habits) { h.delay = 10 * time.Second },
	"all-busy":             func(h *habits) { h.mode.Kind = AllBusy },
	"number-unknown":       func(h *habits) { h.mode = Mode{Kind: ServerError, Status: 404} },
	"record-route-ignored": func(h *habits) { h.IgnoreRecordRoute = true },
	"contact-rewritten":    func(h *habits) { h.ContactThrough = true },
	"100rel-required":      func(h *habits) { h.NeedReliable = true },
	"update-refused":       func(h *habits) { h.NoUpdate = true },
	"session-timer-small":  func(h *habits) { h.MinSE = 2 * time.Hour },
	"reinvite-refused":     func(h *habits) { h.ReinviteStatus = 488 },
	"large-udp-lost":       func(h *habits) { h.MaxDatagram = 1300 },
	"codec-alaw-only":      func(h *habits) { h.Codecs = []string{phone.ALaw, phone.TelephoneEvent} },
	"codec-ulaw-only":      func(h *habits) { h.Codecs = []string{phone.MuLaw, phone.TelephoneEvent} },
	"codec-g729-only":      func(h *habits) { h.Codecs = []string{phone.G729, phone.TelephoneEvent} },
	"dtmf-missing":         func(h *habits) { h.Codecs = []string{phone.ALaw, phone.MuLaw} },
	"rtp-loss":             func(h *habits) { h.LoseEvery = 10 },
	"slow": func(h *habits) {
		h.mode = Mode{Kind: Slow, Least: 300 * time.Millisecond, Most: 400 * time.Millisecond}
	},
	"silent": func(h *habits) { h.mode.Kind = Silent },
	"refuse": func(h *habits) { h.mode.Kind = Refuse },
}

// Quirks are all that can be planted, in order.
func Quirks() []Quirk { return slices.Sorted(maps.Keys(quirks)) }

// SetQuirks plants exactly the given quirks; none: the server of the
// configuration, healthy. Calls in progress take what concerns them at once.
func (s *Server) SetQuirks(planted ...Quirk) error {
	h := habits{Manners: s.cfg.Manners, mode: Mode{Kind: Healthy}, delay: -1}
	for _, q := range planted {
		apply := quirks[q]
		if apply == nil {
			return fmt.Errorf("no quirk %q: Quirks lists them", q)
		}
		apply(&h)
	}
	if err := s.SetMode(h.mode); err != nil {
		return err
	}
	var err error
	s.p.Do(func() {
		s.answerDelay = s.cfg.WelcomeDelay
		if h.delay >= 0 {
			s.answerDelay = h.delay
		}
		err = s.p.SetManners(h.Manners)
	})
	return err
}
