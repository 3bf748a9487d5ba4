package notify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// receiver is the far end of a test: it takes what it is sent, or does what
// wrong says.
type receiver struct {
	mu    sync.Mutex
	sends [][]string // the IDs of each Send that went well
	tried int
	wrong func(ctx context.Context) error
}

func (r *receiver) Send(ctx context.Context, notices []Notice) error {
	r.mu.Lock()
	r.tried++
	wrong := r.wrong
	r.mu.Unlock()
	if wrong != nil {
		if err := wrong(ctx); err != nil {
			return err
		}
	}
	var ids []string
	for _, n := range notices {
		ids = append(ids, n.ID)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sends = append(r.sends, ids)
	return nil
}

func (r *receiver) Answer() string { return "250\r\nqueued" }

func (r *receiver) be(wrong func(context.Context) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wrong = wrong
}

// got is what came, Send by Send, and how often it was tried.
func (r *receiver) got() (string, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, s := range r.sends {
		out = append(out, strings.Join(s, "+"))
	}
	return strings.Join(out, " "), r.tried
}

func refuse(context.Context) error { return errors.New("451 try later") }

func hang(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

func notice(id, severity string) Notice {
	return Notice{ID: id, Incident: id, Kind: Raised, Number: 1001, Severity: severity, Title: "t"}
}

// edges notes what the Dispatcher tells of its receivers.
type edges struct {
	mu   sync.Mutex
	list []string
}

func (e *edges) add(format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, fmt.Sprintf(format, args...))
}

func (e *edges) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.list, ", ")
}

func open(t *testing.T, dir string, e *edges) *Dispatcher {
	t.Helper()
	d, err := Open(Options{
		Dir:      dir,
		Failing:  func(name string, on bool, _ error) { e.add("%s failing %v", name, on) },
		Dropping: func(name string, on bool) { e.add("%s dropping %v", name, on) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// TestNothingIsLostWhileAllAreDown: every receiver is down for a minute, one
// hangs and one refuses; what came and went meanwhile is delivered to both, in
// order, once.
func TestNothingIsLostWhileAllAreDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &edges{}
		d := open(t, t.TempDir(), e)
		mail, hook := &receiver{wrong: hang}, &receiver{wrong: refuse}
		d.Set([]Receiver{{Name: "mail", Sink: mail, Gather: 2 * time.Second}, {Name: "hook", Sink: hook, Most: 1}})
		var want []string
		for i := range 30 {
			id := fmt.Sprintf("n%d", i)
			want = append(want, id)
			d.Tell(notice(id, "major"))
			time.Sleep(2 * time.Second)
		}
		mail.be(nil)
		hook.be(nil)
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		for name, r := range map[string]*receiver{"mail": mail, "hook": hook} {
			got, tried := r.got()
			if flat := strings.FieldsFunc(got, func(c rune) bool { return c == ' ' || c == '+' }); !slices.Equal(flat, want) {
				t.Errorf("%s got %s", name, got)
			}
			if tried > 60 {
				t.Errorf("%s was tried %d times", name, tried)
			}
		}
		for _, edge := range []string{"mail failing true", "mail failing false", "hook failing true", "hook failing false"} {
			if strings.Count(e.String(), edge) != 1 {
				t.Errorf("%q in %s", edge, e)
			}
		}
		for _, s := range d.States() {
			if s.Waiting != 0 || s.Sent != 30 || s.Failed == 0 || s.Dropped != 0 || s.Down || s.Cause != "" {
				t.Errorf("%+v", s)
			}
		}
	})
}

// TestOneThatHangsDelaysItselfAlone.
func TestOneThatHangsDelaysItselfAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, t.TempDir(), &edges{})
		bad, good := &receiver{wrong: hang}, &receiver{}
		d.Set([]Receiver{{Name: "bad", Sink: bad}, {Name: "good", Sink: good}})
		d.Tell(notice("a", "critical"))
		synctest.Wait()
		if got, _ := good.got(); got != "a" {
			t.Errorf("the good one has %q while the other hangs", got)
		}
		time.Sleep(DefaultDeadline + time.Millisecond)
		synctest.Wait()
		if _, tried := bad.got(); tried != 1 {
			t.Errorf("tried %d times", tried)
		}
		if s := d.States()[0]; s.Failed != 1 || s.Cause == "" {
			t.Errorf("after its deadline %+v", s)
		}
	})
}

