package resolve

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"releve/testbed/nameserver"
)

func TestNegativeAnswerIsKeptForTheMinimumOfTheZone(t *testing.T) {
	for minimum, keeps := range map[uint32]time.Duration{1: 5 * time.Second, 20: 20 * time.Second, 3600: time.Minute} {
		inBubbleWith(t, Config{IPv4: true}, func(ns *nameserver.Server, r *Resolver) {
			ns.Negative(minimum)
			want(t, find(t, r, pbx))
			ns.Set(pbxA)
			time.Sleep(keeps - time.Millisecond)
			want(t, find(t, r, pbx))
			asked(t, ns, pbx.Host, dns.TypeA, 1)
			time.Sleep(time.Millisecond)
			want(t, find(t, r, pbx), "udp 192.0.2.1:5060")
		})
	}
}

func TestLongTTLIsKeptAnHour(t *testing.T) {
	inBubbleWith(t, Config{IPv4: true}, func(ns *nameserver.Server, r *Resolver) {
		ns.Set("pbx.example.com. 604800 IN A 192.0.2.1")
		find(t, r, pbx)
		time.Sleep(time.Hour - time.Millisecond)
		if _, ok := r.Targets(pbx); !ok {
			t.Error("forgotten before the hour")
		}
		time.Sleep(time.Millisecond)
		if _, ok := r.Targets(pbx); ok {
			t.Error("kept beyond the hour")
		}
	})
}

// A zone that says the name is gone is believed; a box without a zone is not.
func TestNameThatIsGone(t *testing.T) {
	for _, c := range []struct {
		name   string
		noSOA  bool
		serves []string
	}{
		{"says the zone", false, nil},
		{"says somebody without SOA", true, []string{"udp 192.0.2.1:5060"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubbleWith(t, Config{IPv4: true}, func(ns *nameserver.Server, r *Resolver) {
				ns.Set(pbxA)
				find(t, r, pbx)
				ns.Remove(pbx.Host, dns.TypeANY)
				ns.Behave(nameserver.Behaviour{NoSOA: c.noSOA})
				time.Sleep(time.Minute)
				want(t, find(t, r, pbx), c.serves...)
			})
		})
	}
}

// The addresses of one host cannot be had: its last ones serve, the rest of
// the set is new.
func TestStaleIsPerQuestion(t *testing.T) {
	inBubbleWith(t, Config{IPv4: true}, func(ns *nameserver.Server, r *Resolver) {
		n := Name{Host: "example.com", Given: true}
		ns.Set("_sip._udp.example.com. 30 IN SRV 1 1 5060 one.example.com.",
			"_sip._udp.example.com. 30 IN SRV 2 1 5060 two.example.com.",
			"one.example.com. 30 IN A 192.0.2.1", "two.example.com. 30 IN A 192.0.2.2")
		want(t, find(t, r, n), "udp 192.0.2.1:5060", "udp 192.0.2.2:5060")
		ns.BehaveFor("one.example.com.", dns.TypeA, nameserver.Behaviour{Rcode: dns.RcodeServerFailure})
		ns.Set("two.example.com. 30 IN A 192.0.2.3")
		time.Sleep(30 * time.Second)
		want(t, find(t, r, n), "udp 192.0.2.1:5060", "udp 192.0.2.3:5060")
		if s := r.Stats(); s.Failures != 1 {
			t.Errorf("stats %+v: one lookup left a question open", s)
		}
	})
}

type told struct {
	at      time.Duration
	targets []string
}

// ear files what Config.Changed is told, and when after the first.
type ear struct {
	mu    sync.Mutex
	began time.Time
	all   []told
}

func (e *ear) changed(_ Name, targets []Target) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.began.IsZero() {
		e.began = time.Now()
	}
	e.all = append(e.all, told{time.Since(e.began), texts(targets)})
}

func (e *ear) heard() []told {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.all)
}

// watch returns a Config without jitter, and what its Changed is told.
func watch() (Config, *ear) {
	e := new(ear)
	return Config{IPv4: true, Rand: func(n uint32) uint32 { return n / 2 }, Changed: e.changed}, e
}

func TestWatchedNameIsRefreshedBeforeItExpires(t *testing.T) {
	c, all := watch()
	inBubbleWith(t, c, func(ns *nameserver.Server, r *Resolver) {
		ns.Set(pbxA)
		r.Watch(pbx)
		r.Watch(pbx)
		synctest.Wait()
		time.Sleep(47 * time.Second)
		asked(t, ns, pbx.Host, dns.TypeA, 1)
		ns.Set("pbx.example.com. 60 IN A 192.0.2.2")
		time.Sleep(2 * time.Second) // 48 s are 80 % of 60 s
		asked(t, ns, pbx.Host, dns.TypeA, 2)
		for range 600 { // never a moment without an answer
			if got, ok := r.Targets(pbx); !ok || !slices.Equal(texts(got), []string{"udp 192.0.2.2:5060"}) {
				t.Fatalf("targets %v", got)
			}
			time.Sleep(time.Second)
		}
		ns.Remove(pbx.Host, dns.TypeA)
		time.Sleep(time.Minute)
		wantTold(t, all.heard(), told{0, []string{"udp 192.0.2.1:5060"}}, told{48 * time.Second, []string{"udp 192.0.2.2:5060"}}, told{targets: nil})
		r.Unwatch(pbx)
		before := ns.Total()
		time.Sleep(time.Hour)
		if ns.Total() != before {
			t.Error("a name that is no longer watched is asked for")
		}
	})
}

