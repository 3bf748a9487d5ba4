package doctor

import (
	"net/netip"
	"time"

	"releve/cmd/internal/text"
)

// Facts are what Gather saw: values only.
type Facts struct {
	Now  time.Time
	Lang text.Lang

	Config  ConfigFacts
	Running RunningFacts
	Listen  []Port
	Media   MediaFacts
	Clock   ClockFacts
	Zone    string
	Product string // of the machine's maker; empty: not told
	Virtual bool
	Memory  MemoryFacts

	Descriptors, WantDescriptors uint64 // allowed, and what the configuration may need
	ReceiveMax, SendMax          int    // net.core.rmem_max, wmem_max in bytes; 0: not told
	MayForce                     bool   // CAP_NET_ADMIN: beyond these limits

	Names     []NameFacts
	Resolvers []ResolverFacts
	Paths     []PathFacts
	NeedsIPv6 bool
	HasIPv6   bool

	Disk         DiskFacts
	Store        Store
	Certificates []CertificateFacts // of SIP, of the alarm screen; none: nothing speaks TLS
	Keys         FileFacts
	Secrets      []SecretFacts
}

// ConfigFacts is what Load said.
type ConfigFacts struct {
	File           string
	Faults, Advice int
}

// RunningFacts is what is to be seen of a serving Relève, from /proc.
type RunningFacts struct {
	PID          int // 0: none runs, or it cannot be told which
	Version      string
	Seen         bool   // its status could be read
	Why          string // when not
	Root         bool
	NoNewPrivs   bool
	Seccomp      bool
	Capabilities uint64 // effective set
	MemoryMax    uint64 // of its control group in bytes; 0: none
}

// The ways in which a listening address can be.
const (
	Free   = "free"
	Taken  = "taken"
	Absent = "absent" // no interface has it
	Denied = "denied"
	Other  = "other"
)

// Port is one listening address and who has it.
type Port struct {
	Address string // "udp 10.20.0.5:5060"
	State   string
	Holder  string // "asterisk (812)"; empty: not to be seen
	Ours    bool
	Why     string // with Other
}

// MediaFacts are the UDP ports for sound; Count 0: none are used.
type MediaFacts struct {
	Address     string
	Count, Free int
}

// ClockFacts is what the kernel tells (adjtimex).
type ClockFacts struct {
	Why    string // it does not tell
	Synced bool
	Offset time.Duration
	Most   time.Duration // maximum error
}

// MemoryFacts in bytes; Total 0: not told.
type MemoryFacts struct{ Total, Available uint64 }

// NameFacts is one name of the configuration.
type NameFacts struct {
	Name      string
	Addresses []netip.Addr // or of the SRV records
	Took      time.Duration
	Why       string // no address
}

// ResolverFacts is one name server, asked by itself.
type ResolverFacts struct {
	Server string
	Took   time.Duration
	Silent bool
}

// PathFacts is the way to one peer.
type PathFacts struct {
	Peer, Address    string
	Local, Interface string
	MTU              int    // what the kernel knows of the path; 0: not told
	Why              string // no way
}

// DiskFacts of the store's directory.
type DiskFacts struct {
	Path                string
	Exists              bool
	Why                 string // the file system could not be asked
	Free, Total         uint64 // bytes for an ordinary user
	FreeNodes, AllNodes uint64 // inodes; 0 of 0: the file system has none to count
	Writable            string // why not; empty: it is
	Syncs               int    // how many writes were timed
	Slowest             time.Duration
}

// CertificateFacts of one certificate file.
type CertificateFacts struct {
	File        string
	Why         string // it cannot serve
	Name        string
	Start, End  time.Time
	Issuer      string
	Untrusted   bool
	MissingName string // an address that others call and the certificate lacks
}

// FileFacts is one file.
type FileFacts struct {
	File    string
	Missing bool
	Why     string // it could not be looked at
	Mode    uint32
}

// SecretFacts is one password.
type SecretFacts struct {
	FileFacts
	Env   string
	Unset bool
}