// TestKillKeepsTheQueue: what was told and not delivered is there for the next
// process, in order, under the same IDs; a file that a crash broke is set aside.
func TestKillKeepsTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		d := open(t, dir, &edges{})
		d.Set([]Receiver{{Name: "mail a@b.fr", Sink: &receiver{wrong: refuse}}, {Name: "gone", Sink: &receiver{wrong: refuse}}})
		d.Tell(notice("a", "major"), notice("b", "minor"))
		if err := d.Save(); err != nil {
			t.Fatal(err)
		}
		left, err := os.ReadDir(dir) // as kill -9 leaves it
		if err != nil || len(left) != 2 {
			t.Fatalf("%d files, %v", len(left), err)
		}
		copied := t.TempDir()
		for _, f := range left {
			raw, _ := os.ReadFile(filepath.Join(dir, f.Name()))
			if err := os.WriteFile(filepath.Join(copied, f.Name()), raw, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(copied, "queue-broken.json"), []byte(`{"name":"bro`), 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := Open(Options{Dir: copied})
		if err == nil || !strings.Contains(err.Error(), "set aside") {
			t.Errorf("a broken file: %v", err)
		}
		defer again.Close()
		again.Tell(notice("b", "minor"), notice("c", "minor")) // b is told again, for the crash came before that was noted
		mail := &receiver{}
		again.Set([]Receiver{{Name: "mail a@b.fr", Sink: mail}})
		synctest.Wait()
		if got, _ := mail.got(); strings.ReplaceAll(got, " ", "+") != "a+b+c" {
			t.Errorf("the next process delivered %q", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if files, _ := filepath.Glob(filepath.Join(copied, "queue-*.json")); len(files) != 0 {
			t.Errorf("left behind: %q", files)
		}
	})
}

// TestFullQueue: what is least grave goes first, the oldest of it; it is counted
// and told, and what is being sent stays.
func TestFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &edges{}
		d := open(t, t.TempDir(), e)
		r := &receiver{wrong: refuse}
		d.Set([]Receiver{{Name: "mail", Sink: r, Most: 1}})
		d.Tell(notice("first", "critical"))
		for i := range Limit {
			d.Tell(notice(fmt.Sprintf("w%d", i), "warning"))
		}
		d.Tell(notice("last", "critical"))
		synctest.Wait()
		if s := d.States()[0]; s.Waiting != Limit || s.Dropped != 2 {
			t.Errorf("%+v", s)
		}
		r.be(nil)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		got, _ := r.got()
		ids := strings.Fields(got)
		if len(ids) != Limit || ids[0] != "first" || ids[1] != "w2" || ids[len(ids)-1] != "last" {
			t.Errorf("%d delivered, %s … %s", len(ids), ids[:3], ids[len(ids)-1])
		}
		d.Tell(notice("later", "minor"))
		synctest.Wait()
		if !strings.Contains(e.String(), "mail dropping true") || !strings.HasSuffix(e.String(), "mail dropping false") {
			t.Errorf("told %s", e)
		}
	})
}

// TestGatherAndRate: what happens within two seconds is one Send; beyond the rate
// there is one digest when the next may go; a night call goes all the same.
func TestGatherAndRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, t.TempDir(), &edges{})
		r := &receiver{}
		d.Set([]Receiver{{Name: "mail", Sink: r, Gather: 2 * time.Second, Rate: 3}})
		for i := range 6 {
			d.Tell(notice(fmt.Sprintf("a%d", i), "minor"))
			time.Sleep(time.Second)
			d.Tell(notice(fmt.Sprintf("b%d", i), "minor"))
			time.Sleep(9 * time.Second)
		}
		if got, _ := r.got(); got != "a0+b0 a1+b1 a2+b2" {
			t.Errorf("within the rate %q", got)
		}
		time.Sleep(RateWindow)
		synctest.Wait()
		if got, _ := r.got(); got != "a0+b0 a1+b1 a2+b2 a3+b3+a4+b4+a5+b5" {
			t.Errorf("the digest %q", got)
		}
		for i := range 4 {
			n := notice(fmt.Sprintf("u%d", i), "critical")
			n.Urgent = true
			d.Tell(n)
			time.Sleep(5 * time.Second)
		}
		if got, _ := r.got(); !strings.HasSuffix(got, " u0 u1 u2 u3") {
			t.Errorf("urgent ones %q", got)
		}
	})
}

// TestFilters, and what is told before anybody is there.
func TestReceiversTakeWhatTheyTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, t.TempDir(), &edges{})
		d.Tell(notice("early", "critical"))
		r := &receiver{}
		d.Set([]Receiver{{Name: "mail", Sink: r, Takes: func(n Notice) bool { return n.Severity == "critical" }}})
		d.Tell(notice("x", "minor"), notice("y", "critical"))
		synctest.Wait()
		if got, _ := r.got(); strings.ReplaceAll(got, " ", "+") != "early+y" {
			t.Errorf("got %q", got)
		}
	})
}

