package message

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
)

// TestConformanceParsing proves the rules V of docs/conformance.md that the
// scanner and the editor keep between them; those that need the whole element
// are in package proxy.
func TestConformanceParsing(t *testing.T) {
	t.Run("K03 RFC 6223 §4.1 answered with a value", testKeep)
	t.Run("K03 RFC 6223 §4.3 §4.4 REGISTER and new dialogs", testKeepWhere)
	t.Run("V01 RFC 3261 §7.3.1 §7.3.3 names in any case and in compact form", testNames)
	t.Run("V02 RFC 3261 §7.3.1 §25.1 folds and white space", testFolds)
	t.Run("V03 RFC 3261 §7.5 line ends before the start line", testLeadingLineEnds)
	t.Run("V04 RFC 3261 §16.3(1) only what a proxy needs is validated", testNotOurs)
	t.Run("V05 RFC 3261 §16.3(1) §16.6(1) unknown methods and headers", testUnknown)
	t.Run("V06 RFC 3261 §8.1.1 §16.3(3) what is missing", testMissing)
	t.Run("V07 RFC 3261 §8.1.1.5 §20.16 CSeq", testCSeq)
	t.Run("V08 RFC 3261 §16.3(2) schemes", testSchemes)
	t.Run("V10 RFC 3261 §20.22 Max-Forwards", testMaxForwards)
	t.Run("V11 RFC 3261 §7.1 §21.5.6 versions", testVersions)
	t.Run("V15 RFC 3261 §18.3 bytes behind the body", testBehindTheBody)
	t.Run("V16 RFC 3261 §18.3 Content-Length beyond the datagram", testBeyondTheDatagram)
	t.Run("V17 RFC 3261 §18.3, RFC 4475 §3.1.2.3 §3.3.9 Content-Length", testContentLength)
	t.Run("V18 RFC 4475 §3.3.8 what may stand once", testDuplicates)
	t.Run("V19 RFC 3261 §16.6(1) §16.7(9) bodies", testBodies)
	t.Run("V20 RFC 3261 §16.6(1) §7.3.1 order", testOrder)
	t.Run("V20 RFC 3261 §16.6(1) what is forwarded is what came", TestForwardIntact)
	t.Run("V26 RFC 3261 §7.3.1 §19.1.4 comparing URIs", testComparison)
}

// replaced is invite with parts replaced; each must be there.
func replaced(t *testing.T, raw string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(raw, pairs[i]) {
			t.Fatalf("no %q in\n%s", pairs[i], raw)
		}
		raw = strings.Replace(raw, pairs[i], pairs[i+1], 1)
	}
	return raw
}

// forwarded is raw as a proxy that changes nothing sends it on.
func forwarded(t *testing.T, raw string) string {
	t.Helper()
	out, h := scanned(t, raw)
	e := KeepAll()
	return string(AppendForward(nil, out, h, &e))
}

// refused checks that raw is answered with status, by an answer that gets back.
func refused(t *testing.T, what, raw string, status int) {
	t.Helper()
	var h Head
	out, r, f := Scan([]byte(raw), &h)
	if r != Bad || int(f.Status) != status {
		t.Errorf("%s: result %d, %+v, want %d", what, r, f, status)
		return
	}
	answer := string(AppendResponse(nil, out, &h, status, f.Reason, "t"))
	if !strings.HasPrefix(answer, "SIP/2.0 "+string(rune('0'+status/100))) || !strings.Contains(answer, "branch=z9hG4bKa1") {
		t.Errorf("%s: the answer does not get back:\n%s", what, answer)
	}
}

// dropped checks that raw is worth no answer.
func dropped(t *testing.T, what, raw string) {
	t.Helper()
	var h Head
	if _, r, f := Scan([]byte(raw), &h); r != Drop {
		t.Errorf("%s: result %d, %+v, want a drop", what, r, f)
	}
}

