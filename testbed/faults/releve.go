package faults

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"releve/testbed/node"
)

// configuration is that of DESIGN §8 with the fast spacing that the bars use;
// what a situation adds comes last.
const configuration = `site: faults
language: en
level: high-availability
wel_licences: [high-availability]
listen:
  - {address: "udp://10.87.0.9:5060"}
  - {address: "tcp://10.87.0.9:5060"}
  - {address: "udp://10.87.0.9:5070", entry: overflow}
keys: {file: %[1]s/keys}
ipbx:
  - {name: ipbx, address: "%[6]s", no_answer: 60s, max_grant: 60s}
servers:
  - {name: principal, role: primary, address: "%[7]s", lines: %[2]d, version: 5.3.6}
  - {name: secours, role: secondary, address: "%[8]s", lines: %[2]d, version: 5.3.6}
service_numbers: ["5000"]
registration:
  mode: pair
  expires: 60s
  users:
    principal: {aor: "sip:5001@10.87.0.1", username: "5001", password_file: %[1]s/5001}
    secours: {aor: "sip:5002@10.87.0.1", username: "5002", password_file: %[1]s/5002}
verification: {count: 3, spacing: %[9]s, timeout: %[10]s, lasting: %[3]s, act: %[5]t}
rescue: "sip:9@10.87.0.1:5060"
store: {path: %[1]s/store}
admin: {socket: %[1]s/admin.sock}
%[4]s`

// releve is the product: the built binary.
type releve struct {
	binary string
	watch  *watch

	mu   sync.Mutex // guards node, which a restart replaces under the watch
	node *node.Node
}

func (r *releve) now() *node.Node {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.node
}

func (r *releve) yaml(w *world) string {
	at := [3]string{"sip:10.87.0.1:5060", "sip:10.87.0.2:5060", "sip:10.87.0.3:5060"}
	if w.set.names {
		at = [3]string{"sip:ipbx.corpus.test:5060", "sip:principal.corpus.test:5060", "sip:secours.corpus.test:5060"}
	}
	if w.set.tcp {
		at[1] += ";transport=tcp"
	}
	return fmt.Sprintf(configuration, w.dir, w.set.lines, w.set.lasting, w.set.yaml, !w.set.observe,
		at[0], at[1], at[2], w.set.spacing, w.set.spacing-100*time.Millisecond)
}

func (r *releve) begin(ctx context.Context, w *world) error {
	if err := os.MkdirAll(filepath.Join(w.dir, "store"), 0o700); err != nil {
		return fmt.Errorf("make the store: %w", err)
	}
	if err := r.restart(ctx, w); err != nil {
		return err
	}
	r.watch = startWatch(w.life, r)
	return r.await(ctx, "the licence is bound and the secondary ready", func(s status) bool {
		return s.Registration.Phase == "bound" && s.Registration.Holder == "primary" && s.server(1).Ready && s.server(0).Verdict == healthy
	})
}

func (r *releve) restart(ctx context.Context, w *world) error {
	return w.hosts[hostHop].Do(func() error {
		n, err := node.Start(ctx, r.binary, w.dir, r.yaml(w))
		r.mu.Lock()
		defer r.mu.Unlock()
		r.node = n
		return err
	})
}

func (r *releve) pause() error  { return r.signal(syscall.SIGSTOP) }
func (r *releve) resume() error { return r.signal(syscall.SIGCONT) }

func (r *releve) signal(s syscall.Signal) error {
	if err := syscall.Kill(r.now().Pid(), s); err != nil {
		return fmt.Errorf("signal Relève: %w", err)
	}
	return nil
}

func (r *releve) kill() { _ = r.now().Kill() } // it may have ended by itself

func (r *releve) finish() error {
	if r.watch != nil {
		r.watch.end()
	}
	if r.now() == nil {
		return nil
	}
	return r.now().Stop()
}

func (r *releve) log() string {
	if r.now() == nil {
		return "(not started)"
	}
	return r.now().Log()
}

