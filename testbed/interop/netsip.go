package interop

import (
	_ "embed"
	"os"
	"path/filepath"
	"regexp"
)

//go:embed netsip.pl
var netsipScript string

// netsip is a phone made of Perl's Net::SIP (its own stack), driven on standard
// input. It does not follow a REFER: its Simple::Call leaves the request
// unanswered.
type netsip struct{ *process }

func startNetSIP(s seat, dir string) (agent, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	script := filepath.Join(dir, "netsip.pl")
	if err := os.WriteFile(script, []byte(netsipScript), 0o600); err != nil {
		return nil, err
	}
	register := "0"
	if s.register {
		register = "1"
	}
	p, err := start(s.name, dir, "perl", script, s.user, s.password, s.domain, s.addr.String(), s.proxy.String(), register)
	if err != nil {
		return nil, err
	}
	return &netsip{p}, nil
}

func (n *netsip) self() *process            { return n.process }
func (n *netsip) dial(uri string) error     { return n.write("call " + uri) }
func (n *netsip) hangup() error             { return n.write("bye") }
func (n *netsip) hold() error               { return n.write("hold") }
func (n *netsip) resume() error             { return n.write("resume") }
func (n *netsip) transfer(uri string) error { return n.write("refer " + uri) }
func (n *netsip) consult(uri string) error  { return n.write("consult " + uri) }
func (n *netsip) complete() error           { return n.write("complete") }

func (n *netsip) auto(on bool) error {
	if on {
		return n.write("auto on")
	}
	return n.write("auto off")
}

var netsipSays = map[event]*regexp.Regexp{
	ready:       regexp.MustCompile(`EVENT ready`),
	registered:  regexp.MustCompile(`EVENT registered OK`),
	ringing:     regexp.MustCompile(`EVENT progress 180`),
	incoming:    regexp.MustCompile(`EVENT incoming`),
	established: regexp.MustCompile(`EVENT established OK`),
	holding:     regexp.MustCompile(`EVENT reinvite OK`),
	resuming:    regexp.MustCompile(`EVENT reinvite OK`),
	held:        regexp.MustCompile(`EVENT offer hold`),
	resumed:     regexp.MustCompile(`EVENT offer talk`),
	transferred: regexp.MustCompile(`EVENT notified 200`),
	ended:       regexp.MustCompile(`EVENT ended`),
}

func (n *netsip) says(e event) *regexp.Regexp { return netsipSays[e] }
