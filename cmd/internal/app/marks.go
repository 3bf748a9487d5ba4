package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"releve/cmd/internal/admin"
	"releve/health/alarm"
	"releve/router"
)

// marksFile holds what operators noted on this node, beside its records: which
// server gets no new calls, when the secondary's data were copied, when the last
// exercise was. It is small, written whole before the act it is about is done,
// and read at the start.
const marksFile = "marks.json"

// maxMarks bounds the file as it is read, in bytes.
const maxMarks = 64 << 10

// marked is the content of the file.
type marked struct {
	Drained [router.Servers]*admin.Mark `json:"drained"`
	Copied  *admin.Mark                 `json:"copied,omitempty"` // At: of the copy
	Drill   *admin.Mark                 `json:"drill,omitempty"`  // the last exercise that went well
	Asked   time.Time                   `json:"drill_asked"`      // since when drill.every is configured; zero: it is not
}

// marks owns the file; safe for concurrent use.
type marks struct {
	path string

	mu  sync.Mutex
	now marked // guarded by mu; what its pointers lead to is never changed

	touched atomic.Int64 // modification of backup_data.file, Unix ns; 0: not known
	looking atomic.Bool  // its file system is being asked
	seen    atomic.Bool  // it was asked once
	looked  time.Time    // owned by the mind's loop
}

func newMarks(dir string) *marks { return &marks{path: filepath.Join(dir, marksFile)} }

// read takes what the file holds; a file that is not there holds nothing.
func (k *marks) read() error {
	info, err := os.Stat(k.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil && info.Size() > maxMarks:
		err = fmt.Errorf("it has %d bytes", info.Size())
	}
	var raw []byte
	if err == nil {
		raw, err = os.ReadFile(k.path)
	}
	var m marked
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	if err != nil {
		return fmt.Errorf("read the operators' marks in %s: %w; restore the file or remove it, and drain again what shall be drained", k.path, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now = m
	return nil
}

func (k *marks) get() marked {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now
}

// change makes f's change durable, then the present one; an error changes nothing.
func (k *marks) change(f func(m *marked)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	next := k.now
	f(&next)
	raw, err := json.Marshal(next)
	if err == nil {
		err = writeWhole(k.path, raw)
	}
	if err != nil {
		return fmt.Errorf("keep the operators' marks: %w; look at the disk and the rights of store.path", err)
	}
	k.now = next
	return nil
}

// writeWhole replaces a file: a reader sees the old one or the new one, also
// after a power cut.
func writeWhole(path string, raw []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// lookEvery is how often backup_data.file is looked at.
const lookEvery = 10 * time.Second

// look asks the file system when the copy's file was touched. A file system that
// hangs (a share that is gone) holds up this goroutine alone; there is one at most.
func (k *marks) look(now time.Time, path string) {
	if path == "" {
		k.touched.Store(0)
		return
	}
	if now.Sub(k.looked) < lookEvery || !k.looking.CompareAndSwap(false, true) {
		return
	}
	k.looked = now
	go func() {
		defer k.looking.Store(false)
		at := int64(0)
		if info, err := os.Stat(path); err == nil {
			at = info.ModTime().UnixNano()
		}
		k.touched.Store(at)
		k.seen.Store(true)
	}()
}

// secondaryData is what is known of the copy at the secondary; nil at levels that
// have none. The younger of what an operator recorded and what the file says.
func (a *App) secondaryData() *admin.SecondaryData {
	if a.cfg().Level != router.Backup {
		return nil
	}
	d := &admin.SecondaryData{MaxAge: a.cfg().BackupData.MaxAge}
	if m := a.marks.get().Copied; m != nil {
		d.CopiedAt, d.By = m.At.UTC(), m.By
	}
	if n := a.marks.touched.Load(); n != 0 && a.cfg().BackupData.File != "" {
		if at := time.Unix(0, n).UTC(); at.After(d.CopiedAt) {
			d.CopiedAt, d.By = at, a.cfg().BackupData.File
		}
	}
	return d
}

// watchMarks tells the alarms that follow what operators noted; once a second, on
// the loop.
func (m *mind) watchMarks(now time.Time) {
	a := m.app
	a.marks.look(now, a.cfg().BackupData.File)
	m.watchExercise(now)
	if a.cfg().BackupData.File != "" && !a.marks.seen.Load() && now.Sub(a.started) < time.Minute {
		return // the file is being looked at
	}
	d := a.secondaryData()
	m.tell(&m.told.oldData, alarm.SecondaryDataOld, d != nil && d.Old(now))
}
