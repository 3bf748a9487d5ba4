package interop

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// baresip (stack: re) is driven over its TCP port (netstrings of JSON), whose
// events join what it prints. A request for a user that is not its account is
// answered 404: as a server it needs the number that Relève sends (`user:`).
type baresip struct {
	*process
	control net.Conn
	second  string // who is consulted
	before  int    // what it had printed then
}

const baresipConfig = `sip_listen %[1]s
net_interface %[2]s
audio_player aubridge,pseudo0
audio_source aubridge,pseudo0
module_path %[3]s
module g711.so
module aubridge.so
module_app account.so
module_app contact.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen %[5]s:4444
statmode_default off
call_max_calls 8
%[4]s
`

func startBaresip(s seat, dir string) (agent, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	found, err := filepath.Glob("/usr/lib/baresip/modules")
	if err != nil || len(found) == 0 {
		return nil, fmt.Errorf("no /usr/lib/baresip/modules; install baresip-core")
	}
	interval := 0
	if s.register {
		interval = 60
	}
	secure := ""
	if s.transport == "tls" {
		secure = "sip_cafile " + s.ca
		if s.identity != "" {
			secure += "\nsip_certificate " + s.identity
		}
	}
	account := fmt.Sprintf(`<sip:%s@%s>;auth_user=%[1]s;auth_pass=%[3]s;outbound="%[4]s";regint=%[5]d;answermode=auto;audio_codecs=pcma,pcmu`,
		s.user, s.domain, s.password, uri("", s.proxy, s.transport), interval)
	for name, text := range map[string]string{
		"config":   fmt.Sprintf(baresipConfig, s.addr, s.addr.Addr(), found[0], secure, s.control),
		"accounts": account + "\n", "contacts": "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	p, err := start(s.name, dir, "baresip", "-4", "-f", dir, "-s")
	if err != nil {
		return nil, err
	}
	b := &baresip{process: p}
	b.control, err = dialControl(p, s.control.String()+":4444")
	if err != nil {
		p.kill()
		return nil, err
	}
	go b.listen()
	return b, nil
}

// dialControl connects to the port that the program opens when it is ready.
func dialControl(p *process, addr string) (net.Conn, error) {
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			return c, nil
		}
		if !p.running() || time.Now().After(deadline) {
			return nil, fmt.Errorf("%s: %w\n%s", p.name, err, p.tail(2000))
		}
	}
}

// listen copies the events into the output until the program ends.
func (b *baresip) listen() {
	buf := make([]byte, 64<<10)
	for {
		n, err := b.control.Read(buf)
		if err != nil {
			return
		}
		b.said.note(string(buf[:n]))
	}
}

func (b *baresip) tell(command, params string) error {
	raw, err := json.Marshal(map[string]string{"command": command, "params": params, "token": command})
	if err != nil {
		return err
	}
	b.said.note("> " + command + " " + params)
	_, err = fmt.Fprintf(b.control, "%d:%s,", len(raw), raw)
	return err
}

func (b *baresip) self() *process        { return b.process }
func (b *baresip) dial(uri string) error { return b.tell("dial", uri) }
func (b *baresip) hangup() error         { return b.tell("hangup", "") }
func (b *baresip) hold() error           { return b.tell("hold", "") }
func (b *baresip) resume() error         { return b.tell("resume", "") }

func (b *baresip) auto(on bool) error {
	if on {
		return b.tell("answermode", "auto")
	}
	return b.tell("answermode", "manual")
}

func (b *baresip) transfer(uri string) error { return b.tell("transfer", uri) }

// consult holds the first call and places a second.
func (b *baresip) consult(uri string) error {
	b.second, b.before = uri, b.said.mark()
	return errors.Join(b.tell("hold", ""), b.tell("dial", uri))
}

var answered = regexp.MustCompile(`(?s)SIP/2\.0 200 [^\n]*\n(.*?)\n\r?\n`)

// complete: baresip 1.0.0 has no command for an attended transfer, but sends the
// target of "transfer" as it is given; so the Replaces of the second dialog (RFC
// 3891 §6.1, escaped into the URI by RFC 3261 §19.1.1) is put there, from the
// 200 that it printed.
func (b *baresip) complete() error {
	for _, m := range answered.FindAllStringSubmatch(b.said.since(b.before), -1) {
		head := m[1] + "\n"
		from, to, id := tagOf(head, "From"), tagOf(head, "To"), headerOf(head, "Call-ID")
		if !strings.Contains(headerOf(head, "To"), b.second) || from == "" || to == "" {
			continue
		}
		escaped := url.QueryEscape(id + ";to-tag=" + to + ";from-tag=" + from)
		return errors.Join(b.tell("line", "1"), b.tell("transfer", b.second+"?Replaces="+escaped))
	}
	return fmt.Errorf("%s printed no 200 of its call to %s", b.name, b.second)
}

func headerOf(head, name string) string {
	m := regexp.MustCompile(`(?mi)^` + name + `: *(.*?)\r?$`).FindStringSubmatch(head)
	if m == nil {
		return ""
	}
	return m[1]
}

func tagOf(head, name string) string {
	_, tag, _ := strings.Cut(headerOf(head, name), ";tag=")
	tag, _, _ = strings.Cut(tag, ";")
	return tag
}

var baresipSays = map[event]*regexp.Regexp{
	registered:  regexp.MustCompile(`"type":"REGISTER_OK"`),
	ringing:     regexp.MustCompile(`"type":"CALL_RINGING"`),
	incoming:    regexp.MustCompile(`"type":"CALL_INCOMING"`),
	established: regexp.MustCompile(`"type":"CALL_ESTABLISHED"`),
	holding:     regexp.MustCompile(`"type":"CALL_REMOTE_SDP".*"param":"answer"`),
	resuming:    regexp.MustCompile(`"type":"CALL_REMOTE_SDP".*"param":"answer"`),
	held:        regexp.MustCompile(`(?s)INVITE sip:\S+ SIP/2.0\r?\n.*a=(sendonly|inactive).*call: got re-INVITE \(SDP Offer\)`),
	resumed:     regexp.MustCompile(`call: got re-INVITE \(SDP Offer\)`),
	transferred: regexp.MustCompile(`"type":"CALL_CLOSED".*"param":"Call transfered"`),
	ended:       regexp.MustCompile(`"type":"CALL_CLOSED"`),
}

func (b *baresip) says(e event) *regexp.Regexp { return baresipSays[e] }
