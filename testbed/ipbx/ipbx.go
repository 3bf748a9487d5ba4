package ipbx

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"releve/testbed/phone"
)

// Presentation says where a call to a service number goes first.
type Presentation string

// Inline: to Relève. Overflow: to the primary's own address, then to Relève's
// overflow entry.
const (
	Inline   Presentation = "inline"
	Overflow Presentation = "overflow"
)

// Config of an IPBX. Addresses are "ip:port", UDP.
type Config struct {
	Name    string `json:"name"`
	Addr    string `json:"addr"`    // port 0: the kernel chooses
	Standby string `json:"standby"` // second member of a main/stand-by pair; empty: none
	// StandbyRefuses: the member that stands by has its socket closed (ICMP);
	// false: it reads and drops.
	StandbyRefuses bool `json:"standby_refuses"`

	Releve        netip.AddrPort `json:"releve"`
	OverflowEntry netip.AddrPort `json:"overflow_entry"`
	Primary       netip.AddrPort `json:"primary"` // overflow mode: presented first
	Presentation  Presentation   `json:"presentation"`
	NoAnswer      time.Duration  `json:"no_answer"`  // overflow mode: how long the primary may ring; 0: 8 s
	Represent     int            `json:"represent"`  // presentations after a 486, 0–10
	RTP           bool           `json:"rtp"`        // answered calls get media (calls placed: CallSpec.RTP)
	Registrar     Registrar      `json:"registrar"`  // its settings at start
	Extensions    []Extension    `json:"extensions"` // first match; none: every number answers at once
	Rescue        string         `json:"rescue"`     // number of the operators' desk; empty: "9"
	// OnlyRegistered refuses calls from a user (P-Asserted-Identity, else From)
	// without a binding with 403.
	OnlyRegistered bool          `json:"only_registered"`
	ChallengeCalls bool          `json:"challenge_calls"` // INVITE without good credentials: 407
	T1             time.Duration `json:"t1"`              // 0: 500 ms
	// IgnoreRecordRoute: requests of a dialog go straight to the peer's Contact.
	IgnoreRecordRoute bool `json:"ignore_record_route"`

	// Service are the numbers that stand behind Relève, Groups those of the users
	// rung in order: a call that comes in to one of them, or to a user's own
	// number, is put through.
	Service []string            `json:"service"`
	Groups  map[string][]string `json:"groups"`
	Manners phone.Manners       `json:"manners"` // at start, and under the quirks
	Quirks  []Quirk             `json:"quirks"`  // planted at start

	OnEvent func(Event) `json:"-"` // called with locks held: must not block nor call back; nil: none
}

// Event tells what happened, for a demo or a test to watch.
type Event struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"` // binding, incoming, rescue, call-answered, call-ended, …
	Call string    `json:"call,omitempty"`
	User string    `json:"user,omitempty"`
	Text string    `json:"text,omitempty"`
}

// Stats counts what the IPBX did and saw.
type Stats struct {
	Placed, Answered, Refused, Cancelled, Failed      int // calls placed, by their end
	Presentations, Represented                        int
	Incoming, IncomingAnswered, Unregistered, Rescued int
	Transfers, TransfersDone                          int
	OptionsSent, OptionsAnswered, OptionsSeen         int
	Open                                              int // calls of any direction that exist now
	StrayACKs, NoDialog, Unreadable                   uint64
}

// IPBX is a running one.
type IPBX struct {
	cfg     Config
	members []*phone.Phone
	reg     *registrar
	answers []Extension

	mu      sync.Mutex // guards what follows; taken after a phone's lock
	active  int        // index of the member that serves
	stats   Stats
	options *heartbeat // nil: no periodic OPTIONS
	closed  bool
	habits  habits
	avoided map[netip.AddrPort]time.Time // until when a target that said Retry-After is let be
}