func testNames(t *testing.T) {
	pairs := map[string]string{
		"i": "Call-ID", "m": "Contact", "e": "Content-Encoding", "l": "Content-Length", "c": "Content-Type", "f": "From", "s": "Subject",
		"k": "Supported", "t": "To", "v": "Via", "u": "Allow-Events", "o": "Event", "r": "Refer-To", "b": "Referred-By", "x": "Session-Expires",
		"j": "Reject-Contact", "d": "Request-Disposition", "y": "Identity", "n": "Identity-Info", "a": "Accept-Contact",
	}
	const long = "REFER sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa1\r\nContact: <sip:me@h>\r\nContent-Encoding: gzip\r\nContent-Type: text/plain\r\n" +
		"From: <sip:f@h>;tag=1\r\nSubject: s\r\nSupported: timer\r\nTo: <sip:t@h>\r\nAllow-Events: refer\r\nEvent: e\r\nRefer-To: <sip:r@h>\r\n" +
		"Referred-By: <sip:b@h>\r\nSession-Expires: 90\r\nReject-Contact: *\r\nRequest-Disposition: no-fork\r\nIdentity: y\r\nIdentity-Info: n\r\n" +
		"Accept-Contact: *\r\nCall-ID: c\r\nCSeq: 1 REFER\r\nContent-Length: 3\r\n\r\nabc"
	raw, h := scanned(t, long)
	want := meaningOf(raw, h)
	for _, spell := range []func(compact, long string) string{
		func(_, long string) string { return strings.ToLower(long) },
		func(_, long string) string { return strings.ToUpper(long) },
		func(compact, _ string) string { return compact },
		func(compact, _ string) string { return strings.ToUpper(compact) },
	} {
		text := long
		for compact, name := range pairs {
			text = replaced(t, text, "\r\n"+name+":", "\r\n"+spell(compact, name)+":")
		}
		if out := forwarded(t, text); out != text {
			t.Errorf("not forwarded as it was spelt:\n%s\nas\n%s", text, out)
		}
		raw, h := scanned(t, text)
		if got := meaningOf(raw, h); got != want || h.SessionExpires != 90 || string(h.ReferTo.Of(raw)) != "<sip:r@h>" || string(h.Event.Of(raw)) != "e" || string(h.ContactURI.Of(raw)) != "sip:me@h" {
			t.Errorf("read otherwise:\n%s\n%+v\n%+v", text, got, want)
		}
		for _, name := range pairs {
			if _, ok := HeaderValue(raw, h, name); !ok {
				t.Errorf("%s is not found in\n%s", name, text)
			}
		}
	}
}

func testFolds(t *testing.T) {
	plain, ph := scanned(t, invite)
	want := meaningOf(plain, ph)
	folded := replaced(t, invite,
		"Max-Forwards: 70", "Max-Forwards:\r\n 70", "CSeq: 4711 INVITE", "CSeq\t:  4711 \r\n\t INVITE", "Call-ID: c1", "Call-ID :\r\n c1",
		"Content-Length: 5", "Content-Length\r\n : 5", "rport;branch=z9hG4bKa1", "rport ;\r\n branch\r\n = \tz9hG4bKa1", "UDP 10.10.0.10:5060", "UDP \r\n 10.10.0.10 : 5060")
	folded = replaced(t, folded, "Content-Length\r\n : 5", "Content-Length : 5", "X-Odd :kept  as it is ", "X-Odd :kept\r\n\t as\r\n it is ")
	raw, h := scanned(t, folded)
	got := meaningOf(raw, h)
	got.via, want.via = "", ""
	if got != want || string(h.Branch.Of(raw)) != "z9hG4bKa1" || !h.HasRPort || h.MaxForwards != 70 || h.ContentLength != 5 {
		t.Errorf("read otherwise:\n%+v\n%+v", got, want)
	}
	if !strings.Contains(forwarded(t, folded), "X-Odd :kept\r\n\t as\r\n it is \r\n") {
		t.Error("a line that no proxy reads was unfolded")
	}
	for _, tag := range []string{";tag=f1", " ; tag = f1", "\r\n ;\r\n\ttag\r\n =\r\n f1"} {
		raw, h := scanned(t, replaced(t, invite, ";tag=f1", tag))
		if string(h.FromTag.Of(raw)) != "f1" {
			t.Errorf("%q: tag %q", tag, h.FromTag.Of(raw))
		}
	}
}

func testLeadingLineEnds(t *testing.T) {
	for _, n := range []int{1, 2, 40} {
		text := strings.Repeat("\r\n", n) + invite
		if got := forwarded(t, text); got != invite {
			t.Errorf("%d line ends: %q", n, got)
		}
	}
}

