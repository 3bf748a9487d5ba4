package explore

import "releve/router/licence"

// network delivers, drops and duplicates. A message that nobody delivers before
// its life ends is lost; dropping it at once differs only where the network is
// full, so only there is it a transition of its own.
func (k *worker) network() {
	w, p := &k.was, &k.Policy.Licence
	for i, o := range w.net[:w.n] {
		if i > 0 && o == w.net[i-1] {
			continue // a copy does the same
		}
		switch {
		case o.reply:
			k.do(Label{text: "deliver %s", o: o}, Now, func(m *moment) { m.reply(m.take(i)) })
		case !o.reply:
			k.do(Label{text: "deliver %s", o: o}, Now, func(m *moment) { m.register(i, p.Expires, 0) })
			if o.req == licence.Register && k.Longer && !o.served {
				k.do(Label{text: "deliver %s, granted longer", o: o}, Now, func(m *moment) { m.register(i, p.MaxGrant, 0) })
			}
			if w.left.Refusals > 0 && !o.served {
				for _, status := range [...]uint16{403, 503} {
					k.do(Label{text: "deliver %s, refused", o: o}, NotCalm, func(m *moment) {
						m.w.left.Refusals--
						m.register(i, 0, status)
					})
				}
			}
		}
		if w.n == maxFlight {
			k.do(Label{text: "drop %s", o: o}, NotCalm, func(m *moment) { m.take(i) })
		}
		if w.left.Dups > 0 && w.n < maxFlight {
			k.do(Label{text: "duplicate %s", o: o}, NotCalm, func(m *moment) {
				m.w.left.Dups--
				m.put(o)
			})
		}
	}
}
