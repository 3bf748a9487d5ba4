package message

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// TestFaults changes one thing of a sound request at a time.
func TestFaults(t *testing.T) {
	many := strings.Repeat("X: y\r\n", MaxLines)
	for _, c := range []struct {
		name, old, new string
		result         Result
		status         uint16
		reason         string
	}{
		{"sound", "", "", OK, 0, ""},
		{"compact and upper case", "Call-ID:", "I :", OK, 0, ""},
		{"lower-case version", "SIP/2.0\r\nVia", "sip/2.0\r\nVia", OK, 0, ""},
		{"no To", "To: <sip:5000@10.20.0.5>\r\n", "", Bad, 400, "Missing To"},
		{"no From", "From: ", "X-From: ", Bad, 400, "Missing From"},
		{"no Call-ID", "Call-ID: ", "X-Id: ", Bad, 400, "Missing Call-ID"},
		{"no CSeq", "CSeq: ", "X-CSeq: ", Bad, 400, "Missing CSeq"},
		{"no Via", "Via: SIP/2.0/UDP 10.10.0.10:5060;rport;branch=z9hG4bKa1\r\nv:", "X:", Drop, 400, "Missing Via"},
		{"no Max-Forwards", "Max-Forwards: 70\r\n", "", OK, 0, ""},
		{"two Max-Forwards", "Max-Forwards: 70\r\n", "Max-Forwards: 70\r\nMax-Forwards: 70\r\n", Bad, 400, "Duplicate Max-Forwards"},
		{"two Content-Length", "Content-Length: 5", "Content-Length: 5\r\nl: 5", Bad, 400, "Duplicate Content-Length"},
		{"two From", "To: <", "f: <sip:a@b>\r\nTo: <", Bad, 400, "Duplicate From"},
		{"CSeq method", "4711 INVITE", "4711 invite", Bad, 400, "CSeq Method Mismatch"},
		{"CSeq 2^31-1", "4711", "2147483647", OK, 0, ""},
		{"CSeq 2^31", "4711", "2147483648", Bad, 400, "Malformed CSeq"},
		{"CSeq without space", "4711 INVITE", "4711INVITE", Bad, 400, "Malformed CSeq"},
		{"Max-Forwards 0", "Max-Forwards: 70", "Max-Forwards: 0", OK, 0, ""},
		{"Max-Forwards 255", "Max-Forwards: 70", "Max-Forwards: 255", OK, 0, ""},
		{"Max-Forwards 256", "Max-Forwards: 70", "Max-Forwards: 256", Bad, 400, "Malformed Max-Forwards"},
		{"Max-Forwards no number", "Max-Forwards: 70", "Max-Forwards: 7a", Bad, 400, "Malformed Max-Forwards"},
		{"Max-Forwards huge", "Max-Forwards: 70", "Max-Forwards: 18446744073709551686", Bad, 400, "Malformed Max-Forwards"},
		{"version 3.0", "SIP/2.0\r\nVia", "SIP/3.0\r\nVia", Bad, 505, "Version Not Supported"},
		{"no version", "10.20.0.5 SIP/2.0\r\nVia", "10.20.0.5\r\nVia", Bad, 400, "Malformed Request Line"},
		{"unknown scheme", "INVITE sip:5000@10.20.0.5", "INVITE http://x", Bad, 416, "Unsupported URI Scheme"},
		{"tel", "INVITE sip:5000@10.20.0.5", "INVITE tel:+33145", OK, 0, ""},
		{"sips", "INVITE sip:5000@10.20.0.5", "INVITE SIPS:5000@h", OK, 0, ""},
		{"two at signs", "INVITE sip:5000@10.20.0.5", "INVITE sip:a@b@c", Bad, 400, "Malformed Request-URI"},
		{"password without a user", "INVITE sip:5000@10.20.0.5", "INVITE sip::p@b", Bad, 400, "Malformed Request-URI"},
		{"port 65536", "INVITE sip:5000@10.20.0.5", "INVITE sip:a@b:65536", Bad, 400, "Malformed Request-URI"},
		{"no host", "INVITE sip:5000@10.20.0.5", "INVITE sip:a@", Bad, 400, "Malformed Request-URI"},
		{"length beyond", "Content-Length: 5", "Content-Length: 6", Bad, 400, "Content-Length Beyond Message"},
		{"length shorter", "Content-Length: 5", "Content-Length: 4", OK, 0, ""},
		{"bare LF", "X-Odd :kept", "X-Odd :kept\nInjected: x", Bad, 400, "Bare LF In Header"},
		{"bare CR", "X-Odd :kept", "X-Odd :kept\rx", Bad, 400, "Bare CR In Header"},
		{"NUL", "X-Odd :kept", "X-Odd :\x00", Bad, 400, "NUL In Header"},
		{"NUL quoted-pair", "X-Odd :kept", "X-Odd :\"\\\x00\"", OK, 0, ""},
		{"NUL in quotes", "X-Odd :kept", "X-Odd :\"\x00\"", Bad, 400, "NUL In Header"},
		{"no colon", "X-Odd :kept", "X-Odd kept", Bad, 400, "Malformed Header Line"},
		{"space in a name", "X-Odd :kept", "X Odd :kept", Bad, 400, "Malformed Header Line"},
		{"line begins with space", "SIP/2.0\r\nVia", "SIP/2.0\r\n Via", Bad, 400, "Malformed Header Line"},
		{"as many lines as are read", "X-Odd :kept  as it is \r\n", many[:6*(MaxLines-12)], OK, 0, ""},
		{"one line more", "X-Odd :kept  as it is \r\n", many[:6*(MaxLines-11)], Bad, 400, "Too Many Header Lines"},
		{"Via without host", "SIP/2.0/UDP 10.10.0.10:5060;", "SIP/2.0/UDP ;", Drop, 400, "Malformed Via"},
		{"Via port", "10.10.0.10:5060;rport", "10.10.0.10:x;rport", Bad, 400, "Malformed Via"},
		{"Via of another version", "Via: SIP/2.0", "Via: SIP/3.0", Bad, 400, "Malformed Via"},
		{"empty Via value", "v: SIP", "v: , SIP", Bad, 400, "Malformed Via"},
		{"Route without brackets", "Route: <sip:10.20.0.5;lr>,", "Route: sip:10.20.0.5;lr,", Bad, 400, "Malformed Route"},
		{"bad Contact is not ours", "Contact: <", "Contact: \"<", OK, 0, ""},
		{"ACK is never answered", "INVITE", "ACK", OK, 0, ""},
		{"space in Call-ID", "c1@", "c 1@", Bad, 400, "Malformed Call-ID"},
		{"tag without a semicolon", "<sip:0612@10.10.0.10>;tag=f1", "<sip:0612@10.10.0.10>tag=f1", Bad, 400, "Malformed From"},
		{"words behind a tag", ";tag=f1", ";tag=f1 f2", Bad, 400, "Malformed From"},
		{"a quoted value and more", ";tag=f1", ";x=\"y\"z;tag=f1", Bad, 400, "Malformed From"},
		{"flags, quoted and empty parameters", ";tag=f1", ";x; y = \"a;tag=2\" ;;tag=f1 ; z=[::1]", OK, 0, ""},
		{"empty To", "To: <sip:5000@10.20.0.5>", "To: ", Bad, 400, "Malformed To"},
	} {
		in := strings.ReplaceAll(invite, c.old, c.new)
		if c.name != "sound" && in == invite {
			t.Fatalf("%s changes nothing", c.name)
		}
		var h Head
		out, r, f := Scan([]byte(in), &h)
		if r != c.result || f.Status != c.status || f.Reason != c.reason {
			t.Errorf("%s: %d %+v", c.name, r, f)
		}
		ack := strings.ReplaceAll(in, "INVITE", "ACK")
		if _, ra, _ := Scan([]byte(ack), &h); c.result == Bad && ra != Drop && c.status == 400 && c.name != "CSeq method" {
			t.Errorf("ACK, %s: %d", c.name, ra)
		}
		if r != Bad {
			continue
		}
		Scan([]byte(in), &h)
		answer := AppendResponse(nil, out, &h, int(f.Status), f.Reason, "tt")
		if bytes.ContainsAny(bytes.ReplaceAll(answer, []byte(crlf), nil), "\r\n\x00") || !bytes.Contains(answer, []byte("branch=z9hG4bKa")) {
			t.Errorf("%s: answer %q", c.name, answer)
		}
	}
}

