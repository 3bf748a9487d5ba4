package mirror

import "time"

// maxMarks bounds what a series remembers; a full one keeps every other mark, so
// that a mirror that is days behind is still measured, to a few minutes.
const maxMarks = 512

// mark is when the main was first seen at a position.
type mark struct {
	at       time.Time
	position uint64
}

// series follows one kind of position: where the main is, and how far the mirror
// has come.
type series struct {
	marks   []mark // rising, at most maxMarks
	applied uint64 // of the mirror, newest; with known
	known   bool
}

// main enters where the main is. One that is behind itself was restored, or is
// another one: what was known means nothing.
func (s *series) main(now time.Time, position uint64) {
	if n := len(s.marks); n > 0 {
		last := s.marks[n-1].position
		if position == last {
			return
		}
		if position < last {
			*s = series{}
		}
	}
	if len(s.marks) == maxMarks {
		s.thin()
	}
	s.marks = append(s.marks, mark{now, position})
}

// thin makes room: of what the mirror has, the newest mark will do; of the rest,
// every other one, but never without the first, which is the lag.
func (s *series) thin() {
	for s.known && len(s.marks) > 1 && s.marks[1].position <= s.applied {
		s.marks = s.marks[:copy(s.marks, s.marks[1:])]
	}
	if len(s.marks) < maxMarks/2 {
		return
	}
	kept := s.marks[:2]
	for i := 3; i < len(s.marks); i += 2 {
		kept = append(kept, s.marks[i])
	}
	s.marks = kept
}

// mirror enters how far the mirror has come.
func (s *series) mirror(position uint64) { s.applied, s.known = position, true }

// behind is how much the mirror lacks, in units of positions.
func (s *series) behind() uint64 {
	if n := len(s.marks); s.known && n > 0 && s.marks[n-1].position > s.applied {
		return s.marks[n-1].position - s.applied
	}
	return 0
}

// lag is how long ago the main was first seen beyond what the mirror has; 0: the
// mirror has all. Whole: the series reaches back to that; otherwise the mirror
// was behind before anybody looked, and the lag is that at least.
func (s *series) lag(now time.Time) (d time.Duration, whole, known bool) {
	if !s.known || len(s.marks) == 0 {
		return 0, false, false
	}
	for i, m := range s.marks {
		if m.position > s.applied {
			return now.Sub(m.at), i > 0, true
		}
	}
	return 0, true, true
}
