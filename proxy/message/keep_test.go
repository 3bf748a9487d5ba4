package message

import (
	"net/netip"
	"strings"
	"testing"
)

// testKeep: a valueless keep of a neighbour on a stream is answered, in our own
// responses and, by the request that goes on, in those of others; nothing else is.
func testKeep(t *testing.T) {
	src := netip.MustParseAddrPort("10.10.0.10:5060")
	for via, want := range map[string]string{
		"SIP/2.0/TCP 10.10.0.10:5060;branch=z9hG4bKa1;keep":                       "SIP/2.0/TCP 10.10.0.10:5060;branch=z9hG4bKa1;keep=30",
		"SIP/2.0/TLS 10.10.0.10:5060;KEEP ;branch=z9hG4bKa1":                      "SIP/2.0/TLS 10.10.0.10:5060;KEEP=30 ;branch=z9hG4bKa1",
		"SIP/2.0/TCP pbx;branch=z9hG4bKa1;keep":                                   "SIP/2.0/TCP pbx;branch=z9hG4bKa1;keep=30;received=10.10.0.10",
		"SIP/2.0/TCP pbx;keep;rport;branch=z9hG4bKa1":                             "SIP/2.0/TCP pbx;keep=30;rport=5060;branch=z9hG4bKa1;received=10.10.0.10",
		"SIP/2.0/TCP pbx;rport;branch=z9hG4bKa1;keep":                             "SIP/2.0/TCP pbx;rport=5060;branch=z9hG4bKa1;keep=30;received=10.10.0.10",
		"SIP/2.0/TCP 10.10.0.10:5060;branch=z9hG4bKa1;keep=20":                    "",
		"SIP/2.0/TCP 10.10.0.10:5060;branch=z9hG4bKa1;keep=":                      "",
		"SIP/2.0/UDP 10.10.0.10:5060;branch=z9hG4bKa1;keep":                       "",
		"SIP/2.0/TCP 10.10.0.10:5060;branch=z9hG4bKa1;keeper;x=\";keep\"":         "",
		"SIP/2.0/TCP 10.10.0.10:5060;branch=z9hG4bKa1, SIP/2.0/TCP h;keep":        "",
		"SIP/2.0/TCP 10.10.0.10:5060;branch=z9hG4bKa1\r\nVia: SIP/2.0/TCP h;keep": "",
	} {
		if want == "" {
			want = via
		}
		text := strings.Replace(invite, "SIP/2.0/UDP 10.10.0.10:5060;rport;branch=z9hG4bKa1", via, 1)
		raw, h := scanned(t, text)
		received, rport := NeedsReceived(raw, h, src)
		e := Edit{MaxForwards: 69, StampReceived: src, SetReceived: received, SetRPort: rport, PushVia: []byte("SIP/2.0/TCP us;branch=z9hG4bKu")}
		for what, out := range map[string]string{
			"forwarded": string(AppendForward(nil, raw, h, &e)),
			"answered":  string(Stamp{src, received, rport}.AppendResponse(nil, raw, h, 180, "Ringing", "t")),
		} {
			if !strings.Contains(out, "Via: "+want+"\r\n") && !strings.Contains(out, "Via: "+want+",") {
				t.Errorf("%s: want %s in\n%s", what, want, out)
			}
			scanned(t, out)
		}
	}
}

// testKeepWhere: RFC 6223 §4.3, §4.4: registrations and new dialogs alone.
func testKeepWhere(t *testing.T) {
	for method, answered := range map[string]bool{"INVITE": true, "REGISTER": true, "OPTIONS": false, "BYE": false, "MESSAGE": false} {
		for _, tag := range []string{"", ";tag=there"} {
			text := strings.NewReplacer("INVITE", method, "SIP/2.0/UDP 10.10.0.10:5060;rport", "SIP/2.0/TCP 10.10.0.10:5060;keep",
				"To: <sip:5000@10.20.0.5>", "To: <sip:5000@10.20.0.5>"+tag).Replace(invite)
			raw, h := scanned(t, text)
			out := string(Stamp{}.AppendResponse(nil, raw, h, 200, "OK", "t"))
			want := answered && (tag == "" || method == "REGISTER")
			if got := strings.Contains(out, ";keep=30"); got != want {
				t.Errorf("%s%s: answered %v", method, tag, got)
			}
		}
	}
}