func TestKeepAliveAndSize(t *testing.T) {
	big := strings.Replace(invite, "X-Odd :kept", "X-Odd: "+strings.Repeat("a", MaxMessage), 1)
	for _, c := range []struct {
		name, in string
		result   Result
		status   uint16
	}{
		{"empty", "", KeepAlive, 0},
		{"ping", "\r\n\r\n", KeepAlive, 0},
		{"pong", "\r\n", KeepAlive, 0},
		{"lone LF", "\n", KeepAlive, 0},
		{"many", strings.Repeat("\r\n", 40000), KeepAlive, 0},
		{"STUN", "\x00\x01\x00\x00!\x12\xa4B", KeepAlive, 0},
		{"zeros", "\x00\x00\x00\x00", KeepAlive, 0},
		{"garbage", "hello", Drop, 400},
		{"garbage line", "hello\r\n\r\n", Drop, 400},
		{"too large", big, Bad, 513},
		{"too large behind many line ends", strings.Repeat("\r\n", 32000) + big, Bad, 513},
		{"too large response", strings.Replace(ringing, "Contact: ", "X: "+strings.Repeat("a", MaxMessage)+"\r\nContact: ", 1), Drop, 513},
	} {
		var h Head
		_, r, f := Scan([]byte(c.in), &h)
		if r != c.result || f.Status != c.status {
			t.Errorf("%s: %d %+v", c.name, r, f)
		}
	}
}

