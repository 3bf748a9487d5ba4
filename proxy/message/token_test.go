package message

import (
	"bytes"
	"strings"
	"testing"

	"releve/router"
)

func TestToken(t *testing.T) {
	k := testKeys(t)
	call := []byte("c1@10.10.0.10")
	for _, want := range []Token{
		{},
		{Server: router.Secondary, FromIPBX: true, Entry: 3, Epoch: 12, KeyID: 0, CSeqOffset: 1, IPBX: 2},
		{Server: router.Primary, Entry: 255, Epoch: 1<<64 - 1, CSeqOffset: 32767, CSeqBase: 1<<32 - 1, IPBX: 255},
		{Server: router.Primary, Epoch: 2, CSeqOffset: 1, From: "sip:5001@10.30.0.21"},
		{From: strings.Repeat("x", MaxTokenFrom)},
	} {
		text := k.AppendToken(nil, want, call)
		want.KeyID = 7
		if got, ok := k.VerifyToken(text, call); !ok || got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		if len(text) < 24 || len(text) > 48+2*len(want.From) || strings.ContainsAny(string(text), "+/=;:@%,<>\"? ") {
			t.Errorf("token %s", text)
		}
		if _, ok := k.VerifyToken(text, []byte("other")); ok {
			t.Error("token moved to another call")
		}
		if got, ok := k.Clone().VerifyToken(text, call); !ok || got != want {
			t.Error("clone")
		}
		for i := range text {
			for bit := range 8 {
				forged := bytes.Clone(text)
				if forged[i] ^= 1 << bit; forged[i] == '\r' || forged[i] == '\n' {
					continue
				}
				if _, ok := k.VerifyToken(forged, call); ok {
					t.Fatalf("took %s for %s", forged, text)
				}
			}
		}
	}
	for _, text := range []string{"", "A", strings.Repeat("A", 24), strings.Repeat("A", 500), "BgAAAAAA"} {
		if _, ok := k.VerifyToken([]byte(text), call); ok {
			t.Errorf("took %q", text)
		}
	}
}

// TestNumber: each request of the server has numbers of its own at the IPBX, in
// order, and leads back to itself from any of them.
func TestNumber(t *testing.T) {
	for _, tok := range []Token{{}, {CSeqOffset: 1, CSeqBase: 101}, {CSeqOffset: 2}, {CSeqOffset: 3, CSeqBase: 1 << 30}} {
		last := int64(-1)
		for i := range uint32(200) {
			cseq := tok.CSeqBase + i
			n := tok.Number(cseq)
			if int64(n) <= last {
				t.Fatalf("%+v: %d has %d, after %d", tok, cseq, n, last)
			}
			last = int64(n)
			for again := range uint32(CSeqStride) {
				if i == 0 && again > 0 || tok.CSeqOffset == 0 && again > 0 {
					break // the token was made for the attempt that was taken
				}
				if got := tok.Numbered(n + again); got != cseq {
					t.Fatalf("%+v: %d leads back to %d, not %d", tok, n+again, got, cseq)
				}
				last = int64(n + again)
			}
		}
	}
	tok := Token{CSeqOffset: 2, CSeqBase: 7}
	if got := tok.Number(7); got != 9 {
		t.Errorf("the INVITE's ACK has %d", got)
	}
	if a, b := tok.Numbered(7), tok.Numbered(8); a != 7 || b != 7 {
		t.Errorf("earlier attempts lead back to %d, %d", a, b)
	}
	if too := (Token{From: strings.Repeat("x", MaxTokenFrom+1)}); true {
		k := testKeys(t)
		if got, ok := k.VerifyToken(k.AppendToken(nil, too, []byte("c")), []byte("c")); !ok || got.From != "" {
			t.Errorf("a From too long: %+v %v", got, ok)
		}
	}
}

// TestKeyChange: what the previous key signed is taken, what it no longer is, is not.
func TestKeyChange(t *testing.T) {
	key := func(n byte) []byte { return bytes.Repeat([]byte{n}, MinSecret) }
	old, err1 := ParseKeys(AppendKey(nil, 1, key(1)))
	mid, err2 := ParseKeys(AppendKey(AppendKey([]byte("# keys\n\n"), 2, key(2)), 1, key(1)))
	late, err3 := ParseKeys(AppendKey(AppendKey(nil, 3, key(3)), 2, key(2)))
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	call := []byte("c")
	text := old.AppendToken(nil, Token{Epoch: 5}, call)
	branch := old.AppendBranch(nil, []byte("b"), []byte("h"), call, 1, 2, 3)
	for name, c := range map[string]struct {
		k  *Keys
		ok bool
	}{"current": {old, true}, "previous": {mid, true}, "gone": {late, false}} {
		if _, ok := c.k.VerifyToken(text, call); ok != c.ok {
			t.Errorf("token, %s: %v", name, ok)
		}
		if _, _, ok := c.k.OursBranch(branch); ok != c.ok {
			t.Errorf("branch, %s: %v", name, ok)
		}
	}
}

