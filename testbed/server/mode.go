package server

import (
	"fmt"
	"strconv"
	"time"

	"releve/testbed/phone"
)

// Kind names a way of serving or failing.
type Kind string

// Healthy serves. AllBusy refuses with 486. NoAnswer rings for ever. Hundred
// sends 100 and nothing more. OptionsOnly answers OPTIONS and swallows INVITE.
// ServerError answers Status. Slow treats each datagram late. Refuse closes
// the socket: the kernel answers with ICMP. Silent reads and drops everything.
// Mute answers, but sends no RTP; Hushed sends RTP that holds silence. Killed loses every call and closes the
// socket, as kill -9 does; Healthy after it is a restart.
const (
	Healthy     Kind = "healthy"
	AllBusy     Kind = "all-busy"
	NoAnswer    Kind = "no-answer"
	Hundred     Kind = "hundred"
	OptionsOnly Kind = "options-only"
	ServerError Kind = "server-error"
	Slow        Kind = "slow"
	Refuse      Kind = "refuse"
	Silent      Kind = "silent"
	Mute        Kind = "mute"
	Hushed      Kind = "hushed"
	Killed      Kind = "killed"
)

// Mode is a Kind with its numbers.
type Mode struct {
	Kind       Kind          `json:"kind"`
	Status     int           `json:"status"`      // ServerError: 400–699
	RetryAfter time.Duration `json:"retry_after"` // ServerError: Retry-After, whole seconds; 0: none
	OptionsToo bool          `json:"options_too"` // ServerError: OPTIONS gets Status as well
	Every      int           `json:"every"`       // ServerError: each that many calls, the others are served; 0: all
	Least      time.Duration `json:"least"`       // Slow: delays are uniform between Least and Most
	Most       time.Duration `json:"most"`
}

func (m Mode) retryAfter() []phone.Field {
	if m.RetryAfter <= 0 {
		return nil
	}
	return []phone.Field{{Name: "Retry-After", Value: strconv.Itoa(int(m.RetryAfter / time.Second))}}
}

func (m Mode) check() error {
	switch m.Kind {
	case Healthy, AllBusy, NoAnswer, Hundred, OptionsOnly, Refuse, Silent, Mute, Hushed, Killed:
		return nil
	case ServerError:
		if m.Status < 400 || m.Status > 699 || m.Every < 0 {
			return fmt.Errorf("mode server-error: status %d, every %d: write 400 to 699, and no negative number", m.Status, m.Every)
		}
		return nil
	case Slow:
		if m.Least < 0 || m.Most < m.Least {
			return fmt.Errorf("mode slow: from %v to %v: write a rising range", m.Least, m.Most)
		}
		return nil
	}
	return fmt.Errorf("no mode %q", m.Kind)
}

// SetMode switches to m, ending the mode before. Calls in progress go on,
// except with Killed.
func (s *Server) SetMode(m Mode) error {
	if err := m.check(); err != nil {
		return err
	}
	var err error
	s.p.Do(func() {
		s.mode = m
		s.p.SetSilent(m.Kind == Silent)
		s.p.SetDelay(nil)
		if m.Kind == Slow {
			s.p.SetDelay(s.delay)
		}
		if m.Kind == Killed {
			s.p.Forget()
			s.reg.open = false
		}
		if m.Kind == Killed || m.Kind == Refuse {
			s.p.CloseSocket()
		} else {
			err = s.p.OpenSocket()
		}
		s.event("mode", "", string(m.Kind))
	})
	return err
}

func (s *Server) delay() time.Duration {
	spread := int64(s.mode.Most-s.mode.Least) + 1
	return s.mode.Least + time.Duration(s.random.Int64N(spread))
}
