package message

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
)

const invite = "INVITE sip:5000@10.20.0.5 SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP 10.10.0.10:5060;rport;branch=z9hG4bKa1\r\n" +
	"v: SIP/2.0/TCP gw.example.net;branch=z9hG4bKa0\r\n" +
	"Max-Forwards: 70\r\n" +
	"Route: <sip:10.20.0.5;lr>, <sip:10.30.0.1;lr>;x=\"a,b\"\r\n" +
	"From: \"Jean, le \\\"grand\\\"\" <sip:0612@10.10.0.10>;tag=f1\r\n" +
	"To: <sip:5000@10.20.0.5>\r\n" +
	"Call-ID: c1@10.10.0.10\r\n" +
	"CSeq: 4711 INVITE\r\n" +
	"X-Odd :kept  as it is \r\n" +
	"Contact: <sip:0612@10.10.0.10:5060>\r\n" +
	"Timestamp: 54\r\n" +
	"Content-Type: application/sdp\r\n" +
	"Content-Length: 5\r\n\r\n" +
	"v=0\r\n"

func scanned(t testing.TB, raw string) ([]byte, *Head) {
	t.Helper()
	var h Head
	out, r, f := Scan([]byte(raw), &h)
	if r != OK {
		t.Fatalf("scan: %d %+v\n%s", r, f, raw)
	}
	return out, &h
}

func TestScanFields(t *testing.T) {
	raw, h := scanned(t, "\r\n\r\n"+invite+"trailing")
	for name, pair := range map[string][2]string{
		"uri":       {string(h.URI.Of(raw)), "sip:5000@10.20.0.5"},
		"user":      {string(h.UserOf.Of(raw)), "5000"},
		"host":      {string(h.HostOf.Of(raw)), "10.20.0.5"},
		"via":       {string(h.Via.Of(raw)), "SIP/2.0/UDP 10.10.0.10:5060;rport;branch=z9hG4bKa1"},
		"transport": {string(h.ViaTransport.Of(raw)), "UDP"},
		"sent-by":   {string(h.SentBy.Of(raw)), "10.10.0.10:5060"},
		"branch":    {string(h.Branch.Of(raw)), "z9hG4bKa1"},
		"call-id":   {string(h.CallID.Of(raw)), "c1@10.10.0.10"},
		"cseq":      {string(h.CSeqValue.Of(raw)) + string(h.CSeqMethod.Of(raw)), "4711INVITE"},
		"from tag":  {string(h.FromTag.Of(raw)), "f1"},
		"to tag":    {string(h.ToTag.Of(raw)), ""},
		"contact":   {string(h.ContactURI.Of(raw)), "sip:0612@10.10.0.10:5060"},
		"route 1":   {string(h.Route[0].Of(raw)), "sip:10.20.0.5;lr"},
		"route 2":   {string(h.RouteValue[1].Of(raw)), "<sip:10.30.0.1;lr>;x=\"a,b\""},
		"timestamp": {string(h.Timestamp.Of(raw)), "Timestamp: 54\r\n"},
		"body":      {string(raw[h.Body:h.End]), "v=0\r\n"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %q, want %q", name, pair[0], pair[1])
		}
	}
	if !h.Request || h.Method != INVITE || h.Vias != 2 || h.Routes != 2 || h.CSeq != 4711 || h.MaxForwards != 70 || !h.HasRPort || h.Start != 4 {
		t.Errorf("%+v", h)
	}
}

