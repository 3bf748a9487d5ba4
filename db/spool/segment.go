package spool

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
)

// segment is one file. name never changes; the rest is guarded by Spool.mu.
type segment struct {
	name   string
	end    int64 // bytes that are whole and durable; a batch never reaches beyond
	done   int64 // bytes that are in the store
	sealed bool  // nothing is appended any more
}

var segmentName = regexp.MustCompile(`^([0-9]{12})-[0-9a-f]{16}\.seg$`)

const damagedSuffix = ".damaged"

// newSegmentName: the number gives the order among the files that are there;
// the random part makes the name new for every store, even after the directory
// was emptied and numbers begin again.
func newSegmentName(number uint64) string {
	var r [8]byte
	_, _ = rand.Read(r[:]) // never fails (crypto/rand)
	return fmt.Sprintf("%012d-%s.seg", number, hex.EncodeToString(r[:]))
}

// file is what the writer needs of a segment file.
type file interface {
	io.WriteCloser
	Sync() error
	Truncate(size int64) error
}

// createFile makes a new file and its directory entry durable.
func createFile(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syncDirectory(filepath.Dir(path)); err != nil {
		f.Close()
		os.Remove(path)
		return nil, err
	}
	return f, nil
}

func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// lockDirectory makes dir (not its parents) and takes it for this process; the
// kernel gives it free when the process ends, however it ends.
func lockDirectory(dir string) (*os.File, error) {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make the directory, owned by who runs releve: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("check that the directory belongs to who runs releve: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("another releve process has it open: stop that one first (%w)", err)
	}
	return lock, nil
}

// unlock gives the directory free also where a process that is just being started
// still has a copy of the file: until it runs its own program.
func unlock(lock *os.File) error {
	return errors.Join(syscall.Flock(int(lock.Fd()), syscall.LOCK_UN), lock.Close())
}

// recover lists the segments of earlier processes, cuts their torn tails, and
// returns the number of the next segment.
func (s *Spool) recover() (next uint64, err error) {
	found, err := os.ReadDir(s.dir) // sorted by name, so by number
	if err != nil {
		return 0, err
	}
	next = 1
	for _, f := range found {
		match := segmentName.FindStringSubmatch(f.Name())
		switch {
		case match != nil:
			number, err := strconv.ParseUint(match[1], 10, 64)
			if err != nil {
				return 0, err
			}
			next = number + 1
			if err := s.recoverSegment(f.Name()); err != nil {
				return 0, fmt.Errorf("recover segment %s: %w", f.Name(), err)
			}
		case filepath.Ext(f.Name()) == damagedSuffix:
			info, err := f.Info()
			if err != nil {
				return 0, err
			}
			s.bytes.Add(info.Size()) // set aside, but it takes space
		}
	}
	return next, nil
}

// recoverSegment cuts the file after its last whole frame and syncs it, so that
// its end, which is the end of its last batch, is the same after another crash.
func (s *Spool) recoverSegment(name string) error {
	path := filepath.Join(s.dir, name)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	end, err := wholeEnd(f)
	if errors.Is(err, errForeign) {
		s.bytes.Add(info.Size())
		return s.setAside(name, info.Size(), err)
	}
	if err != nil {
		return err
	}
	if cut := info.Size() - end; cut > 0 {
		if err := f.Truncate(end); err != nil {
			return err
		}
		s.counts.cutBytes.Add(uint64(cut))
		if end > 0 {
			s.edge(Damaged, true, fmt.Errorf("segment %s: the last %d bytes were not whole (a crash while writing) and were cut; all before them is kept", name, cut))
		}
	}
	if end <= int64(len(segmentHeader)) { // it never held an entry
		return os.Remove(path)
	}
	if err := f.Sync(); err != nil {
		return err
	}
	s.bytes.Add(end)
	s.segments = append(s.segments, &segment{name: name, end: end, done: int64(len(segmentHeader)), sealed: true})
	return nil
}

// errForeign: the file does not begin like a segment of this version.
var errForeign = errors.New("it does not begin like a segment of this version")

// wholeEnd returns the offset after the last whole frame; 0 when even the
// header is not whole.
func wholeEnd(r io.Reader) (int64, error) {
	in := bufio.NewReaderSize(r, readBuffer)
	head := make([]byte, len(segmentHeader))
	n, err := io.ReadFull(in, head)
	if string(head[:n]) != segmentHeader[:n] {
		return 0, errForeign
	}
	if err != nil {
		if tornOr(err) == errTorn {
			return 0, nil
		}
		return 0, err
	}
	f := frames{in: in}
	for {
		_, _, err := f.next()
		switch {
		case err == io.EOF || errors.Is(err, errTorn):
			return int64(n) + f.offset, nil
		case err != nil:
			return 0, err
		}
	}
}

// setAside renames a segment that cannot be read, so that it stops nothing and
// is kept for whoever wants to look; its size still counts.
func (s *Spool) setAside(name string, unread int64, why error) error {
	path := filepath.Join(s.dir, name)
	err := os.Rename(path, path+damagedSuffix)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s.counts.cutBytes.Add(uint64(unread))
	s.edge(Damaged, true, fmt.Errorf("segment %s: %d bytes could not be read and were set aside as %s%s: check the disk, then delete that file (%w)",
		name, unread, name, damagedSuffix, why))
	return nil
}

// removeIngested deletes the sealed segments whose every batch is in the store.
func (s *Spool) removeIngested() {
	for {
		seg, ok := s.first()
		if !ok || !seg.sealed || seg.done < seg.end {
			return
		}
		s.remove(seg)
	}
}

// first returns the oldest segment as it is now.
func (s *Spool) first() (segment, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.segments) == 0 {
		return segment{}, false
	}
	return *s.segments[0], true
}

// remove deletes the first segment. A file that cannot be deleted is found
// again by the next Open, and its batches are then known to the store.
func (s *Spool) remove(seg segment) {
	_ = os.Remove(filepath.Join(s.dir, seg.name))
	s.forget(seg)
}

func (s *Spool) forget(seg segment) {
	s.mu.Lock()
	s.segments = s.segments[1:]
	s.mu.Unlock()
	s.bytes.Give(seg.end)
	s.queue.signal() // there is space again
}
