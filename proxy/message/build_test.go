package message

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
)

func TestResponseGolden(t *testing.T) {
	raw, h := scanned(t, strings.Replace(invite, "Route:", "Record-Route: <sip:rr>\r\nRoute:", 1))
	src := netip.MustParseAddrPort("10.10.0.10:40000")
	received, rport := NeedsReceived(raw, h, src)
	if !received || !rport {
		t.Fatal("rport asks for received too (RFC 3581 §4)")
	}
	s := Stamp{Addr: src, Received: received, RPort: rport}
	const vias = "Via: SIP/2.0/UDP 10.10.0.10:5060;rport=40000;branch=z9hG4bKa1;received=10.10.0.10\r\n" +
		"v: SIP/2.0/TCP gw.example.net;branch=z9hG4bKa0\r\n"
	const from = "From: \"Jean, le \\\"grand\\\"\" <sip:0612@10.10.0.10>;tag=f1\r\nTo: <sip:5000@10.20.0.5>"
	const end = "\r\nCall-ID: c1@10.10.0.10\r\nCSeq: 4711 INVITE\r\n"
	reason, err := Line("Reason", "Q.850;cause=17")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ got, want string }{
		{string(s.AppendResponse(nil, raw, h, 100, "Trying", "tt")), "SIP/2.0 100 Trying\r\n" + vias + from + end + "Timestamp: 54\r\nContent-Length: 0\r\n\r\n"},
		{string(s.AppendResponse(nil, raw, h, 182, "Queued", "tt")), "SIP/2.0 182 Queued\r\n" + vias + "Record-Route: <sip:rr>\r\n" + from + ";tag=tt" + end + "Content-Length: 0\r\n\r\n"},
		{string(s.AppendResponse(nil, raw, h, 486, "Busy Here", "tt", reason)), "SIP/2.0 486 Busy Here\r\n" + vias + from + ";tag=tt" + end + "Reason: Q.850;cause=17\r\nContent-Length: 0\r\n\r\n"},
	} {
		if c.got != c.want {
			t.Errorf("got\n%s\nwant\n%s", c.got, c.want)
		}
	}
	again := AppendResponse(nil, raw, h, 486, "Busy", "tt")
	if !bytes.Contains(again, []byte("rport;branch=z9hG4bKa1\r\n")) {
		t.Errorf("unstamped: %s", again)
	}
	inDialog, ih := scanned(t, strings.Replace(invite, "To: <sip:5000@10.20.0.5>", "To: <sip:5000@10.20.0.5>;tag=theirs", 1))
	if got := AppendResponse(nil, inDialog, ih, 481, "No", "ours"); !bytes.Contains(got, []byte("tag=theirs\r\n")) {
		t.Errorf("%s", got)
	}
}

func TestNeedsReceived(t *testing.T) {
	for _, c := range []struct {
		via, src        string
		received, rport bool
	}{
		{"10.0.0.1:5060;branch=x", "10.0.0.1:5060", false, false},
		{"10.0.0.1;branch=x", "10.0.0.1:9", false, false},
		{"10.0.0.1;branch=x", "[::ffff:10.0.0.1]:9", false, false},
		{"10.0.0.1;branch=x", "10.0.0.2:9", true, false},
		{"pbx;branch=x", "10.0.0.1:5060", true, false},
		{"10.0.0.1;rport", "10.0.0.1:5060", true, true},
		{"10.0.0.1;received=10.9.9.9", "10.0.0.1:5060", true, false},
		{"[2001:DB8::1]:5060", "[2001:db8::1]:5060", false, false},
		{"[2001:db8::2]", "[2001:db8::1]:5060", true, false},
	} {
		raw, h := scanned(t, strings.Replace(invite, "10.10.0.10:5060;rport;branch=z9hG4bKa1", c.via, 1))
		r, p := NeedsReceived(raw, h, netip.MustParseAddrPort(c.src))
		if r != c.received || p != c.rport {
			t.Errorf("%s from %s: %v %v", c.via, c.src, r, p)
		}
	}
}

