package ipbx

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"

	"releve/testbed/phone"
)

const t1 = 50 * time.Millisecond

func start(t *testing.T, cfg Config) *IPBX {
	t.Helper()
	cfg.Name, cfg.T1 = "oxe", t1
	if cfg.Addr == "" {
		cfg.Addr = "127.0.33.1:0"
	}
	x, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	return x
}

func listen(t *testing.T, cfg phone.Config) *phone.Phone {
	t.Helper()
	cfg.T1 = t1
	if cfg.Addr == "" {
		cfg.Addr = "127.0.33.2:0"
	}
	p, err := phone.Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// registrant sends REGISTERs one by one.
type registrant struct {
	t     *testing.T
	p     *phone.Phone
	x     *IPBX
	user  string
	cseq  uint32
	count int
	chal  *digest.Challenge
}

func (r *registrant) ask(password, contact string, extra ...phone.Field) *phone.Message {
	r.t.Helper()
	r.cseq++
	got := make(chan *phone.Message, 1)
	r.p.Do(func() {
		uri := "sip:" + r.x.Addr().String()
		m := r.p.NewRequest("REGISTER", uri, "sip:"+r.user+"@x", "sip:"+r.user+"@x", "reg-"+r.user, r.cseq)
		if contact != "" {
			m.Add("Contact", contact)
		}
		m.Fields = append(m.Fields, extra...)
		if r.chal != nil {
			r.count++
			cred, err := digest.Digest(r.chal, digest.Options{
				Method: "REGISTER", URI: uri, Username: r.user, Password: password, Count: r.count,
			})
			if err != nil {
				r.t.Error(err)
			}
			m.Add("Authorization", cred.String())
		}
		r.p.Request(m, r.x.Addr(), func(a *phone.Message) { got <- a })
	})
	a := <-got // a final, or nil when the transaction is over
	if a == nil {
		return nil
	}
	if v := a.Get("WWW-Authenticate"); v != "" {
		chal, err := digest.ParseChallenge(v)
		if err != nil {
			r.t.Fatal(err)
		}
		r.chal, r.count = chal, 0
	}
	return a
}

func (r *registrant) want(status int, password, contact string, extra ...phone.Field) *phone.Message {
	r.t.Helper()
	a := r.ask(password, contact, extra...)
	switch {
	case a == nil:
		r.t.Fatalf("no answer, want %d", status)
	case a.Status != status:
		r.t.Fatalf("%d, want %d", a.Status, status)
	}
	return a
}

func registrants(t *testing.T, set Registrar) (*IPBX, *registrant, *registrant) {
	t.Helper()
	if set.Users == nil {
		set.Users = map[string]string{"5001": "one", "5002": "two"}
	}
	x, p := start(t, Config{Registrar: set}), listen(t, phone.Config{})
	return x, &registrant{t: t, p: p, x: x, user: "5001"}, &registrant{t: t, p: p, x: x, user: "5002"}
}

const (
	here  = "<sip:5001@127.0.33.2:5060>"
	there = "<sip:5002@127.0.33.3:5060>"
)

func expires(n int) phone.Field { return phone.Field{Name: "Expires", Value: fmt.Sprint(n)} }

func TestDigest(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"MD5", "SHA-256"} {
		_, r, _ := registrants(t, Registrar{Algorithms: []string{algorithm}})
		if a := r.want(401, "", here); !strings.Contains(a.Get("WWW-Authenticate"), algorithm) {
			t.Errorf("challenge %q", a.Get("WWW-Authenticate"))
		}
		if r.want(401, "wrong", here); r.chal.Stale {
			t.Error("a wrong password was called stale")
		}
		r.want(200, "one", here)
		r.want(200, "one", here) // the count rose
		r.count--
		if r.want(401, "one", here); !r.chal.Stale {
			t.Error("a repeated nonce count was not called stale")
		}
		r.want(200, "one", here)
		r.chal.Nonce = "forged"
		if r.want(401, "one", here); !r.chal.Stale {
			t.Error("an unknown nonce with the right password was not called stale")
		}
	}
}

func TestDigestOfAnotherUserIsForbidden(t *testing.T) {
	t.Parallel()
	x, r, other := registrants(t, Registrar{})
	other.want(401, "", there)
	r.chal = other.chal
	r.cseq++
	got := make(chan *phone.Message, 1)
	r.p.Do(func() {
		m := r.p.NewRequest("REGISTER", "sip:x", "sip:5001@x", "sip:5001@x", "", 1)
		cred, err := digest.Digest(r.chal, digest.Options{
			Method: "REGISTER", URI: "sip:x", Username: "5002", Password: "two", Count: 1,
		})
		if err != nil {
			t.Error(err)
		}
		m.Add("Authorization", cred.String())
		m.Add("Contact", here)
		r.p.Request(m, x.Addr(), func(a *phone.Message) { got <- a })
	})
	if a := <-got; a == nil || a.Status != 403 {
		t.Errorf("got %+v", a)
	}
}

