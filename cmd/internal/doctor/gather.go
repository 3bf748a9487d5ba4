package doctor

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"releve/cmd/internal/config"
)

// spareDescriptors are what Relève opens beside connections: listeners, peers,
// store, log. Our choice, ample.
const spareDescriptors = 512

// Gather looks. It ends within seconds of ctx at the latest.
func Gather(ctx context.Context, o Options) Facts {
	c := o.Config
	f := Facts{Now: time.Now(), Lang: o.Messages.Lang(), Config: configFacts(o)}
	f.Zone = zone()
	if o.Running != nil {
		f.Running.Version = o.Running(ctx)
	}
	lookAtProcess(c.Admin.Socket, &f.Running)
	f.Listen = ports(c, o.Program, f.Running.PID)
	f.Media = mediaPorts(c)
	f.Clock = clock()
	f.Product, f.Virtual = machine()
	f.Memory = memory()
	f.Descriptors, f.WantDescriptors = descriptors(f.Running.PID), uint64(c.Limits.Connections+spareDescriptors)
	f.ReceiveMax, f.SendMax = kernelNumber("/proc/sys/net/core/rmem_max"), kernelNumber("/proc/sys/net/core/wmem_max")
	f.MayForce = mayForce(f.Running)
	f.NeedsIPv6 = needsIPv6(c)
	f.HasIPv6 = strings.TrimSpace(contents("/proc/sys/net/ipv6/conf/all/disable_ipv6")) == "0"
	network(ctx, c, &f)
	f.Disk = disk(c.Store.Path)
	if o.Store != nil {
		f.Store = o.Store(ctx, c)
	} else {
		f.Store.Unseen = "-"
	}
	f.Certificates = certificates(c)
	f.Keys = fileFacts(c.Keys.File)
	f.Secrets = secrets(c)
	return f
}

func configFacts(o Options) ConfigFacts {
	out := ConfigFacts{File: o.Path}
	for _, p := range o.Problems {
		if p.Advice {
			out.Advice++
		} else {
			out.Faults++
		}
	}
	return out
}

// zone is the name of the local time zone.
func zone() string {
	if name := os.Getenv("TZ"); name != "" {
		return name
	}
	if target, err := os.Readlink("/etc/localtime"); err == nil {
		if _, name, ok := strings.Cut(target, "zoneinfo/"); ok {
			return name
		}
	}
	name, _ := time.Now().Zone()
	return name
}

// clock asks the kernel, which the NTP client told (adjtimex(2)).
func clock() ClockFacts {
	var t unix.Timex // Modes 0: only read
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return ClockFacts{Why: err.Error()}
	}
	unit := time.Microsecond
	if t.Status&unix.STA_NANO != 0 {
		unit = time.Nanosecond
	}
	const timeError = 5 // TIME_ERROR: the clock is not synchronised
	return ClockFacts{
		Synced: state != timeError && t.Status&unix.STA_UNSYNC == 0,
		Offset: time.Duration(t.Offset) * unit, Most: time.Duration(t.Maxerror) * time.Microsecond,
	}
}

// makers are words of the firmware of virtual machines.
var makers = []string{"vmware", "virtualbox", "kvm", "qemu", "xen", "hyper-v", "virtual machine", "bochs", "ovirt", "rhev", "proxmox", "nutanix", "parallels", "bhyve", "openstack", "amazon ec2", "google compute"}

// machine tells the maker, and whether it is a virtual one.
func machine() (product string, virtual bool) {
	const dmi = "/sys/class/dmi/id/"
	vendor, model := strings.TrimSpace(contents(dmi+"sys_vendor")), strings.TrimSpace(contents(dmi+"product_name"))
	product = strings.TrimSpace(vendor + " " + model)
	low := strings.ToLower(product)
	for _, m := range makers {
		if strings.Contains(low, m) {
			return product, true
		}
	}
	// The processor says it, where the firmware does not.
	for line := range strings.Lines(contents("/proc/cpuinfo")) {
		if strings.HasPrefix(line, "flags") {
			return product, strings.Contains(line+" ", " hypervisor ")
		}
	}
	return product, false
}

func memory() (m MemoryFacts) {
	for line := range strings.Lines(contents("/proc/meminfo")) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		n, _ := strconv.ParseUint(fields[1], 10, 64)
		switch fields[0] {
		case "MemTotal:":
			m.Total = n << 10
		case "MemAvailable:":
			m.Available = n << 10
		}
	}
	return m
}

// descriptors is the limit of the running process, else our own; a Go program
// raises the soft one to the hard one.
func descriptors(pid int) uint64 {
	if pid > 0 {
		for line := range strings.Lines(contents(fmt.Sprintf("/proc/%d/limits", pid))) {
			if rest, ok := strings.CutPrefix(line, "Max open files"); ok {
				soft, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
				if n, err := strconv.ParseUint(soft, 10, 64); err == nil {
					return n
				}
			}
		}
	}
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) != nil {
		return 0
	}
	return r.Max
}

// mayForce: CAP_NET_ADMIN lifts the limits of socket buffers, in the running
// process, or in ours when none runs.
func mayForce(r RunningFacts) bool {
	const netAdmin = 1 << unix.CAP_NET_ADMIN
	if r.Seen {
		return r.Capabilities&netAdmin != 0
	}
	return statusOf("self").capabilities&netAdmin != 0 && r.Version == "" && os.Geteuid() != 0
}

func needsIPv6(c *config.Config) bool {
	is := func(a netip.Addr) bool { return a.Is6() && !a.Is4In6() }
	for _, l := range c.Listen {
		if is(l.Address.Addr()) {
			return true
		}
	}
	for _, p := range peers(c) {
		if is(p.uri.Addr.Addr()) {
			return true
		}
	}
	return false
}

// contents is a small file of the kernel's; "" when it cannot be read.
func contents(path string) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(raw)
}

func kernelNumber(path string) int {
	n, _ := strconv.Atoi(strings.TrimSpace(contents(path)))
	return n
}
