package interop

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// twinkle (its own stack) is driven on its standard input. It listens on every
// address and shows 127.0.0.1, so it has a port of its own; it stops at a call
// whose sound device it cannot open, so it gets ALSA's null device, which is
// never full: it spins, and runs at the lowest priority. With
// all_requests_to_proxy it would send in-dialog requests without their Route.
// What it calls is never linphone: linphone writes "Record-route" into its
// answers and twinkle 1.10.2 knows the name in one spelling only, so its ACK goes
// nowhere (seen in twinkle.log: "Cannot determine destination IP address for
// ACK", the Record-route of the 200 left unused).
type twinkle struct{ *process }

// twinkleAt is where a twinkle in a seat is found.
func twinkleAt(n network, last byte) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), twinklePort(n.addr(last)))
}

// twinklePort keeps the seats of rows that run side by side apart.
func twinklePort(a netip.Addr) uint16 {
	b := a.As4()
	return 20000 + 16*(256*uint16(b[1]%64)+uint16(b[2]))%12000 + uint16(b[3]) // below the ports that connections get
}

const twinkleProfile = `user_name=%[1]s
user_domain=%[2]s
user_display=
auth_name=%[1]s
auth_pass=%[3]s
auth_realm=
outbound_proxy=%[4]s
all_requests_to_proxy=no
registrar=%[4]s
register_at_startup=%[5]s
registration_time=60
sip_transport=%[6]s
codecs=g711a,g711u
dtmf_transport=rfc2833
allow_refer=yes
ask_user_to_refer=no
referee_hold=no
referrer_hold=yes
attended_refer_to_aor=no
allow_transfer_consultation_inprog=no
ext_replaces=supported
timer_nat_keepalive=0
`

const twinkleSystem = `sip_port=%d
rtp_port=%d
dev_ringtone=alsa:null
dev_speaker=alsa:null
dev_mic=alsa:null
validate_audio_dev=no
play_ringtone=no
play_ringback=no
gui_use_systray=no
log_max_size=20
log_show_sip=yes
log_show_debug=no
log_show_stun=no
`

func startTwinkle(s seat, dir string) (agent, error) {
	home := filepath.Join(dir, ".twinkle")
	if err := os.MkdirAll(home, 0o755); err != nil {
		return nil, err
	}
	register := "no"
	if s.register {
		register = "yes"
	}
	port := twinklePort(s.addr.Addr())
	for name, text := range map[string]string{
		"twinkle.cfg": fmt.Sprintf(twinkleProfile, s.user, s.domain, s.password, s.proxy, register, s.transport),
		"twinkle.sys": fmt.Sprintf(twinkleSystem, port, 10000+2*(port%5000)),
	} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	p, err := start(s.name, dir, "nice", "-n", "19", "twinkle-console", "twinkle.cfg")
	if err != nil {
		return nil, err
	}
	p.logs = append(p.logs, filepath.Join(home, "twinkle.log"))
	t := &twinkle{p}
	return t, t.auto(true)
}

func (t *twinkle) self() *process { return t.process }
func (t *twinkle) hangup() error  { return t.write("bye") }
func (t *twinkle) hold() error    { return t.write("hold") }
func (t *twinkle) resume() error  { return t.write("retrieve") }

func (t *twinkle) auto(on bool) error {
	if on {
		return t.write("auto_answer -a on")
	}
	return t.write("auto_answer -a off")
}

func (t *twinkle) transfer(uri string) error { return t.write("transfer " + uri) }

func (t *twinkle) consult(string) error { return errTwinkleAttended }
func (t *twinkle) complete() error      { return errTwinkleAttended }

// errTwinkleAttended: both "transfer -c" (consultation) and, with two calls on
// two lines, "transfer -l" lock twinkle-console 1.10.2 up for good: the command
// never returns, no REFER is in twinkle.log, and it answers OPTIONS no more.
var errTwinkleAttended = fmt.Errorf("twinkle-console 1.10.2 locks up at the second half of an attended transfer")

// invites counts the INVITEs in its log.
func (t *twinkle) invites() (int, error) {
	raw, err := os.ReadFile(t.logs[0])
	return bytes.Count(raw, []byte("\nINVITE sip:")), err
}

// dial repeats the command until an INVITE is out: twinkle ignores it, in
// silence, while the line of the call before is not released, and says nothing
// when it is; nor does it always print the 100.
func (t *twinkle) dial(uri string) error {
	before, err := t.invites()
	if err != nil {
		return err
	}
	for range 4 {
		time.Sleep(300 * time.Millisecond)
		if err := t.write("call " + uri); err != nil {
			return err
		}
		for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); time.Sleep(interval) {
			if n, err := t.invites(); err != nil || n > before {
				return err
			}
		}
	}
	return fmt.Errorf("%s does not place its call", t.name)
}

var twinkleSays = map[event]*regexp.Regexp{
	registered:  regexp.MustCompile(`registration succeeded`),
	ringing:     regexp.MustCompile(`received 180 Ringing`),
	incoming:    regexp.MustCompile(`Line \d: incoming call`),
	established: regexp.MustCompile(`far end answered call|call established`),
	holding:     regexp.MustCompile(`re-INVITE successful`),
	resuming:    regexp.MustCompile(`re-INVITE successful`),
	transferred: regexp.MustCompile(`call successfully referred`),
	ended:       regexp.MustCompile(`Line \d: (call ended|far end ended call|far end cancelled call|call failed|call released)`),
}

func (t *twinkle) says(e event) *regexp.Regexp { return twinkleSays[e] }
