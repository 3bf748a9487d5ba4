package web

import (
	"context"
	"crypto/sha256"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"releve/cmd/internal/admin/password"
	"releve/cmd/internal/config"
)

// Our choices: whoever knows a password needs no sixth attempt within a minute. The
// bound on all addresses together keeps a crowd from costing the calls the CPU.
const (
	loginWindow = time.Minute
	maxRefused  = 5
	maxAttempts = 60
	maxSources  = 1024
	hashWait    = 3 * time.Second
)

// logins bounds the attempts. The zero value has seen none.
type logins struct {
	mu      sync.Mutex // guards what follows
	began   time.Time  // of the window
	all     int
	by      map[netip.Addr]int
	refused atomic.Uint64
	one     sync.Once
	turn    chan struct{} // one password is checked at a time
	nobody  password.Hash
}

// allowed says whether an address may try. Windows follow each other.
func (l *logins) allowed(now time.Time, from netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.began) >= loginWindow || now.Before(l.began) {
		l.began, l.all, l.by = now, 0, make(map[netip.Addr]int)
	}
	return l.all < maxAttempts && l.by[from] < maxRefused && (len(l.by) < maxSources || l.by[from] > 0)
}

// failed counts a refused attempt.
func (l *logins) failed(from netip.Addr) {
	l.refused.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all++
	if l.by != nil {
		l.by[from]++
	}
}

// busy: nobody's password could be checked in time.
func (l *logins) prepare() {
	l.one.Do(func() { l.turn, l.nobody = make(chan struct{}, 1), password.Nobody() })
}

// matches checks a password, in its turn; an unknown name takes as long as a known
// one. ok false, in time false: nobody had time to look.
func (l *logins) matches(ctx context.Context, h password.Hash, known bool, secret string) (ok, inTime bool) {
	l.prepare()
	ctx, cancel := context.WithTimeout(ctx, hashWait)
	defer cancel()
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return false, false
	}
	if !known {
		_ = l.nobody.Matches(secret) // takes the time that a known name takes
		return false, true
	}
	return h.Matches(secret), true
}

// files reads the small files that hold hashes and the wall token, again when a
// second has passed: a new password needs no restart.
type files struct {
	mu sync.Mutex // guards by
	by map[string]kept
}

type kept struct {
	at   time.Time
	text string
	err  error
}

// maxFile bounds what is read of one, and maxFiles how many are kept.
const (
	maxFile  = 4096
	maxFiles = 256
)

func (f *files) read(now time.Time, path string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if k, ok := f.by[path]; ok && now.Sub(k.at) < recheck && !now.Before(k.at) {
		return k.text, k.err
	}
	if f.by == nil || len(f.by) >= maxFiles {
		f.by = make(map[string]kept)
	}
	k := kept{at: now}
	k.text, k.err = readFile(path)
	f.by[path] = k
	return k.text, k.err
}

func readFile(path string) (string, error) {
	in, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer in.Close()
	buf := make([]byte, maxFile)
	n := 0
	for n < maxFile {
		m, err := in.Read(buf[n:])
		n += m
		if err != nil || m == 0 {
			break
		}
	}
	return strings.TrimSpace(string(buf[:n])), nil
}

// user is the configured one of a name, with the hash of the password that opens it
// now.
func (s *Server) user(now time.Time, name string) (u config.AdminUser, h password.Hash, proof [sha256.Size]byte, ok bool) {
	for _, u := range s.o.Config().Users {
		if u.Name != name {
			continue
		}
		text, err := s.files.read(now, u.PasswordFile)
		if err == nil {
			h, err = password.Parse(text)
		}
		if err != nil {
			s.log.Warn("a password hash of the alarm screen cannot be read; run releve config check", "user", u.Name, "error", err)
			return u, h, proof, false
		}
		return u, h, sha256.Sum256([]byte(text)), true
	}
	return config.AdminUser{}, h, proof, false
}
