package conformance

import (
	"net/netip"
	"strings"
	"testing"
)

const before = "INVITE sip:5000:pw@10.0.0.5;x SIP/2.0\r\nTo: <sip:5000@10.0.0.5>\r\nVia: SIP/2.0/UDP 10.0.0.1;rport;branch=z9hG4bKa , SIP/2.0/UDP old;received=1.1.1.1\r\n" +
	"v: SIP/2.0/UDP older\r\nMax-Forwards: 010\r\nX-Odd :  kept\r\n  folded\r\nRoute: <sip:elsewhere;lr>\r\nContact: <sip:a@b>\r\n ;folded\r\nl: 3\r\n\r\nabctrailing"

const after = "INVITE sip:5000@10.0.0.2:5060 SIP/2.0\r\nTo: <sip:5000@10.0.0.5>\r\nVia: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKx\r\nRecord-Route: <sip:10.0.0.5:5060;lr;t=x>\r\n" +
	"Via: SIP/2.0/UDP 10.0.0.1;rport=5060;branch=z9hG4bKa ;received=10.0.0.1, SIP/2.0/UDP old;received=1.1.1.1\r\nv: SIP/2.0/UDP older\r\nMax-Forwards: 9\r\n" +
	"X-Odd :  kept\r\n  folded\r\nContact: <sip:a@b> ;folded\r\nl: 3\r\n\r\nabc"

// TestIntact: what a proxy may change passes, and every other change is found.
func TestIntact(t *testing.T) {
	way := passage{netip.MustParseAddrPort("10.0.0.5:5060"), netip.MustParseAddrPort("10.0.0.2:5060"), false}
	if err := way.intact(readMessage([]byte(before)), readMessage([]byte(after))); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new string }{
		{"sip:5000@", "sip:5001@"},
		{"\r\n\r\nabc", "\r\n\r\nabC"},
		{"To: <", "To:  <"},
		{"X-Odd :  kept\r\n  folded", "X-Odd :  kept folded"},
		{"X-Odd :", "x-odd :"},
		{"v: SIP", "Via: SIP"},
		{"branch=z9hG4bKa", "branch=z9hG4bKb"},
		{"received=1.1.1.1", "received=2.2.2.2"},
		{"Max-Forwards: 9", "Max-Forwards: 10"},
		{"Record-Route: <sip:10.0.0.5:5060;lr;t=x>\r\n", ""},
		{"Record-Route: ", "Record-Route: <sip:10.0.0.5:5060;lr>\r\nRecord-Route: "},
		{"Contact: <sip:a@b> ;folded\r\nl: 3", "l: 3\r\nContact: <sip:a@b> ;folded"},
		{"l: 3\r\n", "l: 3\r\nContent-Length: 3\r\n"},
		{"l: 3\r\n", "l: 3\r\nX-New: y\r\n"},
		{"Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKx\r\n", ""},
		{"Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKx", "Via: SIP/2.0/UDP 10.0.0.5:5060;branch=x"},
	} {
		if !strings.Contains(after, c.old) {
			t.Fatalf("no %q", c.old)
		}
		changed := strings.Replace(after, c.old, c.new, 1)
		if err := way.intact(readMessage([]byte(before)), readMessage([]byte(changed))); err == nil {
			t.Errorf("%q → %q passes", c.old, c.new)
		}
	}
}

// TestUnfair: what the bed takes apart for itself.
func TestUnfair(t *testing.T) {
	for _, c := range []struct {
		raw  string
		port uint16
	}{
		{"A sip:b SIP/2.0\r\nVia: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=x\r\n\r\n", 6050},
		{"A sip:b SIP/2.0\r\nVia: SIP/2.0/UDP [2001:db8::9:1];x=:1\r\n\r\n", 5060},
		{"A sip:b SIP/2.0\r\nv:  SIP  / 2.0  / TCP     spindle.example.com   ;\r\n  branch  =   z9hG4bK9ikj8\r\n\r\n", 5060},
		{"A sip:b SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;rport\r\n\r\n", 5070},
		{"no message", 5060},
	} {
		if got := readMessage([]byte(c.raw)).sentByPort(); got != c.port {
			t.Errorf("%q: port %d, want %d", c.raw, got, c.port)
		}
	}
	raw, want := unpinged([]byte("OPTIONS sip:a@b SIP/2.0\r\nCSeq: 1 OPTIONS\r\n\r\n"), Outcome{Status: 200})
	if !strings.HasPrefix(string(raw), "OPTIONX ") || !want.Forward || want.Status != 0 {
		t.Errorf("%q %+v", raw, want)
	}
}
