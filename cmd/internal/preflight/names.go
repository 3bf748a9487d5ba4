package preflight

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"releve/cmd/internal/text"
	"releve/proxy/resolve"
	"releve/proxy/transport"
)

// maxTargets bounds the addresses of one name that are asked, our choice.
const maxTargets = 8

// take makes one of the addresses that a name leads to the far end.
func (f *far) take(i int) {
	f.at = f.ways[i]
	f.seen = f.at.Remote.String() + " " + f.at.Network.String()
}

// choose asks each address of a name that has several, and keeps to the first that
// answers, as Relève does (RFC 3263 §4.3); what is silent is told.
func (r *run) choose(ctx context.Context) {
	var all sync.WaitGroup
	for i := range r.far {
		if f := &r.far[i]; len(f.ways) > 1 {
			all.Go(func() {
				live := r.alive(ctx, *f)
				for n, ok := range live {
					if ok {
						f.take(n)
						break
					}
				}
				r.silent(*f, live)
			})
		}
	}
	all.Wait()
}

// alive says which addresses answer OPTIONS; over TLS, take a connection.
func (r *run) alive(ctx context.Context, f far) []bool {
	live := make([]bool, len(f.ways))
	var all sync.WaitGroup
	for i, way := range f.ways {
		all.Go(func() {
			if way.Network != transport.TLS {
				live[i] = r.s.ask(ctx, r.options(f, way, reachLimit, 0)).final != nil
				return
			}
			d := net.Dialer{Timeout: reachLimit, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(r.s.addr.Addr(), 0))}
			if conn, err := d.DialContext(ctx, "tcp", way.Remote.String()); err == nil {
				live[i] = conn.Close() == nil
			}
		})
	}
	all.Wait()
	return live
}

// silent amends what was said of a name: the first address silent delays calls; a later
// one may be a machine that stands by. When all are, OPTIONS says so.
func (r *run) silent(f far, live []bool) {
	var mute []string
	some := false
	for i, ok := range live {
		some = some || ok
		if !ok {
			mute = append(mute, f.ways[i].Remote.String()+" "+f.ways[i].Network.String())
		}
	}
	if len(mute) == 0 || !some {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, x := range r.findings {
		if x.ID == text.StudyNames && x.Target == f.Name && x.Subject == f.Subject {
			r.findings[i].Values["case"], r.findings[i].Values["silent"] = "partly", printable(strings.Join(mute, ", "))
			if r.findings[i].State = Info; !live[0] {
				r.findings[i].State = Reservation
			}
		}
	}
}

// locate finds where each far end is.
func (r *run) locate(ctx context.Context) error {
	res, err := resolve.New(resolve.Config{Servers: r.plan.DNS, Stale: -1})
	if err != nil {
		return fmt.Errorf("read this machine's DNS settings: %w", err)
	}
	defer res.Close()
	r.far = make([]far, len(r.plan.Far))
	var all sync.WaitGroup
	for i, f := range r.plan.Far {
		all.Go(func() { r.far[i] = r.lookUp(ctx, res, f) })
	}
	all.Wait()
	return nil
}

// lookUp asks for one name; an address needs no asking.
func (r *run) lookUp(ctx context.Context, res *resolve.Resolver, f Far) far {
	out := far{Far: f}
	name := resolve.Name{Host: f.Host, Port: f.Port, Network: f.Network, Given: f.Given, Secure: f.Secure}
	start := time.Now()
	targets := resolved(ctx, res, name)
	took := time.Since(start)
	for _, t := range targets[:min(len(targets), maxTargets)] {
		out.ways = append(out.ways, flowTo(t.Network, t.Addr))
	}
	if len(targets) > 0 {
		out.ok = true
		out.take(0)
	}
	if _, err := netip.ParseAddr(strings.Trim(f.Host, "[]")); err != nil {
		r.note(out, judgeName(f.Host, targets, took))
	}
	return out
}

func judgeName(host string, targets []resolve.Target, took time.Duration) Finding {
	if len(targets) == 0 {
		return seen(text.StudyNames, NoGo, "name", host)
	}
	var words []string
	for i, t := range targets {
		if i == 8 {
			break
		}
		words = append(words, t.Addr.String()+" "+t.Network.String())
	}
	f := seen(text.StudyNames, OK, "name", host, "targets", strings.Join(words, ", "), "ms", millis(took))
	if took > slowName {
		f.State, f.Values["case"] = Reservation, "slow"
	}
	return f
}

// resolved asks and waits, no longer than a lookup may take.
func resolved(ctx context.Context, res *resolve.Resolver, n resolve.Name) []resolve.Target {
	if t, ok := res.Targets(n); ok {
		return t
	}
	ctx, cancel := within(ctx, 10*time.Second)
	defer cancel()
	done := make(chan struct{})
	res.Resolve(n, func() { close(done) })
	select {
	case <-done:
	case <-ctx.Done():
	}
	t, _ := res.Targets(n)
	return t
}