// status is what the corpus reads of GET /api/v1/status.
type status struct {
	Active  string `json:"active"`
	Phase   string `json:"phase"`
	Servers []struct {
		Verdict string `json:"verdict"`
		Ready   bool   `json:"ready"`
		State   string `json:"state"`
	} `json:"servers"`
	Registration struct {
		Holder string `json:"holder"`
		Phase  string `json:"phase"`
	} `json:"registration"`
	Counters struct {
		Held          int `json:"calls_held"`
		Switchovers   int `json:"switchovers"`
		Verifications int `json:"verifications"`
	} `json:"counters"`
}

type serverStatus = struct {
	Verdict string `json:"verdict"`
	Ready   bool   `json:"ready"`
	State   string `json:"state"`
}

// server is server i (0 primary, 1 secondary); zero when it is not listed.
func (s status) server(i int) serverStatus {
	if i < len(s.Servers) {
		return s.Servers[i]
	}
	return serverStatus{}
}

func (r *releve) status(ctx context.Context) (s status, err error) {
	return s, r.now().JSON(ctx, "/api/v1/status", &s)
}

// await polls the status until ok.
func (r *releve) await(ctx context.Context, what string, ok func(status) bool) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	last := ""
	for {
		s, err := r.status(ctx)
		if err == nil && ok(s) {
			return nil
		}
		if ctx.Err() == nil {
			last = fmt.Sprintf("%+v %v", s, err)
		}
		select {
		case <-tick.C:
		case <-r.now().Done():
			return fmt.Errorf("wait until %s: %w", what, errGone)
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w; last seen %s", what, context.Cause(ctx), last)
		}
	}
}

// event is a line of the journal.
type event struct {
	Time   time.Time         `json:"time"`
	Code   string            `json:"code"`
	Params map[string]string `json:"params"`
}

// maxJournal is the most that the door gives at once.
const maxJournal = 1000

// journal returns its lines since an instant, oldest first.
func (r *releve) journal(ctx context.Context, since time.Time) ([]event, error) {
	var lines []event
	q := url.Values{"limit": {fmt.Sprint(maxJournal)}, "since": {since.UTC().Format(time.RFC3339Nano)}}
	if err := r.now().JSON(ctx, "/api/v1/events?"+q.Encode(), &lines); err != nil {
		return nil, err
	}
	if len(lines) == maxJournal {
		return nil, errors.New("the journal is longer than what can be read of it at once")
	}
	slices.Reverse(lines)
	return lines, nil
}

func (r *releve) moved(ctx context.Context, w *world) (n int, err error) {
	lines, err := r.journal(ctx, w.began)
	for _, e := range lines {
		if e.Code == "switchover-begun" {
			n++
		}
	}
	return n, err
}

// verdicts are those of the journal's rounds and of the status.
func (r *releve) verdicts(ctx context.Context, w *world) (out []said, err error) {
	lines, err := r.journal(ctx, w.began)
	if err != nil {
		return nil, err
	}
	last := ""
	for _, e := range lines {
		v := e.Params["verdict"]
		switch {
		case e.Code == "server-restarted":
			out = append(out, said{at: e.Time, verdict: restarted, noted: true})
		case e.Code == "switchover-begun":
			out = append(out, said{at: e.Time, verdict: last, switched: true})
		case v != "" && (e.Code == "round" || e.Code == "verification-end") && e.Params["server"] != "secondary":
			last = v
			out = append(out, said{at: e.Time, verdict: v})
		}
	}
	out = append(out, r.watch.all()...)
	slices.SortStableFunc(out, func(a, b said) int { return a.at.Compare(b.at) })
	return out, nil
}

// home is the operator's return, tried until it is possible.
func (r *releve) home(ctx context.Context, w *world) error {
	return r.await(ctx, "the primary serves again", func(s status) bool {
		if s.Phase == "on-secondary" {
			// A refusal (the primary is not seen well yet) is tried again.
			_, _ = r.now().Verb(ctx, "return", "--force", "--yes", "--reason", "corpus", "--wait", "5s")
			return false
		}
		return s.Phase == "normal" && s.Active == "primary" && s.Registration.Phase == "bound" && s.server(0).Verdict == healthy && s.server(1).Ready
	})
}
