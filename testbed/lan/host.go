package lan

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Host is one namespace with its thread.
type Host struct {
	addr netip.Addr
	tun  *os.File
	jobs chan func()
	stop chan struct{}
	done chan struct{}
}

// Addr is the host's address.
func (h *Host) Addr() netip.Addr { return h.addr }

// Do runs f on the host's thread: sockets that f opens and processes that it
// starts are the host's. A process started with Pdeathsig ends with the host.
func (h *Host) Do(f func() error) (err error) {
	ran := make(chan struct{})
	select {
	case h.jobs <- func() { defer close(ran); err = f() }:
		<-ran
		return err
	case <-h.done:
		return fmt.Errorf("host %s is closed", h.addr)
	}
}

// openHost makes the namespaces on a thread that is never given back: it ends
// with the goroutine, and the kernel takes what it held.
func openHost(addr netip.Addr) (*Host, error) {
	h := &Host{addr: addr, jobs: make(chan func()), stop: make(chan struct{}), done: make(chan struct{})}
	opened := make(chan error)
	go func() {
		defer close(h.done)
		runtime.LockOSThread()
		err := h.enter()
		opened <- err
		if err != nil {
			return
		}
		h.work()
	}()
	if err := <-opened; err != nil {
		<-h.done
		return nil, err
	}
	return h, nil
}

func (h *Host) work() {
	for {
		select {
		case job := <-h.jobs:
			job()
		case <-h.stop:
			return
		}
	}
}

// close ends the thread, then the interface: a reader of it ends.
func (h *Host) close() error {
	close(h.stop)
	<-h.done
	return h.tun.Close()
}

func (h *Host) write(packet []byte) {
	_, _ = h.tun.Write(packet) // a full queue or a closed host loses it, as a wire does
}

// errRights is what is missing, mostly.
var errRights = errors.New("network namespaces need root and /dev/net/tun: run this as root, or in a container with CAP_SYS_ADMIN and CAP_NET_ADMIN")

// enter leaves the machine's network and mounts for new ones.
func (h *Host) enter() error {
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("make a namespace: %w; %w", err, errRights)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep the mounts of a namespace to itself: %w", err)
	}
	control, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open a control socket: %w", err)
	}
	defer unix.Close(control)
	if err := up(control, "lo"); err != nil {
		return err
	}
	return h.openTUN(control)
}

// device is the name of each host's interface, in its own namespace.
const device = "lan0"

func (h *Host) openTUN(control int) error {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("open /dev/net/tun: %w; %w", err, errRights)
	}
	ask, err := unix.NewIfreq(device)
	if err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	ask.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, ask); err != nil {
		return errors.Join(fmt.Errorf("make an interface: %w; %w", err, errRights), unix.Close(fd))
	}
	if err := address(control, h.addr); err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	if err := up(control, device); err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	h.tun = os.NewFile(uintptr(fd), device) // non-blocking: the runtime's poller waits for it
	return nil
}

// address gives the interface its address in a network of 256.
func address(control int, addr netip.Addr) error {
	for _, v := range []struct {
		request uint
		value   netip.Addr
	}{
		{unix.SIOCSIFADDR, addr}, {unix.SIOCSIFNETMASK, netip.AddrFrom4([4]byte{255, 255, 255, 0})},
	} {
		ask, err := unix.NewIfreq(device)
		if err != nil {
			return err
		}
		four := v.value.As4()
		if err := ask.SetInet4Addr(four[:]); err != nil {
			return err
		}
		if err := unix.IoctlIfreq(control, v.request, ask); err != nil {
			return fmt.Errorf("give the interface its address: %w", err)
		}
	}
	return nil
}

func up(control int, name string) error {
	ask, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(control, unix.SIOCGIFFLAGS, ask); err != nil {
		return fmt.Errorf("read the flags of %s: %w", name, err)
	}
	ask.SetUint16(ask.Uint16() | unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(control, unix.SIOCSIFFLAGS, ask); err != nil {
		return fmt.Errorf("bring %s up: %w", name, err)
	}
	return nil
}

// Small mounts a file system of that many bytes, in memory, at an existing
// directory; only the host's processes see it.
func (h *Host) Small(dir string, size int) error {
	return h.Do(func() error {
		if err := unix.Mount("small", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", size)); err != nil {
			return fmt.Errorf("mount a small file system at %s: %w", dir, err)
		}
		return nil
	})
}

// Over lets the host see file in the place of path, as its own
// /etc/resolv.conf; both must exist.
func (h *Host) Over(file, path string) error {
	return h.Do(func() error {
		if err := unix.Mount(file, path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("lay %s over %s: %w", file, path, err)
		}
		return nil
	})
}
