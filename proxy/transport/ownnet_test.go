package transport

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// own opens a transport in a network namespace of its own, with one link,
// and returns what takes that down. Nobody is at the other end of it.
func own(t *testing.T, h Handler) (tr *Transport, down func()) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("a network namespace of its own needs root: run the tests as root")
	}
	type opened struct {
		tr  *Transport
		err error
	}
	made, take, taken, end := make(chan opened), make(chan struct{}), make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread() // never unlocked: the thread, and its namespace, end with this goroutine
		err := unix.Unshare(unix.CLONE_NEWNET)
		for _, words := range []string{"link add name v0 type veth peer name v1", "addr add 10.9.9.1/24 dev v0", "link set v1 up", "link set v0 up"} {
			if err == nil {
				err = ip(words)
			}
		}
		var tr *Transport
		if err == nil {
			tr, err = open(onUDP("10.9.9.1:5060"), h, defaultLimits())
		}
		if err == nil {
			err = tr.AddPeer(Peer{Addr: addr("10.9.9.2:5060")})
		}
		made <- opened{tr, err}
		<-take
		taken <- ip("link set v0 down")
		<-end
	}()
	o := <-made
	if o.err != nil {
		t.Fatal(o.err)
	}
	t.Cleanup(func() { close(end) })
	t.Cleanup(o.tr.Close)
	o.tr.Start()
	return o.tr, func() {
		close(take)
		if err := <-taken; err != nil {
			t.Fatal(err)
		}
	}
}

// ip runs the command of that name in this thread's namespace.
func ip(words string) error {
	out, err := exec.Command("ip", strings.Fields(words)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", words, err, out)
	}
	return nil
}

// A link of ours that went down was once a server that is silent, and could move
// the licence.
func TestOurOwnLinkIsDown(t *testing.T) {
	for name, flow := range map[string]Flow{
		"a connected socket": {Network: UDP, Remote: addr("10.9.9.2:5060")},
		"the listener's":     {Network: UDP, Remote: addr("10.9.9.3:5060")},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRecorder()
			tr, down := own(t, r)
			if err := tr.Send(flow, []byte("x")); err != nil {
				t.Fatalf("while the link is up: %v", err)
			}
			down()
			until(t, "the error", func() bool { return errors.Is(tr.Send(flow, []byte("x")), ErrOwnNetwork) })
			all := r.wait(t, "a report", func(all []heard) bool {
				return len(all) > 0 && all[len(all)-1].failed && all[len(all)-1].cause == OwnNetwork
			})
			if got := all[len(all)-1].flow.Remote; got != flow.Remote {
				t.Errorf("reported of %v", got)
			}
			if k := tr.Counters(); k.OwnNetwork == 0 {
				t.Errorf("%+v", k)
			}
		})
	}
}

func TestErrorsOfOurOwnSide(t *testing.T) {
	for e, want := range map[syscall.Errno]Cause{
		unix.ENETUNREACH: OwnNetwork, unix.ENETDOWN: OwnNetwork, unix.EPERM: OwnNetwork, unix.EADDRNOTAVAIL: OwnNetwork,
		unix.EHOSTUNREACH: HostUnreachable, unix.ETIMEDOUT: HostUnreachable, unix.ECONNREFUSED: PortUnreachable, unix.ECONNRESET: PortUnreachable,
	} {
		err := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", e)}
		if got := dialCause(err); got != want {
			t.Errorf("%v: %v, want %v", e, got, want)
		}
	}
	if !errors.Is(ErrOwnNetwork, ErrUnreachable) {
		t.Error("what waits for a report does not wait")
	}
}