func testNotOurs(t *testing.T) {
	for _, line := range []string{
		"Date: yesterday, at noon", "Contact: \"open <sip:x", "Contact: ;;;", "Accept: /,,;=", "Expires: soon", "Session-Expires: -1", "Require: ,,", "Retry-After: (",
		"Content-Type: //", "Authorization: Digest", "Event:", "Refer-To: <", "Replaces: ;;", "Reason: \"", "RAck: x", "Timestamp: x y z",
		"Warning: 999999 \"", "Diversion: <", "History-Info: <", "P-Asserted-Identity: \"<", "Record-Route: sip:no.brackets", "Supported: \"\"\"",
	} {
		text := replaced(t, invite, "X-Odd :kept  as it is ", line)
		if got := forwarded(t, text); got != text {
			t.Errorf("%q was changed:\n%s", line, got)
		}
	}
	text := replaced(t, invite, "v=0\r\n", "\x00}{\r\x01")
	if got := forwarded(t, text); got != text {
		t.Errorf("a body that is no SDP was changed: %q", got)
	}
}

func testUnknown(t *testing.T) {
	for _, method := range []string{"invite", "Invite", "ACKNOWLEDGE", "SERVICE", "RE%47IST%45R", "!interesting-Method0123456789_*+`.%indeed'~", "A"} {
		text := strings.ReplaceAll(invite, "INVITE", method)
		raw, h := scanned(t, text)
		if h.Method != Other || string(h.Token.Of(raw)) != method || forwarded(t, text) != text {
			t.Errorf("%s: method %d, forwarded\n%s", method, h.Method, forwarded(t, text))
		}
	}
	for _, line := range []string{"X: y", "!%*_+`'~: z", "NewFangledHeader:   newfangled value\r\n continued newfangled value", "UnknownHeaderWithUnusualValue: ;;,,;;,;", "X-Empty:", "Z: \xff\x80 ütf"} {
		text := replaced(t, invite, "X-Odd :kept  as it is ", line)
		if got := forwarded(t, text); got != text {
			t.Errorf("%q: forwarded\n%s", line, got)
		}
	}
}

func testMissing(t *testing.T) {
	for _, line := range []string{"To: <sip:5000@10.20.0.5>\r\n", "From: \"Jean, le \\\"grand\\\"\" <sip:0612@10.10.0.10>;tag=f1\r\n", "Call-ID: c1@10.10.0.10\r\n", "CSeq: 4711 INVITE\r\n"} {
		refused(t, "without "+line, replaced(t, invite, line, ""), 400)
		dropped(t, "ACK without "+line, strings.ReplaceAll(replaced(t, invite, line, ""), "INVITE", "ACK"))
	}
	dropped(t, "without Via", replaced(t, invite, "Via: SIP/2.0/UDP 10.10.0.10:5060;rport;branch=z9hG4bKa1\r\nv: SIP/2.0/TCP gw.example.net;branch=z9hG4bKa0\r\n", ""))
	raw, h := scanned(t, replaced(t, invite, "Max-Forwards: 70\r\n", ""))
	if h.MaxForwards != -1 {
		t.Errorf("without Max-Forwards: %d", h.MaxForwards)
	}
	if got := string(AppendForward(nil, raw, h, &Edit{MaxForwards: 70})); !strings.Contains(got, "\r\nMax-Forwards: 70\r\n") {
		t.Errorf("Max-Forwards is not added:\n%s", got)
	}
}

func testCSeq(t *testing.T) {
	for _, cseq := range []string{"4711 BYE", "4711 invite", "2147483648 INVITE", "4294967296 INVITE", "36893488147419103232 INVITE", "-1 INVITE", "x INVITE", "4711", "INVITE", "0x1 INVITE", "1.5 INVITE", "1 INVITE x"} {
		text := replaced(t, invite, "4711 INVITE", cseq)
		refused(t, cseq, text, 400)
		if cseq != "4711 BYE" && cseq != "4711 invite" { // there the method is all there is
			dropped(t, "response with "+cseq, replaced(t, ringing, "4711 INVITE", cseq))
		}
	}
	for text, n := range map[string]uint32{"0 INVITE": 0, "2147483647 INVITE": 1<<31 - 1, "0000000000000000004711 INVITE": 4711} {
		if _, h := scanned(t, replaced(t, invite, "4711 INVITE", text)); h.CSeq != n {
			t.Errorf("%s: %d", text, h.CSeq)
		}
	}
}