func TestParseKeysFaults(t *testing.T) {
	good := string(AppendKey(nil, 1, make([]byte, 32)))
	for _, in := range []string{"", "# x", "1", "1 zz", "1 00", "256 " + good[2:], good + good, good + "2" + good[1:] + "3" + good[1:], "1 a b"} {
		if _, err := ParseKeys([]byte(in)); err == nil || !strings.HasPrefix(err.Error(), "read keys: ") {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestBranch(t *testing.T) {
	k := testKeys(t)
	seen := map[string]bool{}
	for target := range uint8(70) {
		for attempt := range uint8(4) {
			b := k.AppendBranch(nil, []byte("z9hG4bKa"), []byte("10.0.0.1:5060"), []byte("call"), 7, target, attempt)
			if seen[string(b)] || !isToken(b) || !bytes.HasPrefix(b, []byte(Cookie)) {
				t.Fatalf("%s", b)
			}
			seen[string(b)] = true
			if !bytes.Equal(b, k.Clone().AppendBranch(nil, []byte("z9hG4bKa"), []byte("10.0.0.1:5060"), []byte("call"), 7, target, attempt)) {
				t.Fatal("not the same on the other node")
			}
			gt, ga, ok := k.OursBranch(b)
			if !ok || gt != target%BranchRange || ga != attempt {
				t.Fatalf("%s: %d %d %v", b, gt, ga, ok)
			}
			b[7] ^= 1
			if _, _, ok := k.OursBranch(b); ok {
				t.Fatal("another target taken")
			}
		}
	}
	a := k.AppendBranch(nil, []byte("ab"), []byte("c"), nil, 1, 0, 0)
	if b := k.AppendBranch(nil, []byte("a"), []byte("bc"), nil, 1, 0, 0); bytes.Equal(a, b) {
		t.Error("parts run together")
	}
	for _, b := range []string{"", "z9hG4bK", "z9hG4bKa1", "z9hG4bKAA" + strings.Repeat("!", 24)} {
		if _, _, ok := k.OursBranch([]byte(b)); ok {
			t.Errorf("took %q", b)
		}
	}
}

// TestLoop: the same request again loops, one that changed where it goes
// spirals (RFC 3261 §16.3(4), RFC 5393 §4.2.2).
func TestLoop(t *testing.T) {
	k := testKeys(t)
	raw, h := scanned(t, invite)
	hash := LoopHash(raw, h, k)
	own := []byte("10.20.0.5:5060")
	e := KeepAll()
	e.PushVia = AppendViaLoop([]byte("SIP/2.0/UDP 10.20.0.5;branch=z9hG4bKx"), hash)
	fwd := AppendForward(nil, raw, h, &e)
	other := KeepAll()
	other.PushVia = []byte("SIP/2.0/UDP 10.10.0.10;branch=z9hG4bKy")
	_, fh := scanned(t, string(fwd))
	back, bh := scanned(t, string(AppendForward(nil, fwd, fh, &other)))
	if got, ok := HasOwnVia(back, bh, own); !ok || got != hash {
		t.Errorf("own Via: %x %v, want %x", got, ok, hash)
	}
	if !Looped(back, bh, own, LoopHash(back, bh, k)) {
		t.Error("a loop was not seen")
	}
	if _, ok := HasOwnVia(raw, h, own); ok {
		t.Error("own Via in a fresh request")
	}
	cancel, ch := scanned(t, strings.ReplaceAll(string(back), "INVITE", "CANCEL"))
	if LoopHash(cancel, ch, k) != hash {
		t.Error("CANCEL has another hash")
	}
	for _, c := range [][2]string{
		{"INVITE sip:5000", "INVITE sip:5001"},
		{"tag=f1", "tag=f2"},
		{"To: <sip:5000@10.20.0.5>", "To: <sip:5000@10.20.0.5>;tag=x"},
		{"c1@", "c2@"},
		{"4711", "4712"},
		{"<sip:10.20.0.5;lr>, ", ""},
		{"X-Odd :", "Proxy-Require :"},
		{"X-Odd :", "Proxy-Authorization :"},
	} {
		s, sh := scanned(t, strings.Replace(string(back), c[0], c[1], 1))
		if Looped(s, sh, own, LoopHash(s, sh, k)) {
			t.Errorf("%q is a spiral", c[1])
		}
	}
	if got := string(AppendViaLoop(nil, 0xab)); got != ";rlp=00000000000000ab" {
		t.Error(got)
	}
}
