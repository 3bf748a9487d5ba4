package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// linphonec (stack: belle-sip) is driven on its standard input. It rewrites its
// file at exit and needs ~/.local/share/linphone; bind_address keeps it on its
// own address, which it would otherwise guess.
type linphonec struct {
	*process
}

const linphoneFile = `[sip]
bind_address=%[1]s
sip_port=%[2]d
sip_tcp_port=%[3]d
sip_tls_port=%[4]d
use_ipv6=0
default_proxy=0
register_only_when_network_is_up=0
guess_hostname=0
inc_timeout=60
auto_answer_replacing_calls=1
root_ca=%[10]s
verify_server_certs=1
verify_server_cn=0
media_encryption=none
[net]
mtu=1300
[proxy_0]
reg_proxy=<%[5]s>
reg_route=<%[5]s;lr>
reg_identity=sip:%[6]s@%[7]s
reg_expires=60
reg_sendregister=%[9]d
publish=0
[auth_info_0]
username=%[6]s
passwd=%[8]s
realm=ipbx.test
`

// writeLinphone makes the home of a linphone program.
func writeLinphone(s seat, dir string) (file string, err error) {
	for _, d := range []string{".local/share/linphone", ".config/linphone"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return "", err
		}
	}
	udp, tcp, tls, reg := 0, 0, 0, 0
	switch s.transport {
	case "tcp":
		tcp = int(s.addr.Port())
	case "tls":
		tls = int(s.addr.Port()) + 1
	default:
		udp = int(s.addr.Port())
	}
	if s.register {
		reg = 1
	}
	file = filepath.Join(dir, "linphonerc")
	text := fmt.Sprintf(linphoneFile, s.addr.Addr(), udp, tcp, tls, uri("", s.proxy, s.transport), s.user, s.domain, s.password, reg, s.ca)
	return file, os.WriteFile(file, []byte(text), 0o600)
}

func startLinphonec(s seat, dir string) (agent, error) {
	file, err := writeLinphone(s, dir)
	if err != nil {
		return nil, err
	}
	log := filepath.Join(dir, "linphone.log")
	p, err := start(s.name, dir, "linphonec", "-c", file, "-a", "-d", "6", "-l", log)
	if err != nil {
		return nil, err
	}
	p.logs = append(p.logs, log)
	return &linphonec{process: p}, nil
}

func (l *linphonec) self() *process        { return l.process }
func (l *linphonec) dial(uri string) error { return l.write("call " + uri) }
func (l *linphonec) hangup() error         { return l.write("terminate all") }
func (l *linphonec) hold() error           { return l.write("pause") }
func (l *linphonec) resume() error         { return l.write("resume") }

func (l *linphonec) auto(on bool) error {
	if on {
		return l.write("autoanswer enable")
	}
	return l.write("autoanswer disable")
}

func (l *linphonec) transfer(uri string) error { return l.write("transfer " + uri) }

var assigned = regexp.MustCompile(`(?:assigned id |Receiving new incoming call from .*, assigned id )(\d+)`)

// calls are the numbers it gave to its calls so far, newest last.
func (l *linphonec) calls() (ids []string) {
	for _, m := range assigned.FindAllStringSubmatch(l.said.since(0), -1) {
		ids = append(ids, m[1])
	}
	return ids
}

func (l *linphonec) consult(uri string) error {
	if err := l.write("pause"); err != nil {
		return err
	}
	return l.write("call " + uri)
}

func (l *linphonec) complete() error {
	ids := l.calls()
	if len(ids) < 2 {
		return fmt.Errorf("%s knows %d calls, an attended transfer needs two", l.name, len(ids))
	}
	return l.write("transfer " + ids[len(ids)-2] + " --to-call " + ids[len(ids)-1])
}

var linphonecSays = map[event]*regexp.Regexp{
	ready:       regexp.MustCompile(`linphonec> `),
	registered:  regexp.MustCompile(`Registration on \S+ successful|registered, identity=`),
	ringing:     regexp.MustCompile(`Call \d+ to \S+ ringing`),
	incoming:    regexp.MustCompile(`Receiving new incoming call`),
	established: regexp.MustCompile(`Media streams established with`),
	holding:     regexp.MustCompile(`Call \d+ with \S+ is now paused`),
	resuming:    regexp.MustCompile(`Media streams established`),
	held:        regexp.MustCompile(`Call \d+ has been paused by`),
	resumed:     regexp.MustCompile(`Media streams established`),
	transferred: regexp.MustCompile(`has been transfered, you can safely close`),
	ended:       regexp.MustCompile(`Call \d+ with \S+ (ended|error)`),
}

func (l *linphonec) says(e event) *regexp.Regexp { return linphonecSays[e] }
