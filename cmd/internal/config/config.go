// Package config reads the YAML file into a typed Config, names every fault at
// once as file:line:col [CODE] message in the reader's language, writes the
// commented file of `releve config init` and prints the effective values of
// `config show` with secrets as ***.
//
// The document is decoded node by node: a phone number keeps the characters it
// was written with (an unquoted 0145 stays 0145, never 101) and every fault
// keeps its place. What this version does not do yet is refused by name
// (CFG-010), never ignored.
//
// A Config is immutable once Load returned it and may be shared; Load and
// Check read files and the environment, start nothing and keep nothing.
package config

import (
	"net/netip"
	"time"

	"releve/router"
	"releve/router/licence"
)

// Config is the whole file, with the keys of the file in the field tags.
type Config struct {
	Site           string         // shown on screens, required
	Language       string         // fr or en: language of what nobody asked for (alarms, logs)
	Level          router.Level   // the Wel'Suite level sold to the site, required
	WelLicences    []router.Level // the Wel'Suite options bought; levels above base need theirs
	Listen         []Listen       // 1–8
	DSCP           int            // 0–63, 24: mark of the SIP packets we send; 0: none
	TLS            TLS            // needed by a tls listener or a tls peer
	DNS            DNS            // who resolves the names of peers
	Keys           Keys
	IPBX           []IPBX   // 1–health.MaxIPBX; 0–licence.MaxIPBX that are no gateway come first
	Servers        []Server // one at base and mirroring, two above
	ServiceNumbers []string // as written; 404 for one of them is a misprovisioned server
	Registration   Registration
	Overflow       Overflow
	Verification   Verification
	Checks         []Check // exactly one of type options; 1–16
	Media          Media
	Dissuasion     Dissuasion
	Rescue         URI    // the operators' desk; zero: none
	DeadCalls      string // release or off
	LostCalls      string // release or off
	Limits         Limits
	Mirror         Mirror
	Store          Store
	Alarms         Alarms
	BackupData     BackupData
	Drill          Drill
	Contacts       Contacts
	Admin          Admin

	file string
	at   map[string]place // every key present, by path
	bad  map[string]bool  // paths whose value was refused
}

// Listen is one listening socket.
type Listen struct {
	Transport string // udp, tcp or tls
	Address   netip.AddrPort
	Advertise netip.AddrPort // what Via, Contact and Record-Route show; the address itself when not given
	Entry     router.Entry
}

// Keys signs tokens and branches.
type Keys struct {
	File string // made at first start; its directory must be writable then
}

// IPBX is one IPBX of the site; several are redundant, in order.
type IPBX struct {
	Name        string
	Address     URI
	Sources     []netip.Addr  // addresses it sends from; none given: the address itself, or none when that is a name (what it resolves to is then accepted)
	Profile     string        // one of ProfileNames(); it sets what the file leaves out
	NoAnswer    time.Duration // 5 s–5 min, by profile: the IPBX takes an unanswered call back after this
	MainStandby bool          // redundancy: main-standby, one registrar behind two addresses
	Gateway     bool          // kind: gateway, analogue lines behind SIP: no registrar, and after the IPBXs in the list
	MaxGrant    time.Duration // 5 s–24 h, by profile: the longest registration it grants
	Granted     Grounds       // whose word MaxGrant is
	MapFrom     bool          // identity: from; the servers' identity stands in From, else it is asserted (RFC 3325)
	Manners     Manners
}

// Standby is the second address of a main/stand-by pair that is configured by an
// address: the first other one of Sources, same port and transport. Not valid:
// there is none; a name has those that DNS knows.
func (x *IPBX) Standby() netip.AddrPort {
	if !x.MainStandby || !x.Address.Addr.IsValid() {
		return netip.AddrPort{}
	}
	for _, a := range x.Sources {
		if a != x.Address.Addr.Addr() && a.Is4() == x.Address.Addr.Addr().Is4() {
			return netip.AddrPortFrom(a, x.Address.Addr.Port())
		}
	}
	return netip.AddrPort{}
}

// Grounds says whose word a max_grant is.
type Grounds string

// The grounds. Stated: the file's. Published: the profile's, with its source.
// Assumed: nobody's; what the IPBX is seen to grant takes its place.
const (
	Stated    Grounds = "stated"
	Published Grounds = "profile"
	Assumed   Grounds = "assumed"
)