// TestForwardGolden reads every edit at once.
func TestForwardGolden(t *testing.T) {
	raw, h := scanned(t, invite)
	line, err := Line("P-Asserted-Identity", "<sip:0612@x>")
	if err != nil {
		t.Fatal(err)
	}
	e := Edit{
		URI:           []byte("sip:5001@10.30.0.21"),
		PushVia:       []byte("SIP/2.0/UDP 10.20.0.5:5060;branch=z9hG4bKb"),
		StampReceived: netip.MustParseAddrPort("192.0.2.7:40000"), SetReceived: true, SetRPort: true,
		PushRecordRoute: [2][]byte{[]byte("<sip:a;lr>"), []byte("<sip:b;lr>")},
		DropRoutes:      1, PushRoute: []byte("<sip:n;lr>"), MaxForwards: 69,
		SetCSeq: true, CSeq: 4712, Contact: []byte("sip:new@x"), Add: [][]byte{line}, Drop: []string{"timestamp", "content-type"},
	}
	got := string(AppendForward(nil, raw, h, &e))
	want := strings.NewReplacer(
		"INVITE sip:5000@10.20.0.5 SIP/2.0\r\n", "INVITE sip:5001@10.30.0.21 SIP/2.0\r\nVia: SIP/2.0/UDP 10.20.0.5:5060;branch=z9hG4bKb\r\n",
		";rport;branch=z9hG4bKa1\r\n", ";rport=40000;branch=z9hG4bKa1;received=192.0.2.7\r\n",
		"branch=z9hG4bKa0\r\n", "branch=z9hG4bKa0\r\nRecord-Route: <sip:a;lr>\r\nRecord-Route: <sip:b;lr>\r\nP-Asserted-Identity: <sip:0612@x>\r\n",
		"Max-Forwards: 70", "Max-Forwards: 69",
		"Route: <sip:10.20.0.5;lr>, ", "Route: <sip:n;lr>\r\nRoute: ",
		"4711", "4712", "<sip:0612@10.10.0.10:5060>", "<sip:new@x>",
		"Timestamp: 54\r\nContent-Type: application/sdp\r\n", "",
	).Replace(invite)
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestForwardOneByOne(t *testing.T) {
	const head = "OPTIONS sip:a@b SIP/2.0\r\n"
	const tail = "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n"
	via := "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
	src := netip.MustParseAddrPort("[2001:db8::1]:5061")
	prack := strings.ReplaceAll(strings.ReplaceAll(head+via+"RAck: 77 10 INVITE\r\n"+tail, "OPTIONS", "PRACK"), "CSeq: 1", "CSeq: 11")
	for _, c := range []struct {
		name, in, out string
		e             Edit
	}{
		{"strip alone", head + via + via + tail, head + via + tail, Edit{MaxForwards: -1, StripVia: true}},
		{"strip first of a line", head + "Via: SIP/2.0/UDP a;branch=z9hG4bK9 ,\tSIP/2.0/UDP h\r\n" + tail, head + "Via: SIP/2.0/UDP h\r\n" + tail, Edit{MaxForwards: -1, StripVia: true}},
		{"max-forwards inserted", head + via + tail, head + via + "Max-Forwards: 70\r\n" + tail, Edit{MaxForwards: 70}},
		{"content-length inserted", head + via + tail, head + via + "Content-Length: 0\r\n" + tail, Edit{MaxForwards: -1, SetContentLength: true}},
		{"record-route above the existing", head + via + "Subject: x\r\nRecord-Route: <sip:o>\r\n" + tail, head + via + "Subject: x\r\nRecord-Route: <sip:n>\r\nRecord-Route: <sip:o>\r\n" + tail, Edit{MaxForwards: -1, PushRecordRoute: [2][]byte{[]byte("<sip:n>")}}},
		{"routes over lines", head + via + "Route: <sip:1>,<sip:2>\r\nRoute: <sip:3>, <sip:4>\r\n" + tail, head + via + "Route: <sip:4>\r\n" + tail, Edit{MaxForwards: -1, DropRoutes: 3}},
		{"all routes", head + via + "Route: <sip:1>,<sip:2>\r\n" + tail + "Route: <sip:3>\r\n", head + via + tail, Edit{MaxForwards: -1, DropRoutes: 9}},
		{"last route", head + via + "Route: <sip:1>,<sip:2>\r\n" + tail, head + via + "Route: <sip:1>\r\n" + tail, Edit{MaxForwards: -1, DropLastRoute: true}},
		{"first and last", head + via + "Route: <sip:1>, <sip:2>, <sip:3>\r\n" + tail, head + via + "Route: <sip:2>\r\n" + tail, Edit{MaxForwards: -1, DropRoutes: 1, DropLastRoute: true}},
		{"strict next hop", head + via + "Route: <sip:1>\r\nRoute: <sip:2;lr>\r\n" + tail, "OPTIONS sip:1 SIP/2.0\r\n" + via + "Route: <sip:2;lr>\r\nRoute: <sip:a@b>\r\n" + tail, Edit{MaxForwards: -1, URI: []byte("sip:1"), DropRoutes: 1, LastRoute: []byte("<sip:a@b>")}},
		{"received v6", head + via + tail, head + "Via: SIP/2.0/UDP h;branch=z9hG4bK1;received=2001:db8::1\r\n" + tail, Edit{MaxForwards: -1, StampReceived: src, SetReceived: true}},
		{"received replaced", head + "Via: SIP/2.0/UDP h;received=1.1.1.1;rport=7;branch=z9hG4bK1\r\n" + tail, head + "Via: SIP/2.0/UDP h;received=2001:db8::1;rport=5061;branch=z9hG4bK1\r\n" + tail, Edit{MaxForwards: -1, StampReceived: src, SetReceived: true, SetRPort: true}},
		{"rport last and forced", head + via + tail, head + "Via: SIP/2.0/UDP h;branch=z9hG4bK1;rport=5061;received=2001:db8::1\r\n" + tail, Edit{MaxForwards: -1, StampReceived: src, SetReceived: true, SetRPort: true}},
		{"rport at the end", head + "Via: SIP/2.0/UDP h;branch=z9hG4bK1;rport, SIP/2.0/UDP i\r\n" + tail, head + "Via: SIP/2.0/UDP h;branch=z9hG4bK1;rport=5061;received=2001:db8::1, SIP/2.0/UDP i\r\n" + tail, Edit{MaxForwards: -1, StampReceived: src, SetReceived: true, SetRPort: true}},
		{"rport with an empty value", head + "Via: SIP/2.0/UDP h;rport=;branch=z9hG4bK1\r\n" + tail, head + "Via: SIP/2.0/UDP h;rport=5061;branch=z9hG4bK1\r\n" + tail, Edit{MaxForwards: -1, StampReceived: src, SetRPort: true}},
		{"contact without brackets", head + via + tail + "m: sip:a@b;expires=3\r\n", head + via + tail + "m: <sip:c;x>;expires=3\r\n", Edit{MaxForwards: -1, Contact: []byte("sip:c;x")}},
		{"cseq and rack", prack, strings.NewReplacer("77 10", "77 9", "CSeq: 11", "CSeq: 13").Replace(prack), Edit{MaxForwards: -1, SetCSeq: true, CSeq: 13, SetRAck: true, RAck: 9}},
		{"parties", "BYE sip:a SIP/2.0\r\n" + via + "From: \"A <x>\" <sip:a@b;p>;tag=1\r\nt: sip:c@d;tag=2\r\nCall-ID: c\r\nCSeq: 2 BYE\r\nMax-Forwards: 7\r\n", "BYE sip:a SIP/2.0\r\n" + via + "From: \"A <x>\" <sip:new@x;q>;tag=1\r\nt: <sip:other@y>;tag=2\r\nCall-ID: c\r\nCSeq: 2 BYE\r\nMax-Forwards: 7\r\n", Edit{MaxForwards: -1, FromURI: []byte("sip:new@x;q"), ToURI: []byte("sip:other@y")}},
		{"drop takes compact and folded lines", head + via + "k: a,\r\n b\r\n" + tail + "Supported: c\r\n", head + via + tail, Edit{MaxForwards: -1, Drop: []string{"Supported"}}},
		{"an edit inside a dropped line is void", head + via + tail + "Contact: <sip:x>\r\n", head + via + tail, Edit{MaxForwards: -1, Contact: []byte("sip:y"), Drop: []string{"m"}}},
	} {
		raw, h := scanned(t, c.in+"\r\n")
		if got := string(AppendForward(nil, raw, h, &c.e)); got != c.out+"\r\n" {
			t.Errorf("%s:\ngot\n%s\nwant\n%s", c.name, got, c.out)
		}
	}
}

// TestForwardIntact: with our Via taken off again, every message that may be
// forwarded is what came in (RFC 3261 §16.6(1)).
func TestForwardIntact(t *testing.T) {
	messages := torturous()
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 2000 {
		messages[fmt.Sprint("generated ", i)] = generate(rnd)
	}
	forwarded := 0
	for name, in := range messages {
		var h Head
		out, r, f := Scan(in, &h)
		if r != OK {
			if strings.HasPrefix(name, "generated") {
				t.Fatalf("%s: %+v\n%s", name, f, in)
			}
			continue
		}
		forwarded++
		const via = "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKx"
		e := KeepAll()
		e.PushVia = []byte(via)
		fwd := AppendForward(nil, out, &h, &e)
		back := bytes.Replace(fwd, []byte("Via: "+via+"\r\n"), nil, 1)
		if !bytes.Equal(back, out[h.Start:h.End]) {
			t.Errorf("%s changed:\n%s\n→\n%s", name, out, back)
		}
		folded := bytes.Contains(in, []byte("\r\n ")) || bytes.Contains(in, []byte("\r\n\t"))
		if !folded && (&in[0] != &out[0]) {
			t.Errorf("%s was copied without need", name)
		}
		var again Head
		if _, r, f := Scan(fwd, &again); r != OK || again.Vias != h.Vias+1 {
			t.Errorf("%s: forwarded does not scan: %+v", name, f)
		}
	}
	want := 2000
	for _, c := range torture {
		if c.result == OK {
			want++
		}
	}
	if forwarded != want {
		t.Errorf("%d messages were forwarded, want %d", forwarded, want)
	}
}

// generate builds a legal message out of odd parts in any order.
func generate(rnd *rand.Rand) []byte {
	pick := func(s ...string) string { return s[rnd.IntN(len(s))] }
	ws := func() string { return pick("", "", " ", "  ", "\t") }
	method := pick("INVITE", "BYE", "Foo", "OPTIONS", "sub.scribe")
	lines := []string{
		pick("Via", "v", "VIA") + ws() + ":" + ws() + "SIP/2.0/" + pick("UDP", "TCP", "XYZ") + " " + pick("h.example", "10.0.0.9:5070", "[2001:db8::9]:5062", "h : 5060") + pick("", " ; rport", ";Branch=z9hG4bKq;x=\"a,;b\"") + pick("", " , SIP/2.0/UDP second"),
		pick("From", "f") + ":" + ws() + pick("<sip:a@b>;tag=1", "\"a,b<\\\"\" <sip:a@b;x>;y=\"z;tag=0\" ; TAG = 1", "sip:a@b;tag=1"),
		pick("To", "t") + ":" + ws() + pick("<sip:a@b>", "tel:123;tag=2", "a b <sips:c>"),
		pick("Call-ID", "i", "CALL-id") + ": c@d",
		"CSeq: 00" + fmt.Sprint(rnd.IntN(1000)) + pick(" ", "\t ") + method,
	}
	for range rnd.IntN(6) {
		lines = append(lines, pick("X-Unknown: a \x80\xff b ,", "Route: <sip:r;lr> , \"n\" <sip:s>;p", "Subject:", "Max-Breadth: 60", "m: *",
			"Require: a, 100rel", "k :timer", "Record-Route: <sip:q>,<sip:p>", "Date: nonsense", "X: folded\r\n\tline", "P-Charging:\"x"))
	}
	rnd.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	body := pick("", "v=0\r\n", "\x00\x01\r\n\r\nx")
	length := pick("", "l: "+fmt.Sprint(len(body))+"\r\n", "Content-Length : "+fmt.Sprint(len(body))+"\r\n")
	return []byte(pick("", "\r\n") + method + " " + pick("sip:a;b@c:5060;d", "tel:+331;x=y", "sips:h") + " SIP/2.0\r\n" + strings.Join(lines, "\r\n") + "\r\n" + length + "\r\n" + body)
}