func testSchemes(t *testing.T) {
	for _, uri := range []string{"http://a", "nobodyKnowsThisScheme:totallyopaquecontent", "soap.beep://192.0.2.103:3002", "im:a@b", "sipx:a@b"} {
		refused(t, uri, replaced(t, invite, "INVITE sip:5000@10.20.0.5", "INVITE "+uri), 416)
	}
	for _, uri := range []string{"sip:a@b", "SIP:a@b", "sips:a@b", "tel:+33145000000", "tel:5000;phone-context=x"} {
		if text := replaced(t, invite, "INVITE sip:5000@10.20.0.5", "INVITE "+uri); forwarded(t, text) != text {
			t.Errorf("%s is not forwarded as it came", uri)
		}
	}
	// Which schemes stand in To, From and Contact is not the proxy's business.
	text := replaced(t, invite, "To: <sip:5000@10.20.0.5>", "To: isbn:2983792873", "Contact: <sip:", "Contact: <name:")
	if forwarded(t, text) != text {
		t.Error("a scheme outside the Request-URI was judged")
	}
}

func testMaxForwards(t *testing.T) {
	for _, v := range []string{"", "x", "-1", "256", "65536", "4294967366", "18446744073709551686", "7 0", "70.0", "70;x", "0x46", "99999999999999999999999999999999"} {
		refused(t, "Max-Forwards: "+v, replaced(t, invite, "Max-Forwards: 70", "Max-Forwards: "+v), 400)
	}
	for v, n := range map[string]int{"0": 0, "1": 1, "255": 255, "0068": 68} {
		if _, h := scanned(t, replaced(t, invite, "Max-Forwards: 70", "Max-Forwards: "+v)); h.MaxForwards != n {
			t.Errorf("Max-Forwards %s: %d", v, h.MaxForwards)
		}
	}
}

func testVersions(t *testing.T) {
	for _, v := range []string{"SIP/7.0", "SIP/2.1", "SIP/1.0", "SIP/20.0", "sip/3.0"} {
		refused(t, v, replaced(t, invite, "SIP/2.0\r\n", v+"\r\n"), 505)
	}
	for _, v := range []string{"HTTP/1.1", "SIP", "SIP/", "SIP/x.y", "SIP2.0"} {
		refused(t, v, replaced(t, invite, "SIP/2.0\r\n", v+"\r\n"), 400)
	}
	for _, v := range []string{"sip/2.0", "Sip/2.0", "sIP/2.0"} {
		if got := forwarded(t, replaced(t, invite, "SIP/2.0\r\n", v+"\r\n")); got != invite {
			t.Errorf("%s leaves as\n%s", v, got)
		}
		if got := forwarded(t, replaced(t, ringing, "SIP/2.0 180", v+" 180")); got != ringing {
			t.Errorf("response of %s leaves as\n%s", v, got)
		}
	}
}

func testBehindTheBody(t *testing.T) {
	for _, trailing := range []string{"x", "\r\n", invite, strings.Repeat("z", 30000)} {
		if got := forwarded(t, invite+trailing); got != invite {
			t.Errorf("%.20q behind the body leaves as\n%.2000s", trailing, got)
		}
		if got := forwarded(t, ringing+trailing); got != ringing {
			t.Errorf("%.20q behind a response leaves as\n%.2000s", trailing, got)
		}
	}
}

func testBeyondTheDatagram(t *testing.T) {
	for _, n := range []string{"6", "9999", "65536", "4294967301", "18446744073709551621"} {
		refused(t, n, replaced(t, invite, "Content-Length: 5", "Content-Length: "+n), 400)
		dropped(t, "response with "+n, replaced(t, ringing, "Content-Length: 0", "Content-Length: "+n))
		dropped(t, "ACK with "+n, strings.ReplaceAll(replaced(t, invite, "Content-Length: 5", "Content-Length: "+n), "INVITE", "ACK"))
	}
}

func testContentLength(t *testing.T) {
	for _, lines := range []string{
		"Content-Length: -999", "Content-Length: x", "Content-Length:", "Content-Length: 5 5", "Content-Length: 5;x", "Content-Length: +5", "l: 0x5",
		"Content-Length: 5\r\nContent-Length: 13", "l: 5\r\nContent-Length: 0", "Content-Length: 5\r\nCONTENT-LENGTH: 5",
	} {
		refused(t, lines, replaced(t, invite, "Content-Length: 5", lines), 400)
		dropped(t, "response with "+lines, replaced(t, ringing, "Content-Length: 0", strings.ReplaceAll(lines, "5", "0x")))
	}
	for _, line := range []string{"l: 5", "Content-Length : 005", "L:5"} {
		if text := replaced(t, invite, "Content-Length: 5", line); forwarded(t, text) != text {
			t.Errorf("%q is not forwarded as it came", line)
		}
	}
}

