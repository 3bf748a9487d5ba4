package config

import (
	"fmt"

	"releve/router"
	"releve/router/licence"
)

// levels: how many servers, which licence, which version.
func (k *checker) levels() {
	if len(k.Servers) == 0 || !k.sound("level", "servers") {
		return
	}
	var count [router.Servers]int
	for i, s := range k.Servers {
		if !k.sound(fmt.Sprintf("servers[%d].role", i)) {
			return
		}
		count[s.Role]++
	}
	if count[router.Primary] != 1 {
		k.fault("servers", CodeRoles, k.say.ConfigOnePrimary(count[router.Primary]))
	}
	switch two := k.Level >= router.Backup; {
	case two && count[router.Secondary] != 1:
		k.fault("servers", CodeRoles, k.say.ConfigOneSecondary(k.Level.String(), count[router.Secondary]))
	case !two && count[router.Secondary] > 0:
		k.fault("servers", CodeNoSecondary, k.say.ConfigNoSecondary(k.Level.String()))
	}
}

// licences: levels above base need their option and Wel'Suite 5.3.6.
func (k *checker) licences() {
	if k.Level == router.Base || !k.sound("level") {
		return
	}
	bought := false
	for _, l := range k.WelLicences {
		bought = bought || l == k.Level
	}
	if !bought && k.sound("wel_licences") {
		k.fault("wel_licences", CodeLicence, k.say.ConfigLicence(k.Level.String()))
	}
	for i, s := range k.Servers {
		at := fmt.Sprintf("servers[%d].version", i)
		if s.Version.Before(oldestAboveBase) && k.sound(at) {
			k.fault(at, CodeTooOld, k.say.ConfigVersion(s.Name, s.Version.String(), k.Level.String()))
		}
	}
}

// lacking refuses the keys that ask for what the level does not have: a setting
// that would never be followed is worse than none, for somebody counts on it.
func (k *checker) lacking() {
	if !k.sound("level") || k.Automatic() || k.at == nil {
		return
	}
	refuse := func(asked bool, path string) {
		if _, given := k.at[path]; given && asked {
			k.fault(path, CodeLevelLacks, k.say.ConfigLevelLacks(path, k.Level.String()))
		}
	}
	o, v := k.Overflow, k.Verification
	refuse(v.Act, "verification.act")
	refuse(v.Dead || v.Gray || v.Degraded, "verification.switch_on")
	refuse(o.HoldSignal != 0, "overflow.hold_signal")
	refuse(o.HoldPrompt != "", "overflow.hold_prompt")
	refuse(o.MarkOverflow, "overflow.mark_overflow")
	for i, l := range k.Listen {
		refuse(l.Entry == router.OverflowEntry && k.Level < router.Backup, fmt.Sprintf("listen[%d].entry", i))
	}
}

// analogue: lines that are plugged into a server do not come through Relève. A
// virtual machine has no place for them, and nothing moves them but a hand.
func (k *checker) analogue() {
	for i, s := range k.Servers {
		at := fmt.Sprintf("servers[%d].analogue", i)
		switch {
		case s.Analogue == 0:
		case s.Virtual:
			k.fault(at, CodeAnalogue, k.say.ConfigAnalogueVirtual(s.Name))
		case k.Automatic():
			k.fault(at, CodeAnalogue, k.say.ConfigAnalogueAutomatic(s.Name, k.Level.String()))
		default:
			k.advise(at, CodeAnalogueUnseen, k.say.ConfigAnalogueUnseen(s.Name, s.Analogue))
		}
	}
}

// gateways stand after the IPBXs, for they take no call of the servers that an
// IPBX would take, and nobody registers at them.
func (k *checker) gateways() {
	for i := 1; i < len(k.IPBX); i++ {
		if k.IPBX[i-1].Gateway && !k.IPBX[i].Gateway {
			k.fault(fmt.Sprintf("ipbx[%d]", i), CodeGatewayFirst, k.say.ConfigGatewayFirst(k.IPBX[i].Name, k.IPBX[i-1].Name))
		}
	}
	if k.Registrars() > licence.MaxIPBX {
		k.fault(fmt.Sprintf("ipbx[%d]", licence.MaxIPBX), CodeTooMany, k.say.ConfigTooManyIPBX(licence.MaxIPBX))
	}
	if len(k.IPBX) > 0 && k.Registrars() == 0 && k.Registration.Mode != licence.Trunk {
		k.fault("registration.mode", CodeNoRegistrar, k.say.ConfigNoRegistrar(ModeName(k.Registration.Mode)))
	}
}
