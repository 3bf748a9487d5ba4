package notify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// desk refuses for good what bad says.
type desk struct {
	mu    sync.Mutex
	bad   func(id string) bool
	taken []string
	tried int
}

func (k *desk) Send(_ context.Context, notices []Notice) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tried++
	for _, n := range notices {
		if k.bad(n.ID) {
			return fmt.Errorf("%w: 422 unreadable", ErrPermanent)
		}
	}
	for _, n := range notices {
		k.taken = append(k.taken, n.ID)
	}
	return nil
}

func (k *desk) got() (taken []string, tried int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.taken), k.tried
}

// TestOneRefusedNoticeHoldsUpNobody: a receiver refuses one notice of many for
// good; the others are told all the same, in order, and the one is counted.
func TestOneRefusedNoticeHoldsUpNobody(t *testing.T) {
	for _, most := range []int{1, 200} {
		synctest.Test(t, func(t *testing.T) {
			d := open(t, t.TempDir(), &edges{})
			k := &desk{bad: func(id string) bool { return id == "n3" || id == "n7" }}
			d.Set([]Receiver{{Name: "desk", Sink: k, Most: most, Gather: time.Second}})
			for i := range 10 {
				d.Tell(notice(fmt.Sprint("n", i), "major"))
			}
			time.Sleep(time.Minute)
			d.Tell(notice("late", "critical"))
			time.Sleep(15 * time.Minute)
			synctest.Wait()
			taken, tried := k.got()
			slices.Sort(taken)
			if got := strings.Join(taken, " "); got != "late n0 n1 n2 n4 n5 n6 n8 n9" || tried > 30 {
				t.Errorf("most %d: taken %q in %d tries", most, got, tried)
			}
			if s := d.States()[0]; s.Waiting != 0 || s.Dropped != 2 || s.Sent != 9 || s.Down {
				t.Errorf("most %d: %+v", most, s)
			}
		})
	}
}

// TestAReceiverThatRefusesAllLosesNothing: a wrong password is no fault of the
// notices; what waits is told in order once it is mended, and tried seldom before.
func TestAReceiverThatRefusesAllLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, t.TempDir(), &edges{})
		k := &desk{bad: func(string) bool { return true }}
		d.Set([]Receiver{{Name: "desk", Sink: k, Most: 1}})
		var want []string
		for i := range 20 {
			want = append(want, fmt.Sprintf("n%02d", i))
			d.Tell(notice(want[i], "major"))
			time.Sleep(10 * time.Second)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if taken, tried := k.got(); len(taken) != 0 || tried > 40 {
			t.Errorf("taken %q in %d tries", taken, tried)
		}
		if s := d.States()[0]; s.Waiting != 20 || s.Dropped != 0 || !s.Down {
			t.Errorf("%+v", s)
		}
		k.mu.Lock()
		k.bad = func(string) bool { return false }
		k.mu.Unlock()
		time.Sleep(11 * time.Minute)
		synctest.Wait()
		taken, _ := k.got()
		if newest := taken[0]; newest != "n19" || !slices.Equal(taken[1:], want[:19]) {
			t.Errorf("taken %q: want the newest, then the others in order", taken)
		}
	})
}

// TestPutOff: a receiver that says when it will take more is not asked before, and
// not forgotten for a day.
func TestPutOff(t *testing.T) {
	for after, want := range map[time.Duration]time.Duration{90 * time.Second: 90 * time.Second, 24 * time.Hour: MaxLater} {
		synctest.Test(t, func(t *testing.T) {
			d := open(t, t.TempDir(), &edges{})
			r := &receiver{wrong: func(context.Context) error { return &Later{After: after, Err: fmt.Errorf("429")} }}
			d.Set([]Receiver{{Name: "desk", Sink: r, Most: 1}})
			d.Tell(notice("a", "critical"))
			synctest.Wait()
			r.be(nil)
			time.Sleep(want - time.Second)
			synctest.Wait()
			if got, tried := r.got(); got != "" || tried != 1 {
				t.Errorf("asked before: %q in %d tries", got, tried)
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
			if got, _ := r.got(); got != "a" {
				t.Errorf("after %v: %q", want, got)
			}
		})
	}
}