func TestNonceExpires(t *testing.T) {
	t.Parallel()
	_, r, _ := registrants(t, Registrar{NonceLife: time.Nanosecond})
	r.want(401, "", here)
	if r.want(401, "one", here); !r.chal.Stale {
		t.Error("an old nonce was not called stale")
	}
}

func TestBindings(t *testing.T) {
	t.Parallel()
	x, one, two := registrants(t, Registrar{Open: true})
	if a := one.want(200, "", here, expires(60)); a.Get("Contact") != here+";expires=60" || a.Get("Date") == "" {
		t.Errorf("200 has %q", a.Fields)
	}
	one.want(200, "", here, expires(60))
	if a := one.want(200, "", ""); a.Get("Contact") == "" { // a fetch
		t.Error("a fetch lists nothing")
	}
	one.cseq -= 2
	one.want(500, "", here, expires(60)) // an old CSeq
	one.cseq += 2
	one.want(200, "", here+";expires=0")
	two.want(200, "", there)
	if got := x.MaxBindingsAtOnce("5001", "5002"); got != 1 {
		t.Errorf("%d bindings at once", got)
	}
	one.want(200, "", here)
	if got := x.MaxBindingsAtOnce("5001", "5002"); got != 2 {
		t.Errorf("%d bindings at once, want 2", got)
	}
	one.want(400, "", "*", expires(1))
	one.want(200, "", "*", expires(0))
	if got := x.Bindings(); len(got) != 1 || got[0].User != "5002" {
		t.Errorf("bindings %+v", got)
	}
}

func TestExpiryIsLoggedWhenItHappens(t *testing.T) {
	t.Parallel()
	x, one, _ := registrants(t, Registrar{Open: true})
	one.want(200, "", here, expires(1))
	eventually(t, "the binding expires", func() bool { return len(x.Bindings()) == 0 })
	log, err := x.Log()
	if err != nil || len(log) != 2 || log[1].Kind != "expired" || log[1].At.Sub(log[0].At) < time.Second {
		t.Errorf("log %+v, %v", log, err)
	}
}

func TestGrants(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		set   Registrar
		asked int
		want  string
	}{
		{Registrar{}, 60, "60"},
		{Registrar{MaxGrant: 30 * time.Second}, 60, "30"},
		{Registrar{MinGrant: time.Hour}, 60, "3600"},
		{Registrar{}, 90000, "3600"},
	} {
		tt.set.Open = true
		_, one, _ := registrants(t, tt.set)
		if a := one.want(200, "", here, expires(tt.asked)); phone.Param(a.Get("Contact"), "expires") != tt.want {
			t.Errorf("%+v: asked %d, granted %q", tt.set, tt.asked, a.Get("Contact"))
		}
	}
	_, one, _ := registrants(t, Registrar{Open: true, MinExpires: 90 * time.Second})
	if a := one.want(423, "", here, expires(60)); a.Get("Min-Expires") != "90" {
		t.Errorf("423 has Min-Expires %q", a.Get("Min-Expires"))
	}
	one.want(200, "", here, expires(90))
	one.want(200, "", here, expires(0))
}

func TestLists(t *testing.T) {
	t.Parallel()
	x, one, _ := registrants(t, Registrar{Open: true})
	for _, tt := range []struct {
		list           List
		bound, unbound int // contacts listed
	}{{ListAll, 1, 0}, {ListOmit, 0, 0}, {ListForeign, 2, 1}, {ListStale, 1, 1}} {
		x.SetRegistrar(func(r *Registrar) { r.List = tt.list })
		bound := len(one.want(200, "", here, expires(60)).Values("Contact"))
		unbound := len(one.want(200, "", here, expires(0)).Values("Contact"))
		if bound != tt.bound || unbound != tt.unbound {
			t.Errorf("%s: %d and %d contacts, want %d and %d", tt.list, bound, unbound, tt.bound, tt.unbound)
		}
	}
}

func TestRegistrarFaults(t *testing.T) {
	t.Parallel()
	x, one, _ := registrants(t, Registrar{Open: true})
	x.SetRegistrar(func(r *Registrar) { r.Forbid = true })
	one.want(403, "", here)
	x.SetRegistrar(func(r *Registrar) { r.Forbid = false })
	one.want(200, "", here)
	if err := x.Restart(true); err != nil {
		t.Fatal(err)
	}
	if len(x.Bindings()) != 1 {
		t.Error("a restart that keeps bindings lost them")
	}
	if err := x.Restart(false); err != nil {
		t.Fatal(err)
	}
	log, err := x.Log()
	if len(x.Bindings()) != 0 || err != nil || log[len(log)-1].Kind != "lost" {
		t.Errorf("after a restart: %+v, %v", log, err)
	}
	if err := x.SetFault(RegistrarSilent, 0); err != nil {
		t.Fatal(err)
	}
	if a := one.ask("", here); a != nil {
		t.Errorf("a silent registrar answered %d", a.Status)
	}
	if err := x.SetFault(Healthy, 0); err != nil {
		t.Fatal(err)
	}
	one.want(200, "", here)
}