// wantTold compares; a time of 0 after the first is any time.
func wantTold(t *testing.T, got []told, want ...told) {
	t.Helper()
	same := func(g, w told) bool { return (w.at == 0 || g.at == w.at) && slices.Equal(g.targets, w.targets) }
	if !slices.EqualFunc(got, want, same) {
		t.Errorf("Changed was told %v, want %v", got, want)
	}
}

// The watched name keeps its set for a day of silence, then its watchers hear
// that it leads nowhere; and it comes back by itself.
func TestWatchedNameOutlivesItsServers(t *testing.T) {
	c, all := watch()
	inBubbleWith(t, c, func(ns *nameserver.Server, r *Resolver) {
		ns.Set(pbxA)
		r.Watch(pbx)
		synctest.Wait()
		ns.Behave(nameserver.Behaviour{Silent: true})
		time.Sleep(24 * time.Hour)
		if _, ok := r.Targets(pbx); !ok || len(all.heard()) != 1 {
			t.Errorf("after a day: serves %v, told %v", ok, all.heard())
		}
		if s := r.Stats(); s.Failing != 1 {
			t.Errorf("stats %+v do not show the watched name as failing", s)
		}
		// A retry every 30 s at most, two servers with two transmissions each.
		if q := ns.Total(); q > 24*3600/30*4 {
			t.Errorf("%d queries to silent servers in a day", q)
		}
		time.Sleep(10 * time.Minute)
		if _, ok := r.Targets(pbx); ok {
			t.Error("still serves after Stale")
		}
		ns.Behave(nameserver.Behaviour{})
		time.Sleep(15 * time.Second)
		if _, ok := r.Targets(pbx); !ok {
			t.Error("does not come back with its servers")
		}
		first := []string{"udp 192.0.2.1:5060"}
		wantTold(t, all.heard(), told{0, first}, told{targets: nil}, told{targets: first})
	})
}

func TestBackoff(t *testing.T) {
	var serving, empty []time.Duration
	for f := 1; f <= 7; f++ {
		serving = append(serving, backoff(f, true)/time.Second)
		empty = append(empty, backoff(f, false)/time.Second)
	}
	if !slices.Equal(serving, []time.Duration{1, 2, 4, 8, 16, 30, 30}) || !slices.Equal(empty, []time.Duration{1, 2, 4, 5, 5, 5, 5}) {
		t.Errorf("serving %v, empty %v", serving, empty)
	}
}

// The name that leads nowhere goes before the one that serves, the one used
// long ago before the one used now; a watched name never.
func TestFullCacheForgetsWhatMattersLeast(t *testing.T) {
	inBubbleWith(t, Config{IPv4: true, MaxNames: 3}, func(ns *nameserver.Server, r *Resolver) {
		host := func(i int) Name { return Name{Host: fmt.Sprintf("h%d.example.com", i), Port: 5060} }
		for _, i := range []int{0, 2, 3, 4, 5} {
			ns.Set(fmt.Sprintf("h%d.example.com. 3600 IN A 192.0.2.%d", i, i+1))
		}
		r.Watch(host(0))
		synctest.Wait()
		for i := 1; i <= 4; i++ { // h1 does not exist
			find(t, r, host(i))
			time.Sleep(time.Second)
		}
		known := func() (out []int) {
			for i := range 6 {
				if _, ok := r.Targets(host(i)); ok {
					out = append(out, i)
				}
			}
			return out
		}
		// 1 left when 3 came, 2 when 4 came.
		if got := known(); !slices.Equal(got, []int{0, 3, 4}) {
			t.Errorf("knows %v", got)
		}
		time.Sleep(time.Second)
		r.Targets(host(3))
		find(t, r, host(5))
		if got := known(); !slices.Equal(got, []int{0, 3, 5}) {
			t.Errorf("knows %v after 3 was used and 5 came", got)
		}
		if s := r.Stats(); s.Names != 3 || s.Evicted != 3 {
			t.Errorf("stats %+v", s)
		}
		for i := range 3 {
			r.Watch(host([]int{0, 3, 5}[i]))
		}
		want(t, find(t, r, host(2)))
		if s := r.Stats(); s.Refused != 1 {
			t.Errorf("a cache of watched names refused %d names, want 1", s.Refused)
		}
	})
}

func TestNamesNobodyCanAskForMakeNoQuery(t *testing.T) {
	inBubble(t, func(ns *nameserver.Server, r *Resolver) {
		for _, host := range []string{"", "a b", "x\r\nVia: y", "1.2.3.4.5", "*"} {
			want(t, find(t, r, Name{Host: host}))
			r.Watch(Name{Host: host})
		}
		if s := r.Stats(); ns.Total() != 0 || s.Names != 0 {
			t.Errorf("%d queries, stats %+v", ns.Total(), s)
		}
	})
}

