package phone

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Manners are the ways in which real equipment differs from what a reader of
// the RFCs expects. The zero value is the Phone as it always was.
type Manners struct {
	IgnoreRecordRoute bool          // requests of a dialog go straight to the peer's Contact
	OptionsSilent     bool          // OPTIONS gets no answer
	OptionsStatus     int           // answers this to OPTIONS; 0: 200
	NeedReliable      bool          // our INVITE says Require: 100rel; one without Supported: 100rel gets 421
	NoUpdate          bool          // 405 to UPDATE, and Allow does not list it
	ReinviteStatus    int           // answers this to a re-INVITE; 0: 200
	ReferStatus       int           // answers this to REFER, and Allow does not list it; 0: as the owner says
	MinSE             time.Duration // a smaller Session-Expires gets 422 (RFC 4028 §6); 0: any goes
	SessionExpires    time.Duration // in our INVITE, and in our 2xx to who supports timer; 0: none
	Refresher         string        // uac or uas, with SessionExpires; empty: not said
	MaxDatagram       int           // a larger datagram never arrives, as where fragments are lost; 0: any
	Codecs            []string      // PCMA, PCMU, G729, telephone-event, in order; none: PCMA
	Date              bool          // Date in every final response
	Clock             time.Duration // how far that Date is from the truth
	LoseEvery         int           // of the RTP packets to send, each that many is lost; 0: none
	SecondEarly       bool          // each 18x goes out under two To tags, as behind a forking proxy
	RecordRoute       string        // a Record-Route of our own in each 2xx to INVITE; empty: none
	ContactThrough    bool          // an ALG stands before us: see alg
}

// SetManners changes the manners; calls in progress take them at once.
func (p *Phone) SetManners(m Manners) error {
	p.manners = m
	p.manners.IgnoreRecordRoute = m.IgnoreRecordRoute || p.cfg.IgnoreRecordRoute
	if !m.ContactThrough {
		return nil // an ALG that stands goes on relaying the calls it has
	}
	return p.openALG()
}

// allows is our Allow.
func (p *Phone) allows() string {
	methods := strings.Split(allowed, ", ")
	return strings.Join(slices.DeleteFunc(methods, func(m string) bool {
		return m == "UPDATE" && p.manners.NoUpdate || m == "REFER" && p.manners.ReferStatus != 0
	}), ", ")
}

// optioned answers OPTIONS where the manners say how; false: the owner does.
func (p *Phone) optioned(r *Inbound) bool {
	switch {
	case p.manners.OptionsSilent:
		r.Drop()
	case p.manners.OptionsStatus != 0:
		r.Reply(p.manners.OptionsStatus, Field{"Allow", p.allows()})
	default:
		return false
	}
	return true
}

// refusedInvite refuses an initial INVITE, or a re-INVITE, for its session
// timer or for want of 100rel.
func (p *Phone) refusedInvite(r *Inbound) bool {
	m := r.Request
	if p.manners.NeedReliable && m.ToTag() == "" && !m.Lists("Supported", "100rel") && !m.Lists("Require", "100rel") {
		r.Reply(421, Field{"Require", "100rel"})
		return true
	}
	interval, _, _ := strings.Cut(m.Get("Session-Expires"), ";")
	n, err := strconv.Atoi(strings.TrimSpace(interval))
	if err == nil && time.Duration(n)*time.Second < p.manners.MinSE {
		r.Reply(422, Field{"Min-SE", strconv.Itoa(int(p.manners.MinSE / time.Second))}) // RFC 4028 §6
		return true
	}
	return false
}

// sessionFields are those of our INVITE, or of our 2xx to req.
func (p *Phone) sessionFields(req *Message) []Field {
	if p.manners.SessionExpires == 0 || req != nil && !req.Lists("Supported", "timer") {
		return nil
	}
	v := strconv.Itoa(int(p.manners.SessionExpires / time.Second))
	if p.manners.Refresher != "" {
		v += ";refresher=" + p.manners.Refresher
	}
	out := []Field{{"Session-Expires", v}}
	if req != nil && p.manners.Refresher == "uac" {
		out = append(out, Field{"Require", "timer"}) // RFC 4028 §9
	}
	return out
}

// dated adds our idea of the time to a final response.
func (p *Phone) dated(m *Message) {
	if p.manners.Date && m.Status >= 200 && m.Get("Date") == "" {
		m.Add("Date", p.Now().UTC().Format(DateFormat))
	}
}

// DateFormat is that of the Date header (RFC 3261 §20.17).
const DateFormat = "Mon, 02 Jan 2006 15:04:05 GMT"

// Now is the time by our own clock.
func (p *Phone) Now() time.Time { return time.Now().Add(p.manners.Clock) }
