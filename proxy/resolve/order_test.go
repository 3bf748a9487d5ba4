package resolve

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

func to(host string) Target {
	return Target{netip.AddrPortFrom(netip.MustParseAddr(host), 5060), udp}
}

// at is a service with one target.
func at(priority, weight uint16, host string) service {
	return service{priority, weight, []Target{to(host)}}
}

// fixed draws the numbers it is given, in order, and tells the ranges it was
// asked for.
type fixed struct {
	numbers []uint32
	ranges  []uint32
}

func (f *fixed) draw(n uint32) uint32 {
	f.ranges = append(f.ranges, n)
	if len(f.numbers) == 0 {
		return 0
	}
	x := f.numbers[0]
	f.numbers = f.numbers[1:]
	return x
}

func TestDrawOrders(t *testing.T) {
	three := []service{at(10, 60, "192.0.2.1"), at(10, 30, "192.0.2.2"), at(10, 10, "192.0.2.3")}
	zero := []service{at(10, 5, "192.0.2.1"), at(10, 0, "192.0.2.2"), at(10, 0, "192.0.2.3")}
	for _, c := range []struct {
		name    string
		set     []service
		numbers []uint32
		want    []string
	}{
		{"nothing", nil, nil, nil},
		{"one needs no number", []service{at(1, 9, "192.0.2.1")}, nil, []string{"udp 192.0.2.1:5060"}},
		{
			"priorities ascend whatever the weights",
			[]service{at(30, 90, "192.0.2.3"), at(10, 1, "192.0.2.1"), at(20, 50, "192.0.2.2")},
			nil,
			[]string{"udp 192.0.2.1:5060", "udp 192.0.2.2:5060", "udp 192.0.2.3:5060"},
		},
		{
			"a number up to the first running sum takes the first", three,
			[]uint32{60, 30},
			[]string{"udp 192.0.2.1:5060", "udp 192.0.2.2:5060", "udp 192.0.2.3:5060"},
		},
		{
			"one more takes the second", three,
			[]uint32{61, 61},
			[]string{"udp 192.0.2.2:5060", "udp 192.0.2.3:5060", "udp 192.0.2.1:5060"},
		},
		{
			"the sum itself takes the last", three,
			[]uint32{100, 90},
			[]string{"udp 192.0.2.3:5060", "udp 192.0.2.2:5060", "udp 192.0.2.1:5060"},
		},
		{
			"weight 0 stands first, and a 0 takes it", zero,
			[]uint32{0, 0},
			[]string{"udp 192.0.2.2:5060", "udp 192.0.2.3:5060", "udp 192.0.2.1:5060"},
		},
		{
			"any other number passes weight 0 by", zero,
			[]uint32{1},
			[]string{"udp 192.0.2.1:5060", "udp 192.0.2.2:5060", "udp 192.0.2.3:5060"},
		},
		{
			"two records of one host are one target",
			[]service{at(1, 0, "192.0.2.1"), at(2, 0, "192.0.2.1"), at(3, 0, "192.0.2.2")},
			nil,
			[]string{"udp 192.0.2.1:5060", "udp 192.0.2.2:5060"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := append([]service(nil), c.set...)
			byPriority(set)
			f := &fixed{numbers: c.numbers}
			want(t, texts(draw(set, f.draw)), c.want...)
			if len(f.numbers) > 0 {
				t.Errorf("numbers %v were not drawn", f.numbers)
			}
			for _, n := range f.ranges {
				if n < 1 {
					t.Errorf("a number was drawn from %d", n)
				}
			}
		})
	}
}

func TestDrawLeavesTheSetAsItIs(t *testing.T) {
	set := []service{at(10, 0, "192.0.2.1"), at(10, 5, "192.0.2.2"), at(10, 9, "192.0.2.3")}
	before := texts(flat(set))
	source := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		draw(set, source.Uint32N)
	}
	want(t, texts(flat(set)), before...)
}

// Shares of first places, and of second ones among what is left, are those of
// the weights within four standard deviations.
func TestDrawSharesByWeight(t *testing.T) {
	set := []service{at(1, 0, "192.0.2.1"), at(1, 1, "192.0.2.2"), at(1, 3, "192.0.2.3"), at(1, 6, "192.0.2.4")}
	// RFC 2782 draws from 0…10, eleven numbers: weight 0 owns the 0.
	share := map[string]float64{"192.0.2.1": 1, "192.0.2.2": 1, "192.0.2.3": 3, "192.0.2.4": 6}
	const draws = 22_000
	source := rand.New(rand.NewPCG(5, 6))
	first := make(map[string]int)
	for range draws {
		got := draw(set, source.Uint32N)
		if len(got) != len(set) {
			t.Fatalf("%d targets of %d", len(got), len(set))
		}
		first[got[0].Addr.Addr().String()]++
	}
	for host, weight := range share {
		p := weight / 11
		mean, variance := draws*p, draws*p*(1-p)
		if off := float64(first[host]) - mean; off*off > 16*variance {
			t.Errorf("%s came first %d times, expected %.0f", host, first[host], mean)
		}
	}
}

func TestInterleaveTakesBothFamiliesInTurn(t *testing.T) {
	six := []Target{to("2001:db8::1")}
	four := []Target{to("192.0.2.1"), to("192.0.2.2")}
	want(t, texts(interleave(six, four)), "udp [2001:db8::1]:5060", "udp 192.0.2.1:5060", "udp 192.0.2.2:5060")
	want(t, texts(interleave(nil, four)), "udp 192.0.2.1:5060", "udp 192.0.2.2:5060")
	want(t, texts(interleave(six, nil)), "udp [2001:db8::1]:5060")
}
