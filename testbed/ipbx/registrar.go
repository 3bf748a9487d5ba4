package ipbx

import (
	"slices"
	"strconv"
	"sync"
	"time"

	"releve/testbed/phone"
)

// List says which bindings a 200 to REGISTER lists.
type List string

// ListAll is the rule (RFC 3261 §10.3(8)). ListOmit: none. ListForeign: all and
// a contact that nobody registered. ListStale: all and those just removed.
// ListLatest: the one of this very request only.
const (
	ListAll     List = "all"
	ListOmit    List = "omit"
	ListForeign List = "foreign"
	ListStale   List = "stale"
	ListLatest  List = "latest"
)

// Registrar is how the registrar behaves; all of it may change while it runs.
type Registrar struct {
	Realm      string            `json:"realm"`      // empty: "ipbx"
	Users      map[string]string `json:"users"`      // password by user; others get 404
	Open       bool              `json:"open"`       // no digest
	Algorithms []string          `json:"algorithms"` // challenges, in order: MD5, SHA-256; none: MD5
	NonceLife  time.Duration     `json:"nonce_life"` // 0: for ever
	StrictURI  bool              `json:"strict_uri"` // the digest's uri must equal the Request-URI
	MaxGrant   time.Duration     `json:"max_grant"`  // grants no more, whatever is asked; 0: 1 h
	MinGrant   time.Duration     `json:"min_grant"`  // grants no less, whatever is asked (0: as asked)
	MinExpires time.Duration     `json:"min_expires"`
	List       List              `json:"list"`   // empty: all
	Unsaid     bool              `json:"unsaid"` // lists bindings without saying for how long
	Single     bool              `json:"single"` // a new contact replaces the others of its user
	// KeepExpired and KeepRemoved: a binding outlives its time, or a REGISTER
	// that removes it.
	KeepExpired bool `json:"keep_expired"`
	KeepRemoved bool `json:"keep_removed"`
	Forbid      bool `json:"forbid"` // 403 to every REGISTER
	Status      int  `json:"status"` // answers this to every REGISTER; 503 with a Retry-After, 423 with a Min-Expires; 0: none
}

// BindingEvent is one change of a binding. Kind: bound, refreshed, removed,
// expired or lost (a restart that forgot it).
type BindingEvent struct {
	At      time.Time     `json:"at"`
	Kind    string        `json:"kind"`
	User    string        `json:"user"`
	Contact string        `json:"contact"` // URI
	Expires time.Duration `json:"expires"` // granted
}

// Binding is one that is in force.
type Binding struct {
	User    string    `json:"user"`
	Contact string    `json:"contact"`
	Until   time.Time `json:"until"`
}

// maxLog bounds the log of binding changes; a test that needs more fails on
// LogDropped.
const maxLog = 100_000

// maxUsers bounds the users whose requests are counted apart.
const maxUsers = 1000

type binding struct {
	contact string
	until   time.Time
	callID  string
	cseq    uint32
	timer   *time.Timer
}

type registrar struct {
	event func(Event)

	mu       sync.Mutex // guards all that follows
	set      Registrar
	silent   bool
	bindings map[string][]*binding // by user
	log      []BindingEvent
	dropped  int
	requests int
	byUser   map[string]int // requests, by user of To
	nonces   nonces
}

func newRegistrar(set Registrar, event func(Event)) *registrar {
	return &registrar{set: set, event: event, bindings: map[string][]*binding{}, byUser: map[string]int{}, nonces: nonces{known: map[string]*nonce{}}}
}

// serve treats a REGISTER, the steps of RFC 3261 §10.3 in order.
func (g *registrar) serve(r *phone.Inbound) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.requests++
	if user := phone.UserOf(r.Request.Get("To")); len(g.byUser) < maxUsers || g.byUser[user] > 0 {
		g.byUser[user]++
	}
	if g.silent {
		r.Drop()
		return
	}
	if g.set.Forbid {
		r.Reply(403)
		return
	}
	if g.set.Status != 0 {
		r.Reply(g.set.Status, reasons[g.set.Status]...)
		return
	}
	user := phone.UserOf(r.Request.Get("To"))
	if _, ok := g.set.Users[user]; !ok && !g.set.Open {
		r.Reply(404)
		return
	}
	if !g.set.Open {
		if status, fields := g.check(r.Request, "Authorization", "WWW-Authenticate", 401); status != 0 {
			r.Reply(status, fields...)
			return
		}
	}
	g.update(r, user)
}

// reasons are the fields that go with a refusal.
var reasons = map[int][]phone.Field{
	503: {{Name: "Retry-After", Value: "2"}},
	423: {{Name: "Min-Expires", Value: "86400"}},
}

// change is one Contact of a REGISTER.
type change struct {
	contact string
	expires time.Duration
}

