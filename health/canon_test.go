package health

import (
	"testing"
	"time"

	"releve/router"
)

func TestSilenceOfAnOverlappingProbeIsALostMessage(t *testing.T) {
	b := alive()
	b.Probe(at(10*sec), router.Primary, router.OK, ms)
	b.Probe(at(10*sec+500*ms), router.Primary, router.Silent, sec) // sent before that answer
	if f := b.Facts(at(10*sec+500*ms), router.Primary, policy); f.SIP != router.OK {
		t.Errorf("%v after an answer within the same second", f.SIP)
	}
	b.Probe(at(11*sec+200*ms), router.Primary, router.Silent, sec) // sent after it
	if f := b.Facts(at(11*sec+200*ms), router.Primary, policy); f.SIP != router.Silent {
		t.Errorf("%v after a whole second of silence", f.SIP)
	}
}

func TestUnseen(t *testing.T) {
	var b Board
	b.IPBXSilent(at(sec), 0, sec)
	if b.Unseen(0) {
		t.Error("the silence of an IPBX that never answered means nothing")
	}
	b.SightIPBX(at(2*sec), 0, true)
	b.IPBXSilent(at(9*sec), 0, sec)
	if !b.Unseen(0) || b.Unseen(1) || b.Unseen(MaxIPBX) {
		t.Error("one IPBX has fallen silent")
	}
}

// Two lives with the same past, at other instants, have one Canon; another past
// has another.
func TestCanon(t *testing.T) {
	life := func(start router.Instant, e router.Evidence) Board {
		var b Board
		for i := range 4 {
			now := start.Add(time.Duration(i) * 5 * sec)
			b.Probe(now, router.Primary, router.OK, 3*ms)
			b.Call(now, router.Primary, e)
			b.SightIPBX(now, 0, true)
			b.Host(now, router.Secondary, Up)
		}
		return b
	}
	first, second := life(at(100*sec), router.Busy), life(at(340*sec), router.Busy)
	now1, now2 := at(120*sec), at(360*sec)
	if first.Canon(now1, policy) != second.Canon(now2, policy) {
		t.Errorf("one past, two canons:\n%+v\n%+v", first.Canon(now1, policy), second.Canon(now2, policy))
	}
	if other := life(at(100*sec), router.Stuck); other.Canon(now1, policy) == first.Canon(now1, policy) {
		t.Error("two pasts, one canon")
	}
	if first.Canon(now1, policy) == first.Canon(now1+router.Instant(sec), policy) {
		t.Error("a second later it is not the same")
	}
	var fresh Board
	if fresh.Canon(now1, policy) != fresh.Canon(now2, policy) {
		t.Error("knowing nothing has no age")
	}
}
