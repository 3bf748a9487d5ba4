package web

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/admin/page"
	"releve/cmd/internal/text"
)

// handler is everything a browser may ask, from the outside in: headers, origin,
// who it is, what it may.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.looking(s.screen))
	mux.HandleFunc("GET /api/v1/stream", s.looking(s.stream))
	for _, path := range []string{"status", "alarms", "events", "version"} {
		mux.HandleFunc("GET /api/v1/"+path, s.looking(s.api))
	}
	mux.HandleFunc("GET /metrics", s.looking(s.api))
	mux.HandleFunc("POST /api/v1/alarms/{number}/ack", s.acting(s.api))
	mux.HandleFunc("GET /acknowledge", s.acting(s.askAcknowledge))
	mux.HandleFunc("POST /acknowledge", s.acting(s.acknowledge))
	mux.HandleFunc("GET /login", s.askLogin)
	mux.HandleFunc("POST /login", s.login)
	mux.HandleFunc("POST /logout", s.logout)
	mux.HandleFunc("GET /mur", s.wall)
	mux.HandleFunc("GET /static/{name}", s.static)
	mux.Handle("GET /healthz", s.o.API) // of no person, and no call: for a load balancer
	mux.Handle("GET /readyz", s.o.API)
	return s.outer(http.NewCrossOriginProtection().Handler(mux))
}

const policy = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"

// outer puts the headers and the bounds on every answer.
func (s *Server) outer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if s.keys != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if !s.hostAllowed(r) {
			http.Error(w, "this address answers to 127.0.0.1 and localhost alone: ask for it by that name, or configure admin.users", http.StatusMisdirectedRequest)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r.WithContext(withIdentity(r.Context(), s.who(r))))
	})
}

// lang is what the address asks for, else the site's.
func (s *Server) lang(r *http.Request) text.Lang {
	if l, ok := text.Parse(r.URL.Query().Get("lang")); ok {
		return l
	}
	return s.o.Lang()
}

func (s *Server) viewer(r *http.Request) page.Viewer {
	id := identityOf(r)
	return page.Viewer{
		Lang: s.lang(r), Wall: r.URL.Query().Get("mur") == "1", Name: id.name, Operator: id.acts, AskName: id.typed,
	}
}

// looking lets pass who may see the screen; a browser is led to the login.
func (s *Server) looking(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case identityOf(r).looks:
			next(w, r)
		case r.URL.Path == "/" || r.URL.Path == "/acknowledge" && r.Method == http.MethodGet:
			http.Redirect(w, r, "/login?"+url.Values{"lang": {string(s.lang(r))}, "next": {r.URL.RequestURI()}}.Encode(), http.StatusSeeOther)
		default:
			w.Header().Set("WWW-Authenticate", `Bearer realm="releve"`)
			s.turnAway(w, r, http.StatusUnauthorized, text.FaultLogin, s.say(r, "ended"))
		}
	}
}

// acting lets pass who may acknowledge.
func (s *Server) acting(next http.HandlerFunc) http.HandlerFunc {
	return s.looking(func(w http.ResponseWriter, r *http.Request) {
		if !identityOf(r).acts {
			s.turnAway(w, r, http.StatusForbidden, text.FaultRole, s.say(r, "reader-only"))
			return
		}
		next(w, r)
	})
}

func (s *Server) say(r *http.Request, key string) string {
	said, err := text.For(s.lang(r)).Screen(key)
	if err != nil {
		s.log.Error("a word of the alarm screen is missing", "error", err)
	}
	return said
}

// turnAway says why: a client of the API gets problem details (RFC 9457), a browser
// a page.
func (s *Server) turnAway(w http.ResponseWriter, r *http.Request, status int, code admin.FaultCode, why string) {
	if !strings.HasPrefix(r.URL.Path, "/api/") {
		s.refused(w, r, status, why)
		return
	}
	raw, err := json.Marshal(admin.Fault{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: text.For(s.lang(r)).Fault(code),
	})
	if err != nil {
		s.log.Error("encode a problem", "error", err)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(raw) // the client may be gone
}

// refused says why, as a page to a browser and as plain text to the script.
func (s *Server) refused(w http.ResponseWriter, r *http.Request, status int, why string) {
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Error(w, why, status)
		return
	}
	f := s.form(r)
	f.Heading, f.Fault = s.say(r, "refused"), why
	s.write(w, status, func(b *bytes.Buffer) error { return s.pages.Notice(b, f) })
}

