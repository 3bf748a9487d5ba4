package server

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"releve/testbed/phone"
)

// Config of a voice server.
type Config struct {
	Name         string         `json:"name"`          // Server header
	Addr         string         `json:"addr"`          // "ip:port", UDP; port 0: the kernel chooses
	Lines        int            `json:"lines"`         // 1–10,000
	Releve       netip.AddrPort `json:"releve"`        // where its outgoing calls and REGISTERs go
	User         string         `json:"user"`          // its own user, in Contact and From
	WelcomeDelay time.Duration  `json:"welcome_delay"` // from 180 to 200
	Reliable     bool           `json:"reliable"`      // 180 with 100rel where the caller supports it
	RTP          bool           `json:"rtp"`           // the prompt is really sent; false: SDP only
	Talk         time.Duration  `json:"talk"`          // BYE that long after the ACK; 0: the caller ends the call
	Transfer     Transfer       `json:"transfer"`
	Register     Register       `json:"register"`
	Seed         uint64         `json:"seed"`    // of the delays of mode slow
	T1           time.Duration  `json:"t1"`      // 0: 500 ms
	Manners      phone.Manners  `json:"manners"` // at start, and under the quirks
	Quirks       []Quirk        `json:"quirks"`  // planted at start

	OnEvent func(Event) `json:"-"` // called with the lock held: must not block nor call back; nil: none
}

// Transfer is what the attendant does with each caller; To empty: nothing.
type Transfer struct {
	To       string        `json:"to"`       // URI to refer the caller to, e.g. "sip:2001@127.0.2.1:5060"
	After    time.Duration `json:"after"`    // after the ACK
	Attended bool          `json:"attended"` // call To first through Relève, then REFER with Replaces
}

// Event tells what happened, for a demo or a test to watch.
type Event struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"` // invite, answered, busy, ended, transferred, registered, mode
	Call string    `json:"call,omitempty"`
	Text string    `json:"text,omitempty"`
}

// maxSeen bounds the calls remembered; older ones are forgotten and counted.
const maxSeen = 20_000

// Server is a running one.
type Server struct {
	cfg Config
	p   *phone.Phone

	// Guarded by the lock of p.
	mode      Mode
	busy      int // lines in use
	stats     Stats
	seen      []*seen
	forgotten int
	random    *rand.Rand
	reg       registration

	answerDelay time.Duration // from 180 to 200
}

// Start opens the address and serves until Close.
func Start(cfg Config) (*Server, error) {
	if cfg.Lines < 1 || cfg.Lines > 10_000 {
		return nil, fmt.Errorf("start server %s: lines %d: write 1 to 10000", cfg.Name, cfg.Lines)
	}
	s := &Server{cfg: cfg, mode: Mode{Kind: Healthy}, random: rand.New(rand.NewPCG(cfg.Seed, 1))}
	p, err := phone.Listen(phone.Config{
		Addr: cfg.Addr, Name: cfg.Name, User: cfg.User, T1: cfg.T1,
		OnInvite: s.invited, OnRequest: s.request,
	})
	if err != nil {
		return nil, fmt.Errorf("start server %s: %w", cfg.Name, err)
	}
	s.p = p
	if err := s.SetQuirks(cfg.Quirks...); err != nil {
		_ = p.Close()
		return nil, fmt.Errorf("start server %s: %w", cfg.Name, err)
	}
	p.Do(s.startRegistering)
	return s, nil
}

// Close ends it without a word to anyone, as a process that is killed. A new
// Start on the same address knows none of its calls and answers them 481.
func (s *Server) Close() error { return s.p.Close() }

// Addr is where it listens.
func (s *Server) Addr() netip.AddrPort { return s.p.Addr() }

func (s *Server) event(kind, call, text string) {
	if s.cfg.OnEvent != nil {
		s.cfg.OnEvent(Event{time.Now(), kind, call, text})
	}
}

func (s *Server) request(r *phone.Inbound) {
	switch r.Request.Method {
	case "OPTIONS":
		s.stats.Options++
		if s.mode.Kind == ServerError && s.mode.OptionsToo {
			r.Reply(s.mode.Status)
			return
		}
		r.Reply(200, phone.Field{Name: "Allow", Value: "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, REFER, NOTIFY"})
	default:
		r.Reply(405)
	}
}

// invited serves a caller as the mode says.
func (s *Server) invited(c *phone.Call) {
	s.stats.Invites++
	rec := s.record(c)
	s.event("invite", c.Invite.CallID(), c.Number())
	switch s.mode.Kind {
	case OptionsOnly:
		s.ignore(c, rec)
		return
	case Hundred:
		c.Trying()
		s.ignore(c, rec)
		return
	case AllBusy:
		s.refuse(c, 486)
		return
	case ServerError:
		if s.mode.Every < 2 || s.stats.Invites%s.mode.Every == 0 {
			s.refuse(c, s.mode.Status, s.mode.retryAfter()...)
			return
		}
	}
	if s.busy >= s.cfg.Lines && c.Replaces == nil {
		s.refuse(c, 486)
		return
	}
	s.hold(c, rec)
	c.Trying()
	c.Ring(180, s.cfg.Reliable)
	if s.mode.Kind != NoAnswer {
		s.welcome(c)
	}
}

func (s *Server) refuse(c *phone.Call, status int, extra ...phone.Field) {
	if status == 486 {
		s.stats.Busy++
		s.event("busy", c.Invite.CallID(), "")
	} else {
		s.stats.Errors++
	}
	c.Reject(status, extra...)
}

// ignore leaves the call, and its CANCEL, without a further word.
func (s *Server) ignore(c *phone.Call, rec *seen) {
	s.stats.Ignored++
	c.Ignore()
	rec.cause = "ignored"
	rec.release()
}

// hold takes a line for the call and gives it back at its end.
func (s *Server) hold(c *phone.Call, rec *seen) {
	s.busy++
	s.stats.MostBusy = max(s.stats.MostBusy, s.busy)
	c.OnEnd = func(cause string) {
		s.busy--
		s.ended(c, rec, cause)
	}
}

func (s *Server) welcome(c *phone.Call) {
	if s.cfg.RTP {
		var audio []byte // nil: the prompt
		if s.mode.Kind == Hushed {
			audio = phone.Silence()
		}
		c.UseMedia(s.mode.Kind == Mute, audio)
	}
	rec := c.Data.(*seen)
	c.OnAck = func() { s.acked(c, rec) }
	c.OnAudio = func() { rec.audible = true }
	c.OnAnswer = func(*phone.Message) { s.answered(c, rec) }
	if s.answerDelay == 0 {
		c.Answer()
		return
	}
	s.p.After(s.answerDelay, c.Answer)
}

func (s *Server) answered(c *phone.Call, rec *seen) {
	rec.answered = true
	s.stats.Answered++
	s.event("answered", c.Invite.CallID(), "")
}

func (s *Server) acked(c *phone.Call, rec *seen) {
	rec.acked = true
	s.stats.ACKed++
	if s.cfg.Talk > 0 {
		s.p.After(s.cfg.Talk, c.Hangup)
	}
	if t := s.cfg.Transfer; t.To != "" {
		s.p.After(t.After, func() { s.transfer(c, t) })
	}
}

func (s *Server) ended(c *phone.Call, rec *seen, cause string) {
	rec.cause = cause
	rec.release()
	switch cause {
	case "cancelled":
		s.stats.Cancels++
	case "ack-lost":
		s.stats.NeverACKed++
	case "lost":
		s.stats.Lost++
	}
	s.event("ended", c.Invite.CallID(), cause)
}
