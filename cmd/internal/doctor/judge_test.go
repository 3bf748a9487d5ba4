package doctor

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"releve/cmd/internal/text"
)

// sound is a machine with nothing wrong, Relève running.
func sound() Facts {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.FixedZone("Europe/Paris", 3600))
	return Facts{
		Now: now, Lang: text.French, Zone: "Europe/Paris", Product: "HPE ProLiant",
		Config:  ConfigFacts{File: "/etc/releve/releve.yaml"},
		Running: RunningFacts{PID: 812, Version: "1.0", Seen: true, NoNewPrivs: true, Seccomp: true},
		Listen:  []Port{{Address: "udp 10.20.0.5:5060", State: Taken, Holder: "releve (812)", Ours: true}},
		Media:   MediaFacts{"10.20.0.5:16384-16483", 50, 50},
		Clock:   ClockFacts{Synced: true, Offset: time.Millisecond, Most: 20 * time.Millisecond},
		Memory:  MemoryFacts{4 << 30, 2 << 30}, Descriptors: 65536, WantDescriptors: 1512,
		ReceiveMax: 8 << 20, SendMax: 8 << 20,
		Names:     []NameFacts{{Name: "oxe.example", Addresses: []netip.Addr{netip.MustParseAddr("10.10.0.10")}, Took: time.Millisecond}},
		Resolvers: []ResolverFacts{{Server: "10.10.0.53:53", Took: time.Millisecond}},
		Paths:     []PathFacts{{Peer: "oxe", Address: "10.10.0.10", Local: "10.20.0.5", Interface: "eth0", MTU: 1500}},
		NeedsIPv6: true, HasIPv6: true,
		Disk:         DiskFacts{Path: "/var/lib/releve", Exists: true, Free: 50 << 30, Total: 100 << 30, FreeNodes: 90, AllNodes: 100, Syncs: 5, Slowest: time.Millisecond},
		Store:        Store{Schema: 3, Newest: 3, Bytes: 1 << 20},
		Certificates: []CertificateFacts{{Name: "releve.example", Start: now.Add(-time.Hour), End: now.Add(90 * 24 * time.Hour), Issuer: "CA"}},
		Keys:         FileFacts{File: "/etc/releve/secrets/keys", Mode: 0o600},
		Secrets:      []SecretFacts{{FileFacts: FileFacts{File: "/etc/releve/secrets/5001", Mode: 0o400}}},
	}
}

func TestASoundMachine(t *testing.T) {
	for _, f := range Judge(sound()) {
		if f.State != text.StudyOK {
			t.Errorf("%s: %s %v", f.ID, f.State, f.Values)
		}
	}
}

