package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"releve/testbed/demo"
	"releve/testbed/ipbx"
	"releve/testbed/lan"
	"releve/testbed/nameserver"
	"releve/testbed/server"
)

// The hosts of every world: namespaces keep two worlds apart, so all have the
// same addresses.
var (
	hostIPBX      = netip.MustParseAddr("10.87.0.1")
	hostPrimary   = netip.MustParseAddr("10.87.0.2")
	hostSecondary = netip.MustParseAddr("10.87.0.3")
	hostHop       = netip.MustParseAddr("10.87.0.9")
)

// The names and numbers that the parties are known by.
const (
	namePrimary   = "principal"
	nameSecondary = "secours"
	nameIPBX      = "ipbx"

	service = "5000"
	desk    = "9"
	user1   = "5001" // the primary's licensed user
	user2   = "5002" // the secondary's
	secret  = "un-secret"
)

func sip(a netip.Addr) netip.AddrPort { return netip.AddrPortFrom(a, 5060) }

// settings are what a situation asks of its world; the zero value is the plain
// site of every other situation.
type settings struct {
	lines    int                // per server, as configured; 0: 12
	real     int                // those that the servers really have; 0: as configured
	observe  bool               // act: false
	tcp      bool               // the primary speaks TCP
	names    bool               // the configuration has names instead of addresses
	lasting  time.Duration      // of GRAY and DEGRADED; 0: 10 s
	spacing  time.Duration      // of rounds; 0: 1 s
	overflow bool               // the IPBX presents to the primary first, then to our overflow entry
	talk     time.Duration      // conversations of the load; 0: 1 s
	rate     float64            // calls a second; 0: 2
	rtp      bool               // the calls have sound
	yaml     string             // further sections of Relève's configuration
	welcome  time.Duration      // from 180 to 200
	prepare  func(*world) error // on the hop's host, before it starts
}

// hop is what stands between the IPBX and the servers: Relève or its peer.
type hop interface {
	// begin starts it; it returns when calls may come.
	begin(ctx context.Context, w *world) error
	pause() error
	resume() error
	kill()
	// restart starts it anew after kill.
	restart(ctx context.Context, w *world) error
	// moved tells how often the calls went over to the secondary.
	moved(ctx context.Context, w *world) (int, error)
	// verdicts are what it said of the active server, oldest first.
	verdicts(ctx context.Context, w *world) ([]said, error)
	// home brings the calls back to the primary.
	home(ctx context.Context, w *world) error
	// finish ends it in order; what it says then is for the report of a failure.
	finish() error
	log() string
}

// said is a verdict with when it was reached.
type said struct {
	at       time.Time
	verdict  string
	switched bool // it is what a switchover was made for
	noted    bool // a word of the journal that is no verdict
}

// world is one installation with its calls.
type world struct {
	self    string // path of this program
	dir     string
	set     settings
	lan     *lan.LAN
	hosts   map[netip.Addr]*lan.Host
	ipbx    *party
	servers [2]*party
	front   *party             // the primary's TCP trunk; nil: it speaks UDP
	names   *nameserver.Server // nil: addresses are numbers
	hop     hop
	book    *book
	life    context.Context // of the calls
	end     context.CancelFunc

	mute    atomic.Bool // nobody calls
	began   time.Time   // the first call
	faulted time.Time   // when the fault began; zero: none did
	healed  time.Time   // when it was over; zero: it stays
	may     bool        // the truth turned out to be May: a starved machine made another situation
}

func openWorld(ctx context.Context, self, dir string, set settings, h hop, seed uint64) (w *world, err error) {
	if set.lines == 0 {
		set.lines = 12
	}
	if set.real == 0 {
		set.real = set.lines
	}
	if set.spacing == 0 {
		set.spacing = time.Second
	}
	if set.lasting == 0 {
		set.lasting = grayLasting
	}
	if set.talk == 0 {
		set.talk = time.Second
	}
	if set.rate == 0 {
		set.rate = 2
	}
	w = &world{self: self, dir: dir, set: set, lan: lan.New(seed), hosts: map[netip.Addr]*lan.Host{}, hop: h, book: newBook(), began: time.Now()}
	w.life, w.end = context.WithCancel(ctx)
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	for _, a := range []netip.Addr{hostIPBX, hostPrimary, hostSecondary, hostHop} {
		if w.hosts[a], err = w.lan.Host(a); err != nil {
			return w, err
		}
	}
	for _, user := range []string{user1, user2} {
		if err := os.WriteFile(filepath.Join(dir, user), []byte(secret), 0o600); err != nil {
			return w, fmt.Errorf("write a password: %w", err)
		}
	}
	starting, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("not within %s", startLimit))
	defer cancel()
	if err := w.startIPBX(starting); err != nil {
		return w, err
	}
	for i := range w.servers {
		if err := w.startServer(starting, i); err != nil {
			return w, err
		}
	}
	if set.tcp {
		if err := w.startFront(starting); err != nil {
			return w, err
		}
	}
	if set.names {
		if err := w.startNames(); err != nil {
			return w, err
		}
	}
	if set.prepare != nil {
		if err := set.prepare(w); err != nil {
			return w, err
		}
	}
	if err := h.begin(starting, w); err != nil {
		return w, fmt.Errorf("%w; the hop said:\n%s", err, h.log())
	}
	return w, nil
}

// startLimit bounds the start of a world on a starved machine.
const startLimit = time.Minute

