package phone

import (
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestALGRewritesContact: what we answer a peer names the peer as the gateway
// does, reaches it through the gateway, and its answer comes back.
func TestALGRewritesContact(t *testing.T) {
	t.Parallel()
	p, w := listen(t, Config{}), openWire(t)
	p.Do(func() {
		if err := p.SetManners(Manners{ContactThrough: true}); err != nil {
			t.Error(err)
		}
	})
	c := place(t, p, w)
	w.send(w.reply(w.request("INVITE"), 200, "a"), p.Addr())
	await(t, c, func(c *Call) bool { return c.State() == Confirmed })
	w.request("ACK")
	p.Do(c.Hangup)
	bye := w.request("BYE")
	if strings.Contains(bye.URI, w.addr().String()) || !strings.HasPrefix(bye.URI, "sip:127.0.32.1:") {
		t.Errorf("BYE %s: the Contact came through unchanged", bye.URI)
	}
	before := p.Stats().Received
	w.send(w.reply(bye, 200, "a"), p.alg.conn.LocalAddr().(*net.UDPAddr).AddrPort())
	deadline := time.Now().Add(5 * time.Second)
	for p.Stats().Received == before && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if p.Stats().Received == before {
		t.Error("the answer never came back through the gateway")
	}
}

func TestCodecsOfAnOffer(t *testing.T) {
	r, ok := readSession([]byte("v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 18 0 96 13\r\na=rtpmap:96 telephone-event/8000\r\na=rtpmap:13 CN/8000\r\n"))
	if want := []codec{{G729, 18}, {MuLaw, 0}, {TelephoneEvent, 96}}; !ok || !slices.Equal(r.codecs, want) {
		t.Errorf("%v %+v", ok, r.codecs)
	}
	p := &Phone{manners: Manners{Codecs: []string{TelephoneEvent, MuLaw}}}
	if got := p.common(r.codecs); !slices.Equal(got, []codec{{MuLaw, 0}, {TelephoneEvent, 96}}) {
		t.Errorf("common %+v", got)
	}
	if speaks([]codec{{TelephoneEvent, 96}}) {
		t.Error("events alone are taken for speech")
	}
}
