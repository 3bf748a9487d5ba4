package licence

import "releve/router"

// MoveBy is the instant (Mono) of the fence behind which a move waits, once
// proof of absence is no longer to be expected within seconds: the IPBX's lists
// prove nothing, or the first un-REGISTERs brought no proof. Zero: no fence is
// waited for, or proof may come at any moment.
func (s *State) MoveBy() router.Instant {
	if !s.acts || !leaving(s.r.Phase) {
		return 0
	}
	x, by := s.r.Leaving, router.Instant(0)
	for i, l := range s.line[x] {
		if s.r.Elsewhere[x][i] {
			by = max(by, l.elsewhere)
		}
		if !s.r.Possible[x][i] {
			continue
		}
		asking := l.tries < unregFast || l.tries == unregFast && l.state == sent
		if !s.r.Shown[x][i] || !asking {
			by = max(by, l.bound)
		}
	}
	return by
}
