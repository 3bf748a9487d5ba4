package interop

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
)

// daemon is linphone-daemon (belle-sip): the commands of a program, not of a
// person. It answers by itself when told so at its start, and that cannot be
// changed while it runs.
type daemon struct{ *process }

func startDaemon(s seat, dir string) (agent, error) {
	file, err := writeLinphone(s, dir)
	if err != nil {
		return nil, err
	}
	log := filepath.Join(dir, "linphone.log")
	p, err := start(s.name, dir, "linphone-daemon", "--config", file, "--auto-answer", "--disable-stats-events", "--log", log)
	if err != nil {
		return nil, err
	}
	p.logs = append(p.logs, log)
	return &daemon{p}, p.follow(log)
}

func (d *daemon) self() *process            { return d.process }
func (d *daemon) dial(uri string) error     { return d.write("call " + uri) }
func (d *daemon) hangup() error             { return d.write("terminate") }
func (d *daemon) hold() error               { return d.write("call-pause") }
func (d *daemon) resume() error             { return d.write("call-resume " + d.last()) }
func (d *daemon) transfer(uri string) error { return d.write("call-transfer " + d.last() + " " + uri) }

var daemonCall = regexp.MustCompile(`to LinphoneCall(IncomingReceived|OutgoingInit)`)

// last is the number of its latest call: it numbers them as they come.
func (d *daemon) last() string {
	return strconv.Itoa(len(daemonCall.FindAllString(d.said.since(0), -1)))
}

func (d *daemon) auto(on bool) error {
	if on {
		return nil
	}
	return fmt.Errorf("linphone-daemon cannot be told to stop answering")
}

func (d *daemon) consult(string) error { return fmt.Errorf("played by linphonec, the same stack") }
func (d *daemon) complete() error      { return fmt.Errorf("played by linphonec, the same stack") }

var daemonSays = map[event]*regexp.Regexp{
	ringing:     regexp.MustCompile(`to LinphoneCallOutgoingRinging`),
	incoming:    regexp.MustCompile(`to LinphoneCallIncomingReceived`),
	established: regexp.MustCompile(`to LinphoneCallStreamsRunning`),
	holding:     regexp.MustCompile(`LinphoneCallPausing to LinphoneCallPaused`),
	resuming:    regexp.MustCompile(`LinphoneCallResuming to LinphoneCallStreamsRunning`),
	held:        regexp.MustCompile(`to LinphoneCallPausedByRemote`),
	resumed:     regexp.MustCompile(`to LinphoneCallStreamsRunning`),
	transferred: regexp.MustCompile(`(?s)NOTIFY sip.*SIP/2.0 200`),
	ended:       regexp.MustCompile(`to LinphoneCallEnd`),
}

func (d *daemon) says(e event) *regexp.Regexp { return daemonSays[e] }

// autoAnswer is lp-auto-answer (belle-sip): it answers what comes and can do
// nothing else.
type autoAnswer struct{ *process }

func startAutoAnswer(s seat, dir string) (agent, error) {
	if _, err := writeLinphone(s, dir); err != nil { // for the home that it needs
		return nil, err
	}
	p, err := start(s.name, dir, "lp-auto-answer", "--listening-uri", "sip:"+s.addr.String()+";transport=udp", "--verbose")
	if err != nil {
		return nil, err
	}
	return &autoAnswer{p}, nil
}

var errAutoAnswer = fmt.Errorf("lp-auto-answer has no commands: it only answers")

func (a *autoAnswer) self() *process        { return a.process }
func (a *autoAnswer) dial(string) error     { return errAutoAnswer }
func (a *autoAnswer) hangup() error         { return errAutoAnswer }
func (a *autoAnswer) hold() error           { return errAutoAnswer }
func (a *autoAnswer) resume() error         { return errAutoAnswer }
func (a *autoAnswer) transfer(string) error { return errAutoAnswer }
func (a *autoAnswer) consult(string) error  { return errAutoAnswer }
func (a *autoAnswer) complete() error       { return errAutoAnswer }

func (a *autoAnswer) auto(on bool) error {
	if on {
		return nil
	}
	return errAutoAnswer
}

func (a *autoAnswer) says(e event) *regexp.Regexp { return daemonSays[e] }
