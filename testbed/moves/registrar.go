package moves

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"releve/testbed/ipbx"
)

// The two licensed users, primary's first, and the registrars' secrets.
var users = [2]string{"5001", "5002"}

func secret(user, suffix string) string { return "secret" + user + suffix }

// registrar is what keeps the truth, and what goes wrong with it.
type registrar interface {
	// spans are all bindings so far, by its own words; an error: some are missing.
	spans() ([]Span, error)
	// bound are the users bound now, sorted.
	bound() []string
	// refuse answers status to every REGISTER from now on; 0: no more.
	refuse(ctx context.Context, status int) error
	// grant is the longest registration from now on, whole seconds.
	grant(ctx context.Context, seconds int) error
	// brief refuses shorter registrations with 423 from now on; 0: no more.
	brief(ctx context.Context, seconds int) error
	// down ends it, forgetting its bindings or not; up starts it again.
	down(keep bool) error
	up(ctx context.Context) error
	// password changes the secrets of both users from now on.
	password(ctx context.Context, suffix string) error
	close() error
}

// ours is the test bed's registrar.
type ours struct{ x *ipbx.IPBX }

func startOurs(at, releve netip.AddrPort, grant time.Duration) (*ours, error) {
	x, err := ipbx.Start(ipbx.Config{
		Name: "ipbx", Addr: at.String(), Releve: releve,
		Registrar: ipbx.Registrar{Realm: "moves", Users: secrets(""), MaxGrant: grant, MinGrant: grant},
	})
	return &ours{x: x}, err
}

func secrets(suffix string) map[string]string {
	out := make(map[string]string, len(users))
	for _, u := range users {
		out[u] = secret(u, suffix)
	}
	return out
}

// spans ends a binding when its time was over, or when the log says so before:
// the timer that writes "expired" may be late on a busy machine.
func (o *ours) spans() ([]Span, error) {
	log, err := o.x.Log()
	var l ledger
	for _, e := range log {
		switch e.Kind {
		case "bound", "refreshed":
			l.hold(e.At, e.User, e.At.Add(e.Expires))
		default:
			l.free(e.At, e.User)
		}
	}
	return l.spans, err
}

func (o *ours) bound() (out []string) {
	now := time.Now()
	for _, b := range o.x.Bindings() {
		if b.Until.After(now) {
			out = append(out, b.User)
		}
	}
	slices.Sort(out)
	return out
}

func (o *ours) set(change func(*ipbx.Registrar)) error {
	o.x.SetRegistrar(change)
	return nil
}

func (o *ours) refuse(_ context.Context, status int) error {
	return o.set(func(r *ipbx.Registrar) { r.Status = status })
}

func (o *ours) grant(_ context.Context, seconds int) error {
	d := time.Duration(seconds) * time.Second
	return o.set(func(r *ipbx.Registrar) { r.MaxGrant, r.MinGrant = d, d })
}

func (o *ours) down(keep bool) error {
	if !keep {
		o.x.DropBindings()
	}
	return o.x.SetFault(ipbx.Refuse, 0)
}

// up forgets transactions, calls and nonces, as a new process.
func (o *ours) up(context.Context) error {
	return errors.Join(o.x.Restart(true), o.x.SetFault(ipbx.Healthy, 0))
}

func (o *ours) password(_ context.Context, suffix string) error {
	return o.set(func(r *ipbx.Registrar) { r.Users = secrets(suffix) })
}

// list changes which bindings a 2xx lists.
func (o *ours) list(l ipbx.List) error {
	return o.set(func(r *ipbx.Registrar) { r.List = l })
}

func (o *ours) brief(_ context.Context, seconds int) error {
	return o.set(func(r *ipbx.Registrar) { r.MinExpires = time.Duration(seconds) * time.Second })
}

// stale makes every nonce given so far a stale one.
func (o *ours) stale() error {
	o.x.ForgetNonces()
	return nil
}

func (o *ours) close() error { return o.x.Close() }
