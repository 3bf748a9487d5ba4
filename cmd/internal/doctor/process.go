package doctor

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// status is what /proc/PID/status says of a process's rights.
type status struct {
	seen                bool
	uid                 string
	noNewPrivs, seccomp bool
	capabilities        uint64
}

func statusOf(pid string) (s status) {
	raw, err := os.ReadFile(filepath.Join("/proc", pid, "status"))
	if err != nil {
		return s
	}
	s.seen = true
	for line := range strings.Lines(string(raw)) {
		key, value, _ := strings.Cut(line, ":")
		fields := strings.Fields(value)
		if len(fields) == 0 {
			continue
		}
		switch key {
		case "Uid":
			s.uid = fields[min(1, len(fields)-1)] // the effective one
		case "NoNewPrivs":
			s.noNewPrivs = fields[0] == "1"
		case "Seccomp":
			s.seccomp = fields[0] == "2"
		case "CapEff":
			s.capabilities, _ = strconv.ParseUint(fields[0], 16, 64)
		}
	}
	return s
}

// lookAtProcess finds who serves the admin socket and reads its rights.
func lookAtProcess(socket string, r *RunningFacts) {
	pid, err := servedBy(socket)
	if err != nil {
		r.Why = err.Error()
		return
	}
	r.PID = pid
	s := statusOf(strconv.Itoa(pid))
	if !s.seen {
		r.Why = fmt.Sprintf("/proc/%d/status", pid)
		return
	}
	r.Seen, r.Root, r.NoNewPrivs, r.Seccomp, r.Capabilities = true, s.uid == "0", s.noNewPrivs, s.seccomp, s.capabilities
	r.MemoryMax = memoryMax(pid)
}

// servedBy asks the kernel whose socket it is (SO_PEERCRED): no word is said.
func servedBy(socket string) (int, error) {
	c, err := net.DialTimeout("unix", socket, time.Second)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) { cred, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return 0, err
	}
	if failed != nil {
		return 0, failed
	}
	return int(cred.Pid), nil
}

// memoryMax is the limit of the process's control group (version 2); 0: none.
func memoryMax(pid int) uint64 {
	for line := range strings.Lines(contents(fmt.Sprintf("/proc/%d/cgroup", pid))) {
		group, ok := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(contents(filepath.Join("/sys/fs/cgroup", group, "memory.max"))), 10, 64)
		if err == nil {
			return n
		}
	}
	return 0
}

// holder names the process that has the socket with the inode; 0: it cannot be
// seen, for it is another user's.
func holder(inode string) (pid int, name string) {
	if inode == "" || inode == "0" {
		return 0, ""
	}
	want := "socket:[" + inode + "]"
	processes, _ := os.ReadDir("/proc")
	for _, p := range processes {
		n, err := strconv.Atoi(p.Name())
		if err != nil {
			continue
		}
		files, err := os.ReadDir(filepath.Join("/proc", p.Name(), "fd"))
		if err != nil {
			continue // another user's, or gone
		}
		for _, f := range files {
			if to, err := os.Readlink(filepath.Join("/proc", p.Name(), "fd", f.Name())); err == nil && to == want {
				return n, strings.TrimSpace(contents(filepath.Join("/proc", p.Name(), "comm")))
			}
		}
	}
	return 0, ""
}