// TestReload: a receiver that did not change goes on, one that did keeps its
// queue, one that is gone is forgotten with its file.
func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		d := open(t, dir, &edges{})
		same, old, gone := &receiver{wrong: hang}, &receiver{wrong: refuse}, &receiver{wrong: refuse}
		d.Set([]Receiver{{Name: "same", Sink: same, Settings: "1"}, {Name: "other", Sink: old, Settings: "1"}, {Name: "gone", Sink: gone, Settings: "1"}})
		d.Tell(notice("a", "major"))
		synctest.Wait()
		next := &receiver{}
		d.Set([]Receiver{{Name: "same", Sink: &receiver{}, Settings: "1"}, {Name: "other", Sink: next, Settings: "2"}})
		synctest.Wait()
		if got, _ := next.got(); got != "a" {
			t.Errorf("the new one got %q", got)
		}
		if _, tried := same.got(); tried != 1 {
			t.Errorf("the one that stays was tried %d times", tried)
		}
		d.Tell(notice("b", "major"))
		time.Sleep(time.Minute)
		synctest.Wait()
		if _, tried := gone.got(); tried > 1 {
			t.Error("one that is gone is still served")
		}
		if files, _ := filepath.Glob(filepath.Join(dir, "*gone*")); len(files) != 0 {
			t.Errorf("left behind: %q", files)
		}
		if _, err := d.Test(t.Context(), "gone", notice("t", "")); !errors.Is(err, ErrNoReceiver) {
			t.Errorf("a test of it: %v", err)
		}
	})
}

// TestTests: a test goes beside the queue and tells what was said; one that goes
// well ends the pause after failures.
func TestTests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, t.TempDir(), &edges{})
		r := &receiver{wrong: refuse}
		d.Set([]Receiver{{Name: "mail", Sink: r, Takes: func(n Notice) bool { return n.Kind != Test }}})
		d.Tell(notice("a", "major"))
		time.Sleep(5 * time.Minute) // the pauses are a minute by now
		if _, err := d.Test(t.Context(), "mail", notice("t1", "")); err == nil || err.Error() != "451 try later" {
			t.Errorf("refused: %v", err)
		}
		r.be(nil)
		if answer, err := d.Test(t.Context(), "mail", notice("t2", "")); err != nil || answer != "250 queued" {
			t.Errorf("%q, %v", answer, err)
		}
		synctest.Wait()
		if got, _ := r.got(); got != "t2 a" {
			t.Errorf("got %q", got)
		}
		r.be(hang)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if _, err := d.Test(ctx, "mail", notice("t3", "")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("one that hangs: %v", err)
		}
	})
}

// TestReceiverThatPanics fails, and is tried again.
func TestReceiverThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, t.TempDir(), &edges{})
		r := &receiver{wrong: func(context.Context) error { panic("nil map") }}
		d.Set([]Receiver{{Name: "mail", Sink: r}})
		d.Tell(notice("a", "major"))
		time.Sleep(3 * time.Second)
		r.be(nil)
		time.Sleep(time.Minute)
		if got, _ := r.got(); got != "a" {
			t.Errorf("got %q", got)
		}
	})
}

// TestRefusedForGood is tried seldom.
func TestRefusedForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, t.TempDir(), &edges{})
		r := &receiver{wrong: func(context.Context) error { return fmt.Errorf("550 no such user: %w", ErrPermanent) }}
		d.Set([]Receiver{{Name: "mail", Sink: r}})
		d.Tell(notice("a", "major"))
		time.Sleep(time.Hour)
		if _, tried := r.got(); tried < 6 || tried > 10 {
			t.Errorf("tried %d times in an hour", tried)
		}
	})
}

// TestDiskFull: a directory that cannot be written keeps nobody from being told.
func TestDiskFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := Open(Options{Dir: filepath.Join(file, "notices")})
		if err == nil {
			t.Error("a file is no directory, and nobody says so")
		}
		defer d.Close()
		r := &receiver{}
		d.Set([]Receiver{{Name: "mail", Sink: r, Gather: time.Second}})
		d.Tell(notice("a", "major"))
		if d.Save() == nil {
			t.Error("it was kept nowhere, and nobody says so")
		}
		time.Sleep(2 * time.Second)
		if got, _ := r.got(); got != "a" {
			t.Errorf("got %q", got)
		}
	})
}