// TestResponses that are malformed are dropped, never answered.
func TestResponses(t *testing.T) {
	for _, c := range []struct {
		old, new string
		result   Result
	}{
		{"", "", OK},
		{"180 Ringing", "180 ", OK},
		{"180 Ringing", "180", OK},
		{"180 Ringing", "099 x", Drop},
		{"180 Ringing", "700 x", Drop},
		{"180 Ringing", "1800 x", Drop},
		{"180 Ringing", "18 x", Drop},
		{"SIP/2.0 180", "SIP/2.0  180", Drop},
		{"SIP/2.0 180", "SIP/2.1 180", Drop},
		{"SIP/2.0 180", "sip/2.0 180", OK},
		{"Content-Length: 0", "Content-Length: 1", Drop},
		{"Content-Length: 0", "Content-Length: -1", Drop},
		{"CSeq: 4711", "CSeq: 99999999999", Drop},
		{"Via: ", "X: ", Drop},
	} {
		var h Head
		out, r, f := Scan([]byte(strings.ReplaceAll(ringing, c.old, c.new)), &h)
		if r != c.result || r == OK && (h.Status != 180 || h.Method != INVITE || !bytes.HasPrefix(out, []byte("SIP/2.0 180"))) {
			t.Errorf("%q: %d %+v", c.new, r, f)
		}
	}
}

// TestLesserHeaders reads what is looked at but never validated.
func TestLesserHeaders(t *testing.T) {
	raw, h := scanned(t, strings.Replace(invite, "X-Odd", "Expires: 99999999999\r\nx: 1800;refresher=uac\r\nRetry-After: 30 (soon);duration=5\r\n"+
		"Replaces: a;to-tag=b;from-tag=c\r\nProxy-Require: foo, bar\r\nRequire: timer\r\nRequire: x , 100REL\r\nRSeq: 7\r\nRAck: 7 1 INVITE\r\n"+
		"Proxy-Authorization: Digest x\r\nReason: Q.850;cause=16\r\nReason: SIP\r\nDiversion: <sip:a>, <sip:b,c>\r\nHistory-Info: <sip:d>;index=1,<sip:d?Reason=SIP%3BCause%3D302>;index=1.1\r\nHistory-Info: <sip:d;cause=486>;index=1.1.1, <sip:d;cause>;index=1.2, <sip:d;cause%3>\r\n"+
		"o: refer\r\nr: <sip:x>\r\nRecord-Route: <sip:q>, <sip:p>\r\nX-Odd", 1))
	got := fmt.Sprint(h.Expires, h.SessionExpires, h.RetryAfter, h.Retry, h.Require100, h.RSeq, h.Authorized, h.Diversions, h.Histories, h.Forwarded(), h.RecordRoutes,
		string(h.Replaces.Of(raw)), string(h.ProxyRequire.Of(raw)), string(h.RAck.Of(raw)), string(h.Reason.Of(raw)), string(h.Event.Of(raw)), string(h.ReferTo.Of(raw)), string(h.FirstRR.Of(raw)))
	want := fmt.Sprint(4294967295, 1800, true, 30, true, true, true, 2, 2, 2, 2,
		"a;to-tag=b;from-tag=c", "foo, bar", "7 1 INVITE", "Q.850;cause=16", "refer", "<sip:x>", "Record-Route: <sip:q>, <sip:p>\r\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestUnfold: what the proxy reads is unfolded, what it does not read is not.
func TestUnfold(t *testing.T) {
	files := torturous()
	var h Head
	out, r, f := Scan(files["4475 wsinv"], &h)
	if r != OK {
		t.Fatal(f)
	}
	for name, pair := range map[string][2]string{
		"via":     {string(h.Via.Of(out)), "SIP  /   2.0 /UDP 192.0.2.2;branch=390skdjuw"},
		"branch":  {string(h.Branch.Of(out)), "390skdjuw"},
		"from":    {string(h.FromTag.Of(out)), "98asjd8"},
		"to":      {string(h.ToTag.Of(out)), "1918181833n"},
		"method":  {string(h.CSeqMethod.Of(out)), "INVITE"},
		"route":   {string(h.Route[0].Of(out)), "sip:services.example.com;lr;unknownwith=value;unknown-no-value"},
		"contact": {string(h.ContactURI.Of(out)), "sip:jdrosen@example.com"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %q, want %q", name, pair[0], pair[1])
		}
	}
	if h.Vias != 3 || h.MaxForwards != 68 || h.CSeq != 9 || !bytes.Contains(out, []byte("NewFangledHeader:   newfangled value\r\n continued")) {
		t.Errorf("%+v\n%s", h, out)
	}
}

// TestUnfoldChallenge: a challenge is copied into merged 401s (RFC 3261
// §16.7(7)), so it must be one line.
func TestUnfoldChallenge(t *testing.T) {
	for _, name := range []string{"WWW-Authenticate", "Proxy-Authenticate"} {
		raw, h := scanned(t, strings.Replace(ringing, "Contact", name+": Digest realm=\"a\",\r\n\t nonce=\"b\"\r\nContact", 1))
		v, ok := HeaderValue(raw, h, name)
		if _, err := Line(name, string(v)); !ok || err != nil || string(v) != "Digest realm=\"a\", nonce=\"b\"" {
			t.Errorf("%q %v", v, err)
		}
	}
}