func TestAckAndCancelGolden(t *testing.T) {
	sent, h := scanned(t, strings.Replace(invite, "Timestamp: 54\r\n", "Authorization: Digest a\r\n", 1))
	resp, rh := scanned(t, strings.NewReplacer("180 Ringing", "486 Busy Here", "tag=t1", "tag=t9").Replace(ringing))
	const common = "Via: SIP/2.0/UDP 10.10.0.10:5060;rport;branch=z9hG4bKa1\r\nRoute: <sip:10.20.0.5;lr>, <sip:10.30.0.1;lr>;x=\"a,b\"\r\n" +
		"From: \"Jean, le \\\"grand\\\"\" <sip:0612@10.10.0.10>;tag=f1\r\nTo: <sip:5000@10.20.0.5>"
	ack := "ACK sip:5000@10.20.0.5 SIP/2.0\r\n" + common + ";tag=t9\r\nCall-ID: c1@10.10.0.10\r\nCSeq: 4711 ACK\r\nMax-Forwards: 70\r\nAuthorization: Digest a\r\nContent-Length: 0\r\n\r\n"
	if got := string(AppendACK(nil, sent, h, resp, rh)); got != ack {
		t.Errorf("got\n%s\nwant\n%s", got, ack)
	}
	cancel := "CANCEL sip:5000@10.20.0.5 SIP/2.0\r\n" + common + "\r\nCall-ID: c1@10.10.0.10\r\nCSeq: 4711 CANCEL\r\nMax-Forwards: 70\r\nReason: SIP;cause=200\r\nContent-Length: 0\r\n\r\n"
	for _, reason := range []string{"SIP;cause=200", "Reason: SIP;cause=200\r\n"} {
		got := string(AppendCancel(nil, sent, h, []byte(reason)))
		if got != cancel {
			t.Errorf("got\n%s\nwant\n%s", got, cancel)
		}
		scanned(t, got)
	}
	scanned(t, ack)
}

func TestRequestGolden(t *testing.T) {
	q := Request{
		Method: "INVITE", URI: "sip:2999@10.30.0.21", Via: "SIP/2.0/UDP 10.20.0.5:5060;branch=z9hG4bKq;rport",
		From: "<sip:releve@10.20.0.5>;tag=a", To: "<sip:2999@10.30.0.21>", CallID: "p1", CSeq: 9,
		Contact: "<sip:releve@10.20.0.5>", Routes: []string{"<sip:a;lr>", "<sip:b;lr>"}, Extra: [][]byte{[]byte("Allow: BYE\r\n")},
		Body: []byte("v=0\r\n"), ContentType: "application/sdp",
	}
	const want = "INVITE sip:2999@10.30.0.21 SIP/2.0\r\nVia: SIP/2.0/UDP 10.20.0.5:5060;branch=z9hG4bKq;rport\r\nMax-Forwards: 70\r\n" +
		"Route: <sip:a;lr>\r\nRoute: <sip:b;lr>\r\nFrom: <sip:releve@10.20.0.5>;tag=a\r\nTo: <sip:2999@10.30.0.21>\r\nCall-ID: p1\r\n" +
		"CSeq: 9 INVITE\r\nContact: <sip:releve@10.20.0.5>\r\nAllow: BYE\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n"
	if got := string(AppendRequest(nil, &q)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	scanned(t, want)
}

// TestNoInjection: no argument can smuggle a header.
func TestNoInjection(t *testing.T) {
	raw, h := scanned(t, invite)
	for _, evil := range []string{"a\r\nX: y", "a\ny", "a\ry", "a\x00"} {
		b := []byte(evil)
		for i, e := range []Edit{{URI: b}, {PushVia: b}, {PushRecordRoute: [2][]byte{nil, b}}, {PushRoute: b}, {LastRoute: b}, {Contact: b}, {Add: [][]byte{[]byte("A: " + evil + "\r\n")}}, {Add: [][]byte{b}}} {
			if got := AppendForward([]byte("x"), raw, h, &e); string(got) != "x" || e.Check() == nil {
				t.Errorf("edit %d took %q: %s", i, evil, got)
			}
		}
		if got := AppendResponse(nil, raw, h, 400, evil, "t"); len(got) > 0 {
			t.Errorf("reason took %q", evil)
		}
		if got := AppendResponse(nil, raw, h, 400, "x", evil); len(got) > 0 {
			t.Errorf("tag took %q", evil)
		}
		if got := AppendResponse(nil, raw, h, 400, "x", "t", b); len(got) > 0 {
			t.Errorf("extra took %q", evil)
		}
		if got := AppendCancel(nil, raw, h, b); len(got) > 0 {
			t.Errorf("reason of CANCEL took %q", evil)
		}
		for i, q := range []Request{{Method: evil}, {Method: "A", URI: evil}, {Method: "A", CallID: evil}, {Method: "A", Routes: []string{evil}}, {Method: "A", Extra: [][]byte{b}}, {Method: "A B"}} {
			if got := AppendRequest(nil, &q); len(got) > 0 || q.Check() == nil {
				t.Errorf("request %d took %q", i, evil)
			}
		}
		if l, err := Line("X", evil); err == nil {
			t.Errorf("Line took %q: %q", evil, l)
		}
	}
	if _, err := Line("X Y", "z"); err == nil {
		t.Error("Line took a name that is no token")
	}
}
