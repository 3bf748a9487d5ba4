package preflight

import (
	"context"
	"crypto/rand"
	"slices"

	"releve/proxy/message"
)

// account is one licensed user at the registrar.
type account struct {
	r      *run
	f      far
	login  *login
	uri    string // of the registrar
	callID string
	cseq   uint32
	bound  []string // Contact URIs that may be bound by us
	first  *heard   // the first challenge
}

func (r *run) account(f far, u User) *account {
	a := &account{r: r, f: f, login: &login{user: u}, callID: rand.Text()}
	a.uri = "sip:" + hostPort(u.AOR)
	return a
}

// contact is what it registers: at our address, or beside it, at the hop's.
func (a *account) contact(beside bool) string {
	return a.r.s.uri(userOf(a.login.user.AOR), a.f.at.Network, beside)
}

// send is one REGISTER; contact "" only asks. A challenge is answered.
func (a *account) send(ctx context.Context, contact string, expires int) answered {
	var credentials []byte
	out := answered{}
	for range 3 { // a nonce may be stale
		a.cseq++
		q := message.Request{
			Method: "REGISTER", URI: a.uri, From: "<" + a.login.user.AOR + ">;tag=" + newTag(), To: "<" + a.login.user.AOR + ">",
			CallID: a.callID, CSeq: a.cseq,
		}
		if contact != "" {
			q.Contact = "<" + contact + ">"
			q.Extra = lines("Expires", number(expires))
		}
		if credentials != nil {
			q.Extra = append(q.Extra, credentials)
		}
		out = a.r.s.ask(ctx, asking{req: q, to: a.f.at, limit: registerLimit})
		if s := out.final.status(); s != 401 && s != 407 {
			return out
		}
		if a.first == nil {
			a.first = out.final
		}
		stale := credentials != nil && !staleNonce(out.final)
		l, ok := a.login.credentials(out.final, "REGISTER", a.uri, nil)
		if !ok || stale {
			return out
		}
		credentials = l
	}
	return out
}

func staleNonce(m *heard) bool {
	for _, c := range append(challenges(m, "WWW-Authenticate"), challenges(m, "Proxy-Authenticate")...) {
		if c.Stale {
			return true
		}
	}
	return false
}

// listed are the bindings of a 2xx.
func listed(m *heard) (out []message.ContactValue) {
	if m == nil {
		return nil
	}
	for c := range message.ContactList(m.raw, &m.head) {
		if len(out) == 64 {
			break
		}
		out = append(out, c)
	}
	return out
}

func lists(all []message.ContactValue, uri string) (message.ContactValue, bool) {
	for _, c := range all {
		if message.SameURI(c.URI, []byte(uri)) {
			return c, true
		}
	}
	return message.ContactValue{}, false
}

// bind registers a Contact, and has it taken back at the end whatever happens.
func (a *account) bind(ctx context.Context, contact string, expires int) answered {
	if !slices.Contains(a.bound, contact) {
		a.bound = append(a.bound, contact)
		a.r.mu.Lock()
		a.r.undo = append(a.r.undo, func(ctx context.Context) { a.release(ctx, contact) })
		a.r.mu.Unlock()
	}
	return a.send(ctx, contact, expires)
}

// release takes a binding back; nothing when it is gone.
func (a *account) release(ctx context.Context, contact string) answered {
	if !slices.Contains(a.bound, contact) {
		return answered{}
	}
	out := a.send(ctx, contact, 0)
	if s := out.final.status(); s >= 200 && s < 300 {
		a.bound = slices.DeleteFunc(a.bound, func(c string) bool { return c == contact })
	}
	return out
}
