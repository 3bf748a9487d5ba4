package resolve

import (
	"cmp"
	"slices"
)

// service is one SRV record with the addresses of its host, in the order to
// try; for a name without SRV, one service stands for the host itself. A set is
// a list of them sorted by priority, and never changes once it is in the cache.
type service struct {
	priority, weight uint16
	targets          []Target
}

// byPriority sorts a set for draw and puts records of weight 0 first among
// their equals, where RFC 2782 wants them.
func byPriority(set []service) {
	slices.SortStableFunc(set, func(a, b service) int {
		return cmp.Or(cmp.Compare(a.priority, b.priority), min(int(a.weight), 1)-min(int(b.weight), 1))
	})
}

// draw orders the targets of a set: lowest priority first, within one the
// weighted choice of RFC 2782, without replacement. Duplicates keep their first
// place. rand is uniform in [0, n).
func draw(set []service, rand func(n uint32) uint32) []Target {
	var out []Target
	var left [maxRecords]service
	for len(set) > 0 {
		end := slices.IndexFunc(set, func(s service) bool { return s.priority != set[0].priority })
		if end < 0 {
			end = len(set)
		}
		group := append(left[:0], set[:end]...)
		for len(group) > 0 {
			i := pick(group, rand)
			out = appendNew(out, group[i].targets)
			group = slices.Delete(group, i, i+1)
		}
		set = set[end:]
	}
	return out
}

// pick is one turn of RFC 2782: a number from 0 to the sum of the weights
// inclusive, and the first record whose running sum reaches it. So a weight of
// 0 is taken seldom, yet is taken.
func pick(group []service, rand func(n uint32) uint32) int {
	if len(group) == 1 {
		return 0
	}
	sum := uint32(0)
	for _, s := range group {
		sum += uint32(s.weight)
	}
	drawn := rand(sum + 1)
	running := uint32(0)
	for i, s := range group {
		if running += uint32(s.weight); running >= drawn {
			return i
		}
	}
	return len(group) - 1
}

func appendNew(out, more []Target) []Target {
	for _, t := range more {
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// flat is a set in the order of its records, nothing drawn: what is compared to
// know whether it changed, and what Config.Changed is told.
func flat(set []service) []Target {
	var out []Target
	for _, s := range set {
		out = appendNew(out, s.targets)
	}
	return out
}

// sameTargets reports whether two lists hold the same targets in any order.
func sameTargets(a, b []Target) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(t Target) bool { return !slices.Contains(b, t) })
}

// interleave takes one of each family in turn, AAAA first (RFC 7984 §3.1 with
// RFC 6724: the order of preference is ours, both are tried).
func interleave(six, four []Target) []Target {
	out := make([]Target, 0, len(six)+len(four))
	for i := range max(len(six), len(four)) {
		if i < len(six) {
			out = append(out, six[i])
		}
		if i < len(four) {
			out = append(out, four[i])
		}
	}
	return out
}