// Close ends lookups in progress, calls who waits, and leaves no goroutine:
// the bubble would not end.
func TestCloseEndsWhatIsInProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ns := nameserver.New()
		defer ns.Close()
		ns.Behave(nameserver.Behaviour{Silent: true})
		r, err := New(Config{Dial: ns.Dial, ResolvConf: "testdata/resolv.conf"})
		if err != nil {
			t.Fatal(err)
		}
		r.Watch(pbx)
		ended := make(chan struct{}, 2)
		r.Resolve(Name{Host: "example.com"}, func() { ended <- struct{}{} })
		synctest.Wait()
		began := time.Now()
		r.Close()
		if time.Since(began) != 0 || len(ended) != 1 {
			t.Errorf("Close took %v and called %d of 1 that waited", time.Since(began), len(ended))
		}
		r.Resolve(pbx, func() { ended <- struct{}{} })
		<-ended
		<-ended
		r.Close()
	})
}

func TestBoundsAreCounted(t *testing.T) {
	inBubble(t, func(ns *nameserver.Server, r *Resolver) {
		ns.Behave(nameserver.Behaviour{Silent: true})
		for i := range maxLookups + 10 {
			r.Resolve(Name{Host: fmt.Sprintf("h%d.example.com", i)}, func() {})
		}
		if s := r.Stats(); s.Refused != 10 || s.Lookups != maxLookups {
			t.Errorf("stats %+v, want 10 refused", s)
		}
		time.Sleep(time.Minute)
		r.mu.RLock()
		defer r.mu.RUnlock()
		if len(r.sockets) != 0 || r.running != 0 || r.waiting != 0 {
			t.Errorf("%d sockets, %d lookups, %d callers left over", len(r.sockets), r.running, r.waiting)
		}
	})
}

// TTL 0, and more than a second between the first answer and the last.
func TestLookupOfASlowServerEndsUsable(t *testing.T) {
	inBubbleWith(t, Config{IPv4: true}, func(ns *nameserver.Server, r *Resolver) {
		ns.Set("_sip._udp.example.com. 0 IN SRV 1 1 5060 alias.example.com.",
			"alias.example.com. 0 IN CNAME pbx.example.com.", "pbx.example.com. 0 IN A 192.0.2.1")
		ns.Behave(nameserver.Behaviour{Delay: 900 * time.Millisecond, NoChase: true})
		want(t, find(t, r, Name{Host: "example.com", Given: true}), "udp 192.0.2.1:5060")
	})
}

// An SRV set made today is found within the minute, whatever the TTLs.
func TestRecordThatIsNewIsFoundWithinAMinute(t *testing.T) {
	inBubbleWith(t, Config{IPv4: true}, func(ns *nameserver.Server, r *Resolver) {
		n := Name{Host: "example.com", Given: true}
		ns.Negative(3600)
		ns.Set("example.com. 3600 IN A 192.0.2.1")
		want(t, find(t, r, n), "udp 192.0.2.1:5060")
		ns.Set("_sip._udp.example.com. 60 IN SRV 1 1 5070 example.com.")
		time.Sleep(time.Minute)
		want(t, find(t, r, n), "udp 192.0.2.1:5070")
	})
}

// Two questions to two servers, 1 + 2 s each, then the lookup gives up.
func TestSilentServersEndALookupAfterTwoQuestions(t *testing.T) {
	inBubble(t, func(ns *nameserver.Server, r *Resolver) {
		ns.Behave(nameserver.Behaviour{Silent: true})
		began := time.Now()
		want(t, find(t, r, Name{Host: "example.com"}))
		if took := time.Since(began); took != 6*time.Second {
			t.Errorf("took %v, want 6 s", took)
		}
		began = time.Now()
		want(t, find(t, r, Name{Host: "example.com"}))
		if took := time.Since(began); took != 0 {
			t.Errorf("the next caller waited %v", took)
		}
	})
}

// A dead first server costs one caller a second, the next ones nothing.
func TestSilentFirstServerIsAskedLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead, good := nameserver.New(), nameserver.New()
		dead.Behave(nameserver.Behaviour{Silent: true})
		good.Set(pbxA, "b.example.com. 60 IN A 192.0.2.2")
		r, err := New(Config{IPv4: true, ResolvConf: "testdata/resolv.conf", Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address == "127.0.0.1:53" {
				return dead.Dial(ctx, network, address)
			}
			return good.Dial(ctx, network, address)
		}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.Close)
		t.Cleanup(good.Close)
		t.Cleanup(dead.Close)
		began := time.Now()
		want(t, find(t, r, pbx), "udp 192.0.2.1:5060")
		if took := time.Since(began); took != time.Second {
			t.Errorf("the first caller waited %v, want 1 s", took)
		}
		began = time.Now()
		want(t, find(t, r, Name{Host: "b.example.com", Port: 5060}), "udp 192.0.2.2:5060")
		if took := time.Since(began); took != 0 {
			t.Errorf("the second caller waited %v", took)
		}
	})
}
