package proxy

import (
	"strings"
	"testing"
	"time"

	"releve/proxy/resolve"
	"releve/proxy/transport"
	"releve/router"
)

var (
	addrDesk = at("10.0.0.9:5060")
	deskName = resolve.Name{Host: "desk.test"}
)

// ownDesk is a desk on an address that is no IPBX's and no server's.
func ownDesk(c *Config) {
	c.RescueURI, c.Rescue, c.Policy.Rescue = "sip:9@10.0.0.9:5060", Peer{Name: "desk", Addr: addrDesk}, true
}

// deskByName is one that is configured by its name (RFC 3263).
func deskByName(c *Config) {
	d := newBook()
	d.set(deskName, addrDesk)
	c.Names = d
	c.RescueURI, c.Rescue, c.Policy.Rescue = "sip:9@desk.test", Peer{Name: "desk", Host: deskName}, true
}

// rescued is a call that rings at the desk: as it came, and as the desk got it.
func rescued(b *bed, id string) (desk *peer, up, down string) {
	b.Helper()
	desk = b.peer("desk", transport.UDP, addrDesk)
	up = b.refusedBy(id, 500)
	b.verify()
	b.view(func(v *router.View) { v.Phase, v.Verifying, v.Ruling = router.BothDown, false, router.RuleRescue })
	return desk, up, desk.take("INVITE sip:9@")
}

// atDesk is a call that the desk answered; ok is its 200 as the IPBX got it.
func atDesk(b *bed, id string) (desk *peer, down, ok string) {
	b.Helper()
	desk, _, down = rescued(b, id)
	desk.send(accept(down, "d", "10.0.0.9"))
	ok = b.ibx.take("200")
	b.ibx.send(uac(ok, "ACK", "ack-"+id, 1, "10.0.0.1"))
	desk.take("ACK")
	return desk, down, ok
}

// A desk on an address of its own was a stranger: its BYE was dropped, and a
// rescued call never ended.
func TestDeskOfItsOwnAddressEndsTheCall(t *testing.T) {
	for name, setting := range map[string]setting{"by its address": ownDesk, "by its name": deskByName} {
		t.Run(name, func(t *testing.T) {
			run(t, func(b *bed) {
				desk, down, _ := atDesk(b, "a")
				desk.send(uas(down, "BYE", "bye", "d", 1, "10.0.0.9"))
				b.ibx.send(answer(b.ibx.take("BYE sip:0612345678@10.0.0.1:5060"), 200, "x"))
				desk.take("200")
				r := b.record()
				want(b, "server", r.Server, "rescue")
				want(b, "outcome", r.Outcome, router.Rescued.String())
				want(b, "ended by", r.EndedBy, byCallee)
				want(b, "known to the sockets", b.p.Known(addrDesk.Addr()), true)
				want(b, "a stranger", b.p.Stats.Strangers.Load(), 0)
			}, setting)
		})
	}
}

// The record of a call of an earlier run names its parties by who hangs up.
func TestDeskEndsACallOfAnEarlierRun(t *testing.T) {
	run(t, func(b *bed) {
		desk, down, _ := atDesk(b, "r")
		b.restart()
		desk.send(uas(down, "BYE", "bye", "d", 1, "10.0.0.9"))
		b.ibx.send(answer(b.ibx.take("BYE"), 200, "x"))
		desk.take("200")
		r := b.record()
		want(b, "from", r.From, "0612345678")
		want(b, "ended by", r.EndedBy, byCallee)
	}, ownDesk)
}

func TestDeskAndCallerSpeakInTheirDialog(t *testing.T) {
	run(t, func(b *bed) {
		desk, down, ok := atDesk(b, "b")
		again := uas(down, "INVITE", "hold", "d", 1, "10.0.0.9") // music on hold
		desk.send(again)
		desk.take("100")
		held := b.ibx.take("INVITE sip:0612345678@10.0.0.1:5060")
		b.ibx.send(answer(held, 200, "x", "Contact: <sip:0612345678@10.0.0.1:5060>"))
		desk.take("200")
		desk.send(uas(down, "ACK", "hold-ack", "d", 1, "10.0.0.9"))
		b.ibx.take("ACK")

		twice := uas(down, "INVITE", "resume", "d", 2, "10.0.0.9") // and thinks better of it
		desk.send(twice)
		desk.take("100")
		held = b.ibx.take("INVITE")
		b.ibx.send(answer(held, 180, "x"))
		desk.take("180")
		desk.send(cancelOf(twice))
		desk.take("200")
		b.ibx.send(answer(b.ibx.take("CANCEL"), 200, "x"))
		b.ibx.send(answer(held, 487, "x"))
		b.ibx.take("ACK")
		desk.send(ackNon2xx(twice, desk.take("487")))

		b.ibx.send(uac(ok, "BYE", "bye", 2, "10.0.0.1"))
		desk.send(answer(desk.take("BYE sip:ivr@10.0.0.9"), 200, "d"))
		b.ibx.take("200")
		want(b, "ended by", b.record().EndedBy, byCaller)
	}, ownDesk)
}

