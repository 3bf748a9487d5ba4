package app

import (
	"bufio"
	"bytes"
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
		a.proxy.Dialogs.Resume(c, dialog.Before{FarKnows: k.FarKnows, Servers: f.Servers, Clean: a.kept.clean})
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
	err := k.replace(func(w *bufio.Writer) error { return a.writeCalls(w, clean) })
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

// writeCalls writes an inProgress, a call at a time: ten thousand of them at once
// would be seen in the memory of the process.
func (a *App) writeCalls(w *bufio.Writer, clean bool) error {
	d := a.proxy.Dialogs
	_, servers := d.Known(0)
	head, err := json.Marshal(inProgress{Clean: clean, Servers: servers, Calls: []keptCall{}})
	if err != nil {
		return err
	}
	_, _ = w.Write(bytes.TrimSuffix(head, []byte("]}"))) // a bufio.Writer keeps its error for Flush
	each := json.NewEncoder(w)
	comma := false
	for _, key := range d.Keys() {
		c, ok := d.Get(key)
		if !ok {
			continue // it ended meanwhile
		}
		kept := keptCall{Call: c, Started: a.timeOf(c.Started), Answered: a.timeOf(c.Answered)}
		if c.Lapses != 0 {
			kept.Lapses = a.timeOf(c.Lapses)
		}
		kept.FarKnows, _ = d.Known(key)
		if comma {
			_ = w.WriteByte(',')
		}
		comma = true
		if err := each.Encode(&kept); err != nil {
			return err
		}
	}
	_, _ = w.WriteString("]}")
	return nil
}

// replace writes the file anew: a reader sees the old one or the new one.
func (k *keptCalls) replace(write func(*bufio.Writer) error) error {
	f, err := os.OpenFile(k.path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	err = errors.Join(write(w), w.Flush(), f.Close())
	if err != nil {
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