// Manners are how one IPBX wants its calls treated: the profile's values, each
// replaced by the file's own.
type Manners struct {
	HoldSignal     uint16 // 0 (none), 180, 182 or 183: what a held caller hears
	Status         int    // of the reject of a dissuaded call, 400–699 but 401, 407 and 503
	Q850           int    // 1–127: cause in the reject's Reason (RFC 3326)
	Requeue        bool   // false: this IPBX presents a rejected call again by itself
	RewriteContact bool   // this IPBX ignores Record-Route: Contact names us
	RedirectRescue bool   // rescue by 302 instead of by forwarding
	Diversion      bool   // mark_overflow adds Diversion (RFC 5806)
	HistoryInfo    bool   // mark_overflow adds History-Info (RFC 7044)
	Large          string // udp or tcp: transport of a request to it that the path MTU would fragment (RFC 3261 §18.1.1)
}

// Server is one Wel'Suite voice server.
type Server struct {
	Name    string
	Role    router.Server // Primary or Secondary
	Address URI
	Lines   int     // 1–65535: calls it takes at once
	Version Version // of Wel'Suite; zero: not given
	User    string  // Request-URI user towards it; "": left as it came
	Large   string  // udp (default) or tcp, as Manners.Large
	Virtual bool    // machine: virtual; else physical, or not given
	// Analogue is how many analogue lines are plugged into the machine itself: they
	// do not come through Relève. 0: none.
	Analogue int
	// Identity is who its calls come from, for the IPBX, as written: a number, a SIP
	// URI, or OfLicence; "": nothing is said beside its own From.
	Identity string
}

// Registration says who registers at the IPBX.
type Registration struct {
	Mode    licence.Mode  // Trunk (default), Gate, Pair or Hold
	Expires time.Duration // 30 s–1 h, 60 s: asked for
	Users   []User        // Gate, Pair: one a server, named as it; Hold: one
}

// User is a licensed user. Name is the server's (Gate, Pair). Password: none in
// Gate means that the server's own credentials pass through.
type User struct {
	Name     string
	AOR      URI
	Username string // of the digest; the AOR's user when not given
	Password Secret
}

// Overflow is what happens to a call that the active server did not take.
type Overflow struct {
	ProgressTimeout time.Duration // 500 ms–10 s, 2 s: not one response
	AnswerTimeout   time.Duration // 2–60 s, 8 s: no final response
	HoldBudget      time.Duration // 1 s–2 min, 20 s: the longest a caller is kept
	HoldSignal      uint16        // 0 (none), 180, 182 or 183
	HoldPrompt      string        // WAV file (8000 Hz, mono, 16-bit PCM, A-law or µ-law) that held callers hear; "": none
	ForwardLate     bool          // late_answer: forward (strict RFC 3261 §16.7), else release
	MarkOverflow    bool          // mark_overflow: an overflowed call says so (Diversion, History-Info: see Manners)
}

// Verification is how a dysfunction is confirmed.
type Verification struct {
	Act          bool          // false: observe and record only
	Count        int           // 1–10, 3: consecutive switchable rounds that confirm
	AloneExtra   int           // 0–10, 2: more rounds without a second vantage point
	Spacing      time.Duration // 500 ms–10 s, 2 s: start to start of rounds
	Timeout      time.Duration // 100 ms–10 s, 1 s: of one check, shorter than spacing
	IdleInterval time.Duration // 1 s–1 min, 5 s: between rounds when nothing is wrong
	Dead         bool          // switch_on lists dead
	Gray         bool
	Degraded     bool
	Lasting      time.Duration // 5 s–10 min, 60 s: how long GRAY and DEGRADED must last
}

// Dissuasion is how a take-over is refused.
type Dissuasion struct {
	Requeue bool // re-offer the call to the active server within the budget
	Status  int  // 400–699 but 401, 407 and 503; 486
	Q850    int  // 1–127, 17: cause in the Reason header
}

// Contacts are shown beside alarms: who to call. Free text.
type Contacts struct {
	Integrator string
	TLMCom     string
	OnCall     string
}

