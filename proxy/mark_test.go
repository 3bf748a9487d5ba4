package proxy

import (
	"testing"
	"time"
)

func marking(m *Manners) { m.Diversion, m.HistoryInfo = true, true }

// testMarked: the leg to the secondary says that the call overflowed and why;
// the leg to the primary says nothing, and what came with the call stays.
func testMarked(t *testing.T) {
	for _, c := range []struct {
		name              string
		status            int // of the primary; 0: it rings and does not answer
		came              []string
		diversion, cause  string
		history, primary2 string
	}{
		{"a failed server", 500, nil, "unavailable", "503", "", ""},
		{"no answer, with entries of the IPBX", 0, []string{
			"Diversion: <sip:0490@10.0.0.1>;reason=unconditional;counter=1;privacy=full",
			"History-Info: <sip:0490@10.0.0.1?Privacy=history>;index=1, <sip:5000@10.0.0.5:5060;cause=302>;index=1.1;mp=1",
		}, "no-answer", "408", "1.1", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, func(b *bed) {
				up := invite("a")
				if len(c.came) > 0 {
					up = adding(up, c.came...)
				}
				b.ibx.send(up)
				b.ibx.take("100")
				clean := b.primary.take("INVITE")
				want(b, "Diversion to the primary", len(headers(clean, "Diversion")), len(headers(up, "Diversion")))
				want(b, "History-Info to the primary", len(headers(clean, "History-Info")), len(headers(up, "History-Info")))
				if c.status != 0 {
					b.primary.send(answer(clean, c.status, "p"))
				} else {
					b.primary.send(answer(clean, 180, "p"))
					b.pass(8 * time.Second)
				}
				b.switchover()
				b.ibx.all()
				down := b.secondary.take("INVITE")
				d := headers(down, "Diversion")
				want(b, "Diversion", d[0], "<sip:5000@10.0.0.5:5060>;reason="+c.diversion+";counter=1")
				hi := headers(down, "History-Info")
				base, first := "1", "<sip:5000@10.0.0.5:5060>;index=1, "
				if c.history != "" {
					base, first = c.history, ""
					want(b, "the Diversion that came", d[1], header(up, "Diversion"))
					want(b, "the History-Info that came", hi[0], header(up, "History-Info"))
				}
				want(b, "History-Info", hi[len(hi)-1], first+
					"<sip:5001@10.0.1.1:5060?Reason=SIP%3Bcause%3D"+c.cause+">;index="+base+".1;mp="+base+", "+
					"<sip:5002@10.0.1.2:5060;cause="+c.cause+">;index="+base+".2;mp="+base)
				b.secondary.send(answer(down, 404, "s"))
				b.secondary.take("ACK")
				b.ibx.take("404")
				// A call that begins at the secondary did not overflow.
				b.ibx.send(invite("b"))
				b.ibx.take("100")
				down = b.secondary.take("INVITE")
				want(b, "marks of a call of its own", len(headers(down, "Diversion"))+len(headers(down, "History-Info")), 0)
				b.secondary.send(answer(down, 404, "s"))
				b.secondary.take("ACK")
				b.ibx.take("404")
				b.primary.all()
			}, manner(marking))
		})
	}
}

// testMarkedOnce: on the overflow entry no server of ours was tried.
func testMarkedOnce(t *testing.T) {
	run(t, func(b *bed) {
		b.ibx.sendTo(addrOverflow, invite("a"))
		b.ibx.take("100")
		b.switchover()
		down := b.secondary.take("INVITE")
		want(b, "History-Info", header(down, "History-Info"),
			"<sip:5000@10.0.0.5:5060?Reason=SIP%3Bcause%3D408>;index=1, <sip:5002@10.0.1.2:5060;cause=408>;index=1.1;mp=1")
		b.secondary.send(answer(down, 404, "s"))
		b.secondary.take("ACK")
		b.ibx.take("404")
	}, manner(marking))
}

// unmarked: without the manner nothing is added anywhere.
func testUnmarked(t *testing.T) {
	run(t, func(b *bed) {
		b.refusedBy("a", 500)
		b.switchover()
		down := b.secondary.take("INVITE")
		want(b, "marks", len(headers(down, "Diversion"))+len(headers(down, "History-Info")), 0)
		b.secondary.send(answer(down, 404, "s"))
		b.secondary.take("ACK")
		b.ibx.take("404")
	})
}
