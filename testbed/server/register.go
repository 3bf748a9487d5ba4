package server

import (
	"fmt"
	"time"

	"github.com/icholy/digest"

	"releve/testbed/phone"
)

// Register makes the server register by itself through Relève; Every 0: never.
type Register struct {
	AOR      string        `json:"aor"` // "sip:5001@10.0.0.1"
	Username string        `json:"username"`
	Password string        `json:"password"`
	Expires  time.Duration `json:"expires"`
	Every    time.Duration `json:"every"`
}

type registration struct {
	callID string
	cseq   uint32
	left   bool // for good
	open   bool // a request awaits its final: no other before (RFC 3261 §10.2)
	tries  int  // with credentials since the last 200
	count  int  // nonce count of the present challenge
	chal   *digest.Challenge
	with   string // header that answers it
}

func (s *Server) startRegistering() {
	if s.cfg.Register.Every <= 0 {
		return
	}
	s.reg.callID = fmt.Sprintf("reg-%d@%s", time.Now().UnixNano(), s.p.Addr().Addr())
	s.registerAgain()
}

func (s *Server) registerAgain() {
	if s.reg.left {
		return
	}
	if !s.reg.open {
		s.reg.tries = 0
		s.sendRegister(s.cfg.Register.Expires)
	}
	s.p.After(s.cfg.Register.Every, s.registerAgain)
}

// Unregister sends REGISTER with Expires 0 once.
func (s *Server) Unregister() {
	s.p.Do(func() {
		s.reg.tries = 0
		s.sendRegister(0)
	})
}

// Leave is Unregister, and nothing is registered any more.
func (s *Server) Leave() {
	s.p.Do(func() { s.reg.left = true })
	s.Unregister()
}

func (s *Server) sendRegister(expires time.Duration) {
	r := s.cfg.Register
	s.reg.cseq++
	uri := "sip:" + s.cfg.Releve.String()
	m := s.p.NewRequest("REGISTER", uri, r.AOR, r.AOR, s.reg.callID, s.reg.cseq)
	m.Add("Contact", fmt.Sprintf("<sip:%s@%s>", s.cfg.User, s.p.Addr()))
	m.Add("Expires", fmt.Sprint(int(expires/time.Second)))
	if s.reg.chal != nil {
		s.reg.count++
		cred, err := digest.Digest(s.reg.chal, digest.Options{
			Method: "REGISTER", URI: uri, Username: r.Username, Password: r.Password, Count: s.reg.count,
		})
		if err == nil {
			m.Add(s.reg.with, cred.String())
		}
	}
	s.stats.Registers++
	s.reg.open = true
	s.p.Request(m, s.cfg.Releve, func(answer *phone.Message) { s.registerAnswered(answer, expires) })
}

// registerAnswered retries once per round with the new challenge (RFC 3261
// §22.2: not again with the same credentials unless the nonce was stale).
func (s *Server) registerAnswered(m *phone.Message, expires time.Duration) {
	s.stats.LastRegister, s.reg.open = 0, false
	if m == nil {
		return
	}
	s.stats.LastRegister = m.Status
	switch m.Status {
	case 200:
		s.stats.Registered++
		s.event("registered", "", m.Get("Contact"))
	case 401, 407:
		if s.reg.tries++; s.reg.tries > 2 || !s.takeChallenge(m) || s.reg.left && expires > 0 {
			return
		}
		s.sendRegister(expires)
	}
}

// takeChallenge keeps the topmost challenge that we can answer (RFC 8760 §2.4).
func (s *Server) takeChallenge(m *phone.Message) bool {
	header, with := "WWW-Authenticate", "Authorization"
	if m.Status == 407 {
		header, with = "Proxy-Authenticate", "Proxy-Authorization"
	}
	for _, f := range m.Fields {
		if f.Name != header {
			continue
		}
		if c, err := digest.ParseChallenge(f.Value); err == nil && digest.CanDigest(c) {
			s.reg.chal, s.reg.with, s.reg.count = c, with, 0
			return true
		}
	}
	return false
}
