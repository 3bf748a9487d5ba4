//go:build mutants

package sim

import (
	"releve/health"
	"releve/proxy/fork"
	"releve/router/control"
	"releve/router/lease"
	"releve/router/licence"
	"releve/router/role"
)

// A Mutant is a rule that is broken on purpose; episodes must find it.
type Mutant struct {
	Number int
	Text   string
	Set    func(int)
	Within uint64 // episodes
}

// Quick: mutants that a short run finds are found within so many episodes.
const Quick = 3000

// Mutants are all that the episodes are held to find. 7 of the licence and 13 of
// the lease take too many rare things at once: they are the explorer's.
var Mutants = []Mutant{
	{1, "licence: a REGISTER is sent before its intent is saved", licence.SetMutant, Quick},
	{2, "licence: PROVE is accepted while an earlier REGISTER may still arrive", licence.SetMutant, Quick},
	{3, "licence: a REGISTER is retransmitted without a NotAfter", licence.SetMutant, Quick},
	{4, "licence: the fence trusts the expiry asked for", licence.SetMutant, 20_000},
	{5, "licence: after a restart nothing is taken to be in flight", licence.SetMutant, Quick},
	{8, "licence: the fence starts at the un-REGISTER", licence.SetMutant, Quick},
	{10, "licence: CSeq is each process's own", licence.SetMutant, Quick},
	{11, "licence: in gate the passive server's REGISTER passes on", licence.SetMutant, Quick},
	{12, "licence: what one IPBX proves counts for all", licence.SetMutant, Quick},
	{6, "lease: held until the store says otherwise", lease.SetMutant, Quick},
	{14, "lease: kept alive although the address is gone", lease.SetMutant, 40000},
	{20, "role: rounds need not follow one another", role.SetMutant, Quick},
	{21, "role: one round fewer confirms", role.SetMutant, Quick},
	{22, "role: the licence moves before the intent is stored", role.SetMutant, 20000},
	{23, "role: the primary is returned to by itself", role.SetMutant, Quick},
	{24, "role: a secondary that is not ready takes over", role.SetMutant, Quick},
	{25, "role: an order is carried out however late it was stored", role.SetMutant, Quick},
	{26, "role: nobody looks at the level", role.SetMutant, Quick},
	{50, "control: nobody asks whether the secondary is drained", control.SetMutant, Quick},
	{51, "control: what is not known of the mirror any more forgets what was", control.SetMutant, Quick},
	{52, "control: to drain the active server is to switch over", control.SetMutant, Quick},
	{53, "control: a mirror that lags is a reason to switch over", control.SetMutant, Quick},
	{54, "control: a mirror that was behind once is never trusted again", control.SetMutant, Quick},
	{55, "control: the end of a drain is not heard", control.SetMutant, Quick},
	{30, "health: what the other node sees is not looked at", health.SetMutant, Quick},
	{31, "health: busy is broken", health.SetMutant, Quick},
	{32, "health: a gray server counts at once", health.SetMutant, Quick},
	{40, "fork: a late 2xx is dropped", fork.SetMutant, Quick},
	{41, "fork: nobody looks at the hold budget", fork.SetMutant, Quick},
	{42, "fork: a caller who hangs up while held is forgotten", fork.SetMutant, Quick},
	{43, "fork: a late 2xx goes up although another final did", fork.SetMutant, Quick},
}

// Hunt plays episodes from a seed on until one finds the mutant: the seed, the
// broken invariant, and how many were played. The mutant is gone afterwards.
func Hunt(m Mutant, seed uint64) (uint64, string, uint64) {
	m.Set(m.Number)
	defer m.Set(0)
	for n := range m.Within {
		if r := Episode(seed + n); r.Violation != "" && soundWithout(m, seed+n) {
			return seed + n, r.Violation, n + 1
		}
	}
	return 0, "", m.Within
}

// soundWithout: the seed fails because of the mutant alone.
func soundWithout(m Mutant, seed uint64) bool {
	m.Set(0)
	defer m.Set(m.Number)
	return Episode(seed).Violation == ""
}
