package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"releve/proxy/resolve"
	"releve/proxy/transport"
)

// prepare opens what the far ends of another configuration need, and asks for
// their names; to is a node under it. What is not needed in the end settle
// gives up. A name that is not known by then serves when it is.
func (n *names) prepare(ctx context.Context, to *App) error {
	for _, u := range to.farEnds() {
		if u.IsName() {
			if name := nameOf(u); !slices.Contains(n.names(), name) {
				n.watch(name)
				n.resolved(ctx, name, to.cfg().DNS.Timeout)
			}
		}
	}
	for _, p := range to.fixedPeers() {
		if err := n.app.wire.AddPeer(p); err != nil {
			return fmt.Errorf("open a socket for %s: %w", p.Addr, err)
		}
		n.fix(p)
	}
	return nil
}

// settle follows the far ends of the configuration in force. The sockets of
// those that it no longer has stay for the calls that were set up there, maxOpen
// of them at most.
func (n *names) settle(in *App) {
	var wanted []resolve.Name
	for _, u := range in.farEnds() {
		if u.IsName() {
			wanted = append(wanted, nameOf(u))
		}
	}
	n.release(in.fixedPeers(), wanted)
	for _, name := range wanted {
		if found, ok := n.resolver.Targets(name); ok {
			n.changed(name, found)
		}
	}
}

func (n *names) release(fixed []transport.Peer, wanted []resolve.Name) {
	n.mu.Lock()
	defer n.mu.Unlock()
	leave := slices.DeleteFunc(n.fixed, func(p transport.Peer) bool { return slices.Contains(fixed, p) })
	for _, name := range n.watched {
		if !slices.Contains(wanted, name) {
			n.resolver.Unwatch(name)
			leave = append(leave, n.open[name]...)
			delete(n.open, name)
		}
	}
	n.fixed, n.watched = fixed, wanted
	n.former = slices.DeleteFunc(append(n.former, leave...), n.inUse)
	for len(n.former) > maxOpen {
		n.app.wire.RemovePeer(n.former[0])
		n.former = n.former[1:]
		n.closed.Add(1)
	}
}

// inUse: a far end has this socket. The mutex is held.
func (n *names) inUse(p transport.Peer) bool {
	for _, open := range n.open {
		if slices.Contains(open, p) {
			return true
		}
	}
	return slices.Contains(n.fixed, p)
}

func (n *names) fix(p transport.Peer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !slices.Contains(n.fixed, p) {
		n.fixed = append(n.fixed, p)
	}
}

func (n *names) names() []resolve.Name {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.watched)
}

func (n *names) watch(name resolve.Name) {
	n.resolver.Watch(name)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.watched = append(n.watched, name)
}

// resolved waits until a name was looked up, at most as long as DNS may take.
func (n *names) resolved(ctx context.Context, name resolve.Name, limit time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	asked := make(chan struct{})
	n.resolver.Resolve(name, func() { close(asked) })
	select {
	case <-asked:
	case <-ctx.Done():
	}
}