// Default returns a Config with every default; what has none (site, level,
// listen, ipbx, servers) is empty.
func Default() Config {
	return Config{
		Language: "fr",
		Keys:     Keys{File: "/etc/releve/secrets/keys"},
		Registration: Registration{
			Mode: licence.Trunk, Expires: time.Minute,
		},
		Overflow: Overflow{
			ProgressTimeout: 2 * time.Second, AnswerTimeout: 8 * time.Second,
			HoldBudget: 20 * time.Second,
		},
		Verification: Verification{
			Act: true, Count: 3, AloneExtra: 2, Spacing: 2 * time.Second, Timeout: time.Second,
			IdleInterval: 5 * time.Second, Dead: true, Gray: true, Degraded: true, Lasting: time.Minute,
		},
		Checks:     []Check{{Type: "options"}},
		Media:      defaultMedia(),
		Dissuasion: Dissuasion{Requeue: true, Status: 486, Q850: 17},
		DeadCalls:  "release",
		LostCalls:  "release",
		DSCP:       24, // CS3: signalling (RFC 4594 §2.3)
		TLS:        TLS{MinVersion: "1.2", Client: "none"},
		DNS:        DNS{Timeout: 2 * time.Second, Stale: 24 * time.Hour},
		Limits: Limits{
			CallsPerSecond: 3000, SourceRate: 50_000, SourceBurst: 100_000, Strangers: "ignore",
			Connections: 1000, ConnectionsPerSource: 250, MessageSize: 65_535, Headers: 256, Vias: 70, URI: 2048, Line: 16_384,
			Transactions: 400_000, HeldCalls: 1000,
		},
		Mirror: defaultMirror(),
		Store:  Store{Path: "/var/lib/releve"},
		Admin:  defaultAdmin(),
		Alarms: defaultAlarms(),
	}
}

// Automatic says whether this level switches by itself.
func (c *Config) Automatic() bool { return c.Level == router.HighAvailability }

// Server returns the server of role.
func (c *Config) Server(role router.Server) (Server, bool) {
	for _, s := range c.Servers {
		if s.Role == role {
			return s, true
		}
	}
	return Server{}, false
}

// Registrars is how many IPBXs the servers' users register at and their calls go
// to: the first of the list, before the gateways.
func (c *Config) Registrars() int {
	for i, x := range c.IPBX {
		if x.Gateway {
			return i
		}
	}
	return len(c.IPBX)
}

// Outward is how many IPBXs of the list take calls that the servers place: the
// gateways only where there is nothing else.
func (c *Config) Outward() int {
	if n := c.Registrars(); n > 0 {
		return n
	}
	return len(c.IPBX)
}

// UserOf returns the licensed user to register while role is active: its own
// in modes gate and pair, the only one in mode hold, none in mode trunk.
func (c *Config) UserOf(role router.Server) (User, bool) {
	if c.Registration.Mode == licence.Hold && len(c.Registration.Users) == 1 {
		return c.Registration.Users[0], true
	}
	s, ok := c.Server(role)
	if !ok || c.Registration.Mode != licence.Pair && c.Registration.Mode != licence.Gate {
		return User{}, false
	}
	for _, u := range c.Registration.Users {
		if u.Name == s.Name {
			return u, true
		}
	}
	return User{}, false
}

// Times of one licence move, our choice: package licence bounds a REGISTER
// transaction by 4 s, lets a message live 5 s after it (T4 of RFC 3261), and adds
// 1 s of slack, and the drift of a clock over the time asked for (1/1000), to
// every fence.
const (
	registerLimit = 4 * time.Second
	messageLife   = 5 * time.Second
	fenceSlack    = time.Second
)

// WorstMove is the longest a move of the licence can take when the IPBX proves
// nothing: outstanding REGISTERs end, the longest grant is waited out, the new
// user is bound. Where its password is the server's, that is when the server next
// registers, a third of expires later, and answers the challenge. Zero in trunk and
// hold, where no binding has to go first.
func (c *Config) WorstMove() time.Duration {
	x, _ := c.LongestGrant()
	return c.WorstMoveWith(x.MaxGrant)
}

// WorstMoveWith is WorstMove where grant is the longest that an IPBX grants.
func (c *Config) WorstMoveWith(grant time.Duration) time.Duration {
	g := &c.Registration
	if g.Mode != licence.Pair && g.Mode != licence.Gate {
		return 0
	}
	claim := registerLimit
	for _, u := range g.Users {
		if g.Mode == licence.Gate && !u.Password.Given() {
			claim = g.Expires/3 + 2*registerLimit
		}
	}
	return registerLimit + messageLife + grant + fenceSlack + g.Expires/1000 + claim
}

// LongestGrant is the IPBX with the longest max_grant; false: there is none.
func (c *Config) LongestGrant() (longest IPBX, ok bool) {
	for _, x := range c.IPBX[:c.Registrars()] {
		if x.MaxGrant > longest.MaxGrant {
			longest, ok = x, true
		}
	}
	return longest, ok
}