func (g *registrar) update(r *phone.Inbound, user string) {
	m := r.Request
	contacts := m.Values("Contact")
	if len(contacts) == 1 && contacts[0] == "*" {
		if m.Get("Expires") != "0" {
			r.Reply(400) // RFC 3261 §10.3(6)
			return
		}
		contacts = nil
		for _, b := range g.bindings[user] {
			contacts = append(contacts, "<"+b.contact+">;expires=0")
		}
	}
	var changes []change
	for _, c := range contacts {
		asked := asked(m, c)
		if asked > 0 && asked < g.set.MinExpires {
			r.Reply(423, phone.Field{Name: "Min-Expires", Value: seconds(g.set.MinExpires)})
			return
		}
		changes = append(changes, change{phone.URIOf(c), g.grant(asked)})
	}
	cseq, _ := m.CSeq()
	for _, c := range changes {
		if b := g.find(user, c.contact); b != nil && b.callID == m.CallID() && cseq <= b.cseq {
			r.Reply(500) // out of order: the update fails as a whole (RFC 3261 §10.3(7))
			return
		}
	}
	var removed []string
	for _, c := range changes {
		if c.expires == 0 {
			removed = append(removed, c.contact)
		}
		g.apply(user, c, m.CallID(), cseq)
	}
	var kept []string // of this request
	for _, c := range changes {
		kept = append(kept, c.contact)
	}
	r.Reply(200, g.list(r, user, kept, removed)...)
}

func asked(m *phone.Message, contact string) time.Duration {
	v := phone.Param(contact, "expires")
	if v == "" {
		v = m.Get("Expires")
	}
	n, err := strconv.ParseUint(v, 10, 32)
	if err != nil {
		n = 3600
	}
	return time.Duration(n) * time.Second
}

func (g *registrar) grant(asked time.Duration) time.Duration {
	if asked == 0 {
		return 0
	}
	limit := g.set.MaxGrant
	if limit == 0 {
		limit = time.Hour
	}
	return max(min(asked, limit), g.set.MinGrant)
}

func (g *registrar) find(user, contact string) *binding {
	for _, b := range g.bindings[user] {
		if b.contact == contact {
			return b
		}
	}
	return nil
}

func (g *registrar) apply(user string, c change, callID string, cseq uint32) {
	b := g.find(user, c.contact)
	if c.expires == 0 {
		if b != nil && !g.set.KeepRemoved {
			g.remove(user, b, "removed")
		}
		return
	}
	kind := "refreshed"
	if b == nil && g.set.Single {
		for _, other := range slices.Clone(g.bindings[user]) {
			g.remove(user, other, "removed")
		}
	}
	if b == nil {
		kind = "bound"
		b = &binding{contact: c.contact}
		g.bindings[user] = append(g.bindings[user], b)
	} else {
		b.timer.Stop()
	}
	until := time.Now().Add(c.expires)
	b.until, b.callID, b.cseq = until, callID, cseq
	b.timer = time.AfterFunc(c.expires, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if b.until.Equal(until) && !g.set.KeepExpired && slices.Contains(g.bindings[user], b) {
			g.remove(user, b, "expired")
		}
	})
	g.record(BindingEvent{Kind: kind, User: user, Contact: c.contact, Expires: c.expires})
}

func (g *registrar) remove(user string, b *binding, kind string) {
	b.timer.Stop()
	g.bindings[user] = slices.DeleteFunc(g.bindings[user], func(o *binding) bool { return o == b })
	g.record(BindingEvent{Kind: kind, User: user, Contact: b.contact})
}

func (g *registrar) record(e BindingEvent) {
	e.At = time.Now()
	if len(g.log) >= maxLog {
		g.dropped++
	} else {
		g.log = append(g.log, e)
	}
	g.event(Event{Kind: "binding", User: e.User, Text: e.Kind + " " + e.Contact})
}

// list writes Contact lines of the bindings in force, and Date.
func (g *registrar) list(r *phone.Inbound, user string, kept, removed []string) []phone.Field {
	out := []phone.Field{{Name: "Date", Value: r.Now().UTC().Format(phone.DateFormat)}}
	if g.set.List == ListOmit {
		return out
	}
	add := func(uri string, left time.Duration) {
		if g.set.KeepExpired {
			left = max(left, time.Minute) // this registrar never looks at the clock
		}
		value := "<" + uri + ">;expires=" + seconds(left)
		if g.set.Unsaid {
			value = "<" + uri + ">"
		}
		out = append(out, phone.Field{Name: "Contact", Value: value})
	}
	for _, b := range g.bindings[user] {
		if g.set.List == ListLatest && !slices.Contains(kept, b.contact) {
			continue
		}
		add(b.contact, time.Until(b.until))
	}
	switch g.set.List {
	case ListForeign:
		add("sip:"+user+"@127.9.9.9:5060", time.Hour)
	case ListStale:
		for _, c := range removed {
			add(c, time.Hour)
		}
	}
	return out
}

func seconds(d time.Duration) string {
	return strconv.FormatInt(int64(max((d+time.Second-1)/time.Second, 0)), 10)
}

func (g *registrar) registered(user string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.bindings[user]) > 0
}

func (g *registrar) setSilent(on bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.silent = on
}

func (g *registrar) restart(keep bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.nonces.known = map[string]*nonce{}
	g.nonces.order = nil
	if keep {
		return
	}
	g.forget()
}

func (g *registrar) forget() {
	for user, bindings := range g.bindings {
		for _, b := range slices.Clone(bindings) {
			g.remove(user, b, "lost")
		}
	}
}

func (g *registrar) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, bindings := range g.bindings {
		for _, b := range bindings {
			b.timer.Stop()
		}
	}
}
