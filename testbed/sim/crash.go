package sim

import (
	"releve/router"
	"releve/router/control"
	"releve/router/licence"
)

// crashPlan says at which boundary between two effects the process dies.
type crashPlan struct {
	armed bool
	when  moment
	skip  int // effects that are still performed then
}

type moment uint8

const (
	anyEffect moment = iota
	atSave
	atSwitching // at the first Save of a moving row
	atRegister
	inDrain
	inConfirm
	inLeaving // at a REGISTER or Save while a user leaves
	inClaim   // at a REGISTER or Save while a user is claimed for
	inCall    // at an effect of a call
	moments
)

// strikes reports whether the process dies before this effect.
func (p *crashPlan) strikes(n *node, f *control.Effect) bool {
	if !p.armed || !p.matches(n, f) {
		return false
	}
	if p.skip--; p.skip >= 0 {
		p.when = anyEffect // the moment has come: now so many effects later
		return false
	}
	return true
}

func (p *crashPlan) matches(n *node, f *control.Effect) bool {
	phase := n.state.Row().Licence.Phase
	speaks := f.Kind == control.Save || f.Kind == control.Register
	switch p.when {
	case atSave:
		return f.Kind == control.Save
	case atSwitching:
		return f.Kind == control.Save && (f.Row.Role.Phase == router.Switching || f.Row.Role.Phase == router.Returning)
	case atRegister:
		return f.Kind == control.Register
	case inDrain:
		return phase == licence.Drain
	case inConfirm:
		return phase == licence.Confirm
	case inLeaving:
		return speaks && (phase == licence.Drain || phase == licence.Unreg)
	case inClaim:
		return speaks && phase == licence.Claim
	case inCall:
		return false
	}
	return true
}

func (p *crashPlan) strikesCall(n *node) bool {
	if !p.armed || p.when != inCall {
		return false
	}
	p.skip--
	return p.skip < 0
}
