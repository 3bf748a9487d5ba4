package web

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"time"
)

// Our choices: a session lasts a shift, and ends when nobody has looked for an
// hour; an open page looks.
const (
	sessionLife  = 12 * time.Hour
	sessionIdle  = time.Hour
	maxSessions  = 256
	tokenBytes   = 32
	longestToken = 512 // characters read of a cookie
)

// session is one login.
type session struct {
	name  string
	proof [sha256.Size]byte // of the password hash it was opened with: another password ends it
	began time.Time
	seen  time.Time
}

func (s session) over(now time.Time) bool {
	return now.Sub(s.began) >= sessionLife || now.Sub(s.seen) >= sessionIdle
}

// sessions are the logins that stand, by the digest of their token: the memory of
// the process holds no token. The zero value has none.
type sessions struct {
	mu sync.Mutex // guards by
	by map[[sha256.Size]byte]session
}

// begin opens a session and returns its token. When there are too many the one that
// was seen longest ago makes room.
func (s *sessions) begin(now time.Time, name string, proof [sha256.Size]byte) string {
	raw := make([]byte, tokenBytes)
	_, _ = rand.Read(raw) // never fails (crypto/rand)
	token := base64.RawURLEncoding.EncodeToString(raw)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = make(map[[sha256.Size]byte]session)
	}
	for len(s.by) >= maxSessions {
		s.evict(now)
	}
	s.by[sha256.Sum256([]byte(token))] = session{name: name, proof: proof, began: now, seen: now}
	return token
}

// evict removes those that are over, else the one seen longest ago.
func (s *sessions) evict(now time.Time) {
	before := len(s.by)
	var oldest [sha256.Size]byte
	var seen time.Time
	for key, one := range s.by {
		if one.over(now) {
			delete(s.by, key)
		} else if seen.IsZero() || one.seen.Before(seen) {
			oldest, seen = key, one.seen
		}
	}
	if len(s.by) == before {
		delete(s.by, oldest)
	}
}

// find returns the session of a token, which counts as seen.
func (s *sessions) find(now time.Time, token string) (session, bool) {
	if token == "" || len(token) > longestToken {
		return session{}, false
	}
	key := sha256.Sum256([]byte(token))
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.by[key]
	if !ok {
		return session{}, false
	}
	if one.over(now) {
		delete(s.by, key)
		return session{}, false
	}
	one.seen = now
	s.by[key] = one
	return one, true
}

func (s *sessions) end(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.by, sha256.Sum256([]byte(token)))
}

func (s *sessions) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.by)
}
