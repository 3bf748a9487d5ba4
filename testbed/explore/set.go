package explore

import (
	"math/bits"
	"sync"
)

// A set is flat memory without a pointer in it: 24 bytes a state, and 4 for each
// slot of an open hash table that is never more than three quarters full.
// Shards, each with a lock, let several hands work on one set.
const (
	shardBits = 6
	localBits = 32 - shardBits
	pageBits  = 14
	noID      = ^uint32(0)
)

// mark is what is known of a state.
type mark uint8

const (
	isGoal   mark = 1 << iota
	isOpen        // seen, and not expanded when a limit ended the walk
	isClock       // nothing is left to be done now: its calm step is time
	isHidden      // not expanded: next is the same world with more faults left
	isSafe        // every calm run from here comes to a goal
)

// entry is one state.
type entry struct {
	hash   uint64
	left   uint32 // faults, packed: digits of budgetBits
	parent uint32
	next   uint32 // the first calm step, or the state that hides this one; noID: none yet
	check  uint16 // more of the hash
	mark   mark
	ticks  uint8 // with isSafe: most ticks to a goal
}

type hash struct {
	h     uint64
	check uint16
}

type shard struct {
	mu    sync.Mutex
	slots []uint32 // local number + 1
	pages [][]entry
	n     uint32
	_     [64]byte
}

type set [1 << shardBits]shard

func (s *set) at(id uint32) *entry { return s[id>>localBits].at(id & (1<<localBits - 1)) }

func (d *shard) at(local uint32) *entry { return &d.pages[local>>pageBits][local&(1<<pageBits-1)] }

// add looks for the world h with at least the faults left; it adds it when there
// is none. Several entries of one world differ in what is left.
func (s *set) add(h hash, left, parent uint32) (id uint32, fresh bool) {
	k := h.h >> (64 - shardBits)
	d := &s[k]
	d.mu.Lock()
	defer d.mu.Unlock()
	if 4*(d.n+1) > 3*uint32(len(d.slots)) {
		d.grow()
	}
	mask := uint32(len(d.slots) - 1)
	slot := uint32(h.h) & mask
	for ; d.slots[slot] != 0; slot = (slot + 1) & mask {
		local := d.slots[slot] - 1
		if e := d.at(local); e.hash == h.h && e.check == h.check && covers(e.left, left) {
			return uint32(k)<<localBits | local, false
		}
	}
	if d.n >= 1<<localBits-1 {
		panic("explore: a shard is full")
	}
	if int(d.n>>pageBits) == len(d.pages) {
		d.pages = append(d.pages, make([]entry, 1<<pageBits))
	}
	*d.at(d.n) = entry{hash: h.h, check: h.check, left: left, parent: parent, next: noID}
	d.n++
	d.slots[slot] = d.n
	return uint32(k)<<localBits | (d.n - 1), true
}

func (d *shard) grow() {
	old := d.slots
	d.slots = make([]uint32, max(1024, 2*len(old)))
	mask := uint32(len(d.slots) - 1)
	for local := range d.n {
		slot := uint32(d.at(local).hash) & mask
		for d.slots[slot] != 0 {
			slot = (slot + 1) & mask
		}
		d.slots[slot] = local + 1
	}
}

// hides returns another entry of the world of id with more faults left, noID if
// there is none.
func (s *set) hides(h hash, id, left uint32) uint32 {
	k := h.h >> (64 - shardBits)
	d := &s[k]
	d.mu.Lock()
	defer d.mu.Unlock()
	mask := uint32(len(d.slots) - 1)
	for slot := uint32(h.h) & mask; d.slots[slot] != 0; slot = (slot + 1) & mask {
		local := d.slots[slot] - 1
		other := uint32(k)<<localBits | local
		if e := d.at(local); other != id && e.hash == h.h && e.check == h.check && e.left != left && covers(e.left, left) {
			return other
		}
	}
	return noID
}

// bytes is the memory of s.
func (s *set) bytes() int {
	n := 0
	for i := range s {
		n += 4*len(s[i].slots) + 24<<pageBits*len(s[i].pages)
	}
	return n
}

// each visits all entries, in parts that several hands may share.
func (d *shard) each(k int, visit func(id uint32, e *entry)) {
	for local := range d.n {
		visit(uint32(k)<<localBits|local, d.at(local))
	}
}

// budgetBits is the width of one kind of fault in a packed Budget.
const budgetBits = 2

// covers says that a has at least as many faults of each kind left as b: no
// digit of the difference borrows.
func covers(a, b uint32) bool {
	const even, borrow = 0x33333333, 0x44444444
	if a == b {
		return true
	}
	lo := (a&even | borrow) - b&even
	hi := (a>>2&even | borrow) - b>>2&even
	return lo&hi&borrow == borrow
}

// sum is the number of faults in a packed Budget.
func sum(left uint32) int {
	return bits.OnesCount32(left&0x55555555) + 2*bits.OnesCount32(left&0xaaaaaaaa)
}
