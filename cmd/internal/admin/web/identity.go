package web

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"releve/cmd/internal/config"
)

// identity is who asks. The zero one is nobody.
type identity struct {
	looks bool   // may see the screen
	acts  bool   // may acknowledge
	name  string // who logged in; "": a wallboard, a token, or nobody had to
	typed bool   // acts under a name that is typed
}

// cookie is the name of the session's. Under TLS it has the prefix that makes
// browsers take it from us alone (RFC 6265bis §4.1.3.2).
func (s *Server) cookie(what string) string {
	if s.keys != nil {
		return "__Host-releve-" + what
	}
	return "releve-" + what
}

func (s *Server) setCookie(w http.ResponseWriter, what, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: s.cookie(what), Value: value, Path: "/", MaxAge: int(life.Seconds()), HttpOnly: true,
		Secure: s.keys != nil, SameSite: http.SameSiteStrictMode,
	})
}

// who finds out who asks: a session, the wallboard's cookie, a token of a machine,
// or, on loopback without users, anybody.
func (s *Server) who(r *http.Request) identity {
	c, now := s.o.Config(), time.Now()
	if s.local && !c.LoginNeeded() {
		return identity{looks: true, acts: true, typed: true}
	}
	if k, err := r.Cookie(s.cookie("session")); err == nil {
		if one, ok := s.sessions.find(now, k.Value); ok {
			if u, _, proof, ok := s.user(now, one.name); ok && proof == one.proof {
				return identity{looks: true, acts: u.Role == config.RoleOperator, name: u.Name}
			}
			s.sessions.end(k.Value)
		}
	}
	if k, err := r.Cookie(s.cookie("wall")); err == nil && s.wallToken(now, k.Value) {
		return identity{looks: true}
	}
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return s.bearer(r, now, token)
	}
	return identity{}
}

// bearer is a machine with the wall token; a wrong one counts as a refused login.
func (s *Server) bearer(r *http.Request, now time.Time, token string) identity {
	from := remote(r)
	if !s.logins.allowed(now, from) {
		return identity{}
	}
	if s.wallToken(now, token) {
		return identity{looks: true}
	}
	s.refuse("", from)
	return identity{}
}

// refuse counts and tells a login that was refused.
func (s *Server) refuse(name string, from netip.Addr) {
	s.logins.failed(from)
	s.tell(Told{Name: name, From: from.String(), Refused: true})
}

func (s *Server) tell(t Told) {
	if s.o.Told != nil {
		s.o.Told(t)
	}
}

// wallToken compares in constant time with what the file holds now.
func (s *Server) wallToken(now time.Time, given string) bool {
	path := s.o.Config().WallToken
	if path == "" || given == "" || len(given) > longestToken {
		return false
	}
	want, err := s.files.read(now, path)
	if err != nil || !config.WallTokenSound(want) {
		return false
	}
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// remote is who the request comes from.
func remote(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return networkOf(a.Addr())
}

// hostAllowed keeps a page of the web, whose name leads to 127.0.0.1, from reading
// a screen that asks nobody who they are (DNS rebinding).
func (s *Server) hostAllowed(r *http.Request) bool {
	if !s.local || s.o.Config().LoginNeeded() {
		return true
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && a.IsLoopback()
}

type identityKey struct{}

func withIdentity(ctx context.Context, id identity) context.Context {
	return context.WithValue(ctx, identityKey{}, id)
}

func identityOf(r *http.Request) identity {
	id, _ := r.Context().Value(identityKey{}).(identity)
	return id
}
