package explore

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync"
)

// blockSize is the size of a piece of the frontier.
const blockSize = 1 << 16

// frontier holds the states that wait, as bytes, in one queue for each number
// of faults spent and of steps. What does not fit into memory goes to a file
// without a name.
type frontier struct {
	mu     sync.Mutex
	queue  map[place][]block
	memory int // blocks kept
	most   int
	file   *os.File
	slots  int64   // of the file
	unused []int64 // slots read
}

// place is where a queue stands: everything with fewer faults spent comes
// first.
type place struct{ faults, steps int }

// block is a full piece, in memory or in the file.
type block struct {
	data []byte
	slot int64
	n    int
}

func newFrontier(memory int64) *frontier {
	return &frontier{queue: map[place][]block{}, most: max(64, int(memory/blockSize))}
}

// put gives the frontier a piece; it keeps data.
func (f *frontier) put(at place, data []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := block{data: data, slot: -1, n: len(data)}
	if f.memory < f.most {
		f.memory++
	} else if err := f.spill(&b); err != nil {
		return err
	}
	f.queue[at] = append(f.queue[at], b)
	return nil
}

func (f *frontier) spill(b *block) error {
	if f.file == nil {
		file, err := os.CreateTemp("", "explore-frontier-")
		if err != nil {
			return fmt.Errorf("no room for the frontier: %w", err)
		}
		if err := os.Remove(file.Name()); err != nil {
			return fmt.Errorf("no room for the frontier: %w", err)
		}
		f.file = file
	}
	if n := len(f.unused); n > 0 {
		b.slot, f.unused = f.unused[n-1], f.unused[:n-1]
	} else {
		b.slot = f.slots
		f.slots++
	}
	if _, err := f.file.WriteAt(b.data, b.slot*blockSize); err != nil {
		return fmt.Errorf("no room for the frontier: %w", err)
	}
	b.data = nil
	return nil
}

// take returns the bytes of b, which is taken from its queue.
func (f *frontier) take(b block) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b.slot < 0 {
		f.memory--
		return b.data, nil
	}
	data := make([]byte, b.n, blockSize)
	if _, err := f.file.ReadAt(data, b.slot*blockSize); err != nil {
		return nil, fmt.Errorf("the frontier cannot be read again: %w", err)
	}
	f.unused = append(f.unused, b.slot)
	return data, nil
}

// first takes the queue that comes next: the fewest faults, then the fewest
// steps.
func (f *frontier) first() (at place, blocks []block, ok bool) {
	for p := range f.queue {
		if !ok || p.faults < at.faults || p.faults == at.faults && p.steps < at.steps {
			at, ok = p, true
		}
	}
	blocks = f.queue[at]
	delete(f.queue, at)
	return at, blocks, ok
}

func (f *frontier) close() {
	if f.file != nil {
		f.file.Close()
	}
}

// record is one waiting state in a piece: its number, its faults, its bytes.
func appendRecord(b []byte, id, left uint32, state []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, id)
	b = binary.LittleEndian.AppendUint32(b, left)
	b = binary.AppendUvarint(b, uint64(len(state)))
	return append(b, state...)
}

func nextRecord(b []byte) (id, left uint32, state, rest []byte) {
	id, left = binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
	n, k := binary.Uvarint(b[8:])
	from := 8 + k
	return id, left, b[from : from+int(n)], b[from+int(n):]
}