// A Contact that leads nowhere leaves the configured far end, both ways.
func TestDeskWhoseContactLeadsNowhere(t *testing.T) {
	run(t, func(b *bed) {
		desk, _, down := rescued(b, "n")
		desk.send(accept(down, "d", "desk.invalid"))
		ok := b.ibx.take("200")
		b.ibx.send(uac(ok, "ACK", "ack", 1, "10.0.0.1"))
		b.pass(3 * time.Second) // the look-up ends
		desk.take("ACK")
		b.ibx.send(uac(ok, "BYE", "bye", 2, "10.0.0.1"))
		b.pass(3 * time.Second)
		desk.send(answer(desk.take("BYE"), 200, "d"))
		b.ibx.take("200")
	}, deskByName)
}

func TestCallerGivesUpWhileTheDeskRings(t *testing.T) {
	run(t, func(b *bed) {
		desk, up, down := rescued(b, "c")
		desk.send(answer(down, 180, "d"))
		b.ibx.take("180")
		b.ibx.send(cancelOf(up))
		b.ibx.take("200")
		desk.send(answer(desk.take("CANCEL"), 200, "d"))
		desk.send(answer(down, 487, "d"))
		desk.take("ACK")
		b.ibx.send(ackNon2xx(up, b.ibx.take("487")))
	}, ownDesk)
}

// The desk takes calls and places none; a To tag of its own making is no call.
func TestDeskPlacesNoCall(t *testing.T) {
	run(t, func(b *bed) {
		desk := b.peer("desk", transport.UDP, addrDesk)
		call := strings.ReplaceAll(invite("d"), "10.0.0.1", "10.0.0.9")
		desk.send(call)
		desk.send(ackNon2xx(call, desk.take("403")))
		forged := with(call, "To: <sip:5000@10.0.0.5:5060>", "To: <sip:5000@10.0.0.5:5060>;tag=forged",
			"INVITE sip:5000@10.0.0.5:5060", "INVITE sip:5001@10.0.1.1:5060", "z9hG4bK-d", "z9hG4bK-e", "d@10", "e@10")
		desk.send(forged)
		desk.send(ackNon2xx(forged, desk.take("481")))
		desk.send(strings.ReplaceAll(plainRequest("MESSAGE", "f"), "10.0.0.1", "10.0.0.9"))
		desk.take("403")
		desk.send(strings.ReplaceAll(plainRequest("OPTIONS", "g"), "10.0.0.1", "10.0.0.9"))
		desk.take("200") // its keep-alive
		b.primary.silent()
		b.ibx.silent()
		want(b, "calls offered", b.p.Stats.Offered.Load(), 0)
	}, ownDesk)
}

// A desk that is an IPBX, by its address or among its sources, is that IPBX.
func TestDeskThatIsAnIPBXPlacesCalls(t *testing.T) {
	sources := func(c *Config) { c.IPBXs[0].Sources = append(c.IPBXs[0].Sources, addrDesk.Addr()) }
	run(t, func(b *bed) {
		desk := b.peer("desk", transport.UDP, addrDesk)
		desk.send(strings.ReplaceAll(invite("h"), "10.0.0.1:5060", "10.0.0.9:5060"))
		desk.take("100")
		down := b.primary.take("INVITE")
		b.primary.send(accept(down, "p", "10.0.1.1"))
		ok := desk.take("200")
		desk.send(uac(ok, "ACK", "ack", 1, "10.0.0.9"))
		b.primary.take("ACK")
		desk.send(uac(ok, "BYE", "bye", 2, "10.0.0.9"))
		b.primary.send(answer(b.primary.take("BYE"), 200, "p"))
		desk.take("200")
	}, ownDesk, sources)
}
