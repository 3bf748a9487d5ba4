package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"releve/proxy/dialog"
	"releve/router"
)

// The calls in progress are kept in a file beside the store, so that a restart
// knows which lines they hold. Routing never needs it: the dialog carries its
// way. A call answered in the last seconds before a crash is missing, which is
// why the count of lines is doubted after one (see presume).
const (
	inProgressFile  = "calls.json"
	inProgressEvery = 5 * time.Second // our choice
	inProgressMost  = 64 << 20        // bytes that are read; 20,000 calls take about 20 MB
)

// inProgress is the file.
type inProgress struct {
	Clean   bool                 `json:"clean"` // written by a clean stop: nothing is missing
	Servers [router.Servers]bool `json:"servers_know"`
	Calls   []keptCall           `json:"calls"`
}

// keptCall is a call with its instants as times of day.
type keptCall struct {
	Call     dialog.Call `json:"call"`
	Started  time.Time   `json:"started"`
	Answered time.Time   `json:"answered"`
	Lapses   time.Time   `json:"lapses,omitzero"`
	FarKnows bool        `json:"far_knows,omitempty"`
}

// keptCalls keeps the file; it belongs to New, then to watchCalls, then to Stop.
type keptCalls struct {
	path    string
	changes uint64
	next    time.Time
	clean   bool // as it was read at the start
	failed  bool
}

// resumeCalls enters the calls of the run before.
func (a *App) resumeCalls() {
	a.kept = &keptCalls{path: filepath.Join(a.cfg().Store.Path, inProgressFile)}
	f, err := a.kept.read()
	if err != nil {
		a.log.Warn("the calls in progress before this start are not known: lines are counted as uncertain for a while", "error", err)
	}
	a.kept.clean = f.Clean && err == nil
	for i := range f.Calls {
		k := &f.Calls[i]
		c := k.Call
		c.Key = a.proxy.KeyOf(c.CallID)
		c.Started, c.Answered = a.instant(k.Started), a.instant(k.Answered)
		if c.Lapses = 0; !k.Lapses.IsZero() {
			c.Lapses = a.instant(k.Lapses)
		}
		for e := range c.Legs {
			c.Legs[e].Flow.Conn = 0 // of the process before
		}
		a.proxy.Dialogs.Resume(c, k.FarKnows, f.Servers)
	}
	a.keepCalls(false)
}

// instant is the router.Instant of a time of day, negative before this start.
func (a *App) instant(t time.Time) router.Instant {
	return router.Instant(t.Sub(a.proxy.Started()))
}

func (k *keptCalls) read() (f inProgress, err error) {
	info, err := os.Stat(k.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return inProgress{}, nil
	case err == nil && info.Size() > inProgressMost:
		err = fmt.Errorf("%s has %d bytes", k.path, info.Size())
	}
	var raw []byte
	if err == nil {
		raw, err = os.ReadFile(k.path)
	}
	if err == nil {
		err = json.Unmarshal(raw, &f)
	}
	if err != nil {
		return inProgress{}, fmt.Errorf("read the calls in progress: %w", err)
	}
	return f, nil
}

// keepCalls writes the file anew when calls began or ended.
func (a *App) keepCalls(clean bool) {
	k := a.kept
	n := a.proxy.Dialogs.Changes()
	if k == nil || !clean && n == k.changes && !k.next.IsZero() {
		return
	}
	k.next = time.Now().Add(inProgressEvery)
	f := inProgress{Clean: clean}
	for _, c := range a.proxy.Dialogs.Live() {
		kept := keptCall{Call: c, Started: a.timeOf(c.Started), Answered: a.timeOf(c.Answered)}
		if c.Lapses != 0 {
			kept.Lapses = a.timeOf(c.Lapses)
		}
		kept.FarKnows, f.Servers = a.proxy.Dialogs.Known(c.Key)
		f.Calls = append(f.Calls, kept)
	}
	err := k.write(f)
	if err != nil && !k.failed {
		a.log.Warn("the calls in progress are not kept: a restart would count lines as uncertain", "error", err)
	}
	if k.failed = err != nil; !k.failed {
		k.changes = n
	}
}

func (a *App) timeOf(i router.Instant) time.Time {
	return a.proxy.Started().Round(0).Add(time.Duration(i))
}

// write replaces the file: a reader sees the old one or the new one.
func (k *keptCalls) write(f inProgress) error {
	raw, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if err := os.WriteFile(k.path+".new", raw, 0o600); err != nil {
		return err
	}
	return os.Rename(k.path+".new", k.path)
}

// watchCalls asks after calls and keeps the file, until the node stops. A disk
// that hangs holds up this alone.
func (a *App) watchCalls() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-a.mind.life.Done():
			return
		case now := <-tick.C:
			a.askCalls()
			if !now.Before(a.kept.next) {
				a.keepCalls(false)
			}
		}
	}
}

// leaveCalls writes the file of a clean stop, when nothing changes any more.
func (a *App) leaveCalls() { a.keepCalls(true) }