// Start opens the addresses and serves until Close.
func Start(cfg Config) (*IPBX, error) {
	if cfg.NoAnswer == 0 {
		cfg.NoAnswer = 8 * time.Second
	}
	if cfg.Rescue == "" {
		cfg.Rescue = "9"
	}
	if cfg.Represent < 0 || cfg.Represent > 10 {
		return nil, fmt.Errorf("start ipbx %s: represent %d: write 0 to 10", cfg.Name, cfg.Represent)
	}
	if cfg.IgnoreRecordRoute {
		cfg.Manners.IgnoreRecordRoute = true
	}
	x := &IPBX{cfg: cfg, avoided: map[netip.AddrPort]time.Time{}}
	x.reg = newRegistrar(cfg.Registrar, x.event)
	if err := x.compile(); err != nil {
		return nil, err
	}
	for _, addr := range []string{cfg.Addr, cfg.Standby} {
		if addr == "" {
			continue
		}
		p, err := phone.Listen(phone.Config{
			Addr: addr, Name: cfg.Name, User: cfg.Name, T1: cfg.T1,
			OnInvite: x.incoming, OnRequest: x.request,
		})
		if err != nil {
			_ = x.Close()
			return nil, fmt.Errorf("start ipbx %s: %w", cfg.Name, err)
		}
		x.members = append(x.members, p)
	}
	if len(x.members) == 0 {
		return nil, errors.New("start ipbx: Addr is empty: write ip:port")
	}
	if err := errors.Join(x.SetQuirks(cfg.Quirks...), x.SetActive(0)); err != nil {
		_ = x.Close()
		return nil, err
	}
	return x, nil
}

// Close ends it without a word to anyone, as a power cut.
func (x *IPBX) Close() error {
	x.mu.Lock()
	x.closed = true
	x.mu.Unlock()
	x.StopOptions()
	var errs []error
	for _, p := range x.members {
		errs = append(errs, p.Close())
	}
	x.reg.close()
	return errors.Join(errs...)
}

// Addr is the address of the main member.
func (x *IPBX) Addr() netip.AddrPort { return x.members[0].Addr() }

// StandbyAddr is the address of the second member; invalid when there is none.
func (x *IPBX) StandbyAddr() netip.AddrPort {
	if len(x.members) < 2 {
		return netip.AddrPort{}
	}
	return x.members[1].Addr()
}

// SetActive makes member 0 (main) or 1 (stand-by) serve; the other one is
// silent or refuses. Calls of the member that stops are lost.
func (x *IPBX) SetActive(member int) error {
	if member < 0 || member >= len(x.members) {
		return fmt.Errorf("no member %d: there are %d", member, len(x.members))
	}
	x.mu.Lock()
	x.active = member
	x.mu.Unlock()
	var err error
	for i, p := range x.members {
		p.Do(func() {
			if i == member {
				p.SetSilent(false)
				err = errors.Join(err, p.OpenSocket())
				return
			}
			p.Forget()
			p.SetSilent(true)
			if x.cfg.StandbyRefuses {
				p.CloseSocket()
			}
		})
	}
	return err
}

func (x *IPBX) phone() *phone.Phone {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.members[x.active]
}

// Stats returns a copy of the counters.
func (x *IPBX) Stats() Stats {
	var sums phone.Stats
	open := 0
	for _, p := range x.members {
		s := p.Stats()
		sums.StrayACKs += s.StrayACKs
		sums.NoDialog += s.NoDialog
		sums.Unreadable += s.Unreadable
		sums.ReceivedOPTIONS += s.ReceivedOPTIONS
		p.Do(func() { open += p.Calls() })
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.stats
	s.Open, s.StrayACKs, s.NoDialog, s.Unreadable = open, sums.StrayACKs, sums.NoDialog, sums.Unreadable
	s.OptionsSeen = int(sums.ReceivedOPTIONS)
	return s
}

func (x *IPBX) count(f func(*Stats)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	f(&x.stats)
}

func (x *IPBX) event(e Event) {
	if x.cfg.OnEvent == nil {
		return
	}
	e.At = time.Now()
	x.cfg.OnEvent(e)
}

// request treats what comes outside dialogs but INVITE.
func (x *IPBX) request(r *phone.Inbound) {
	switch r.Request.Method {
	case "REGISTER":
		x.reg.serve(r)
	case "OPTIONS":
		r.Reply(200, phone.Field{Name: "Allow", Value: "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, REFER, NOTIFY, REGISTER"})
	default:
		r.Reply(405)
	}
}
