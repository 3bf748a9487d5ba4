package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"releve/cmd/internal/archive"
	"releve/cmd/internal/config"
	"releve/db/sqlite"
)

// Backup writes an archive of cfg, whose file holds text, to the new file to, beside
// a running releve or alone; the store of a PostgreSQL database is not in it.
func Backup(ctx context.Context, cfg *config.Config, text []byte, version, to string) (m archive.Manifest, err error) {
	work, err := os.MkdirTemp(filepath.Dir(to), ".releve-backup-")
	if err != nil {
		return m, fmt.Errorf("make a backup: %w", err)
	}
	defer os.RemoveAll(work)
	state := ""
	if cfg.Store.Postgres == "" {
		state = filepath.Join(work, archive.StateName)
		if err := sqlite.Snapshot(ctx, filepath.Join(cfg.Store.Path, "state.db"), state); err != nil {
			return m, err
		}
	}
	m = archive.Manifest{Version: version, Site: cfg.Site, Made: time.Now().UTC(), LeftOut: cfg.SecretFiles()}
	f, err := os.OpenFile(filepath.Join(work, "archive"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return m, fmt.Errorf("make a backup: %w", err)
	}
	if err = archive.Write(f, m, text, state); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Link(f.Name(), to) // never over another file
	}
	if err != nil {
		return m, fmt.Errorf("make a backup: %w", err)
	}
	return m, nil
}

// Restored is what Restore did, or would do.
type Restored struct {
	Manifest archive.Manifest `json:"manifest"`
	Written  []string         `json:"written"`
	Aside    []string         `json:"moved_aside"` // what was there before, under its new name
	Missing  []string         `json:"missing"`     // secrets that are not on this machine
}

// ErrRunning: the store is in use.
var ErrRunning = errors.New("releve is running: stop it first")

// Restore puts the archive from back: its configuration to configPath, its store to
// the store.path that it names. What is there is moved aside, nothing is removed.
// dry: it only says so, after the archive and its store were examined.
func Restore(ctx context.Context, from, configPath string, load func(path string) (*config.Config, error), dry bool) (r Restored, err error) {
	f, err := os.Open(from)
	if err != nil {
		return r, fmt.Errorf("restore: %w", err)
	}
	defer f.Close()
	work, err := os.MkdirTemp("", "releve-restore-")
	if err != nil {
		return r, fmt.Errorf("restore: %w", err)
	}
	defer os.RemoveAll(work)
	if r.Manifest, err = archive.Read(f, work); err != nil {
		return r, fmt.Errorf("restore %s: %w", from, err)
	}
	cfg, err := load(filepath.Join(work, archive.ConfigName))
	if err != nil {
		return r, fmt.Errorf("restore %s: %w", from, err)
	}
	for _, secret := range r.Manifest.LeftOut {
		if _, err := os.Stat(secret); err != nil {
			r.Missing = append(r.Missing, secret)
		}
	}
	put := &putting{r: &r, dry: dry, mark: ".before-" + time.Now().UTC().Format("20060102T150405.000000000")}
	if state := filepath.Join(work, archive.StateName); r.Manifest.SHA256[archive.StateName] != "" {
		if _, err := sqlite.Examine(ctx, state); err != nil {
			return r, err
		}
		unlock, err := alone(cfg.Store.Path)
		if err != nil {
			return r, err
		}
		defer unlock()
		put.whole(state, filepath.Join(cfg.Store.Path, "state.db"), "-wal", "-shm")
	}
	put.whole(filepath.Join(work, archive.ConfigName), configPath)
	return r, put.err
}

// alone keeps releve from starting on dir, and fails when it runs there. The lock is
// the spool's.
func alone(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "spool", "lock"), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return func() {}, nil // nothing ever ran there
	}
	if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("restore: %w (%w)", ErrRunning, err)
	}
	return func() {
		_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN) // also where a process that is just being started has a copy
		f.Close()
	}, nil
}

// putting puts files in place; the first error ends it.
type putting struct {
	r    *Restored
	dry  bool
	mark string // the end of the name of what is moved aside
	err  error
}

// whole puts the file from at to, owned as the directory is; what is there is moved
// aside with what belongs to it.
func (p *putting) whole(from, to string, more ...string) {
	for _, end := range append([]string{""}, more...) {
		if _, err := os.Lstat(to + end); p.err == nil && err == nil {
			if aside := to + p.mark + end; p.dry || p.do(os.Rename(to+end, aside)) {
				p.r.Aside = append(p.r.Aside, aside)
			}
		}
	}
	if p.err == nil && (p.dry || p.do(place(from, to))) {
		p.r.Written = append(p.r.Written, to)
	}
}

func (p *putting) do(err error) bool {
	if err != nil {
		p.err = fmt.Errorf("restore: %w", err)
	}
	return err == nil
}

func place(from, to string) error {
	dir := filepath.Dir(to)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if info, statErr := os.Stat(dir); statErr == nil && os.Getuid() == 0 {
		owner := info.Sys().(*syscall.Stat_t)
		err = errors.Join(err, out.Chown(int(owner.Uid), int(owner.Gid)))
	}
	return errors.Join(err, out.Sync(), out.Close())
}
