package interop

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	peer "releve/testbed/kamailio"
)

// kamailio is the IPBX of a row.
type kamailio struct{ *process }

func startKamailio(n network, dir string, r *row, cert *certificates) (*kamailio, error) {
	s := peer.Site{
		Addr: n.addr(hostIPBX), Releve: n.addr(hostReleve), Trunk: uri("", n.at(hostReleve), r.trunk),
		Policy: r.policy, Fault: r.fault, NonceLife: r.nonceLife, Grant: r.grant,
	}
	if cert != nil {
		s.Key, s.Certificate, s.CA = cert.ipbxKey, cert.ipbx, cert.ca
	}
	argv, err := peer.Write(dir, s)
	if err != nil {
		return nil, err
	}
	p, err := start("kamailio", dir, argv...)
	return &kamailio{p}, err
}

// set changes how the registrar behaves from now on.
func (k *kamailio) set(ctx context.Context, knob, value string) error {
	return peer.Set(ctx, k.dir, knob, value)
}

// forget removes every binding of a user, as an IPBX that lost its memory.
func (k *kamailio) forget(ctx context.Context, user string) error {
	_, err := peer.Ask(ctx, k.dir, "ul.rm", "location", "s:"+user)
	return err
}

// bindings lists the contacts of each user.
func (k *kamailio) bindings(ctx context.Context) (map[string][]string, error) {
	return peer.Bindings(ctx, k.dir)
}

// bound waits until user has exactly these contacts.
func (k *kamailio) bound(ctx context.Context, user string, contacts ...string) error {
	for {
		b, err := k.bindings(ctx)
		if err == nil {
			slices.Sort(b[user])
			slices.Sort(contacts)
			if slices.Equal(b[user], contacts) {
				return nil
			}
		}
		if !pause(ctx, interval) {
			return errors.Join(fmt.Errorf("kamailio binds %s to %v, wanted %v", user, b[user], contacts), err)
		}
	}
}

// registered waits until user has a contact.
func (k *kamailio) registered(ctx context.Context, user string) error {
	for {
		b, err := k.bindings(ctx)
		if err == nil && len(b[user]) > 0 {
			return nil
		}
		if !pause(ctx, interval) {
			return errors.Join(fmt.Errorf("%s is not registered at kamailio", user), err)
		}
	}
}

// both is a moment at which the two licensed users were bound, as the registrar
// itself noted it after each change.
var both = regexp.MustCompile(`BOUND 5001=1 5002=1.*`)

// overlapped fails when the registrar ever had both users bound.
func (k *kamailio) overlapped() error {
	if m := both.FindString(k.said.since(0)); m != "" {
		return fmt.Errorf("both licensed users were bound at once: %s", m)
	}
	return nil
}
