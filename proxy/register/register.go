// Package register performs what package licence decides: it sends our
// REGISTERs, answers challenges, and reduces responses to the events of the
// licence machine.
//
//	licence.Send ─► REGISTER ─► 401, 407 ─► challenge kept ─► Answer{Usable, Stale}
//	    ▲               ├─────► 2xx ──────► its list read ──► Answer{HasList, Ours, …}
//	    │               ├─────► 423, 5xx … ─────────────────► Answer{MinExpires, RetryAfter}
//	    │               └─────► nothing ────────────────────► TimedOut
//	    └──────── licence decides whether and when to send again ◄──┘
//
// Mode gate, where the password is the server's: Take keeps what its REGISTER
// shows, Send{Pass} carries it unchanged with the Request-URI that it was made
// for, and Answered gives the IPBX's final back.
//
// Nothing is repeated here but by the transaction: when to try again is
// decided by package licence. Credentials go along unasked only with a challenge
// under which they were accepted before, so that a wrong password is shown once
// per attempt and not twice (RFC 3261 §22.1).
//
// Registrar remembers challenges behind one mutex. Callbacks come on the
// goroutine that received the answer. RFC 3261 §10.2, §10.3, §22; RFC 7616.
package register

import (
	"crypto/rand"
	"hash/fnv"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"releve/proxy/agent"
	"releve/proxy/digest"
	"releve/proxy/message"
	"releve/proxy/transport"
	"releve/router"
	"releve/router/licence"
)

// User is one licensed user.
type User struct {
	AOR      string // "sip:5001@10.10.0.10"
	Username string
	Password string
	Contact  string // URI: our advertised address, where a Target has none of its own
	CallID   string // one for the life of this user at this site (RFC 3261 §10.2.4)
}

// Target is one registrar at an IPBX.
type Target struct {
	URI string // Request-URI: "sip:10.10.0.10"
	// Flows are the ways to it now, in the order to try; none: its name is not known
	// at present.
	Flows func() []transport.Flow
	// Contacts are where it shall send the calls of each user: by the listener
	// that reaches it. Empty: User.Contact.
	Contacts [router.Servers]string
}

// contact is the URI that user s registers at t.
func (t *Target) contact(s router.Server, u User) string {
	if own := t.Contacts[s]; own != "" {
		return own
	}
	return u.Contact
}

// Binding is one Contact as a registrar last stated it.
type Binding struct {
	User    router.Server `json:"user"`
	IPBX    uint8         `json:"ipbx"`
	URI     string        `json:"uri"`
	Expires int           `json:"expires_s"` // -1: the registrar did not say
	Ours    bool          `json:"ours"`
	Seen    time.Time     `json:"seen"`
}

// maxBindings bounds the Contacts remembered per user and IPBX, for screens; all
// are read.
const maxBindings = 16

// Registrar performs REGISTERs. Safe for concurrent use.
type Registrar struct {
	agent *agent.Agent

	mu       sync.Mutex
	users    [router.Servers]User
	targets  []Target
	auth     map[slot]*credential
	bindings map[slot][]Binding
	listedAt map[slot]time.Time
	answerer map[uint8]netip.AddrPort // who answered last, by IPBX
	passes   passes
}

type slot struct {
	user router.Server
	ipbx uint8
}

// credential is the challenge last met. The count of uses goes on when the
// registrar shows the same nonce again (RFC 7616 §3.4).
type credential struct {
	challenge digest.Challenge
	proxy     bool // 407
	accepted  bool // credentials were accepted under it
	uses      digest.Session
}

// New returns a Registrar for the licensed users at these IPBXs.
func New(a *agent.Agent, users [router.Servers]User, targets []Target) *Registrar {
	return &Registrar{
		agent: a, users: users, targets: targets,
		auth: make(map[slot]*credential), bindings: make(map[slot][]Binding), listedAt: make(map[slot]time.Time), answerer: make(map[uint8]netip.AddrPort), passes: newPasses(),
	}
}

// Reconfigure goes on with other users and targets; what is under way ends as it
// began. What was learnt about a password or a registrar that changed is forgotten.
func (r *Registrar) Reconfigure(users [router.Servers]User, targets []Target) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k := range r.auth {
		if r.changed(k, users, targets) {
			delete(r.auth, k)
		}
	}
	for k := range r.listedAt {
		if r.changed(k, users, targets) && r.users[k.user].Password == users[k.user].Password {
			delete(r.bindings, k)
			delete(r.listedAt, k)
		}
	}
	r.users, r.targets = users, targets
}

