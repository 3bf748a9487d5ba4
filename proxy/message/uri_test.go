package message

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestParseURI(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"sip:a@b", "sip|a|b|0||true"},
		{"SIP:a:secret@b:5070;transport=udp;lr?x=y", "SIP|a|b|5070|;transport=udp;lr|true"},
		{"sip:[2001:db8::1]:5061;lr", "sip||[2001:db8::1]|5061|;lr|true"},
		{"sips:u;p=1@h", "sips|u;p=1|h|0||true"},
		{"tel:+33-1;phone-context=x", "tel|+33-1||0|;phone-context=x|true"},
		{"sip:a@b:99999", "sip|a|b|0||false"},
		{"sip:a@[::1", "sip|a||0||false"},
		{"http://x", "http|||0||false"},
		{"1sip:x", "|||0||false"},
		{"sip", "|||0||false"},
		{"sip:a b@c", "sip|||0||false"},
		{"sip:@c", "sip|||0||false"},
		{"sip:h/x", "sip||h|0|/x|false"},
	} {
		u, ok := ParseURI([]byte(c.in))
		if got := fmt.Sprintf("%s|%s|%s|%d|%s|%v", u.Scheme, u.User, u.Host, u.Port, u.Params, ok); got != c.want {
			t.Errorf("%s: %s, want %s", c.in, got, c.want)
		}
	}
	u, _ := ParseURI([]byte("sip:h;TRANSPORT=tcp;lr;maddr=x"))
	if v, ok := u.Param("transport"); !ok || string(v) != "tcp" {
		t.Errorf("transport %q", v)
	}
	if v, ok := u.Param("lr"); !ok || v != nil {
		t.Errorf("lr %q", v)
	}
	if _, ok := u.Param("ttl"); ok {
		t.Error("ttl")
	}
}

// TestSameURI has the examples of RFC 3261 §19.1.4.
func TestSameURI(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
		{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5", true},
		{"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com", "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", true},
		{"sip:alice@atlanta.com?subject=project%20x&priority=urgent", "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true},
		{"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false},
		{"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false},
		{"sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false},
		{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false},
		{"sip:a@b", "sips:a@b", false},
		{"sip:b", "sip:a@b", false},
		{"sip:b;x=1;x=2", "sip:b;x=1;x=2", true},
		{"sip:a@b", "sip:a:p@b", false},
		{"sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0::1]", true},
		{"tel:+33-1.45", "tel:+33145", true},
		{"tel:5000;phone-context=a", "tel:5000", false},
		{"isbn:1", "isbn:1", true},
		{"isbn:1", "isbn:2", false},
	} {
		if SameURI([]byte(c.a), []byte(c.b)) != c.same || SameURI([]byte(c.b), []byte(c.a)) != c.same {
			t.Errorf("%s and %s: want %v", c.a, c.b, c.same)
		}
	}
}

func TestAddrPort(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.0.1": "10.0.0.1:0", "10.0.0.1:5060": "10.0.0.1:5060", "10.0.0.1 : 5060": "10.0.0.1:5060",
		"[2001:db8::1]": "[2001:db8::1]:0", "[2001:db8::1]:5061": "[2001:db8::1]:5061", "2001:db8::1": "[2001:db8::1]:0",
		"host": "", "": "", "1.2.3": "", "1.2.3.4.5": "", "256.1.1.1": "", "1..2.3": "", "[x]": "", "::g": "", "[fe80::1%eth0]": "",
	} {
		a, ok := AddrPort([]byte(in))
		if ok != (want != "") || ok && a.String() != want {
			t.Errorf("%q: %v %v", in, a, ok)
		}
	}
}

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{"5000": "5000", "%35%30": "50", "a%2": "a%2", "%zz%41": "%zzA", "%00": "\x00"} {
		if got := string(Unescape([]byte(in))); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestContactsAndValues(t *testing.T) {
	raw, h := scanned(t, strings.NewReplacer("Contact: <sip:0612@10.10.0.10:5060>", "Contact: \"a, b\" <sip:1@h;x>;expires=60;q=0.7, sip:2@h;Q=1;EXPIRES=bad\r\nm: *\r\nContact: <sip:3@h", "X-Odd", "WWW-Authenticate: a, b\r\nx-oDD").Replace(invite))
	var got []string
	for c := range ContactList(raw, h) {
		got = append(got, fmt.Sprintf("%s %d %d %v", c.URI, c.Expires, c.Q, c.Star))
	}
	if want := []string{"sip:1@h;x 60 700 false", "sip:2@h -1 1000 false", "* -1 -1 true"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	got = nil
	for v := range Values(raw, h, "route") {
		got = append(got, string(v))
	}
	if want := []string{"<sip:10.20.0.5;lr>", "<sip:10.30.0.1;lr>;x=\"a,b\""}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for name, want := range map[string]string{"VIA": "SIP/2.0/UDP 10.10.0.10:5060;rport;branch=z9hG4bKa1", "v": "SIP/2.0/UDP 10.10.0.10:5060;rport;branch=z9hG4bKa1", "i": "c1@10.10.0.10", "c": "application/sdp", "www-authenticate": "a, b", "X-Odd": "kept  as it is"} {
		if v, ok := HeaderValue(raw, h, name); !ok || string(v) != want {
			t.Errorf("%s: %q", name, v)
		}
	}
	if _, ok := HeaderValue(raw, h, "Subject"); ok {
		t.Error("Subject")
	}
}

func TestCompactForms(t *testing.T) {
	for long, c := range map[string]byte{"Accept-Contact": 'a', "Referred-By": 'b', "Content-Type": 'c', "Request-Disposition": 'd', "Content-Encoding": 'e', "From": 'f', "Call-ID": 'i', "Reject-Contact": 'j', "Supported": 'k', "Content-Length": 'l', "Contact": 'm', "Identity-Info": 'n', "Event": 'o', "Refer-To": 'r', "Subject": 's', "To": 't', "Allow-Events": 'u', "Via": 'v', "Session-Expires": 'x', "Identity": 'y'} {
		if !sameName([]byte(long), []byte{c}) || !sameName([]byte{c &^ 0x20}, []byte(strings.ToUpper(long))) {
			t.Errorf("%s %c", long, c)
		}
		if k := kindOf([]byte(long)); k != kindOf([]byte{c}) {
			t.Errorf("%s is kind %d, %c is not", long, k, c)
		}
	}
}
