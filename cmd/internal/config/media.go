package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"releve/cmd/internal/text"
	"releve/proxy/media/sound"
	"releve/router"
)

// Media is where the sound of test calls and of the hold prompt goes: the only media
// that Relève handles.
type Media struct {
	Address   netip.Addr // local; not valid: that of the first inline listener
	Advertise netip.Addr // in session descriptions; not valid: as Address, else what that listener advertises
	First     uint16     // 1024–65535, 16384: even UDP ports from First to Last
	Last      uint16     // 16483
}

func defaultMedia() Media { return Media{First: 16384, Last: 16483} }

// MediaAt is the local address for media, and the one that others are told.
func (c *Config) MediaAt() (local, advertised netip.Addr) {
	local, advertised = c.Media.Address, c.Media.Advertise
	for _, l := range c.Listen {
		if l.Entry != router.Inline {
			continue
		}
		if !local.IsValid() {
			local = l.Address.Addr()
		}
		if !advertised.IsValid() && (!c.Media.Address.IsValid() || c.Media.Address == l.Address.Addr()) {
			advertised = l.Advertise.Addr()
		}
		break
	}
	if !advertised.IsValid() {
		advertised = local
	}
	return local, advertised
}

// TestCall is the check of type call; false: there is none.
func (c *Config) TestCall() (Check, bool) {
	for _, k := range c.Checks {
		if k.Type == "call" {
			return k, true
		}
	}
	return Check{}, false
}

// callDefaults are those of a check of type call.
func (k *Check) callDefaults() {
	k.Every, k.Suspect, k.Within, k.Expect = 5*time.Minute, 20*time.Second, 8*time.Second, "audio"
}

func (r *reader) media(m *Media) take {
	address := func(dst *netip.Addr) take {
		return func(n *yaml.Node, p string) {
			if a, ok := r.ip(n, p); ok {
				*dst = a
			}
		}
	}
	return func(n *yaml.Node, path string) {
		r.mapping(n, path,
			field{"address", address(&m.Address)},
			field{"advertise", address(&m.Advertise)},
			field{"ports", r.ports(&m.First, &m.Last)},
		)
	}
}

// ports reads a range, "16384-16483".
func (r *reader) ports(first, last *uint16) take {
	return func(n *yaml.Node, path string) {
		s, ok := r.scalar(n, path)
		if !ok {
			return
		}
		low, high, found := strings.Cut(s, "-")
		a, err1 := strconv.ParseUint(strings.TrimSpace(low), 10, 16)
		b, err2 := strconv.ParseUint(strings.TrimSpace(high), 10, 16)
		if !found || err1 != nil || err2 != nil || a < 1024 || (a+1)&^1 > b {
			r.fault(n, path, CodePorts, r.say.ConfigPorts(path, s))
			return
		}
		*first, *last = uint16(a), uint16(b)
	}
}

// mediaUsed says that something of the file needs media.
func (c *Config) mediaUsed() bool {
	k, call := c.TestCall()
	return call && k.Expect == "audio" || c.Overflow.HoldPrompt != ""
}

// holdPrompt: a file that can be played.
func (k *checker) holdPrompt() {
	const at = "overflow.hold_prompt"
	if k.Overflow.HoldPrompt == "" || !k.sound(at) {
		return
	}
	if _, err := ReadPrompt(k.Overflow.HoldPrompt); err != nil {
		k.fault(at, CodeHoldPrompt, k.say.ConfigHoldPrompt(k.Overflow.HoldPrompt, k.promptFault(err)))
	}
}

// promptFault says what is wrong with a prompt, in the reader's language.
func (k *checker) promptFault(err error) string {
	var format *sound.FormatError
	switch {
	case errors.As(err, &format):
		return k.say.PromptFormat(int(format.Format), int(format.Channels), int(format.Rate), int(format.Bits))
	case errors.Is(err, sound.ErrNotWave):
		return k.say.PromptNotWave()
	case errors.Is(err, sound.ErrTooShort):
		return k.say.PromptTooShort()
	}
	return k.say.Cause(plainCause(err))
}

// ReadPrompt reads the file of overflow.hold_prompt.
func ReadPrompt(file string) (*sound.Prompt, error) {
	raw, err := readBounded(file, sound.MaxFile)
	if err != nil {
		return nil, err
	}
	return sound.ReadWAV(raw)
}

// media: an address to show, and ports of its own.
func (k *checker) media() {
	if !k.mediaUsed() || !k.sound("media", "listen") {
		return
	}
	local, advertised := k.MediaAt()
	if advertised.IsUnspecified() {
		k.fault("media", CodeAdvertise, k.say.ConfigMediaAdvertise())
	}
	for i, l := range k.Listen {
		a := l.Address
		if l.Transport == "udp" && a.Port() >= k.Media.First && a.Port() <= k.Media.Last &&
			(a.Addr() == local || a.Addr().IsUnspecified() || local.IsUnspecified()) {
			k.fault(fmt.Sprintf("listen[%d].address", i), CodePortTaken, k.say.ConfigPortTaken(a.String(), k.Media.First, k.Media.Last))
		}
	}
}

// callChecks: a number, and one check of the kind.
func (k *checker) callChecks() {
	n := 0
	for i, c := range k.Checks {
		at := fmt.Sprintf("checks[%d]", i)
		if c.Type != "call" || !k.sound(at+".type") {
			continue
		}
		k.need(c.Number == "", at+".number")
		if n++; n > 1 {
			k.fault(at, CodeOneCall, k.say.ConfigOneCall())
		}
		if c.Suspect > c.Every && k.sound(at+".every", at+".suspect") {
			k.fault(at+".suspect", CodeOrder, k.say.ConfigAtMostTime(at+".suspect", c.Suspect, at+".every", c.Every))
		}
		if c.Passive && k.Level < router.Backup && k.sound("level", at+".passive") {
			k.fault(at+".passive", CodeKeyUnused, k.say.ConfigKeyUnused("passive", k.Level.String()))
		}
	}
}

func (m Media) tree(c *Config) *yaml.Node {
	p := newPairs()
	local, advertised := c.MediaAt()
	p.plain("address", local.String())
	p.plain("advertise", advertised.String())
	p.plain("ports", fmt.Sprintf("%d-%d", m.First, m.Last))
	return p.node
}

// callTree adds the keys of a check of type call.
func (k Check) callTree(p pairs) {
	p.quoted("number", k.Number)
	p.plain("every", text.Short(k.Every))
	p.plain("suspect", text.Short(k.Suspect))
	p.plain("within", text.Short(k.Within))
	p.plain("passive", strconv.FormatBool(k.Passive))
}