func (s *Server) form(r *http.Request) page.Form {
	return page.Form{From: s.viewer(r), Site: s.o.Node.Status(r.Context()).Site}
}

// write renders before it answers: half a page is no page.
func (s *Server) write(w http.ResponseWriter, status int, render func(*bytes.Buffer) error) {
	var b bytes.Buffer
	if err := render(&b); err != nil {
		s.log.Error("render the alarm screen", "error", err)
		http.Error(w, "internal fault", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the browser may be gone; nobody else to tell
}

func (s *Server) screen(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), requestLimit)
	defer cancel()
	source := s.feed.gather(ctx)
	s.write(w, http.StatusOK, func(b *bytes.Buffer) error { return s.pages.Screen(b, source, s.viewer(r)) })
}

// api hands over to the API of the socket, in the name of who logged in.
func (s *Server) api(w http.ResponseWriter, r *http.Request) {
	id := identityOf(r)
	if r.Method == http.MethodPost && id.typed {
		s.turnAway(w, r, http.StatusForbidden, text.FaultRole, s.say(r, "name-needed")) // the form asks for it
		return
	}
	s.o.API.ServeHTTP(w, r.WithContext(admin.WithActor(r.Context(), id.name)))
}

func (s *Server) static(w http.ResponseWriter, r *http.Request) {
	body, kind, ok := s.pages.Static(r.PathValue("name"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable") // the address changes with the content
	_, _ = w.Write(body)
}

func (s *Server) askLogin(w http.ResponseWriter, r *http.Request) {
	f := s.form(r)
	f.Next = r.URL.Query().Get("next")
	s.write(w, http.StatusOK, func(b *bytes.Buffer) error { return s.pages.Login(b, f) })
}

// login opens a session. It answers a wrong name and a wrong password alike, and in
// the same time.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	f := s.form(r)
	again := func(status int, key string) {
		f.Fault = s.say(r, key)
		s.write(w, status, func(b *bytes.Buffer) error { return s.pages.Login(b, f) })
	}
	if err := r.ParseForm(); err != nil {
		again(http.StatusBadRequest, "refused")
		return
	}
	f.Name, f.Next = r.PostForm.Get("name"), r.PostForm.Get("next")
	now, from := time.Now(), remote(r)
	if !s.logins.allowed(now, from) {
		s.refuse(f.Name, from)
		again(http.StatusTooManyRequests, "too-many")
		return
	}
	u, h, proof, known := s.user(now, f.Name)
	switch ok, inTime := s.logins.matches(r.Context(), h, known, r.PostForm.Get("password")); {
	case !inTime:
		again(http.StatusTooManyRequests, "too-many")
	case !ok:
		s.refuse(f.Name, from)
		again(http.StatusUnauthorized, "wrong-login")
	default:
		if old, err := r.Cookie(s.cookie("session")); err == nil {
			s.sessions.end(old.Value)
		}
		s.setCookie(w, "session", s.sessions.begin(now, u.Name, proof), sessionLife)
		s.tell(Told{Name: u.Name, From: from.String()})
		http.Redirect(w, r, within(f.Next), http.StatusSeeOther)
	}
}

func (s *Server) logout(w http.ResponseWriter, r *http.Request) {
	if k, err := r.Cookie(s.cookie("session")); err == nil {
		s.sessions.end(k.Value)
	}
	s.setCookie(w, "session", "", -time.Second)
	http.Redirect(w, r, "/login?lang="+string(s.lang(r)), http.StatusSeeOther)
}

// wall takes the token of a wallboard out of the address into a cookie, which lasts:
// a wallboard has no keyboard.
func (s *Server) wall(w http.ResponseWriter, r *http.Request) {
	now, from := time.Now(), remote(r)
	token := r.URL.Query().Get("jeton")
	if token != "" {
		if !s.logins.allowed(now, from) || !s.wallToken(now, token) {
			s.refuse("", from)
			s.refused(w, r, http.StatusForbidden, s.say(r, "refused"))
			return
		}
		const year = 365 * 24 * time.Hour
		s.setCookie(w, "wall", token, year)
	}
	http.Redirect(w, r, "/?"+url.Values{"mur": {"1"}, "lang": {string(s.lang(r))}}.Encode(), http.StatusSeeOther)
}

// within is an address of ours to go on to; anything else is the screen.
func within(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || !slices.Contains([]string{"/", "/acknowledge"}, u.Path) {
		return "/"
	}
	return (&url.URL{Path: u.Path, RawQuery: u.RawQuery}).String()
}
