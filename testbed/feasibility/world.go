package feasibility

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"releve/testbed/ipbx"
	"releve/testbed/phone"
	"releve/testbed/server"
)

// Clean is how parties without a quirk speak.
func clean() phone.Manners {
	return phone.Manners{
		Codecs: []string{phone.ALaw, phone.MuLaw, phone.TelephoneEvent}, Date: true,
		SessionExpires: 30 * time.Minute, Refresher: "uas",
	}
}

// world is one site: an IPBX, two voice servers, and the address of the study.
type world struct {
	g       *ground
	n       int
	dir     string
	ipbx    *ipbx.IPBX
	servers [2]*server.Server
}

// The addresses of a world, by their last byte.
const (
	atIPBX   = 1
	atStudy  = 9
	atServer = 21 // and 22
)

// talk is how long a voice server keeps a caller: longer than a study needs.
const talk = 2500 * time.Millisecond

// service leads to the study, group to the licensed users.
const (
	service = "5000"
	group   = "5100"
)

// build starts the parties of the nth world, with the quirk of c planted.
func build(g *ground, n int, c Case) (*world, error) {
	w := &world{g: g, n: n}
	var err error
	if w.dir, err = os.MkdirTemp("", "releve-feasibility-"); err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	cfg := ipbx.Config{
		Name: "pbx", Addr: g.at(n, atIPBX).String(), Releve: g.at(n, atStudy), RTP: true, Service: []string{service},
		Groups:     map[string][]string{group: {"5001", "5002"}},
		Extensions: []ipbx.Extension{{Pattern: "20??"}, {Pattern: "99*", Answer: "reject", Status: 404}},
		Manners:    clean(), Registrar: ipbx.Registrar{Users: map[string]string{"5001": "un", "5002": "deux"}},
	}
	if c.IPBX != "" {
		cfg.Quirks = []ipbx.Quirk{c.IPBX}
	}
	if w.ipbx, err = ipbx.Start(cfg); err != nil {
		return nil, errors.Join(err, w.close())
	}
	for i := range w.servers {
		s := server.Config{
			Name: fmt.Sprint("wel", i+1), Addr: g.at(n, atServer+i).String(), Lines: 4, Releve: g.at(n, atStudy), RTP: true,
			Talk: talk, WelcomeDelay: 20 * time.Millisecond, Manners: clean(),
		}
		if c.Server != "" && i == 0 {
			s.Quirks = []server.Quirk{c.Server}
		}
		if w.servers[i], err = server.Start(s); err != nil {
			return nil, errors.Join(err, w.close())
		}
	}
	return w, w.write("un", "deux")
}

func (w *world) close() error {
	var errs []error
	if w.ipbx != nil {
		errs = append(errs, w.ipbx.Close())
	}
	for _, s := range w.servers {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(append(errs, os.RemoveAll(w.dir))...)
}

// write puts the answers and the two passwords into the directory.
func (w *world) write(first, second string) error {
	for name, body := range map[string]string{"answers.yaml": answers, "5001": first + "\n", "5002": second + "\n"} {
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte(body), 0o600); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

// Finding is one as the binary prints it.
type Finding struct {
	ID      string            `json:"id"`
	Subject string            `json:"subject"`
	Target  string            `json:"target"`
	State   string            `json:"state"`
	Values  map[string]string `json:"values"`
}

// study is what the proof reads of a Study.
type study struct {
	Verdict  string    `json:"verdict"`
	Findings []Finding `json:"findings"`
}

// run runs the binary with args and reads its study. Its exit code is the
// verdict's.
func run(ctx context.Context, binary string, args []string) (study, error) {
	var out, fail bytes.Buffer
	c := exec.CommandContext(ctx, binary, args...)
	c.Stdout, c.Stderr = &out, &fail
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = 3 * time.Second
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return study{}, fmt.Errorf("run %s: %w", binary, err)
	}
	var s study
	if err := json.Unmarshal(out.Bytes(), &s); err != nil {
		return s, fmt.Errorf("read the study of %v (exit %d): %w\n%s%s", args, c.ProcessState.ExitCode(), err, out.String(), fail.String())
	}
	codes := map[string]int{"go": 0, "reservations": 1, "no-go": 2, "not-testable": 3}
	if want, ok := codes[s.Verdict]; !ok || c.ProcessState.ExitCode() != want {
		return s, fmt.Errorf("verdict %q with exit code %d", s.Verdict, c.ProcessState.ExitCode())
	}
	return s, nil
}

// find is the finding of a subject by id; the first server's, where both have it.
func (s study) find(subject, id string) (Finding, bool) {
	for _, f := range s.Findings {
		if f.Subject == subject && f.ID == id && f.Target != "secours" {
			return f, true
		}
	}
	return Finding{}, false
}

// arguments are those of the binary for a study: what an integrator types.
func (w *world) arguments(what string) []string {
	args := []string{
		"preflight", "-o", "json", "--lang", "en", "--yes", "--site", "CH de l'Essai",
		"--local", w.g.at(w.n, atStudy).String(), "--answers", filepath.Join(w.dir, "answers.yaml"),
	}
	network := foreign[what]
	ipbxURI, first := "sip:"+w.g.at(w.n, atIPBX).String(), "sip:"+w.g.at(w.n, atServer).String()
	if network != "" {
		ipbxURI = "sip:" + beside(w.g.at(w.n, atIPBX), network) + ";transport=" + network
	}
	if network == "tls" {
		args = append(args, "--tls-ca", filepath.Join(w.dir, "authority.pem"),
			"--tls-certificate", filepath.Join(w.dir, "releve.pem"), "--tls-key", filepath.Join(w.dir, "releve.key"))
	}
	if what == voice || what == listening {
		args = append(args, "--primary", first, "--number", service)
	} else {
		args = append(args, "--ipbx", ipbxURI)
	}
	switch {
	case what == trunk, what == transfers, what == waiting, network != "":
		args = append(args, "--call-number", service)
	case what == users, what == expiring:
		args = append(args, "--call-number", group)
	}
	if what == users || what == expiring || network != "" {
		for _, user := range []string{"5001", "5002"} {
			args = append(args, "--register", "sip:"+user+"@"+w.g.at(w.n, atIPBX).String(), "--password-file", filepath.Join(w.dir, user))
		}
	}
	switch what {
	case transfers:
		args = append(args, "--transfer-to", "2001")
	case waiting, expiring:
		args = append(args, "--wait", "12s")
	case listening:
		args = append(args, "--wait", "4s")
	}
	return args
}

// answers are those of a site where all is well.
const answers = `own-switchover: oui
licence: oui
version: "oui, 5.3.6"
antivirus: oui
virtual: sans objet
power: oui
ntp: oui
backups: oui
network: oui
rescue: oui, le 9
night: astreinte DSI
analogue: non
`
