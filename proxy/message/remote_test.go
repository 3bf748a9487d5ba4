package message

import (
	"bytes"
	"strings"
	"testing"

	"releve/router"
)

func remoteKeys(t *testing.T, lines ...[]byte) *Keys {
	t.Helper()
	k, err := ParseKeys(bytes.Join(lines, nil))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestRemote: what is carried comes back, for its call and its key alone.
func TestRemote(t *testing.T) {
	one, two := AppendKey(nil, 1, bytes.Repeat([]byte{1}, 32)), AppendKey(nil, 2, bytes.Repeat([]byte{2}, 32))
	k := remoteKeys(t, one)
	token := Token{Server: router.Secondary, FromIPBX: true, IPBX: 7, Epoch: 1 << 40}
	call := []byte("c1@10.0.0.1")
	for _, target := range []string{"sip:a@b", "sip:ivr@10.0.1.1:5060;transport=tcp;ob", "sips:x@[2001:db8::1]", "sip:" + strings.Repeat("x", MaxRemote-4)} {
		text := k.AppendRemote([]byte("rlv-"), token, []byte(target), call)[4:]
		if u, ok := ParseURI([]byte("sip:rlv-" + string(text) + "@10.0.0.5")); !ok || string(u.User[4:]) != string(text) {
			t.Errorf("%q does not stand in a URI", text)
		}
		got, back, ok := remoteKeys(t, two, one).VerifyRemote(text, call) // the key is the previous one by now
		got.KeyID = 0
		if !ok || got != token || string(back) != target {
			t.Errorf("%q came back as %+v %q %v", target, got, back, ok)
		}
		if _, _, ok := k.VerifyRemote(text, []byte("c2")); ok {
			t.Error("passed for another call")
		}
		if _, _, ok := remoteKeys(t, two).VerifyRemote(text, call); ok {
			t.Error("passed with another key")
		}
		for i := range text {
			bad := bytes.Clone(text)
			bad[i] ^= 1
			if _, b, ok := k.VerifyRemote(bad, call); ok {
				t.Fatalf("passed with byte %d changed: %q", i, b)
			}
		}
		if _, ok := k.VerifyToken(text, call); ok {
			t.Error("passes for a token of a route")
		}
	}
	for _, none := range []string{"", strings.Repeat("x", MaxRemote+1)} {
		if got := k.AppendRemote([]byte("p"), token, []byte(none), call); string(got) != "p" {
			t.Errorf("%d bytes were carried", len(none))
		}
	}
	route := k.AppendToken(nil, token, call)
	if _, _, ok := k.VerifyRemote(route, call); ok {
		t.Error("a token of a route passes")
	}
	if _, _, ok := k.VerifyRemote(bytes.Repeat([]byte("A"), 4096), call); ok {
		t.Error("something of 4096 bytes passes")
	}
}

// TestHistoryGoesBehindTheLast: entries stand in order, whatever else the
// message holds (RFC 7044 §10.3).
func TestHistoryGoesBehindTheLast(t *testing.T) {
	e := KeepAll()
	e.History = []byte("<sip:new>;index=1.1")
	for _, c := range []struct{ before, behind string }{
		{"Subject: x\r\n", "Via: SIP/2.0/UDP a;branch=z9hG4bKx\r\n"},
		{"History-Info: <sip:a>;index=1\r\nSubject: x\r\nhistory-info: <sip:b>;index=1.1\r\nDiversion: <sip:d>\r\n", "history-info: <sip:b>;index=1.1\r\n"},
	} {
		raw, h := scanned(t, "OPTIONS sip:x@y SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKx\r\n"+c.before+
			"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n")
		got := string(AppendForward(nil, raw, h, &e))
		if !strings.Contains(got, c.behind+"History-Info: <sip:new>;index=1.1\r\n") || len(got) != len(raw)+len("History-Info: <sip:new>;index=1.1\r\n") {
			t.Errorf("%s", got)
		}
	}
	e.History = []byte("a\r\nX: y")
	raw, h := scanned(t, invite)
	if got := AppendForward(nil, raw, h, &e); len(got) > 0 || e.Check() == nil {
		t.Errorf("took a line end: %s", got)
	}
}