// changed says that a user or its registrar is another one than before. The mutex
// is held.
func (r *Registrar) changed(k slot, users [router.Servers]User, targets []Target) bool {
	i := int(k.ipbx)
	return users[k.user] != r.users[k.user] || i >= len(targets) || i >= len(r.targets) ||
		targets[i].URI != r.targets[i].URI || targets[i].Contacts != r.targets[i].Contacts
}

// at is who registers where; false: nobody, or nowhere.
func (r *Registrar) at(k slot) (u User, t Target, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u = r.users[k.user]
	if int(k.ipbx) >= len(r.targets) || u.AOR == "" {
		return u, t, false
	}
	t = r.targets[k.ipbx]
	u.Contact = t.contact(k.user, u)
	return u, t, true
}

// Send performs a licence.Send effect; done gets Answer or TimedOut once.
// allowed is asked before each transmission and retransmission.
func (r *Registrar) Send(e licence.Effect, timeout time.Duration, allowed func() bool, done func(licence.Event)) {
	u, t, ok := r.at(slot{e.User, e.IPBX})
	if !ok {
		done(licence.Event{Kind: licence.TimedOut, User: e.User, IPBX: e.IPBX, CSeq: e.CSeq})
		return
	}
	flows := t.Flows()
	if len(flows) == 0 {
		done(licence.Event{Kind: licence.TimedOut, User: e.User, IPBX: e.IPBX, CSeq: e.CSeq})
		return
	}
	q := agent.Request{
		Method: "REGISTER", URI: t.URI, From: "<" + u.AOR + ">", To: "<" + u.AOR + ">",
		CallID: u.CallID, CSeq: e.CSeq, Flow: flows[0], Others: flows[1:], Timeout: timeout, Allowed: allowed,
	}
	switch e.Request {
	case licence.Register:
		q.Contact = contact(u, int(e.Expires/time.Second))
		q.Extra = append(q.Extra, []byte("Expires: "+strconv.Itoa(int(e.Expires/time.Second))+"\r\n"))
	case licence.Unregister:
		q.Contact = contact(u, 0)
		q.Extra = append(q.Extra, []byte("Expires: 0\r\n"))
	}
	if e.Pass {
		carried := r.carry(e, &q)
		r.agent.Do(q, func(res agent.Result) { done(r.reducePassed(e, u, res, carried)) })
		return
	}
	sentAuth := false
	if line, ok := r.authorisation(slot{e.User, e.IPBX}, u, t.URI, e.Authorise); ok {
		q.Extra, sentAuth = append(q.Extra, line), true
	}
	r.agent.Do(q, func(res agent.Result) { done(r.reduce(e, u, res, sentAuth)) })
}

// authorisation answers the challenge last met, with the next nonce count
// (RFC 7616 §3.4): when asked to, or when that was accepted before. A user
// without a password has none to show.
func (r *Registrar) authorisation(k slot, u User, uri string, asked bool) ([]byte, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.auth[k]
	if c == nil || u.Password == "" || !asked && !c.accepted {
		return nil, false
	}
	cred := digest.Credentials{Username: u.Username, Password: u.Password}
	value := digest.Authorization(c.challenge, cred, "REGISTER", uri, nil, c.uses.Next(c.challenge.Nonce), strings.ToLower(rand.Text()))
	name := "Authorization"
	if c.proxy {
		name = "Proxy-Authorization"
	}
	line, err := message.Line(name, value)
	return line, err == nil
}

// reduce turns a result into the licence machine's event.
func (r *Registrar) reduce(e licence.Effect, u User, res agent.Result, sentAuth bool) licence.Event {
	ev := licence.Event{Kind: licence.Answer, User: e.User, IPBX: e.IPBX, CSeq: e.CSeq, Status: res.Status}
	if res.Failure != agent.NoFailure {
		ev.Kind = licence.TimedOut
		return ev
	}
	k := slot{e.User, e.IPBX}
	switch {
	case res.Status == 401 || res.Status == 407:
		ev.Usable, ev.Stale = r.challenged(k, res, sentAuth)
	case res.Status >= 200 && res.Status < 300:
		r.listed(k, u, res, &ev)
		r.proven(k, sentAuth, res)
	}
	r.more(&ev, res)
	return ev
}

