package notify

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Limit bounds the notices that wait for one receiver. Our choice: a receiver
// that is away over a week-end misses nothing.
const Limit = 1000

// remembered bounds the IDs of what was taken.
const remembered = 256

// waiting is a notice in a queue.
type waiting struct {
	Notice
	at time.Time // when it came; zero: in an earlier run
}

// queue holds what waits for one receiver, the oldest first.
type queue struct {
	name string
	wake chan struct{} // has one place

	mu      sync.Mutex
	list    []waiting
	out     int      // of its front, how many are being sent: they are not dropped
	version uint64   // rises with every change
	full    bool     // something was dropped since it was last empty
	recent  []string // the IDs that were taken last: what is told again after a crash is known
	count   Counts
}

// Counts of one receiver since the start.
type Counts struct{ Queued, Sent, Failed, Dropped uint64 }

func newQueue(name string) *queue { return &queue{name: name, wake: make(chan struct{}, 1)} }

// add appends notices; one that waits already is not added twice. What finds no
// room takes the place of the oldest of the least severe.
func (q *queue) add(now time.Time, notices []Notice) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, n := range notices {
		if slices.Contains(q.recent, n.ID) || slices.ContainsFunc(q.list, func(w waiting) bool { return w.ID == n.ID }) {
			continue
		}
		q.list = append(q.list, waiting{n, now})
		q.count.Queued++
		if len(q.list) > Limit {
			q.drop()
		}
	}
	q.version++
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// drop makes room: the oldest of the least weight that is not being sent goes.
func (q *queue) drop() {
	victim := q.out
	for i := q.out; i < len(q.list); i++ {
		if weight(q.list[i].Notice) < weight(q.list[victim].Notice) {
			victim = i
		}
	}
	q.list = slices.Delete(q.list, victim, victim+1)
	q.count.Dropped++
	q.full = true
}

// weight orders notices by how much is lost with them.
func weight(n Notice) int {
	if n.Urgent {
		return 5
	}
	for i, s := range [...]string{"critical", "major", "minor", "warning"} {
		if n.Severity == s {
			return 4 - i
		}
	}
	return 0
}

// front takes at most n notices to be sent.
func (q *queue) front(n int) []Notice {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.out = min(n, len(q.list))
	out := make([]Notice, q.out)
	for i := range out {
		out[i] = q.list[i].Notice
	}
	return out
}

// settle ends a sending: what was sent leaves the queue.
func (q *queue) settle(sent bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if sent {
		q.count.Sent += uint64(q.out)
		for _, w := range q.list[:q.out] {
			q.recent = append(q.recent, w.ID)
		}
		q.recent = slices.Delete(q.recent, 0, max(0, len(q.recent)-remembered))
		q.list = slices.Delete(q.list, 0, q.out)
		q.version++
	} else {
		q.count.Failed++
	}
	q.out = 0
}

// last is the newest notice.
func (q *queue) last() (Notice, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) == 0 {
		return Notice{}, false
	}
	return q.list[len(q.list)-1].Notice, true
}

// remove takes one notice out, wherever it stands, and counts it as counter says.
func (q *queue) remove(id string, counter *uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.IndexFunc(q.list, func(w waiting) bool { return w.ID == id })
	if i < 0 {
		return // it made room meanwhile
	}
	q.list = slices.Delete(q.list, i, i+1)
	q.recent = append(q.recent, id)
	q.recent = slices.Delete(q.recent, 0, max(0, len(q.recent)-remembered))
	*counter++
	q.version++
}

// failed counts a Send that went wrong.
func (q *queue) failed() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.count.Failed++
}

// length is how many wait; newest is when the newest came.
func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.list)
}

func (q *queue) newest() (at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n := len(q.list); n > 0 {
		at = q.list[n-1].at
	}
	return at
}

// oldest is when the first one came, and whether any is urgent; false: nothing
// waits.
func (q *queue) oldest() (at time.Time, urgent, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) == 0 {
		return at, false, false
	}
	return q.list[0].at, slices.ContainsFunc(q.list, func(w waiting) bool { return w.Urgent }), true
}

// filled reports whether something was dropped; it forgets that once the queue
// is empty.
func (q *queue) filled() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.full = q.full && len(q.list) > 0
	return q.full
}

// The file of a queue: all of it, replaced whole, so that it is never half
// written.

const (
	filePrefix = "queue-"
	fileSuffix = ".json"
	maxFile    = 32 << 20
)

type fileOf struct {
	Name    string   `json:"name"`
	Notices []Notice `json:"notices"`
}

func fileName(name string) string { return filePrefix + url.QueryEscape(name) + fileSuffix }

// snapshot is what is to be written, and its version.
func (q *queue) snapshot() ([]Notice, uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := make([]Notice, len(q.list))
	for i, w := range q.list {
		out[i] = w.Notice
	}
	return out, q.version
}

// write replaces the file of a queue; an empty one has none.
func write(dir, name string, notices []Notice) error {
	path := filepath.Join(dir, fileName(name))
	if len(notices) == 0 {
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return err
		}
		return nil
	}
	raw, err := json.Marshal(fileOf{name, notices})
	if err != nil {
		return err
	}
	return Replace(path, raw)
}

// Replace writes a file whole and makes it durable: after a crash either the
// former content is there or the new one.
func Replace(path string, raw []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // it was renamed, or is of no use
	_, err = f.Write(raw)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// read returns the queues that an earlier run left, by name. A file that cannot
// be read is set aside and told in the error; the others are read.
func read(dir string) (map[string][]Notice, error) {
	left := map[string][]Notice{}
	paths, err := filepath.Glob(filepath.Join(dir, filePrefix+"*"+fileSuffix))
	for _, path := range paths {
		var f fileOf
		info, serr := os.Stat(path)
		if serr == nil && info.Size() > maxFile {
			serr = fmt.Errorf("%s is larger than any queue", path)
		}
		var raw []byte
		if serr == nil {
			raw, serr = os.ReadFile(path)
		}
		if serr == nil {
			serr = json.Unmarshal(raw, &f)
		}
		if serr != nil {
			err = fmt.Errorf("read a queue of notices: %w; it was set aside", serr)
			_ = os.Rename(path, path+".damaged")
			continue
		}
		left[f.Name] = f.Notices[:min(len(f.Notices), Limit)]
	}
	return left, err
}
