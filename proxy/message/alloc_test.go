package message

import (
	"net/netip"
	"testing"
)

const ringing = "SIP/2.0 180 Ringing\r\n" +
	"Via: SIP/2.0/UDP 10.20.0.5:5060;branch=z9hG4bKb, SIP/2.0/UDP 10.10.0.10:5060;rport=5060;branch=z9hG4bKa1;received=10.10.0.10\r\n" +
	"Record-Route: <sip:t@10.20.0.5;lr>\r\n" +
	"From: <sip:0612@10.10.0.10>;tag=f1\r\nTo: <sip:5000@10.20.0.5>;tag=t1\r\n" +
	"Call-ID: c1@10.10.0.10\r\nCSeq: 4711 INVITE\r\nContact: <sip:5000@10.30.0.21>\r\nContent-Length: 0\r\n\r\n"

func testKeys(t testing.TB) *Keys {
	t.Helper()
	k, err := ParseKeys(AppendKey(AppendKey(nil, 7, make([]byte, 32)), 6, make([]byte, 40)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// hot are the operations of the data path.
func hot(t testing.TB) map[string]func() {
	in, resp := []byte(invite), []byte(ringing)
	var h, rh, sh Head
	Scan(in, &h)
	Scan(resp, &rh)
	k := testKeys(t)
	src := netip.MustParseAddrPort("10.10.0.10:5060")
	e := KeepAll()
	e.PushVia, e.URI = []byte("SIP/2.0/UDP 10.20.0.5:5060;branch=z9hG4bKb"), []byte("sip:5001@10.30.0.21")
	e.StampReceived, e.SetReceived, e.SetRPort, e.MaxForwards = src, true, true, 69
	e.PushRecordRoute[0], e.DropRoutes = []byte("<sip:t@10.20.0.5;lr>"), 1
	e.Add = [][]byte{[]byte("X: y\r\n")}
	strip := KeepAll()
	strip.StripVia = true
	buf := make([]byte, 0, 4096)
	token := k.AppendToken(nil, Token{Server: 1, Epoch: 3}, h.CallID.Of(in))
	branch := k.AppendBranch(nil, h.Branch.Of(in), h.SentBy.Of(in), h.CallID.Of(in), h.CSeq, 1, 2)
	via := []byte("10.20.0.5:5060")
	return map[string]func(){
		"scan request":    func() { Scan(in, &sh) },
		"scan response":   func() { Scan(resp, &sh) },
		"forward request": func() { AppendForward(buf, in, &h, &e) },
		"forward with buffers on the stack": func() {
			var via, rr [64]byte
			e := Edit{MaxForwards: 69, PushVia: append(via[:0], "SIP/2.0/UDP h;branch=z9hG4bKx"...)}
			e.PushRecordRoute[0] = append(rr[:0], "<sip:t@h;lr>"...)
			AppendForward(buf, in, &h, &e)
		},
		"forward response": func() { AppendForward(buf, resp, &rh, &strip) },
		"respond": func() {
			r, p := NeedsReceived(in, &h, src)
			Stamp{src, r, p}.AppendResponse(buf, in, &h, 180, "Ringing", "tag")
		},
		"ack":          func() { AppendACK(buf, in, &h, resp, &rh) },
		"cancel":       func() { AppendCancel(buf, in, &h, []byte("SIP;cause=200")) },
		"token":        func() { k.AppendToken(buf, Token{Server: 1, Epoch: 3}, h.CallID.Of(in)) },
		"verify token": func() { k.VerifyToken(token, h.CallID.Of(in)) },
		"branch":       func() { k.AppendBranch(buf, h.Branch.Of(in), h.SentBy.Of(in), h.CallID.Of(in), h.CSeq, 1, 2) },
		"our branch":   func() { k.OursBranch(branch) },
		"loop hash":    func() { LoopHash(in, &h, k) },
		"own via":      func() { Looped(in, &h, via, 1) },
		"header value": func() { HeaderValue(in, &h, "Content-Type") },
	}
}

func TestNoAllocation(t *testing.T) {
	for name, f := range hot(t) {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkHot(b *testing.B) {
	for name, f := range hot(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
}
