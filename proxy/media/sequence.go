package media

// Bounds of a jump (RFC 3550 A.1).
const (
	maxDropout  = 3000
	maxMisorder = 100
)

// sequence follows the sequence numbers of one source (RFC 3550 A.1, A.3), and, our
// addition, which of the last 64 came, so that a duplicate is told from a late one.
type sequence struct {
	started  bool
	cycles   uint32 // wraps of the sequence number, times 65,536
	highest  uint16
	base     uint32 // first extended number
	received int    // without duplicates
	seen     uint64 // bit i: highest - i came
	bad      uint32 // the number that would confirm a restart, plus one; 0: none
	before   int    // lost before a restart
}

// order is how a packet came.
type order uint8

const (
	inOrder order = iota
	reordered
	duplicate
	restarted
)

func (s *sequence) begin(n uint16) {
	*s = sequence{started: true, highest: n, base: uint32(n), received: 1, seen: 1, before: s.before}
}

func (s *sequence) add(n uint16) order {
	if !s.started {
		s.begin(n)
		return inOrder
	}
	switch ahead := n - s.highest; {
	case ahead == 0:
		return duplicate
	case ahead < maxDropout:
		if n < s.highest {
			s.cycles += 1 << 16
		}
		s.highest = n
		s.seen = s.seen<<ahead | 1 // a shift of 64 and more leaves none
		s.received++
		return inOrder
	case ahead <= 1<<16-1-maxMisorder:
		return s.jumped(n)
	}
	behind := s.highest - n
	if behind < 64 {
		if s.seen&(1<<behind) != 0 {
			return duplicate
		}
		s.seen |= 1 << behind
	}
	s.received++
	return reordered
}

// jumped: two packets in a row beyond the bounds are a source that began anew; one
// is a stray, counted as it came.
func (s *sequence) jumped(n uint16) order {
	if s.bad != uint32(n)+1 {
		s.bad = uint32(n+1) + 1
		return reordered
	}
	s.before = s.lost()
	s.begin(n)
	return restarted
}

// lost is what was expected and did not come; never less than none, for what came
// twice far apart counts twice (RFC 3550 A.3).
func (s *sequence) lost() int {
	if !s.started {
		return s.before
	}
	expected := int(s.cycles+uint32(s.highest)-s.base) + 1
	return s.before + max(0, expected-s.received)
}
