package dialog

import "releve/router"

// learnt is what a server has shown of its own capacity, in calls at once.
type learnt struct {
	most   int // the most that it had while it took one more, that one included
	full   int // the fewest at which it said busy, since it last took one more at as many; 0: never
	busies int // how often it said so
}

// enoughBusies make the word of a server believed. Our choice: one busy may be a
// line that it had not freed yet.
const enoughBusies = 3

// took notes that the server answered a call while n lines are reserved.
func (l *learnt) took(n int) {
	l.most = max(l.most, n)
	if l.full != 0 && n > l.full {
		l.full, l.busies = 0, 0
	}
}

// Busy notes that s refused a call for want of a line, beside the own lines that
// this call holds. A count that is not exact teaches nothing.
func (t *Table) Busy(s router.Server, own int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := &t.lines[s]
	n := l.reserved - own
	if !l.reconciled || n <= 0 {
		return
	}
	if l.learnt.full == 0 || n < l.learnt.full {
		l.learnt.full = n
	}
	l.learnt.busies++
}

// Learnt returns what s has shown: the most calls it had at once, and the number
// at which it says that it is full; 0: not known.
func (t *Table) Learnt(s router.Server) (most, full int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := &t.lines[s].learnt
	if l.busies >= enoughBusies {
		full = l.full
	}
	return l.most, full
}