func (w *world) startIPBX(ctx context.Context) (err error) {
	cfg := ipbx.Config{
		Name: nameIPBX, Addr: sip(hostIPBX).String(), Releve: sip(hostHop), RTP: w.set.rtp, Rescue: desk,
		Registrar: ipbx.Registrar{Realm: "faults", Users: map[string]string{user1: secret, user2: secret}},
	}
	if w.set.overflow {
		cfg.Presentation, cfg.Primary, cfg.OverflowEntry = ipbx.Overflow, sip(hostPrimary), netip.AddrPortFrom(hostHop, 5070)
	}
	w.ipbx, err = startParty(ctx, w.hosts[hostIPBX], w.self, "ipbx", cfg, w.book.event)
	return err
}

var serverHosts = [2]netip.Addr{hostPrimary, hostSecondary}

func (w *world) startServer(ctx context.Context, i int) (err error) {
	w.servers[i], err = startParty(ctx, w.hosts[serverHosts[i]], w.self, [2]string{"primary", "secondary"}[i], server.Config{
		Name: [2]string{namePrimary, nameSecondary}[i], Addr: sip(serverHosts[i]).String(), Lines: w.set.real,
		Releve: sip(hostHop), User: service, RTP: w.set.rtp, WelcomeDelay: w.set.welcome,
	}, nil)
	return err
}

// mode changes how a server behaves.
func (w *world) mode(ctx context.Context, i int, m server.Mode) error {
	return w.servers[i].Do(ctx, "mode", m, nil)
}

// fault stamps the beginning of what is wrong.
func (w *world) fault() { w.faulted = time.Now() }

// heal stamps its end.
func (w *world) heal() { w.healed = time.Now() }

// since is an instant in seconds after the fault; before it, after the start.
func (w *world) since(at time.Time) float64 {
	if w.faulted.IsZero() {
		return at.Sub(w.began).Seconds()
	}
	return at.Sub(w.faulted).Seconds()
}

// cutOff notes that IPBX and hop cannot reach each other from now on, or can.
func (w *world) cutOff(on bool) {
	w.book.mu.Lock()
	defer w.book.mu.Unlock()
	if on {
		w.book.cut = append(w.book.cut, span{from: time.Now()})
		return
	}
	w.book.cut[len(w.book.cut)-1].to = time.Now()
}

// served waits until the secondary answered a call after the fault.
func (w *world) served(ctx context.Context, limit time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return w.book.until(ctx, func() bool { _, ok := w.book.firstBy(nameSecondary, w.faulted); return ok })
}

// load offers calls until stop is called; ctx bounds the offering.
func (w *world) load(ctx context.Context) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- w.offering(ctx) }()
	return func() error { cancel(); return <-done }
}

// offering keeps to an absolute schedule: a late call does not delay the next.
func (w *world) offering(ctx context.Context) error {
	tick := time.NewTicker(time.Duration(float64(time.Second) / w.set.rate))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if w.mute.Load() {
			continue
		}
		if _, err := w.offer(w.life, ipbx.CallSpec{Duration: w.set.talk, RTP: w.set.rtp}); err != nil {
			return err
		}
	}
}

// lastEnd bounds how long the last call may take after the load stopped: a
// hold budget, the clocks before it, and a caller's own Timer B.
const lastEnd = 45 * time.Second

// settle waits for the end of the calls; those that do not end are lost.
func (w *world) settle(ctx context.Context) (Calls, []string) {
	ctx, cancel := context.WithTimeout(ctx, lastEnd)
	defer cancel()
	w.book.until(ctx, func() bool { _, _, open := w.book.snapshot(); return open == 0 })
	w.end()
	w.book.follow.Wait()
	calls, lost, _ := w.book.snapshot()
	return calls, lost
}

func (w *world) close() error {
	w.end()
	var err error
	if w.hop != nil {
		err = w.hop.finish()
	}
	if w.names != nil {
		w.names.Close()
	}
	for _, p := range []*party{w.ipbx, w.servers[0], w.servers[1], w.front} {
		if p != nil {
			_ = p.resume() // a stopped process does not end
			p.kill()
		}
	}
	w.book.follow.Wait()
	return errors.Join(err, w.lan.Close())
}

// frontParty is the party that demo does not know.
const frontParty = "front"

// RunParty is the life of a party's process.
func RunParty(ctx context.Context, kind string, in io.Reader, out io.Writer) error {
	if kind == frontParty {
		return RunFront(ctx, in, out)
	}
	return demo.RunParty(ctx, kind, in, out)
}

// startFront gives the primary its TCP trunk.
func (w *world) startFront(ctx context.Context) (err error) {
	w.front, err = startParty(ctx, w.hosts[hostPrimary], w.self, frontParty, Front{Listen: sip(hostPrimary), Server: sip(hostPrimary)}, nil)
	return err
}

// startNames gives the hop a name server, on the IPBX's host, and no other.
func (w *world) startNames() error {
	err := w.hosts[hostIPBX].Do(func() (err error) {
		w.names, err = nameserver.Start(netip.AddrPortFrom(hostIPBX, 53).String())
		return err
	})
	if err != nil {
		return err
	}
	w.names.Set("ipbx.corpus.test. 5 IN A "+hostIPBX.String(),
		"principal.corpus.test. 5 IN A "+hostPrimary.String(), "secours.corpus.test. 5 IN A "+hostSecondary.String())
	file := filepath.Join(w.dir, "resolv.conf")
	if err := os.WriteFile(file, []byte("nameserver "+hostIPBX.String()+"\n"), 0o644); err != nil {
		return fmt.Errorf("write the hop's resolv.conf: %w", err)
	}
	return w.hosts[hostHop].Over(file, "/etc/resolv.conf")
}

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
