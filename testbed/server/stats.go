package server

import (
	"time"

	"releve/testbed/phone"
)

// Stats counts what the server saw and did.
type Stats struct {
	Invites    int `json:"invites"`  // calls presented
	Answered   int `json:"answered"` // 200 sent
	ACKed      int `json:"acked"`
	NeverACKed int `json:"never_acked"` // ghost: 200 repeated 64 × T1 without an ACK
	Busy       int `json:"busy"`        // 486 sent
	Errors     int `json:"errors"`      // other refusals
	Ignored    int `json:"ignored"`     // presented in mode options-only or hundred
	Cancels    int `json:"cancels"`
	Lost       int `json:"lost"`       // calls that died with Killed
	Open       int `json:"open"`       // calls that exist now, placed ones included
	OpenACKed  int `json:"open_acked"` // answered, acknowledged and never ended: ghosts once their caller is gone
	Lines      int `json:"lines"`      // in use now
	MostBusy   int `json:"most_busy"`
	Options    int `json:"options"`

	Placed, PlacedAnswered, PlacedRefused     int
	Transfers, TransfersDone, TransfersFailed int
	Registers, Registered                     int // REGISTERs sent, 200s received
	LastRegister                              int // status of the last; 0: no answer

	Heard      int    `json:"heard"` // calls on which audible RTP came
	StrayACKs  uint64 `json:"stray_acks"`
	NoDialog   uint64 `json:"no_dialog"` // requests answered 481
	Dropped    uint64 `json:"dropped"`   // datagrams dropped while silent
	Unreadable uint64 `json:"unreadable"`
}

// seen is what the server keeps of one call received.
type seen struct {
	c                        *phone.Call // nil once it is over
	at                       time.Time
	callID, from, to         string
	answered, acked, audible bool
	cause                    string
	heard                    phone.Heard
}

// Seen is one call received, for assertions.
type Seen struct {
	At       time.Time `json:"at"`
	CallID   string    `json:"call_id"`
	From     string    `json:"from"`
	To       string    `json:"to"`
	Answered bool      `json:"answered"`
	ACKed    bool      `json:"acked"`
	Audible  bool      `json:"audible"` // the caller was heard
	Packets  int       `json:"packets"`
	Ended    string    `json:"ended"` // why; empty: it goes on
}

func (s *Server) record(c *phone.Call) *seen {
	rec := &seen{
		c: c, at: time.Now(), callID: c.Invite.CallID(),
		from: phone.UserOf(c.Invite.Get("From")), to: c.Number(),
	}
	if len(s.seen) >= maxSeen {
		s.seen = append(s.seen[:0], s.seen[maxSeen/10:]...)
		s.forgotten += maxSeen / 10
	}
	s.seen = append(s.seen, rec)
	c.Data = rec
	c.OnEnd = func(cause string) { s.ended(c, rec, cause) } // hold adds the line
	return rec
}

// release keeps what an ended call heard and lets go of the call.
func (r *seen) release() {
	if r.c == nil {
		return
	}
	r.heard = r.c.Heard()
	r.c = nil
}

// Stats returns a copy of the counters.
func (s *Server) Stats() Stats {
	low := s.p.Stats()
	var out Stats
	s.p.Do(func() {
		out = s.stats
		out.Open, out.Lines = s.p.Calls(), s.busy
		for _, r := range s.seen {
			if r.audible {
				out.Heard++
			}
			if r.c != nil && r.acked {
				out.OpenACKed++
			}
		}
	})
	out.StrayACKs, out.NoDialog = low.StrayACKs, low.NoDialog
	out.Dropped, out.Unreadable = low.Dropped, low.Unreadable
	return out
}

// Calls returns the calls received, oldest first, and how many older ones were
// forgotten.
func (s *Server) Calls() (calls []Seen, forgotten int) {
	s.p.Do(func() {
		forgotten = s.forgotten
		for _, r := range s.seen {
			heard := r.heard
			if r.c != nil {
				heard = r.c.Heard()
			}
			calls = append(calls, Seen{
				r.at, r.callID, r.from, r.to, r.answered, r.acked, r.audible, heard.Packets, r.cause,
			})
		}
	})
	return calls, forgotten
}
