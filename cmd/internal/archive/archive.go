// Package archive is the file of releve backup: a gzipped tar of a manifest, the
// configuration and a copy of the store. Secrets are not in it; the manifest names
// where they were.
//
//	manifest.json   what is in it, of which site and when, with the SHA-256 of each
//	releve.yaml     the configuration, as its file was
//	state.db        the store; absent where it is a PostgreSQL database
//
// An archive is read as material from outside: names, order and lengths are checked
// before anything is believed. It keeps no state.
package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// The parts.
const (
	manifestName = "manifest.json"
	ConfigName   = "releve.yaml"
	StateName    = "state.db"
)

// The longest of each part, in bytes; our choice, far above what is real.
const (
	maxManifest = 1 << 20
	maxConfig   = 4 << 20
	maxState    = 64 << 30
)

// format is the version of the archive's form.
const format = 1

// ErrNotArchive: the file is not what releve backup writes, or not whole.
var ErrNotArchive = errors.New("it is no backup of releve, or it is damaged")

// Manifest says what an archive holds.
type Manifest struct {
	Format  int               `json:"format"`
	Version string            `json:"version"` // of releve
	Site    string            `json:"site"`
	Made    time.Time         `json:"made"`
	LeftOut []string          `json:"left_out"` // secrets: they are kept elsewhere
	SHA256  map[string]string `json:"sha256"`   // of each part
}

// Write writes the archive of the configuration text and of the file state ("": no
// store of its own).
func Write(w io.Writer, m Manifest, config []byte, state string) error {
	m.Format, m.SHA256 = format, map[string]string{ConfigName: sum(config)}
	if state != "" {
		digest, err := sumOf(state)
		if err != nil {
			return err
		}
		m.SHA256[StateName] = digest
	}
	manifest, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	z := gzip.NewWriter(w)
	t := tar.NewWriter(z)
	err = errors.Join(put(t, manifestName, m.Made, int64(len(manifest)), bytes.NewReader(manifest)),
		put(t, ConfigName, m.Made, int64(len(config)), bytes.NewReader(config)))
	if err == nil && state != "" {
		err = putFile(t, m.Made, state)
	}
	return errors.Join(err, t.Close(), z.Close())
}

func put(t *tar.Writer, name string, made time.Time, size int64, r io.Reader) error {
	err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size, ModTime: made.Truncate(time.Second)})
	if err == nil {
		_, err = io.Copy(t, r)
	}
	return err
}

func putFile(t *tar.Writer, made time.Time, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return put(t, StateName, made, info.Size(), f)
}

// Read unpacks an archive into the directory dir and returns its manifest, once
// every part is whole; otherwise ErrNotArchive, and what is in dir is worth nothing.
func Read(r io.Reader, dir string) (Manifest, error) {
	m, err := read(r, dir)
	if err != nil {
		return Manifest{}, fmt.Errorf("%w (%w)", ErrNotArchive, err)
	}
	return m, nil
}

func read(r io.Reader, dir string) (m Manifest, err error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return m, err
	}
	t := tar.NewReader(z)
	if err := readManifest(t, &m); err != nil {
		return m, err
	}
	for _, part := range []struct {
		name string
		most int64
	}{{ConfigName, maxConfig}, {StateName, maxState}} {
		want, listed := m.SHA256[part.name]
		if !listed {
			continue
		}
		if err := unpack(t, part.name, part.most, want, filepath.Join(dir, part.name)); err != nil {
			return m, err
		}
	}
	if _, err := t.Next(); err != io.EOF {
		return m, errors.New("more is in it than it says")
	}
	_, err = io.Copy(io.Discard, io.LimitReader(z, maxManifest)) // to the checksum at its end
	return m, err
}

func readManifest(t *tar.Reader, m *Manifest) error {
	h, err := t.Next()
	if err != nil {
		return err
	}
	if h.Name != manifestName || h.Typeflag != tar.TypeReg || h.Size > maxManifest {
		return fmt.Errorf("its first part is %q", h.Name)
	}
	raw, err := io.ReadAll(t)
	if err == nil {
		err = json.Unmarshal(raw, m)
	}
	switch {
	case err != nil:
		return err
	case m.Format != format:
		return fmt.Errorf("its form is version %d and this program knows %d: install the newer version", m.Format, format)
	case m.SHA256[ConfigName] == "":
		return errors.New("it holds no configuration")
	}
	return nil
}

func unpack(t *tar.Reader, name string, most int64, want, to string) error {
	h, err := t.Next()
	if err != nil {
		return err
	}
	if h.Name != name || h.Typeflag != tar.TypeReg || h.Size > most {
		return fmt.Errorf("a part is %q, not %q", h.Name, name)
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	digest := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, digest), t)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if hex.EncodeToString(digest.Sum(nil)) != want {
		return fmt.Errorf("the part %q is damaged", name)
	}
	return nil
}

func sum(b []byte) string {
	d := sha256.Sum256(b)
	return hex.EncodeToString(d[:])
}

func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	digest := sha256.New()
	_, err = io.Copy(digest, f)
	return hex.EncodeToString(digest.Sum(nil)), err
}