func testDuplicates(t *testing.T) {
	for _, line := range []string{"Call-ID: other", "i: c1@10.10.0.10", "CSeq: 4711 INVITE", "CSeq: 59 INVITE", "From: <sip:a@b>;tag=2", "f: <sip:a@b>;tag=2", "To: <sip:other@b>", "t: <sip:5000@10.20.0.5>", "Max-Forwards: 70", "Max-Forwards: 5"} {
		refused(t, "twice "+line, replaced(t, invite, "X-Odd :kept  as it is ", line), 400)
	}
}

func testBodies(t *testing.T) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for _, body := range []string{
		"", "x", "v=0\r\n", "v=0", "v=0\n\n\n", "\x00\x00", string(every), "é ü 漢字 \xff\xfe", "\r\n\r\n", "\r\n\r\nINVITE sip:a SIP/2.0\r\n\r\n",
		"--b\r\nContent-Type: a/b\r\n\r\nVia: no header\r\n--b--", strings.Repeat("z", 60000),
	} {
		for _, message := range []string{invite, ringing} {
			head, _, _ := strings.Cut(message, "\r\n\r\n")
			head, _, _ = strings.Cut(head, "\r\nContent-Length")
			text := head + "\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
			raw, h := scanned(t, text)
			e := KeepAll()
			e.PushVia, e.MaxForwards = []byte("SIP/2.0/UDP 10.20.0.5:5060;branch=z9hG4bKb"), 69
			out := AppendForward(nil, raw, h, &e)
			if _, after, _ := bytes.Cut(out, []byte("\r\n\r\n")); string(after) != body {
				t.Errorf("%.20q leaves as %.40q", body, after)
			}
			e.PushVia, e.StripVia, e.MaxForwards = nil, true, -1
			out = AppendForward(nil, raw, h, &e)
			if _, after, _ := bytes.Cut(out, []byte("\r\n\r\n")); string(after) != body {
				t.Errorf("%.20q goes up as %.40q", body, after)
			}
		}
	}
}

// testOrder: every line stands where it stood, after all that a proxy edits.
func testOrder(t *testing.T) {
	text := replaced(t, invite, "X-Odd :kept  as it is \r\n", "X-Odd :1\r\nSupported: b, a\r\nRecord-Route: <sip:2>, <sip:1>\r\nx-odd: 2\r\nk: d,c\r\nRecord-Route: <sip:0>\r\nX-ODD: 3\r\n")
	raw, h := scanned(t, text)
	e := KeepAll()
	e.PushVia, e.MaxForwards, e.DropRoutes = []byte("SIP/2.0/UDP 10.20.0.5:5060;branch=z9hG4bKb"), 69, 1
	e.URI = []byte("sip:5001@10.30.0.21")
	e.PushRecordRoute[0] = []byte("<sip:t@10.20.0.5;lr>")
	got := strings.Split(string(AppendForward(nil, raw, h, &e)), "\r\n")
	next := 0
	for _, line := range strings.Split(text, "\r\n")[1:] {
		line = strings.Replace(line, "Max-Forwards: 70", "Max-Forwards: 69", 1)
		line = strings.Replace(line, "<sip:10.20.0.5;lr>, ", "", 1)
		at := next
		for at < len(got) && got[at] != line {
			at++
		}
		if at == len(got) {
			t.Fatalf("%q is not behind the line before it in\n%s", line, strings.Join(got, "\n"))
		}
		next = at + 1
	}
}

func testComparison(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"sip:alice@AtLanTa.CoM;Transport=tcp", "SIP:alice@atlanta.com;transport=TCP", true},
		{"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
		{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5", true},
		{"sip:alice@atlanta.com?subject=project%20x&priority=urgent", "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true},
		{"sip:%41lice@a", "sip:Alice@a", true},
		{"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false},
		{"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false},
		{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false},
		{"sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false},
		{"sip:a@b", "sips:a@b", false},
		{"sip:a@b;user=phone", "sip:a@b", false},
		{"sip:a@b;maddr=1.2.3.4", "sip:a@b", false},
		{"sip:a@b;ttl=1", "sip:a@b", false},
		{"sip:a@b;method=INVITE", "sip:a@b", false},
	} {
		if SameURI([]byte(c.a), []byte(c.b)) != c.same || SameURI([]byte(c.b), []byte(c.a)) != c.same {
			t.Errorf("%s and %s: the same is not %t", c.a, c.b, c.same)
		}
	}
}
