// Package web is the alarm screen's door: HTTP on a TCP address, with the page
// (package page), its live stream and the part of the API that a browser may use.
//
//	browser ─► listener (places) ─► TLS ─► headers, origin ─► who is it? ─► handler
//	                                                     │
//	feed: one goroutine looks at the node, renders once per kind of viewer, and
//	      leaves the newest state with each stream; a stream that cannot take it
//	      gets the next one, and is closed when it takes nothing for writeLimit
//
// On loopback without users everybody may look, and acknowledge under a name that
// is typed. Elsewhere, and where users are configured, who has no session, no
// wallboard cookie and no token sees the login and nothing else. Readers cannot
// post. Sessions live in memory: a restart ends them.
//
// Bounds, our choice: 128 connections (64 of one address) and 64 streams, 16 KB of
// headers, 64 KB of body, 10 s for headers, 30 s a request, 256 sessions, five
// refused logins a minute of one address and sixty of all, one password checked
// at a time. A browser that reads slowly or never costs its place and nothing else.
//
// All methods are safe for concurrent use.
package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/admin/page"
	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
)

// The bounds of the package doc.
const (
	MaxConnections = 128
	MaxPerSource   = 64
	MaxStreams     = 64
	maxHeader      = 16 << 10
	maxBody        = 64 << 10
	headerLimit    = 10 * time.Second
	requestLimit   = 30 * time.Second
	idleLimit      = time.Minute
	writeLimit     = 10 * time.Second
)

// Node is what the screen needs of the application: a part of admin.Node.
type Node interface {
	admin.Node
}

// Options of a Server.
type Options struct {
	Node   Node                // required
	API    http.Handler        // admin.Door's; required
	Config func() config.Admin // the section in force; required. Users and the wall token may change
	Lang   func() text.Lang    // of the site; required
	Told   func(what Told)     // logins, refused and good; nil: nobody is told
	Log    *slog.Logger        // nil: discarded
}

// Told is a login.
type Told struct {
	Name    string // as typed
	From    string // address
	Refused bool
}

// Server is the door.
type Server struct {
	o        Options
	log      *slog.Logger
	pages    *page.Pages
	listener *places
	http     *http.Server
	keys     *certificate // nil: no TLS
	local    bool         // only this machine reaches it
	sessions sessions
	logins   logins
	files    files
	feed     *feed
	streams  chan struct{}
	life     context.Context
	end      context.CancelFunc
	done     chan struct{}

	requests atomic.Uint64
	turned   atomic.Uint64 // streams that found no place
}

// Listen opens the address of Config().Listen; it answers after Start.
func Listen(o Options) (*Server, error) {
	c := o.Config()
	pages, err := page.New()
	if err != nil {
		return nil, err
	}
	s := &Server{o: o, log: o.Log, pages: pages, local: c.Local(), streams: make(chan struct{}, MaxStreams), done: make(chan struct{})}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if c.Secured() {
		if s.keys, err = newCertificate(c.TLS); err != nil {
			return nil, err
		}
	}
	l, err := net.Listen("tcp", c.Listen.String())
	if err != nil {
		return nil, fmt.Errorf("open the alarm screen on %s: %w", c.Listen, err)
	}
	s.listener = newPlaces(l)
	s.life, s.end = context.WithCancel(context.Background())
	s.feed = newFeed(o.Node, pages, s.log)
	s.http = s.server()
	return s, nil
}

func (s *Server) server() *http.Server {
	only := new(http.Protocols)
	only.SetHTTP1(true) // one request a connection: the bound on connections bounds all
	h := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: headerLimit,
		ReadTimeout:       requestLimit,
		WriteTimeout:      requestLimit + writeLimit,
		IdleTimeout:       idleLimit,
		MaxHeaderBytes:    maxHeader,
		Protocols:         only,
		BaseContext:       func(net.Listener) context.Context { return s.life },
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // what strangers send is no warning
	}
	if s.keys != nil {
		h.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.keys.get, NextProtos: []string{"http/1.1"}}
	}
	return h
}

// Start answers until Close.
func (s *Server) Start() {
	go s.feed.run(s.life)
	go func() {
		defer close(s.done)
		serve := func() error { return s.http.Serve(s.listener) }
		if s.keys != nil {
			serve = func() error { return s.http.ServeTLS(s.listener, "", "") }
		}
		if err := serve(); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("the alarm screen stopped answering", "error", err)
		}
	}()
}

// Close ends the streams, waits for requests in progress until ctx ends, and frees
// the address. Call it once, after Start.
func (s *Server) Close(ctx context.Context) error {
	s.end()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	<-s.done
	<-s.feed.done
	return err
}

// Addr is where it listens.
func (s *Server) Addr() netip.AddrPort { return s.listener.Addr().(*net.TCPAddr).AddrPort() }

// Stats are counts since the start, and what is open now.
type Stats struct {
	Requests      uint64
	Connections   int
	TurnedAway    uint64 // connections and streams that found no place
	Streams       int
	Sessions      int
	LoginsRefused uint64
}

// Stats reads them.
func (s *Server) Stats() Stats {
	open, refused := s.listener.counts()
	return Stats{
		Requests: s.requests.Load(), Connections: open, TurnedAway: refused + s.turned.Load(), Streams: len(s.streams),
		Sessions: s.sessions.len(), LoginsRefused: s.logins.refused.Load(),
	}
}

// Certificate says when the certificate in force ends, and what is wrong with its
// files; zero: no TLS.
func (s *Server) Certificate(now time.Time) (end time.Time, fault error) {
	if s.keys == nil {
		return time.Time{}, nil
	}
	return s.keys.state(now)
}