// TestJudge: one thing is wrong at a time; that finding, and no other, changes.
func TestJudge(t *testing.T) {
	second := ResolverFacts{Server: "10.10.0.54:53"}
	for _, c := range []struct {
		name  string
		spoil func(*Facts)
		id    text.DoctorID
		state State
		kind  string // case
	}{
		{"faults", func(f *Facts) { f.Config.Faults = 2 }, text.DoctorConfig, text.StudyNoGo, ""},
		{"advice", func(f *Facts) { f.Config.Advice = 1 }, text.DoctorConfig, text.StudyInfo, "advice"},
		{"another program", func(f *Facts) { f.Listen[0] = Port{State: Taken, Holder: "asterisk (9)"} }, text.DoctorListen, text.StudyNoGo, ""},
		{"no such address", func(f *Facts) { f.Listen[0].State = Absent }, text.DoctorListen, text.StudyNoGo, "absent"},
		{"low port", func(f *Facts) { f.Listen[0].State = Denied }, text.DoctorListen, text.StudyNoGo, "denied"},
		{"strange", func(f *Facts) { f.Listen[0].State = Other }, text.DoctorListen, text.StudyNoGo, "other"},
		{"hidden holder while we run", func(f *Facts) { f.Listen[0] = Port{State: Taken} }, text.DoctorListen, text.StudyOK, "ours"},
		{"unsynchronised", func(f *Facts) { f.Clock.Synced = false }, text.DoctorClock, text.StudyReservation, ""},
		{"far off", func(f *Facts) { f.Clock.Offset = -time.Second }, text.DoctorClock, text.StudyReservation, "far"},
		{"kernel is silent", func(f *Facts) { f.Clock.Why = "not permitted" }, text.DoctorClock, text.StudyUnknown, "unknown"},
		{"virtual", func(f *Facts) { f.Virtual = true }, text.DoctorMachine, text.StudyInfo, ""},
		{"little memory", func(f *Facts) { f.Memory.Available = 10 << 20 }, text.DoctorMemory, text.StudyReservation, ""},
		{"limited service", func(f *Facts) { f.Running.MemoryMax = 64 << 20 }, text.DoctorMemory, text.StudyReservation, "limit"},
		{"few descriptors", func(f *Facts) { f.Descriptors = 1024 }, text.DoctorDescriptors, text.StudyReservation, ""},
		{"hardly any", func(f *Facts) { f.Descriptors = 100 }, text.DoctorDescriptors, text.StudyNoGo, ""},
		{"ordinary buffers", func(f *Facts) { f.ReceiveMax = 212992 }, text.DoctorBuffers, text.StudyInfo, ""},
		{"small buffers", func(f *Facts) { f.SendMax = 65536 }, text.DoctorBuffers, text.StudyReservation, ""},
		{"unknown name", func(f *Facts) { f.Names[0].Why = "no such host" }, text.DoctorNames, text.StudyNoGo, ""},
		{"one of two servers silent", func(f *Facts) { second.Silent = true; f.Resolvers = append(f.Resolvers, second) }, text.DoctorResolver, text.StudyReservation, ""},
		{"every server silent", func(f *Facts) { f.Resolvers[0].Silent = true }, text.DoctorResolver, text.StudyNoGo, ""},
		{"no route", func(f *Facts) { f.Paths[0].Why = "network is unreachable" }, text.DoctorRoute, text.StudyNoGo, ""},
		{"tunnel", func(f *Facts) { f.Paths[0].MTU = 1420 }, text.DoctorMTU, text.StudyInfo, ""},
		{"narrow path", func(f *Facts) { f.Paths[0].MTU = 1000 }, text.DoctorMTU, text.StudyReservation, ""},
		{"IPv6 off", func(f *Facts) { f.HasIPv6 = false }, text.DoctorIPv6, text.StudyNoGo, ""},
		{"disk nearly full", func(f *Facts) { f.Disk.Free = 500 << 20 }, text.DoctorDisk, text.StudyReservation, ""},
		{"disk full", func(f *Facts) { f.Disk.Free = 1 << 20 }, text.DoctorDisk, text.StudyNoGo, ""},
		{"no inodes", func(f *Facts) { f.Disk.FreeNodes = 0 }, text.DoctorDisk, text.StudyNoGo, ""},
		{"disk unseen", func(f *Facts) { f.Disk.Why = "denied" }, text.DoctorDisk, text.StudyUnknown, "unseen"},
		{"slow disk", func(f *Facts) { f.Disk.Slowest = time.Second }, text.DoctorSync, text.StudyReservation, ""},
		{"damaged store", func(f *Facts) { f.Store.Fault = "it is damaged" }, text.DoctorStore, text.StudyNoGo, ""},
		{"older store", func(f *Facts) { f.Store.Schema = 2 }, text.DoctorStore, text.StudyInfo, "older"},
		{"no store", func(f *Facts) { f.Store = Store{Missing: true} }, text.DoctorStore, text.StudyInfo, "new"},
		{"store unseen", func(f *Facts) { f.Store.Unseen = "denied" }, text.DoctorStore, text.StudyUnknown, "unseen"},
		{"expired", func(f *Facts) { f.Certificates[0].End = f.Now }, text.DoctorCertificate, text.StudyNoGo, "expired"},
		{"early", func(f *Facts) { f.Certificates[0].Start = f.Now.Add(time.Hour) }, text.DoctorCertificate, text.StudyNoGo, "early"},
		{"ending", func(f *Facts) { f.Certificates[0].End = f.Now.Add(24 * time.Hour) }, text.DoctorCertificate, text.StudyReservation, "ending"},
		{"wrong key", func(f *Facts) { f.Certificates[0].Why = "private key does not match" }, text.DoctorCertificate, text.StudyNoGo, ""},
		{"wrong name", func(f *Facts) { f.Certificates[0].MissingName = "10.20.0.5" }, text.DoctorCertificate, text.StudyReservation, "name"},
		{"unknown authority", func(f *Facts) { f.Certificates[0].Untrusted = true }, text.DoctorCertificate, text.StudyReservation, "chain"},
		{"open keys", func(f *Facts) { f.Keys.Mode = 0o644 }, text.DoctorKeys, text.StudyNoGo, ""},
		{"keys for the group", func(f *Facts) { f.Keys.Mode = 0o640 }, text.DoctorKeys, text.StudyReservation, ""},
		{"no keys yet", func(f *Facts) { f.Keys.Missing = true }, text.DoctorKeys, text.StudyInfo, "new"},
		{"root", func(f *Facts) { f.Running.Root = true }, text.DoctorHardening, text.StudyReservation, ""},
		{"seccomp off", func(f *Facts) { f.Running.Seccomp = false }, text.DoctorHardening, text.StudyReservation, ""},
		{"capabilities", func(f *Facts) { f.Running.Capabilities = 1 << 12 }, text.DoctorHardening, text.StudyReservation, ""},
	} {
		f := sound()
		c.spoil(&f)
		hit := false
		for _, got := range Judge(f) {
			switch {
			case got.ID == c.id && got.State == c.state && got.Values["case"] == c.kind:
				hit = true
			case got.State != text.StudyOK && got.ID != c.id:
				t.Errorf("%s: %s changes too: %s", c.name, got.ID, got.State)
			}
			if k := got.Values["case"]; k != "" && !text.DoctorCase(got.ID, k) {
				t.Errorf("%s: %s has no sentence for %s", c.name, got.ID, k)
			}
			if s := got.Text(text.For(text.English)); strings.Contains(s.Seen, "{") || s.Seen == "" {
				t.Errorf("%s: %s says %q", c.name, got.ID, s.Seen)
			}
		}
		if !hit {
			t.Errorf("%s: no finding %s %s %q", c.name, c.id, c.state, c.kind)
		}
	}
}

// TestCapabilityToBind is no fault: a port below 1024 needs it.
func TestCapabilityToBind(t *testing.T) {
	f := sound()
	f.Running.Capabilities = bindService
	if got := judgeHardening(f); got.State != text.StudyOK {
		t.Errorf("%+v", got)
	}
}

func TestHiddenHolderWithoutRelèveIsAFault(t *testing.T) {
	f := sound()
	f.Running = RunningFacts{}
	f.Listen = []Port{{Address: "udp 10.20.0.5:5060", State: Taken}}
	if got := judgeListen(f)[0]; got.State != text.StudyNoGo || got.Values["case"] != "hidden" {
		t.Errorf("%+v", got)
	}
}

func TestKernelAddress(t *testing.T) {
	for in, want := range map[string]string{
		"0100007F:13C4":                         "127.0.0.1:5060",
		"00000000000000000000000001000000:13C4": "[::1]:5060",
		"0000000000000000FFFF00000100007F:0050": "127.0.0.1:80",
	} {
		if got, ok := kernelAddress(in); !ok || got.String() != want {
			t.Errorf("%s: %s", in, got)
		}
	}
	if _, ok := kernelAddress("XYZ:1"); ok {
		t.Error("nonsense was read")
	}
}
