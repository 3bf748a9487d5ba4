package phone

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"

	"releve/proxy/media/sound"
)

func TestParseKeepsWhatCame(t *testing.T) {
	raw := "INVITE sip:5000@127.0.0.1;x=1 SIP/2.0\r\n" +
		"v: SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bKa, SIP/2.0/UDP 127.0.0.3;branch=z9hG4bKb\r\n" +
		"f: \"Dupont, <chef>\" <sip:1@x>;tag=abc\r\nTo: sip:5000@127.0.0.1;tag=t\r\ni: id@x\r\nCSeq: 7 INVITE\r\n" +
		"Record-Route: <sip:a;lr>, <sip:b;lr>;p=1\r\nRecord-Route: <sip:c;lr>\r\nContent-Length: 3\r\n\r\nabcdef"
	m, err := parse(newParser(), []byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	n, method := m.CSeq()
	got := []string{m.URI, m.CallID(), m.FromTag(), m.ToTag(), m.branch(), uriOf(m.Get("From")), string(m.Body), method}
	want := []string{"sip:5000@127.0.0.1;x=1", "id@x", "abc", "t", "z9hG4bKa", "sip:1@x", "abc", "INVITE"}
	if !slices.Equal(got, want) || n != 7 {
		t.Errorf("got %q %d", got, n)
	}
	if rr := m.Values("Record-Route"); !slices.Equal(rr, []string{"<sip:a;lr>", "<sip:b;lr>;p=1", "<sip:c;lr>"}) {
		t.Errorf("record-route %q", rr)
	}
	again, err := parse(newParser(), m.bytes())
	if err != nil || !bytes.Equal(again.bytes(), m.bytes()) {
		t.Errorf("written and read again: %v\n%s", err, again.bytes())
	}
}

func TestParseRefuses(t *testing.T) {
	for name, raw := range map[string]string{
		"no call-id": "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:a>\r\nCSeq: 1 OPTIONS\r\n\r\n",
		"no sip":     "GET / HTTP/1.1\r\n\r\n",
		"cut":        "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a",
		"short body": "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:a>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 9\r\n\r\nabc",
	} {
		if m, err := parse(newParser(), []byte(raw)); err == nil {
			t.Errorf("%s: taken as %+v", name, m)
		}
	}
}

func TestResolve(t *testing.T) {
	for uri, want := range map[string]string{
		"sip:2001@127.0.0.9:5070;transport=udp": "127.0.0.9:5070",
		"sip:127.0.0.9;lr":                      "127.0.0.9:5060",
		"127.0.0.9:5080":                        "127.0.0.9:5080",
		"sip:a@[::1]:5090":                      "[::1]:5090",
	} {
		if got, err := Resolve(uri); err != nil || got != netip.MustParseAddrPort(want) {
			t.Errorf("%s: %v, %v", uri, got, err)
		}
	}
	if _, err := Resolve("sip:a@example.com"); err == nil {
		t.Error("a host name was resolved")
	}
}

func TestReadReferTo(t *testing.T) {
	got := ReadReferTo("<sip:2001@127.0.0.9:5070?Replaces=id%40x%3Bto-tag%3Da%3Bfrom-tag%3Db>")
	want := Target{URI: "sip:2001@127.0.0.9:5070", Replaces: "id@x;to-tag=a;from-tag=b"}
	if got != want {
		t.Errorf("got %+v", got)
	}
}

// TestALaw checks every code of G.711: it decodes to a value that encodes to
// itself, and the two ends of the table are the Recommendation's.
func TestALaw(t *testing.T) {
	for i := range 256 {
		if b := byte(i); sound.ALaw.Encode(sound.ALaw.Decode(b)) != b {
			t.Errorf("code %#x decodes to %d, which encodes to %#x", b, sound.ALaw.Decode(b), sound.ALaw.Encode(sound.ALaw.Decode(b)))
		}
	}
	if sound.ALaw.Decode(0xAA) != 32256 || sound.ALaw.Decode(0x2A) != -32256 || sound.ALaw.Decode(0xD5) != 8 || sound.ALaw.Decode(0x55) != -8 {
		t.Error("the ends of the A-law table are wrong")
	}
	if sound.ALaw.Encode(32767) != 0xAA || sound.ALaw.Encode(-32768) != 0x2A {
		t.Error("a full-scale sample does not get the outermost code")
	}
}

func TestEnergyTellsAPromptFromSilence(t *testing.T) {
	if e := energy(sound.ALaw, prompt[:packetSamples]); e < audibleEnergy {
		t.Errorf("the prompt has energy %g", e)
	}
	if e := energy(sound.ALaw, bytes.Repeat([]byte{0xD5, 0x55}, 80)); e >= audibleEnergy {
		t.Errorf("silence has energy %g", e)
	}
}

func TestReadSession(t *testing.T) {
	at := netip.MustParseAddrPort("127.0.0.4:4000")
	r, ok := readSession(session(1, 2, at, SendOnly, []codec{{ALaw, 8}}))
	if !ok || r.at != at || r.direction != SendOnly || len(r.codecs) != 1 {
		t.Errorf("read %+v, %v", r, ok)
	}
	if _, ok := readSession([]byte("v=0\r\nm=video 4 RTP/AVP 96\r\n")); ok {
		t.Error("a session without audio was taken")
	}
	for offered, want := range map[Direction]Direction{SendRecv: SendRecv, SendOnly: RecvOnly, RecvOnly: SendOnly, Inactive: Inactive} {
		if got := offered.answering(); got != want {
			t.Errorf("%s answered by %s", offered, got)
		}
	}
}