// reducePassed turns the result of a server's REGISTER, carried on, into the
// licence machine's event.
func (r *Registrar) reducePassed(e licence.Effect, u User, res agent.Result, carried [][]byte) licence.Event {
	ev := licence.Event{Kind: licence.Answer, User: e.User, IPBX: e.IPBX, CSeq: e.CSeq, Status: res.Status}
	if res.Failure != agent.NoFailure {
		ev.Kind = licence.TimedOut
		return ev
	}
	stale := r.passed(e, res, carried)
	switch {
	case res.Status == 401 || res.Status == 407:
		ev.Stale = stale
	case res.Status >= 200 && res.Status < 300:
		r.listed(slot{e.User, e.IPBX}, u, res, &ev)
	}
	r.more(&ev, res)
	return ev
}

// more reads who answered, when to come again, and whether the request was
// repeated.
func (r *Registrar) more(ev *licence.Event, res agent.Result) {
	ev.Member, ev.Repeated = member(res.Remote), res.Repeated
	r.mu.Lock()
	r.answerer[ev.IPBX] = res.Remote
	r.mu.Unlock()
	if v, ok := message.HeaderValue(res.Raw, res.Head, "Min-Expires"); ok && res.Status == 423 {
		ev.MinExpires = seconds(v)
	}
	ev.RetryAfter = time.Duration(res.Head.Retry) * time.Second
}

// challenged remembers the challenge; fresh says that trying (again) with it
// makes sense: the first one, or one that calls the nonce stale.
func (r *Registrar) challenged(k slot, res agent.Result, sentAuth bool) (usable, fresh bool) {
	c, ok := digest.Choose(challengesOf(res))
	if !ok {
		return false, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	fresh = !sentAuth || c.Stale
	next := &credential{challenge: c, proxy: res.Status == 407}
	if last := r.auth[k]; last != nil {
		next.uses = last.uses
	}
	r.auth[k] = next
	return true, fresh
}

// proven notes that the registrar took our credentials, and the nonce that it
// wants to see next (RFC 7616 §3.5).
func (r *Registrar) proven(k slot, sentAuth bool, res agent.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.auth[k]
	if c == nil || !sentAuth {
		return
	}
	c.accepted = true
	name := "Authentication-Info"
	if c.proxy {
		name = "Proxy-Authentication-Info"
	}
	if v, ok := message.HeaderValue(res.Raw, res.Head, name); ok {
		if next := digest.NextNonce(v); next != "" {
			c.challenge.Nonce = next
		}
	}
}

// listed reads the bindings of a 2xx (RFC 3261 §10.3(8)). A list of which a
// part cannot be read proves nothing. A Contact without an expiry is bound, for
// how long nobody said: Granted stays 0.
func (r *Registrar) listed(k slot, u User, res agent.Result, ev *licence.Event) {
	var all []Binding
	values, read := 0, 0
	for range message.Values(res.Raw, res.Head, "contact") {
		values++
	}
	for c := range message.ContactList(res.Raw, res.Head) {
		read++
		b := Binding{User: k.user, IPBX: k.ipbx, URI: string(c.URI), Expires: c.Expires, Seen: time.Now()}
		if b.Expires < 0 {
			b.Expires = res.Head.Expires
		}
		b.Ours = ours(c, u)
		switch {
		case b.Expires == 0: // removed, and told so
			ev.Removed = ev.Removed || b.Ours
		case b.Ours:
			ev.Ours, ev.Granted = true, max(ev.Granted, time.Duration(b.Expires)*time.Second, 0)
		default:
			ev.Foreign = min(ev.Foreign, 254) + 1
		}
		if len(all) < maxBindings {
			all = append(all, b)
		}
	}
	ev.HasList = read == values // none at all is a list too: nobody is bound
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bindings[k], r.listedAt[k] = all, time.Now()
}

// Listed is when this registrar last listed the bindings of a user; zero: never.
func (r *Registrar) Listed(user router.Server, ipbx uint8) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.listedAt[slot{user, ipbx}]
}

// Answerer is the address of an IPBX that answered a REGISTER last, not valid
// before one did: of main and stand-by, the one that serves.
func (r *Registrar) Answerer(ipbx uint8) netip.AddrPort {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answerer[ipbx]
}

// member is a number that stands for an address, over restarts too; never 0.
func member(a netip.AddrPort) uint32 {
	h := fnv.New32a()
	_, _ = h.Write(a.AppendTo(nil))
	return max(h.Sum32(), 1)
}

// Bindings are those that the registrars last stated.
func (r *Registrar) Bindings() []Binding {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Binding
	for s := router.Primary; s <= router.Secondary; s++ {
		for i := range r.targets {
			out = append(out, r.bindings[slot{s, uint8(i)}]...)
		}
	}
	return out
}

func seconds(v []byte) time.Duration {
	n, err := strconv.Atoi(strings.TrimSpace(string(v)))
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(n) * time.Second
}
